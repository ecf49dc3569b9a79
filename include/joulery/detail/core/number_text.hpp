// number_text.hpp - numbers to text and back, the same in every locale.
// SPDX-License-Identifier: MIT
#pragma once

#include "joulery/detail/core/config.hpp"
#include "joulery/detail/core/finite.hpp"

#include <charconv>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

// Before GCC 11, <charconv> supports integers only.
#if !defined(__cpp_lib_to_chars) || __cpp_lib_to_chars < 201611L
#define JOULERY_DETAIL_FLOAT_CHARCONV() 0
#include <cstdio>
#include <cstdlib>
#include <cstring>
#else
#define JOULERY_DETAIL_FLOAT_CHARCONV() 1
#endif

namespace joulery {
inline namespace v1 {

namespace detail {

/// Enough for any double: sign, 17 digits, point, exponent.
inline constexpr std::size_t number_room = 40;

#if JOULERY_DETAIL_FLOAT_CHARCONV()
inline std::size_t print_double(char* room, double x) noexcept {
    return static_cast<std::size_t>(std::to_chars(room, room + number_room, x).ptr - room);
}
/// Parses the number at the start of `text`; returns the number of characters used, 0 for none.
inline std::size_t scan_double(std::string_view text, double& value) noexcept {
    const auto done = std::from_chars(text.data(), text.data() + text.size(), value);
    return done.ec == std::errc() ? static_cast<std::size_t>(done.ptr - text.data()) : 0;
}
#else
// The C library uses the locale's decimal point, which may be several bytes.
inline std::string_view locale_point(char* room) noexcept {
    const int n = std::snprintf(room, number_room, "%.1f", 0.5);
    return {room + 1, static_cast<std::size_t>(n) - 2};
}
inline std::size_t scan_double(std::string_view text, double& value) noexcept {
    char room[number_room];
    const std::string_view point = locale_point(room);
    char copy[512];
    std::size_t n = 0;
    text = text.substr(0, text.find_first_not_of("0123456789.eE+-"));
    for (const char c : text) {
        if (n + point.size() >= sizeof copy) return 0;
        if (c == '.') {
            for (const char p : point) copy[n++] = p;
        } else {
            copy[n++] = c;
        }
    }
    copy[n] = '\0';
    char* end = nullptr;
    value = std::strtod(copy, &end);
    if (end == copy || !is_finite(value)) return 0;
    const std::string_view read(copy, static_cast<std::size_t>(end - copy));
    return read.size() - (read.find(point) != read.npos ? point.size() - 1 : 0);
}
inline std::size_t print_double(char* room, double x) noexcept {
    char probe[number_room];
    const std::string_view point = locale_point(probe);
    for (int digits = 15; digits <= 17; ++digits) {
        std::snprintf(room, number_room, "%.*g", digits, x);
        if (char* at = std::strstr(room, std::string(point).c_str())) {
            *at = '.';
            std::memmove(at + 1, at + point.size(), std::strlen(at + point.size()) + 1);
        }
        double back = 0;
        if (scan_double(room, back) > 0 && back == x) break;
    }
    return std::strlen(room);
}
#endif

}  // namespace detail

/// Parses a decimal number; it must be the whole text ("1.5", "-2e-3"). The decimal point is a
/// point in every locale; "inf", "nan", hexadecimal numbers and surrounding blanks are rejected.
///
/// Fails: returns false and leaves `value` unchanged, also for numbers beyond a double's range.
///
///     double pue = 1.0;
///     if (!parse_number(text, pue)) warn("JOULERY_PUE is not a number: " + text);
[[nodiscard]] inline bool parse_number(std::string_view text, double& value) noexcept {
    if (!text.empty() && text.front() == '+') {
        text.remove_prefix(1);
        if (!text.empty() && text.front() == '-') return false;
    }
    bool digit = false;
    for (const char c : text) {
        const bool is_digit = c >= '0' && c <= '9';
        digit = digit || is_digit;
        if (!is_digit && c != '.' && c != '-' && c != '+' && c != 'e' && c != 'E') return false;
    }
    double parsed = 0;
    if (!digit || detail::scan_double(text, parsed) != text.size()) return false;
    value = parsed;
    return true;
}

/// Parses an unsigned number at the start of `text`: "0.72018530V", "12". Returns the number of
/// characters used; 0 if there is no number, or one beyond a double's range.
///
///     double amperes; parse_leading_number("1.5A", amperes);     // 3, amperes == 1.5
[[nodiscard]] inline std::size_t parse_leading_number(std::string_view text,
                                                      double& value) noexcept {
    const bool begins = !text.empty() && (text[0] == '.' || (text[0] >= '0' && text[0] <= '9'));
    return begins ? detail::scan_double(text, value) : 0;
}

/// Appends the shortest text that reads back as the same double; "nan", "inf", "-inf".
inline void append_number(std::string& out, double x) {
    if (is_nan(x)) {
        out += "nan";
    } else if (!is_finite(x)) {
        out += x > 0 ? "inf" : "-inf";
    } else {
        char room[detail::number_room];
        out.append(room, detail::print_double(room, x));
    }
}

/// Appends an integer.
inline void append_number(std::string& out, std::uint64_t n) {
    char room[24];
    const auto done = std::to_chars(room, room + sizeof room, n);
    out.append(room, static_cast<std::size_t>(done.ptr - room));
}

/// `text` without leading and trailing blanks.
[[nodiscard]] constexpr std::string_view trimmed(std::string_view text) noexcept {
    const auto blank = [](char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; };
    while (!text.empty() && blank(text.front())) text.remove_prefix(1);
    while (!text.empty() && blank(text.back())) text.remove_suffix(1);
    return text;
}

/// A finite number such as "-12.5e3", with optional blanks around it; otherwise nothing. "nan",
/// "inf", "0x10", "1,5" and numbers beyond a double's range give nothing.
///
///     parse_decimal("56.25");    // 56.25
///     parse_decimal("56,25");    // std::nullopt
[[nodiscard]] inline std::optional<double> parse_decimal(std::string_view text) noexcept {
    double value = 0;
    if (!parse_number(trimmed(text), value)) return std::nullopt;
    return value;
}

}  // namespace v1
}  // namespace joulery
