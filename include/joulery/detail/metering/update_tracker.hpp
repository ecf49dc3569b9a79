// update_tracker.hpp - learns when a counter updates: its period, phase and jitter.
// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>

namespace joulery {
inline namespace v1 {
namespace detail {

/// Watches the reads of one counter. Two reads close together with different values have an update
/// between them; a few such tell period, phase and jitter, whatever the driver declares.
///
/// Units:  ticks of the meter's clock. Thread: not synchronised. Cost: a few operations a read.
/// Fails:  a counter whose updates are never seen is never `locked`; its values are then half a
///         period old, give or take the whole of it.
class update_tracker {
 public:
    explicit update_tracker(double declared_period) noexcept
        : period_(std::max(declared_period, 1.0)) {}

    /// Takes in a read; true if it dated an update: the value changed since a read at most
    /// `sharp_share` of a period before.
    bool observe(std::uint64_t at, bool changed) noexcept {
        const bool had_read = read_at_ != 0;
        const double gap = had_read ? static_cast<double>(at - read_at_) : 0;
        read_at_ = at;
        widest_gap_ = std::max(widest_gap_, gap);
        if (!had_read || !changed || gap > sharp_share * period_) return false;
        see_update(static_cast<double>(at) - gap / 2, gap);
        return true;
    }

    /// An update was waited for and not seen. Before the lock the period may be longer than was
    /// thought; after it, when updates come is known less well.
    void miss() noexcept {
        if (seen_ < 2) {
            period_ = std::min(period_ * 2, longest_growth * first_period_);
        } else if (locked() && gap_ * 4 < sharp_share * period_) {
            gap_ = std::max(gap_ * 4, period_ / 200);
            phase_variance_ += gap_ * gap_ / 12;
            jitter_ *= 1.5;
        } else {
            seen_ = 1;
        }
    }

    /// The update so many periods after the last one that was seen.
    [[nodiscard]] double predicted(double periods) const noexcept {
        return update_at_ + periods * period_;
    }
    /// Standard deviation of a prediction so many periods ahead.
    [[nodiscard]] double deviation(double periods) const noexcept {
        return std::sqrt(known_variance(periods) + jitter_ * jitter_ * std::max(periods, 1.0));
    }
    /// Periods between the last update that was seen and `at`.
    [[nodiscard]] double periods_since(std::uint64_t at) const noexcept {
        return std::max((static_cast<double>(at) - update_at_) / period_, 0.0);
    }

    /// How stale a value read at `at` is, in ticks of the clock: half a period where nothing is
    /// known, else since the predicted update, weighed with the chance that the update before or
    /// after it is the one that counts.
    [[nodiscard]] double staleness(std::uint64_t at) const noexcept {
        if (!locked()) return period_ / 2;
        const double since = since_prediction(at);
        const double other = chance_of_other_update(at) * period_;
        return since < period_ / 2 ? since + other : since - other;
    }
    /// Standard deviation of that.
    [[nodiscard]] double staleness_deviation(std::uint64_t at) const noexcept {
        const double unknown = period_ / std::sqrt(12.0);
        if (!locked()) return unknown;
        const double s = deviation(periods_since(at));
        const double other = chance_of_other_update(at);
        return std::min(std::sqrt(s * s + other * (1 - other) * period_ * period_), unknown);
    }

    /// Whether the next update can be predicted to a fraction of a period.
    [[nodiscard]] bool locked() const noexcept {
        return seen_ >= updates_to_lock && deviation(1) < period_ / 8;
    }
    [[nodiscard]] double period() const noexcept { return period_; }
    [[nodiscard]] double jitter() const noexcept { return jitter_; }  ///< of one period
    [[nodiscard]] double gap() const noexcept { return gap_; }  ///< of the reads around the last
    [[nodiscard]] unsigned seen() const noexcept { return seen_; }

    static constexpr unsigned updates_to_lock = 4;
    /// Reads further apart than this share of a period don't say when the update was.
    static constexpr double sharp_share = 0.1;

 private:
    static constexpr double longest_growth = 64;

    [[nodiscard]] double since_prediction(std::uint64_t at) const noexcept {
        const double since = periods_since(at);
        return (since - std::floor(since)) * period_;
    }
    // Close to a predicted update the real one may lie on the other side of `at`.
    [[nodiscard]] double chance_of_other_update(std::uint64_t at) const noexcept {
        const double since = since_prediction(at);
        const double distance = std::min(since, period_ - since);
        return std::erfc(distance / (deviation(periods_since(at)) * std::sqrt(2.0))) / 2;
    }

    void see_update(double instant, double gap) noexcept {
        const double interval = instant - update_at_;
        if (seen_ == 0) {
            phase_variance_ = gap * gap / 12;
        } else if (seen_ < updates_to_lock && is_next() &&
                   std::fabs(interval - period_) > period_ / 3) {
            start_over(interval, gap);  // it updates more or less often than was thought
        } else {
            const double n = std::max(1.0, std::round(interval / period_));
            if (seen_ == 1) {
                start_over(interval / n, gap);
            } else if (deviation(n) < period_ / 4) {
                instant += learn(interval - n * period_, n, gap * gap / 12);
            }
        }
        gap_ = gap;
        widest_gap_ = 0;
        update_at_ = instant;
        ++seen_;
    }
    // Whether no update can have been missed since the last one that was seen.
    [[nodiscard]] bool is_next() const noexcept { return widest_gap_ <= sharp_share * period_; }
    // A period that two updates tell.
    void start_over(double period, double gap) noexcept {
        period_ = std::max(period, 1.0);
        jitter_ = period_ * 0.01;
        period_variance_ = (gap * gap + gap_ * gap_) / 12;
        covariance_ = phase_variance_ = gap * gap / 12;
        seen_ = 1;
    }

    // Of a prediction, but for the counter's jitter.
    [[nodiscard]] double known_variance(double n) const noexcept {
        return std::max(phase_variance_ + 2 * n * covariance_ + n * n * period_variance_, 0.0);
    }

    // A Kalman step: `off` is by how much the update came after the prediction of `n` periods
    // ahead. Returns by how much it is believed to have come before it was seen.
    double learn(double off, double n, double reads) noexcept {
        const double known = known_variance(n) + reads, jitter = n * jitter_ * jitter_;
        const double all = known + jitter;
        const double phase = all - reads;
        const double both = covariance_ + n * period_variance_;
        period_ = std::max(period_ + both / all * off, 1.0);
        period_variance_ -= both * both / all;
        covariance_ = both * reads / all;
        phase_variance_ = phase * reads / all;
        // A period drifts with heat; and what predictions are off by beyond what is known is
        // jitter.
        period_variance_ += n * slow_drift * slow_drift * period_ * period_;
        const double excess = std::max(off * off - known, 0.0) / n;
        jitter_ = std::sqrt(jitter_ * jitter_ + 0.1 * (excess - jitter_ * jitter_));
        return -reads / all * off;
    }
    static constexpr double slow_drift = 1e-6;  // of the period, each period

    double period_;
    const double first_period_ = period_;
    double jitter_ = 0;
    double phase_variance_ = 0, covariance_ = 0, period_variance_ = 0;
    double gap_ = 0;
    double widest_gap_ = 0;  ///< between two reads since the last update that was seen
    double update_at_ = 0;
    std::uint64_t read_at_ = 0;
    unsigned seen_ = 0;
};

}  // namespace detail
}  // namespace v1
}  // namespace joulery
