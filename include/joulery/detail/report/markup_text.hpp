// markup_text.hpp - text that stays text in HTML and XML.
// SPDX-License-Identifier: MIT
#pragma once

#include "joulery/detail/core/utf8.hpp"

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

}  // namespace v1
}  // namespace joulery
