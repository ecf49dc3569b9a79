// emissions_timeline.hpp - converts each stretch of a run at its own intensity.
// SPDX-License-Identifier: MIT
#pragma once

#include "joulery/carbon/carbon_model.hpp"
#include "joulery/detail/core/list.hpp"
#include "joulery/detail/report/scope_tree.hpp"
#include "joulery/report.hpp"
#include "joulery/units.hpp"

#include <cstddef>
#include <mutex>
#include <vector>

namespace joulery {
inline namespace v1 {

/// Fills a report's emissions where the intensity varies. At every call the energy that each scope
/// has gained since the last one is converted at the series' mean over that stretch and added up.
///
/// Conserves: the outermost scopes and the unscoped rest come to the run's emissions, as their
///         joules do, because every part of a stretch is converted at one intensity. A later
///         correction of a scope's joules is converted at the stretch in which it is made.
/// Thread: any. Cost: linear in the scopes; call it as often as the intensity changes, since a
///         scope that lies within one stretch has the stretch's mean.
///
///     emissions_timeline timeline(started);
///     timeline.fill(r, now);        // r: the run so far; afterwards r.co2e and the rows' are set
class emissions_timeline {
 public:
    explicit emissions_timeline(wall_time started) : last_(started) {}

    void fill(report& r, wall_time now) {
        const std::lock_guard<std::mutex> lock(mutex_);
        const carbon_model& m = r.context.carbon;
        const wall_time begin = now < last_ ? now : last_;
        r.co2e = advance(total_, r.total, m, begin, now);
        const std::vector<std::size_t> here = places_.add(r);
        by_place_.resize(places_.size());
        for (std::size_t i = 0; i < here.size(); ++i)
            r.scopes[i].co2e = advance(by_place_[here[i]], r.scopes[i].total, m, begin, now);
        last_ = now;
    }

 private:
    struct account {
        energy seen;
        emissions sum;
    };

    static emissions advance(account& a, energy so_far, const carbon_model& m, wall_time begin,
                             wall_time now) {
        a.sum += m.of(so_far - a.seen, begin, now);
        a.seen = so_far;
        return a.sum;
    }

    std::mutex mutex_;
    wall_time last_;
    account total_;
    row_places places_;
    detail::list<account> by_place_;
};

}  // namespace v1
}  // namespace joulery
