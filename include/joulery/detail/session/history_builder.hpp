// history_builder.hpp - adds power over time and recorded calls to a report.
// SPDX-License-Identifier: MIT
#pragma once

#include "joulery/detail/core/finite.hpp"
#include "joulery/detail/core/list.hpp"
#include "joulery/detail/metering/power_recorder.hpp"
#include "joulery/detail/session/engine.hpp"
#include "joulery/detail/timing/call_recorder.hpp"
#include "joulery/detail/timing/path_table.hpp"
#include "joulery/report.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <map>
#include <mutex>
#include <vector>

namespace joulery {
inline namespace v1 {
namespace detail {

/// Fills `report::history` and `report::slices`. The report's rows and channels must exist already.
class history_builder {
 public:
    /// `row_of`: the report's row for each path index.
    history_builder(engine& e, const std::vector<std::size_t>& row_of, report& into)
        : engine_(e), report_(into), row_of_(row_of) {}

    void build() {
        add_power();
        const call_archive archive = engine_.recorded_calls();
        for (const auto& [number, name] : archive.names()) {
            thread_of_[number] = report_.slices.threads.size();
            report_.slices.threads.push_back(name);
        }
        report_.slices.dropped = archive.dropped();
        for (const recorded_call& c : archive.calls()) add(c, report_.slices.slices, seconds(0));
        add_bands(archive.longest().calls());
    }

 private:
    // All series on the grid of the finest one, if that covers the run.
    void add_power() {
        list<power_recorder> series;
        int level = std::numeric_limits<int>::max();
        double end = 0;
        for (const auto& m : engine_.backends()) {
            const std::lock_guard<std::mutex> lock(m->reader.state_mutex);
            series.push_back(m->history);
            if (series.back().step_count() == 0) continue;
            level = std::min(level, series.back().level());
            end = std::max(end, series.back().end());
        }
        if (end <= 0) return;
        const auto most = static_cast<double>(power_recorder::capacity);
        while (end > power_recorder::step_of(level) * most) ++level;
        power_history& h = report_.history;
        h.step = seconds(power_recorder::step_of(level));
        const auto count = static_cast<std::size_t>(std::ceil(end / h.step.count() - 1e-9));
        for (std::size_t s = 0; s < series.size(); ++s)
            for (std::size_t c = 0; c < engine_.backends()[s]->reader.channel_count(); ++c)
                h.watts.push_back(series[s].watts(c, level, count));
        // A channel that never gave a value was not at 0 W.
        for (std::size_t c = 0; c < h.watts.size() && c < report_.channels.size(); ++c)
            if (report_.channels[c].state == "silent") h.watts[c].assign(count, not_a_number());
    }

    void add_bands(list<recorded_call> calls) {
        std::sort(calls.begin(), calls.end(), [](const recorded_call& a, const recorded_call& b) {
            return a.begin != b.begin ? a.begin < b.begin : a.end > b.end;
        });
        const seconds least(engine_.elapsed() * least_band);
        for (const recorded_call& c : calls) add(c, report_.history.bands, least);
    }

    void add(const recorded_call& c, std::vector<scope_slice>& to, seconds least) const {
        // A path created after the rows were made appears in the next report.
        if (c.path->index >= row_of_.size()) return;
        scope_slice s;
        s.scope = row_of_[c.path->index];
        s.thread = thread_of_.at(c.thread);
        s.begin = time_of(c.begin > engine_.created_at() ? c.begin - engine_.created_at() : 0);
        s.length = time_of(c.length());
        s.joules = not_a_number();
        if (s.length >= least) to.push_back(s);
    }
    [[nodiscard]] seconds time_of(std::uint64_t ticks) const noexcept {
        return seconds(static_cast<double>(ticks) * engine_.tick_seconds());
    }

    /// Calls shorter than this fraction of the run are invisible in a picture of it.
    static constexpr double least_band = 0.002;

    engine& engine_;
    report& report_;
    const std::vector<std::size_t>& row_of_;
    std::map<std::uint32_t, std::size_t> thread_of_;
};

}  // namespace detail
}  // namespace v1
}  // namespace joulery
