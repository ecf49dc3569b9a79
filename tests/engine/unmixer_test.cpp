#include "joulery/detail/attribution/unmixer.hpp"

#include "approx.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <cstdint>
#include <random>
#include <vector>

using joulery::detail::square_matrix;
using joulery::detail::unmixed_powers;
using joulery::detail::unmixer;

namespace {

// `intervals` of 0.1 s in which columns 1.. share the time at random, spread about even parts.
unmixer mixed(const std::vector<double>& watts, double spread, int intervals, double noise,
              std::uint64_t seed) {
    std::mt19937_64 random(seed);
    std::uniform_real_distribution<double> part(1 - spread, 1 + spread);
    std::normal_distribution<double> error(0, noise);
    unmixer u;
    for (int i = 0; i < intervals; ++i) {
        std::vector<unmixer::share> row;
        double sum = 0;
        for (std::size_t k = 0; k < watts.size(); ++k) {
            row.push_back({k + 1, part(random)});
            sum += row.back().seconds;
        }
        double joules = error(random);
        for (std::size_t k = 0; k < watts.size(); ++k) {
            row[k].seconds *= 0.1 / sum;
            joules += row[k].seconds * watts[k];
        }
        u.add(row, joules, noise * noise / 2, noise * noise / 2);
    }
    return u;
}

double bar(const unmixed_powers& p, std::size_t i) { return 2 * std::sqrt(p.covariance(i, i)); }

}  // namespace

TEST_CASE("matrix: the inverse of a positive definite one") {
    square_matrix m(2);
    m(0, 0) = 4;
    m(0, 1) = m(1, 0) = 1;
    m(1, 1) = 3;
    const square_matrix i = m.inverse();
    CHECK(i(0, 0) == approx(3.0 / 11));
    CHECK(i(0, 1) == approx(-1.0 / 11));
    CHECK(i(1, 0) == approx(-1.0 / 11));
    CHECK(i(1, 1) == approx(4.0 / 11));
}

TEST_CASE("unmixer: powers come out of times that vary, with bars that cover the truth") {
    const std::vector<double> truth{150, 50, 220, 90};
    int covered = 0;
    for (std::uint64_t seed = 1; seed <= 20; ++seed) {
        CAPTURE(seed);
        const unmixed_powers p = mixed(truth, 0.5, 200, 0.001, seed).solve(127.5);
        REQUIRE(p.watts.size() == 5);
        for (std::size_t k = 0; k < 4; ++k) {
            CHECK(p.watts[k + 1] == approx(truth[k]).epsilon(0.02));
            covered += std::abs(p.watts[k + 1] - truth[k]) <= bar(p, k + 1) ? 1 : 0;
        }
        CHECK(p.gain > 0.99);
    }
    CHECK(covered >= 72);  // 90 % of 80
}

TEST_CASE("unmixer: scopes that always take the same share stay at the mean, and the bar says so") {
    const unmixed_powers p = mixed({150, 50}, 0, 200, 0.001, 1).solve(100);
    CHECK(p.watts[1] == approx(100).epsilon(0.02));
    CHECK(p.watts[2] == approx(100).epsilon(0.02));
    CHECK(bar(p, 1) > 50);  // covers 150 W
    CHECK(bar(p, 2) > 50);
    CHECK(p.gain < 0.6);
}

TEST_CASE("unmixer: without data the mean is all there is") {
    const unmixed_powers nothing = unmixer().solve(100);
    CHECK(nothing.watts.empty());
    CHECK(nothing.gain == 0);
    unmixer one;
    one.add({{1, 0.05}, {2, 0.05}}, 10, 1, 1);
    const unmixed_powers p = one.solve(100);
    CHECK(p.watts[1] == approx(100));
    CHECK(p.watts[2] == approx(100));
}

TEST_CASE("unmixer: no scope is given less than nothing") {
    unmixer u;  // data that a power of -20 W would fit best
    for (int i = 0; i < 50; ++i) {
        const double a = 0.02 + 0.001 * i;
        u.add({{1, a}, {2, 0.1 - a}}, 120 * a - 20 * (0.1 - a), 1e-8, 1e-8);
    }
    const unmixed_powers p = u.solve(50);
    CHECK(p.watts[2] == 0);
    CHECK(p.watts[1] == approx(99.2).epsilon(0.01));  // the best fit beside 0 W
}

TEST_CASE("unmixer: powers that do not stay the same widen the bar") {
    const auto bar_of = [](double swing) {
        std::mt19937_64 random(3);
        unmixer u;
        for (int i = 0; i < 200; ++i) {
            const double a = 0.02 + 0.06 * std::uniform_real_distribution<double>(0, 1)(random);
            const double watts =
                150 + swing * std::uniform_real_distribution<double>(-1, 1)(random);
            u.add({{1, a}, {2, 0.1 - a}}, watts * a + 50 * (0.1 - a), 1e-8, 1e-8);
        }
        return bar(u.solve(100), 1);
    };
    CHECK(bar_of(0) < 0.1);
    CHECK(bar_of(60) > 1);
}

TEST_CASE("unmixer: what was seen fades by half, what is cleared is gone") {
    unmixer u = mixed({150, 50}, 0.5, 100, 0.001, 1);
    CHECK(u.intervals() == 100);
    u.fade();
    CHECK(u.intervals() == 50);
    CHECK(u.solve(100).watts[1] == approx(150).epsilon(0.02));
    u.clear();
    CHECK(u.intervals() == 0);
    CHECK(u.solve(100).watts.empty());
}

TEST_CASE("unmixer: powers that wander all together don't hide their differences") {
    unmixer u;
    std::mt19937_64 random(3);
    std::uniform_real_distribution<double> share(0.49, 0.51);
    double truth[2] = {0, 0}, seconds[2] = {0, 0};
    for (int i = 0; i < 200; ++i) {
        const double wander = 40.0 * i / 200;  // more than all that the shares tell
        const double a = 0.1 * share(random), b = 0.1 - a;
        const double first = (150 + wander) * a, second = (50 + wander) * b;
        truth[0] += first, truth[1] += second;
        seconds[0] += a, seconds[1] += b;
        u.add({{1, a}, {2, b}}, first + second, 1e-9, 1e-9);
    }
    const auto p = u.solve((truth[0] + truth[1]) / (seconds[0] + seconds[1]));
    CHECK(p.watts[1] == approx(truth[0] / seconds[0]).epsilon(0.02));
    CHECK(p.watts[2] == approx(truth[1] / seconds[1]).epsilon(0.05));
}
