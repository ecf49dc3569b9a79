#include "joulery/detail/core/unit_text.hpp"

#include <doctest/doctest.h>

#include <clocale>
#include <cmath>
#include <limits>
#include <random>

using namespace joulery;

namespace {
constexpr double nan_value = std::numeric_limits<double>::quiet_NaN();
constexpr double inf_value = std::numeric_limits<double>::infinity();
std::string joules(double j) { return to_text(energy::from_joules(j)); }
std::string time_text(double s) { return to_text(seconds(s)); }
}  // namespace

TEST_CASE("unit text: energy has three significant digits and a fitting prefix") {
    CHECK(joules(0) == "0 J");
    CHECK(joules(1) == "1 J");
    CHECK(joules(0.25) == "250 mJ");
    CHECK(joules(1843) == "1.84 kJ");
    CHECK(joules(12.345) == "12.3 J");
    CHECK(joules(100) == "100 J");
    CHECK(joules(1000) == "1 kJ");
    CHECK(joules(61e-6) == "61 uJ");
    CHECK(joules(1.5e-9) == "1.5 nJ");
    CHECK(joules(3.21e-12) == "3.21 pJ");
    CHECK(joules(-1843) == "-1.84 kJ");
}

TEST_CASE("unit text: rounding up to the next thousand changes the prefix") {
    CHECK(joules(999.4) == "999 J");
    CHECK(joules(999.6) == "1 kJ");
    CHECK(joules(0.9996) == "1 J");
    CHECK(joules(99.96) == "100 J");
    CHECK(joules(9.996) == "10 J");
}

TEST_CASE("unit text: energy from one kilowatt-hour up is written in watt-hours") {
    CHECK(joules(3.59e6) == "3.59 MJ");
    CHECK(joules(3.6e6) == "1 kWh");
    CHECK(joules(4.2e9) == "1.17 MWh");
}

TEST_CASE("unit text: NaN, infinity and the limits of a double have a text, too") {
    CHECK(joules(nan_value) == "n/a");
    CHECK(joules(inf_value) == "inf J");
    CHECK(joules(-inf_value) == "-inf J");
    CHECK(joules(1e308) == ">999 EWh");
    CHECK(joules(-1e308) == "->999 EWh");
    CHECK(joules(1e-20) == "<1 pJ");
    CHECK(joules(2.2250738585072014e-308) == "<1 pJ");
    const std::string least = joules(5e-324);  // with -Ofast the processor flushes it to 0
    CHECK((least == "<1 pJ" || least == "0 J"));
    CHECK(joules(1.0004e-12) == "1 pJ");
    CHECK(to_text(carbon_intensity::from_grams_per_kwh(1e308)) == ">999 trillion g CO2e/kWh");
    CHECK(to_text(carbon_intensity::from_grams_per_kwh(1e-12)) == "<0.000000001 g CO2e/kWh");
    CHECK(to_text(carbon_intensity::from_grams_per_kwh(999999999999999)) ==
          ">999 trillion g CO2e/kWh");
    CHECK(to_text(carbon_intensity::from_grams_per_kwh(12345678)) == "12300000 g CO2e/kWh");
    CHECK(to_text(emissions::from_grams(nan_value)) == "n/a");
    CHECK(time_text(nan_value) == "n/a");
    CHECK(time_text(inf_value) == "inf s");
    CHECK(count_text(nan_value) == "n/a");
}

TEST_CASE("unit text: power, emissions, intensity, time, counts and shares") {
    CHECK(to_text(power::from_watts(42.06)) == "42.1 W");
    CHECK(to_text(power::from_watts(0.005)) == "5 mW");
    CHECK(to_text(emissions::from_grams(0.0123)) == "12.3 mg CO2e");
    CHECK(to_text(emissions::from_kilograms(4.5)) == "4.5 kg CO2e");
    CHECK(to_text(emissions::from_kilograms(3400)) == "3.4 t CO2e");
    CHECK(mass_text(emissions::from_grams(0.0123)) == "12.3 mg");
    CHECK(to_text(carbon_intensity::from_grams_per_kwh(472.94)) == "473 g CO2e/kWh");
    CHECK(to_text(std::chrono::microseconds(1200)) == "1.2 ms");
    CHECK(to_text(std::chrono::nanoseconds(850)) == "850 ns");
    CHECK(time_text(90) == "90 s");
    CHECK(time_text(125) == "2.08 min");
    CHECK(time_text(3.5 * 3600) == "3.5 h");
    CHECK(time_text(4.2 * 86400) == "4.2 d");
    CHECK(count_text(1797) == "1797");
    CHECK(count_text(999999) == "999999");
    CHECK(count_text(1234567) == "1.23 M");
    CHECK(count_text(2.5) == "2.5");
    CHECK(percent_text(0.065) == "6.5 %");
    CHECK(percent_text(0) == "0 %");
}

