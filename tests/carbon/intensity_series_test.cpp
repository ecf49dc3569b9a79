#include "joulery/detail/carbon/intensity_series.hpp"

#include "approx.hpp"
#include "joulery/carbon/carbon_model.hpp"
#include "joulery/detail/carbon/intensity_over_time.hpp"

#include <doctest/doctest.h>

#include <random>
#include <vector>

using namespace joulery;
using namespace joulery::literals;

namespace {
wall_time at(double s) { return wall_time::from_unix_seconds(s); }
}  // namespace

TEST_CASE("series: each moment has the value of its step; a gap uses the fallback and says so") {
    const intensity_series s({{0, 10, 10, 100}, {10, 20, 10, 300}, {30, 40, 10, 200}});
    CHECK(s.at(at(0)).grams_per_kwh() == 100);
    CHECK(s.at(at(9.999)).grams_per_kwh() == 100);
    CHECK(s.at(at(10)).grams_per_kwh() == 300);
    CHECK(s.at(at(25)).grams_per_kwh() == 200);  // the mean
    CHECK(s.overall_mean().grams_per_kwh() == 200);
    CHECK(s.mean(at(5), at(15)).grams_per_kwh() == approx(200));
    CHECK(s.mean(at(8), at(16)).grams_per_kwh() == approx((2 * 100 + 6 * 300) / 8.0));
    CHECK(s.coverage(at(15), at(35)) == approx(0.5));
    CHECK(s.coverage(at(-10), at(0)) == 0);
    CHECK(s.coverage(at(12), at(18)) == 1);
    const intensity_series stated({{0, 10, 10, 100}}, {}, 500_g_per_kWh);
    CHECK(stated.at(at(-1)).grams_per_kwh() == 500);
    CHECK(stated.mean(at(5), at(15)).grams_per_kwh() == approx(300));
}

TEST_CASE("series: a scope at night and one at noon differ") {
    carbon_model m{1_g_per_kWh, 1.5};
    m.series = std::make_shared<intensity_series>(
        std::vector<intensity_step>{{0, 43200, 43200, 50}, {43200, 86400, 43200, 400}});
    CHECK(m.of(2_kWh, at(3600), at(7200)).grams() == approx(150));
    CHECK(m.of(2_kWh, at(50000), at(60000)).grams() == approx(1200));
}

TEST_CASE("series: emissions of the parts of an interval add up to the whole") {
    const unsigned seed = std::random_device{}();
    CAPTURE(seed);
    std::mt19937_64 random(seed);
    const auto uniform = [&](double a, double b) {
        return std::uniform_real_distribution<>(a, b)(random);
    };
    for (int round = 0; round < 60; ++round) {
        std::vector<intensity_step> steps;
        double t = 1.7e9;
        for (int i = 0; i < 200; ++i) {
            if (uniform(0, 1) < 0.1) t += uniform(1, 5000);
            const double length = uniform(60, 3600);
            const double covered = uniform(0, 1) < 0.2 ? length * uniform(0.1, 1) : length;
            steps.push_back({t, t + length, covered, uniform(1, 1200)});
            t += length;
        }
        carbon_model m{1_g_per_kWh, uniform(1, 2)};
        m.series = std::make_shared<intensity_series>(steps);
        const double begin = 1.7e9 - 4000, length = t + 4000 - begin, watts = uniform(50, 5000);
        const auto grams = [&](double a, double b) {
            return m.of(energy::from_joules(watts * (b - a)), at(a), at(b)).grams();
        };
        double sum = 0, from = begin;
        for (int i = 0; i < 500; ++i) {
            const double to = i == 499 ? begin + length : from + uniform(0, length / 250);
            if (to > begin + length) break;
            sum += grams(from, to);
            from = to;
        }
        sum += from < begin + length ? grams(from, begin + length) : 0;
        REQUIRE(sum == approx(grams(begin, begin + length)).epsilon(1e-9));
    }
}

TEST_CASE("callable: the program's own function is called, invalid results use the fallback") {
    const auto s = intensity_from(
        [](wall_time t) {
            return carbon_intensity::from_grams_per_kwh(t.unix_seconds() < 0 ? -1 : 70);
        },
        300_g_per_kWh);
    CHECK(s->at(at(5)).grams_per_kwh() == 70);
    CHECK(s->at(at(-5)).grams_per_kwh() == 300);
    CHECK(s->mean(at(4), at(6)).grams_per_kwh() == 70);
    CHECK(s->coverage(at(-6), at(-4)) == 0);
    CHECK(s->coverage(at(4), at(6)) == 1);
    const auto throwing =
        intensity_from([](wall_time) -> carbon_intensity { throw 1; }, 9_g_per_kWh);
    CHECK(throwing->at(at(0)).grams_per_kwh() == 9);
    CHECK(intensity_from({}, 8_g_per_kWh)->at(at(0)).grams_per_kwh() == 8);
}
