#include "joulery/detail/timing/scope_node.hpp"

#include <doctest/doctest.h>

#include <cstdint>

using joulery::detail::scope_node;

TEST_CASE("scope node: its time is all it was open, including the open call up to now") {
    scope_node n;
    CHECK_FALSE(n.is_open());
    n.open(100);
    CHECK(n.is_open());
    CHECK(n.ticks_at(130) == 30);
    CHECK(n.calls.load() == 0);
    n.close(150);
    CHECK_FALSE(n.is_open());
    CHECK(n.ticks_at(900) == 50);
    CHECK(n.calls.load() == 1);
    n.open(200);
    CHECK(n.ticks_at(210) == 60);
    n.close(220);
    CHECK(n.ticks_at(220) == 70);
    CHECK(n.calls.load() == 2);
}

TEST_CASE("scope node: a reader with an earlier timestamp sees none of an open call") {
    scope_node first;
    first.open(1'000);
    CHECK(first.ticks_at(990) == 0);  // not 2^63 - 10
    scope_node again;
    again.open(100);
    again.close(150);
    again.open(1'000);
    CHECK(again.ticks_at(997) <= 50);
    CHECK(again.ticks_at(900) <= 50);
    CHECK(again.ticks_at(1'005) == 55);
}

TEST_CASE("scope node: ticks beyond 2^62 behave like small ones") {
    const std::uint64_t late = (std::uint64_t{1} << 62) + 12'345;
    scope_node n;
    n.open(late);
    CHECK(n.ticks_at(late + 7) == 7);
    n.close(late + 9);
    CHECK(n.ticks_at(late + 100) == 9);
}
