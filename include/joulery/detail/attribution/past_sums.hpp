// past_sums.hpp - what a channel's rows had added up to at some moments of the run.
// SPDX-License-Identifier: MIT
#pragma once

#include "joulery/detail/attribution/disaggregation.hpp"
#include "joulery/detail/core/list.hpp"

#include <cstddef>
#include <utility>

namespace joulery {
inline namespace v1 {
namespace detail {

/// The sums at up to a dozen moments, dense near the present and sparse further back, so that a
/// change of powers can be placed where it was although it is noticed later.
///
/// Thread: not synchronized; one owner. Cost: a copy of the sums every 16 rows to fit. Memory: a
/// dozen copies; none for more than a thousand paths. Fails: std::bad_alloc; a moment may be
/// lost, no sum is wrong.
///
///     past_sums past;
///     past.note(rows, seconds, sums);
///     past.added_in(2, 3, sums);          // since the second moment, up to the fourth
class past_sums {
 public:
    /// Keeps the sums after that many rows to fit and seconds.
    void note(std::size_t row, double seconds, const disaggregation& sums) {
        const std::size_t last = rows_.empty() ? begin_ : rows_.back();
        if (row < last + rows_between || sums.paths() > most_paths) return;
        rows_.reserve(most);
        if (rows_.size() == most) forget_one(row);
        if (moments_.size() == rows_.size()) moments_.emplace_back();
        moments_[rows_.size()].sums = sums;
        moments_[rows_.size()].seconds = seconds;
        rows_.push_back(row);
    }
    /// Starts again after so many rows to fit; the memory is kept.
    void clear(std::size_t row) noexcept {
        begin_ = row;
        rows_.clear();
    }
    /// The number of rows to fit at each moment.
    [[nodiscard]] const list<std::size_t>& rows() const noexcept { return rows_; }
    /// s, as noted then.
    [[nodiscard]] double seconds(std::size_t i) const noexcept { return moments_[i].seconds; }
    [[nodiscard]] disaggregation& sums(std::size_t i) noexcept { return moments_[i].sums; }

    /// What was added in spans `first` to `last`, both included. A span ends at the moment of its
    /// number and begins at the one before; the span after the last moment ends now, at `now`.
    [[nodiscard]] disaggregation added_in(std::size_t first, std::size_t last,
                                          const disaggregation& now) const {
        disaggregation part = last < rows_.size() ? moments_[last].sums : now;
        if (first > 0) part.subtract(moments_[first - 1].sums);
        return part;
    }

 private:
    // Forgets the moment whose neighbors are closest together, relative to its age.
    void forget_one(std::size_t now) {
        std::size_t found = 1;
        double least = 1e300;
        for (std::size_t i = 1; i + 1 < rows_.size(); ++i) {
            const double span = static_cast<double>(rows_[i + 1] - rows_[i - 1]) /
                                static_cast<double>(now + rows_between - rows_[i]);
            if (span < least) least = span, found = i;
        }
        rows_.erase(rows_.begin() + found);
        for (; found < rows_.size(); ++found) std::swap(moments_[found], moments_[found + 1]);
    }
    struct moment {
        double seconds = 0;
        disaggregation sums;
    };
    static constexpr std::size_t most = 12, rows_between = 16, most_paths = 1000;

    list<std::size_t> rows_;
    list<moment> moments_;   ///< those beyond `rows_` are only memory
    std::size_t begin_ = 0;  ///< rows to fit
};

}  // namespace detail
}  // namespace v1
}  // namespace joulery
