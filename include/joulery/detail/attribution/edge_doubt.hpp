// edge_doubt.hpp - what reads at the edges of scopes leave in doubt.
// SPDX-License-Identifier: MIT
#pragma once

#include "joulery/detail/metering/energy_source.hpp"
#include "joulery/detail/timing/path_table.hpp"
#include "joulery/detail/timing/thread_context.hpp"

#include <algorithm>
#include <cstddef>
#include <utility>
#include <vector>

namespace joulery {
inline namespace v1 {
namespace detail {

/// Books the doubt of edges with the paths on both their sides: what is not one's is the other's.
/// Thread: not synchronised; belongs to the holder of the source's `accounts`.
class edge_doubt {
 public:
    explicit edge_doubt(const energy_source& source) : source_(source) {
        for (const channel& c : source.channels()) quanta_.push_back(smallest_joules(c));
    }

    /// What a read at an edge left in doubt in channel `c`, whose value is `lag` old, give or take
    /// `spread`, of which `drift` is the same for all edges until the next sample. `power`: that
    /// was drawn just before the edge. It is booked when both sides are known.
    void note(tree_mark& m, std::size_t c, double power, double lag, double spread,
              double drift) const {
        const double own = std::max(spread * spread - drift * drift, 0.0);
        m.doubt[c] =
            power * power * own + quanta_[c] * quanta_[c] / 12 + m.power_variance[c] * lag * lag;
        m.drift[c] = power * drift;
        m.edge_variance[c] += m.doubt[c] + m.drift[c] * m.drift[c];
        m.doubt[c] += m.power_bias[c] * lag * lag;
    }

    /// At the next close: it is moved between the paths before and after the edge, and so between
    /// all that enclose one of them only. Within one mixture it is in no doubt.
    void book(tree_mark& m, path_record* after, bool certain, path_record* container) const {
        path_record* before = std::exchange(m.last_path, after);
        const bool was_certain = std::exchange(m.last_certain, certain);
        path_record* const mixed = std::exchange(m.last_container, container);
        if (!std::exchange(m.has_doubt, false)) return;
        if (!certain && !was_certain && mixed == container) return;
        path_record* common = before;
        while (common != nullptr && !encloses(common, after)) common = common->parent;
        for (path_record* p = before; p != common; p = p->parent) add(m, *p, 1);
        for (path_record* p = after; p != common; p = p->parent) add(m, *p, -1);
    }

    /// The counter's phase drifts slowly: all edges since the last settling are off the same way.
    void settle(path_record& path) const {
        for (std::size_t c = 0; c < quanta_.size(); ++c) {
            path_energy& e = path.energies[source_.first_channel() + c];
            e.edges += e.drift * e.drift;
            e.drift = 0;
        }
    }

    /// Variance of a path's total by edges, J^2.
    [[nodiscard]] static double variance(const path_energy& e) noexcept {
        return inflation * (e.edges + e.drift * e.drift);
    }

 private:
    /// By how much the variance of edge reads exceeds what ages and drifts explain (the powers at
    /// the edges are means themselves): found by calibration on the simulated machine,
    /// bench/accuracy.
    static constexpr double inflation = 1.3;

    void add(const tree_mark& m, path_record& path, double sign) const {
        for (std::size_t c = 0; c < m.doubt.size(); ++c) {
            path_energy& e = path.energies[source_.first_channel() + c];
            e.edges += m.doubt[c];
            e.drift += sign * m.drift[c];
        }
    }

    const energy_source& source_;
    std::vector<double> quanta_;
};

}  // namespace detail
}  // namespace v1
}  // namespace joulery
