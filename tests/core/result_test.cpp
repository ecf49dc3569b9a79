#include "joulery/result.hpp"

#include <doctest/doctest.h>

#include <memory>

using namespace joulery;

TEST_CASE("result: holds a value or the reason for a failure") {
    result<int> good = 7;
    REQUIRE(good);
    CHECK(*good == 7);
    *good = 8;
    CHECK(*good == 8);
    result<int> bad = failure{"no counter", "sudo modprobe x"};
    CHECK_FALSE(bad);
    CHECK(bad.error().reason == "no counter");
    CHECK(bad.error().remedy == "sudo modprobe x");
}

TEST_CASE("result: holds move-only types") {
    result<std::unique_ptr<int>> r = std::make_unique<int>(5);
    REQUIRE(r);
    CHECK(**r == 5);
    std::unique_ptr<int> taken = *std::move(r);
    CHECK(*taken == 5);
}
