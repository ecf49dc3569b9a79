// manual_clock.hpp - a clock that a test moves.
// SPDX-License-Identifier: MIT
#pragma once

#include "joulery/detail/timing/time_source.hpp"
#include "joulery/testing/access.hpp"

#include <atomic>
#include <chrono>
#include <cstdint>
#include <string_view>

namespace joulery {
inline namespace v1 {
namespace testing {

/// A clock of whole nanoseconds that only a test moves. A meter on it starts no thread: call
/// `access::sample(meter)` after moving it, or let `simulated_machine` do both.
///
/// Thread: any. Cost: an atomic operation. Fails: never.
///
///     auto clock = std::make_shared<manual_clock>();
///     options o; access::set_clock(o, clock);
///     meter m{std::move(o)};  clock->advance(10ms);  access::sample(m);
class manual_clock final : public time_source {
 public:
    [[nodiscard]] std::uint64_t now() const noexcept override {
        return now_.load(std::memory_order_acquire);
    }
    [[nodiscard]] double seconds_per_tick() const noexcept override { return 1e-9; }
    [[nodiscard]] std::string_view name() const noexcept override { return "manual"; }
    [[nodiscard]] bool is_manual() const noexcept override { return true; }

    void advance(std::chrono::nanoseconds by) noexcept {
        now_.fetch_add(static_cast<std::uint64_t>(by.count()), std::memory_order_acq_rel);
    }
    /// Moves forward to `tick`; a tick in the past changes nothing.
    void advance_to(std::uint64_t tick) noexcept {
        if (tick > now()) now_.store(tick, std::memory_order_release);
    }
    /// The machine is suspended: clocks that keep running meanwhile get ahead of this one.
    void suspend(std::chrono::nanoseconds by) noexcept {
        suspended_.fetch_add(by.count(), std::memory_order_acq_rel);
    }
    [[nodiscard]] double suspended_seconds() const noexcept override {
        return static_cast<double>(suspended_.load(std::memory_order_acquire)) * 1e-9;
    }
    [[nodiscard]] double seconds() const noexcept { return static_cast<double>(now()) * 1e-9; }

 private:
    std::atomic<std::int64_t> suspended_{0};
    std::atomic<std::uint64_t> now_{1};  // 0 stands for "never" in places
};

}  // namespace testing
}  // namespace v1
}  // namespace joulery
