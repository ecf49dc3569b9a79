// json_text.hpp - strings and numbers as JSON writes them.
// SPDX-License-Identifier: MIT
#pragma once

#include "joulery/detail/core/finite.hpp"
#include "joulery/detail/core/number_text.hpp"
#include "joulery/detail/core/utf8.hpp"

#include <cstddef>
#include <string>
#include <string_view>

namespace joulery {
inline namespace v1 {

/// Appends `text` as a JSON string, quotes included: valid UTF-8, all control characters escaped,
/// and `<` too, so that the JSON may stand inside an HTML page.
inline void append_json_string(std::string& out, std::string_view text) {
    out += '"';
    for (std::size_t at = 0; at < text.size();) {
        const char32_t c = next_code_point(text, at);
        if (c == '"' || c == '\\') {
            out += '\\';
            out += static_cast<char>(c);
        } else if (c == '\n') {
            out += "\\n";
        } else if (c == '\t') {
            out += "\\t";
        } else if (c == '<' || (c < 0x10000 && is_control(c))) {
            out += "\\u";
            for (int shift = 12; shift >= 0; shift -= 4)
                out += "0123456789abcdef"[(c >> shift) & 0xF];
        } else {
            append_utf8(out, c);
        }
    }
    out += '"';
}

/// Appends a number so that it reads back the same; `null` for not-a-number and infinities.
inline void append_json_number(std::string& out, double x) {
    if (is_finite(x)) {
        append_number(out, x);
    } else {
        out += "null";
    }
}

}  // namespace v1
}  // namespace joulery
