// decimal.hpp - reads a decimal number, whatever the locale.
// SPDX-License-Identifier: MIT
#pragma once

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>

namespace joulery {
inline namespace v1 {

/// `text` without blanks at its ends.
[[nodiscard]] constexpr std::string_view trimmed(std::string_view text) noexcept {
    const auto blank = [](char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; };
    while (!text.empty() && blank(text.front())) text.remove_prefix(1);
    while (!text.empty() && blank(text.back())) text.remove_suffix(1);
    return text;
}

/// A finite number such as "-12.5e3", all of `text` but blanks around it; else nothing. "nan",
/// "inf", "0x10" and "1,5" are nothing. Exact to the last bit up to 15 digits.
///
///     parse_decimal("56.25");    // 56.25
///     parse_decimal("56,25");    // std::nullopt
[[nodiscard]] inline std::optional<double> parse_decimal(std::string_view text) noexcept {
    text = trimmed(text);
    std::size_t i = 0;
    const auto digit = [&] { return i < text.size() && text[i] >= '0' && text[i] <= '9'; };
    const bool negative = !text.empty() && text[0] == '-';
    if (!text.empty() && (text[0] == '-' || text[0] == '+')) ++i;
    std::uint64_t mantissa = 0;
    int digits = 0, exponent = 0;
    bool point = false;
    for (; digit() || (!point && i < text.size() && text[i] == '.'); ++i) {
        if (text[i] == '.') {
            point = true;
            continue;
        }
        ++digits;
        if (mantissa < 100000000000000000u) {
            mantissa = mantissa * 10 + static_cast<std::uint64_t>(text[i] - '0');
            exponent -= point ? 1 : 0;
        } else {
            exponent += point ? 0 : 1;
        }
    }
    if (digits == 0) return std::nullopt;
    if (i < text.size() && (text[i] == 'e' || text[i] == 'E')) {
        ++i;
        const bool minus = i < text.size() && text[i] == '-';
        if (i < text.size() && (text[i] == '-' || text[i] == '+')) ++i;
        if (!digit()) return std::nullopt;
        int e = 0;
        for (; digit(); ++i) e = e < 10000 ? e * 10 + (text[i] - '0') : e;
        exponent += minus ? -e : e;
    }
    if (i != text.size()) return std::nullopt;
    const auto m = static_cast<double>(mantissa);
    // One multiplication or division by an exact power of ten is rounded once.
    const double value = exponent < 0 && exponent >= -22 ? m / std::pow(10.0, -exponent)
                                                         : m * std::pow(10.0, exponent);
    if (!std::isfinite(value)) return std::nullopt;
    return negative ? -value : value;
}

}  // namespace v1
}  // namespace joulery
