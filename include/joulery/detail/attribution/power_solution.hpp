// power_solution.hpp - powers by column, from the normal equations of rows.
// SPDX-License-Identifier: MIT
#pragma once

#include "joulery/detail/attribution/noise_filter.hpp"
#include "joulery/detail/attribution/packed_matrix.hpp"

#include <algorithm>
#include <cstddef>
#include <utility>
#include <vector>

namespace joulery {
inline namespace v1 {
namespace detail {

/// What is assumed about powers before the rows of the window are seen. Base first.
struct power_prior {
    double mean = 0;          ///< W of a column
    double channel = 1;       ///< W of the channel
    double reference = 0;     ///< W per column, subtracted from rows
    std::size_t columns = 0;  ///< without the base
    information past;         ///< rows that the window has dropped

    /// Standard deviation of a power relative to the mean: that of powers spread evenly between
    /// nearly nothing and twice the mean.
    static constexpr double relative_deviation = 0.6;
    /// Variance of the mean itself, relative to that of a power: the base may draw much.
    static constexpr double level = 0.5;

    void add_to(packed_matrix& left, std::vector<double>& right) const noexcept {
        const double stddev = relative_deviation * std::max(mean, 1e-9);
        const double n = static_cast<double>(columns), each = 1 / (stddev * stddev);
        const double common = each * level / (1 + n * level);
        const double pull = (mean - reference) * (each - n * common);
        left(0, 0) += 1 / (channel * channel);
        for (std::size_t i = 1; i <= columns; ++i) {
            double* row = left.row(i);
            for (std::size_t j = 1; j <= i; ++j) row[j] -= common;
            row[i] += each;
            right[i] += pull;
        }
    }
};

/// Powers under one noise model.
struct power_solution {
    packed_matrix factor;       ///< of the inverse of their covariance
    std::vector<double> watts;  ///< base first; beyond the reference
    double evidence = -1e300;   ///< logarithm of the rows' likelihood, without a constant
    double left = 0;            ///< what they don't explain, squared, over its variance
    double misfit = 1;          ///< of the rows: 1 if the noise is as large as the model says
};

/// Solves for the powers: `older` and `recent` rows of the window, and what is assumed before them.
[[nodiscard]] inline power_solution solve_powers(const information& older,
                                                 const information& recent,
                                                 const power_prior& prior) {
    power_solution s;
    information all;
    all.resize(prior.columns + 1);
    all.add(prior.past, 1);
    all.add(older, 1);
    all.add(recent, 1);
    prior.add_to(all.left, all.right);
    s.watts = all.right;
    s.factor = std::move(all.left);
    if (!s.factor.factor()) return s;
    s.factor.solve(s.watts);
    double explained = 0;
    for (std::size_t i = 0; i < s.watts.size(); ++i) explained += all.right[i] * s.watts[i];
    s.left = older.squares + recent.squares - explained;
    s.evidence =
        -0.5 * (s.left + older.log_variance + recent.log_variance + s.factor.log_determinant());
    s.misfit = s.left / static_cast<double>(older.rows + recent.rows + 1);
    return s;
}
[[nodiscard]] inline power_solution solve_powers(const noise_filter& f, const power_prior& prior) {
    return solve_powers(f.older(), f.recent(), prior);
}

}  // namespace detail
}  // namespace v1
}  // namespace joulery
