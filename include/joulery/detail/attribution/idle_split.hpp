// idle_split.hpp - what of a run's joules the idle machine would have used anyway.
// SPDX-License-Identifier: MIT
#pragma once

#include "joulery/backend.hpp"
#include "joulery/quality.hpp"
#include "joulery/report.hpp"
#include "joulery/units.hpp"

#include <algorithm>

namespace joulery {
inline namespace v1 {
namespace detail {

/// Splits each scope's joules: idle power for its time, the rest active; the sums stay. The idle
/// power is shared as the joules are: where scopes of several threads overlap, among them, so that
/// all scopes together and the time outside them have no more idle joules than the run, but by
/// `inclusive`; by `process`, `own` of it is this process's.
inline void split_idle(report& r, power idle, attribution policy, double own) {
    if (idle <= power{}) return;
    r.context.idle_power = idle;
    seconds in_scopes{0};
    for (const scope_row& row : r.scopes)
        if (row.parent == scope_row::no_parent) in_scopes += busy_time_of(row);
    const bool shared = policy != attribution::inclusive && in_scopes > r.context.duration;
    const double share = own * (shared ? r.context.duration / in_scopes : 1.0);
    for (scope_row& row : r.scopes)
        row.idle = std::min(idle * busy_time_of(row) * share, row.total);
}

/// Joules of measuring: its processor time at the mean power of one of the machine's processors.
/// It lies outside all scopes: what the samplers used, and what reads at the edges of scopes did,
/// `taken` from the scopes for that. Threads that wait for a processor take longer to read and use
/// no more. By `inclusive` nothing is taken.
[[nodiscard]] inline energy joules_of_measuring(const report& r, attribution policy,
                                                energy taken) noexcept {
    energy processors;
    for (const channel_row& c : r.channels)
        if (c.summed && c.part != component::gpu && c.part != component::npu) processors += c.total;
    const seconds spent = r.overhead.sampler + r.overhead.edges;
    if (!(spent.count() > 0)) return {};
    const energy all =
        processors * (r.overhead.share_of_wall / std::max(r.context.logical_cpus, 1u));
    if (policy == attribution::inclusive) return all;
    return all * (r.overhead.sampler / spent) + std::min(all * (r.overhead.edges / spent), taken);
}

}  // namespace detail
}  // namespace v1
}  // namespace joulery
