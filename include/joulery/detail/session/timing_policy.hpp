// timing_policy.hpp - what timing a scope costs, and which scopes are timed at every call.
// SPDX-License-Identifier: MIT
#pragma once

#include "joulery/detail/attribution/edge_policy.hpp"
#include "joulery/detail/core/unit_text.hpp"
#include "joulery/detail/timing/sampled_calls.hpp"
#include "joulery/detail/timing/scope_node.hpp"
#include "joulery/detail/timing/tick_clock.hpp"
#include "joulery/detail/timing/time_source.hpp"
#include "joulery/report.hpp"

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <string>

namespace joulery {
inline namespace v1 {
namespace detail {

/// A call that is not timed takes that part of what one that is takes (bench/scope_cost).
inline constexpr double cost_of_untimed = 0.15;

/// Seconds that the calls of a row took of their threads, at `each` a timed call.
[[nodiscard]] inline double scope_seconds(const scope_row& row, double each) noexcept {
    const auto calls = static_cast<double>(row.calls);
    const double untimed = std::min(static_cast<double>(row.untimed_calls), calls);
    return (calls - (1 - cost_of_untimed) * untimed) * each;
}

/// Writes down what the scopes of a report took, at `each` seconds a timed call, and says where it
/// is more than `budget` of the time that they measured. It names the path that is furthest beyond
/// its own share of the budget: not the one with the most calls, if those are long.
inline void add_scope_cost(report& r, double each, double budget) {
    if (!(each > 0)) return;
    const scope_row* most = nullptr;
    double measured = 0, calls = 0, cost = 0, furthest = 0;
    for (const scope_row& row : r.scopes) {
        const double own = scope_seconds(row, each);
        calls += static_cast<double>(row.calls);
        cost += own;
        if (row.parent == scope_row::no_parent) measured += row.time.count();
        const double beyond = own - budget * row.time.count();
        if (most != nullptr && beyond <= furthest) continue;
        most = &row;
        furthest = beyond;
    }
    r.overhead.scopes = seconds(cost);
    constexpr double few = 10'000;
    if (most == nullptr || calls < few || cost <= budget * measured) return;
    const double length = most->time.count() / static_cast<double>(most->calls);
    r.warnings.push_back(
        "scopes took about " + percent_text(cost / measured) +
        " of the time that they measured, more than the budget of " + percent_text(budget) + ": " +
        most->path + " has " + count_text(static_cast<double>(most->calls)) + " calls of " +
        to_text(seconds(length)) + ", and a scope takes " +
        to_text(seconds(scope_seconds(*most, each) / static_cast<double>(most->calls))) +
        "; put one scope around many of them, and their number into add_items()");
}

/// What a scope takes its thread, in ticks: two reads of the tick counter, beside which its few
/// stores hardly count. Measured here and now, in about 10 us; 0 on another clock.
[[nodiscard]] inline double measured_scope_ticks(const time_source& clock) noexcept {
    if (!clock.is_tick_clock()) return 0;
    constexpr int reads = 64, batches = 8;
    std::uint64_t least = ~std::uint64_t{0};
    for (int b = 0; b < batches; ++b) {
        const std::uint64_t begin = ticks_now();
        std::uint64_t last = begin;
        for (int i = 1; i < reads; ++i) last = ticks_now();
        least = std::min(least, last - begin);
    }
    return 2 * static_cast<double>(least) / (reads - 1);
}

/// Where timing a scope takes so many ticks, and may take `budget` of the time that it measures. On
/// a clock that a test plays no time passes in its reads.
[[nodiscard]] inline timing_cost timing_cost_of(double scope_ticks, double budget,
                                                const time_source& clock) noexcept {
    if (!(scope_ticks > 0) || !(budget > 0)) return {};
    return {scope_ticks / budget, clock.is_manual() ? 0 : scope_ticks / 2};
}

/// From now on some calls of a scope are timed, if that is short and nobody asks for each of them.
/// Inside of such a scope all of the others, so that their time is taken out of what is estimated.
/// Any thread; its own ends it again, where calls turn out to be long.
inline void sample_if_short(scope_node& n, std::uint64_t now) noexcept {
    const bool is_short = n.sampling.may_begin(n.calls.load(std::memory_order_relaxed)) &&
                          mean_ticks(n, now) < n.tree->cost.worth_timing;
    if (!is_short && !n.parent->is_sampled()) return;
    // A scope that is recorded for percentiles alone is recorded where it is timed.
    std::uint32_t flags = n.flags.load(std::memory_order_relaxed);
    if ((flags & ~std::uint32_t{other_clock | recorded}) != 0) return;
    n.flags.compare_exchange_strong(flags, (flags & other_clock) | sampled,
                                    std::memory_order_relaxed);
}

}  // namespace detail
}  // namespace v1
}  // namespace joulery
