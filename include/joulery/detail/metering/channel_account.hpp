// channel_account.hpp - turns a channel's plausible raw values into joules.
// SPDX-License-Identifier: MIT
#pragma once

#include "joulery/backend.hpp"

#include <algorithm>
#include <cstdint>
#include <optional>

namespace joulery {
inline namespace v1 {

enum class counter_event : unsigned char { none, wrap, reset };

/// The step between two reads of a counter: counts to add, and whether it wrapped or was reset.
struct counter_step {
    std::uint64_t counts = 0;
    counter_event event = counter_event::none;
};

/// The step from `before` to `now` of a counter that wraps at `wrap_at` (0: never).
///
/// `believable` is the largest plausible number of counts since `before`. Equal values are 0
/// counts. A smaller value is a wrap if the wrapped difference is plausible, else a reset; a larger
/// one is growth if plausible, else a reset. A reset adds nothing: lost energy is not guessed.
///
///     counter_step s = step_between(4294967290u, 4, std::uint64_t{1} << 32, 1'000'000);
///     // s.counts == 10, s.event == counter_event::wrap
[[nodiscard]] constexpr counter_step step_between(std::uint64_t before, std::uint64_t now,
                                                  std::uint64_t wrap_at,
                                                  std::uint64_t believable) noexcept {
    if (now == before) return {0, counter_event::none};
    if (now > before) {
        const std::uint64_t grown = now - before;
        return grown <= believable ? counter_step{grown, counter_event::none}
                                   : counter_step{0, counter_event::reset};
    }
    if (wrap_at > before) {
        const std::uint64_t wrapped = (wrap_at - before) + now;
        if (wrapped <= believable) return {wrapped, counter_event::wrap};
    }
    return {0, counter_event::reset};
}

/// Statistics of a channel's reads since its account was opened.
struct channel_tally {
    std::uint64_t reads = 0;        ///< accepted values
    std::uint64_t wraps = 0;        ///< corrected counter overflows
    std::uint64_t resets = 0;       ///< implausible values: energy before them is not counted
    std::uint64_t outliers = 0;     ///< single implausible values: no energy is lost
    std::uint64_t failures = 0;     ///< reads without a value
    std::uint64_t gaps = 0;         ///< gaps too long to bridge, or with more than one wrap
    double unmeasured_seconds = 0;  ///< time inside those gaps and resets
};

/// The plausible power of a channel.
///
/// The device's own limit (`channel::max_watts`: a limit, a critical or rated power) has priority;
/// transients may exceed it by half. Without one it is a generous bound for the part, and more than
/// common parts draw must be confirmed by the next value.
struct plausible_power {
    double most = 0;   ///< watts; more is implausible
    double usual = 0;  ///< watts; more must be confirmed by the next value

    static constexpr double transient = 1.5;

    [[nodiscard]] static constexpr plausible_power of(const channel& c) noexcept {
        const double stated = c.max_watts;
        if (stated > 0) return {transient * stated, stated};
        return {max_plausible_watts(c), usual_watts(c.part)};
    }

 private:
    [[nodiscard]] static constexpr double usual_watts(component part) noexcept {
        switch (part) {
            case component::cpu:
                return 500;
            case component::dram:
                return 400;
            case component::gpu:
            case component::npu:
            case component::soc:
                return 800;
            case component::board:
            case component::platform:
            case component::other:
                return 15'000;
        }
        return 15'000;
    }
};

/// Whether a sensor's value is one that drivers and firmware use for "no value": all 32 bits set,
/// or the largest or smallest signed number, in units, thousandths or millionths.
[[nodiscard]] constexpr bool is_error_value(std::uint64_t raw) noexcept {
    for (const std::uint64_t scale : {1u, 1'000u, 1'000'000u})
        for (const std::uint64_t none : {0xffff'ffffu, 0x7fff'ffffu, 0x8000'0000u})
            if (raw == none * scale) return true;
    return false;
}

/// Turns the raw values of one channel into joules since its first plausible value.
///
/// A counter is summed in integers and scaled once; the first value is a baseline. Each step is
/// compared with `plausible_power` over the time since the value last *changed*. The lag of
/// readings (two updates and the read before) is allowed for once, not for each step.
/// - A step that is too large, or a smaller value that is no plausible wrap, is a gap: the value
///   becomes the new baseline once the next value continues from it, and its joules are never
///   counted.
/// - If the next value continues from the old baseline instead, the value was an outlier and
///   nothing is lost.
/// - A step above the usual power is counted once the next value continues from it.
/// - If a counter may have wrapped more than once, the certain part is counted, and a gap is
///   recorded.
/// A gauge is integrated by trapezoid. Values above `plausible_power`, and 0 W of a whole running
/// machine, are rejected. A gap longer than `bridgeable_periods` of its usual spacing is left out
/// and recorded.
///
/// Thread: not synchronized; one owner. Cost: a few arithmetic operations, no allocation.
/// Fails:  an implausible value is recorded and adds nothing.
///
///     channel_account a{c};
///     a.take(100, 0.000);   // baseline
///     a.take(350, 0.001);   // a.joules() == 250 * c.joules_per_count
class channel_account {
 public:
    explicit channel_account(const channel& c) noexcept
        : is_counter_(c.kind == reading_kind::energy_counter),
          is_machine_((c.part == component::platform || c.part == component::board) &&
                      c.provenance != quality::estimated),
          scale_(c.joules_per_count),
          wrap_at_(c.wrap_at),
          bound_(plausible_power::of(c)),
          update_seconds_(std::chrono::duration<double>(c.update_period).count()) {}

    /// Accounts for a value read at `at` seconds on any monotonic clock that has stood still for
    /// `suspended` seconds so far while the machine slept. `no_value` counts as a failure.
    void take(std::uint64_t raw, double at, double suspended = 0) noexcept {
        suspended_ = suspended;
        if (raw == no_value) return miss();
        if (!is_counter_ && !is_believable_power(raw)) {
            ++tally_.reads;
            ++tally_.resets;
            ++misses_in_a_row_;
            return;
        }
        ++tally_.reads;
        misses_in_a_row_ = 0;
        is_counter_ ? count({raw, at + suspended_}) : integrate({raw, at + suspended_});
        last_read_at_ = at + suspended_;
        has_baseline_ = true;
    }

    /// A read without a value. A counter makes up for it with the next value.
    void miss() noexcept {
        ++tally_.failures;
        ++misses_in_a_row_;
    }

    [[nodiscard]] double joules() const noexcept {
        return is_counter_ ? static_cast<double>(counts_) * scale_ : integral_;
    }
    [[nodiscard]] bool has_baseline() const noexcept { return has_baseline_; }
    /// Whether there was no plausible value for so many reads that it is more than a brief
    /// disturbance; the joules since the last one are missing.
    [[nodiscard]] bool is_silent() const noexcept {
        return !has_baseline_ || misses_in_a_row_ >= patience_reads ||
               unbelieved_in_a_row_ >= patience_reads;
    }
    [[nodiscard]] const channel_tally& tally() const noexcept { return tally_; }
    /// Largest mean power seen between two reads at least ten update periods apart, in watts.
    [[nodiscard]] double peak_watts() const noexcept { return peak_watts_; }

    /// For how long a gauge has shown the same non-zero power, as of the last read.
    [[nodiscard]] double unchanged_seconds() const noexcept {
        return is_counter_ || base_.raw == 0 ? 0 : last_read_at_ - changed_at_;
    }
    /// The last value of a gauge, in watts.
    [[nodiscard]] double last_watts() const noexcept {
        return is_counter_ ? 0 : static_cast<double>(base_.raw) * scale_;
    }

    /// A gap longer than this many usual intervals of a gauge is not bridged (DESIGN 5.7).
    static constexpr double bridgeable_periods = 5;

    static constexpr std::uint64_t patience_reads = 3;

    /// How often the owner intends to read, in seconds: the "usual interval" of a gauge.
    void expect_interval(double s) noexcept { interval_ = std::max(s, update_seconds_); }

 private:
    struct moment {
        std::uint64_t raw = 0;
        double at = 0;  ///< seconds, suspended ones included
    };
    /// A value that the next one must confirm.
    struct suspect {
        moment value;
        bool believed = false;  ///< plausible, only more than usual
    };

    void count(moment now) noexcept {
        if (!has_baseline_) return rebase(now, bound_.most * lag_seconds(now));
        if (suspect_) {
            if (now.raw == suspect_->value.raw) return;
            if (!resolve_suspect(now)) return;
        }
        if (now.raw != base_.raw) step_to(now);
    }

    // Whether `now` continues from the suspect value or from the baseline; otherwise it is suspect
    // itself.
    bool resolve_suspect(moment now) noexcept {
        const moment value = suspect_->value;
        const bool returned =
            now.raw >= base_.raw && (now.raw < value.raw || value.raw < base_.raw);
        if (returned && step(base_, now, credit_).event == counter_event::none) {
            ++tally_.outliers;
            if (!suspect_->believed) --tally_.resets;
        } else if (suspect_->believed) {
            accept(value);
        } else if (step(value, now, 0).event != counter_event::reset) {
            start_anew(value);
        } else {
            ++tally_.resets;
            ++unbelieved_in_a_row_;
            leave_out(now.at);
            suspect_->value = now;
            return false;
        }
        suspect_.reset();
        return true;
    }

    void step_to(moment now) noexcept {
        const counter_step s = step(base_, now, credit_);
        const double elapsed = std::max(now.at - base_.at, 0.0);
        const double joules = static_cast<double>(s.counts) * scale_;
        if (s.event == counter_event::reset) {
            ++tally_.resets;
            ++unbelieved_in_a_row_;
            suspect_ = suspect{now, false};
        } else if (joules > bound_.usual * (elapsed + 2 * update_seconds_)) {
            suspect_ = suspect{now, true};
        } else {
            accept(now);
        }
    }

    void accept(moment now) noexcept {
        const counter_step s = step(base_, now, credit_);
        const double elapsed = std::max(now.at - base_.at, 0.0);
        const double joules = static_cast<double>(s.counts) * scale_;
        counts_ += s.counts;
        if (s.event == counter_event::wrap) ++tally_.wraps;
        const bool ambiguous =
            wrap_at_ != 0 && bound_.most * elapsed >= static_cast<double>(wrap_at_) * scale_;
        if (ambiguous || suspended_ > suspended_taken_) {
            ++tally_.gaps;
            tally_.unmeasured_seconds += elapsed;
        } else if (elapsed >= 10 * update_seconds_ && elapsed > 0) {
            peak_watts_ = std::max(peak_watts_, joules / elapsed);
        }
        unbelieved_in_a_row_ = 0;
        rebase(now, std::clamp(credit_ + bound_.most * elapsed - joules, 0.0,
                               bound_.most * lag_seconds(now)));
    }

    void start_anew(moment value) noexcept {
        leave_out(value.at);
        rebase(value, 0);
    }
    void rebase(moment value, double credit) noexcept {
        base_ = value;
        credit_ = credit;
        gap_from_ = value.at;
        suspended_taken_ = suspended_;
    }
    void leave_out(double until) noexcept {
        tally_.unmeasured_seconds += std::max(until - gap_from_, 0.0);
        gap_from_ = until;
    }

    // The earlier value may have been up to one update old and the present one may be fresh; and
    // the value may have changed any time since the read before it.
    [[nodiscard]] double lag_seconds(moment now) const noexcept {
        const double since_read = has_baseline_ ? std::max(now.at - last_read_at_, 0.0) : 0;
        return 2 * update_seconds_ + since_read;
    }

    // For a smaller value, which may be a wrap or a reset, history narrows the bound, but not below
    // a quarter, so that a machine that wakes from idle stays plausible.
    [[nodiscard]] counter_step step(moment from, moment to, double credit) const noexcept {
        double watts = bound_.most;
        if (to.raw < from.raw && peak_watts_ > 0) {
            watts = std::min(watts, std::max(10 * peak_watts_, watts / 4));
            credit = std::min(credit, watts * 2 * update_seconds_);
        }
        const double joules = watts * std::max(to.at - from.at, 0.0) + credit;
        const double counts = joules / scale_ + 1;
        return step_between(
            from.raw, to.raw, wrap_at_,
            counts >= 9e18 ? ~std::uint64_t{0} : static_cast<std::uint64_t>(counts));
    }

    [[nodiscard]] bool is_believable_power(std::uint64_t raw) const noexcept {
        if (raw == 0) return !is_machine_;
        if (is_error_value(raw)) return false;
        return static_cast<double>(raw) * scale_ <= bound_.most;
    }

    void integrate(moment now) noexcept {
        const moment before = base_;
        const bool was_suspended = suspended_ > suspended_taken_;
        if (!has_baseline_ || now.raw != before.raw) changed_at_ = now.at;
        rebase(now, 0);
        if (!has_baseline_) return;
        const double elapsed = std::max(now.at - before.at, 0.0);
        const bool too_long = interval_ > 0 && elapsed > bridgeable_periods * interval_;
        if (too_long || was_suspended) {
            ++tally_.gaps;
            tally_.unmeasured_seconds += elapsed;
            return;
        }
        const double watts =
            (static_cast<double>(before.raw) + static_cast<double>(now.raw)) / 2 * scale_;
        integral_ += watts * elapsed;
        peak_watts_ = std::max(peak_watts_, watts);
    }

    bool is_counter_;
    bool is_machine_;
    bool has_baseline_ = false;
    double scale_;
    std::uint64_t wrap_at_;
    plausible_power bound_;
    double update_seconds_;
    double interval_ = 0;
    moment base_;                     ///< counter: its last change; gauge: its last value
    std::optional<suspect> suspect_;  ///< a later value of the counter, undecided so far
    double credit_ = 0;               ///< joules that a step may exceed its own time's limit by
    double gap_from_ = 0;             ///< everything before is counted or recorded as unmeasured
    double last_read_at_ = 0;
    double changed_at_ = 0;       ///< of a gauge
    double suspended_ = 0;        ///< seconds so far, as of the last read
    double suspended_taken_ = 0;  ///< part of them before `base_`
    std::uint64_t counts_ = 0;
    std::uint64_t misses_in_a_row_ = 0;
    std::uint64_t unbelieved_in_a_row_ = 0;
    double integral_ = 0;
    double peak_watts_ = 0;
    channel_tally tally_;
};

}  // namespace v1
}  // namespace joulery
