// timing_policy.hpp - which scopes are timed at every call, and which are read at their edges.
// SPDX-License-Identifier: MIT
#pragma once

#include "joulery/detail/core/unit_text.hpp"
#include "joulery/detail/metering/backend_reader.hpp"
#include "joulery/detail/timing/sampled_calls.hpp"
#include "joulery/detail/timing/scope_node.hpp"
#include "joulery/detail/timing/thread_context.hpp"
#include "joulery/detail/timing/tick_clock.hpp"
#include "joulery/detail/timing/time_source.hpp"
#include "joulery/report.hpp"

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

namespace joulery {
inline namespace v1 {
namespace detail {

/// A scope is read at its edges if it is longer than this many updates of the counter. Below that,
/// edge reads are less certain than the regression.
inline constexpr double updates_worth_edges = 16;
/// Once it is read there, this stays so until it is shorter than this many updates, so that few
/// scopes switch.
inline constexpr double updates_to_lose_edges = 8;
/// The same in units of the sensor's lag, which rows between edges are corrected for.
inline constexpr double lags_worth_edges = 5, lags_to_lose_edges = 3;

/// Whether a scope of that mean length can afford two reads of the backend within the overhead
/// budget and is long compared with its counter's updates and lag. `has_edges`: it is read at its
/// edges now; `lag`: seconds. Never for a backend whose reads wait, which would block the host
/// program's thread.
[[nodiscard]] inline bool edges_pay(const backend_reader& reader, double mean_ticks, bool has_edges,
                                    double budget, double seconds_per_tick, double lag) noexcept {
    const double updates = has_edges ? updates_to_lose_edges : updates_worth_edges;
    const double lags = has_edges ? lags_to_lose_edges : lags_worth_edges;
    return !reader.reads_wait() && 2 * reader.read_cost() <= budget * mean_ticks &&
           mean_ticks * seconds_per_tick >= std::max(updates * reader.fastest_update(), lags * lag);
}

[[nodiscard]] constexpr std::uint32_t edge_bit(std::size_t backend) noexcept {
    return backend < max_edge_backends ? first_edge_bit << backend : 0u;
}

/// Mean length of a scope's calls so far, including the open one, in ticks; 0 before the first.
[[nodiscard]] inline double mean_ticks(const scope_node& n, std::uint64_t now) noexcept {
    const std::uint64_t calls = n.calls.load(std::memory_order_relaxed) + (n.is_open() ? 1 : 0);
    return calls == 0 ? 0 : static_cast<double>(n.ticks_at(now)) / static_cast<double>(calls);
}

/// Starts or stops reading a scope at its edges by this backend. A first call that is still open
/// may become long.
inline void choose_edge(scope_node& n, const backend_reader& reader, std::uint64_t now,
                        double budget, double seconds_per_tick, double lag) noexcept {
    const std::uint32_t bit = edge_bit(reader.index());
    const bool has = (n.flags.load(std::memory_order_relaxed) & bit) != 0;
    const bool pays = edges_pay(reader, mean_ticks(n, now), has, budget, seconds_per_tick, lag);
    if (pays && !has) n.flags.fetch_or(bit, std::memory_order_relaxed);
    const bool is_first = n.calls.load(std::memory_order_relaxed) == 0;
    if (!pays && has && !is_first) n.flags.fetch_and(~bit, std::memory_order_relaxed);
}

/// Attribution at an edge visits the thread's scopes. Notes the least that it took for each.
inline void note_attribution(thread_context& tree, std::uint64_t ticks) noexcept {
    const double each = static_cast<double>(ticks) / static_cast<double>(tree.nodes().size() + 1);
    if (tree.ticks_a_scope == 0 || each < tree.ticks_a_scope) tree.ticks_a_scope = each;
}
/// Whether a thread may spend another edge read now: its reads so far and this one must stay within
/// the budget of its lifetime, of which the first millisecond is exempt.
[[nodiscard]] inline bool edge_is_affordable(const thread_context& tree, double read_cost,
                                             double budget, std::uint64_t now,
                                             double seconds_per_tick) noexcept {
    const double spent = static_cast<double>(tree.edge_ticks.load(std::memory_order_relaxed)) +
                         read_cost + tree.ticks_a_scope * static_cast<double>(tree.nodes().size());
    return spent <= budget * static_cast<double>(now - tree.created_at) + 1e-3 / seconds_per_tick;
}

/// Cost of an untimed call relative to a timed one (bench/scope_cost).
inline constexpr double cost_of_untimed = 0.15;

/// Seconds that timing the calls of a row took, at `each` per timed call.
[[nodiscard]] inline double scope_seconds(const scope_row& row, double each) noexcept {
    const auto calls = static_cast<double>(row.calls);
    const double untimed = std::min(static_cast<double>(row.untimed_calls), calls);
    return (calls - (1 - cost_of_untimed) * untimed) * each;
}

/// Records the cost of a report's scopes, at `each` seconds per timed call, and warns if it exceeds
/// `budget` of the time they measured. The warning names the path that exceeds its own share of the
/// budget most, which is not the one with the most calls if those are long.
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
        " of the time they measured, more than the budget of " + percent_text(budget) + ": " +
        most->path + " has " + count_text(static_cast<double>(most->calls)) + " calls of " +
        to_text(seconds(length)) + ", and a scope takes " +
        to_text(seconds(scope_seconds(*most, each) / static_cast<double>(most->calls))) +
        "; put one scope around many of them and pass their number to add_items()");
}

/// Cost of a scope in ticks: two reads of the tick counter; the few stores hardly matter. Measured
/// in about 10 us; 0 on another clock.
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

/// The timing cost if a scope takes so many ticks and may take `budget` of the time it measures. On
/// a manual clock reads take no time.
[[nodiscard]] inline timing_cost timing_cost_of(double scope_ticks, double budget,
                                                const time_source& clock) noexcept {
    if (!(scope_ticks > 0) || !(budget > 0)) return {};
    return {scope_ticks / budget, clock.is_manual() ? 0 : scope_ticks / 2};
}

/// From now on only some calls of a scope are timed, if it is short and nobody asks for each call.
/// Scopes inside such a scope are timed at every call unless they are sampled too, so that their
/// time can be taken out of the estimate. Any thread; the owning thread ends this if calls turn out
/// to be long.
inline void sample_if_short(scope_node& n, std::uint64_t now) noexcept {
    const bool is_short = n.sampling.may_begin(n.calls.load(std::memory_order_relaxed)) &&
                          mean_ticks(n, now) < n.tree->cost.worth_timing;
    if (!is_short && !n.parent->is_sampled()) return;
    // A scope recorded only for percentiles is recorded when it is timed.
    std::uint32_t flags = n.flags.load(std::memory_order_relaxed);
    if ((flags & ~std::uint32_t{other_clock | recorded}) != 0) return;
    n.flags.compare_exchange_strong(flags, (flags & other_clock) | sampled,
                                    std::memory_order_relaxed);
}

inline constexpr std::size_t few_scopes = 256;  ///< that each sample may decide of
/// The same for the latest scopes of the latest `threads`, few in all. Rows show which scopes were
/// open, but where the updates of a counter are rare or not caught, none ends for seconds.
inline void sample_short_ones(const std::vector<std::shared_ptr<thread_context>>& threads,
                              std::uint64_t now) noexcept {
    std::size_t left = few_scopes;
    for (auto t = threads.rbegin(); t != threads.rend() && left > 0; ++t) {
        const std::size_t all = (*t)->nodes().size(), some = std::min(all, left);
        (*t)->nodes().for_each_backwards(
            [now](scope_node& n) {
                // Before its first call ends, a node may still be being filled in.
                if (n.calls.load(std::memory_order_acquire) > 0) sample_if_short(n, now);
            },
            all - some);
        left -= some;
    }
}

}  // namespace detail
}  // namespace v1
}  // namespace joulery
