// metered_source.hpp - a source with its books and the schedule of its samples.
// SPDX-License-Identifier: MIT
#pragma once

#include "joulery/detail/attribution/books.hpp"
#include "joulery/detail/metering/energy_source.hpp"
#include "joulery/detail/metering/power_recorder.hpp"
#include "joulery/detail/metering/read_schedule.hpp"
#include "joulery/detail/metering/sampling_share.hpp"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <utility>
#include <vector>

namespace joulery {
inline namespace v1 {
namespace detail {

/// A source, its books, and when it is read next.
class metered_source {
 public:
    metered_source(std::unique_ptr<backend> b, std::size_t index, std::size_t first_channel,
                   std::chrono::nanoseconds period, const time_source& clock)
        : source(std::move(b), index, first_channel, clock.seconds_per_tick()),
          ledger(source, clock.now()),
          lags(source.channel_count()),
          lag_spreads(source.channel_count()),
          drifts(source.channel_count()),
          own_joules(source.channel_count()) {
        source.choose_period(period);
        history = power_recorder(source.channel_count(), source.period(), 0);
    }

    /// Takes the first read in, the baseline, and plans the next. `born`: the meter's first tick.
    /// Where a report came before it, that had the baseline.
    void begin(const time_source& clock, std::uint64_t born) {
        source.take_in(clock.seconds_per_tick());
        history = power_recorder(
            source.channel_count(), source.period(),
            static_cast<double>(source.polled_at() - born) * clock.seconds_per_tick());
        const double ticks = source.period() / clock.seconds_per_tick();
        schedule_ = read_schedule(
            ticks, hunt_seconds / clock.seconds_per_tick(),
            lead() < source.channel_count() && source.fastest_update() >= finest_hunt);
        next_due = clock.now() + (schedule_.lockable() ? 1 : static_cast<std::uint64_t>(ticks));
    }

    energy_source source;
    books ledger;
    power_recorder history{0, 1, 0};
    std::atomic<double> sampler_seconds{0};  ///< processor time of sampling
    std::atomic<double> hunting_seconds{0};  ///< of it, waiting for ticks
    sampling_share sampling;  ///< of all samplers, between two samples of this source
    std::uint64_t samples = 0;
    std::atomic<std::uint64_t> next_due{0};  ///< tick at which the sampler reads again

    /// This process's share of the machine's work since the last call; empty: all is billed to it.
    std::function<double()> process_share;

    /// How old the channels' values are at `now` and how sure that is, in ticks; filled by `age`.
    std::vector<double> lags;
    std::vector<double> lag_spreads;
    std::vector<double> drifts;  ///< of `lag_spreads`, what is the same until the next sample

    std::vector<double> own_joules;  ///< of those that the books hold, this process's share

    /// Looks at how old the last read's values are. A channel whose ticks are not known is taken as
    /// it is, with the doubt of a whole update.
    void age() {
        for (std::size_t c = 0; c < lags.size(); ++c) {
            const update_tracker& t = source.tracker(c);
            const bool known = source.has_ticks(c) && t.locked();
            drifts[c] = known ? t.spread(t.counter_ticks_since(source.polled_at())) : 0.0;
            if (known && source.caught(c)) {
                lags[c] = 0;
                lag_spreads[c] = t.slack() / std::sqrt(12.0);
            } else {
                lags[c] = known ? t.lag(source.polled_at()) : 0.0;
                lag_spreads[c] =
                    known ? t.lag_spread(source.polled_at()) : t.period() / std::sqrt(12.0);
            }
        }
    }

    /// The moment that the last read's values belong to, where the lead's tick was caught: half way
    /// between the read that saw it and the one before. 0: not known.
    [[nodiscard]] std::uint64_t tick_caught_at() const noexcept {
        const std::size_t l = lead();
        if (l >= source.channel_count() || !source.caught(l) || !source.tracker(l).locked())
            return 0;
        return source.polled_at() - static_cast<std::uint64_t>(source.tracker(l).slack() / 2);
    }

    /// Whether the next read is to fall on a moment, to within microseconds.
    [[nodiscard]] bool is_hunting() const noexcept {
        return hunting_.load(std::memory_order_relaxed);
    }

    /// After a read by the sampler: whether it is the sample, and when the next read is due.
    /// `may_hunt`: ticks may be waited for.
    [[nodiscard]] bool is_sample(bool may_hunt) {
        const std::size_t l = lead();
        const bool led = l < source.channel_count();
        const lock_step step =
            schedule_.after_read(source.tracker(led ? l : 0), source.polled_at(),
                                 led && source.caught(l), source.read_cost(), may_hunt);
        next_due = step.next_due;
        hunting_ = step.hunts;
        return step.settle;
    }

    /// Variance of each channel's joules as of the last read, J^2: the doubt about the value's age
    /// at the channel's mean power, and its smallest step. After `age`.
    [[nodiscard]] std::vector<double> state_variance(double ticks_lived) const {
        std::vector<double> variance;
        for (std::size_t c = 0; c < lags.size(); ++c) {
            const double joules = source.joules()[c] / std::max(ticks_lived, 1.0) * lag_spreads[c];
            const double quantum = smallest_joules(source.channels()[c]);
            variance.push_back(joules * joules + quantum * quantum / 12);
        }
        return variance;
    }
    /// The same as of the sample before; `now` takes its place. Before the first sample the meter's
    /// first read counts, which came at any time within an update.
    [[nodiscard]] std::vector<double> variance_before(const std::vector<double>& now,
                                                      double ticks_lived) {
        std::vector<double> before = std::exchange(variance_before_, now);
        if (!before.empty()) return before;
        before = now;
        for (std::size_t c = 0; c < before.size(); ++c) {
            const double joules =
                source.joules()[c] / std::max(ticks_lived, 1.0) * source.tracker(c).period();
            before[c] += joules * joules;
        }
        return before;
    }

    /// The counter whose ticks the samples follow: of those not contained in another the one with
    /// the most joules; past the end where there is none.
    [[nodiscard]] std::size_t lead() const noexcept {
        std::size_t best = source.channel_count();
        for (std::size_t c = 0; c < source.channel_count(); ++c) {
            if (!source.has_ticks(c)) continue;
            if (best == source.channel_count() || source.joules()[c] > source.joules()[best])
                best = c;
        }
        return best;
    }

    /// Ten dated samples a second tell apart what can be told (bench/accuracy).
    static constexpr double hunt_seconds = 0.1;
    /// Counters that tick faster than this, in seconds, are as good as continuous.
    static constexpr double finest_hunt = 20e-6;

 private:
    read_schedule schedule_{1, 1, false};
    std::atomic<bool> hunting_{false};
    std::vector<double> variance_before_;  ///< as of the last sample
};

}  // namespace detail
}  // namespace v1
}  // namespace joulery
