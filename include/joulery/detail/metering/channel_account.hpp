// channel_account.hpp - a channel's raw values added up to joules.
// SPDX-License-Identifier: MIT
#pragma once

#include "joulery/backend.hpp"
#include "joulery/channel.hpp"
#include "joulery/detail/metering/counter_step.hpp"

#include <algorithm>
#include <cstdint>

namespace joulery {
inline namespace v1 {

/// What became of a channel's reads since its account was opened.
struct channel_tally {
    std::uint64_t reads = 0;        ///< values taken in
    std::uint64_t wraps = 0;        ///< counter overflows that were made good
    std::uint64_t resets = 0;       ///< steps not believed: a new baseline, nothing added
    std::uint64_t failures = 0;     ///< reads without a value
    std::uint64_t gaps = 0;         ///< stretches of a power gauge too long to bridge
    double unmeasured_seconds = 0;  ///< time inside those gaps and resets
};

/// Turns the raw values of one channel into joules since its first value.
///
/// A counter is added up in integers and scaled once; the first value is a baseline. A gauge is
/// integrated by trapezoid; a gap longer than `bridgeable_periods` of its usual spacing is left out
/// and tallied.
/// Thread: not synchronised; one owner. Cost: a few arithmetic operations, no allocation.
/// Fails:  a value that can't be believed is tallied and adds nothing.
///
///     channel_account a{c};
///     a.take(100, 0.000);   // baseline
///     a.take(350, 0.001);   // a.joules() == 250 * c.joules_per_count
class channel_account {
 public:
    explicit channel_account(const channel& c) noexcept
        : is_counter_(c.kind == reading_kind::energy_counter),
          scale_(c.joules_per_count),
          wrap_at_(c.wrap_at),
          generous_watts_(max_plausible_watts(c)),
          update_seconds_(std::chrono::duration<double>(c.update_period).count()) {}

    /// Takes in a value read `at` seconds on any monotonic clock. `no_value` tallies a failure.
    void take(std::uint64_t raw, double at) noexcept {
        if (raw == no_value) return miss();
        ++tally_.reads;
        misses_in_a_row_ = 0;
        if (has_baseline_) {
            is_counter_ ? count(raw, at) : integrate(raw, at);
        }
        has_baseline_ = true;
        last_raw_ = raw;
        last_at_ = at;
    }

    /// A read that brought nothing. A counter makes it good at the next value.
    void miss() noexcept {
        ++tally_.failures;
        ++misses_in_a_row_;
    }

    [[nodiscard]] double joules() const noexcept {
        return is_counter_ ? static_cast<double>(counts_) * scale_ : integral_;
    }
    [[nodiscard]] bool has_baseline() const noexcept { return has_baseline_; }
    /// Whether no value has come for so many reads that it is more than a bad moment; since the
    /// last one joules are missing.
    [[nodiscard]] bool is_silent() const noexcept {
        return !has_baseline_ || misses_in_a_row_ >= patience_reads;
    }
    [[nodiscard]] const channel_tally& tally() const noexcept { return tally_; }
    /// Largest mean power seen between two reads at least ten update periods apart, in watts.
    [[nodiscard]] double peak_watts() const noexcept { return peak_watts_; }

    /// A gap of more than this many usual intervals of a gauge is not bridged (DESIGN 5.7).
    static constexpr double bridgeable_periods = 5;

    static constexpr std::uint64_t patience_reads = 3;

    /// How often the owner means to read, in seconds: the "usual interval" of a gauge.
    void expect_interval(double s) noexcept { interval_ = std::max(s, update_seconds_); }

 private:
    void count(std::uint64_t raw, double at) noexcept {
        const double elapsed = std::max(at - last_at_, 0.0);
        const counter_step s =
            step_between(last_raw_, raw, wrap_at_, believable_counts(elapsed, raw < last_raw_));
        counts_ += s.counts;
        if (s.event == counter_event::wrap) ++tally_.wraps;
        if (s.event == counter_event::reset) {
            ++tally_.resets;
            tally_.unmeasured_seconds += elapsed;
        } else if (elapsed >= 10 * update_seconds_ && elapsed > 0) {
            peak_watts_ = std::max(peak_watts_, static_cast<double>(s.counts) * scale_ / elapsed);
        }
    }

    // Two update periods are allowed on top: the value may have been up to one old before and may
    // hold a fresh tick now. For a smaller value, which may be a wrap or a reset, history narrows
    // the bound, but never below a quarter of the generous one, so that a machine that wakes from
    // idle is believed.
    [[nodiscard]] std::uint64_t believable_counts(double elapsed, bool smaller) const noexcept {
        double watts = generous_watts_;
        if (smaller && peak_watts_ > 0)
            watts = std::min(watts, std::max(10 * peak_watts_, watts / 4));
        const double counts = watts * (elapsed + 2 * update_seconds_) / scale_ + 1;
        return counts >= 9e18 ? ~std::uint64_t{0} : static_cast<std::uint64_t>(counts);
    }

    void integrate(std::uint64_t raw, double at) noexcept {
        const double elapsed = std::max(at - last_at_, 0.0);
        if (interval_ > 0 && elapsed > bridgeable_periods * interval_) {
            ++tally_.gaps;
            tally_.unmeasured_seconds += elapsed;
            return;
        }
        const double watts =
            (static_cast<double>(last_raw_) + static_cast<double>(raw)) / 2 * scale_;
        integral_ += watts * elapsed;
        peak_watts_ = std::max(peak_watts_, watts);
    }

    bool is_counter_;
    bool has_baseline_ = false;
    double scale_;
    std::uint64_t wrap_at_;
    double generous_watts_;
    double update_seconds_;
    double interval_ = 0;
    std::uint64_t last_raw_ = 0;
    double last_at_ = 0;
    std::uint64_t counts_ = 0;
    std::uint64_t misses_in_a_row_ = 0;
    double integral_ = 0;
    double peak_watts_ = 0;
    channel_tally tally_;
};

}  // namespace v1
}  // namespace joulery
