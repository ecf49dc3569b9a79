// Calendar time as text, checked against the C library's calendar.
#include "joulery/units.hpp"

#include <doctest/doctest.h>

#include <cstdint>
#include <ctime>
#include <limits>
#include <string>

using namespace joulery;

namespace {

std::string iso(double unix_seconds) {
    return wall_time::from_unix_seconds(unix_seconds).to_iso8601();
}

/// The C library's text of the same second.
std::string c_library(std::int64_t unix_seconds) {
    const auto moment = static_cast<std::time_t>(unix_seconds);
    std::tm parts{};
    REQUIRE(::gmtime_r(&moment, &parts) != nullptr);
    char text[64];
    const std::size_t n = std::strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%SZ", &parts);
    return {text, n};
}

}  // namespace

TEST_CASE("wall time: every day from 1600 to 2400 agrees with the C library") {
    int different = 0;
    const std::int64_t end = detail::days_from_civil(2400, 12, 31);
    for (std::int64_t day = detail::days_from_civil(1600, 1, 1); day <= end; ++day) {
        const std::int64_t second = day * 86400 + (day * 7919 % 86400 + 86400) % 86400;
        if (second != static_cast<std::time_t>(second)) continue;  // 32 bits: 1901 to 2038
        if (iso(static_cast<double>(second)) != c_library(second)) ++different;
    }
    CHECK(different == 0);
}

TEST_CASE("wall time: converting a date to its day and back gives the same date") {
    for (std::int64_t day = -800'000; day <= 2'000'000; day += 13) {
        const detail::civil_date d = detail::civil_from_days(day);
        REQUIRE(detail::days_from_civil(d.year, d.month, d.day) == day);
    }
}

TEST_CASE("wall time: fractions of a second are cut off, also before 1970") {
    CHECK(iso(0) == "1970-01-01T00:00:00Z");
    CHECK(iso(1.999) == "1970-01-01T00:00:01Z");
    CHECK(iso(-0.001) == "1969-12-31T23:59:59Z");
    CHECK(iso(-86400) == "1969-12-31T00:00:00Z");
    CHECK(iso(951782399.5) == "2000-02-28T23:59:59Z");
    CHECK(iso(951782400) == "2000-02-29T00:00:00Z");
}

TEST_CASE("wall time: a moment beyond every calendar still has a text that parses") {
    CHECK(iso(1e300) == "9999-12-31T23:59:59Z");
    CHECK(iso(-std::numeric_limits<double>::infinity()) == "0001-01-01T00:00:00Z");
    CHECK(iso(std::numeric_limits<double>::quiet_NaN()) == "1970-01-01T00:00:00Z");
}
