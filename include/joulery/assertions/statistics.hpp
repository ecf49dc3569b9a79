// statistics.hpp - statistics of small samples.
// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <utility>
#include <vector>
#include "joulery/detail/core/finite.hpp"

namespace joulery {
inline namespace v1 {
namespace testing {

namespace detail {

/// Continued fraction of the incomplete beta function (NIST DLMF 8.17.22), by Lentz's method.
inline double beta_fraction(double a, double b, double x) noexcept {
    constexpr double tiny = 1e-300;
    const auto apart_from_zero = [](double v) { return std::fabs(v) < tiny ? tiny : v; };
    double c = 1;
    double d = 1 / apart_from_zero(1 - (a + b) * x / (a + 1));
    double value = d;
    const auto step = [&](double numerator) {
        d = 1 / apart_from_zero(1 + numerator * d);
        c = apart_from_zero(1 + numerator / c);
        value *= c * d;
        return std::fabs(c * d - 1) < 1e-15;
    };
    for (int m = 1; m <= 500; ++m) {
        step(m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m)));
        if (step(-(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1)))) break;
    }
    return value;
}

/// The regularized incomplete beta function I_x(a, b), with y = 1 - x passed separately: near x = 1
/// the subtraction would lose all digits of the tail.
inline double incomplete_beta(double a, double b, double x, double y) noexcept {
    if (!(x > 0)) return 0;
    if (!(y > 0)) return 1;
    const double front = std::exp(std::lgamma(a + b) - std::lgamma(a) - std::lgamma(b) +
                                  a * std::log(x) + b * std::log(y));
    if (x < (a + 1) / (a + b + 2)) return front * beta_fraction(a, b, x) / a;
    return 1 - front * beta_fraction(b, a, y) / b;
}

}  // namespace detail

/// Probability of a value of at least `t` with `df` degrees of freedom; `df` may be fractional.
///
/// Cost: some hundred operations. Fails: NaN in, NaN out.
///
///     student_t_tail(2.228, 10);   // 0.025
[[nodiscard]] inline double student_t_tail(double t, double df) noexcept {
    if (joulery::is_nan(t) || !(df > 0)) return joulery::not_a_number();
    const double square = t * t;
    const double tail =
        !joulery::is_finite(square)
            ? 0
            : detail::incomplete_beta(df / 2, 0.5, df / (df + square), square / (df + square)) / 2;
    return t >= 0 ? tail : 1 - tail;
}

/// The value below which a share `p` lies: `student_t_quantile(0.975, df)` standard errors are half
/// a two-sided 95 % confidence interval.
///
///     student_t_quantile(0.975, 10);   // 2.228
[[nodiscard]] inline double student_t_quantile(double p, double df) noexcept {
    if (!(p > 0) || !(p < 1) || !(df > 0)) return joulery::not_a_number();
    if (p == 0.5) return 0;
    const double tail = p > 0.5 ? 1 - p : p;
    double low = 0, high = 2;
    while (high < 1e300 && student_t_tail(high, df) > tail) high *= 2;
    for (int i = 0; i < 200 && high - low > 1e-13 * high; ++i) {
        const double middle = low + (high - low) / 2;
        (student_t_tail(middle, df) > tail ? low : high) = middle;
    }
    return p > 0.5 ? high : -high;
}

