// metered_backend.hpp - a backend, the schedule of its reads, and who used its energy.
// SPDX-License-Identifier: MIT
#pragma once

#include "joulery/detail/attribution/channel_attribution.hpp"
#include "joulery/detail/core/list.hpp"
#include "joulery/detail/metering/backend_reader.hpp"
#include "joulery/detail/metering/power_recorder.hpp"
#include "joulery/detail/metering/read_schedule.hpp"
#include "joulery/detail/timing/call_recorder.hpp"

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

/// Whether a part contains or serves the processors, so that its energy follows threads' time.
[[nodiscard]] constexpr bool goes_with_processors(component part) noexcept {
    return part != component::gpu && part != component::npu && part != component::other;
}

/// The stated error of a model is part of an estimate's uncertainty; that of a sensor is reported
/// separately. One standard deviation, as a fraction.
[[nodiscard]] inline double model_error(const channel& c) noexcept {
    return c.provenance == quality::estimated ? c.relative_error / 2 : 0;
}

/// Whether its energy depends on which scopes are open: an estimate only follows the load.
[[nodiscard]] inline bool separates_scopes(const channel& c) noexcept {
    return c.provenance != quality::estimated;
}

/// A backend with, for each of its channels, the time of its next read and the attribution of its
/// energy.
class metered_backend {
 public:
    metered_backend(std::unique_ptr<backend> b, std::size_t index, std::size_t first_channel,
                    std::chrono::nanoseconds period, attribution policy, const time_source& clock)
        : reader(std::move(b), index, first_channel, clock.seconds_per_tick()) {
        reader.choose_period(period);
        history = power_recorder(reader.channel_count(), reader.period(), 0);
        schedules_.resize(reader.channel_count());
        waiting_.reserve(reader.channel_count());
        billed_at_.resize(reader.channel_count());
        for (std::size_t c = 0; c < reader.channel_count(); ++c) {
            channel_traits t;
            t.policy = policy;
            t.follows_processors = goes_with_processors(reader.channels()[c].part);
            t.separates_scopes = separates_scopes(reader.channels()[c]);
            t.quantum = smallest_joules(reader.channels()[c]);
            t.known_memory = gauge_memory(c);
            if (may_average(reader.channels()[c])) t.model_error = error_of_averages;
            t.seconds_per_tick = clock.seconds_per_tick();
            t.index = first_channel + c;
            shares.emplace_back(t);
        }
    }

    /// Takes the first read as the baseline and plans the next. `created_at`: the meter's first
    /// tick. `counters`: how many of the meter's counters are watched for their updates; `crowds`:
    /// how many of its backends have many channels.
    void begin(const time_source& clock, std::uint64_t created_at, std::size_t counters,
               std::size_t crowds) {
        const double tick = clock.seconds_per_tick();
        reader.accumulate(tick);
        history = power_recorder(reader.channel_count(), reader.period(),
                                 static_cast<double>(reader.read_at() - created_at) * tick);
        read_budget b;
        b.sample_period = reader.period() / tick;
        b.finest_sample = watch_seconds / tick;
        b.share = budget_awake / static_cast<double>(std::max<std::size_t>(counters, 1));
        if (has_many()) {
            b.share *= static_cast<double>(few) / static_cast<double>(reader.channel_count());
            b.plain_share = share_of_many / static_cast<double>(std::max<std::size_t>(crowds, 1));
        }
        b.credit = credit_seconds / tick /
                   std::sqrt(static_cast<double>(std::max<std::size_t>(counters, 1)));
        b.step_cost = short_sleep / tick;
        begun_at_ = clock.now();
        for (std::size_t c = 0; c < reader.channel_count(); ++c) {
            schedules_[c] = read_schedule(b, clock.now(), is_watched(c));
            if (!shares[c].has_begun()) shares[c].begin(reading(c, false), states);
            billed_at_[c] = clock.now();
        }
        plan();
    }

