// decimal.hpp - reads a decimal number, whatever the locale.
// SPDX-License-Identifier: MIT
#pragma once

#include "joulery/detail/core/number_text.hpp"

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
/// "inf", "0x10", "1,5" and what is beyond a double's range are nothing.
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
