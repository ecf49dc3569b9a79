// busy_shares.hpp - how much of its open time each scope had a processor.
// SPDX-License-Identifier: MIT
#pragma once

#include "joulery/detail/core/list.hpp"

#include <algorithm>
#include <cstddef>
#include <vector>

namespace joulery {
inline namespace v1 {
namespace detail {

/// A thread's time in one scope, or outside all, between two looks.
struct busy_term {
    std::size_t column;
    double seconds;
};

/// Learns which scopes wait, from the processor time of whole threads.
///
/// A thread's processor time between two looks is the sum over its scopes of their time, each
/// multiplied by the share of it that the scope had a processor. Different looks contain different
/// scopes, so least squares separate the shares, each between 0 and 1. A scope that nothing is
/// known about counts as busy all the time.
///
/// Units:  s. Thread: not synchronized.
/// Cost:   the square of the number of columns in a stretch; for `solve`, of all columns; nothing
///         while all threads are busy all the time.
/// Fails:  never. Several terms of one column count as their sum.
///
///     busy_shares shares;
///     const busy_term step[] = {{1, 0.06}, {2, 0.04}};   // 60 ms of one, 40 ms of another
///     shares.add(step, 2, 0.06);                         // 60 ms of processor time in all
///     shares.of(2);                                      // near 0: it waits
class busy_shares {
 public:
    /// Columns beyond this number count as busy.
    static constexpr std::size_t most_columns = 192;

    void add(const busy_term* terms, std::size_t count, double busy) {
        double all = 0;
        for (std::size_t i = 0; i < count; ++i) all += terms[i].seconds;
        if (!(all > 0)) return;
        waited_ += std::max(all - busy, 0.0);
        passed_ += all;
        if (!somebody_waits()) return;
        sum_by_column(terms, count);
        for (const busy_term& own : summed_) {
            row& r = row_of(own.column);
            r.busy += own.seconds * busy / all;
            for (const busy_term& other : summed_)
                r.at(other.column) += own.seconds * other.seconds / all;
        }
        is_solved_ = false;
    }

    /// Busy share of a column's time, 0 to 1.
    [[nodiscard]] double of(std::size_t column) {
        if (!is_solved_) solve();
        const double share = column < rows_.size() ? rows_[column].share : 1.0;
        return share > 1 - whole ? 1.0 : share < whole ? 0.0 : share;
    }
    /// Standard deviation of the busy share; 0 while nobody waits.
    [[nodiscard]] double deviation_of(std::size_t column) const noexcept {
        if (!somebody_waits()) return 0;
        const bool seen = column < rows_.size() && rows_[column].with.size() > column;
        return unknown / (1 + (seen ? rows_[column].with[column] : 0.0) / seconds_to_learn);
    }

 private:
    struct row {
        double busy = 0, share = 1;
        std::vector<double> with;  ///< s, by column
        double& at(std::size_t column) {
            if (with.size() <= column) with.resize(column + 1);
            return with[column];
        }
    };
    row& row_of(std::size_t column) {
        if (rows_.size() <= column) rows_.resize(column + 1);
        return rows_[column];
    }
    // Threads lose a little time to others even if none waits.
    [[nodiscard]] bool somebody_waits() const noexcept { return waited_ > 0.02 * passed_; }

    void sum_by_column(const busy_term* terms, std::size_t count) {
        summed_.clear();
        for (std::size_t i = 0; i < count; ++i)
            if (terms[i].column < most_columns && terms[i].seconds > 0) summed_.push_back(terms[i]);
        std::sort(summed_.begin(), summed_.end(),
                  [](const busy_term& a, const busy_term& b) { return a.column > b.column; });
        std::size_t kept = 0;
        for (const busy_term& t : summed_) {
            if (kept > 0 && summed_[kept - 1].column == t.column)
                summed_[kept - 1].seconds += t.seconds;
            else
                summed_[kept++] = t;
        }
        summed_.resize(kept);
    }

    // Gauss-Seidel iteration, each value kept between 0 and 1; it continues from the last solution.
    void solve() {
        is_solved_ = true;
        const std::size_t steps =
            std::max(work / (rows_.size() * rows_.size() + 1), std::size_t{2});
        for (std::size_t step = 0; step < std::min(steps, std::size_t{50}); ++step)
            for (std::size_t c = 0; c < rows_.size(); ++c) {
                row& r = rows_[c];
                double own = belief, left = r.busy + belief;
                for (std::size_t q = 0; q < r.with.size(); ++q) {
                    if (q == c) {
                        own += r.with[q];
                    } else if (r.with[q] != 0) {
                        left -= r.with[q] * rows_[q].share;
                    }
                }
                r.share = std::clamp(left / own, 0.0, 1.0);
            }
    }
    static constexpr double whole = 0.03;  ///< values closer to 0 or 1 than this are set to that
    static constexpr double unknown = 0.3, seconds_to_learn = 2e-3;
    static constexpr std::size_t work = 20'000;  ///< operations per solution
    static constexpr double belief = 1e-4;       ///< s, weight of the belief that a scope is busy

    list<row> rows_;
    list<busy_term> summed_;  ///< of one stretch, by column, the last one first
    double waited_ = 0, passed_ = 0;
    bool is_solved_ = true;
};

}  // namespace detail
}  // namespace v1
}  // namespace joulery
