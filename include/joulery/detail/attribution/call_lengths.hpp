// call_lengths.hpp - the usual length of calls, and the excess length of those in a row.
// SPDX-License-Identifier: MIT
#pragma once

#include "joulery/detail/core/list.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>

namespace joulery {
inline namespace v1 {
namespace detail {

/// The calls of a path in a row. A call that an end of the row cuts counts half, because anything
/// from none to all of it is in the row.
struct calls_in_row {
    double calls = 0;
    double cut = 0;
};

/// How long a path's calls are.
struct call_length {
    double usual = 0;       ///< 0: unknown
    double variety = 0.04;  ///< variance of one call's length, relative to the usual one

    /// Time in a row beyond what that many calls usually take; negative if they are shorter. The
    /// number of calls is the mean of the count and of the estimate from the time, weighted by
    /// their certainty.
    [[nodiscard]] double excess(double time, const calls_in_row& in) const noexcept {
        if (!(usual > 0)) return 0;
        const double by_time = variety * std::max(time / usual, 0.05), by_count = in.cut / 12;
        return by_time / (by_time + by_count) * (time - usual * in.calls);
    }
};

/// Learns how long calls are, by path.
///
/// Thread: not synchronized; one owner. Cost: a few sums.
class call_lengths {
 public:
    /// Adds a path's part in a row.
    const call_length& learn(std::size_t path, double time, const calls_in_row& in) {
        if (of_.size() <= path) of_.resize(path + 1);
        seen& s = of_[path];
        if (s.calls > most_calls) s.time /= 2, s.calls /= 2;
        s.time += time;
        s.calls += in.calls;
        if (s.calls < least_calls) return s.length;
        s.length.usual = s.time / s.calls;
        if (in.cut > 0 || !(in.calls > 0)) return s.length;
        const double off = time / s.length.usual - in.calls;
        if (s.looks > most_looks) s.squares /= 2, s.looks /= 2;
        s.squares += off * off / in.calls;
        s.looks += 1;
        s.length.variety = s.squares / s.looks;
        return s.length;
    }

 private:
    struct seen {
        double time = 0, calls = 0;
        double squares = 4 * 0.04, looks = 4;
        call_length length;
    };
    static constexpr double least_calls = 4, most_calls = 1e5, most_looks = 1e4;

    list<seen> of_;
};

}  // namespace detail
}  // namespace v1
}  // namespace joulery
