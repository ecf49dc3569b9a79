// emissions_timeline.hpp - converts the energy of each interval at that interval's intensity.
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

/// Computes a report's emissions when the intensity varies. Each call converts the energy that each
/// scope has gained since the last call, at the mean of the series over that time, and adds it.
///
/// Conserves: outermost scopes and the unscoped rest add up to the run's emissions, as their joules
/// do, because everything in an interval is converted at one intensity. A later correction of a
/// scope's joules is converted at the intensity of the interval in which it is made.
/// Thread: any. Cost: linear in the scopes. Call it as often as the intensity changes: a scope
///         within one interval gets the interval's mean.
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
