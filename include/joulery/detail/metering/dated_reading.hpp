// dated_reading.hpp - what metering hands to attribution: energy so far, and when that was so.
// SPDX-License-Identifier: MIT
#pragma once

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

}  // namespace detail
}  // namespace v1
}  // namespace joulery
