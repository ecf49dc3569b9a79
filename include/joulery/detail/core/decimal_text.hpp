// decimal_text.hpp - numbers with a point, read the same in every locale.
// SPDX-License-Identifier: MIT
#pragma once

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace joulery {
inline namespace v1 {

/// Reads "2.3283064365386962890625e-10", "0.00390372", "12" at the start of `text` and returns how
/// many characters it took; 0 where there is no such number. strtod would stop at the point in a
/// locale that writes a comma.
///
///     double x; parse_decimal("1.5A", x);     // 3, x == 1.5
[[nodiscard]] inline std::size_t parse_decimal(std::string_view text, double& value) noexcept {
    double digits = 0;
    int shift = 0;
    bool any = false;
    bool point = false;
    std::size_t at = 0;
    for (; at < text.size(); ++at) {
        const char c = text[at];
        if (c == '.' && !point) {
            point = true;
            continue;
        }
        if (c < '0' || c > '9') break;
        any = true;
        digits = digits * 10 + (c - '0');
        if (point) --shift;
        if (at > 300) return 0;
    }
    if (!any) return 0;
    if (at + 1 < text.size() && (text[at] == 'e' || text[at] == 'E')) {
        std::size_t next = at + 1;
        const bool negative = text[next] == '-';
        if (negative || text[next] == '+') ++next;
        int exponent = 0;
        std::size_t length = 0;
        for (; next < text.size() && text[next] >= '0' && text[next] <= '9' && length < 4; ++next) {
            exponent = exponent * 10 + (text[next] - '0');
            ++length;
        }
        if (length > 0) {
            shift += negative ? -exponent : exponent;
            at = next;
        }
    }
    value = digits * std::pow(10.0, shift);
    return std::isfinite(value) ? at : 0;
}

}  // namespace v1
}  // namespace joulery
