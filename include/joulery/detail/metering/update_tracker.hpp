// update_tracker.hpp - learns when a counter ticks: its period, phase and jitter.
// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>

namespace joulery {
inline namespace v1 {
namespace detail {

/// Watches the reads of one counter. Two reads close together with different values between them
/// have caught a tick; a few caught ticks tell period, phase and jitter.
///
/// Units:  ticks of the meter's clock. Thread: not synchronised. Cost: a few operations a read.
/// Fails:  a counter that shows no ticks is never `locked`; its lag is then half a period, give or
///         take the whole of it.
class update_tracker {
 public:
    explicit update_tracker(double nominal_period) noexcept
        : period_(std::max(nominal_period, 1.0)) {}

    /// Takes in a read; true if it caught a tick: the value changed since a read at most
    /// `sharp_share` of a period before.
    bool observe(std::uint64_t at, bool changed) noexcept {
        const bool had_read = read_at_ != 0;
        const double gap = had_read ? static_cast<double>(at - read_at_) : 0;
        read_at_ = at;
        if (!had_read || !changed || gap > sharp_share * period_) return false;
        catch_tick(static_cast<double>(at) - gap / 2, gap);
        return true;
    }

    /// The next tick after `from` ticks of the counter from the last caught one.
    [[nodiscard]] double predicted(double counter_ticks) const noexcept {
        return tick_at_ + counter_ticks * period_;
    }
    /// Standard deviation of a prediction that many counter ticks ahead.
    [[nodiscard]] double spread(double counter_ticks) const noexcept {
        return std::sqrt(jitter_ * jitter_ * std::max(counter_ticks, 1.0) + slack_ * slack_ / 12);
    }
    /// Counter ticks between the last caught one and `at`.
    [[nodiscard]] double counter_ticks_since(std::uint64_t at) const noexcept {
        return std::max((static_cast<double>(at) - tick_at_) / period_, 0.0);
    }

    /// How old a value read at `at` is, in ticks of the clock: half a period where nothing is
    /// known, else since the predicted tick, weighed with the chance that the tick before or after
    /// it is the one that counts.
    [[nodiscard]] double lag(std::uint64_t at) const noexcept {
        if (!locked()) return period_ / 2;
        const double since = since_prediction(at);
        const double doubt = chance_of_other_tick(at) * period_;
        return since < period_ / 2 ? since + doubt : since - doubt;
    }
    /// Standard deviation of that age.
    [[nodiscard]] double lag_spread(std::uint64_t at) const noexcept {
        const double unknown = period_ / std::sqrt(12.0);
        if (!locked()) return unknown;
        const double s = spread(counter_ticks_since(at));
        const double other = chance_of_other_tick(at);
        return std::min(std::sqrt(s * s + other * (1 - other) * period_ * period_), unknown);
    }

    /// Whether ticks can be predicted over a second of them to a quarter of a period.
    [[nodiscard]] bool locked() const noexcept {
        return caught_ >= 4 && jitter_ * 10 < period_ / 2;
    }
    [[nodiscard]] double period() const noexcept { return period_; }
    [[nodiscard]] double jitter() const noexcept { return jitter_; }  ///< of one period
    [[nodiscard]] double slack() const noexcept { return slack_; }    ///< of the last caught tick
    [[nodiscard]] unsigned caught() const noexcept { return caught_; }
    void forget() noexcept { caught_ = 0; }

    /// Reads further apart than this share of a period don't say when the tick was.
    static constexpr double sharp_share = 0.1;

 private:
    [[nodiscard]] double since_prediction(std::uint64_t at) const noexcept {
        const double since = counter_ticks_since(at);
        return (since - std::floor(since)) * period_;
    }
    // Close to a predicted tick the real one may lie on the other side of `at`.
    [[nodiscard]] double chance_of_other_tick(std::uint64_t at) const noexcept {
        const double since = since_prediction(at);
        const double distance = std::min(since, period_ - since);
        return std::erfc(distance / (spread(counter_ticks_since(at)) * std::sqrt(2.0))) / 2;
    }

    void catch_tick(double instant, double gap) noexcept {
        slack_ = gap;
        if (caught_ == 0) {
            jitter_ = period_ * 0.02;
        } else {
            const double n = std::max(1.0, std::round((instant - tick_at_) / period_));
            const double off = (instant - tick_at_) - n * period_;
            if (spread(n) < period_ / 4) learn(off, n);  // else which tick it is can't be told
        }
        tick_at_ = instant;
        ++caught_;
    }

    // The longer the stretch, the better it tells the period; each stretch moves the estimate by a
    // quarter of what it says, after the first few.
    void learn(double off, double n) noexcept {
        const double rate = caught_ < 8 ? 0.5 : 0.25;
        period_ += rate * off / n;
        const double one = std::fabs(off) / std::sqrt(n) * 1.25;  // mean deviation to standard
        jitter_ += (caught_ < 4 ? 0.5 : 0.15) * (one - jitter_);
    }

    double period_;
    double jitter_ = 0;
    double slack_ = 0;
    double tick_at_ = 0;
    std::uint64_t read_at_ = 0;
    unsigned caught_ = 0;
};

}  // namespace detail
}  // namespace v1
}  // namespace joulery
