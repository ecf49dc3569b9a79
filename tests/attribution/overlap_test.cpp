// How much of a time at least one of several threads was busy.
#include "joulery/detail/attribution/overlap.hpp"

#include "approx.hpp"

#include <doctest/doctest.h>

using joulery::detail::overlap;

TEST_CASE("overlap: one thread's idle part is what it was not busy") {
    CHECK(overlap().idle_part({}) == 1);
    CHECK(overlap().idle_part({0.3}) == approx(0.7));
    CHECK(overlap().idle_part({0.3, 0}) == approx(0.7));
    CHECK(overlap().idle_part({1.2}) == 0);
}

TEST_CASE("overlap: threads that have nothing to do with one another are idle together by chance") {
    CHECK(overlap().idle_part({0.5, 0.5}) == approx(0.25));
    CHECK(overlap().idle_part({1, 0.5}) == 0);
}

TEST_CASE("overlap: threads that are busy at the same times are known by what looks have seen") {
    overlap together, in_turn;
    for (int i = 0; i < 1000; ++i) {
        together.learn(i % 2 == 0, {0.5, 0.5});
        in_turn.learn(false, {0.5, 0.5});
    }
    CHECK(together.idle_part({0.5, 0.5}) == approx(0.5).epsilon(0.05));
    CHECK(in_turn.idle_part({0.5, 0.5}) < 0.02);
    // Never more than what the busiest leaves, nor less than what all leave.
    CHECK(together.idle_part({0.9, 0.05}) <= 0.1 + 1e-12);
    CHECK(in_turn.idle_part({0.2, 0.2}) >= 0.6 - 1e-12);
}
