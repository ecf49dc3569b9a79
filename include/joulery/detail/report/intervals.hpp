// intervals.hpp - windows and intervals of a run, each at its own carbon intensity.
// SPDX-License-Identifier: MIT
#pragma once

#include "joulery/carbon/carbon_model.hpp"
#include "joulery/detail/core/concat.hpp"
#include "joulery/detail/core/list.hpp"
#include "joulery/detail/report/scope_tree.hpp"
#include "joulery/report.hpp"
#include "joulery/report_io.hpp"
#include "joulery/units.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace joulery {
inline namespace v1 {

namespace detail {

/// The errors of two sums of one run are correlated: the later sum includes the earlier one.
[[nodiscard]] inline double uncertainty_between(double later, double earlier) noexcept {
    return std::sqrt(std::fabs(later * later - earlier * earlier));
}

inline void subtract_row(scope_row& row, const scope_row& before) {
    row.calls -= std::min(row.calls, before.calls);
    if (row.busy_time || before.busy_time)
        row.busy_time = row.busy_time.value_or(row.time) - before.busy_time.value_or(before.time);
    row.time -= before.time;
    row.total -= before.total;
    row.self -= before.self;
    for (std::size_t c = 0; c < row.by_channel.size() && c < before.by_channel.size(); ++c)
        row.by_channel[c] -= before.by_channel[c];
    if (row.idle && before.idle) *row.idle -= *before.idle;
    row.uncertainty = energy::from_joules(
        uncertainty_between(row.uncertainty.joules(), before.uncertainty.joules()));
    row.untimed_calls -= std::min(row.untimed_calls, before.untimed_calls);
    row.time_uncertainty =
        seconds(uncertainty_between(row.time_uncertainty.count(), before.time_uncertainty.count()));
    row.co2e -= before.co2e;
    row.items -= before.items;
    row.call_times.subtract(before.call_times);
    row.call_energies.subtract(before.call_energies);
}

inline void subtract_channel(channel_row& row, const channel_row& before) {
    row.total -= before.total;
    row.unscoped -= before.unscoped;
    row.tally.reads -= before.tally.reads;
    row.tally.wraps -= before.tally.wraps;
    row.tally.resets -= before.tally.resets;
    row.tally.failures -= before.tally.failures;
    row.tally.gaps -= before.tally.gaps;
    row.tally.unmeasured_seconds -= before.tally.unmeasured_seconds;
}

inline void subtract_cost(report& window, const report& before) {
    self_cost& cost = window.overhead;
    const self_cost& past = before.overhead;
    const double processor_time = cost.share_of_cpu > 0 && past.share_of_cpu > 0
                                      ? (cost.sampler + cost.edges).count() / cost.share_of_cpu -
                                            (past.sampler + past.edges).count() / past.share_of_cpu
                                      : 0;
    cost.sampler -= past.sampler;
    cost.attribution -= past.attribution;
    cost.edges -= past.edges;
    cost.scopes = std::max(cost.scopes - past.scopes, seconds(0));
    cost.samples -= past.samples;
    cost.edge_reads -= past.edge_reads;
    cost.skipped_edges -= past.skipped_edges;
    cost.joules -= past.joules;
    for (reading_cost& now : cost.reading)
        for (const reading_cost& then : past.reading) {
            if (now.backend != then.backend) continue;
            now.reads -= then.reads;
            now.time -= then.time;
            now.sampler -= then.sampler;
        }
    const double spent = (cost.sampler + cost.edges).count();
    const double length = window.context.duration.count();
    cost.share_of_wall = length > 0 ? spent / length : 0;
    cost.share_of_cpu = processor_time > 0 ? spent / processor_time : 0;
}

/// The time of the window, in the context and in the runs, which keep the whole run's identity.
inline void set_time(report& window, const report& before) {
    run_context& c = window.context;
    const double begin = c.started.unix_seconds() + before.context.duration.count();
    c.duration -= before.context.duration;
    c.started = wall_time::from_unix_seconds(begin);
    append(c.run_id, {"@", c.started.to_iso8601()});
    for (run_span& run : window.runs) {
        for (const run_span& known : before.runs) {
            if (known.run_id != run.run_id) continue;
            run.begin = known.end;
            for (std::size_t i = 0; i < run.by_channel.size() && i < known.by_channel.size(); ++i)
                run.by_channel[i] -= known.by_channel[i];
            append(run.run_id, {"@", wall_time::from_unix_seconds(run.begin).to_iso8601()});
            break;
        }
    }
}

}  // namespace detail

JOULERY_DECL report difference(const report& later, const report& earlier) {
    report window = later;
    window.history = {};
    window.slices = {};
    if (later.context.run_id != earlier.context.run_id ||
        later.channels.size() != earlier.channels.size()) {
        window.warnings.emplace_back(
            "the earlier report is not of this run: these figures are of the whole run");
        return window;
    }
    row_places places;
    const std::vector<std::size_t> old_places = places.add(earlier);
    const std::vector<std::size_t> new_places = places.add(later);
    detail::list<const scope_row*> known(places.size(), nullptr);
    for (std::size_t i = 0; i < old_places.size(); ++i) known[old_places[i]] = &earlier.scopes[i];
    for (std::size_t i = 0; i < new_places.size(); ++i) {
        scope_row& row = window.scopes[i];
        if (const scope_row* before = known[new_places[i]]) detail::subtract_row(row, *before);
        set_percentiles(row);
    }
    for (std::size_t c = 0; c < window.channels.size(); ++c)
        detail::subtract_channel(window.channels[c], earlier.channels[c]);
    window.total -= earlier.total;
    window.unscoped -= earlier.unscoped;
    window.co2e -= earlier.co2e;
    detail::set_time(window, earlier);
    detail::subtract_cost(window, earlier);
    return window;
}

namespace detail {

/// Makes an interval of each report of a run: the difference to the report before, or, for the
/// first, everything since the start.
///
/// Thread: one at a time.
///
///     interval_maker intervals;
///     on_interval(intervals.next(meter.snapshot(), false));
class interval_maker {
 public:
    [[nodiscard]] interval_report next(report so_far, bool is_last) {
        interval_report i;
        i.number = ++number_;
        i.window = last_ ? difference(so_far, *last_) : so_far;
        i.so_far = so_far;
        i.is_last = is_last;
        last_ = std::move(so_far);
        return i;
    }

 private:
    std::optional<report> last_;
    std::uint64_t number_ = 0;
};

}  // namespace detail

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
