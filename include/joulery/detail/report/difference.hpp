// difference.hpp - a window of a running program: a report minus an earlier one.
// SPDX-License-Identifier: MIT
#pragma once

#include "joulery/detail/core/concat.hpp"
#include "joulery/detail/core/list.hpp"
#include "joulery/detail/report/scope_tree.hpp"
#include "joulery/report_io.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <string>
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

}  // namespace v1
}  // namespace joulery
