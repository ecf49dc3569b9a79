// read_schedule.hpp - decides when the sampler reads, so that samples fall just after
// ticks. SPDX-License-Identifier: MIT
//
// A value read at some moment is the energy as of the counter's last tick, up to a period ago. Read
// just after a tick it is the energy of a known instant. So the sampler sleeps until shortly before
// a predicted tick, reads every few microseconds until the value changes, and sleeps again. Waiting
// for a tick costs ten times a plain read: where samples are wanted more often than ten times a
// second, those between are read as they come.
#pragma once

#include "joulery/detail/metering/update_tracker.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>

namespace joulery {
inline namespace v1 {
namespace detail {

/// What the sampler does after a read.
struct lock_step {
    bool settle = true;          ///< this read is the sample; else it was one of a hunt
    std::uint64_t next_due = 0;  ///< tick of the next read
    bool hunts = false;          ///< that read is to be in time: a tick is waited for
};

/// The schedule of one source's reads, led by one of its counters.
class read_schedule {
 public:
    /// All in ticks of the clock. `hunt_period`: no tick is waited for sooner than that after the
    /// last. `lockable`: the lead channel is a counter with a visible period.
    read_schedule(double sample_period, double hunt_period, bool lockable) noexcept
        : sample_period_(sample_period),
          hunt_period_(std::max(sample_period, hunt_period)),
          lockable_(lockable) {}

    /// After a read at `now` of which `caught` says whether it caught a tick of the lead. Where it
    /// `may` not `hunt` it just samples, and goes on with the next tick once it may.
    [[nodiscard]] lock_step after_read(const update_tracker& lead, std::uint64_t now, bool caught,
                                       double read_cost, bool may_hunt = true) noexcept {
        const auto at = static_cast<double>(now);
        if (!lockable_ || at < rests_until_ || !worthwhile(lead, read_cost))
            return {true, now + static_cast<std::uint64_t>(sample_period_)};
        if (caught) {
            misses_ = 0;
            rest_ = shortest_rest;
            stride_ = std::min(stride_ * 2, varied(most_ticks_between_hunts(lead)));
            return end_hunt(lead, now);
        }
        if (!hunting_) {
            const bool resumes = may_hunt && !could_hunt_;
            could_hunt_ = may_hunt;
            if (!may_hunt) return {true, now + static_cast<std::uint64_t>(sample_period_)};
            if (resumes) return end_hunt(lead, now);
            if (now < window_at_) return sample(now);
            // The first read of a window: the hunt begins.
            hunting_ = true;
            give_up_at_ = at + window_length(lead);
        }
        if (at < give_up_at_)
            return {false, now + static_cast<std::uint64_t>(gap(lead, read_cost)), true};
        if (++misses_ >= 3) {  // no visible ticks: leave it alone for a while
            misses_ = 0;
            stride_ = 1;
            rests_until_ = at + rest_ * hunt_period_;
            rest_ = std::min(rest_ * 2, longest_rest);
        } else {
            stride_ = std::max(1.0, stride_ / 4);
        }
        return end_hunt(lead, now);
    }

    [[nodiscard]] bool lockable() const noexcept { return lockable_; }

 private:
    static constexpr double counter_ticks_to_learn = 4;

    // A read must be short against the ticks, and ticks no rarer than samples are wanted.
    [[nodiscard]] bool worthwhile(const update_tracker& lead, double read_cost) const noexcept {
        return read_cost * 10 < lead.period() && lead.period() <= sample_period_;
    }

    [[nodiscard]] lock_step end_hunt(const update_tracker& lead, std::uint64_t now) noexcept {
        hunting_ = false;
        window_at_ = open_window(lead, now);
        return sample(now);
    }
    // The next window, or a sample before it.
    [[nodiscard]] lock_step sample(std::uint64_t now) const noexcept {
        const std::uint64_t plain = now + static_cast<std::uint64_t>(sample_period_);
        const bool is_later = hunt_period_ > sample_period_ && plain < window_at_;
        return {true, is_later ? plain : window_at_, !is_later};
    }

    [[nodiscard]] double most_ticks_between_hunts(const update_tracker& lead) const noexcept {
        return std::max(1.0, std::floor(hunt_period_ / lead.period()));
    }
    // Samples at even distances would see a program of the same rhythm in the same state each time,
    // and its scopes always in the same proportions. So strides vary, from two thirds of the most
    // to all.
    [[nodiscard]] double varied(double most) noexcept {
        turn_ += golden;
        turn_ -= std::floor(turn_);
        return std::max(1.0, std::floor(most * (2 + turn_) / 3));
    }
    // By how much the tick may come before the prediction, `ahead` ticks from the last caught one.
    [[nodiscard]] static double margin(const update_tracker& lead, double ahead) noexcept {
        return std::min(2.5 * lead.spread(ahead) + lead.slack(), lead.period() / 2);
    }
    // If the tick came before the window opened, the next one is a period away: wait for that.
    [[nodiscard]] double window_length(const update_tracker& lead) const noexcept {
        return (lead.locked() ? 1.5 : 2.5) * lead.period();
    }
    [[nodiscard]] double gap(const update_tracker& lead, double read_cost) const noexcept {
        const double fine = lead.locked() ? lead.period() / 500 : lead.period() / 60;
        return std::max(fine - read_cost, 1.0);
    }
    // Before the lock the next tick is hunted at once; after it, from a margin before the tick
    // `stride_` ahead.
    [[nodiscard]] std::uint64_t open_window(const update_tracker& lead,
                                            std::uint64_t now) noexcept {
        if (lead.caught() < counter_ticks_to_learn) return now + 1;
        double ahead = std::floor(lead.counter_ticks_since(now)) + stride_;
        const double early = margin(lead, ahead);
        double at = lead.predicted(ahead) - early;
        if (at <= static_cast<double>(now)) at = lead.predicted(ahead + 1) - early;
        return std::max(now + 1, static_cast<std::uint64_t>(std::max(at, 0.0)));
    }

    /// Multiples of it, less their whole parts, lie evenly and repeat never.
    static constexpr double golden = 0.6180339887498949;

    double sample_period_;
    double hunt_period_;
    bool lockable_;
    double turn_ = 0;
    bool hunting_ = false;
    bool could_hunt_ = true;       ///< as of the last read between hunts
    std::uint64_t window_at_ = 0;  ///< when the next hunt begins
    double stride_ = 1;            ///< counter ticks between two hunts
    double give_up_at_ = 0;
    unsigned misses_ = 0;
    /// Hunts left out after ticks were not to be seen; each time twice as many.
    static constexpr double shortest_rest = 50, longest_rest = 6400;
    double rest_ = shortest_rest;
    double rests_until_ = 0;
};

}  // namespace detail
}  // namespace v1
}  // namespace joulery
