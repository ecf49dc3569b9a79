// joulery/time/wall_time.hpp - calendar time, which labels and never measures.
// Layer 1. SPDX-License-Identifier: MIT
#pragma once

#include <chrono>
#include <cstdio>
#include <ctime>
#include <string>

namespace joulery {
inline namespace v1 {

/// A moment on the calendar, in seconds since 1970-01-01 UTC. Two of them are never subtracted to
/// measure something (the system's clock may be set in between); that is what ticks are for.
///
///     report.context.started.to_iso8601();   // "2026-11-23T02:15:00Z"
class wall_time {
 public:
    constexpr wall_time() noexcept = default;
    static constexpr wall_time from_unix_seconds(double s) noexcept { return wall_time(s); }
    static wall_time now() noexcept {
        return wall_time(
            std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch())
                .count());
    }
    [[nodiscard]] constexpr double unix_seconds() const noexcept { return unix_seconds_; }
    [[nodiscard]] std::string to_iso8601() const {
        const auto whole = static_cast<std::time_t>(unix_seconds_);
        std::tm parts{};
#if defined(_WIN32)
        gmtime_s(&parts, &whole);
#else
        gmtime_r(&whole, &parts);
#endif
        char text[32];
        const std::size_t n = std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &parts);
        return {text, n};
    }
    friend constexpr bool operator==(wall_time a, wall_time b) noexcept {
        return a.unix_seconds_ == b.unix_seconds_;
    }
    friend constexpr bool operator<(wall_time a, wall_time b) noexcept {
        return a.unix_seconds_ < b.unix_seconds_;
    }

 private:
    constexpr explicit wall_time(double s) noexcept : unix_seconds_(s) {}
    double unix_seconds_ = 0;
};

}  // namespace v1
}  // namespace joulery
