// html.hpp - a report as one self-contained HTML page.
// SPDX-License-Identifier: MIT
#pragma once

#include "joulery/detail/core/config.hpp"
#include "joulery/report.hpp"

#include <string>

namespace joulery {
inline namespace v1 {

/// The report as one self-contained HTML page: warnings, headline figures, an icicle chart of
/// joules by path, power over time if a history was kept, tables of scopes and channels, carbon
/// assumptions. Zooming, sorting and filtering need JavaScript; all content is visible without it.
///
/// Fails:  never; names are escaped, and the page's content policy allows no network.
///
///     write_report(r, "run.html");
[[nodiscard]] JOULERY_DECL std::string to_html(const report& r);

}  // namespace v1
}  // namespace joulery

#ifdef JOULERY_IMPLEMENTATION

#include "joulery/detail/core/concat.hpp"
#include "joulery/detail/core/list.hpp"
#include "joulery/detail/core/unit_text.hpp"
#include "joulery/detail/report/carbon_notes.hpp"
#include "joulery/detail/report/figures.hpp"
#include "joulery/detail/report/html_page.hpp"
#include "joulery/detail/report/html_scope_table.hpp"
#include "joulery/detail/report/html_text.hpp"
#include "joulery/detail/report/icicle.hpp"
#include "joulery/detail/report/power_chart.hpp"
#include "joulery/detail/report/shown_rows.hpp"

#include <algorithm>
#include <cstddef>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

