// recent_powers.hpp - what single scopes draw now, by the row that ended last.
// SPDX-License-Identifier: MIT
#pragma once

#include "joulery/detail/attribution/pending_row.hpp"
#include "joulery/detail/attribution/power_estimate.hpp"
#include "joulery/detail/core/list.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>

namespace joulery {
inline namespace v1 {
namespace detail {

/// The shares that columns had of the row that ended last, and its power. Thousands of paths may
/// share a column.
class last_row {
 public:
    /// Allocates what `become` needs. Without memory it throws, and nothing has changed.
    void reserve(const list<row_member>& members) {
        std::size_t columns = shares_.size();
        for (const row_member& m : members)
            columns = std::max<std::size_t>(columns, m.column + std::size_t{1});
        shares_.resize(columns, 0.0);
    }
    void become(const list<row_member>& members, double watts) noexcept {
        std::fill(shares_.begin(), shares_.end(), 0.0);
        open_ = 0;
        for (const row_member& m : members) {
            shares_[m.column] += m.share;
            open_ += m.share;
        }
        watts_ = watts;
    }
    [[nodiscard]] double share(std::size_t column) const noexcept { return shares_[column]; }
    [[nodiscard]] std::size_t columns() const noexcept { return shares_.size(); }
    [[nodiscard]] double open() const noexcept { return open_; }
    [[nodiscard]] double watts() const noexcept { return watts_; }

 private:
    list<double> shares_;  ///< by column
    double open_ = 0, watts_ = 0;
};

/// The power of single scopes now: that of the last row, changed by what is known of the difference
/// between the scopes that were open in it and one alone. Not known well: that of the row.
///
/// Units: W. Cost: the square of the columns once; for a scope their number. Never allocates.
///
///     const recent_powers now(last, powers, mean);
///     double joules = now.of(column).watts * seconds;
class recent_powers {
 public:
    static constexpr double unknown_deviation = 0.6;  ///< of the mean power

    struct figures {
        double watts = 0;
        double error = 0;     ///< standard deviation of the power
        double contrast = 0;  ///< and of its difference from the row, whose level is known
    };

    /// `mean`: of the channel, over the whole run.
    recent_powers(const last_row& last, const power_estimate& powers, double mean) noexcept
        : last_(last), powers_(powers), mean_(mean), knows_row_(last.open() > 0) {
        const std::size_t n = powers.watts.size();
        for (std::size_t c = 0; c < last.columns(); ++c) {
            if (last.share(c) == 0) continue;
            if (c >= n) {
                knows_row_ = false;
                continue;
            }
            usual_ += last.share(c) * powers.watts[c];
            usual_variance_ += last.share(c) * with_row(c);
        }
    }

    [[nodiscard]] figures of(std::uint32_t column) const noexcept {
        const std::size_t n = powers_.watts.size();
        const double unknown = unknown_deviation * mean_, open = last_.open();
        if (column >= n) return {last_.watts(), unknown, unknown};
        const double own = powers_.covariance[column * n + column];
        figures f{last_.watts(), std::sqrt(std::max(own, 0.0)), unknown};
        if (open > 0)
            f.contrast = std::sqrt(
                std::max(own - 2 * with_row(column) / open + usual_variance_ / (open * open), 0.0));
        if (knows_row_ && f.error <= unknown_deviation * last_.watts())
            f.watts = std::clamp(last_.watts() + powers_.watts[column] - usual_ / open, 0.0,
                                 4 * last_.watts());
        return f;
    }

 private:
    // Covariance of a column's power and the row's.
    [[nodiscard]] double with_row(std::size_t column) const noexcept {
        const std::size_t n = powers_.watts.size(), known = std::min(n, last_.columns());
        double sum = 0;
        for (std::size_t c = 0; c < known; ++c)
            sum += last_.share(c) * powers_.covariance[column * n + c];
        return sum;
    }

    const last_row& last_;
    const power_estimate& powers_;
    const double mean_;
    bool knows_row_;  ///< whether the powers of all that was open in it are known
    double usual_ = 0, usual_variance_ = 0;
};

}  // namespace detail
}  // namespace v1
}  // namespace joulery
