#include "joulery/detail/attribution/lead_in.hpp"

#include "approx.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <random>

using joulery::detail::lead_in;

namespace {

// Calls of 20 ms at 100 W after something at `before` W; values up to 1 ms old. Ticks of 1 us.
lead_in calls(int n, double before, double scatter) {
    std::mt19937_64 random(1);
    std::uniform_real_distribution<double> age(0, 1000), unit(-1, 1);
    lead_in l;
    for (int i = 0; i < n; ++i) {
        const double old = age(random), length = 20'000 * (1 + 0.2 * unit(random));
        l.add(length, old, 1e-6 * (100 * length + before * old) + scatter * unit(random));
    }
    return l;
}

}  // namespace

TEST_CASE("lead_in: what ran before shows in how a scope's joules go with the age of the value") {
    for (const double before : {20.0, 100.0, 290.0}) {
        const lead_in::power p = calls(100, before, 1e-3).given(150e-6, 90e-6);
        CHECK(p.mean * 1e6 == approx(before).epsilon(0.02));
        CHECK(std::fabs(p.mean * 1e6 - before) < 3 * std::sqrt(p.variance) * 1e6);
    }
}

TEST_CASE("lead_in: from few or scattered calls the guess remains, with its doubt") {
    CHECK(calls(3, 20, 0).given(150e-6, 90e-6).mean == 150e-6);
    const lead_in::power p = calls(20, 20, 10).given(150e-6, 90e-6);  // scatter: five times all
    CHECK(p.mean == approx(150e-6).epsilon(0.05));
    CHECK(std::sqrt(p.variance) == approx(90e-6).epsilon(0.05));
}

TEST_CASE("lead_in: a program that changes is followed") {
    lead_in l = calls(200, 20, 1e-3);
    std::mt19937_64 random(2);
    std::uniform_real_distribution<double> age(0, 1000);
    for (int i = 0; i < 600; ++i) {
        const double old = age(random);
        l.add(20'000, old, 1e-6 * (100 * 20'000 + 250 * old));
    }
    CHECK(l.given(150e-6, 90e-6).mean * 1e6 == approx(250).epsilon(0.02));
}