namespace joulery {
inline namespace v1 {

namespace detail {

/// Writes the sections of the page in order.
class html_writer {
 public:
    explicit html_writer(const report& r) : shown_(r), r_(*shown_), units_(r_), table_(out_) {}

    std::string write() {
        head();
        warnings();
        headline();
        pictures();
        html_scope_table(out_, r_).write();
        single_calls();
        channels();
        carbon();
        run();
        append(out_, {"<footer>Written by ",
                      markup_text(r_.context.library.empty() ? "joulery" : r_.context.library),
                      ". This page is self-contained and loads nothing.</footer>\n</main>\n"
                      "<script>",
                      html_script, "</script>\n</body>\n</html>\n"});
        return std::move(out_);
    }

 private:
    [[nodiscard]] std::string title() const {
        return r_.context.run_name.empty() ? "Energy report" : markup_text(r_.context.run_name);
    }

    void head() {
        out_ =
            concat({"<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
                    "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
                    "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; "
                    "style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:\">\n"
                    "<link rel=\"icon\" href=\"data:,\">\n<title>",
                    title(), " - joulery</title>\n<style>", html_style,
                    "</style>\n</head>\n<body>\n<main>\n<h1>", title(), "</h1>\n"});
        std::string where;
        const auto add = [&](const std::string& text) {
            if (!text.empty()) where += (where.empty() ? "" : ", ") + markup_text(text);
        };
        add(r_.context.host);
        add(hardware_of(r_.context));
        if (r_.context.started.unix_seconds() > 0) add(r_.context.started.to_iso8601());
        if (r_.runs.size() > 1) add(concat({r_.runs.size(), " runs merged"}));
        append(out_, {"<p class=\"soft\">", where, "</p>\n"});
    }

    void warnings() {
        if (r_.warnings.empty()) return;
        append(out_, {"<section class=\"warnings\" aria-labelledby=\"w\"><h2 id=\"w\">",
                      r_.warnings.size() == 1 ? "Warning" : "Warnings", "</h2><ul>\n"});
        for (const std::string& w : r_.warnings) append(out_, {"<li>", markup_text(w), "</li>\n"});
        out_ += "</ul></section>\n";
    }

    void card(const std::string& figure, const std::string& what, const std::string& also = {}) {
        append(out_, {"<li><b>", html_figure(figure), "</b>",
                      (also.empty() ? "" : concat({"<em>", html_figure(also), "</em>"})), "<span>",
                      html_figure(what), "</span></li>\n"});
    }

    void headline() {
        const quality q = r_.provenance;
        out_ += "<ul class=\"cards\">\n";
        if (!shown_.is_known()) {
            card(not_measured_text, "energy and CO2e: no counter could be read");
            card(to_text(r_.context.duration), "run time");
            out_ += "</ul>\n";
            return;
        }
        const std::string both = text_in_both(r_.total);
        const std::size_t bracket = both.find(" (");
        card(with_quality_prefix(both.substr(0, bracket), q),
             concat({"energy of the machine, ", to_text(q)}),
             bracket == std::string::npos ? std::string()
                                          : both.substr(bracket + 2, both.size() - bracket - 3));
        card(with_quality_prefix(mass_text(r_.co2e), q),
             concat({"CO2e, grid: ", r_.context.carbon.grid.place}));
        card(to_text(r_.context.duration), "run time");
        card(with_quality_prefix(to_text(r_.total / r_.context.duration), q), "mean power");
        card(with_quality_prefix(units_.text(r_.unscoped), q),
             concat({"outside all scopes",
                     (r_.total.joules() > 0 ? concat({", ", percent_text(r_.unscoped / r_.total)})
                                            : std::string())}));
        card(percent_text(r_.overhead.share_of_wall), "of the run spent measuring");
        out_ += "</ul>\n";
    }

    void pictures() {
        out_ += "<h2>Where the joules went</h2>\n";
        const std::string icicle = to_icicle_svg(r_);
        if (icicle.empty()) {
            out_ += "<p>No energy was measured or estimated.</p>\n";
        } else {
            append(
                out_,
                {"<div class=\"tools\"><button id=\"zoom-reset\" type=\"button\" disabled>Show the "
                 "whole run</button><span class=\"soft\">Click a scope to zoom in, Escape to "
                 "leave; arrow keys go from scope to scope.</span><span class=\"soft\" "
                 "id=\"zoom-status\" role=\"status\"></span>"
                 "</div>\n<figure>",
                 icicle, "</figure>\n"});
        }
        const std::string power = to_power_svg(r_);
        if (!power.empty())
            append(out_,
                   {"<h2>Power over time</h2>\n<figure>", power,
                    "<div class=\"tools moment\"><label>Moment <input id=\"moment\" type=\"range\" "
                    "min=\"0\" max=\"1\" value=\"0\"></label><span id=\"moment-time\"></span>"
                    "</div></figure>\n"});
    }

    void single_calls() {
        const scope_tree tree(r_);
        const std::vector<std::size_t> rows = rows_with_percentiles(r_, tree, 10, 60);
        if (rows.empty()) return;
        out_ +=
            "<h2 id=\"calls-title\">Single calls</h2>\n<div class=\"scroll\" tabindex=\"0\" "
            "role=\"region\" aria-labelledby=\"calls-title\"><table class=\"sortable\">\n";
        table_.heads({"<scope", "time p50", "*time p90", "time p99", "*time max", "energy p50",
                      "*energy p90", "energy p99", "*energy max", "<energy by"});
        out_ += "<tbody>\n";
        for (const std::size_t i : rows) {
            append(out_, {"<tr>", html_table::row_head(0), html_name(r_.scopes[i].path), "</th>"});
            std::size_t at = 0;
            for (const percentile_cell& c : percentile_cells(r_.scopes[i]))
                table_.cell(c.text, c.value, at++ % 2 == 1 ? "wide" : "");
            table_.cell(r_.scopes[i].call_method, "left");
            out_ += "</tr>\n";
        }
        append(out_, {"</tbody></table></div>\n<p class=\"soft\">", percentile_note, ".</p>\n"});
    }

    void channels() {
        if (r_.channels.empty()) {
            out_ += "<h2>Channels</h2>\n<p>None: nothing was read or estimated.</p>\n";
            return;
        }
        out_ +=
            "<h2 id=\"channels-title\">Channels</h2>\n<p class=\"soft\">Only roots are summed: "
            "channels inside another channel are detail.</p>\n<div class=\"scroll\" "
            "tabindex=\"0\" role=\"region\" aria-labelledby=\"channels-title\"><table>\n";
        table_.heads({"<channel", "energy", "*outside scopes", "<quality", "<in the total",
                      "*<backend", "*<state"});
        out_ += "<tbody>\n";
        channel_tree();
        out_ += "</tbody></table></div>\n";
    }

    // Parents before their children, each channel once. Ids may repeat, and parents may form a
    // circle, whose channels come last.
    void channel_tree() {
        std::unordered_map<std::string_view, std::size_t> by_id;
        for (std::size_t i = 0; i < r_.channels.size(); ++i) by_id.emplace(r_.channels[i].id, i);
        list<std::vector<std::size_t>> children(r_.channels.size());
        list<std::pair<std::size_t, std::size_t>> open;  // channel, level
        list<bool> shown(r_.channels.size(), false);
        const auto show_open = [&] {
            while (!open.empty()) {
                const auto [i, level] = open.back();
                open.pop_back();
                if (shown[i]) continue;
                shown[i] = true;
                channel_line(r_.channels[i], level);
                for (auto c = children[i].rbegin(); c != children[i].rend(); ++c)
                    open.emplace_back(*c, level + 1);
            }
        };
        std::vector<std::size_t> roots;
        for (std::size_t i = 0; i < r_.channels.size(); ++i) {
            const auto parent = by_id.find(r_.channels[i].parent);
            if (parent == by_id.end() || parent->second == i)
                roots.push_back(i);
            else
                children[parent->second].push_back(i);
        }
        for (std::size_t i = 0; i < r_.channels.size(); ++i) roots.push_back(i);
        for (const std::size_t i : roots) {
            open.emplace_back(i, 0);
            show_open();
        }
    }

    void channel_line(const channel_row& c, std::size_t level) {
        append(out_, {"<tr>", html_table::row_head(std::min<std::size_t>(level, 8)),
                      html_name(c.id), "</th>"});
        table_.cell(with_quality_prefix(units_.text(c.total), c.provenance));
        table_.cell(with_quality_prefix(units_.text(c.unscoped), c.provenance), "wide");
        table_.quality_cell(c.total, c.provenance);
        table_.cell(c.summed ? "summed" : concat({"no: ", c.exclusion_reason}), "left");
        table_.cell(c.backend, "wide left");
        table_.cell(c.state, "wide left");
        out_ += "</tr>\n";
    }

    void entry(const std::string& term, const std::string& text) {
        if (!text.empty())
            append(out_, {"<dt>", markup_text(term), "</dt><dd>", html_figure(text), "</dd>\n"});
    }

    void carbon() {
        const carbon_model& c = r_.context.carbon;
        out_ += "<h2>Carbon assumptions</h2>\n";
        if (c.grid.assumed)
            out_ +=
                "<p><span class=\"badge estimated\">assumed</span> No place was stated: the "
                "default factor is used. Set JOULERY_REGION or JOULERY_INTENSITY.</p>\n";
        out_ += "<dl>\n";
        entry("emissions", shown_.is_known() ? with_quality_prefix(to_text(r_.co2e), r_.provenance)
                                             : not_measured_text);
        entry("grid factor", concat({to_text(c.grid.intensity), ", ", grid_text(c.grid)}));
        entry("source", c.grid.source);
        entry("PUE", concat({plain_text(c.pue, ""), " (", c.pue_source, ")"}));
        for (const carbon_note& note : carbon_notes(r_)) entry(note.label, note.text);
        out_ += "</dl>\n";
    }

    void run() {
        const run_context& c = r_.context;
        out_ += "<h2>The run and its measurement</h2>\n<dl>\n";
        entry("measuring cost", overhead_text(r_.overhead));
        entry("attribution", c.attribution);
        entry("clock", c.clock);
        entry("processor",
              c.cpu + (c.logical_cpus > 0 ? concat({", ", c.logical_cpus, " hardware threads"})
                                          : std::string()));
        entry("hardware", c.hardware);
        entry("system", c.os);
        entry("run id", c.run_id);
        out_ += "</dl>\n";
    }

    const shown_report shown_;
    const report& r_;
    const column_units units_;
    std::string out_;
    html_table table_;
};

}  // namespace detail

JOULERY_DECL std::string to_html(const report& r) { return detail::html_writer(r).write(); }

}  // namespace v1
}  // namespace joulery

#endif