/// A mean and the range of the true mean at the requested confidence.
struct confidence_interval {
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

/// Variance of the population, estimated from the sample (divided by n - 1); 0 for fewer than two.
[[nodiscard]] inline double variance(const std::vector<double>& x) noexcept {
    if (x.size() < 2) return 0;
    const double middle = mean(x);
    double sum = 0;
    for (const double v : x) sum += (v - middle) * (v - middle);
    return sum / static_cast<double>(x.size() - 1);
}

/// The value below which a share `p` of the samples lies, with linear interpolation (type 7 of
/// Hyndman and Fan, "Sample quantiles in statistical packages", 1996). 0 without samples.
[[nodiscard]] inline double quantile(std::vector<double> x, double p) {
    if (x.empty()) return 0;
    std::sort(x.begin(), x.end());
    const double place = std::min(std::max(p, 0.0), 1.0) * static_cast<double>(x.size() - 1);
    const auto below = static_cast<std::size_t>(place);
    const std::size_t above = std::min(below + 1, x.size() - 1);
    return x[below] + (place - static_cast<double>(below)) * (x[above] - x[below]);
}
[[nodiscard]] inline double median(std::vector<double> x) { return quantile(std::move(x), 0.5); }

/// Median distance from the median, scaled to the standard deviation of a normal distribution (1 /
/// the normal quantile of 3/4); robust against outliers.
[[nodiscard]] inline double robust_deviation(const std::vector<double>& x) {
    const double middle = median(x);
    std::vector<double> distances;
    for (const double v : x) distances.push_back(std::fabs(v - middle));
    return 1.482602218505602 * median(std::move(distances));
}

/// The mean with its two-sided interval by Student's t; infinitely wide for fewer than two samples.
///
///     confidence_interval i = mean_interval({9.8, 10.0, 10.2});   // 10 (9.503 .. 10.497)
[[nodiscard]] inline confidence_interval mean_interval(const std::vector<double>& x,
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

/// Whether the level changed during a series of batches (a throttling processor, a new neighbor),
/// and the number of outliers.
///
///     steadiness s = judge_steadiness({1.00, 1.01, 0.99, 1.00, 1.20, 1.21, 1.19, 1.20});
///     // s.steady == false, s.change_at == 4, s.change == 0.2
struct steadiness {
    bool steady = true;
    std::size_t change_at = 0;  ///< first sample of the new level
    double change = 0;          ///< of the level, as a share of the level before
    std::size_t outliers = 0;
};

/// The smallest number of samples that make a level.
inline constexpr std::size_t smallest_level = 3;
/// Smaller relative changes are ignored.
inline constexpr double smallest_change = 0.02;

namespace detail {

/// Probability that two parts of one level differ that much. Both use a pooled variance: the
/// variance of three samples alone is too often near zero by chance.
[[nodiscard]] inline double chance_of_one_level(const std::vector<double>& a,
                                                const std::vector<double>& b) {
    const auto n = static_cast<double>(a.size()), m = static_cast<double>(b.size());
    const double difference = std::fabs(mean(a) - mean(b));
    const double pooled = (variance(a) * (n - 1) + variance(b) * (m - 1)) / (n + m - 2);
    if (!(pooled > 0)) return difference > 0 ? 0 : 1;
    return 2 * student_t_tail(difference / std::sqrt(pooled * (1 / n + 1 / m)), n + m - 2);
}

/// The least probable split, if it is improbable even as the best of so many.
inline void find_change(const std::vector<double>& x, steadiness& s) {
    if (x.size() < 2 * smallest_level) return;
    double least = 0.001 / static_cast<double>(x.size() - 2 * smallest_level + 1);
    double largest = 0;
    for (std::size_t k = smallest_level; k + smallest_level <= x.size(); ++k) {
        const auto cut = x.begin() + static_cast<std::ptrdiff_t>(k);
        const std::vector<double> before(x.begin(), cut), after(cut, x.end());
        const double level = mean(before);
        const double change = level != 0 ? (mean(after) - level) / std::fabs(level) : 0;
        const double chance = chance_of_one_level(before, after);
        const bool likelier = chance < least || (chance == least && std::fabs(change) > largest);
        if (std::fabs(change) < smallest_change || !likelier) continue;
        least = chance;
        largest = std::fabs(change);
        s.steady = false;
        s.change_at = k;
        s.change = change;
    }
}

}  // namespace detail

/// Cost:   quadratic in the number of samples, which is ten to a hundred.
[[nodiscard]] inline steadiness judge_steadiness(const std::vector<double>& x) {
    steadiness s;
    detail::find_change(x, s);
    if (!s.steady || x.size() < 5) return s;
    const double middle = median(x);
    const double far = std::fmax(5 * robust_deviation(x), smallest_change * std::fabs(middle));
    for (const double v : x)
        if (std::fabs(v - middle) > far) ++s.outliers;
    return s;
}

}  // namespace testing

}  // namespace v1
}  // namespace joulery
