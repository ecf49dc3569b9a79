// edge_energy.hpp - what the counters showed for a path at one edge of a call.
// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>

namespace joulery {
inline namespace v1 {
namespace detail {

/// Joules up to an edge at which every summed channel was read.
struct edge_energy {
    bool known = false;          ///< every summed channel was read, and its row ended there
    std::uint32_t channels = 0;  ///< changes where other channels are summed
    double inside = 0;           ///< J of the path by its share of rows, children included
    double own = 0;              ///< J of all that scopes may be billed

    /// Of a row that was the path's to this part, its energy is the path's.
    static constexpr double alone = 0.95;
};

/// J between the edges of a call, as read; negative: not known, or others were at work, too.
[[nodiscard]] inline double joules_between(const edge_energy& begin,
                                           const edge_energy& end) noexcept {
    if (!begin.known || !end.known || begin.channels != end.channels) return -1;
    const double inside = end.inside - begin.inside, own = end.own - begin.own;
    const bool is_alone = own > 0 && inside >= edge_energy::alone * own && inside <= own * 1.001;
    return is_alone ? inside : -1;
}

}  // namespace detail
}  // namespace v1
}  // namespace joulery
