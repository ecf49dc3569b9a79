// markup_text.hpp - text that stays text in HTML and XML, and numbers for them.
// SPDX-License-Identifier: MIT
#pragma once

#include "joulery/detail/core/concat.hpp"
#include "joulery/detail/core/finite.hpp"
#include "joulery/detail/core/utf8.hpp"

#include <cstdint>
#include <string>
#include <string_view>

namespace joulery {
inline namespace v1 {

/// `text` for elements and quoted attributes: valid UTF-8, no control characters (XML has no way
/// to write them), and nothing that markup could come of.
[[nodiscard]] inline std::string markup_text(std::string_view text) {
    std::string out;
    for (const char c : escape_control(text)) {
        switch (c) {
            case '&':
                out += "&amp;";
                break;
            case '<':
                out += "&lt;";
                break;
            case '>':
                out += "&gt;";
                break;
            case '"':
                out += "&quot;";
                break;
            case '\'':
                out += "&#39;";
                break;
            default:
                out += c;
        }
    }
    return out;
}

namespace detail {

/// A number for an attribute: no exponent, no surprise; what is no number is 0.
inline std::string svg_number(double x) {
    if (!is_finite(x) || x <= -1e9 || x >= 1e9) return "0";
    const bool negative = x < 0;
    const auto thousandths = static_cast<std::uint64_t>((negative ? -x : x) * 1000 + 0.5);
    std::string fraction = std::to_string(1000 + thousandths % 1000).substr(1);
    fraction.erase(fraction.find_last_not_of('0') + 1);
    std::string out = negative && thousandths > 0 ? "-" : "";
    out += std::to_string(thousandths / 1000);
    return fraction.empty() ? out : concat({out, ".", fraction});
}

}  // namespace detail

}  // namespace v1
}  // namespace joulery
