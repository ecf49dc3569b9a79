// wall_time.hpp - calendar time, which labels and never measures.
// SPDX-License-Identifier: MIT
#pragma once

#include "joulery/detail/core/civil_date.hpp"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdio>
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
    /// Whole seconds of UTC, in the years 1 to 9999 that the text has room for: a moment outside
    /// gives the nearest inside, one that is no number 1970. Needs no time zone and takes no lock.
    [[nodiscard]] std::string to_iso8601() const {
        constexpr double first = -62135596800.0, last = 253402300799.0;
        const double inside = std::clamp(unix_seconds_, first, last);
        const auto whole = static_cast<std::int64_t>(inside == inside ? std::floor(inside) : 0.0);
        const std::int64_t days = (whole - (whole < 0 ? 86399 : 0)) / 86400;
        const auto second = static_cast<int>(whole - days * 86400);
        const detail::civil_date date = detail::civil_from_days(days);
        char text[32];
        const int n = std::snprintf(text, sizeof text, "%04d-%02d-%02dT%02d:%02d:%02dZ",
                                    static_cast<int>(date.year), date.month, date.day,
                                    second / 3600, second / 60 % 60, second % 60);
        return {text, static_cast<std::size_t>(n)};
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
