// read_schedule.hpp - decides when a counter is read, so that reads fall just after its updates.
// SPDX-License-Identifier: MIT
//
// A value read at some moment is the energy as of the counter's last update, up to a period ago.
// Read just after an update, it is the energy at a known instant. So the sampler sleeps until
// shortly before a predicted update and then reads in short steps until the value changes. It does
// so for several updates in a row, because rows between adjacent updates separate scopes best, and
// then sleeps until the next sample. All of this costs processor time, for which each counter has a
// budget. Slow reads start with wide steps, which become finer as the update is known better.
// better.
#pragma once

#include "joulery/detail/metering/update_tracker.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <thread>
#include <utility>

namespace joulery {
inline namespace v1 {
namespace detail {

/// What a read means for its counter's schedule.
struct read_verdict {
    bool samples = false;  ///< the first dated read of a sample, or the read that replaces it
};

/// Limits and costs of a schedule, in ticks of the clock except for the shares.
struct read_budget {
    double sample_period = 0;    ///< between two samples
    double finest_sample = 0;    ///< earliest wait for an update after the last sample
    double share = 0.002;        ///< of the time may be spent awake, waiting for updates
    double credit = 0;           ///< may be spent in addition at first, while little is known
    double step_cost = 0;        ///< a short sleep; longer waits sleep, shorter ones busy-wait
    double plain_share = 0.003;  ///< of a processor, for reads that wait for nothing
};

/// The cost of one read of the backend, in ticks.
struct read_price {
    double time = 0;       ///< until it returns
    double processor = 0;  ///< the processor time in it; 0: unknown
    /// Processor time to process a reading that ends a row, beyond what every program needs: many
    /// scopes were open.
    double row = 0;
};

/// The schedule of one counter's reads.
///
/// Thread: not synchronized. Cost: some arithmetic per read.
class read_schedule {
 public:
    read_schedule() = default;
    read_schedule(const read_budget& b, std::uint64_t now, bool can_be_watched) noexcept
        : budget_(b),
          can_be_watched_(can_be_watched),
          begun_(now),
          window_at_(now + 1),
          next_due_(now + 1),
          sampled_at_(now) {
        if (!can_be_watched_) next_due_ = now + to_ticks(budget_.sample_period);
    }

    /// After a read at `now` with that price; `dated`: it saw an update of this counter.
    read_verdict after_read(update_tracker& tracker, std::uint64_t now, read_price price,
                            bool dated) noexcept {
        const double cost = price.time;
        cost_ = cost;
        processor_ = price.processor + price.row;
        if (!can_be_watched_ || cost * slowest_read > tracker.period()) return sample_plainly(now);
        if (watching_) spent_ += cost + (stays_awake() ? step_ : budget_.step_cost / 4);
        if (dated) spent_ += price.row;
        if (dated)
            return watching_ || now >= window_at_ ? see(tracker, now) : wait(tracker, now, true);
        if (watching_) return go_on(tracker, now, cost);
        if (now < window_at_) return wait(tracker, now, rests_ && now >= next_due_);
        rests_ = false;
        if (burst_left_ == 0 && !affordable(now)) return wait_for_budget(tracker, now);
        if (std::exchange(waits_for_budget_, false) && predicts(tracker)) {
            open_window(tracker, now, 1);
            return {true};
        }
        watching_ = true;
        spent_ += cost + budget_.step_cost / 2;
        give_up_at_ = window_end(tracker, now);
        return go_on(tracker, now, cost);
    }

    [[nodiscard]] std::uint64_t next_due() const noexcept { return next_due_; }
    /// Whether the next read is one of several in steps too short to sleep between them.
    [[nodiscard]] bool stays_awake() const noexcept {
        return watching_ && step_ <= budget_.step_cost;
    }
    /// Whether the next read must hit a moment to within microseconds.
    [[nodiscard]] bool is_watching() const noexcept { return watching_ || opens_window_; }
    /// Whether the rows that end now separate scopes: around an update, and in the burst after it.
    [[nodiscard]] bool is_in_burst() const noexcept { return watching_ || burst_left_ > 0; }
    [[nodiscard]] double spent() const noexcept { return spent_; }
    /// Time between two samples in ticks: as requested, or as much as reading can afford.
    [[nodiscard]] double sample_period() const noexcept { return period(); }

    /// Rows between adjacent updates after each sample.
    static constexpr unsigned updates_a_burst = 3;

 private:
    // A read that takes more than a third of a period is no use for dating updates.
    static constexpr double slowest_read = 3;
    static constexpr unsigned misses_until_rest = 6;
    // This many reads reveal when a counter updates, even if each takes milliseconds.
    static constexpr double reads_to_learn = 80;

    static std::uint64_t to_ticks(double t) noexcept {
        return static_cast<std::uint64_t>(std::max(t, 1.0));
    }

    read_verdict sample_plainly(std::uint64_t now) noexcept {
        watching_ = opens_window_ = false;
        burst_left_ = 0;
        if (now < next_due_) return {};
        next_due_ = now + to_ticks(period());
        return {true};
    }
    // A counter loses nothing between two reads, so slow reads may be rare. A gauge does: it is
    // read less often than it is updated only if reading would keep a processor or a bus busy, as
    // with hundreds of sensors.
    [[nodiscard]] double period() const noexcept {
        const double slow = cost_ / (can_be_watched_ ? share_of_slow_reads : busiest_bus);
        return std::max({budget_.sample_period, slow, processor_ / budget_.plain_share});
    }
    static constexpr double share_of_slow_reads = 0.003, busiest_bus = 0.5;
    // The next read outside a window; for a slow counter, just after an update.
    [[nodiscard]] std::uint64_t next_plain(const update_tracker& tracker,
                                           std::uint64_t now) const noexcept {
        const double at = static_cast<double>(now) + period();
        if (!tracker.locked() || tracker.period() < budget_.finest_sample / 5)
            return static_cast<std::uint64_t>(at);
        const double n = std::ceil(tracker.periods_since(static_cast<std::uint64_t>(at)));
        return static_cast<std::uint64_t>(tracker.predicted(n) + margin(tracker, n) / 2 + 1);
    }
    [[nodiscard]] bool affordable(std::uint64_t now) const noexcept {
        return spent_ <= budget_.share * static_cast<double>(now - begun_) +
                             std::max(budget_.credit, reads_to_learn * cost_);
    }

    // An update was seen: the first of a sample, or one of the burst that follows.
    read_verdict see(const update_tracker& tracker, std::uint64_t now) noexcept {
        misses_ = 0;
        rest_ = 1;
        sampled_at_ = now;
        const bool first = burst_left_ == 0;
        if (first) burst_left_ = updates_a_burst + 1;
        --burst_left_;
        const bool learns = !tracker.locked();
        if (burst_left_ > 0 && (learns || tracker.period() <= budget_.finest_sample / 4)) {
            open_window(tracker, now, 1);
        } else {
            burst_left_ = 0;
            plan_sample(tracker, now);
        }
        return {first};
    }
    void plan_sample(const update_tracker& tracker, std::uint64_t now) noexcept {
        const double wanted = std::max(
            {budget_.sample_period, budget_.finest_sample, processor_ / budget_.plain_share});
        const double most = std::max(1.0, std::floor(wanted / tracker.period()));
        open_window(tracker, now, varied(most));
    }
    // Samples at equal distances would see a program of the same rhythm in the same state each
    // time, so distances vary between two thirds of the longest and all of it.
    [[nodiscard]] double varied(double most) noexcept {
        turn_ += golden;
        turn_ -= std::floor(turn_);
        return std::max(1.0, std::floor(most * (2 + turn_) / 3));
    }

    read_verdict go_on(update_tracker& tracker, std::uint64_t now, double cost) noexcept {
        if (static_cast<double>(now) < give_up_at_) {
            step_ = std::min(step(tracker, cost), period());
            next_due_ = now + to_ticks(step_);
            return sample_if_due(now);
        }
        watching_ = false;
        burst_left_ = 0;
        tracker.miss();
        if (++misses_ < misses_until_rest) {
            open_window(tracker, now, 1);
            return {};
        }
        misses_ = 0;  // no update is visible: leave it alone for a while
        rests_ = true;
        window_at_ = now + to_ticks(rest_ * 10 * budget_.finest_sample);
        rest_ = std::min(rest_ * 2, 600.0);
        return wait(tracker, now, true);
    }
    // While an update does not come, samples are taken as if there were no updates.
    read_verdict sample_if_due(std::uint64_t now) noexcept {
        if (static_cast<double>(now - sampled_at_) < period()) return {};
        sampled_at_ = now;
        return {true};
    }
    // Between windows the counter is still read at its sample period, for uses that need no date.
    read_verdict wait(const update_tracker& tracker, std::uint64_t now, bool samples) noexcept {
        watching_ = false;
        const std::uint64_t plain = next_plain(tracker, now);
        opens_window_ = window_at_ <= plain;
        next_due_ = std::max(std::min(window_at_, plain), now + 1);
        return {samples};
    }
    read_verdict wait_for_budget(const update_tracker& tracker, std::uint64_t now) noexcept {
        watching_ = opens_window_ = false;
        waits_for_budget_ = true;
        window_at_ = next_due_ = next_plain(tracker, now);
        return {true};
    }

    // Steps are wide while little is known: each one narrows the update down to a quarter of the
    // previous step.
    [[nodiscard]] static double step(const update_tracker& tracker, double cost) noexcept {
        const double period = tracker.period(), first = period / 16;
        const double wanted =
            tracker.seen() < 2 ? first : std::max(period / 500, tracker.gap() / 4);
        return std::max(std::min(wanted, first) - cost, 1.0);
    }
    [[nodiscard]] double margin(const update_tracker& tracker, double ahead) const noexcept {
        const double unsure = tracker.locked() ? 0 : tracker.period() / 16;
        return std::min(2.5 * tracker.deviation(ahead) + tracker.gap() + unsure,
                        tracker.period() / 2);
    }
    // Two adjacent updates predict the next one; a prediction across missed updates is worthless.
    [[nodiscard]] bool predicts(const update_tracker& tracker) const noexcept {
        return tracker.locked() || (tracker.seen() >= 2 && misses_ == 0);
    }
    // The window stays open as long after the predicted update as it opened before it; before the
    // lock, long enough to see an update whenever it comes.
    [[nodiscard]] double window_end(const update_tracker& tracker,
                                    std::uint64_t now) const noexcept {
        if (!predicts(tracker)) return static_cast<double>(now) + 2.5 * tracker.period();
        const double n = std::max(1.0, std::round(tracker.periods_since(now)));
        return std::max(tracker.predicted(n), static_cast<double>(now)) + margin(tracker, n) +
               step(tracker, 0);
    }
    // Before the lock, the wait for the next update starts at once; after it, a margin before the
    // update that many periods ahead.
    void open_window(const update_tracker& tracker, std::uint64_t now, double ahead) noexcept {
        watching_ = false;
        opens_window_ = true;
        if (!predicts(tracker)) {
            window_at_ = next_due_ = now + 1;
            return;
        }
        double n = std::floor(tracker.periods_since(now)) + ahead;
        double at = tracker.predicted(n) - margin(tracker, n);
        if (at <= static_cast<double>(now)) at = tracker.predicted(n + 1) - margin(tracker, n + 1);
        window_at_ = std::max(now + 1, static_cast<std::uint64_t>(std::max(at, 0.0)));
        const std::uint64_t plain = next_plain(tracker, now);
        const bool later = budget_.finest_sample > budget_.sample_period && plain < window_at_;
        next_due_ = later ? plain : window_at_;
        opens_window_ = !later;
    }

    /// The fractional parts of its multiples are evenly spread and never repeat.
    static constexpr double golden = 0.6180339887498949;

    read_budget budget_;
    bool can_be_watched_ = false;
    std::uint64_t begun_ = 0;
    std::uint64_t window_at_ = 0;  ///< tick of the next wait for an update
    std::uint64_t next_due_ = 0;
    std::uint64_t sampled_at_ = 0;
    bool watching_ = false;
    bool opens_window_ = false;
    bool waits_for_budget_ = false;
    bool rests_ = false;  ///< no update was visible; samples are taken without dates
    double give_up_at_ = 0;
    double step_ = 0;
    double spent_ = 0;
    double cost_ = 0;
    double processor_ = 0;
    double turn_ = 0;
    double rest_ = 1;
    unsigned misses_ = 0;
    unsigned burst_left_ = 0;
};

/// The samplers' share of all processors' time, from one call to the next. What they used is billed
/// to no scope. Reads at the edges of scopes are not included; the report subtracts them from the
/// scopes around them.
class sampling_share {
 public:
    explicit sampling_share(unsigned processors = std::thread::hardware_concurrency()) noexcept
        : processors_(std::max(processors, 1u)) {}

    /// `spent`: the samplers' processor time so far; `now`: the time so far; both in seconds.
    [[nodiscard]] double share(double spent, double now) noexcept {
        const double used = spent - std::exchange(spent_, spent);
        const double time = now - std::exchange(now_, now);
        return time > 0 ? std::clamp(used / time / processors_, 0.0, 1.0) : 0;
    }

 private:
    double processors_;
    double spent_ = 0;
    double now_ = 0;
};

}  // namespace detail
}  // namespace v1
}  // namespace joulery
