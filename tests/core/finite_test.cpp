// The leg `fast` builds this with -ffast-math, where x != x is false and std::isfinite(x) is true.
#include "joulery/detail/core/finite.hpp"

#include "joulery/detail/core/number_text.hpp"
#include "joulery/detail/core/unit_text.hpp"

#include <doctest/doctest.h>

#include <limits>
#include <string>
#include <vector>

using namespace joulery;

namespace {
constexpr double infinite = std::numeric_limits<double>::infinity();
}

TEST_CASE("finite: NaN and infinity are recognized under any compiler flags") {
    for (const double x : {0.0, -0.0, 1.0, -2.5, 5e-324, 1.7976931348623157e308}) {
        CHECK(is_finite(x));
        CHECK_FALSE(is_nan(x));
    }
    for (const double x : {infinite, -infinite}) {
        CHECK_FALSE(is_finite(x));
        CHECK_FALSE(is_nan(x));
        CHECK_FALSE(is_positive(x));
        CHECK_FALSE(is_amount(x));
    }
    const double unknown = not_a_number();
    CHECK(is_nan(unknown));
    CHECK(is_nan(-unknown));
    CHECK_FALSE(is_finite(unknown));
    CHECK_FALSE(is_positive(unknown));
    CHECK_FALSE(is_amount(unknown));
    CHECK((is_positive(1e-300) && !is_positive(0) && !is_positive(-1)));
    CHECK((is_amount(1e-300) && is_amount(0) && !is_amount(-1)));
}

TEST_CASE("finite: a NaN quotient is detected where it is computed") {
    const std::vector<double> zeros(8, 0.0);
    for (const double x : zeros)
        for (const double y : zeros) CHECK(is_nan(x / y));
    CHECK_FALSE(is_finite(1 / zeros[0]));
}

TEST_CASE("finite: a text of a number too large for a double is refused and never hangs") {
    double x = 7;
    CHECK_FALSE(parse_number("1e400", x));
    CHECK(parse_leading_number("1e400 W", x) == 0);
    CHECK(x == 7);
    CHECK(detail::plain_text(infinite, "g/kWh") == "inf g/kWh");
    CHECK(detail::plain_text(not_a_number(), "g/kWh") == "n/a");
    CHECK(count_text(not_a_number()) == "n/a");
    std::string text;
    append_number(text, not_a_number());
    append_number(text, -infinite);
    CHECK(text == "nan-inf");
}
