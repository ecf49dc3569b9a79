// turns_seen.hpp - which scopes run together, from looks at the threads.
// SPDX-License-Identifier: MIT
#pragma once

#include "joulery/detail/attribution/disaggregation.hpp"
#include "joulery/detail/attribution/overlap.hpp"
#include "joulery/detail/core/list.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>

namespace joulery {
inline namespace v1 {
namespace detail {

/// Learns what part of shared moments each path has.
///
/// Cooperating threads take turns in their own way: one waits for another, or all start together.
/// Looks at moments that no scope chose show it.
///
/// Thread: not synchronized; one owner.
class turns_seen {
 public:
    /// At a look the path was open: its part of that moment, the part expected of independent
    /// threads, and that one's standard deviation. `weight`: less than 1 if the look closely
    /// follows another.
    void look(std::size_t path, double weight, double part, double expected, double deviation) {
        seen& s = of(path);
        s.looks += weight;
        s.found += weight * part;
        s.expected += weight * expected;
        s.variance += weight * deviation * deviation;
    }
    /// The path was open in a stretch that began or ended when a scope did: no look shows how it
    /// shared that. `looks`: so many would have.
    void cut_out(std::size_t path, double looks) { of(path).cut_out += looks; }

    /// What a path has of the moments that several threads share, compared with independent
    /// threads: the ratio, and its uncertainty (times the deviation between moments).
    [[nodiscard]] taken_turns operator()(std::size_t path) const noexcept {
        const seen s = path < seen_.size() ? seen_[path] : seen();
        // Similar moments, round after round, reveal no more for being many, and nothing about
        // stretches that were cut out.
        const double known = s.cut_out > 0 ? s.looks / (s.looks + s.cut_out) : 1;
        const double revealed = 1 / std::sqrt(std::min(s.looks, most_looks) + looks_believed);
        const double deviation = known * revealed + 1 - known;
        if (!(s.expected > 0)) return {1, deviation, 0};
        const double ratio =
            overlap::believed(s.found / s.expected, 2 * s.variance / (s.expected * s.expected));
        return {1 + known * (ratio - 1), deviation, 0.5 * std::fabs(ratio - 1)};
    }

 private:
    struct seen {
        double looks = 0, found = 0, expected = 0, variance = 0, cut_out = 0;
    };
    seen& of(std::size_t path) {
        if (seen_.size() <= path) seen_.resize(path + 1);
        return seen_[path];
    }
    static constexpr double most_looks = 30,
                            looks_believed = 4;  // that threads are independent
    list<seen> seen_;                            ///< by path index
};

}  // namespace detail
}  // namespace v1
}  // namespace joulery
