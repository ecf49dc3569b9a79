// markdown.hpp - a report as Markdown, for pull requests and wikis.
// SPDX-License-Identifier: MIT
#pragma once

#include "joulery/detail/core/config.hpp"
#include "joulery/report.hpp"

#include <string>

namespace joulery {
inline namespace v1 {

/// The report as GitHub-flavoured Markdown: warnings, the table of scopes, the rest folded away.
///
/// Units:  scaled, three significant digits; "~" marks estimates. Fails: never; names are escaped
///         and can't become markup, links or mentions.
///
///     write_report(r, "energy.md");   // then: gh pr comment --body-file energy.md
[[nodiscard]] JOULERY_DECL std::string to_markdown(const report& r);

}  // namespace v1
}  // namespace joulery

#ifdef JOULERY_IMPLEMENTATION

#include "joulery/detail/core/concat.hpp"
#include "joulery/detail/core/list.hpp"
#include "joulery/detail/report/carbon_notes.hpp"
#include "joulery/detail/report/figures.hpp"
#include "joulery/detail/report/scope_tree.hpp"
#include "joulery/detail/report/shown_rows.hpp"

#include <cstddef>
#include <string_view>

namespace joulery {
inline namespace v1 {

namespace detail {

/// A name as a code span, escaped so that it can't become markup, a mention, a link or a cell
/// border.
inline std::string markdown_code(std::string_view name) {
    std::string out = "`";
    for (const char c : escape_control(name)) {
        if (c == '`') {
            out += '\'';
        } else if (c == '|') {
            out += "\\|";
        } else {
            out += c;
        }
    }
    return out == "`" ? "` `" : concat({out, "`"});
}

/// Prose with every character escaped that could be markup.
inline std::string markdown_prose(std::string_view text) {
    std::string out;
    for (const char c : escape_control(text)) {
        if (c == '<' || c == '&' || c == '@' || c == '#') {
            out += c == '<' ? "&lt;" : c == '&' ? "&amp;" : c == '@' ? "&#64;" : "&#35;";
            continue;
        }
        if (std::string_view("\\`*_{}[]|~!>").find(c) != std::string_view::npos) out += '\\';
        out += c;
    }
    return out;
}

/// A comment on GitHub may have 65,536 characters.
inline constexpr std::size_t most_markdown_rows = 250;

// The last two lines of the table.
inline void markdown_sums(std::string& out, const report& r, const list<component>& parts,
                          const column_units& units) {
    const auto figure = [&](const auto& x) {
        return markdown_prose(with_quality_prefix(units.text(x), r.provenance));
    };
    const std::string q = quality_text(r.total, r.provenance);
    append(out, {"| *outside all scopes* | | | ", figure(r.unscoped), " |"});
    for (const component part : parts)
        append(out, {" ", figure(energy_of_part(r, part, &channel_row::unscoped)), " |"});
    append(out, {" | | | | ", q, " |\n"});
    append(out,
           {"| **total** | | ", to_text(r.context.duration), " | **", figure(r.total), "** |"});
    for (const component part : parts) append(out, {" ", figure(energy_of_part(r, part)), " |"});
    append(
        out,
        {" ",
         markdown_prose(with_quality_prefix(to_text(r.total / r.context.duration), r.provenance)),
         " | | ", figure(r.co2e), " | | ", q, " |\n"});
}

inline void markdown_scopes(std::string& out, const report& r) {
    const list<component> parts = parts_of(r);
    append(out,
           {"| scope | calls | ", (is_thread_time(r) ? "thread time" : "time"), " | energy | "});
    for (const component part : parts) append(out, {part_title(part), " | "});
    out += "power | per item | CO2e | \xC2\xB1 | quality |\n|:--|--:|--:|--:|";
    for (std::size_t i = 0; i < parts.size(); ++i) out += "--:|";
    out += "--:|--:|--:|--:|:--|\n";
    const scope_tree tree(r);
    const column_units units(r);
    const auto cell = [&](const std::string& text) {
        append(out, {" ", markdown_prose(text), " |"});
    };
    for (const shown_row& shown : shown_rows(r, tree, most_markdown_rows)) {
        out += "| ";
        for (std::size_t l = 0; l < shown.level; ++l) out += "&emsp;";
        if (shown.scope == scope_tree::none) {
            append(out, {"*", left_out_text(shown), "* | | |"});
            cell(with_quality_prefix(units.text(shown.total), shown.provenance));
            for (std::size_t i = 0; i < parts.size() + 5; ++i) out += " |";
            out += '\n';
            continue;
        }
        const scope_row& row = r.scopes[shown.scope];
        append(out, {markdown_code(row.name), " |"});
        cell(count_text(static_cast<double>(row.calls)));
        cell(to_text(row.time));
        cell(with_quality_prefix(units.text(row.total), row.provenance));
        for (const component part : parts)
            cell(with_quality_prefix(units.text(energy_of_part(r, row, part)), row.provenance));
        cell(power_text(row));
        cell(per_item_text(row));
        cell(with_quality_prefix(units.text(row.co2e), row.provenance));
        cell(uncertainty_text(row));
        cell(quality_text(row.total, row.provenance));
        out += '\n';
    }
    markdown_sums(out, r, parts, units);
    if (is_thread_time(r)) append(out, {"\n", thread_time_note, "\n"});
}

inline void markdown_channels(std::string& out, const report& r) {
    out += "\n<details><summary>Channels, carbon, cost of measuring</summary>\n\n";
    out += r.channels.empty()
               ? "No channel: nothing was read or estimated.\n"
               : "| channel | energy | quality | backend | summed |\n|:--|--:|:--|:--|:--|\n";
    const column_units units(r);
    for (const channel_row& c : r.channels)
        append(out,
               {"| ", markdown_code(c.id), " | ",
                markdown_prose(with_quality_prefix(units.text(c.total), c.provenance)), " | ",
                quality_text(c.total, c.provenance), " | ", markdown_prose(c.backend), " | ",
                (c.summed ? "yes" : concat({"no: ", markdown_prose(c.exclusion_reason)})), " |\n"});
    const carbon_model& carbon = r.context.carbon;
    append(out, {"\n- CO2e at ", to_text(carbon.grid.intensity), " (",
                 markdown_prose(grid_text(carbon.grid)), "; ", markdown_prose(carbon.grid.source),
                 "), PUE ", plain_text(carbon.pue, ""), " (", markdown_prose(carbon.pue_source),
                 ")", (carbon.grid.assumed ? ". **Assumed**: no place was stated" : ""), ".\n"});
    for (const carbon_note& note : carbon_notes(r))
        append(out, {"- ", note.label, ": ", markdown_prose(note.text), ".\n"});
    append(out, {"- Measuring cost ", markdown_prose(overhead_text(r.overhead)), ".\n"});
    append(out, {"- ", markdown_prose(r.context.library), " on ", markdown_prose(r.context.host),
                 ", ", markdown_prose(hardware_of(r.context)), ", ", markdown_prose(r.context.os),
                 ", ", r.context.started.to_iso8601(), ".\n\n</details>\n"});
}

}  // namespace detail

JOULERY_DECL std::string to_markdown(const report& report_or_none) {
    const shown_report shown(report_or_none);
    const report& r = *shown;
    const std::string name = r.context.run_name.empty() ? "run" : r.context.run_name;
    const auto figure = [&](const std::string& text) {
        return detail::markdown_prose(with_quality_prefix(text, r.provenance));
    };
    std::string out = concat({"### Energy of ", detail::markdown_prose(name), ": "});
    if (shown.is_known())
        append(out, {figure(text_in_both(r.total)), ", ", figure(to_text(r.co2e)), " (",
                     to_text(r.provenance), ")\n\n"});
    else
        append(out, {not_measured_text, "\n\n"});
    for (const std::string& w : r.warnings)
        append(out, {"> **Warning:** ", detail::markdown_prose(w), "\n>\n"});
    if (!r.warnings.empty()) out.replace(out.size() - 2, 2, "\n");
    detail::markdown_scopes(out, r);
    detail::markdown_channels(out, r);
    return out;
}

}  // namespace v1
}  // namespace joulery

#endif
