#include "joulery/detail/attribution/call_lengths.hpp"

#include "approx.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <random>

using namespace joulery::detail;

TEST_CASE("call lengths: the excess of whole calls is their time beyond the usual") {
    call_length c;
    CHECK(c.excess(9, {3, 0}) == 0);  // nothing is known yet
    c.usual = 2;
    CHECK(c.excess(9, {3, 0}) == approx(3));
    CHECK(c.excess(5, {3, 0}) == approx(-1));
}

TEST_CASE("call lengths: a row that sees no call end learns nothing about its length") {
    call_length c;
    c.usual = 2;
    CHECK(std::fabs(c.excess(0.5, {0, 2})) < 0.03);
    CHECK(c.excess(1, {0.5, 1}) == approx(0));  // began halfway, as expected
}

TEST_CASE(
    "call lengths: where row edges cut calls, time and count together give the number of calls") {
    call_length c;
    c.usual = 1;
    // Six by the time, give or take 0.5; five by the count, give or take 0.3.
    const double sure = c.excess(6, {5, 0}), unsure = c.excess(6, {5, 1});
    CHECK(sure == approx(1));
    CHECK(unsure > 0.5);
    CHECK(unsure < 0.9);
    c.variety = 0.0004;  // calls are alike, so the count must be wrong
    CHECK(c.excess(6, {5, 1}) < 0.05);
}

TEST_CASE("call lengths: the usual length and its spread are learned and follow changes") {
    MESSAGE("seed 1");
    std::mt19937_64 random(1);
    std::uniform_real_distribution<double> factor(0.7, 1.3);
    call_lengths all;
    auto learn = [&](int rows, double usual) {
        call_length last;
        for (int i = 0; i < rows; ++i) last = all.learn(3, usual * factor(random), {1, 0});
        return last;
    };
    CHECK(learn(3, 2e-3).usual == 0);  // too few to say
    const call_length known = learn(5000, 2e-3);
    CHECK(known.usual == approx(2e-3).epsilon(0.01));
    CHECK(known.variety == approx(0.03).epsilon(0.07));
    CHECK(learn(400'000, 3e-3).usual == approx(3e-3).epsilon(0.03));
    CHECK(all.learn(2, 1, {1, 0}).usual == 0);  // another path starts anew
}
