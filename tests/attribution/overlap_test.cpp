// How much of the time at least one of several threads was busy.
#include "joulery/detail/attribution/overlap.hpp"

#include "joulery/detail/attribution/turns_seen.hpp"

#include "approx.hpp"

#include <doctest/doctest.h>

#include <cstddef>
#include <vector>

using joulery::detail::overlap;

TEST_CASE("overlap: one thread is idle whenever it is not busy") {
    CHECK(overlap().idle_part({}) == 1);
    CHECK(overlap().idle_part({0.3}) == approx(0.7));
    CHECK(overlap().idle_part({0.3, 0}) == approx(0.7));
    CHECK(overlap().idle_part({1.2}) == 0);
}

TEST_CASE("overlap: independent threads are idle together by chance") {
    CHECK(overlap().idle_part({0.5, 0.5}) == approx(0.25));
    CHECK(overlap().idle_part({1, 0.5}) == 0);
}

TEST_CASE("overlap: threads that are busy at the same times are recognized by sampling") {
    overlap together, in_turn;
    for (int i = 0; i < 1000; ++i) {
        together.learn(i % 2 == 0, {0.5, 0.5});
        in_turn.learn(false, {0.5, 0.5});
    }
    CHECK(together.idle_part({0.5, 0.5}) == approx(0.5).epsilon(0.05));
    CHECK(in_turn.idle_part({0.5, 0.5}) < 0.02);
    // At most the busiest thread's idle time, at least what all threads leave.
    CHECK(together.idle_part({0.9, 0.05}) <= 0.1 + 1e-12);
    CHECK(in_turn.idle_part({0.2, 0.2}) >= 0.6 - 1e-12);
}

TEST_CASE("overlap: a thread busy alone gets the whole moment, one of several a part") {
    joulery::detail::list<overlap::turn> turns;
    overlap::turns({1, 0, 0}, turns);
    CHECK(turns[0].mean == approx(1));
    CHECK(turns[0].deviation == 0);
    overlap::turns({1, 1, 1, 1}, turns);
    CHECK(turns[2].mean == approx(0.25));
    CHECK(turns[2].deviation == approx(0));
    overlap::turns({1, 0.5}, turns);  // alone for half the time, one of two for the other half
    CHECK(turns[0].mean == approx(0.75));
    CHECK(turns[1].mean == approx(0.5));
    CHECK(turns[0].deviation > 0);
}

TEST_CASE("overlap: shares of independent threads add up to the time in which any is busy") {
    const std::vector<double> busy{0.2, 0.9, 0.5, 0.01, 0.7, 0.3, 0.6, 0.4};
    joulery::detail::list<overlap::turn> turns;
    overlap::turns(busy, turns);
    double sum = 0;
    for (std::size_t i = 0; i < busy.size(); ++i) sum += busy[i] * turns[i].mean;
    CHECK(sum == approx(1 - overlap().idle_part(busy)));
}

TEST_CASE("overlap: a ratio explained by chance is taken as 1") {
    CHECK(overlap::believed(1.2, 0.05) == 1);
    CHECK(overlap::believed(2, 0.05) == approx(1.95));
    CHECK(overlap::believed(0.5, 0.01) == approx(0.52));
}

TEST_CASE("overlap: a few looks that never find threads idle suffice where little is believed") {
    overlap cautious, open_minded{0.5};
    for (int i = 0; i < 20; ++i) {
        cautious.learn(false, {0.7, 0.7});
        open_minded.learn(false, {0.7, 0.7});
    }
    CHECK(cautious.idle_part({0.7, 0.7}) == approx(0.09));
    CHECK(open_minded.idle_part({0.7, 0.7}) < 0.03);
}

TEST_CASE("overlap: what looks show of shared moments says nothing about stretches cut out") {
    joulery::detail::turns_seen turns;
    for (int i = 0; i < 100; ++i) turns.look(0, 1, 0.5, 0.75, 0.2);
    CHECK(turns(0).ratio == approx(0.5 / 0.75).epsilon(0.05));
    CHECK(turns(0).deviation < 0.2);
    CHECK(turns(1).ratio == 1);
    turns.cut_out(0, 900);
    CHECK(turns(0).ratio > 0.95);
    CHECK(turns(0).deviation > 0.9);
}
