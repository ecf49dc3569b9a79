// column_sums.hpp - what rows say of a column of paths, and what powers and their errors make of
// it. SPDX-License-Identifier: MIT
#pragma once

#include "joulery/detail/attribution/power_estimate.hpp"

#include <algorithm>
#include <cstddef>
#include <vector>

namespace joulery {
inline namespace v1 {
namespace detail {

/// Powers by column, with a prior for columns that the regression has not seen.
class powers_of {
 public:
    explicit powers_of(const power_estimate& e) : estimate_(e) {}
    [[nodiscard]] bool has_any() const noexcept { return !estimate_.watts.empty(); }
    [[nodiscard]] bool has(std::size_t c) const noexcept { return c < estimate_.watts.size(); }
    [[nodiscard]] double watts(std::size_t c) const noexcept {
        return c < estimate_.watts.size() ? estimate_.watts[c] : estimate_.mean_watts;
    }
    /// Variance of a sum of powers, each times its slope.
    [[nodiscard]] double variance(const std::vector<double>& slopes) const noexcept {
        const std::size_t n = std::min(estimate_.watts.size(), slopes.size());
        double sum = 0;
        for (std::size_t a = 0; a < n; ++a) {
            if (slopes[a] == 0) continue;
            const double* row = estimate_.covariance.data() + a * estimate_.watts.size();
            sum += slopes[a] * (2 * dot(row, slopes.data(), a) + row[a] * slopes[a]);
        }
        sum *= estimate_.widened;
        const double deviation = unknown_deviation * estimate_.mean_watts;
        for (std::size_t a = n; a < slopes.size(); ++a)
            sum += slopes[a] * slopes[a] * deviation * deviation;
        return std::max(sum, 0.0);
    }
    /// W^2 s: how much calls differ, within a column and over all columns.
    [[nodiscard]] double noise(std::size_t c) const noexcept {
        return c < estimate_.white_by_column.size() ? estimate_.white_by_column[c] : noise();
    }
    [[nodiscard]] double noise() const noexcept { return estimate_.white; }

 private:
    // Four sums at a time, since a processor adds several at once.
    static double dot(const double* x, const double* y, std::size_t n) noexcept {
        double a = 0, b = 0, c = 0, d = 0;
        std::size_t i = 0;
        for (; i + 4 <= n; i += 4) {
            a += x[i] * y[i];
            b += x[i + 1] * y[i + 1];
            c += x[i + 2] * y[i + 2];
            d += x[i + 3] * y[i + 3];
        }
        for (; i < n; ++i) a += x[i] * y[i];
        return (a + b) + (c + d);
    }
    static constexpr double unknown_deviation = 0.6;  // of the mean; of scopes' powers
    const power_estimate& estimate_;
};

/// Variance, in J^2, of an energy that depends on the powers by these slopes: from the powers'
/// errors, and from changes of power during the run.
[[nodiscard]] inline double variance_of(const std::vector<double>& slopes, const powers_of& known,
                                        const powers_of& before) {
    constexpr double deviations_of_change = 9;  // squared: three
    const double variance = known.variance(slopes);
    if (!before.has_any()) return variance;
    double moved = 0;
    for (std::size_t a = 0; a < slopes.size(); ++a)
        if (before.has(a)) moved += slopes[a] * (known.watts(a) - before.watts(a));
    if (moved * moved <= deviations_of_change * variance) return variance;
    const bool changed =
        moved * moved > deviations_of_change * (variance + before.variance(slopes));
    return variance + (changed ? moved * moved : 0);
}

/// The sums over all rows of the paths of one column together.
struct column_sums {
    static constexpr double unknown = -1;
    double weight = 0, seconds = 0;
    std::vector<double> crossed;  ///< share of this column times seconds of another
    double of_powers = unknown;   ///< J^2 of the whole column, from the powers' errors
    /// What powers explain of its rows, weighted by its share of each.
    [[nodiscard]] double explained(const powers_of& known) const {
        double sum = 0;
        for (std::size_t q = 0; q < crossed.size(); ++q) sum += crossed[q] * known.watts(q);
        return sum;
    }
    /// Adds `part` of the dependence of column `self`'s energy on each power.
    void add_slopes(std::size_t self, double part, std::vector<double>& to) const {
        if (to.size() < crossed.size()) to.resize(crossed.size());
        if (to.size() <= self) to.resize(self + 1);
        to[self] += part * seconds;
        for (std::size_t q = 0; q < crossed.size(); ++q) to[q] -= part * crossed[q];
    }
};

}  // namespace detail
}  // namespace v1
}  // namespace joulery
