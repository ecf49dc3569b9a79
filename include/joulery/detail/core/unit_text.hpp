// unit_text.hpp - amounts for people: "1.84 kJ", "12.3 mg CO2e", "1.2 ms".
// SPDX-License-Identifier: MIT
#pragma once

#include "joulery/detail/core/concat.hpp"
#include "joulery/detail/core/finite.hpp"
#include "joulery/detail/core/number_text.hpp"
#include "joulery/units.hpp"

#include <chrono>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace joulery {
inline namespace v1 {

namespace detail {

/// A number as three decimal digits: `digits` x 10^`exponent`, 100 <= digits <= 999.
struct three_digits {
    int digits = 0;
    int exponent = 0;
};

inline three_digits round_to_three(double magnitude) noexcept {
    int e = static_cast<int>(std::floor(std::log10(magnitude))) - 2;
    // In two steps, because 10^e alone leaves the range of a double near its ends.
    double scaled = e < -300
                        ? magnitude * 1e300 * std::pow(10.0, -e - 300)
                        : (e < 0 ? magnitude * std::pow(10.0, -e) : magnitude / std::pow(10.0, e));
    if (scaled >= 999.5) {
        scaled /= 10;
        ++e;
    } else if (scaled < 99.95) {
        scaled *= 10;
        --e;
    }
    return {static_cast<int>(std::lround(scaled)), e};
}

/// `d` x 10^`shift` written out, without trailing zeros after the point.
inline void append_three(std::string& out, three_digits d, int shift) {
    const int point = 3 + d.exponent + shift;  // digits before the decimal point
    std::string digits;
    append_number(digits, static_cast<std::uint64_t>(d.digits));
    for (int i = point; i < 1; ++i) digits.insert(digits.begin(), '0');
    const auto whole = static_cast<std::size_t>(point < 1 ? 1 : point);
    while (digits.size() < whole) digits += '0';
    while (digits.size() > whole && digits.back() == '0') digits.pop_back();
    out.append(digits, 0, whole);
    if (digits.size() > whole) out.append(".").append(digits, whole, std::string::npos);
}

/// Appends the text for not-a-number, infinity and zero. True if `value` was one of them.
inline bool append_special(std::string& out, double value, std::string_view unit) {
    if (is_nan(value)) {
        out += "n/a";
        return true;
    }
    if (value != 0 && is_finite(value)) return false;
    out += value == 0 ? "0" : (value > 0 ? "inf" : "-inf");
    if (!unit.empty()) out.append(" ").append(unit);
    return true;
}

/// `value` with three significant digits and a fitting SI prefix, from pico to exa; beyond any real
/// energy it reads "<1 pJ" or ">999 EJ". Never an exponent.
inline std::string si_text(double value, std::string_view unit) {
    std::string out;
    if (append_special(out, value, unit)) return out;
    static constexpr std::string_view prefixes[] = {"p", "n", "u", "m", "", "k",
                                                    "M", "G", "T", "P", "E"};
    three_digits d = round_to_three(std::fabs(value));
    int leading = d.exponent + 2;
    const char* beyond = leading < -12 ? "<" : leading > 20 ? ">" : "";
    if (leading < -12) d = {100, -14};
    if (leading > 20) d = {999, 18};
    leading = d.exponent + 2;
    const int group = leading >= 0 ? leading / 3 : -((2 - leading) / 3);
    if (value < 0) out += '-';
    out += beyond;
    append_three(out, d, -3 * group);
    const std::string_view prefix = prefixes[group + 4];
    if (!unit.empty() || !prefix.empty()) out.append(" ").append(prefix).append(unit);
    return out;
}

/// `value` with three significant digits and a unit without prefix; with more than fifteen digits
/// before or nine after the point it is shown as beyond that limit. Never an exponent.
inline std::string plain_text(double value, std::string_view unit) {
    std::string out;
    if (append_special(out, value, unit)) return out;
    if (value < 0) out += '-';
    const three_digits d = round_to_three(std::fabs(value));
    const int leading = d.exponent + 2;
    if (leading < -9) {
        out += "<0.000000001";
    } else if (leading > 14) {
        out += ">999 trillion";
    } else {
        append_three(out, d, 0);
    }
    if (!unit.empty()) out.append(" ").append(unit);
    return out;
}

}  // namespace detail

/// "250 mJ", "1.84 kJ"; from one kilowatt-hour on "1.2 kWh", "3.4 MWh". "n/a" for not-a-number.
///
/// All functions of this header: three significant digits, never an exponent, no trailing zeros, a
/// decimal point in every locale. Cost: a few operations and one string.
///
///     to_text(energy::from_joules(1843));        // "1.84 kJ"
///     to_text(emissions::from_grams(0.0123));    // "12.3 mg CO2e"
///     to_text(std::chrono::microseconds(1200));  // "1.2 ms"
[[nodiscard]] inline std::string to_text(energy e) {
    if (!is_finite(e.joules()) || std::fabs(e.joules()) < energy::joules_per_kilowatt_hour)
        return detail::si_text(e.joules(), "J");
    return detail::si_text(e.kilowatt_hours() * 1e3, "Wh");
}

/// The same in the unit of `largest`, so that the figures of a column can be compared at a glance:
/// all in joules, or all in watt-hours.
///
///     to_text_beside(3600_J, 2_kWh);   // "1 Wh"
[[nodiscard]] inline std::string to_text_beside(energy e, energy largest) {
    if (!is_finite(largest.joules()) ||
        std::fabs(largest.joules()) < energy::joules_per_kilowatt_hour)
        return detail::si_text(e.joules(), "J");
    return detail::si_text(e.kilowatt_hours() * 1e3, "Wh");
}

/// An energy in joules and, from a thousand on, in watt-hours: "1.84 kJ (512 mWh)", "1.2 kWh (4.32
/// MJ)".
[[nodiscard]] inline std::string text_in_both(energy e) {
    const double size = std::fabs(e.joules());
    if (!is_finite(size) || size < 1e3) return to_text(e);
    const bool large = size >= energy::joules_per_kilowatt_hour;
    return concat({to_text(e), " (",
                   (large ? detail::si_text(e.joules(), "J")
                          : detail::si_text(e.kilowatt_hours() * 1e3, "Wh")),
                   ")"});
}

/// "42.1 W".
[[nodiscard]] inline std::string to_text(power p) { return detail::si_text(p.watts(), "W"); }

/// A mass alone: "12.3 mg", "4.5 kg"; from a million grams on in tonnes: "1.2 t", "3.4 kt".
[[nodiscard]] inline std::string mass_text(emissions m) {
    if (!is_finite(m.grams()) || std::fabs(m.grams()) < 1e6) return detail::si_text(m.grams(), "g");
    return detail::si_text(m.grams() / 1e6, "t");
}

/// Water: "44.1 L", "1.2 ML".
[[nodiscard]] inline std::string liters_text(double liters) { return detail::si_text(liters, "L"); }

/// "12.3 mg CO2e".
[[nodiscard]] inline std::string to_text(emissions m) {
    const std::string mass = mass_text(m);
    return mass == "n/a" ? mass : concat({mass, " CO2e"});
}

/// "473 g CO2e/kWh".
[[nodiscard]] inline std::string to_text(carbon_intensity i) {
    return detail::plain_text(i.grams_per_kwh(), "g CO2e/kWh");
}

/// "850 ns", "1.2 ms", "90 s", "2.08 min", "3.5 h", "4.2 d".
template <class Rep, class Period>
[[nodiscard]] std::string to_text(std::chrono::duration<Rep, Period> t) {
    const double s = std::chrono::duration<double>(t).count();
    const double size = std::fabs(s);
    if (!is_finite(s) || size < 120) return detail::si_text(s, "s");
    if (size < 120 * 60.0) return detail::plain_text(s / 60, "min");
    if (size < 48 * 3600.0) return detail::plain_text(s / 3600, "h");
    return detail::plain_text(s / 86400, "d");
}

/// A count: exact below a million ("1797"), then "1.23 M". A fraction keeps three digits.
[[nodiscard]] inline std::string count_text(double n) {
    if (is_finite(n) && n > -1e6 && n < 1e6) {
        if (n != std::floor(n)) return detail::plain_text(n, "");
        std::string out = n < 0 ? "-" : "";
        append_number(out, static_cast<std::uint64_t>(std::fabs(n)));
        return out;
    }
    return detail::si_text(n, "");
}

/// A fraction of one as "6.5 %".
[[nodiscard]] inline std::string percent_text(double share) {
    return detail::plain_text(share * 100, "%");
}

/// Parses a duration: a number and one of ns, us, ms, s, min, h; a plain 0 needs no unit.
///
/// Fails: returns false and leaves `value` unchanged if the unit is missing or unknown, or the time
/// is negative or too large (beyond 292 years).
///
///     std::chrono::nanoseconds period{};
///     if (!parse_duration("10ms", period)) warn("write 10ms or 1.5s");
[[nodiscard]] inline bool parse_duration(std::string_view text,
                                         std::chrono::nanoseconds& value) noexcept {
    std::size_t unit_at = text.size();
    while (unit_at > 0 && !(text[unit_at - 1] >= '0' && text[unit_at - 1] <= '9') &&
           text[unit_at - 1] != '.')
        --unit_at;
    double number = 0;
    if (!parse_number(text.substr(0, unit_at), number) || !(number >= 0)) return false;
    std::string_view unit = text.substr(unit_at);
    while (!unit.empty() && unit.front() == ' ') unit.remove_prefix(1);
    double scale = 0;
    if (unit == "ns") scale = 1;
    if (unit == "us" || unit == "\xC2\xB5s" || unit == "\xCE\xBCs") scale = 1e3;
    if (unit == "ms") scale = 1e6;
    if (unit == "s") scale = 1e9;
    if (unit == "min") scale = 60e9;
    if (unit == "h") scale = 3600e9;
    if (scale == 0 && !(number == 0 && unit.empty())) return false;
    const double nanoseconds = number * scale + 0.5;
    if (!(nanoseconds < 9.2e18)) return false;
    value = std::chrono::nanoseconds(static_cast<std::int64_t>(nanoseconds));
    return true;
}

}  // namespace v1
}  // namespace joulery
