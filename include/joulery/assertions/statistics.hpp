// statistics.hpp - what a handful of samples says, and what it does not.
// SPDX-License-Identifier: MIT
#pragma once

#include "joulery/assertions/student_t.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <utility>
#include <vector>

namespace joulery {
inline namespace v1 {
namespace testing {

/// A mean and the range in which the true one lies with the confidence asked for.
struct interval {
    double middle = 0;
    double low = 0;
    double high = 0;
    [[nodiscard]] double half_width() const noexcept { return (high - low) / 2; }
};

[[nodiscard]] inline double mean(const std::vector<double>& x) noexcept {
    if (x.empty()) return 0;
    double sum = 0;
    for (const double v : x) sum += v;
    return sum / static_cast<double>(x.size());
}

/// Of the population, estimated from the sample (n - 1 below the line); 0 for fewer than two.
[[nodiscard]] inline double variance(const std::vector<double>& x) noexcept {
    if (x.size() < 2) return 0;
    const double middle = mean(x);
    double sum = 0;
    for (const double v : x) sum += (v - middle) * (v - middle);
    return sum / static_cast<double>(x.size() - 1);
}

/// The value below which a share `p` of the samples lies, straight lines between neighbours (type 7
/// of Hyndman and Fan, "Sample quantiles in statistical packages", 1996). 0 for no samples.
[[nodiscard]] inline double quantile(std::vector<double> x, double p) {
    if (x.empty()) return 0;
    std::sort(x.begin(), x.end());
    const double place = std::min(std::max(p, 0.0), 1.0) * static_cast<double>(x.size() - 1);
    const auto below = static_cast<std::size_t>(place);
    const std::size_t above = std::min(below + 1, x.size() - 1);
    return x[below] + (place - static_cast<double>(below)) * (x[above] - x[below]);
}
[[nodiscard]] inline double median(std::vector<double> x) { return quantile(std::move(x), 0.5); }

/// Median distance from the median, scaled to the standard deviation of a normal distribution
/// (1 / the normal quantile of 3/4): one far value does not move it.
[[nodiscard]] inline double robust_deviation(const std::vector<double>& x) {
    const double middle = median(x);
    std::vector<double> distances;
    for (const double v : x) distances.push_back(std::fabs(v - middle));
    return 1.482602218505602 * median(std::move(distances));
}

/// The mean with its two-sided interval by Student's t; infinitely wide for fewer than two samples.
///
///     interval i = mean_interval({9.8, 10.0, 10.2});   // 10 (9.503 .. 10.497)
[[nodiscard]] inline interval mean_interval(const std::vector<double>& x,
                                            double confidence = 0.95) {
    const double middle = mean(x);
    if (x.size() < 2) {
        constexpr double wide = std::numeric_limits<double>::infinity();
        return {middle, -wide, wide};
    }
    const auto n = static_cast<double>(x.size());
    const double half =
        student_t_quantile(0.5 + confidence / 2, n - 1) * std::sqrt(variance(x) / n);
    return {middle, middle - half, middle + half};
}

/// How two samples of unequal spread differ.
struct welch_result {
    interval difference;      ///< mean(a) - mean(b), two-sided 95 %
    double t = 0;             ///< difference over its standard error
    double df = 0;            ///< degrees of freedom by Welch and Satterthwaite
    double chance_above = 1;  ///< of such a difference or a larger one where a is not above b
    double chance_apart = 1;  ///< of one as large, in either direction, where they are the same
};

/// B. L. Welch, "The generalization of Student's problem when several different population
/// variances are involved", 1947. Needs two samples on each side; without them nothing differs.
///
///     welch_result w = welch_test(today, baseline);
///     if (w.chance_above < 0.05) std::cout << "more by " << w.difference.middle;
[[nodiscard]] inline welch_result welch_test(const std::vector<double>& a,
                                             const std::vector<double>& b) {
    welch_result r;
    const double apart = mean(a) - mean(b);
    constexpr double wide = std::numeric_limits<double>::infinity();
    r.difference = {apart, -wide, wide};
    if (a.size() < 2 || b.size() < 2) return r;
    const auto n = static_cast<double>(a.size()), m = static_cast<double>(b.size());
    const double from_a = variance(a) / n, from_b = variance(b) / m;
    const double error = std::sqrt(from_a + from_b);
    if (!(error > 0)) {  // both without any spread
        r.difference = {apart, apart, apart};
        r.t = apart > 0 ? wide : (apart < 0 ? -wide : 0);
        r.df = n + m - 2;
        r.chance_above = apart > 0 ? 0 : (apart < 0 ? 1 : 0.5);
        r.chance_apart = apart == 0 ? 1 : 0;
        return r;
    }
    r.t = apart / error;
    r.df = (from_a + from_b) * (from_a + from_b) /
           (from_a * from_a / (n - 1) + from_b * from_b / (m - 1));
    const double half = student_t_quantile(0.975, r.df) * error;
    r.difference = {apart, apart - half, apart + half};
    r.chance_above = student_t_tail(r.t, r.df);
    r.chance_apart = 2 * student_t_tail(std::fabs(r.t), r.df);
    return r;
}

}  // namespace testing
}  // namespace v1
}  // namespace joulery
