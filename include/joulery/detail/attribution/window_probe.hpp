// window_probe.hpp - quick estimates of a sensor's lag, and of how power depends on call length.
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

/// Asks all rows of a window one question by a plain regression with one additional term, whatever
/// the noise. The answer is only a place to try.
///
/// Cost: a pass over the window, n^2 per row, and n^3 once. Fails: see each function.
class window_probe {
 public:
    /// The lag of the sensor in s, if the rows show one clearly; otherwise 0.
    ///
    /// A sensor that follows the power with a lag L still owes, at any moment, L times the power
    /// that it shows. So the columns of a row used the energy that the row shows plus L times the
    /// change of the shown power from its begin to its end:
    ///
    ///     joules = sum of (power of column) x (its seconds)
    ///              - L x (shown at the end - at the begin)
    ///
    /// which is linear in L. The shown power at an end is that of short rows beside it.
    [[nodiscard]] double lag(row_window& window, const row_window::column_facts& facts,
                             const noise_model& model) {
        find_shown(window, facts, model);
        const answer a = ask(window, facts, model, [&](std::size_t k) {
            const bool known =
                k > 0 && k + 1 < window.size() && shown_[k] >= 0 && shown_[k + 1] >= 0;
            return known ? shown_[k] - shown_[k + 1] : unknown;
        });
        // If the memory is shorter than any row, the shown power reveals nothing.
        return a.value > 4 * a.deviation && a.value > shortest_ ? a.value : 0;
    }
    /// How much the exponent of the model is too low; 0 if the rows don't show it.
    [[nodiscard]] double exponent(row_window& window, const row_window::column_facts& facts,
                                  const noise_model& model, double channel) {
        const answer a =
            ask(window, facts, model, [&](std::size_t) { return channel * row_.excess; });
        return std::fabs(a.value) > 3 * a.deviation ? a.value : 0;
    }

 private:
    // The shown power at the begin of each row; negative if no short row is next to it.
    void find_shown(row_window& window, const row_window::column_facts& facts,
                    const noise_model& model) {
        const std::size_t rows = window.size();
        shown_.assign(rows + 1, -1.0);
        power_.assign(rows, 0.0);
        shortest_ = 1e30;
        for (std::size_t k = 0; k < rows; ++k) shortest_ = std::min(shortest_, window.length(k));
        for (std::size_t k = 0; k < rows; ++k) {
            window.prepare(k, facts, row_, model);
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
    struct answer {
        double value = 0, deviation = 1e30;
    };
    static constexpr double unknown = 1e300;
    // `term(k)`: the new term of row k, once row_ is prepared; `unknown`: left out.
    template <class Term>
    [[nodiscard]] answer ask(row_window& window, const row_window::column_facts& facts,
                             const noise_model& model, Term term) {
        const std::size_t n = facts.power.size() + 1;  // the new term comes last
        left_ = packed_matrix(n);
        right_.assign(n, 0.0);
        double squares = 0;
        std::size_t rows = 0;
        for (std::size_t k = 0; k < window.size(); ++k) {
            window.prepare(k, facts, row_, model);
            terms_.assign(row_.seconds, row_.seconds + row_.columns);
            terms_.push_back(term(k));
            if (terms_.back() >= unknown) continue;
            // Errors are proportional to a row's power, and come from its ends.
            const double weight = 1 / (row_.length * row_.length);
            left_.add_square(terms_.data(), weight);
            for (std::size_t i = 0; i < n; ++i) right_[i] += weight * row_.joules * terms_[i];
            squares += weight * row_.joules * row_.joules;
            ++rows;
        }
        return rows < 3 * n || rows < 20 ? answer() : solve(n, rows, squares);
    }
    [[nodiscard]] answer solve(std::size_t n, std::size_t rows, double squares) {
        double most = 0;  // columns may add up to the base, or never have been open
        for (std::size_t i = 0; i + 1 < n; ++i) most = std::max(most, left_(i, i));
        for (std::size_t i = 0; i + 1 < n; ++i) left_(i, i) += 1e-7 * most;
        const std::vector<double> seen = right_;
        if (!left_.factor()) return {};
        left_.solve(right_);
        double explained = 0;
        for (std::size_t i = 0; i < n; ++i) explained += right_[i] * seen[i];
        std::vector<double> unit(n, 0.0);
        unit[n - 1] = 1;
        left_.solve(unit);
        const double noise = std::max(squares - explained, 0.0) / static_cast<double>(rows - n);
        const double deviation = std::sqrt(std::max(unit[n - 1], 0.0) * noise);
        return {right_[n - 1], deviation};
    }
    double shortest_ = 0;  ///< s, of the rows

    packed_matrix left_;
    std::vector<double> right_, shown_, power_, terms_;
    filter_row row_;
};

}  // namespace detail
}  // namespace v1
}  // namespace joulery
