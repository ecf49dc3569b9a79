// student_t.hpp - Student's t distribution: how far a mean of few samples may lie
// off. SPDX-License-Identifier: MIT
#pragma once

#include <cmath>
#include <limits>

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

/// The regularised incomplete beta function I_x(a, b), with y = 1 - x given apart: near x = 1 the
/// subtraction would lose what the tail is made of.
inline double incomplete_beta(double a, double b, double x, double y) noexcept {
    if (!(x > 0)) return 0;
    if (!(y > 0)) return 1;
    const double front = std::exp(std::lgamma(a + b) - std::lgamma(a) - std::lgamma(b) +
                                  a * std::log(x) + b * std::log(y));
    if (x < (a + 1) / (a + b + 2)) return front * beta_fraction(a, b, x) / a;
    return 1 - front * beta_fraction(b, a, y) / b;
}

}  // namespace detail

/// Chance of a value of at least `t` with `df` degrees of freedom; `df` need not be whole.
///
/// Cost: some hundred operations. Fails: NaN in, NaN out.
///
///     student_t_tail(2.228, 10);   // 0.025
[[nodiscard]] inline double student_t_tail(double t, double df) noexcept {
    if (t != t || !(df > 0)) return std::numeric_limits<double>::quiet_NaN();
    const double square = t * t;
    const double tail =
        square - square != 0
            ? 0
            : detail::incomplete_beta(df / 2, 0.5, df / (df + square), square / (df + square)) / 2;
    return t >= 0 ? tail : 1 - tail;
}

/// The value below which a share `p` lies: of `student_t_quantile(0.975, df)` standard errors is
/// half a two-sided 95 % interval.
///
///     student_t_quantile(0.975, 10);   // 2.228
[[nodiscard]] inline double student_t_quantile(double p, double df) noexcept {
    if (!(p > 0) || !(p < 1) || !(df > 0)) return std::numeric_limits<double>::quiet_NaN();
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

}  // namespace testing
}  // namespace v1
}  // namespace joulery
