// html_table.hpp - heads and cells of the tables of an HTML report.
// SPDX-License-Identifier: MIT
#pragma once

#include "joulery/detail/core/concat.hpp"
#include "joulery/detail/core/finite.hpp"
#include "joulery/detail/core/number_text.hpp"
#include "joulery/detail/report/html_text.hpp"
#include "joulery/detail/report/known_energy.hpp"
#include "joulery/quality.hpp"
#include "joulery/units.hpp"

#include <cstddef>
#include <string>
#include <vector>

namespace joulery {
inline namespace v1 {
namespace detail {

/// Appends the parts of a table to a page.
class html_table {
 public:
    explicit html_table(std::string& out) : out_(out) {}

    /// A name that begins with '*' is left out where the page is narrow, one with '<' is on the
    /// left.
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
        append(out_, {"<td class=\"left\"><span class=\"mark ", text, "\">", text, "</span></td>"});
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