TEST_CASE("unit text: a duration is a number and a unit") {
    std::chrono::nanoseconds t{-1};
    CHECK(parse_duration("10ms", t));
    CHECK(t.count() == 10'000'000);
    CHECK(parse_duration("1.5s", t));
    CHECK(t.count() == 1'500'000'000);
    CHECK(parse_duration("250 us", t));
    CHECK(t.count() == 250'000);
    CHECK(parse_duration("7ns", t));
    CHECK(t.count() == 7);
    CHECK(parse_duration("2min", t));
    CHECK(t.count() == 120'000'000'000);
    CHECK(parse_duration("1h", t));
    CHECK(t.count() == 3'600'000'000'000);
    CHECK(parse_duration("3\xC2\xB5s", t));
    CHECK(t.count() == 3'000);
    CHECK(parse_duration("0", t));
    CHECK(t.count() == 0);
}

TEST_CASE("unit text: an invalid duration is refused and leaves the value unchanged") {
    std::chrono::nanoseconds t{42};
    for (const char* text : {"", "ms", "10", "10 parsecs", "-1s", "1,5s", "1e400s", "nan s", "inf",
                             "10ms ", "10msx", "1000000h1", "9999999999999h", "1e-s"}) {
        CAPTURE(text);
        CHECK_FALSE(parse_duration(text, t));
        CHECK(t.count() == 42);
    }
}

TEST_CASE("number text: the whole text must be a number") {
    double x = 42;
    for (const char* text : {"", ".", "-", "1,5", "1.5x", " 1", "1 ", "nan", "nan(1)", "inf",
                             "0x10", "1e", "--1", "+-1", "1e999", "e5"}) {
        CAPTURE(text);
        CHECK_FALSE(parse_number(text, x));
        CHECK(x == 42);
    }
    CHECK(parse_number("1.1", x));
    CHECK(x == 1.1);
    CHECK(parse_number("+56", x));
    CHECK(x == 56);
    CHECK(parse_number("-2.5e-3", x));
    CHECK(x == -0.0025);
    CHECK(parse_number(".5", x));
    CHECK(x == 0.5);
}

TEST_CASE("number text: any double reads back as itself, in any locale") {
    const unsigned seed = 20261123;
    INFO("seed " << seed);
    std::setlocale(LC_ALL, "de_DE.UTF-8");  // where installed
    std::mt19937_64 random(seed);
    for (int i = 0; i < 20000; ++i) {
        const std::uint64_t bits = random();
        double x = 0;
        static_assert(sizeof x == sizeof bits);
        __builtin_memcpy(&x, &bits, sizeof x);
        if (!is_finite(x)) continue;
        std::string text;
        append_number(text, x);
        double back = 0;
        CAPTURE(text);
        REQUIRE(parse_number(text, back));
        REQUIRE(back == x);
    }
    std::setlocale(LC_ALL, "C");
    std::string tenth;
    append_number(tenth, 0.1);
    CHECK(tenth == "0.1");
}

TEST_CASE("unit text: the figures of a column share the unit of the largest") {
    const energy large = energy::from_kilowatt_hours(2);
    CHECK(to_text_beside(energy::from_joules(3600), large) == "1 Wh");
    CHECK(to_text_beside(energy::from_joules(3600), energy::from_joules(3e6)) == "3.6 kJ");
    CHECK(to_text_beside(large, energy::from_joules(nan_value)) == "7.2 MJ");
    CHECK(liters_text(44084) == "44.1 kL");
    CHECK(text_in_both(energy::from_joules(999)) == "999 J");
    CHECK(text_in_both(energy::from_joules(1843)) == "1.84 kJ (512 mWh)");
    CHECK(text_in_both(energy::from_kilowatt_hours(1.2)) == "1.2 kWh (4.32 MJ)");
    CHECK(text_in_both(energy::from_joules(nan_value)) == "n/a");
}
