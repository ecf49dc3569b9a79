// civil_date.hpp - days counted from 1970-01-01, and the calendar's dates.
// SPDX-License-Identifier: MIT
#pragma once

#include <cstdint>

namespace joulery {
inline namespace v1 {
namespace detail {

/// A date of the (proleptic) Gregorian calendar.
///
/// The C library's date functions lock its time zone, and a process that was forked at the wrong
/// moment finds that locked forever (glibc: time/tzset.c); these functions need no zone and no
/// lock.
///
///     civil_from_days(days_from_civil(2026, 11, 23) + 1).day;   // 24
struct civil_date {
    std::int64_t year = 1970;
    int month = 1;  ///< 1 to 12
    int day = 1;    ///< 1 to 31
};

/// Days from 1970-01-01 to a date. Years begin in March, so that a leap day is the last one of a
/// year; 400 years have 146,097 days.
[[nodiscard]] constexpr std::int64_t days_from_civil(std::int64_t y, int m, int d) noexcept {
    y -= m <= 2 ? 1 : 0;
    const std::int64_t era = (y >= 0 ? y : y - 399) / 400;
    const std::int64_t year_of_era = y - era * 400;
    const std::int64_t day_of_year = (153 * (m + (m > 2 ? -3 : 9)) + 2) / 5 + d - 1;
    return era * 146097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year -
           719468;
}

/// The date `days` after 1970-01-01: the inverse.
[[nodiscard]] constexpr civil_date civil_from_days(std::int64_t days) noexcept {
    days += 719468;
    const std::int64_t era = (days >= 0 ? days : days - 146096) / 146097;
    const std::int64_t day_of_era = days - era * 146097;
    const std::int64_t year_of_era =
        (day_of_era - day_of_era / 1460 + day_of_era / 36524 - day_of_era / 146096) / 365;
    const std::int64_t day_of_year =
        day_of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    const std::int64_t from_march = (5 * day_of_year + 2) / 153;
    civil_date out;
    out.day = static_cast<int>(day_of_year - (153 * from_march + 2) / 5 + 1);
    out.month = static_cast<int>(from_march < 10 ? from_march + 3 : from_march - 9);
    out.year = year_of_era + era * 400 + (out.month <= 2 ? 1 : 0);
    return out;
}

}  // namespace detail
}  // namespace v1
}  // namespace joulery
