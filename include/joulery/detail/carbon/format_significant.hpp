// format_significant.hpp - a number for people, with a given number of digits, in every locale.
// SPDX-License-Identifier: MIT
#pragma once

#include "joulery/detail/core/concat.hpp"
#include "joulery/detail/core/finite.hpp"

#include <cmath>
#include <cstddef>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>

namespace joulery {
inline namespace v1 {

/// `value` with at most `digits` (up to 17) significant digits and no trailing zeros:
/// format_significant(0.34966712, 4) == "0.3497". Never an exponent: with more than fifteen digits
/// before the point or a dozen zeros after it, it is shown as beyond that limit.
[[nodiscard]] inline std::string format_significant(double value, int digits = 6) {
    if (is_nan(value)) return "n/a";
    const std::string sign = value < 0 ? "-" : "";
    if (!is_finite(value)) return concat({sign, "inf"});
    const double size = std::fabs(value);
    if (size < 1e-300) return "0";
    if (size >= 1e15) return concat({sign, ">999 trillion"});
    if (size < 1e-12) return concat({sign, "<0.000000000001"});
    char text[64];
    std::snprintf(text, sizeof text, "%.*e", digits - 1, size);
    const char* end = std::strchr(text, 'e');
    const int leading = std::atoi(end + 1);
    std::string figures;  // the locale's point may be a comma or several bytes
    for (const char* c = text; c != end; ++c)
        if (*c >= '0' && *c <= '9') figures += *c;
    if (leading < 0) figures.insert(0, static_cast<std::size_t>(-leading), '0');
    const std::size_t whole = leading < 0 ? 1 : static_cast<std::size_t>(leading) + 1;
    if (figures.size() < whole) figures.append(whole - figures.size(), '0');
    while (figures.size() > whole && figures.back() == '0') figures.pop_back();
    if (figures.size() > whole) figures.insert(whole, ".");
    return sign + figures;
}

/// `text` (UTF-8) left-aligned in a column of `width` characters, truncated if it is longer.
[[nodiscard]] inline std::string left_in(std::string text, std::size_t width) {
    std::size_t shown = 0, end = 0;
    while (end < text.size()) {
        const bool begins = (static_cast<unsigned char>(text[end]) & 0xC0u) != 0x80u;
        if (begins && shown == width) break;
        shown += begins ? 1 : 0;
        ++end;
    }
    text.resize(end);
    return text.append(width - shown, ' ');
}
/// `text` right-aligned in a column of `width` characters; longer text is not truncated.
[[nodiscard]] inline std::string right_in(const std::string& text, std::size_t width) {
    return text.size() < width ? concat({std::string(width - text.size(), ' '), text}) : text;
}

}  // namespace v1
}  // namespace joulery
