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
/// Units: scaled, three significant digits; "~" marks estimates. Fails: never; names can't become
///        markup, links or mentions.
///
///     write_report(r, "energy.md");   // then: gh pr comment --body-file energy.md
[[nodiscard]] JOULERY_DECL std::string to_markdown(const report& r);

}  // namespace v1
}  // namespace joulery

#ifdef JOULERY_IMPLEMENTATION

#include "joulery/detail/report/carbon_notes.hpp"
#include "joulery/detail/report/figures.hpp"
#include "joulery/detail/report/scope_tree.hpp"

#include <string_view>

namespace joulery {
inline namespace v1 {

namespace detail {

/// A name as a code span: no markup, no mention and no link can come of it, and no cell ends.
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
    return out == "`" ? "` `" : out + "`";
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

inline void markdown_scopes(std::string& out, const report& r) {
    out +=
        "| scope | calls | time | energy | power | per item | CO2e | \xC2\xB1 | quality |\n"
        "|:--|--:|--:|--:|--:|--:|--:|--:|:--|\n";
    const scope_tree tree(r);
    const auto cell = [&](const std::string& text) { out += " " + markdown_prose(text) + " |"; };
    for (const std::size_t i : tree.order) {
        const scope_row& row = r.scopes[i];
        out += "| ";
        for (std::size_t l = 0; l < tree.level[i]; ++l) out += "&emsp;";
        out += markdown_code(r.scopes[i].name) + " |";
        cell(count_text(static_cast<double>(row.calls)));
        cell(to_text(row.time));
        cell(with_quality_prefix(to_text(row.total), row.provenance));
        cell(power_text(row));
        cell(per_item_text(row));
        cell(with_quality_prefix(mass_text(row.co2e), row.provenance));
        cell(uncertainty_text(row));
        cell(std::string(to_text(row.provenance)));
        out += '\n';
    }
    const std::string q(to_text(r.provenance));
    out += "| *outside all scopes* | | | " +
           markdown_prose(with_quality_prefix(to_text(r.unscoped), r.provenance)) + " | | | | | " +
           q + " |\n";
    out +=
        "| **total** | | " + to_text(r.context.duration) + " | **" +
        markdown_prose(with_quality_prefix(to_text(r.total), r.provenance)) + "** | " +
        markdown_prose(with_quality_prefix(to_text(r.total / r.context.duration), r.provenance)) +
        " | | " + markdown_prose(with_quality_prefix(mass_text(r.co2e), r.provenance)) + " | | " +
        q + " |\n";
}

inline void markdown_channels(std::string& out, const report& r) {
    out +=
        "\n<details><summary>Channels, carbon, cost of measuring</summary>\n\n"
        "| channel | energy | quality | backend | summed |\n|:--|--:|:--|:--|:--|\n";
    for (const channel_row& c : r.channels)
        out += "| " + markdown_code(c.id) + " | " +
               markdown_prose(with_quality_prefix(to_text(c.total), c.provenance)) + " | " +
               std::string(to_text(c.provenance)) + " | " + markdown_prose(c.backend) + " | " +
               (c.summed ? "yes" : "no: " + markdown_prose(c.why_not)) + " |\n";
    const carbon_model& carbon = r.context.carbon;
    out += "\n- CO2e at " + to_text(carbon.grid.intensity) + " (" +
           markdown_prose(grid_text(carbon.grid)) + "; " + markdown_prose(carbon.grid.source) +
           "), PUE " + plain_text(carbon.pue, "") + " (" + markdown_prose(carbon.pue_source) + ")" +
           (carbon.grid.assumed ? ". **Assumed**: no place was named" : "") + ".\n";
    for (const carbon_note& note : carbon_notes(r))
        out += "- " + note.label + ": " + markdown_prose(note.text) + ".\n";
    out += "- Measuring cost " + markdown_prose(overhead_text(r.overhead)) + ".\n";
    out += "- " + markdown_prose(r.context.library) + " on " + markdown_prose(r.context.host) +
           ", " + markdown_prose(hardware_of(r.context)) + ", " + markdown_prose(r.context.os) +
           ", " + r.context.started.to_iso8601() + ".\n\n</details>\n";
}

}  // namespace detail

JOULERY_DECL std::string to_markdown(const report& r) {
    const std::string name = r.context.run_name.empty() ? "run" : r.context.run_name;
    std::string out = "### Energy of " + detail::markdown_prose(name) + ": " +
                      detail::markdown_prose(with_quality_prefix(to_text(r.total), r.provenance)) +
                      ", " +
                      detail::markdown_prose(with_quality_prefix(to_text(r.co2e), r.provenance)) +
                      " (" + std::string(to_text(r.provenance)) + ")\n\n";
    for (const std::string& w : r.warnings)
        out += "> **Warning:** " + detail::markdown_prose(w) + "\n>\n";
    if (!r.warnings.empty()) out.replace(out.size() - 2, 2, "\n");
    detail::markdown_scopes(out, r);
    detail::markdown_channels(out, r);
    return out;
}

}  // namespace v1
}  // namespace joulery

#endif
