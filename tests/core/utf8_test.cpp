#include "joulery/detail/core/utf8.hpp"

#include <doctest/doctest.h>

using namespace joulery;

TEST_CASE("utf-8: width is counted in terminal columns, not bytes") {
    CHECK(display_width("train") == 5);
    CHECK(display_width("\xC3\xBC"
                        "ben") == 4);  // u with umlaut
    CHECK(display_width("u\xCC\x88"
                        "ben") == 4);                       // u and a combining diaeresis
    CHECK(display_width("\xE8\xA8\x93\xE7\xB7\xB4") == 4);  // two Chinese characters
    CHECK(display_width("\xF0\x9F\x94\xA5") == 2);          // fire emoji
    CHECK(display_width("") == 0);
}

TEST_CASE("utf-8: invalid bytes become replacement characters") {
    CHECK(valid_utf8("a\xFFz") == "a\xEF\xBF\xBDz");
    CHECK(valid_utf8("\xC0\xAF") == "\xEF\xBF\xBD\xEF\xBF\xBD");                  // overlong
    CHECK(valid_utf8("\xE0\x80\xAF").size() == 9);                                // also overlong
    CHECK(valid_utf8("\xED\xA0\x80") == "\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD");  // surrogate
    CHECK(valid_utf8("\xE8\xA8") == "\xEF\xBF\xBD\xEF\xBF\xBD");                  // truncated
    CHECK(valid_utf8("\xF4\x90\x80\x80").size() == 12);                           // > U+10FFFF
    CHECK(valid_utf8("\xE8\xA8\x93") == "\xE8\xA8\x93");
}

TEST_CASE("utf-8: escape sequences and direction marks never reach a terminal") {
    CHECK(escape_control("\x1b[31mred") == "\\x1b[31mred");
    CHECK(escape_control("a\nb\tc\x7f") == "a\\x0ab\\x09c\\x7f");
    CHECK(escape_control("\xC2\x9B"
                         "31m") == "\\x9b31m");  // one-byte CSI of Latin-1 terminals
    CHECK(escape_control("\xE2\x80\xAE"
                         "evil") == "\\u202eevil");  // right-to-left override
    CHECK(escape_control(std::string_view("a\0b", 3)) == "a\\x00b");
}

TEST_CASE("utf-8: a long text is cut between characters and ends with an ellipsis") {
    CHECK(shortened("forward", 7) == "forward");
    CHECK(shortened("forward", 6) == "forwa\xE2\x80\xA6");
    CHECK(shortened("\xE8\xA8\x93\xE7\xB7\xB4", 3) == "\xE8\xA8\x93\xE2\x80\xA6");
    CHECK(shortened("\xE8\xA8\x93\xE7\xB7\xB4", 2) == "\xE2\x80\xA6");
    CHECK(shortened("abc", 0) == "");
}
