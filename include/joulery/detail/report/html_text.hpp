// html_text.hpp - figures and names as an HTML page shows them.
// SPDX-License-Identifier: MIT
#pragma once

#include "joulery/detail/core/concat.hpp"
#include "joulery/detail/report/markup_text.hpp"

#include <cstddef>
#include <string>
#include <string_view>

namespace joulery {
inline namespace v1 {

/// Whether a text begins with a unit that has the prefix "u": "uJ", "uWh/sample".
[[nodiscard]] inline bool is_micro(std::string_view text) {
    for (const std::string_view unit : {"uJ", "uWh", "uW", "ug", "us", "uL"})
        if (text.substr(0, unit.size()) == unit) {
            const char after = text.size() > unit.size() ? text[unit.size()] : ' ';
            return !(after >= 'a' && after <= 'z') && !(after >= 'A' && after <= 'Z');
        }
    return false;
}

/// A figure as text for a page: the prefix "u" is a Greek letter, CO2e has its small two, and no
/// line ends between a number and its unit.
///
///     html_figure("12.3 uJ");   // "12.3&nbsp;µJ"
[[nodiscard]] inline std::string html_figure(std::string_view text) {
    const std::string safe = markup_text(text);
    std::string out;
    for (std::size_t i = 0; i < safe.size(); ++i) {
        const bool after_digit = i > 0 && safe[i - 1] >= '0' && safe[i - 1] <= '9';
        if (safe[i] == ' ' && after_digit) {
            out += "&nbsp;";
            if (is_micro(std::string_view(safe).substr(i + 1))) {
                out += "\xC2\xB5";
                ++i;
            }
        } else if (safe.compare(i, 4, "CO2e") == 0) {
            out +=
                "CO\xE2\x82\x82"
                "e";
            i += 3;
        } else {
            out += safe[i];
        }
    }
    return out;
}

/// A name, whichever way it is written: the line around it keeps its own direction.
[[nodiscard]] inline std::string html_name(std::string_view name) {
    return concat({"<bdi>", markup_text(name), "</bdi>"});
}

/// A label inside a picture; it is cut with an ellipsis where its box is narrow, and left out where
/// that is too narrow for a letter.
[[nodiscard]] inline std::string html_label(std::string_view name, std::string_view figure,
                                            std::size_t height) {
    return concat({"<foreignObject width=\"100%\" height=\"", height,
                   "\" aria-hidden=\"true\"><div class=\"label\"><span>", html_name(name),
                   (figure.empty() ? std::string() : concat({" ", html_figure(figure)})),
                   "</span></div></foreignObject>"});
}

}  // namespace v1
}  // namespace joulery
