// format_significant.hpp - a number for people, with so many digits, in every locale alike.
// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <cstdio>
#include <string>

namespace joulery {
inline namespace v1 {

/// `value` with at most `digits` significant digits: rounded(0.34966712, 4) == "0.3497".
[[nodiscard]] inline std::string format_significant(double value, int digits = 6) {
    char text[64];
    std::snprintf(text, sizeof text, "%.*g", digits, value);
    std::string out;
    bool point = false;  // the locale's own may be a comma or several bytes
    for (const char* c = text; *c != '\0'; ++c) {
        const bool plain =
            (*c >= '0' && *c <= '9') || (*c >= 'a' && *c <= 'z') || *c == '-' || *c == '+';
        if (plain)
            out += *c;
        else if (!point)
            out += '.';
        point = point || !plain;
    }
    return out;
}

/// `text` (UTF-8) on the left of a column of `width` characters, cut where it is longer.
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
/// `text` on the right of a column of `width` characters, longer where it is longer.
[[nodiscard]] inline std::string right_in(const std::string& text, std::size_t width) {
    return text.size() < width ? std::string(width - text.size(), ' ') + text : text;
}

}  // namespace v1
}  // namespace joulery
