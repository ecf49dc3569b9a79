// How often a check against a baseline is wrong, by simulation; bench/README.md shows the table.
#include "joulery/assertions/regression.hpp"

#include "sanitized.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <cstdio>
#include <fstream>
#include <random>
#include <sstream>
#include <string>
#include <vector>

using namespace joulery::testing;

namespace {

constexpr unsigned seed = 16;
constexpr int some = is_sanitized ? 1000 : 2000, many = is_sanitized ? 2000 : 10'000;
constexpr int batches = 10;
constexpr double noise = 0.01;  // of a batch, within a run
// Few simulations scatter more.
constexpr double slack = is_sanitized ? 2 : 0;

// How levels vary from run to run, with the same standard deviation.
enum class tails { normal, heavy };

// Each run has its own level, with batches around it.
run_mean run_at(double level, double spread, std::mt19937& random, tails kind = tails::normal) {
    std::normal_distribution<double> normal;
    std::student_t_distribution<double> heavy(4);  // its standard deviation is the square root of 2
    level *= 1 + spread * (kind == tails::heavy ? heavy(random) / std::sqrt(2) : normal(random));
    // The mean and the variance of that many batches, without drawing each.
    std::chi_squared_distribution<double> squares(batches - 1);
    const double deviation = level * noise;
    const double mean = level + deviation / std::sqrt(batches) * normal(random);
    return {mean, deviation * std::sqrt(squares(random) / (batches - 1) / batches)};
}

struct outcomes {
    double failed = 0, held = 0;  // percent
};

outcomes simulate(int runs, double change, double spread, int pairs = some,
                  const tolerance& limit = {}, tails kind = tails::normal) {
    std::mt19937 random(seed);
    outcomes all;
    for (int i = 0; i < pairs; ++i) {
        std::vector<run_mean> baseline;
        for (int r = 0; r < runs; ++r) baseline.push_back(run_at(1e-3, spread, random, kind));
        const change_estimate e(run_at(1e-3 * (1 + change), spread, random, kind), baseline);
        const bool failed = e.is_above(limit);
        all.failed += failed ? 100.0 / pairs : 0;
        all.held += !failed && e.is_below(limit) ? 100.0 / pairs : 0;
    }
    return all;
}

constexpr double spreads[] = {0, 0.01, 0.02, 0.03, 0.05};

// "| 5 | +20 % | 100 / 0 | ...": failed / held in percent, one column per spread.
std::string row_name(int runs, double change) {
    char text[40];
    std::snprintf(text, sizeof text, "| %d | +%.0f %% |", runs, change * 100);
    return text;
}

}  // namespace

TEST_CASE("false alarms: without a change at most 1 % of checks fail, for any runs and spread") {
    CAPTURE(seed);
    for (const int runs : {1, 2, 3, 5, 7, 10})
        for (const double spread : spreads) {
            CAPTURE(runs);
            CAPTURE(spread);
            const int pairs = runs < 10 && spread < 0.05 ? some : many;
            CHECK(simulate(runs, 0, spread, pairs).failed <= 1 + slack);
        }
}

TEST_CASE("false alarms: an increase within its tolerance fails in at most 1 % of checks") {
    CAPTURE(seed);
    for (const double spread : {0.01, 0.05})
        CHECK(simulate(5, 0.1, spread, many, {0.1, 0.1, 0.1}).failed <= 1 + slack);
}

TEST_CASE("regressions: +20 % is detected in 95 % of checks up to a spread of 3 % with five runs") {
    CAPTURE(seed);
    for (const int runs : {5, 10})
        for (const double spread : {0.0, 0.01, 0.02, 0.03})
            CHECK(simulate(runs, 0.2, spread, spread < 0.03 ? some : many).failed >= 95 - slack);
}

TEST_CASE("regressions: +5 % is detected in 90 % of checks up to a spread of 1 % with ten runs") {
    CAPTURE(seed);
    CHECK(simulate(10, 0.05, 0).failed >= 99 - slack);
    CHECK(simulate(10, 0.05, 0.01, 4 * many).failed >= 90 - slack);
    // The undetected ones are inconclusive, not passed.
    CHECK(simulate(10, 0.05, 0.01).held <= 5 + slack);
}

TEST_CASE("regressions: 5 % or more passes in at most 6 % of checks") {
    CAPTURE(seed);
    for (const int runs : {1, 2, 3, 5, 7, 10})
        for (const double spread : {0.0, 0.01, 0.02, 0.03}) {
            CAPTURE(runs);
            CAPTURE(spread);
            CHECK(simulate(runs, 0.05, spread).held <= 6 + slack);
        }
}

TEST_CASE("false alarms: with heavier-tailed levels at most 2 % of checks fail") {
    CAPTURE(seed);
    for (const int runs : {1, 3, 5, 10})
        for (const double spread : {0.01, 0.03, 0.05}) {
            CAPTURE(runs);
            CAPTURE(spread);
            const outcomes o = simulate(runs, 0, spread, some, {}, tails::heavy);
            CHECK(o.failed <= 2.5 + slack);
        }
}

TEST_CASE("inconclusive: the announced number of runs decides it if runs differ by up to 1 %") {
    CAPTURE(seed);
    std::mt19937 random(seed);
    for (const double spread : {0.005, 0.01})
        for (const double change : {0.0, 0.05, 0.1}) {
            CAPTURE(spread);
            CAPTURE(change);
            int known = 0, decided = 0;
            for (int i = 0; i < some / 4; ++i) {
                std::vector<run_mean> baseline = {run_at(1, spread, random),
                                                  run_at(1, spread, random),
                                                  run_at(1, spread, random)};
                const change_estimate first(run_at(1 + change, spread, random), baseline);
                const std::size_t needed = first.runs_to_decide(3, {});
                if (first.is_decided({}) || needed == 0) continue;
                while (baseline.size() < needed) baseline.push_back(run_at(1, spread, random));
                ++known;
                decided +=
                    change_estimate(run_at(1 + change, spread, random), baseline).is_decided({})
                        ? 1
                        : 0;
            }
            CHECK(known > 0);
            CHECK(decided >= (spread < 0.01 ? 0.85 : 0.6) * known);
        }
}

TEST_CASE("false alarms: the simulation reproduces the table of bench/README.md") {
    CAPTURE(seed);
    std::ostringstream file;
    file << std::ifstream(JOULERY_SOURCE_DIR "/bench/README.md").rdbuf();
    const std::string readme = file.str();
    for (const int runs : {1, 5, 10})
        for (const double change : {0.0, 0.05, 0.2}) {
            const std::string name = row_name(runs, change);
            CAPTURE(name);
            const std::size_t at = readme.find(name);
            REQUIRE(at != std::string::npos);
            std::istringstream row(readme.substr(at + name.size()));
            for (const double spread : spreads) {
                CAPTURE(spread);
                const outcomes o = simulate(runs, change, spread);
                double failed = -100, held = -100;
                char slash = 0, bar = 0;
                row >> failed >> slash >> held >> bar;
                CHECK(std::fabs(failed - o.failed) <= 3 + slack);
                CHECK(std::fabs(held - o.held) <= 3 + slack);
                MESSAGE(name, " ", spread, ": ", o.failed, " / ", o.held);
            }
        }
}
