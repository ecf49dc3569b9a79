// What rows tell about a sensor's memory, and about calls whose power depends on their length.
#include "joulery/detail/attribution/window_probe.hpp"

#include "approx.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <cstdint>
#include <random>

using namespace joulery::detail;

namespace {

// Result of the probe for two scopes in turn, of about 5 ms, on a sensor of 1 ms that lags by
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
    facts.lengths.resize(3);
    return window_probe().lag(window, facts, noise_model());
}

// Result of the probe for two scopes in turn of about 0.3 ms, whose power is a power function of
// the call's length, in rows of 1 ms.
double asked_exponent(double exponent, std::uint64_t seed) {
    MESSAGE("seed " << seed);
    std::mt19937_64 random(seed);
    std::uniform_real_distribution<double> factor(0.8, 1.2);
    const double watts[] = {60, 180}, usual = 0.3e-3, step = 1e-6;
    row_window window;
    row_window::column_facts facts;
    facts.power = {0, 0.5, 1.5}, facts.noisiness = {1, 1, 1};
    facts.lengths.resize(3);
    for (std::size_t c = 1; c < 3; ++c)
        facts.lengths[c].usual = usual, facts.lengths[c].variety = 0.0133;
    double left = 0, power = 0, energy = 0, open[2] = {0, 0}, ended[2] = {0, 0};
    int scope = 0, begun_in = -1;
    for (int k = 1; k <= 400'000; ++k) {
        if ((left -= step) <= 0) {
            ended[scope] += k > 1 ? 1 : 0;
            scope = 1 - scope;
            const double longer = factor(random);
            left = longer * usual;
            power = watts[scope] * std::pow(longer, exponent);
        }
        energy += power * step;
        open[scope] += step;
        if (k % 1000 != 0) continue;
        regression_term terms[2];
        for (int i : {0, 1}) {
            const int begin = begun_in == i ? 1 : 0, end = scope == i ? 1 : 0;
            terms[i] = {static_cast<std::uint32_t>(i),
                        open[i],
                        0,
                        {ended[i] + (end - begin) / 2.0, begin + end * 1.0},
                        {}};
            open[i] = ended[i] = 0;
        }
        begun_in = scope;
        window.add({1e-3, energy, 1e-10, 0, terms, 2});
        energy = 0;
    }
    return window_probe().exponent(window, facts, noise_model(), 120);
}

}  // namespace

TEST_CASE("window probe: a memory of any length is detected and never overestimated") {
    for (const double lag : {3e-3, 7e-3, 13e-3, 40e-3}) {
        CAPTURE(lag);
        const double found = asked(lag, 0, 1);
        CHECK(found > 0.7e-3);
        CHECK(found < lag * 1.3);
    }
}

TEST_CASE("window probe: no memory is detected where there is none, however calls vary") {
    for (const double noise : {0.0, 0.05, 0.2}) {
        CAPTURE(noise);
        for (std::uint64_t seed = 3; seed < 8; ++seed) CHECK(asked(0, noise, seed) == 0);
    }
}

TEST_CASE("window probe: the exponent by which power follows a call's length is found") {
    for (const double exponent : {-0.5, 0.5, 1.0}) {
        CAPTURE(exponent);
        CHECK(std::fabs(asked_exponent(exponent, 1) - exponent) < 0.2);
    }
    for (std::uint64_t seed = 3; seed < 8; ++seed) CHECK(asked_exponent(0, seed) == 0);
}
