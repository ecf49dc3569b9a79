// time_source.hpp - the clock a meter runs on: the processor's, system's, or a test's.
// SPDX-License-Identifier: MIT
#pragma once

#include "joulery/detail/core/config.hpp"
#include "joulery/detail/timing/tick_clock.hpp"

#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <ctime>
#include <string_view>

namespace joulery {
inline namespace v1 {

/// A monotonic clock that a meter runs on.
///
/// Thread: `now` from any thread. Cost: `now` of a tick clock is one instruction. The virtual call
/// happens only on slow paths; scopes read `ticks_now()` directly if `is_tick_clock()`.
///
///     class my_clock final : public time_source { ... };
///     options o; o.clock = std::make_shared<my_clock>();
class time_source {
 public:
    time_source() = default;
    time_source(const time_source&) = delete;
    time_source& operator=(const time_source&) = delete;
    virtual ~time_source() = default;

    /// The present time in ticks of this clock. Never goes back.
    [[nodiscard]] virtual std::uint64_t now() const noexcept = 0;
    /// Length of a tick, as far as it is known.
    [[nodiscard]] virtual double seconds_per_tick() const noexcept = 0;
    /// "tsc", "cntvct", "steady", "manual".
    [[nodiscard]] virtual std::string_view name() const noexcept = 0;
    /// Whether `now()` is `ticks_now()`.
    [[nodiscard]] virtual bool is_tick_clock() const noexcept { return false; }
    /// Whether time passes only when a test says so; then a meter starts no thread.
    [[nodiscard]] virtual bool is_manual() const noexcept { return false; }
    /// Seconds, from an arbitrary origin, for which the machine was suspended while this clock
    /// stood still.
    [[nodiscard]] virtual double suspended_seconds() const noexcept { return boot_time_lead(); }

 private:
    /// How far Linux's boot time, which continues during a suspend, is ahead of its monotonic time.
    static double boot_time_lead() noexcept {
#if JOULERY_LINUX()
        ::timespec boot{}, monotonic{};
        if (::clock_gettime(CLOCK_BOOTTIME, &boot) != 0 ||
            ::clock_gettime(CLOCK_MONOTONIC, &monotonic) != 0)
            return 0;
        return static_cast<double>(boot.tv_sec - monotonic.tv_sec) +
               static_cast<double>(boot.tv_nsec - monotonic.tv_nsec) * 1e-9;
#else
        return 0;
#endif
    }
};

/// The processor's tick counter, calibrated against steady_clock from this object's creation on:
/// the longer it lives the more accurate it is (two readings 10 ms apart agree to about 10 ppm).
class tick_time final : public time_source {
 public:
    tick_time() noexcept : start_(pair_now()) {}

    [[nodiscard]] std::uint64_t now() const noexcept override { return ticks_now(); }
    [[nodiscard]] double seconds_per_tick() const noexcept override {
        instant later = pair_now();
        while (later.nanoseconds - start_.nanoseconds < shortest_baseline_ns) later = pair_now();
        return static_cast<double>(later.nanoseconds - start_.nanoseconds) * 1e-9 /
               static_cast<double>(later.ticks - start_.ticks);
    }
    [[nodiscard]] std::string_view name() const noexcept override {
#if JOULERY_X86_64()
        return "tsc";
#elif JOULERY_ARM64()
        return "cntvct";
#else
        return "steady";
#endif
    }
    [[nodiscard]] bool is_tick_clock() const noexcept override { return true; }

 private:
    struct instant {
        std::uint64_t ticks;
        std::int64_t nanoseconds;
    };

    // Reads both clocks at one moment: of several tries, the one with the least time between the
    // tick reads.
    static instant pair_now() noexcept {
        instant best{};
        std::uint64_t tightest = ~std::uint64_t{0};
        for (int i = 0; i < 5; ++i) {
            const std::uint64_t before = ticks_now();
            const auto steady = std::chrono::steady_clock::now().time_since_epoch();
            const std::uint64_t after = ticks_now();
            if (after - before < tightest) {
                tightest = after - before;
                best = {before + (after - before) / 2,
                        std::chrono::duration_cast<std::chrono::nanoseconds>(steady).count()};
            }
        }
        return best;
    }

    static constexpr std::int64_t shortest_baseline_ns = 200'000;
    instant start_;
};

/// steady_clock in nanoseconds, for processors whose tick counter can't be trusted.
class steady_time final : public time_source {
 public:
    [[nodiscard]] std::uint64_t now() const noexcept override {
        return static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::nanoseconds>(
                                              std::chrono::steady_clock::now().time_since_epoch())
                                              .count());
    }
    [[nodiscard]] double seconds_per_tick() const noexcept override { return 1e-9; }
    [[nodiscard]] std::string_view name() const noexcept override { return "steady"; }
};

/// Whether the kernel has rejected the TSC: it then uses a clocksource other than tsc or those
/// derived from it (kvm-clock, hyperv_clocksource). Linux, kernel/time/clocksource.c.
[[nodiscard]] inline bool kernel_distrusts_tick_clock() noexcept {
#if JOULERY_LINUX() && JOULERY_X86_64()
    std::FILE* file =
        std::fopen("/sys/devices/system/clocksource/clocksource0/current_clocksource", "re");
    if (file == nullptr) return false;
    char name[32] = "";
    const std::size_t n = std::fread(name, 1, sizeof name - 1, file);
    std::fclose(file);
    name[n] = '\0';
    return std::strncmp(name, "hpet", 4) == 0 || std::strncmp(name, "acpi_pm", 7) == 0 ||
           std::strncmp(name, "jiffies", 7) == 0;
#else
    return false;
#endif
}

}  // namespace v1
}  // namespace joulery
