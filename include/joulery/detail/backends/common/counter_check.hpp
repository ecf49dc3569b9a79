// counter_check.hpp - checks an energy counter against power x time.
// SPDX-License-Identifier: MIT
#pragma once

#include "joulery/detail/core/concat.hpp"

#include <atomic>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

namespace joulery {
inline namespace v1 {
namespace detail {

enum class counter_verdict : unsigned char { undecided, agrees, stuck, differs, unknown };

/// Compares a device's energy counter with its integrated power during the first seconds of reads.
///
/// Some drivers' counters stand still or count half (zeus issue 181: 187 J instead of 327 J). The
/// check reads nothing but the power, and nothing waits for it.
/// Thread: one owner. Cost: a few operations per sample. Fails: `unknown` without a power.
///
///     counter_check check;
///     check.take(joules, watts, seconds);     // at each read, until decided
class counter_check {
 public:
    static constexpr double window = 10;         ///< seconds; the power may be a 1 s mean
    static constexpr double closest = 0.05;      ///< seconds between samples worth a call
    static constexpr double widest = 1;          ///< a longer gap restarts the window
    static constexpr double lowest_ratio = 0.8;  ///< of counter to power x time
    static constexpr double highest_ratio = 1.25;
    static constexpr double most_credible = 10'000;  ///< W of one device

    /// Whether a sample now would be useful.
    [[nodiscard]] bool wants(double at) const noexcept {
        return verdict_ == counter_verdict::undecided && (!begun_ || at - last_at_ >= closest);
    }

    void take(double counter_joules, double watts, double at) noexcept {
        if (verdict_ != counter_verdict::undecided) return;
        if (!(watts >= 0 && watts < most_credible)) return give_up();  // an error value
        if (!begun_ || at - last_at_ > widest || counter_joules < first_joules_) {
            begun_ = true;
            began_at_ = at;
            first_joules_ = counter_joules;
            integral_ = 0;
        } else {
            integral_ += (watts + last_watts_) / 2 * (at - last_at_);
        }
        last_at_ = at;
        last_watts_ = watts;
        counted_ = counter_joules - first_joules_;
        if (at - began_at_ >= window) decide();
    }
    void give_up() noexcept {
        if (verdict_ == counter_verdict::undecided) verdict_ = counter_verdict::unknown;
    }

    [[nodiscard]] counter_verdict verdict() const noexcept { return verdict_; }
    [[nodiscard]] double counted_joules() const noexcept { return counted_; }
    [[nodiscard]] double integrated_joules() const noexcept { return integral_; }

 private:
    void decide() noexcept {
        if (!(integral_ > 0)) {
            verdict_ = counter_verdict::unknown;
        } else if (!(counted_ > 0)) {
            verdict_ = counter_verdict::stuck;
        } else {
            const double ratio = counted_ / integral_;
            verdict_ = ratio >= lowest_ratio && ratio <= highest_ratio ? counter_verdict::agrees
                                                                       : counter_verdict::differs;
        }
    }

    counter_verdict verdict_ = counter_verdict::undecided;
    bool begun_ = false;
    double began_at_ = 0;
    double last_at_ = 0;
    double last_watts_ = 0;
    double first_joules_ = 0;
    double counted_ = 0;
    double integral_ = 0;
};

/// The note about a counter that disagrees with its power; "" for any other.
///
///     "the energy counter of cpu0/package counted 187 J in ten seconds in which power x time was
///     327 J: take it with care"
[[nodiscard]] inline std::string reason_to_distrust(const counter_check& c, const std::string& id,
                                                    const char* if_stuck) {
    const bool stuck = c.verdict() == counter_verdict::stuck;
    if (!stuck && c.verdict() != counter_verdict::differs) return {};
    const auto whole = [](double x) { return std::to_string(static_cast<long long>(x + 0.5)); };
    return concat({"the energy counter of ", id, " counted ", whole(c.counted_joules()),
                   " J in ten seconds in which power x time was ", whole(c.integrated_joules()),
                   " J: ", (stuck ? if_stuck : "take it with care")});
}

/// A backend's note, to which the reading thread adds once, after comparing counters with power.
/// Other threads see it complete or not at all.
class checked_note {
 public:
    explicit checked_note(std::string first) : first_(std::move(first)), whole_(first_) {}
    [[nodiscard]] std::string_view text() const noexcept {
        return done_.load(std::memory_order_acquire) ? whole_ : first_;
    }
    [[nodiscard]] bool is_done() const noexcept { return done_.load(std::memory_order_relaxed); }
    /// Call it before `finish`; "" adds nothing.
    void add(const std::string& reason) {
        if (!reason.empty()) whole_ += (whole_.empty() ? "" : "; ") + reason;
    }
    void finish() noexcept { done_.store(true, std::memory_order_release); }

 private:
    std::string first_;
    std::string whole_;
    std::atomic<bool> done_{false};
};

}  // namespace detail
}  // namespace v1
}  // namespace joulery
