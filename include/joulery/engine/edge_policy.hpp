// joulery/engine/edge_policy.hpp - which scopes are long enough to pay for reads at their edges.
// Layer 6. SPDX-License-Identifier: MIT
#pragma once

#include "joulery/engine/energy_source.hpp"
#include "joulery/engine/owned_tree.hpp"
#include "joulery/engine/scope_node.hpp"

#include <cstdint>

namespace joulery {
inline namespace v1 {
namespace detail {

/// Whether a scope of that mean length pays for two reads of the source out of the overhead budget,
/// and is longer than sixteen updates of its counter, below which unmixing says more than edge
/// reads.
[[nodiscard]] inline bool edges_pay(const energy_source& source, double mean_ticks, double budget,
                                    double seconds_per_tick) noexcept {
    return 2 * source.read_cost() <= budget * mean_ticks &&
           mean_ticks * seconds_per_tick >= 16 * source.fastest_update();
}

[[nodiscard]] constexpr std::uint32_t edge_bit(std::size_t source) noexcept {
    return source < max_edge_sources ? first_edge_bit << source : 0u;
}

/// Mean length of a scope's calls so far, the open one included, in ticks; 0 before the first.
[[nodiscard]] inline double mean_ticks(const scope_node& n, std::uint64_t now) noexcept {
    const std::uint64_t calls = n.calls.load(std::memory_order_relaxed) + (n.is_open() ? 1 : 0);
    return calls == 0 ? 0 : static_cast<double>(n.ticks_at(now)) / static_cast<double>(calls);
}

/// Whether a thread may spend another edge read now: what it spent so far must stay within the
/// budget of the time it lives, with a first millisecond on the house.
[[nodiscard]] inline bool edge_is_affordable(const owned_tree& tree, double read_cost,
                                             double budget, std::uint64_t now,
                                             double seconds_per_tick) noexcept {
    const auto spent =
        static_cast<double>(tree.edge_ticks.load(std::memory_order_relaxed)) + read_cost;
    return spent <= budget * static_cast<double>(now - tree.born) + 1e-3 / seconds_per_tick;
}

}  // namespace detail
}  // namespace v1
}  // namespace joulery
