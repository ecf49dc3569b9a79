// counter_edges.hpp - reads counters at known times, to a fraction of their update period.
// SPDX-License-Identifier: MIT
#pragma once

#include "joulery/detail/core/finite.hpp"
#include "joulery/detail/metering/domain_tree.hpp"
#include "joulery/detail/session/engine.hpp"
#include "joulery/meter.hpp"
#include "joulery/testing/access.hpp"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstddef>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

namespace joulery {
inline namespace v1 {
namespace testing {

/// A reading, with the staleness of each channel's value.
struct dated_reading {
    reading at;
    std::vector<double> staleness;  ///< seconds since the channel's update; NaN: unknown
};

/// The energy between two dated readings.
struct dated_difference {
    energy used;        ///< sum over the summed channels
    energy resolution;  ///< k = 2
    seconds time{};
    quality provenance = quality::measured;
};

/// Reads a meter just after its counters' updates. A counter shows the energy up to its last
/// update; since the times of the updates are known at both ends, the shown energy is scaled to the
/// requested interval. The wait for an update is before the beginning and after the end, never
/// inside.
///
/// Thread: one owner. Cost: up to two update periods of busy reading per edge, 60 ms at most.
/// Fails:  never; if a counter is not updated in time its value stays undated, and the resolution
///         is larger. Energy between the last update and the end is taken at the interval's mean
///         power, so power changes within one period cause an error.
///
///     counter_edges edges{m};
///     const dated_reading a = edges.before();
///     work();
///     energy e = edges.between(a, edges.after()).used;
class counter_edges {
 public:
    explicit counter_edges(meter& m) : meter_(m), channels_(m.channels()) {
        const domain_tree tree = build_domain_tree(channels_);
        for (std::size_t i = 0; i < channels_.size(); ++i) {
            summed_.push_back(tree.domains[i].summed);
            const double period = std::chrono::duration<double>(channels_[i].update_period).count();
            periods_.push_back(period);
            if (!summed_[i]) continue;
            slowest_ = std::max(slowest_, period);
            if (channels_[i].kind != reading_kind::energy_counter || period > longest_wait / 2)
                continue;
            if (lead_ == none || period > periods_[lead_]) lead_ = i;
        }
    }

    /// Waits for an update of the slowest counter worth waiting for, then reads.
    [[nodiscard]] dated_reading before() {
        refresh_periods();
        dated_reading edge{meter_.read(), unknown_ages()};
        if (lead_ == none) return edge;
        if (!std::exchange(looked_, true)) edge.at = look_at_periods(edge.at);
        const watch seen = watch_updates(edge.at, 1);
        edge.at = seen.last;
        for (std::size_t c = 0; c < seen.latest.size(); ++c)
            if (seen.latest[c] >= 0)
                edge.staleness[c] = std::clamp(seen.elapsed - seen.latest[c], 0.0, periods_[c]);
        return edge;
    }

    /// Reads, then waits for an update to date the values.
    [[nodiscard]] dated_reading after() {
        dated_reading edge{meter_.read(), unknown_ages()};
        if (lead_ == none) return edge;
        const watch seen = watch_updates(edge.at, 1);
        refresh_periods();
        for (std::size_t c = 0; c < seen.first.size(); ++c)
            if (seen.first[c] >= 0)
                edge.staleness[c] = std::clamp(periods_[c] - seen.first[c], 0.0, periods_[c]);
        return edge;
    }

    [[nodiscard]] dated_difference between(const dated_reading& a, const dated_reading& b) const {
        const reading_difference d = b.at - a.at;
        dated_difference out;
        out.time = d.time();
        out.provenance = d.provenance();
        double variance = 0;
        for (std::size_t c = 0; c < d.by_channel().size(); ++c) {
            if (!summed_[c]) continue;
            const energy shown = d.by_channel()[c];
            const bool dated = !is_nan(a.staleness[c]) && !is_nan(b.staleness[c]);
            const double covered =
                d.time().count() - (dated ? b.staleness[c] - a.staleness[c]
                                          : 0);  // seconds that the difference covers
            const bool carried = dated && covered > d.time().count() / 2;
            out.used += carried ? shown * (d.time().count() / covered) : shown;
            variance += edge_variance(c, shown / d.time(), carried);
        }
        out.resolution = energy::from_joules(2 * std::sqrt(variance));
        return out;
    }

    /// Update period of the slowest summed channel, in seconds.
    [[nodiscard]] double slowest_update() const noexcept { return slowest_; }
    /// The summed channels: "cpu0/package + gpu/0/board".
    [[nodiscard]] std::string summed_channels() const {
        std::string names;
        for (std::size_t c = 0; c < channels_.size(); ++c)
            if (summed_[c]) names.append(names.empty() ? "" : " + ").append(channels_[c].id);
        return names;
    }

    /// The longest wait at an edge, in seconds.
    static constexpr double longest_wait = 0.06;

 private:
    static constexpr std::size_t none = ~std::size_t{0};

    /// What was observed while waiting; times in seconds since the wait began, -1: never.
    struct watch {
        reading last;
        double elapsed = 0;
        std::vector<double> first, latest;
        std::vector<int> updates;
    };

    [[nodiscard]] std::vector<double> unknown_ages() const {
        return std::vector<double>(channels_.size(), not_a_number());
    }

    // Until the reference channel has been updated this many times.
    watch watch_updates(const reading& begin, int wanted) {
        watch w{begin, 0, std::vector<double>(channels_.size(), -1.0),
                std::vector<double>(channels_.size(), -1.0), std::vector<int>(channels_.size(), 0)};
        const double limit = std::min(2.5 * periods_[lead_], longest_wait);
        for (int still = 0;
             still < 64 && w.elapsed < limit * wanted && w.updates[lead_] < wanted;) {
            reading next = meter_.read();
            const reading_difference step = next - w.last;
            const double gap = step.time().count();
            still = gap > 0 ? 0 : still + 1;  // a test's clock may stand still
            w.elapsed += gap;
            for (std::size_t c = 0; c < channels_.size(); ++c) {
                if (step.by_channel()[c].joules() == 0) continue;
                ++w.updates[c];
                w.latest[c] = w.elapsed - gap / 2;
                if (w.first[c] < 0) w.first[c] = w.latest[c];
            }
            w.last = std::move(next);
        }
        return w;
    }

    // Counters that are finer than declared (a plug-in that computes its joules at every read)
    // would be misdated by a whole period.
    reading look_at_periods(const reading& begin) {
        const watch seen = watch_updates(begin, 3);
        for (std::size_t c = 0; c < channels_.size(); ++c)
            if (seen.updates[c] > 1)
                periods_[c] =
                    std::min(periods_[c], (seen.latest[c] - seen.first[c]) / (seen.updates[c] - 1));
        return seen.last;
    }

    // The engine learns each counter's true period, which differs by a percent or two from the
    // nominal one.
    void refresh_periods() {
        std::size_t i = 0;
        for (const auto& m : access::engine_of(meter_).backends()) {
            const std::lock_guard<std::mutex> lock(m->reader.state_mutex);
            const double tick = access::engine_of(meter_).tick_seconds();
            for (std::size_t c = 0; c < m->reader.channel_count(); ++c, ++i)
                if (m->reader.tracker(c).locked())
                    periods_[i] = m->reader.tracker(c).period() * tick;
        }
    }

    // At both ends: the counter's step, and the uncertainty of the time of its update.
    [[nodiscard]] double edge_variance(std::size_t c, power p, bool dated) const noexcept {
        const channel& ch = channels_[c];
        const bool gauge = ch.kind == reading_kind::power_gauge;
        const double quantum = gauge ? 0 : (ch.quantum > 0 ? ch.quantum : ch.joules_per_count);
        const double late = p.watts() * periods_[c] * (dated ? 0.03 : 1.0);
        return 2 * (quantum * quantum + late * late) / 12;
    }

    meter& meter_;
    std::vector<channel> channels_;
    std::vector<bool> summed_;
    std::vector<double> periods_;
    double slowest_ = 0;
    std::size_t lead_ = none;
    bool looked_ = false;
};

}  // namespace testing
}  // namespace v1
}  // namespace joulery
