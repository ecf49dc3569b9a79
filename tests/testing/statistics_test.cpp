#include "joulery/assertions/statistics.hpp"

#include "approx.hpp"
#include "joulery/assertions/statistics.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <random>
#include <vector>

using namespace joulery::testing;

namespace {

constexpr double pi = 3.14159265358979323846;

/// The tail by Simpson's rule on the density, after x = sqrt(df) tan(angle): an independent way.
double tail_by_integration(double t, double df) {
    const double from = std::atan(t / std::sqrt(df)), to = pi / 2;
    const double front = std::exp(std::lgamma((df + 1) / 2) - std::lgamma(df / 2)) / std::sqrt(pi);
    const auto density = [&](double angle) {
        const double c = std::cos(angle);
        return c <= 0 ? 0 : front * std::pow(c, df - 1);
    };
    constexpr int steps = 20000;
    const double h = (to - from) / steps;
    double sum = density(from) + density(to);
    for (int i = 1; i < steps; ++i) sum += density(from + i * h) * (i % 2 == 1 ? 4 : 2);
    return sum * h / 3;
}

}  // namespace

TEST_CASE("student t: quantiles agree with printed tables") {
    struct row {
        double df, p90, p95, p975, p99, p995;
    };
    // NIST/SEMATECH e-Handbook of Statistical Methods, table 1.3.6.7.2.
    const row table[] = {
        {1, 3.078, 6.314, 12.706, 31.821, 63.657}, {2, 1.886, 2.920, 4.303, 6.965, 9.925},
        {3, 1.638, 2.353, 3.182, 4.541, 5.841},    {5, 1.476, 2.015, 2.571, 3.365, 4.032},
        {10, 1.372, 1.812, 2.228, 2.764, 3.169},   {30, 1.310, 1.697, 2.042, 2.457, 2.750},
        {100, 1.290, 1.660, 1.984, 2.364, 2.626}};
    for (const row& r : table) {
        CAPTURE(r.df);
        CHECK(std::fabs(student_t_quantile(0.90, r.df) - r.p90) < 6e-4);
        CHECK(std::fabs(student_t_quantile(0.95, r.df) - r.p95) < 6e-4);
        CHECK(std::fabs(student_t_quantile(0.975, r.df) - r.p975) < 6e-4);
        CHECK(std::fabs(student_t_quantile(0.99, r.df) - r.p99) < 6e-4);
        CHECK(std::fabs(student_t_quantile(0.995, r.df) - r.p995) < 6e-4);
    }
}

TEST_CASE("student t: one and two degrees of freedom follow their closed forms") {
    for (const double p : {0.001, 0.1, 0.4, 0.6, 0.975, 0.9999}) {
        CHECK(student_t_quantile(p, 1) == approx(std::tan(pi * (p - 0.5))).epsilon(1e-9));
        CHECK(student_t_quantile(p, 2) ==
              approx((2 * p - 1) / std::sqrt(2 * p * (1 - p))).epsilon(1e-9));
    }
    CHECK(student_t_tail(1, 1) == approx(0.25));
    CHECK(student_t_quantile(0.5, 7) == 0);
}

TEST_CASE("student t: many degrees of freedom give the normal distribution") {
    CHECK(student_t_quantile(0.975, 1e7) == approx(1.959964).epsilon(1e-5));
    CHECK(student_t_tail(3, 1e7) == approx(0.5 * std::erfc(3 / std::sqrt(2.0))).epsilon(1e-5));
}

TEST_CASE("student t: degrees of freedom may be fractional") {
    for (const double df : {1.5, 5.882353, 23.7})
        for (const double t : {0.3, 1.897, 4.0})
            CHECK(student_t_tail(t, df) == approx(tail_by_integration(t, df)).epsilon(1e-5));
}

TEST_CASE("student t: an invalid probability has no quantile") {
    CHECK(std::isnan(student_t_quantile(0, 5)));
    CHECK(std::isnan(student_t_quantile(1, 5)));
    CHECK(std::isnan(student_t_quantile(0.9, 0)));
    CHECK(std::isnan(student_t_tail(NAN, 5)));
    CHECK(student_t_tail(INFINITY, 5) == 0);
}

TEST_CASE("statistics: mean, variance and order statistics of a small sample") {
    const std::vector<double> x = {4, 1, 3, 2, 10};
    CHECK(mean(x) == 4);
    CHECK(variance(x) == 12.5);
    CHECK(median(x) == 3);
    CHECK(quantile(x, 0.25) == 2);
    CHECK(quantile(x, 0.9) == approx(7.6));
    CHECK(quantile({1, 2}, 0.5) == 1.5);
    CHECK(robust_deviation(x) == approx(1.4826022));
    CHECK(mean({}) == 0);
    CHECK(variance({7}) == 0);
}

TEST_CASE("statistics: the interval of a mean is t standard errors wide") {
    const confidence_interval i =
        mean_interval({9.8, 10.0, 10.2});  // s = 0.2, s/sqrt(3) = 0.11547, t = 4.3027
    CHECK(i.middle == approx(10));
    CHECK(i.low == approx(9.50317).epsilon(1e-6));
    CHECK(i.high == approx(10.49683).epsilon(1e-6));
    CHECK(std::isinf(mean_interval({1}).high));
}

TEST_CASE("steadiness: a change of level is located") {
    const steadiness s = judge_steadiness({1.00, 1.01, 0.99, 1.00, 1.20, 1.21, 1.19, 1.20});
    CHECK_FALSE(s.steady);
    CHECK(s.change_at == 4);
    CHECK(s.change == approx(0.2));
    CHECK(judge_steadiness({1, 1, 1, 2, 2, 2}).change_at == 3);
}

TEST_CASE("steadiness: noise is steady, and a distant value is an outlier") {
    constexpr unsigned seed = 7;
    CAPTURE(seed);
    std::mt19937 random(seed);
    std::normal_distribution<double> noise(1, 0.02);
    int alarms = 0;
    for (int run = 0; run < 2000; ++run) {
        std::vector<double> x;
        for (int i = 0; i < 20; ++i) x.push_back(noise(random));
        alarms += judge_steadiness(x).steady ? 0 : 1;
    }
    CHECK(alarms <= 6);  // one in a thousand is allowed
    const steadiness s = judge_steadiness({1.00, 1.01, 0.99, 1.5, 1.00, 1.01, 0.99, 1.00});
    CHECK(s.steady);
    CHECK(s.outliers == 1);
}
