// finish_report.hpp - last steps of a report: the idle share, and sums that never fall.
// SPDX-License-Identifier: MIT
#pragma once

#include "joulery/backend.hpp"
#include "joulery/quality.hpp"
#include "joulery/report.hpp"
#include "joulery/units.hpp"

#include <algorithm>
#include <cstddef>
#include <vector>

namespace joulery {
inline namespace v1 {
namespace detail {

/// Splits each scope's joules into idle (idle power times its time) and active; sums stay the same.
/// Scopes of several threads that overlap share the idle power as they share the joules, so that
/// all scopes and the time outside them have no more idle energy than the run. Under `inclusive`
/// they don't share; under `process`, `own` is this process's share.
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

/// Energy of measuring: its processor time at the mean power of one processor. It is counted
/// outside all scopes: the samplers' energy lies there anyway, and the energy of edge reads is
/// limited to `taken`, the part moved out of the scopes. Threads that wait for a processor take
/// longer to read but use no more energy. Under `inclusive` nothing is moved.
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

/// Keeps figures from falling. Each channel's figures only grow, but their sum may fall if the set
/// of summed channels changes because a meter of a whole is no longer trusted. Rows that would fall
/// keep their value, and the excess comes out of what other rows have gained.
///
/// Thread: one at a time. Cost: linear in the rows.
///
///     rows.keep(report, paths, true);     // of each report of the run, in turn
class monotone_rows {
 public:
    /// `paths`: a stable number for the path of each row. `shares`: the rows together make up the
    /// machine's energy; false if each row has all of it (`attribution::inclusive`).
    void keep(report& r, const std::vector<std::size_t>& paths, bool shares) {
        double gained = 0, risen = 0;
        for_each(r, paths, [&](energy now, energy before) {
            gained += (now - before).joules();
            risen += std::max((now - before).joules(), 0.0);
        });
        const bool has_fallen = risen > gained + 1e-12 * r.total.joules();
        const double kept = shares && risen > 0 ? std::clamp(gained / risen, 0.0, 1.0) : 1;
        for_each(r, paths, [&](energy& now, energy& before) {
            if (has_fallen) now = before + std::max(now - before, energy{}) * kept;
            before = now;
        });
        if (has_fallen) add_up(r, shares);
        r.total = total_ = std::max(r.total, total_);
    }

 private:
    template <class Visit>
    void for_each(report& r, const std::vector<std::size_t>& paths, Visit visit) {
        visit(r.unscoped, outside_);
        for (std::size_t i = 0; i < r.scopes.size(); ++i) {
            if (by_path_.size() <= paths[i]) by_path_.resize(paths[i] + 1);
            visit(r.scopes[i].self, by_path_[paths[i]]);
        }
    }

    static void add_up(report& r, bool shares) {
        for (scope_row& row : r.scopes) row.total = row.self;
        energy sum = r.unscoped;
        for (std::size_t i = r.scopes.size(); i-- > 0;) {  // children before parents
            const scope_row& row = r.scopes[i];
            sum += row.self;
            if (row.parent != scope_row::no_parent) r.scopes[row.parent].total += row.total;
        }
        if (shares) r.total = sum;
    }

    std::vector<energy> by_path_;  ///< joules without children
    energy outside_, total_;
};

}  // namespace detail
}  // namespace v1
}  // namespace joulery
