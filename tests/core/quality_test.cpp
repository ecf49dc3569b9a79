#include "joulery/quality.hpp"

#include <doctest/doctest.h>

using namespace joulery;

TEST_CASE("quality: a sum is as good as its worst part") {
    CHECK(worse_of(quality::measured, quality::derived) == quality::derived);
    CHECK(worse_of(quality::estimated, quality::derived) == quality::estimated);
    CHECK(worse_of(quality::partial, quality::estimated) == quality::partial);
    CHECK(worse_of(quality::measured, quality::measured) == quality::measured);
}

TEST_CASE("quality: every value has a name") {
    CHECK(to_text(quality::measured) == "measured");
    CHECK(to_text(quality::derived) == "derived");
    CHECK(to_text(quality::estimated) == "estimated");
    CHECK(to_text(quality::partial) == "partial");
    CHECK(to_text(static_cast<quality>(99)) == "unknown");
}