    /// After a read by the sampler: attributes the energy of the channels for which it ends a row.
    /// `own`: this process's share of the energy, by channel.
    template <class OwnShare>
    void step(OwnShare own) {
        const double tick = seconds_per_tick();
        const read_price price_of_read{reader.read_cost(), reader.read_processor() / tick, 0};
        read_price price = price_of_read;
        price.row = std::max(row_cost_ - usual_row, 0.0) / tick;
        bool sampled = false;
        waiting_.clear();
        for (std::size_t c = 0; c < reader.channel_count(); ++c) {
            const bool is_plain = !is_watched(c) && !has_many();
            const read_verdict v =
                schedules_[c].after_read(reader.tracker(c), reader.read_at(),
                                         is_plain ? price_of_read : price, reader.dated(c));
            if (reader.last_status() != read_status::ok) continue;
            if (!v.samples && !reader.dated(c)) continue;  // it ends no row
            // Unwatched channels are read as often as without costly rows, but end fewer of them.
            if (is_plain && !is_affordable(share_of_plain_rows, reader.values_at())) {
                sampled = sampled || v.samples;
                continue;
            }
            dated_reading r = reading(c, reader.dated(c));
            r.bills = v.samples;
            // A reading that is not dated well waits for one that is.
            r.bills = r.bills && (r.fits || reader.dated(c) || is_overdue(c, r.at));
            sampled = sampled || v.samples;
            if (r.bills || r.fits) waiting_.push_back({c, r.joules - shares[c].joules(), r});
        }
        ended_rows_ = !waiting_.empty();
        take_waiting(own);
        if (sampled) ++samples;
        double lag = 0;
        for (const channel_attribution& s : shares) lag = std::max(lag, s.lag());
        lag_.store(lag, std::memory_order_relaxed);
        plan();
    }

    /// Ends a row of every channel at this read, whatever the moment: for a report, or at the edge
    /// of a scope.
    template <class OwnShare>
    void end_rows(OwnShare own, bool at_edge) {
        for (std::size_t c = 0; c < reader.channel_count(); ++c) {
            dated_reading r = reading(c, reader.dated(c));
            r.bills = true;
            r.fits = r.fits && (reader.dated(c) || !is_watched(c));
            r.at_edge = at_edge;
            shares[c].take(r, states, own(c));
            billed_at_[c] = r.at;
        }
    }

    /// Lets every channel visit the contexts of ended threads one last time.
    void look_at_ended() {
        list<thread_context*> ended;
        for (const auto& c : states.all())
            if (!c->last_rows[reader.index()].load(std::memory_order_relaxed) &&
                c->thread_ended.load(std::memory_order_acquire))
                ended.push_back(c.get());
        if (ended.empty()) return;
        states.look_again();  // they may have ended after the last visit
        for (channel_attribution& s : shares) s.look_again(reader.read_at(), states);
        for (thread_context* c : ended) c->last_rows[reader.index()] = true;
    }

    /// Whether the last reading by the sampler ended rows.
    [[nodiscard]] bool ended_rows() const noexcept { return ended_rows_; }
    /// Whether it has so many channels that they share one budget.
    [[nodiscard]] bool has_many() const noexcept { return reader.channel_count() > few; }
    /// Sets whether a channel is part of the total. Call with `state_mutex` held.
    void set_summed(std::size_t c, bool summed) {
        if (summed_[c] == summed) return;
        summed_[c] = summed;
        ++sums_changed_;
        sums_any_.store(is_in(summed_, true), std::memory_order_relaxed);
    }
    [[nodiscard]] bool sums_any() const noexcept {
        return sums_any_.load(std::memory_order_relaxed);
    }
    /// Adds the energy of its summed channels for a path; false if a row of one of them continues
    /// past the edge. Call with `state_mutex` held.
    [[nodiscard]] bool add_to(edge_energy& energy, const path_record& path) const noexcept {
        bool all = true;
        energy.channels += sums_changed_;
        for (std::size_t c = 0; c < shares.size(); ++c) {
            if (!summed_[c]) continue;
            all = all && !(shares[c].seconds_unbilled() > 0);
            energy.inside += shares[c].by_share(path);
            energy.own += shares[c].own_joules();
        }
        return all;
    }

    backend_reader reader;
    list<channel_attribution> shares;  ///< one per channel
    scope_states states;               ///< the scopes that the channels visit; updated at each read
    power_recorder history{0, 1, 0};
    std::atomic<double> sampler_seconds{0};      ///< processor time of sampling
    std::atomic<double> attribution_seconds{0};  ///< the part of it spent on attribution
    double cpu_at_read = 0;  ///< the sampler's processor time when the last read returned
    /// Notes the sampler's processor time when it has finished with a reading.
    void note_sampled(double now) noexcept {
        const double taken = now - cpu_at_read;
        attribution_seconds = attribution_seconds + taken;
        sampler_seconds = now;
        if (!ended_rows_) return;
        row_seconds_ += std::max(taken - usual_row, 0.0);
        // The first ones take longer, as they allocate memory.
        row_cost_ += (taken - row_cost_) / std::min(++row_readings_ + 1, 16.0);
    }
    sampling_share sampling;  ///< of all samplers, between two samples of this backend
    std::uint64_t samples = 0;
    std::atomic<std::uint64_t> next_due{0};  ///< tick at which the sampler reads again

