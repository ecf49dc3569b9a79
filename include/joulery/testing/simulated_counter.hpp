// simulated_counter.hpp - sensors and power noise of a simulated machine.
// SPDX-License-Identifier: MIT
#pragma once

#include "joulery/backend.hpp"
#include "joulery/units.hpp"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <limits>
#include <random>
#include <string>
#include <utility>

namespace joulery {
inline namespace v1 {
namespace testing {

/// Changes of a machine's true power that no scope causes. A field with its default value has no
/// effect; several may be set, and a machine may have several noises.
///
///     power_noise clock_changes;
///     clock_changes.relative = 0.1;  clock_changes.memory = 1s;   // +-10 % that lasts a second
///     machine.disturb(clock_changes);
struct power_noise {
    static constexpr std::size_t every_counter = std::numeric_limits<std::size_t>::max();

    double relative = 0;  ///< standard deviation of a slow factor on the power, as a fraction
    power wander;         ///< standard deviation of an added power (may be negative)
    /// Correlation time of both: an Ornstein-Uhlenbeck process.
    std::chrono::nanoseconds memory{std::chrono::seconds(1)};
    power burst_least, burst_most;       ///< another program's power, random for each burst
    std::chrono::nanoseconds burst{};    ///< mean length of bursts and of pauses; 0: no bursts
    std::chrono::nanoseconds step_at{};  ///< from here on the power is multiplied by `step_factor`
    double step_factor = 1;
    std::size_t counter = every_counter;  ///< the counter whose power changes
};

namespace detail {

/// One running noise: constant between two changes.
class noise_process {
 public:
    noise_process(const power_noise& model, std::uint64_t seed) : model_(model), random_(seed) {
        const auto memory = static_cast<double>(model_.memory.count());
        slow_step_ = std::min(std::max(memory / 20, 100e3), 20e6);
        decay_ = std::exp(-slow_step_ / std::max(memory, 1.0));
        has_slow_ = model_.relative > 0 || model_.wander.watts() > 0;
        if (has_slow_) {
            factor_state_ = normal_(random_);
            wander_state_ = normal_(random_);
            next_slow_ = slow_step_;
        }
        if (model_.burst.count() > 0) next_burst_ = burst_length();
        if (model_.step_factor != 1) next_step_ = static_cast<double>(model_.step_at.count());
    }

    /// The time of its next change, in nanoseconds since the beginning.
    [[nodiscard]] double next_change() const noexcept {
        return std::min({next_slow_, next_burst_, next_step_});
    }
    /// Makes the change that is due.
    void change() {
        const double now = next_change();
        if (now == next_slow_) {
            const double fresh = std::sqrt(1 - decay_ * decay_);
            factor_state_ = decay_ * factor_state_ + fresh * normal_(random_);
            wander_state_ = decay_ * wander_state_ + fresh * normal_(random_);
            next_slow_ += slow_step_;
        }
        if (now == next_burst_) {
            const double least = model_.burst_least.watts(), most = model_.burst_most.watts();
            burst_watts_ = burst_watts_ > 0 ? 0 : least + (most - least) * unit_(random_);
            next_burst_ += burst_length();
        }
        if (now == next_step_) {
            step_ = model_.step_factor;
            next_step_ = never;
        }
    }
    [[nodiscard]] bool concerns(std::size_t counter) const noexcept {
        return model_.counter == power_noise::every_counter || model_.counter == counter;
    }
    /// The changed value of a power in watts.
    [[nodiscard]] double applied_to(double watts) const noexcept {
        const double slow = 1 + model_.relative * factor_state_;
        const double added = model_.wander.watts() * wander_state_ + burst_watts_;
        return std::max(watts * std::max(slow, 0.0) * step_ + added, 0.0);
    }

 private:
    static constexpr double never = std::numeric_limits<double>::infinity();

    double burst_length() {
        return static_cast<double>(model_.burst.count()) * (0.5 + unit_(random_));
    }

    power_noise model_;
    std::mt19937_64 random_;
    std::normal_distribution<double> normal_;
    std::uniform_real_distribution<double> unit_{0, 1};
    bool has_slow_ = false;
    double slow_step_ = 0, decay_ = 0;
    double factor_state_ = 0, wander_state_ = 0, burst_watts_ = 0, step_ = 1;
    double next_slow_ = never, next_burst_ = never, next_step_ = never;
};

}  // namespace detail
}  // namespace testing

namespace testing {

/// How a simulated counter shows the true energy. The default resembles RAPL (updates about every
/// millisecond, 2^-14 J per count, 32 bits). If `kind` is a gauge it shows power instead.
///
///     simulated_counter nvml;                      // mJ every 20 ms, from a mean over 25 ms
///     nvml.id = "gpu/0/board";  nvml.part = component::gpu;  nvml.quantum = 1e-3;
///     nvml.period = 20ms;  nvml.window = 25ms;
struct simulated_counter {
    std::string id = "cpu0/package";
    component part = component::cpu;
    std::string parent;
    reading_kind kind = reading_kind::energy_counter;
    quality provenance = quality::measured;

    std::chrono::nanoseconds period{std::chrono::milliseconds(1)};  ///< between two updates
    std::chrono::nanoseconds declared_period{};  ///< what the channel declares; 0: the true period
    std::chrono::nanoseconds phase{};            ///< delay of the first update
    double jitter = 0.016;  ///< largest delay of an update, as a share of the period
    /// Largest delay until an update is visible; it shows the energy as of the update.
    std::chrono::nanoseconds latency{};
    double skipped = 0;                    ///< share of updates that are skipped
    std::chrono::nanoseconds stall{};      ///< now and then there is no update for this long,
    std::chrono::nanoseconds stall_gap{};  ///< about this long after the last stall; 0: never

    std::chrono::nanoseconds lag{};     ///< time constant of a sensor that follows exponentially
    std::chrono::nanoseconds window{};  ///< the sensor shows the mean over this time

    double quantum = 1.0 / 16384;                    ///< joules (for a gauge: watts) per count
    std::uint64_t wrap_at = std::uint64_t{1} << 32;  ///< of a counter; 0: never wraps
    std::uint64_t start = 0;                         ///< raw value of a counter at the beginning
    double max_watts = 0;                            ///< as stated by the channel; 0: not stated
    double relative_error = 0;                       ///< stated error, as a fraction; 0: none
};

namespace detail {

/// One running counter. Times are nanoseconds since the machine's beginning.
class running_counter {
 public:
    template <class Random>
    running_counter(simulated_counter model, double now, Random& random)
        : model_(std::move(model)), start_(now), at_(now), summed_at_(now) {
        if (model_.kind == reading_kind::energy_counter) raw_ = model_.start;
        next_update_ = now + nanoseconds(model_.phase);
        if (model_.stall_gap.count() > 0) next_stall_ = next_update_ + stall_gap(random);
        schedule(random);
    }

    [[nodiscard]] channel description() const {
        channel c;
        c.id = model_.id;
        c.part = model_.part;
        c.kind = model_.kind;
        c.provenance = model_.provenance;
        c.parent = model_.parent;
        c.joules_per_count = model_.quantum;
        if (model_.kind == reading_kind::energy_counter) c.wrap_at = model_.wrap_at;
        const bool is_told = model_.declared_period.count() > 0;
        c.update_period = is_told ? model_.declared_period : model_.period;
        c.max_watts = model_.max_watts;
        c.relative_error = model_.relative_error;
        return c;
    }
    [[nodiscard]] std::uint64_t raw() const noexcept { return raw_; }
    /// True joules since the beginning.
    [[nodiscard]] double joules() const noexcept { return joules_; }
    /// The shown energy: for a counter its joules, for a gauge the sum of its watts.
    [[nodiscard]] double shown_joules() const noexcept { return shown_; }

    /// The power from now on. Call `advance` to the present first.
    void draw(double watts) noexcept { watts_ = watts; }

    /// Lets time pass at the present power.
    template <class Random>
    void advance(double now, Random& random) {
        while (std::min(next_update_, next_shown()) <= now) {
            const double due = std::min(next_update_, next_shown());
            accumulate(std::max(due, at_));
            if (due == next_shown()) {
                show(waiting_.front().value);
                waiting_.pop_front();
                continue;
            }
            update(random);
            schedule(random);
        }
        accumulate(std::max(now, at_));
    }

 private:
    static constexpr double never = std::numeric_limits<double>::infinity();
    struct moment {
        double at, joules;
    };
    struct late_value {
        double at, value;
    };

    static double nanoseconds(std::chrono::nanoseconds t) noexcept {
        return static_cast<double>(t.count());
    }
    template <class Random>
    static double up_to(double most, Random& random) {
        return most > 0 ? std::uniform_real_distribution<double>(0, most)(random) : 0;
    }
    [[nodiscard]] double next_shown() const noexcept {
        return waiting_.empty() ? never : waiting_.front().at;
    }

    template <class Random>
    void schedule(Random& random) {
        next_update_ += nanoseconds(model_.period) * (1 + up_to(model_.jitter, random));
    }
    template <class Random>
    double stall_gap(Random& random) {
        return nanoseconds(model_.stall_gap) * (0.5 + up_to(1, random));
    }

    void accumulate(double now) {
        const double time = now - at_;
        if (time <= 0) return;
        joules_ += watts_ * time * 1e-9;
        if (model_.kind == reading_kind::power_gauge)
            shown_ += static_cast<double>(raw_) * model_.quantum * time * 1e-9;
        if (model_.lag.count() > 0) {
            const double lag = nanoseconds(model_.lag);
            if (at_ == start_) sensed_watts_ = watts_;
            const double gone = 1 - std::exp(-time / lag);
            sensed_ += (watts_ * time + (sensed_watts_ - watts_) * lag * gone) * 1e-9;
            sensed_watts_ += (watts_ - sensed_watts_) * gone;
        } else {
            sensed_ = joules_;
            sensed_watts_ = watts_;
        }
        at_ = now;
        if (model_.window.count() > 0) past_.push_back({now, sensed_});
    }

    template <class Random>
    void update(Random& random) {
        while (next_update_ >= next_stall_ + nanoseconds(model_.stall))
            next_stall_ += nanoseconds(model_.stall) + stall_gap(random);
        if (next_update_ >= next_stall_) return;
        if (model_.skipped > 0 && up_to(1, random) < model_.skipped) return;
        const double value = measured();
        if (model_.latency.count() == 0) return show(value);
        const double seen = next_update_ + up_to(nanoseconds(model_.latency), random);
        waiting_.push_back({seen, value});  // earlier updates become visible earlier
    }

    // The sensor's value at an update: joules so far; for a gauge, watts.
    double measured() {
        const double mean = model_.window.count() > 0 ? mean_of_window() : sensed_watts_;
        if (model_.kind == reading_kind::power_gauge) return mean;
        if (model_.window.count() == 0) return sensed_;
        summed_ += mean * (at_ - summed_at_) * 1e-9;
        summed_at_ = at_;
        return summed_;
    }
    double mean_of_window() {
        const double begin = std::max(at_ - nanoseconds(model_.window), start_);
        while (past_.size() > 1 && past_[1].at <= begin) past_.pop_front();
        if (at_ <= begin || past_.empty()) return watts_;
        moment from{start_, 0};
        if (past_.front().at <= begin) from = past_.front();
        const std::size_t next = past_.front().at <= begin && past_.size() > 1 ? 1 : 0;
        const double rise = past_[next].joules - from.joules, run = past_[next].at - from.at;
        const double at_begin =
            run > 0 ? from.joules + rise * (begin - from.at) / run : from.joules;
        return (sensed_ - at_begin) / (at_ - begin) * 1e9;
    }

    void show(double value) noexcept {
        const double counts = std::floor(value / model_.quantum);
        raw_ = static_cast<std::uint64_t>(std::max(counts, 0.0));
        if (model_.kind == reading_kind::power_gauge) return;
        shown_ = counts * model_.quantum;
        raw_ += model_.start;
        if (model_.wrap_at != 0) raw_ %= model_.wrap_at;
    }

    simulated_counter model_;
    double start_, at_;  ///< the sums are valid up to `at_`
    double watts_ = 0, joules_ = 0;
    double sensed_watts_ = 0, sensed_ = 0;  ///< as the sensor follows
    std::deque<moment> past_;               ///< of `sensed_`, where a window needs it
    double summed_ = 0, summed_at_;         ///< means of windows times the time between updates
    double next_update_ = 0, next_stall_ = never;
    std::deque<late_value> waiting_;
    std::uint64_t raw_ = 0;
    double shown_ = 0;
};

}  // namespace detail
}  // namespace testing
}  // namespace v1
}  // namespace joulery
