// timestamp.hpp - parses a moment with its time zone.
// SPDX-License-Identifier: MIT
#pragma once

#include "joulery/detail/core/civil_date.hpp"

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace joulery {
inline namespace v1 {

/// A parsed moment, or why parsing failed.
struct timestamp {
    enum class verdict : unsigned char {
        ok,
        no_zone,   ///< a moment without a zone; `unix_seconds` takes it as UTC
        malformed  ///< not a moment
    };
    verdict what = verdict::malformed;
    double unix_seconds = 0;
};

namespace detail {

/// Consumes text from its front.
struct text_cursor {
    std::string_view rest;

    constexpr bool take(char c) noexcept {
        if (rest.empty() || rest.front() != c) return false;
        rest.remove_prefix(1);
        return true;
    }
    /// Exactly `count` digits.
    constexpr bool digits(std::size_t count, int& out) noexcept {
        if (rest.size() < count) return false;
        out = 0;
        for (std::size_t i = 0; i < count; ++i) {
            if (rest[i] < '0' || rest[i] > '9') return false;
            out = out * 10 + (rest[i] - '0');
        }
        rest.remove_prefix(count);
        return true;
    }
};

[[nodiscard]] constexpr int days_in_month(int year, int month) noexcept {
    constexpr int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    const bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    return month == 2 && leap ? 29 : days[month - 1];
}

/// "Z", "+02:00", "+0200", "-05", " UTC"; sets the minutes east of Greenwich.
[[nodiscard]] constexpr bool take_zone(text_cursor& at, int& minutes) noexcept {
    while (at.take(' ')) {
    }
    minutes = 0;
    if (at.rest == "UTC" || at.rest == "GMT") {
        at.rest = {};
        return true;
    }
    if (at.take('Z') || at.take('z')) return true;
    const bool west = !at.rest.empty() && at.rest.front() == '-';
    if (!at.take('+') && !at.take('-')) return false;
    int hours = 0, rest = 0;
    if (!at.digits(2, hours)) return false;
    at.take(':');
    if (!at.rest.empty() && !at.digits(2, rest)) return false;
    if (hours > 14 || rest > 59) return false;
    minutes = (hours * 60 + rest) * (west ? -1 : 1);
    return true;
}

/// "HH:MM", "HH:MM:SS", "HH:MM:SS.fff" or ",fff"; adds to `seconds`.
[[nodiscard]] constexpr bool take_clock(text_cursor& at, double& seconds) noexcept {
    int hour = 0, minute = 0, second = 0;
    if (!at.digits(2, hour) || !at.take(':') || !at.digits(2, minute)) return false;
    if (at.take(':') && !at.digits(2, second)) return false;
    if (hour > 24 || minute > 59 || second > 60) return false;
    seconds += hour * 3600.0 + minute * 60.0 + second;
    if (at.take('.') || at.take(',')) {
        double weight = 0.1;
        int digit = 0;
        for (; at.digits(1, digit); weight /= 10) seconds += digit * weight;
    }
    return true;
}

/// Seconds or milliseconds since 1970, at least nine digits.
[[nodiscard]] constexpr timestamp unix_stamp(std::string_view text) noexcept {
    double value = 0;
    std::size_t digits = 0;
    for (; digits < text.size() && text[digits] >= '0' && text[digits] <= '9'; ++digits)
        value = value * 10 + (text[digits] - '0');
    if (digits < 9 || digits > 14) return {};
    double weight = 0.1;
    std::size_t i = digits;
    if (i < text.size() && text[i] == '.')
        for (++i; i < text.size() && text[i] >= '0' && text[i] <= '9'; ++i, weight /= 10)
            value += (text[i] - '0') * weight;
    if (i != text.size()) return {};
    return {timestamp::verdict::ok, digits > 11 ? value / 1000 : value};
}

}  // namespace detail

/// Parses "2025-10-26T02:30:00+02:00", "2025-10-26 00:30Z", "2025-10-26T00:30:00.000 UTC", or
/// seconds (milliseconds) since 1970.
///
/// Cost: no allocation. Fails: a moment without a zone is `no_zone`, because it is ambiguous.
[[nodiscard]] constexpr timestamp parse_timestamp(std::string_view text) noexcept {
    detail::text_cursor at{text};
    int year = 0, month = 0, day = 0, zone = 0;
    if (!at.digits(4, year) || !at.take('-') || !at.digits(2, month) || !at.take('-') ||
        !at.digits(2, day))
        return detail::unix_stamp(text);
    if (month < 1 || month > 12 || day < 1 || day > detail::days_in_month(year, month)) return {};
    timestamp out;
    out.unix_seconds = static_cast<double>(detail::days_from_civil(year, month, day)) * 86400;
    if (at.rest.empty()) return {timestamp::verdict::no_zone, out.unix_seconds};
    if (!at.take('T') && !at.take('t') && !at.take(' ')) return {};
    if (!detail::take_clock(at, out.unix_seconds)) return {};
    if (at.rest.empty()) return {timestamp::verdict::no_zone, out.unix_seconds};
    if (!detail::take_zone(at, zone) || !at.rest.empty()) return {};
    out.unix_seconds -= zone * 60.0;
    out.what = timestamp::verdict::ok;
    return out;
}

}  // namespace v1
}  // namespace joulery