    /// This process's share of the machine's work since the last call; empty: everything is billed
    /// to it.
    std::function<double()> process_share;
    double processor_share = 1;  ///< the last answer of `process_share`
    double rest = 1;             ///< share of the processors' energy that sampling did not use

    /// Whether the next read must hit a moment to within microseconds.
    [[nodiscard]] bool is_watching() const noexcept {
        return watching_.load(std::memory_order_relaxed);
    }

    /// Whether the next rows need the exact time of short scopes, so that the regression can
    /// separate their powers: the rows of a burst or, if no counter is watched, some of all rows.
    [[nodiscard]] bool needs_exact_times() const noexcept {
        bool watched = false, separates = false;
        for (std::size_t c = 0; c < schedules_.size(); ++c) {
            watched = watched || is_watched(c);
            separates = separates || separates_scopes(reader.channels()[c]);
            if (is_watched(c) && schedules_[c].is_in_burst()) return true;
        }
        return !watched && separates && (samples < first_exact || samples % one_exact_of == 0);
    }
    bool wants_exact_times = false;  ///< as the engine knows it; guarded by `state_mutex`

    /// The longest memory of its sensors, in seconds; scopes shorter than several of these are not
    /// read at their edges.
    [[nodiscard]] double longest_lag() const noexcept {
        return lag_.load(std::memory_order_relaxed);
    }

    /// Whether the updates of a counter are watched for. A counter that updates faster than
    /// `just_now` is as good as continuous.
    [[nodiscard]] bool is_watched(std::size_t c) const noexcept {
        const double update =
            std::chrono::duration<double>(reader.channels()[c].update_period).count();
        return reader.has_updates(c) && update >= finest_update;
    }

    /// s; after this time a row ends even if its end is not dated well.
    static constexpr double longest_unbilled = 2;
    static constexpr double just_now = 200e-6;  ///< s
    static constexpr double finest_update = 20e-6, slow_update = 20e-3;
    /// Ten dated samples a second separate everything that can be separated (bench/accuracy).
    static constexpr double watch_seconds = 0.1;
    /// Budget for busy-waiting for updates, of all counters together: the long-run share of one
    /// processor, and the seconds allowed at first, while little is known.
    static constexpr double budget_awake = 0.0018, credit_seconds = 12e-3;
    /// Shorter sleeps are busy-waited, because a thread wakes up about 60 us late.
    static constexpr double short_sleep = 100e-6;

 private:
    // A reading that may end a row, and the joules since the last row ended.
    struct waiting_row {
        std::size_t channel;
        double joules;
        dated_reading reading;
    };
    // One read covers all channels, and a row costs tens of microseconds: settings for a few
    // channels would take tens of percent of a processor for hundreds.
    static constexpr std::size_t few = 12, rows_of_many = 6;
    static constexpr double usual_row = 100e-6;  ///< s, of the sampler's processor time
    static constexpr double share_of_many = 0.0005;
    /// Fraction of one processor that rows may take if their reading is overdue and not dated, and
    /// if their channel is not watched; and the seconds they may take in advance.
    static constexpr double share_of_rows = 0.001, share_of_plain_rows = 0.003;
    static constexpr double credit_of_rows = 20e-3;
    static constexpr std::uint64_t first_exact = 32, one_exact_of = 16;  ///< samples

    // Among many channels, rows end only for those with the most energy; the others continue.
    template <class OwnShare>
    void take_waiting(OwnShare& own) {
        const std::size_t most = has_many() ? rows_of_many : few;
        if (waiting_.size() > most)
            std::nth_element(waiting_.begin(), waiting_.begin() + static_cast<std::ptrdiff_t>(most),
                             waiting_.end(), [](const waiting_row& a, const waiting_row& b) {
                                 return a.joules > b.joules;
                             });
        for (std::size_t i = 0; i < std::min(waiting_.size(), most); ++i) {
            const waiting_row& w = waiting_[i];
            const dated_reading& r = w.reading;
            shares[w.channel].take(r, states, r.bills ? own(w.channel) : 1);
            if (r.bills) billed_at_[w.channel] = r.at;
        }
    }
    // With thousands of scopes, a row takes milliseconds.
    [[nodiscard]] bool is_affordable(double share, std::uint64_t at) const noexcept {
        return row_seconds_ <= credit_of_rows + share * seconds_since(begun_at_, at);
    }
    [[nodiscard]] bool is_overdue(std::size_t c, std::uint64_t at) const noexcept {
        return seconds_since(billed_at_[c], at) > longest_unbilled &&
               is_affordable(share_of_rows, at);
    }
    [[nodiscard]] double seconds_since(std::uint64_t then, std::uint64_t now) const noexcept {
        return now > then ? static_cast<double>(now - then) * seconds_per_tick() : 0;
    }

