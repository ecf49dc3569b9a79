// html_scope_table.hpp - the table of scopes of an HTML report.
// SPDX-License-Identifier: MIT
#pragma once

#include "joulery/detail/core/concat.hpp"
#include "joulery/detail/core/list.hpp"
#include "joulery/detail/report/figures.hpp"
#include "joulery/detail/report/html_text.hpp"
#include "joulery/detail/report/scope_tree.hpp"
#include "joulery/detail/report/shown_rows.hpp"
#include "joulery/report.hpp"

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace joulery {
inline namespace v1 {
namespace detail {

/// Appends the table of all scopes; a script hides the less important ones at first. With very many
/// scopes the table has only the important ones, because a browser lays out every cell before it
/// shows the page; the others follow as text, which the script parses when they are requested, and
/// which is a readable table without scripts.
class html_scope_table : html_table {
 public:
    html_scope_table(std::string& out, const report& r)
        : html_table(out),
          r_(r),
          tree_(r),
          units_(r),
          parts_(parts_of(r)),
          thread_time_(is_thread_time(r)) {}

    void write() {
        const list<shown_row> rows = shown_rows(r_, tree_, rows_at_first);
        out_ +=
            "<h2 id=\"scopes-title\">Scopes</h2>\n<div class=\"tools\"><label>Filter <input "
            "id=\"filter\" type=\"search\" placeholder=\"part of a path\"></label>";
        if (rows.size() < r_.scopes.size())
            append(out_, {"<button id=\"unfold\" type=\"button\" hidden>Show all ",
                          r_.scopes.size(), " scopes</button>"});
        out_ +=
            "<span class=\"soft\" id=\"filter-status\" role=\"status\"></span></div>\n<div "
            "class=\"scroll\" tabindex=\"0\" role=\"region\" aria-labelledby=\"scopes-title\">"
            "<table class=\"sortable\" id=\"scopes\">\n";
        std::vector<std::string> names{"<scope", "*calls", thread_time_ ? "*thread time" : "*time",
                                       "energy"};
        for (const component part : parts_) names.push_back(concat({"*", part_title(part)}));
        for (const char* name :
             {"*own", "*power", "*per item", "*CO2e", "*\xC2\xB1", "<quality", "*<method"})
            names.push_back(name);
        heads(names);
        out_ += "<tbody>\n";
        const bool many = r_.scopes.size() > laid_out_at_once;
        if (many)
            first_lines(rows, names.size());
        else
            scope_lines(rows, names.size());
        out_ += "</tbody>\n<tfoot>\n";
        foot("outside all scopes", r_.unscoped, &channel_row::unscoped);
        foot("total", r_.total, &channel_row::total);
        out_ += "</tfoot>\n</table></div>\n";
        if (many) {
            out_ += "<noscript id=\"all-scopes\"><h2>All scopes</h2><div class=\"scroll\"><table>";
            heads(names);
            out_ += "<tbody>\n";
            for (const std::size_t i : tree_.order) scope_line(i, true);
            out_ += "</tbody></table></div></noscript>\n";
        }
        if (thread_time_) append(out_, {"<p class=\"soft\">", thread_time_note, "</p>\n"});
    }

 private:
    static constexpr std::size_t rows_at_first = 60;
    static constexpr std::size_t laid_out_at_once = 1000;  // as html_page.hpp's `most`

    void first_lines(const list<shown_row>& rows, std::size_t columns) {
        for (const shown_row& row : rows)
            if (row.scope == scope_tree::none)
                left_out_line(row, columns);
            else
                scope_line(row.scope, true);
    }

    // All scopes in tree order. Scopes that are not in `rows` can be hidden; the lines that
    // summarize them are shown only then.
    void scope_lines(const list<shown_row>& rows, std::size_t columns) {
        list<bool> first(r_.scopes.size(), false);
        for (const shown_row& row : rows)
            if (row.scope != scope_tree::none) first[row.scope] = true;
        std::size_t next = 0;
        const auto rest = [&] {
            for (; next < rows.size() && rows[next].scope == scope_tree::none; ++next)
                left_out_line(rows[next], columns);
        };
        for (const std::size_t i : tree_.order) {
            if (first[i]) {
                rest();
                ++next;
            }
            scope_line(i, first[i]);
        }
        rest();
    }

    void left_out_line(const shown_row& row, std::size_t columns) {
        append(out_, {"<tr class=\"rest\">", row_head(row.level), left_out_text(row), "</th>"});
        for (int i = 0; i < 2; ++i) cell("", "wide");
        cell(with_quality_prefix(units_.text(row.total), row.provenance));
        for (std::size_t i = 4; i < columns; ++i) cell("", i == columns - 2 ? "" : "wide");
        out_ += "</tr>\n";
    }

    void scope_line(std::size_t i, bool at_first) {
        const scope_row& row = r_.scopes[i];
        const std::string_view prefix =
            std::string_view(row.path).substr(0, row.path.size() - row.name.size());
        const quality q = row.provenance;
        append(out_,
               {"<tr", (at_first ? "" : " class=\"more\""), " data-path=\"", markup_text(row.path),
                "\">", row_head(tree_.level[i]), "<span class=\"prefix\">", html_name(prefix),
                "</span>", html_name(row.name), "</th>"});
        cell(count_text(static_cast<double>(row.calls)), static_cast<double>(row.calls), "wide");
        cell(to_text(row.time), row.time.count(), "wide");
        cell(with_quality_prefix(units_.text(row.total), q), row.total.joules());
        for (const component part : parts_) {
            const energy e = energy_of_part(r_, row, part);
            cell(with_quality_prefix(units_.text(e), q), e.joules(), "wide");
        }
        cell(with_quality_prefix(units_.text(row.self), q), row.self.joules(), "wide");
        cell(power_text(row),
             busy_time_of(row).count() > 0 ? (row.total / busy_time_of(row)).watts() : 0, "wide");
        cell(per_item_text(row), row.items > 0 ? row.total.joules() / row.items : -1, "wide");
        cell(with_quality_prefix(units_.text(row.co2e), q), row.co2e.grams(), "wide");
        cell(uncertainty_text(row), row.uncertainty / row.total, "wide");
        quality_cell(row.total, q);
        cell(method_text(row), "wide left");
        out_ += "</tr>\n";
    }

    void foot(const char* name, energy e, energy channel_row::*which) {
        const bool total = which == &channel_row::total;
        const auto marked = [&](const std::string& text) {
            return with_quality_prefix(text, r_.provenance);
        };
        append(out_, {"<tr><th scope=\"row\">", name, "</th><td class=\"wide\"></td>"});
        cell(total ? to_text(r_.context.duration) : "", "wide");
        cell(marked(units_.text(e)));
        for (const component part : parts_)
            cell(marked(units_.text(energy_of_part(r_, part, which))), "wide");
        cell("", "wide");
        cell(total ? marked(to_text(e / r_.context.duration)) : "", "wide");
        cell("", "wide");
        cell(total ? marked(units_.text(r_.co2e)) : "", "wide");
        cell("", "wide");
        quality_cell(e, r_.provenance);
        out_ += "<td class=\"wide\"></td></tr>\n";
    }

    const report& r_;
    const scope_tree tree_;
    const column_units units_;
    const list<component> parts_;
    const bool thread_time_;
};

}  // namespace detail
}  // namespace v1
}  // namespace joulery
