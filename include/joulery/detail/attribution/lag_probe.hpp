// lag_probe.hpp - estimates a sensor's memory from the powers it shows one after another.
// SPDX-License-Identifier: MIT
#pragma once

#include "joulery/detail/attribution/packed_matrix.hpp"
#include "joulery/detail/attribution/row_window.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <vector>

namespace joulery {
inline namespace v1 {
namespace detail {

/// A sensor that follows the power with a lag L still owes, at any moment, L times the power that
/// it shows. So what ran in a row used the energy that the row shows and L times the step of the
/// shown power from its begin to its end:
///
///     joules = sum of (power of column) x (its seconds) - L x (shown at the end - at the begin)
///
/// which is linear in L. The shown power at an end is that of short rows beside it.
///
/// Units: s. Cost: a pass over the window, n^2 a row, and n^3 once. Fails: 0 where rows don't tell.
class lag_probe {
 public:
    /// s, where the rows show it clearly; else 0.
    [[nodiscard]] double ask(row_window& window, const row_window::column_facts& facts) {
        const std::size_t n = facts.power.size() + 1;  // the lag comes last
        left_ = packed_matrix(n);
        right_.assign(n, 0.0);
        find_shown(window, facts);
        double squares = 0;
        std::size_t rows = 0;
        for (std::size_t k = 1; k + 1 < window.size(); ++k) {
            if (shown_[k] < 0 || shown_[k + 1] < 0) continue;
            window.prepare(k, facts, row_);
            terms_.assign(row_.seconds, row_.seconds + row_.columns);
            terms_.push_back(shown_[k] - shown_[k + 1]);
            // All rows err by a like share of their power, and by their ends.
            const double weight = 1 / (row_.length * row_.length);
            left_.add_square(terms_.data(), weight);
            for (std::size_t i = 0; i < n; ++i) right_[i] += weight * row_.joules * terms_[i];
            squares += weight * row_.joules * row_.joules;
            ++rows;
        }
        if (rows < 3 * n || rows < 20) return 0;
        return solve(n, rows, squares);
    }

 private:
    // The shown power at the begin of each row; negative where no short row lies beside it.
    void find_shown(row_window& window, const row_window::column_facts& facts) {
        const std::size_t rows = window.size();
        shown_.assign(rows + 1, -1.0);
        power_.assign(rows, 0.0);
        shortest_ = 1e30;
        for (std::size_t k = 0; k < rows; ++k) shortest_ = std::min(shortest_, window.length(k));
        for (std::size_t k = 0; k < rows; ++k) {
            window.prepare(k, facts, row_);
            double open = 0;
            for (std::size_t i = 1; i < row_.columns; ++i) open += row_.seconds[i];
            power_[k] = (row_.joules + facts.reference * open) / row_.length;
        }
        const auto is_short = [&](std::size_t k) {
            return k < rows && window.length(k) < 3 * shortest_;
        };
        for (std::size_t k = 1; k < rows; ++k) {
            const bool before = is_short(k - 1), after = is_short(k);
            if (before && after)
                shown_[k] = (power_[k - 1] + power_[k]) / 2;
            else if (before && is_short(k - 2))
                shown_[k] = 1.5 * power_[k - 1] - 0.5 * power_[k - 2];
            else if (after && is_short(k + 1))
                shown_[k] = 1.5 * power_[k] - 0.5 * power_[k + 1];
        }
    }
    [[nodiscard]] double solve(std::size_t n, std::size_t rows, double squares) {
        double most = 0;  // columns may add up to the base, or never have been open
        for (std::size_t i = 0; i + 1 < n; ++i) most = std::max(most, left_(i, i));
        for (std::size_t i = 0; i + 1 < n; ++i) left_(i, i) += 1e-7 * most;
        const std::vector<double> seen = right_;
        if (!left_.factor()) return 0;
        left_.solve(right_);
        double explained = 0;
        for (std::size_t i = 0; i < n; ++i) explained += right_[i] * seen[i];
        std::vector<double> unit(n, 0.0);
        unit[n - 1] = 1;
        left_.solve(unit);
        const double noise = std::max(squares - explained, 0.0) / static_cast<double>(rows - n);
        const double deviation = std::sqrt(std::max(unit[n - 1], 0.0) * noise);
        const double lag = right_[n - 1];
        // Of a memory that is shorter than any row the shown power tells nothing.
        return lag > 4 * deviation && lag > shortest_ ? lag : 0;
    }
    double shortest_ = 0;  ///< s, of the rows

    packed_matrix left_;
    std::vector<double> right_, shown_, power_, terms_;
    filter_row row_;
};

}  // namespace detail
}  // namespace v1
}  // namespace joulery
