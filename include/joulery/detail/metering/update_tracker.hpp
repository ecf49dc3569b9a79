// update_tracker.hpp - learns when a counter updates: its period, phase and jitter.
// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <utility>

namespace joulery {
inline namespace v1 {
namespace detail {

/// Watches the reads of one counter. If two reads close together have different values, an update
/// lies between them. A few of these reveal period, phase and jitter, whatever the driver declares.
///
/// Units:  ticks of the meter's clock. Thread: not synchronized. Cost: a few operations per read.
/// Fails:  a counter whose updates are never seen is never `locked`; its values are assumed to be
///         half a period old, give or take half a period.
class update_tracker {
 public:
    explicit update_tracker(double declared_period) noexcept
        : period_(std::max(declared_period, 1.0)) {}

    /// Processes a read; true if it dated an update: the value changed since a read a small
    /// fraction of a period earlier.
    bool observe(std::uint64_t at, bool changed) noexcept {
        const bool had_read = read_at_ != 0;
        const double gap = had_read ? static_cast<double>(at - read_at_) : 0;
        if (had_read) check_period(at, changed);
        if (missed_at_ != 0) check_skip(at, changed);
        read_at_ = at;
        widest_gap_ = std::max(widest_gap_, gap);
        if (gap > 0) narrowest_gap_ = std::min(narrowest_gap_, gap);
        if (!had_read || !changed || gap > widest_sharp_gap()) return false;
        see_update(static_cast<double>(at) - gap / 2, gap);
        return true;
    }

    /// An update was waited for and not seen. Before the lock, the period may be longer than
    /// assumed; after it, the update times become less certain.
    void miss() noexcept {
        missed_at_ = locked() ? read_at_ : 0;
        if (seen_ < 2) {
            period_ = std::min(period_ * 2, longest_growth * first_period_);
        } else if (locked() && gap_ * 4 < widest_sharp_gap()) {
            gap_ = std::max(gap_ * 4, period_ / 200);
            phase_variance_ += gap_ * gap_ / 12;
            jitter_ *= 1.5;
        } else {
            seen_ = 1;
        }
    }

    /// Time of the update this many periods after the last one seen.
    [[nodiscard]] double predicted(double periods) const noexcept {
        return update_at_ + periods * period_;
    }
    /// Standard deviation of a prediction this many periods ahead.
    [[nodiscard]] double deviation(double periods) const noexcept {
        return std::sqrt(known_variance(periods) + jitter_ * jitter_ * std::max(periods, 1.0));
    }
    /// Periods from the last update seen to `at`.
    [[nodiscard]] double periods_since(std::uint64_t at) const noexcept {
        return std::max((static_cast<double>(at) - update_at_) / period_, 0.0);
    }

    /// The staleness of a value in ticks of the clock, and its standard deviation.
    struct stale_time {
        double mean, deviation;
    };
    /// The staleness of a value read at `at`: the time since the last update that has probably
    /// happened. If that is unknown: 0, give or take a period.
    [[nodiscard]] stale_time staleness(std::uint64_t at) const noexcept {
        if (!locked()) return {0, period_ / std::sqrt(3.0)};
        const stale_time a = staleness_if_none_is_skipped(at);
        const double skipped = skips_ / (skips_ + observed_),
                     more = skipped / (1 - skipped) * period_;
        return {a.mean + more, std::sqrt(a.deviation * a.deviation + more * (more + period_))};
    }

    /// Ticks by which every value may be older than that. If updates are seen late by a varying
    /// time, values are late on average as well; if they can't be predicted, by any amount.
    [[nodiscard]] double delay() const noexcept {
        return std::max(delays_.mean(), locked() ? 0 : period_ / 2);
    }

    /// Mean ticks by which updates are seen late (each by anything from 0 to twice as much), if
    /// that is known and is a good part of a period; otherwise 0.
    [[nodiscard]] double lateness() const noexcept {
        if (seen_ < updates_to_lock || !(delays_.mean() > 0)) return 0;
        const double late = std::sqrt(1.5) * jitter_;  // jitter_: of the difference of two delays
        return late > much_of_a_period * period_ ? late : 0;
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
    /// Reads further apart than this fraction of a period don't date an update, unless they can't
    /// be any faster; then up to a third of a period is accepted.
    static constexpr double sharp_share = 0.1, slow_share = 1.0 / 3;

 private:
    [[nodiscard]] double widest_sharp_gap() const noexcept {
        const double slow = std::min(1.1 * narrowest_gap_, slow_share * period_);
        return std::max(sharp_share * period_, slow);
    }
    // No value changes between an update and the next one. If it happens repeatedly, the period is
    // a multiple of the true one: updates were skipped while learning it.
    void check_period(std::uint64_t at, bool changed) noexcept {
        if (seen_ < 2 || static_cast<double>(read_at_) - update_at_ > widest_sharp_gap()) return;
        const double since = static_cast<double>(at) - update_at_;
        const double next = period_ - 2 * deviation(1);
        if (since > next || (!changed && since < 0.9 * next)) return;
        early_changes_ += changed ? 1 : -1;
        if (early_changes_ < 0) early_changes_ = 0;
        if (early_changes_ < changes_to_halve) return;
        early_changes_ = 0;
        period_ /= 2;
        seen_ = 0;
    }
    static constexpr int changes_to_halve = 3;
    // An expected update came at another moment if the value has changed by the next read; if it
    // has not changed for half a period, the update was skipped.
    void check_skip(std::uint64_t at, bool changed) noexcept {
        if (!changed && static_cast<double>(at - missed_at_) < period_ / 2) return;
        if (!changed) ++skips_;
        missed_at_ = 0;
    }

    static constexpr double longest_growth = 64, much_of_a_period = 0.03;

    [[nodiscard]] stale_time staleness_if_none_is_skipped(std::uint64_t at) const noexcept {
        const double periods = periods_since(at), s = deviation(periods) / period_;
        if (s > 0.5) return {period_ / 2, period_ / std::sqrt(12.0)};  // all are equally likely
        const double since = periods - std::floor(periods);
        if (std::min(since, 1 - since) > 4 * s) return {since * period_, s * period_};
        return staleness_of_any_update(since, s);
    }
    // Close to a predicted update the real one may lie on the other side of the read and, if the
    // deviation is a good part of a period, those before and after it, too. The result has the
    // moments of a normal distribution, `since` periods give or take `s`, cut at the updates.
    [[nodiscard]] stale_time staleness_of_any_update(double since, double s) const noexcept {
        double mean = 0, square = 0;
        for (int k = -2; k <= 2; ++k) {
            const double off = since - k, a = -off / s, b = (1 - off) / s;
            const double chance = (std::erfc(a * half_root) - std::erfc(b * half_root)) / 2;
            const double at_a = density(a), at_b = density(b);
            mean += off * chance + s * (at_a - at_b);
            square += (off * off + s * s) * chance + 2 * off * s * (at_a - at_b) +
                      s * s * (a * at_a - b * at_b);
        }
        return {mean * period_, std::sqrt(std::max(square - mean * mean, s * s / 100)) * period_};
    }
    static constexpr double half_root = 0.70710678118654752;
    [[nodiscard]] static double density(double x) noexcept {
        return 0.3989422804014327 * std::exp(-x * x / 2);
    }

    void see_update(double instant, double gap) noexcept {
        const double interval = instant - update_at_;
        const bool follows = is_next() || (locked() && interval < 1.5 * period_);
        delays_.add(seen_ > 0 && follows ? interval : 0, gap);
        if (seen_ == 0) {
            phase_variance_ = gap * gap / 12;
        } else if (seen_ < updates_to_lock && is_next() &&
                   std::fabs(interval - period_) > period_ / 3) {
            start_over(interval, gap);  // it updates more or less often than assumed
        } else {
            const double n = std::max(1.0, std::round(interval / period_));
            if (seen_ == 1) {
                start_over(interval / n, gap);
            } else if (deviation(n) < period_ / 4) {
                instant += learn(interval - n * period_, n, gap * gap / 12);
            }
        }
        if (locked()) ++observed_;
        gap_ = gap;
        widest_gap_ = 0;
        update_at_ = instant;
        ++seen_;
    }
    // Whether no update can have been missed since the last one seen.
    [[nodiscard]] bool is_next() const noexcept { return widest_gap_ <= widest_sharp_gap(); }
    // A period measured from two updates.
    void start_over(double period, double gap) noexcept {
        period_ = std::max(period, 1.0);
        jitter_ = period_ * 0.01;
        period_variance_ = (gap * gap + gap_ * gap_) / 12;
        covariance_ = phase_variance_ = gap * gap / 12;
        seen_ = 1;
    }

    // Variance of a prediction without the counter's jitter.
    [[nodiscard]] double known_variance(double n) const noexcept {
        return std::max(phase_variance_ + 2 * n * covariance_ + n * n * period_variance_, 0.0);
    }

    // A Kalman step: `off` is the time from the prediction, `n` periods ahead, to the update.
    // Returns the estimated time from the update to the read that saw it.
    double learn(double off, double n, double reads) noexcept {
        const double known = known_variance(n) + reads, jitter = n * jitter_ * jitter_;
        const double all = known + jitter;
        const double phase = all - reads;
        const double both = covariance_ + n * period_variance_;
        period_ = std::max(period_ + both / all * off, 1.0);
        period_variance_ -= both * both / all;
        covariance_ = both * reads / all;
        phase_variance_ = phase * reads / all;
        // The period drifts with temperature; prediction errors beyond the known variance are
        // jitter.
        period_variance_ += n * slow_drift * slow_drift * period_ * period_;
        const double excess = std::max(off * off - known, 0.0) / n;
        jitter_ = std::sqrt(jitter_ * jitter_ + 0.1 * (excess - jitter_ * jitter_));
        return -reads / all * off;
    }
    static constexpr double slow_drift = 1e-6;  // of the period, each period

    // A counter with a varying period has intervals that vary independently. A counter whose
    // updates are seen late has intervals that compensate for one another: a late update is
    // followed by a short interval. This tells how late they are seen.
    class seen_delays {
     public:
        /// Adds the time between two adjacent updates, dated by reads `gap` apart; 0: the update
        /// follows no other.
        void add(double interval, double gap) noexcept {
            const double last = std::exchange(last_, interval);
            if (interval <= 0) return;
            mean_ += (interval - mean_) / std::min(++intervals_, memory);
            if (last <= 0) return;
            const double weight = 1 / std::min(++pairs_, memory), off = interval - mean_;
            variance_ += (off * off - variance_) * weight;
            shared_ += (-off * (last - mean_) - gap * gap / 12 - shared_) * weight;
        }
        /// Mean delay, assuming it is uniform between 0 and twice the mean.
        [[nodiscard]] double mean() const noexcept {
            const bool few = pairs_ < enough_pairs;  // then all of it may be delay
            if (!few && shared_ < variance_ / 4) return 0;
            return std::sqrt(3 * (few ? std::max(variance_ / 2, shared_) : shared_));
        }

     private:
        static constexpr double memory = 200, enough_pairs = 20;
        double last_ = 0, mean_ = 0, intervals_ = 0, pairs_ = 0;
        double variance_ = 0, shared_ = 0;  ///< `shared_`: of the delay of one update
    };

    seen_delays delays_;
    double period_;
    const double first_period_ = period_;
    double jitter_ = 0;
    double phase_variance_ = 0, covariance_ = 0, period_variance_ = 0;
    double gap_ = 0;
    double widest_gap_ = 0;             ///< between two reads since the last update seen
    double skips_ = 0, observed_ = 20;  ///< the prior is worth this many good ones
    std::uint64_t missed_at_ = 0;       ///< the last read for an expected update that did not come
    double narrowest_gap_ = 1e300;      ///< between any two reads
    int early_changes_ = 0;             ///< in excess of reads without a change
    double update_at_ = 0;
    std::uint64_t read_at_ = 0;
    unsigned seen_ = 0;
};

}  // namespace detail
}  // namespace v1
}  // namespace joulery
