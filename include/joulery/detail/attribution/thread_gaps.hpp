// thread_gaps.hpp - the moments that a thread spends between scopes, in a row to fit.
// SPDX-License-Identifier: MIT
#pragma once

#include "joulery/detail/attribution/open_times.hpp"
#include "joulery/detail/attribution/pending_row.hpp"
#include "joulery/detail/core/list.hpp"

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <utility>

namespace joulery {
inline namespace v1 {
namespace detail {

/// Fills the moments between a thread's scopes.
///
/// A thread that is always in scopes draws a power that can't be separated from the machine's base
/// power. But between two scopes lies a microsecond, and more if counters are read at their edges.
/// Taken literally, such a moment shows the base power without the thread: the thread still draws
/// as much, so the base seems to be as large as both. With many rows the regression is certain of
/// it. So moments too short to be a pause count as part of the thread's longest scope in the row.
///
/// Thread: not synchronized; one owner. Cost: a few steps for each thread and look. At most 64
/// threads: beyond that, some moments are not filled.
class thread_gaps {
 public:
    /// The longest scope of a thread's stretch.
    struct longest_scope {
        double ticks = 0;
        double busy = 1;  ///< how much of it the thread had a processor
        std::uint32_t column = 0;
    };
    /// Adds a stretch of `ticks`, `inside` of them in scopes; `outside`: ticks busy outside all.
    void add(const context_stretch& c, double ticks, double inside, double outside,
             const longest_scope& longest) {
        if (threads_.size() < most_threads) threads_.resize(most_threads);
        const std::uint32_t number = c.context->number;
        part& p = threads_[number % most_threads];
        if (p.row != row_) {
            const std::uint64_t edges = p.number == number ? p.edges_now : edges_of(c);
            p = part();
            p.row = row_, p.number = number, p.edges_begun = edges;
        }
        if (p.number != number) return;
        p.ticks += ticks, p.inside += inside, p.outside += outside;
        p.edges_now = edges_of(c);
        if (longest.ticks > p.longest.ticks) p.longest = longest;
    }
    void begin_row() noexcept { ++row_; }
    /// Fills them in the members of the row that ends; returns their seconds, whose energy is a
    /// guess.
    double fill(list<fit_member>& members, double seconds_per_tick,
                std::uint32_t outside_column) const noexcept {
        double filled = 0;
        for (const part& p : threads_) {
            const double gap = p.ticks - p.inside;
            const auto edges = static_cast<double>(p.edges_now - p.edges_begun);
            if (p.row != row_ || !(gap > 0) || !(p.longest.ticks > 0)) continue;
            if (gap > a_moment * p.ticks + 2 * edges) continue;
            filled += gap * seconds_per_tick;
            bool is_filled = false;  // several paths may share a column
            for (fit_member& m : members) {
                if (m.column == p.longest.column && !std::exchange(is_filled, true))
                    m.seconds += gap * p.longest.busy * seconds_per_tick;
                if (m.column == outside_column)
                    m.seconds = std::max(m.seconds - p.outside * seconds_per_tick, 0.0);
            }
        }
        return filled;
    }

 private:
    static constexpr std::size_t most_threads = 64;
    static constexpr double a_moment = 2e-3;  ///< of a row
    struct part {
        std::uint64_t row = 0;
        std::uint32_t number = 0;
        std::uint64_t edges_begun = 0, edges_now = 0;  ///< ticks of reads at edges
        double ticks = 0, inside = 0, outside = 0;
        longest_scope longest;
    };
    static std::uint64_t edges_of(const context_stretch& c) noexcept {
        return c.context->edge_ticks.load(std::memory_order_relaxed);
    }
    list<part> threads_;
    std::uint64_t row_ = 1;
};

}  // namespace detail
}  // namespace v1
}  // namespace joulery
