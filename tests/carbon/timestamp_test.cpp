#include "joulery/detail/carbon/timestamp.hpp"

#include <doctest/doctest.h>

#include <string_view>

using namespace joulery;

namespace {
double unix_of(std::string_view text) {
    const timestamp t = parse_timestamp(text);
    REQUIRE_MESSAGE(t.what == timestamp::verdict::ok, text);
    return t.unix_seconds;
}
}  // namespace

TEST_CASE("timestamp: offsets are applied in every notation") {
    CHECK(unix_of("1970-01-01T00:00:00Z") == 0);
    CHECK(unix_of("2025-01-01T00:00:00Z") == 1735689600);
    CHECK(unix_of("2025-01-01T01:00:00+01:00") == 1735689600);
    CHECK(unix_of("2024-12-31 19:00-0500") == 1735689600);
    CHECK(unix_of("2025-01-01T05:30+05:30") == 1735689600);
    CHECK(unix_of("2025-01-01 00:00:00 UTC") == 1735689600);
    CHECK(unix_of("2025-01-01T00:00:00.250Z") == 1735689600.25);
    CHECK(unix_of("1735689600") == 1735689600);
    CHECK(unix_of("1735689600000") == 1735689600);
    CHECK(unix_of("2024-02-29T00:00Z") == 1709164800);
    CHECK(unix_of("1969-12-31T23:59:59Z") == -1);
}

TEST_CASE("timestamp: the repeated hour in autumn is two hours") {
    CHECK(unix_of("2025-10-26T02:30:00+01:00") - unix_of("2025-10-26T02:30:00+02:00") == 3600);
}

TEST_CASE("timestamp: a time without a zone is not the same as no time") {
    for (const char* local : {"2025-10-26T02:30:00", "2025-10-26 02:30", "2025-10-26"})
        CHECK(parse_timestamp(local).what == timestamp::verdict::no_zone);
    for (const char* bad : {"", "yesterday", "2025-13-01T00:00Z", "2025-02-29T00:00Z", "2025-1-1",
                            "2025-01-01T25:00Z", "2025-01-01T00:00+15:00", "2025-01-01T00:00Zx",
                            "12345", "2025-01-01T00:60Z", "2025-01-00T00:00Z"})
        CHECK_MESSAGE(parse_timestamp(bad).what == timestamp::verdict::malformed, bad);
}
