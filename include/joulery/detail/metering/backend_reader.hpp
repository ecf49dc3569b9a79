// backend_reader.hpp - reads one backend, dates its values, adds up its joules.
// SPDX-License-Identifier: MIT
#pragma once

#include "joulery/backend.hpp"
#include "joulery/detail/core/catch_bad_alloc.hpp"
#include "joulery/detail/core/list.hpp"
#include "joulery/detail/metering/channel_account.hpp"
#include "joulery/detail/metering/update_tracker.hpp"
#include "joulery/detail/timing/time_source.hpp"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace joulery {
inline namespace v1 {
namespace detail {

/// A reading of a channel, dated.
struct dated_reading {
    std::uint64_t at = 0;    ///< tick of the value, apart from its staleness
    double joules = 0;       ///< since the start
    double staleness = 0;    ///< s, from the update that the value belongs to until `at`
    double uncertainty = 0;  ///< s, standard deviation of that
    double delay = 0;        ///< s, additional staleness that all values may have
    double late = 0;         ///< s, mean part of it, if updates are known to be seen late
    double unchanged = 0;    ///< s, since the first read of the value
    bool fits = false;       ///< dated well enough for the regression
    bool bills = false;      ///< a row that is billed ends here
    bool at_edge = false;    ///< read at the edge of a scope, so always at the same point of it
};

/// How much staler than expected values were, from the reads that could show it.
struct stalled_reads {
    double squares = 0, reads = 20;  ///< s^2; the prior is worth this many good reads
    void add(double late) noexcept { squares += late * late, ++reads; }
    [[nodiscard]] double unseen() const noexcept { return squares / reads; }  ///< s^2, mean
};

/// The error of a row whose energy belongs to an earlier moment. If calls are shorter than values
/// are late, the energy belongs to another call.
struct late_values {
    double delay = 0, tail = 0, rows = 0;  ///< s; mean time that the last scope was open
    void add(double late, double open) noexcept {
        tail += (open - tail) / std::min(++rows, 1000.0);
        delay = late;
    }
    /// Relative error of a path's energy; the mean call is twice half a call's length.
    [[nodiscard]] double error() const noexcept {
        return tail > 0 ? std::min(delay / (2 * tail), 0.5) : 0;
    }
};

/// A std::timed_mutex that the thread sanitizer of every compiler understands.
///
/// Thread: any. Cost: two short locks of a plain mutex. Fails: never.
///
///     timed_mutex m;
///     std::unique_lock<timed_mutex> lock(m, std::chrono::milliseconds(100));
///     if (!lock.owns_lock()) return;   // it was locked all that time
class timed_mutex {
 public:
    void lock() {
        std::unique_lock<std::mutex> guard(mutex_);
        freed_.wait(guard, [this] { return !taken_; });
        taken_ = true;
    }
    [[nodiscard]] bool try_lock() {
        const std::lock_guard<std::mutex> guard(mutex_);
        if (taken_) return false;
        taken_ = true;
        return true;
    }
    template <class Rep, class Period>
    [[nodiscard]] bool try_lock_for(const std::chrono::duration<Rep, Period>& patience) {
        std::unique_lock<std::mutex> guard(mutex_);
        if (!freed_.wait_for(guard, patience, [this] { return !taken_; })) return false;
        taken_ = true;
        return true;
    }
    void unlock() {
        {
            const std::lock_guard<std::mutex> guard(mutex_);
            taken_ = false;
        }
        freed_.notify_one();
    }

 private:
    std::mutex mutex_;
    std::condition_variable freed_;
    bool taken_ = false;
};

/// One backend with the accounts of its channels. A read has two halves: `read_counters` asks the
/// backend and may take any time, `accumulate` adds up the values.
///
/// Thread: `read_mutex` is held through both halves, by the sampler, an edge or a snapshot, one at
///         a time. `state_mutex` is held only while accounts and attribution change, so that
///         earlier results are available while a read hangs.
class backend_reader {
 public:
    backend_reader(std::unique_ptr<backend> b, std::size_t index, std::size_t first_channel,
                   double seconds_per_tick)
        : index_(index),
          first_channel_(first_channel),
          seconds_per_tick_(seconds_per_tick),
          backend_(std::move(b)),
          raw_(backend_->channels().size(), no_value),
          joules_(raw_.size(), 0.0),
          changed_at_(raw_.size(), 0),
          dated_(raw_.size(), false) {
        for (const channel& c : backend_->channels()) {
            accounts_.emplace_back(c);
            trackers_.emplace_back(std::chrono::duration<double>(c.update_period).count() /
                                   seconds_per_tick);
        }
    }

    timed_mutex read_mutex;
    std::mutex state_mutex;

    /// Asks the backend for raw values. Call with `read_mutex` held.
    void read_counters(const time_source& clock) noexcept {
        if (state_ == read_status::fatal) return;
        const cancellation_guard whole;
        const std::uint64_t begin = clock.now();
        reading_since_.store(begin == 0 ? 1 : begin, std::memory_order_relaxed);
        std::fill(raw_.begin(), raw_.end(), no_value);
        last_status_ = backend_->read(counter_span(raw_));
        read_at_ = clock.now();
        note_suspend(clock.suspended_seconds());
        reading_since_.store(0, std::memory_order_relaxed);
        note_cost(static_cast<double>(read_at_ - begin));
    }

    /// Adds up the values of `read_counters`; true if there were any. A failed read changes no
    /// account. Call with both locks held.
    bool accumulate(double seconds_per_tick) noexcept {
        if (state_ == read_status::fatal) return false;
        advance(read_at_, seconds_per_tick);
        state_ = last_status_;
        if (state_ != read_status::ok) {
            for (channel_account& a : accounts_) a.miss();
            dated_.assign(dated_.size(), false);
            return false;
        }
        values_at_ = read_at_;
        for (std::size_t i = 0; i < accounts_.size(); ++i) {
            const double before = joules_[i];
            accounts_[i].take(raw_[i], seconds_, suspended_);
            joules_[i] = accounts_[i].joules();
            if (joules_[i] != before || changed_at_[i] == 0) changed_at_[i] = read_at_;
            dated_[i] = has_updates(i) && trackers_[i].observe(read_at_, joules_[i] != before);
        }
        return true;
    }

    [[nodiscard]] std::size_t index() const noexcept { return index_; }
    /// Index of its first channel among all channels of the meter.
    [[nodiscard]] std::size_t first_channel() const noexcept { return first_channel_; }
    [[nodiscard]] std::size_t channel_count() const noexcept { return accounts_.size(); }
    [[nodiscard]] const std::vector<channel>& channels() const noexcept {
        return backend_->channels();
    }
    [[nodiscard]] std::string_view name() const noexcept { return backend_->name(); }
    [[nodiscard]] std::string_view note() const noexcept { return backend_->note(); }
    [[nodiscard]] bool reads_wait() const noexcept { return backend_->reads_wait(); }
    /// This process's share of channel `i`, if the backend knows it. Call with `read_mutex` held.
    [[nodiscard]] double process_share(std::size_t i) noexcept {
        return backend_->process_share(i);
    }
    [[nodiscard]] const channel_account& account(std::size_t i) const noexcept {
        return accounts_[i];
    }
    /// Joules of each channel since its first value, as of the last read.
    [[nodiscard]] const std::vector<double>& joules() const noexcept { return joules_; }
    /// Ticks between the first and the last read of the present value of channel `i`.
    [[nodiscard]] double unchanged(std::size_t i) const noexcept {
        return static_cast<double>(values_at_ - changed_at_[i]);
    }
    /// When channel `i` updates, as far as it is known.
    [[nodiscard]] const update_tracker& tracker(std::size_t i) const noexcept {
        return trackers_[i];
    }
    [[nodiscard]] update_tracker& tracker(std::size_t i) noexcept { return trackers_[i]; }
    /// Length of a tick, as of the start.
    [[nodiscard]] double seconds_per_tick() const noexcept { return seconds_per_tick_; }
    /// Whether the last read dated an update of channel `i`.
    [[nodiscard]] bool dated(std::size_t i) const noexcept { return dated_[i]; }
    /// Whether channel `i` has updates: counters do. A gauge shows the present power, and an
    /// estimate is computed at each read.
    [[nodiscard]] bool has_updates(std::size_t i) const noexcept {
        return channels()[i].kind == reading_kind::energy_counter &&
               channels()[i].provenance != quality::estimated;
    }
    /// Tick at which the last read returned.
    [[nodiscard]] std::uint64_t read_at() const noexcept { return read_at_; }
    /// Tick at which the last successful read returned.
    [[nodiscard]] std::uint64_t values_at() const noexcept { return values_at_; }
    /// Status of the last read.
    [[nodiscard]] read_status last_status() const noexcept { return last_status_; }
    /// Status of the last read that was accumulated.
    [[nodiscard]] read_status state() const noexcept { return state_; }
    /// Duration of a read in ticks, smoothed; slow reads count immediately, fast ones gradually.
    [[nodiscard]] double read_cost() const noexcept {
        return read_cost_.load(std::memory_order_relaxed);
    }
    /// Number of reads so far by all readers, and the ticks they took.
    [[nodiscard]] std::uint64_t reads() const noexcept { return reads_.load(); }
    [[nodiscard]] double read_ticks() const noexcept { return read_ticks_.load(); }
    [[nodiscard]] double longest_read() const noexcept { return longest_read_.load(); }
    /// Processor seconds of a read, smoothed as `read_cost`; 0: unknown.
    [[nodiscard]] double read_processor() const noexcept { return read_processor_; }
    /// Whether to measure the processor time of the next read; measuring takes a good part of a
    /// short read.
    [[nodiscard]] bool is_read_timed() const noexcept {
        const std::uint64_t so_far = reads_.load(std::memory_order_relaxed);
        return so_far < 64 || so_far % 8 == 0;
    }
    /// Reports the processor time of a read. Call with `read_mutex` held.
    void note_processor(double s) noexcept { smooth(read_processor_, s); }
    /// The time between reads from now on, in seconds: the period, or more if that costs too much.
    /// Call with both locks held.
    void expect_interval(double s) noexcept {
        for (channel_account& a : accounts_) a.expect_interval(std::max(s, period_));
    }
    /// Tick at which the read in progress began; 0: no read in progress. Any thread.
    [[nodiscard]] std::uint64_t reading_since() const noexcept {
        return reading_since_.load(std::memory_order_relaxed);
    }
    /// How many ticks it has taken so far.
    [[nodiscard]] double reading_for(std::uint64_t now) const noexcept {
        const std::uint64_t since = reading_since();
        return since != 0 && since < now ? static_cast<double>(now - since) : 0;
    }

    /// Chooses the time between two samples, in seconds: the requested period, or one that suits
    /// the most frequently updated channel. Every counter is read often enough that neither it nor
    /// its driver misses a wrap.
    void choose_period(std::chrono::nanoseconds wanted) noexcept {
        const bool own = wanted.count() <= 0;
        double p = own ? slowest_period : std::chrono::duration<double>(wanted).count();
        for (const channel& c : channels()) {
            const double update = std::chrono::duration<double>(c.update_period).count();
            if (c.kind == reading_kind::energy_counter) {
                p = std::min(p, own ? counter_period : longest_unread);
            } else if (own) {
                p = std::min(p, std::max(update, fastest_gauge_period));
            }
            if (c.wrap_at != 0) p = std::min(p, longest_gap(c));
        }
        period_ = std::max(p, 1e-4);
        for (channel_account& a : accounts_) a.expect_interval(period_);
    }
    [[nodiscard]] double period() const noexcept { return period_; }
    /// The shortest update period of its channels, in seconds.
    [[nodiscard]] double fastest_update() const noexcept {
        double fastest = 1e9;
        for (const channel& c : channels())
            fastest = std::min(fastest, std::chrono::duration<double>(c.update_period).count());
        return fastest;
    }

    // Periods in seconds: of counters, and of gauges by their updates.
    static constexpr double counter_period = 0.1;
    static constexpr double fastest_gauge_period = 0.02;
    static constexpr double slowest_period = 1;
    /// Drivers that accumulate 32-bit counters only when read (perf's RAPL, i915, xe) miss wraps
    /// that `wrap_at` does not show: after 32 s at 1 kW.
    static constexpr double longest_unread = 30;

 private:
    // Half the time in which the counter wraps at the highest plausible power (DESIGN 5.2).
    static double longest_gap(const channel& c) noexcept {
        return static_cast<double>(c.wrap_at) * c.joules_per_count / plausible_power::of(c).most /
               2;
    }
    // Two clocks are read one after the other; smaller differences are the time between the reads.
    void note_suspend(double so_far) noexcept {
        constexpr double shortest = 0.05;
        if (so_far > suspended_ + shortest) suspended_ = so_far;
    }
    void note_cost(double cost) noexcept {
        double smoothed = read_cost_.load(std::memory_order_relaxed);
        smooth(smoothed, cost);
        read_cost_.store(smoothed, std::memory_order_relaxed);
        constexpr auto plain = std::memory_order_relaxed;  // one writer at a time
        reads_.store(reads_.load(plain) + 1, plain);
        read_ticks_.store(read_ticks_.load(plain) + cost, plain);
        longest_read_.store(std::max(longest_read_.load(plain), cost), plain);
    }
    static void smooth(double& cost, double latest) noexcept {
        cost = latest > cost ? latest : cost + (latest - cost) / 8;
    }
    // Seconds are summed interval by interval: a better estimate of the rate must not change the
    // past.
    void advance(std::uint64_t now, double seconds_per_tick) noexcept {
        if (last_tick_ != 0) seconds_ += static_cast<double>(now - last_tick_) * seconds_per_tick;
        last_tick_ = now;
    }

    const std::size_t index_;
    const std::size_t first_channel_;
    const double seconds_per_tick_;
    std::unique_ptr<backend> backend_;
    std::vector<std::uint64_t> raw_;
    list<channel_account> accounts_;
    std::vector<double> joules_;
    std::vector<std::uint64_t> changed_at_;
    list<update_tracker> trackers_;
    list<bool> dated_;
    read_status last_status_ = read_status::ok;
    std::uint64_t read_at_ = 0;
    std::uint64_t values_at_ = 0;
    read_status state_ = read_status::ok;
    double period_ = 0.1;
    double seconds_ = 0;
    double suspended_ = 0;  ///< seconds during which the clock stood still
    std::uint64_t last_tick_ = 0;
    std::atomic<double> read_cost_{0};
    double read_processor_ = 0;
    std::atomic<std::uint64_t> reads_{0};
    std::atomic<double> read_ticks_{0}, longest_read_{0};
    std::atomic<std::uint64_t> reading_since_{0};
};

}  // namespace detail
}  // namespace v1
}  // namespace joulery
