#include "joulery/detail/report/intervals.hpp"

#include "approx.hpp"
#include "joulery/detail/carbon/intensity_series.hpp"

#include <doctest/doctest.h>

#include <memory>
#include <random>
#include <string>
#include <utility>
#include <vector>

using namespace joulery;
using namespace joulery::literals;

namespace {

wall_time at(double s) { return wall_time::from_unix_seconds(s); }

report run(std::vector<std::pair<std::string, energy>> scopes, energy unscoped) {
    report r;
    r.total = r.unscoped = unscoped;
    for (auto& [path, e] : scopes) {
        scope_row row;
        row.path = row.name = path;
        row.total = row.self = e;
        r.scopes.push_back(row);
        r.total += e;
    }
    return r;
}

}  // namespace

TEST_CASE("emissions over time: scopes at night and at noon differ") {
    const auto series = std::make_shared<intensity_series>(
        std::vector<intensity_step>{{1000, 2000, 1000, 50}, {2000, 3000, 1000, 400}});
    emissions_timeline timeline(at(1000));
    const auto fill = [&](report r, double now) {
        r.context.carbon.pue = 1.5;
        r.context.carbon.series = series;
        timeline.fill(r, at(now));
        return r;
    };
    fill(run({{"night", 2_kWh}}, 0_J), 2000);
    const report r = fill(run({{"night", 2_kWh}, {"noon", 2_kWh}}, 1_kWh), 3000);
    CHECK(r.scopes[0].co2e.grams() == approx(150));
    CHECK(r.scopes[1].co2e.grams() == approx(1200));
    CHECK(r.co2e.grams() == approx(150 + 1200 + 600));
    CHECK(fill(run({{"night", 2_kWh}, {"noon", 2_kWh}}, 1_kWh), 3000).co2e.grams() ==
          approx(1950));  // a second call adds nothing
}

TEST_CASE("emissions over time: scopes and the rest add up to the run's, for any script") {
    const unsigned seed = std::random_device{}();
    CAPTURE(seed);
    std::mt19937 random(seed);
    const auto uniform = [&](double a, double b) {
        return std::uniform_real_distribution<>(a, b)(random);
    };
    for (int round = 0; round < 50; ++round) {
        std::vector<intensity_step> steps;
        for (double t = 1e9; t < 1e9 + 1e5; t += 900)
            steps.push_back({t, t + 900, 900, uniform(5, 900)});
        const auto series = std::make_shared<intensity_series>(steps);
        emissions_timeline timeline(at(1e9)), rest(at(1e9));
        std::vector<std::pair<std::string, energy>> scopes;
        energy unscoped;
        double now = 1e9;
        for (int i = 0; i < 40; ++i) {
            now += uniform(0, 2000);
            if (random() % 4 == 0) scopes.emplace_back("s" + std::to_string(i), 0_J);
            for (auto& [path, e] : scopes) e += energy::from_joules(uniform(0, 1e4));
            unscoped += energy::from_joules(uniform(0, 1e4));
            if (scopes.size() > 1) {  // a correction moves energy from one scope to another
                scopes[0].second -= 50_J;
                scopes[1].second += 50_J;
            }
            report r = run(scopes, unscoped), u = run({}, unscoped);
            r.context.carbon.series = u.context.carbon.series = series;
            timeline.fill(r, at(now));
            rest.fill(u, at(now));
            emissions sum = u.co2e;
            for (const scope_row& row : r.scopes) sum += row.co2e;
            REQUIRE(sum.grams() == approx(r.co2e.grams()).epsilon(1e-12));
        }
    }
}
