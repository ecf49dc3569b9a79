// Histograms: percentiles within 1.6 %, sums and differences exact. A failure prints the seed.
#include "joulery/histogram.hpp"

#include "approx.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <limits>
#include <random>
#include <vector>

using joulery::histogram;

namespace {

histogram of(const std::vector<double>& values) {
    histogram h;
    for (const double v : values) h.add(v);
    return h;
}

std::vector<double> random_values(std::mt19937_64& random, std::size_t n) {
    std::lognormal_distribution<double> spread(std::log(1e-4), 3);
    std::vector<double> values(n);
    for (double& v : values) v = std::max(spread(random), 1e-7);
    return values;
}

}  // namespace

TEST_CASE("histogram: every percentile is within 1.6 % of the value at that rank") {
    for (std::uint64_t seed = 1; seed <= 30; ++seed) {
        CAPTURE(seed);
        std::mt19937_64 random(seed);
        std::vector<double> values = random_values(random, 1 + random() % 3000);
        const histogram h = of(values);
        std::sort(values.begin(), values.end());
        for (const double p : {0.0, 1.0, 25.0, 50.0, 90.0, 99.0, 99.9, 100.0}) {
            CAPTURE(p);
            const auto rank = static_cast<std::size_t>(
                std::max(std::ceil(static_cast<double>(values.size()) * p / 100), 1.0));
            CHECK(h.percentile(p) == approx(values[rank - 1]).epsilon(0.016));
        }
        CHECK(h.count() == values.size());
        CHECK(h.largest() == approx(values.back()).epsilon(0.016));
        CHECK(h.counts.size() <= 1888);
    }
}

TEST_CASE("histogram: merging parts gives the whole, and subtracting one part gives the other") {
    for (std::uint64_t seed = 1; seed <= 30; ++seed) {
        CAPTURE(seed);
        std::mt19937_64 random(seed);
        const std::vector<double> a = random_values(random, random() % 200);
        const std::vector<double> b = random_values(random, random() % 200);
        std::vector<double> both = a;
        both.insert(both.end(), b.begin(), b.end());
        histogram sum = of(a);
        sum.merge(of(b));
        for (const double p : {1.0, 50.0, 99.0}) CHECK(sum.percentile(p) == of(both).percentile(p));
        CHECK(sum.count() == both.size());
        sum.subtract(of(a));
        CHECK(sum.count() == b.size());
        for (const double p : {1.0, 50.0, 99.0}) CHECK(sum.percentile(p) == of(b).percentile(p));
    }
}

TEST_CASE("histogram: small values are exact, and each bin begins where the previous one ends") {
    for (int steps = 0; steps < 64; ++steps)
        CHECK(of({steps * 1e-9}).percentile(50) == approx(steps * 1e-9).epsilon(1e-12));
    for (double v = 64e-9; v < 9e9; v *= 1.003) {
        const double shown = of({v}).percentile(50);
        CHECK(std::fabs(shown - v) <= 0.016 * v);
    }
}

TEST_CASE("histogram: invalid values are skipped, and huge ones count as the largest") {
    histogram h = of({-1, std::numeric_limits<double>::quiet_NaN()});
    CHECK(h.count() == 0);
    CHECK(h.percentile(50) == 0);
    CHECK(h.largest() == 0);
    h.add(std::numeric_limits<double>::infinity());
    h.add(1e300);
    CHECK(h.count() == 2);
    CHECK(h.percentile(50) > 9e9);
    h.add(0);
    CHECK(h.percentile(1) == 0);
}

TEST_CASE("histogram: corrupt input can't make it grow") {
    histogram hostile;
    hostile.first = 4'000'000'000u;
    hostile.counts = {1, ~std::uint64_t{0}, 3};
    histogram h = of({1e-9, 1.0});
    h.merge(hostile);
    CHECK(h.counts.size() <= 1888);
    h.subtract(hostile);
    CHECK(h.percentile(99) < 1e11);
    CHECK(hostile.percentile(50) < 1e11);
}
