// lost_time.hpp - how long a thread was preempted.
// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>

namespace joulery {
inline namespace v1 {
namespace detail {

/// The system's figures for a thread so far.
struct thread_use {
    double passed = -1;            ///< s, of a clock that never stops; negative: unknown
    double busy = 0;               ///< s, during which it had a processor
    std::uint64_t given_up = 0;    ///< number of voluntary waits
    std::uint64_t taken_away = 0;  ///< number of preemptions
};

/// Ticks in which a thread wanted to run and had no processor, from occasional looks. If it also
/// waited voluntarily between two looks, all of its pauses are assumed to be equally long.
///
/// Thread: the observed one. Fails: it stays at 0 if the system provides no figures.
///
///     lost_time lost;
///     if (lost.was_away(now, 100'000)) lost.look(now, use_of_this_thread());
///     double ticks = lost.ticks();  // between the first look and the last
class lost_time {
 public:
    void look(std::uint64_t now, const thread_use& use) noexcept {
        const thread_use before = use_;
        const std::uint64_t since = at_;
        use_ = use;
        at_ = now;
        if (before.passed < 0 || !(use.passed > before.passed) || now <= since) return;
        const double passed = use.passed - before.passed;
        const double paused = passed - (use.busy - before.busy);
        const auto taken = static_cast<double>(use.taken_away - before.taken_away);
        const auto given = static_cast<double>(use.given_up - before.given_up);
        if (!(paused > 0) || !(taken > 0)) return;
        const double part = paused < passed ? paused / passed : 1;
        ticks_ += static_cast<double>(now - since) * part * taken / (taken + given);
    }
    /// Whether the thread may have been preempted since it was last seen running, more than
    /// `long_time` ticks ago, or was never looked at. It is running `now`.
    [[nodiscard]] bool was_away(std::uint64_t now, double long_time) noexcept {
        const std::uint64_t before = seen_at_;
        seen_at_ = now;
        return at_ == 0 || static_cast<double>(now - before) > long_time;
    }
    [[nodiscard]] double ticks() const noexcept { return ticks_; }

 private:
    thread_use use_;
    std::uint64_t at_ = 0, seen_at_ = 0;
    double ticks_ = 0;
};

}  // namespace detail
}  // namespace v1
}  // namespace joulery