    // s: a gauge shows the power at some moment since its last update, or the mean since then; 0:
    // none.
    [[nodiscard]] double gauge_memory(std::size_t c) const noexcept {
        const channel& of = reader.channels()[c];
        return of.kind == reading_kind::power_gauge
                   ? std::chrono::duration<double>(of.update_period).count()
                   : 0;
    }
    // GPUs report means over 25 to 100 ms without saying so (NVML; it depends on model and driver).
    // Rows of scopes shorter than that give powers that look certain but are off by half of the
    // mean.
    [[nodiscard]] static bool may_average(const channel& c) noexcept {
        return c.part == component::gpu && c.update_period >= slowest_plain_sum;
    }
    static constexpr std::chrono::milliseconds slowest_plain_sum{5};
    static constexpr double error_of_averages = 0.5;
    // The last read's value of a channel, and its staleness.
    [[nodiscard]] dated_reading reading(std::size_t c, bool dated) const {
        const update_tracker& t = reader.tracker(c);
        const double tick = seconds_per_tick();
        dated_reading r;
        r.at = reader.values_at();
        r.joules = reader.joules()[c];
        if (reader.has_updates(c)) r.unchanged = reader.unchanged(c) * tick;
        if (is_watched(c)) r.delay = t.delay() * tick, r.late = t.lateness() * tick;
        if (reader.channels()[c].kind == reading_kind::power_gauge) {
            r.uncertainty = gauge_memory(c) / std::sqrt(3.0);  // anywhere since its last update
            r.fits = true;
        } else if (!is_watched(c)) {
            // A continuous counter, or one that is computed when asked.
            r.uncertainty = reader.has_updates(c) ? t.period() * tick / std::sqrt(12.0) : 0;
            r.fits = true;
        } else if (dated) {
            // The update came between the last two reads, halfway on average. If that was
            // microseconds ago the row ends there; otherwise it ends now, and the energy since then
            // is added.
            const double since = t.gap() / 2;
            if (since * tick <= just_now) r.at -= static_cast<std::uint64_t>(since);
            if (since * tick > just_now) r.staleness = since * tick;
            r.uncertainty = t.gap() / std::sqrt(12.0) * tick;
            r.fits = t.seen() >= 2;
        } else {
            const update_tracker::stale_time stale = t.staleness(r.at);
            const double period = t.period() * tick;
            r.staleness = stale.mean * tick;
            r.uncertainty = stale.deviation * tick;
            // For a counter that updates rarely, a read soon after an update is good enough.
            r.fits = t.locked() ? period >= slow_update && r.staleness < period / 5
                                : t.seen() == 0 && period * 20 < reader.period();
        }
        return r;
    }
    [[nodiscard]] double seconds_per_tick() const noexcept { return reader.seconds_per_tick(); }

    void plan() noexcept {
        std::uint64_t due = ~std::uint64_t{0};
        bool watching = false;
        double longest = 0;
        for (const read_schedule& s : schedules_) {
            longest = std::max(longest, s.sample_period());
            if (s.next_due() > due) continue;
            watching = s.next_due() < due ? s.is_watching() : watching || s.is_watching();
            due = s.next_due();
        }
        reader.expect_interval(longest * seconds_per_tick());
        next_due = due;
        watching_ = watching;
    }

    list<bool> summed_ = list<bool>(reader.channel_count(), false);
    std::uint32_t sums_changed_ = 0;
    std::atomic<bool> sums_any_{true};  ///< true until `set_summed` decides
    list<read_schedule> schedules_;
    list<waiting_row> waiting_;
    bool ended_rows_ = false;               ///< whether the last reading ended rows
    double row_cost_ = 0;                   ///< s, mean processor time to process such a reading
    double row_seconds_ = 0;                ///< s, of all of them, beyond the usual
    double row_readings_ = 0;               ///< how many there were
    std::uint64_t begun_at_ = 0;            ///< tick of the first read
    std::vector<std::uint64_t> billed_at_;  ///< by channel: tick at which the last billed row ended
    std::atomic<bool> watching_{false};
    std::atomic<double> lag_{0};  ///< atomic, since edges read it without a lock
};

}  // namespace detail
}  // namespace v1
}  // namespace joulery
