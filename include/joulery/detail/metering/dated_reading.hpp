// dated_reading.hpp - what metering hands to attribution: energy so far, and when that was so.
// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cstdint>

namespace joulery {
inline namespace v1 {
namespace detail {

/// A reading of a channel, dated.
struct dated_reading {
    std::uint64_t at = 0;    ///< tick that the value belongs to, but for its staleness
    double joules = 0;       ///< the value, since the start
    double staleness = 0;    ///< s, how long before `at` the counter showed it first
    double uncertainty = 0;  ///< s, standard deviation of that
    double delay = 0;        ///< s, by which all values of the channel may be staler than that
    double unchanged = 0;    ///< s, since the first read that saw the value
    bool fits = false;       ///< dated well enough for a row to fit
    bool bills = false;      ///< a row to bill ends here
    bool at_edge = false;    ///< read at the edge of a scope: the same moment of its life each time
};

/// How old values were beyond what they should be, where that could be seen: it can't be as often.
struct stalled_reads {
    double squares = 0, reads = 20;  ///< s^2; as many good ones are believed before any
    void add(double late) noexcept { squares += late * late, ++reads; }
    [[nodiscard]] double unseen() const noexcept { return squares / reads; }  ///< s^2, in the mean
};

/// What is wrong with a row whose energy is that of a moment before: where a call takes no longer
/// than values are late, it is another call's.
struct late_values {
    double delay = 0, tail = 0, rows = 0;  ///< s; for how long the last scope was open, in the mean
    void add(double late, double open) noexcept {
        tail += (open - tail) / std::min(++rows, 1000.0);
        delay = late;
    }
    /// Of a path's energy, as a fraction: calls are twice as long as half of one.
    [[nodiscard]] double error() const noexcept {
        return tail > 0 ? std::min(delay / (2 * tail), 0.5) : 0;
    }
};

}  // namespace detail
}  // namespace v1
}  // namespace joulery
