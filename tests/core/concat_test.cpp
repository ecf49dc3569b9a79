#include "joulery/detail/core/concat.hpp"

#include <doctest/doctest.h>

#include <cstdint>
#include <limits>
#include <string>
#include <string_view>

using namespace joulery;

TEST_CASE("concat: joins texts, characters and integers in order") {
    const std::string folder = "/sys/class/hwmon/hwmon";
    const std::string_view part = std::string_view("power1_input").substr(0, 6);
    CHECK(concat({folder, 12, '/', part, "_label"}) == "/sys/class/hwmon/hwmon12/power1_label");
    CHECK(concat({}).empty());
    CHECK(concat({""}).empty());
    CHECK(concat({std::string_view("a\0b", 3), '\0'}) == std::string("a\0b\0", 4));
    CHECK(concat({std::string("made "), std::string("and gone")}) == "made and gone");
    CHECK(concat({concat({"in ", 1}), concat({"side"})}) == "in 1side");
}

TEST_CASE("concat: prints numbers as std::to_string() does") {
    const auto same = [](auto n) { return concat({n}) == std::to_string(n); };
    CHECK(same(0));
    CHECK(same(-1));
    CHECK(same(9));
    CHECK(same(10));
    CHECK(same(std::int8_t{-128}));
    CHECK(same(std::uint16_t{65535}));
    CHECK(same(std::numeric_limits<std::int32_t>::min()));
    CHECK(same(std::numeric_limits<std::uint32_t>::max()));
    CHECK(same(std::numeric_limits<std::int64_t>::min()));
    CHECK(same(std::numeric_limits<std::int64_t>::max()));
    CHECK(same(std::numeric_limits<std::uint64_t>::max()));
}

TEST_CASE("concat: append() keeps the existing text") {
    std::string out = "a";
    append(out, {"b", 2, 'c'});
    append(out, {});
    CHECK(out == "ab2c");
}
