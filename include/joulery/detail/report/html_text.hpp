// html_text.hpp - figures and names in the form that an HTML page needs.
// SPDX-License-Identifier: MIT
#pragma once

#include "joulery/detail/core/concat.hpp"
#include "joulery/detail/core/finite.hpp"
#include "joulery/detail/core/number_text.hpp"
#include "joulery/detail/core/utf8.hpp"
#include "joulery/detail/report/figures.hpp"
#include "joulery/quality.hpp"
#include "joulery/units.hpp"

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace joulery {
inline namespace v1 {

/// `text` for elements and quoted attributes: valid UTF-8, without control characters (XML can't
/// represent them), and with markup escaped.
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

/// A number for an attribute: no exponent; not-a-number is 0.
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

/// Whether a text begins with a unit that has the prefix "u": "uJ", "uWh/sample".
[[nodiscard]] inline bool is_micro(std::string_view text) {
    for (const std::string_view unit : {"uJ", "uWh", "uW", "ug", "us", "uL"})
        if (text.substr(0, unit.size()) == unit) {
            const char after = text.size() > unit.size() ? text[unit.size()] : ' ';
            return !(after >= 'a' && after <= 'z') && !(after >= 'A' && after <= 'Z');
        }
    return false;
}

/// A figure as text for a page: the prefix "u" becomes a Greek letter, CO2e gets its subscript, and
/// there is no line break between a number and its unit.
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

/// A name in any writing direction; the line around it keeps its own direction.
[[nodiscard]] inline std::string html_name(std::string_view name) {
    return concat({"<bdi>", markup_text(name), "</bdi>"});
}

/// A label inside a picture; shortened with an ellipsis in a narrow box, omitted if there is no
/// room for a letter.
[[nodiscard]] inline std::string html_label(std::string_view name, std::string_view figure,
                                            std::size_t height) {
    return concat({"<foreignObject width=\"100%\" height=\"", height,
                   "\" aria-hidden=\"true\"><div class=\"label\"><span>", html_name(name),
                   (figure.empty() ? std::string() : concat({" ", html_figure(figure)})),
                   "</span></div></foreignObject>"});
}

namespace detail {

/// Appends the parts of a table to a page.
class html_table {
 public:
    explicit html_table(std::string& out) : out_(out) {}

    /// Adds a column head. A name that begins with '*' is hidden on narrow pages, one with '<' is
    /// left-aligned.
    void heads(const std::vector<std::string>& names) {
        out_ += "<thead><tr>";
        for (const std::string& name : names) {
            const bool wide = name[0] == '*', left = name[wide ? 1 : 0] == '<';
            const std::string classes =
                concat({wide ? "wide" : "", (wide && left ? " " : ""), (left ? "left" : "")});
            append(out_, {"<th scope=\"col\"",
                          (classes.empty() ? "" : concat({" class=\"", classes, "\""})), ">",
                          html_figure(name.substr((wide ? 1u : 0u) + (left ? 1u : 0u))), "</th>"});
        }
        out_ += "</tr></thead>\n";
    }

    // A cell sorts by its number, or, without one, by its text.
    void cell(const std::string& text, double value, const char* classes = "") {
        std::string number;
        if (is_finite(value)) append_number(number, value);
        append(out_, {"<td", (*classes != '\0' ? concat({" class=\"", classes, "\""}) : ""),
                      " data-v=\"", number, "\">", html_figure(text), "</td>"});
    }
    void cell(const std::string& text, const char* classes = "") {
        append(out_, {"<td", (*classes != '\0' ? concat({" class=\"", classes, "\""}) : ""), ">",
                      html_figure(text), "</td>"});
    }
    void quality_cell(quality q) {
        const std::string text(to_text(q));
        append(out_,
               {"<td class=\"left\"><span class=\"badge ", text, "\">", text, "</span></td>"});
    }
    void quality_cell(energy figure, quality q) {
        if (is_nan(figure.joules()))
            cell(not_measured_text, "left");
        else
            quality_cell(q);
    }

    static std::string row_head(std::size_t level) {
        return concat({"<th scope=\"row\" style=\"padding-left:", 10 + 18 * level, "px\">"});
    }

 protected:
    std::string& out_;
};

}  // namespace detail
}  // namespace v1
}  // namespace joulery
