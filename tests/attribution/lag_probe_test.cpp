// How long a sensor's memory is, told from what it shows.
#include "joulery/detail/attribution/lag_probe.hpp"

#include "approx.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <cstdint>
#include <random>

using namespace joulery::detail;

namespace {

// What the probe says of two scopes in turn, of about 5 ms, on a sensor of 1 ms that follows with
// `lag`; rows of 0.1 s with bursts of rows between updates.
double asked(double lag, double call_noise, std::uint64_t seed) {
    MESSAGE("seed " << seed);
    std::mt19937_64 random(seed);
    std::uniform_real_distribution<double> even(4e-3, 6e-3);
    std::normal_distribution<double> normal;
    const double watts[] = {60, 180}, step = 1e-4;
    double shown = 120, energy = 0, left = 0, power = 0, open[2] = {0, 0}, length = 0;
    int scope = 0;
    row_window window;
    int burst = 0;
    for (int k = 1; k <= 100'000; ++k) {
        if ((left -= step) <= 0) {
            scope = 1 - scope;
            left = even(random);
            power = watts[scope] * std::exp(call_noise * normal(random));
        }
        if (lag > 0) {
            shown += (power - shown) * -std::expm1(-step / lag);
        } else {
            shown = power;
        }
        energy += shown * step;
        open[scope] += step;
        length += step;
        if (k % 10 != 0 || (burst == 0 && length < 0.0805)) continue;
        burst = burst == 0 ? 5 : burst - 1;
        const regression_term terms[] = {{0, open[0]}, {1, open[1]}};
        window.add({length, energy, 1e-10, 0, terms, 2});
        energy = length = open[0] = open[1] = 0;
    }
    row_window::column_facts facts;
    facts.power = facts.noisiness = {1, 1, 1};
    return lag_probe().ask(window, facts);
}

}  // namespace

TEST_CASE("lag probe: a memory is seen, whatever its length, and never taken for a longer one") {
    for (const double lag : {3e-3, 7e-3, 13e-3, 40e-3}) {
        CAPTURE(lag);
        const double found = asked(lag, 0, 1);
        CHECK(found > 0.7e-3);
        CHECK(found < lag * 1.3);
    }
}

TEST_CASE("lag probe: no memory is seen where there is none, whatever calls differ by") {
    for (const double noise : {0.0, 0.05, 0.2}) {
        CAPTURE(noise);
        for (std::uint64_t seed = 3; seed < 8; ++seed) CHECK(asked(0, noise, seed) == 0);
    }
}
