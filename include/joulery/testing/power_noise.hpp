// power_noise.hpp - random changes of a simulated machine's power.
// SPDX-License-Identifier: MIT
#pragma once

#include "joulery/units.hpp"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <random>

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
}  // namespace v1
}  // namespace joulery
