#include "joulery/detail/core/system_root.hpp"

#include "joulery/testing/fake_system.hpp"

#include <doctest/doctest.h>

using namespace joulery;

TEST_CASE("parse unsigned: accepts an integer with surrounding blanks, and nothing else") {
    std::uint64_t v = 42;
    CHECK((parse_unsigned("0", v) && v == 0));
    CHECK((parse_unsigned(" 262143328850\n", v) && v == 262'143'328'850));
    CHECK((parse_unsigned("18446744073709551615", v) && v == ~std::uint64_t{0}));
    v = 42;
    for (const char* bad : {"", " ", "\n", "-1", "+1", "1.5", "0x10", "12x", "1 2", "abc",
                            "18446744073709551616", "99999999999999999999999"}) {
        CAPTURE(bad);
        CHECK_FALSE(parse_unsigned(bad, v));
        CHECK(v == 42);  // unchanged
    }
}

TEST_CASE("parse signed: accepts either sign") {
    std::int64_t v = 0;
    CHECK((parse_signed("-17\n", v) && v == -17));
    CHECK((parse_signed(" 17", v) && v == 17));
    CHECK((parse_signed("-0", v) && v == 0));
    CHECK((parse_signed("\t -18", v) && v == -18));
    for (const char* bad : {"", "-", "--1", "- ", "- 17", "9223372036854775808", "1-"})
        CHECK_FALSE(parse_signed(bad, v));
}

TEST_CASE("system file: every read starts at the beginning again") {
    testing::fake_system m;
    m.file("/a/b", "17\n");
    system_file f = m.root().open("/a/b");
    std::uint64_t v = 0;
    CHECK((f.read_unsigned(v) && v == 17));
    m.file("/a/b", "180\n");
    CHECK((f.read_unsigned(v) && v == 180));
    m.file("/a/b", "");
    CHECK_FALSE(f.read_unsigned(v));
    CHECK(f.error() == EINVAL);
}

TEST_CASE("system file: a failed open states the reason, and a moved file stays open") {
    testing::fake_system m;
    CHECK(m.root().open("/none").error() == ENOENT);
    CHECK_FALSE(m.root().open("/none").is_open());
    m.file("/x", "5");
    system_file a = m.root().open("/x");
    system_file b = std::move(a);
    std::uint64_t v = 0;
    CHECK((b.read_unsigned(v) && v == 5));
    system_file folder = m.root().open("/");
    CHECK_FALSE(folder.read_unsigned(v));
    CHECK(folder.error() == EISDIR);
}

TEST_CASE("system root: text is bounded, a line has no newline, folders are sorted") {
    testing::fake_system m;
    m.file("/proc/x", "first\r\nsecond\n").file("/proc/empty", "").file("/d/b", "").folder("/d/a");
    const system_root r = m.root();
    CHECK(r.text("/proc/x") == "first\r\nsecond\n");
    CHECK(r.text("/proc/x", 3) == "fir");
    CHECK(r.line("/proc/x") == "first");
    CHECK(r.line("/proc/empty").empty());
    CHECK(r.line("/proc/none").empty());
    CHECK(r.list("/d") == std::vector<std::string>{"a", "b"});
    int error = 0;
    CHECK(r.list("/none", &error).empty());
    CHECK(error == ENOENT);
    CHECK(r.exists("/d/a"));
    CHECK_FALSE(r.exists("/d/c"));
    CHECK_FALSE(r.is_real());
    CHECK(system_root{}.path("/proc/stat") == "/proc/stat");
}

TEST_CASE("system root: a file longer than one block is read completely") {
    testing::fake_system m;
    const std::string big(10'000, 'x');
    m.file("/big", big);
    CHECK(m.root().text("/big") == big);
}

TEST_CASE("error text: errors are words, not numbers") {
    CHECK(error_text(ENOENT) == "No such file or directory");
    CHECK_FALSE(error_text(123456).empty());
}
