// edge_policy.hpp - which scopes are long enough to pay for reads at their edges.
// SPDX-License-Identifier: MIT
#pragma once

#include "joulery/detail/metering/backend_reader.hpp"
#include "joulery/detail/timing/scope_node.hpp"
#include "joulery/detail/timing/thread_context.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>

namespace joulery {
inline namespace v1 {
namespace detail {

/// A scope is read at its edges if it is longer than this many updates of the counter: below, what
/// its edges leave in doubt is more than a regression does.
inline constexpr double updates_worth_edges = 16;
/// Once it is, it stays so until it is shorter than this many, so that few scopes change sides.
inline constexpr double updates_to_lose_edges = 8;
/// Likewise of the sensor's memory, for which rows between edges are put right.
inline constexpr double lags_worth_edges = 5, lags_to_lose_edges = 3;

/// Whether a scope of that mean length pays for two reads of the backend out of the overhead
/// budget, and is long against its counter's updates and memory. `has_edges`: it was so far; `lag`:
/// seconds. Never of a backend whose reads wait: that would be the host program's thread.
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

/// Mean length of a scope's calls so far, the open one included, in ticks; 0 before the first.
[[nodiscard]] inline double mean_ticks(const scope_node& n, std::uint64_t now) noexcept {
    const std::uint64_t calls = n.calls.load(std::memory_order_relaxed) + (n.is_open() ? 1 : 0);
    return calls == 0 ? 0 : static_cast<double>(n.ticks_at(now)) / static_cast<double>(calls);
}

/// A scope is read at its edges by the backend from now on, or no more.
inline void choose_edge(scope_node& n, const backend_reader& reader, std::uint64_t now,
                        double budget, double seconds_per_tick, double lag) noexcept {
    const std::uint32_t bit = edge_bit(reader.index());
    const bool has = (n.flags.load(std::memory_order_relaxed) & bit) != 0;
    const bool pays = edges_pay(reader, mean_ticks(n, now), has, budget, seconds_per_tick, lag);
    if (pays && !has) n.flags.fetch_or(bit, std::memory_order_relaxed);
    if (!pays && has) n.flags.fetch_and(~bit, std::memory_order_relaxed);
}

/// Whether a thread may spend another edge read now: what it spent so far must stay within the
/// budget of the time it lives, with a first millisecond on the house.
[[nodiscard]] inline bool edge_is_affordable(const thread_context& tree, double read_cost,
                                             double budget, std::uint64_t now,
                                             double seconds_per_tick) noexcept {
    const auto spent =
        static_cast<double>(tree.edge_ticks.load(std::memory_order_relaxed)) + read_cost;
    return spent <= budget * static_cast<double>(now - tree.created_at) + 1e-3 / seconds_per_tick;
}

}  // namespace detail
}  // namespace v1
}  // namespace joulery
