// html.hpp - a report as one HTML page that needs nothing else.
// SPDX-License-Identifier: MIT
#pragma once

#include "joulery/detail/core/config.hpp"
#include "joulery/report.hpp"

#include <string>

namespace joulery {
inline namespace v1 {

/// The report as one self-contained HTML page: warnings, headline figures, an icicle chart of
/// joules by path, power over time where a history was kept, tables of scopes and channels, carbon
/// assumptions. Zooming, sorting and filtering need JavaScript; everything is there without.
///
/// Fails: never; names are text and nothing else, and the page's own policy allows no network.
///
///     write_report(r, "run.html");
[[nodiscard]] JOULERY_DECL std::string to_html(const report& r);

}  // namespace v1
}  // namespace joulery

#ifdef JOULERY_IMPLEMENTATION

#include "joulery/detail/core/finite.hpp"
#include "joulery/detail/core/number_text.hpp"
#include "joulery/detail/report/carbon_notes.hpp"
#include "joulery/detail/report/column_units.hpp"
#include "joulery/detail/report/figures.hpp"
#include "joulery/detail/report/html_script.hpp"
#include "joulery/detail/report/html_style.hpp"
#include "joulery/detail/report/icicle.hpp"
#include "joulery/detail/report/known_energy.hpp"
#include "joulery/detail/report/markup_text.hpp"
#include "joulery/detail/report/part_energy.hpp"
#include "joulery/detail/report/power_chart.hpp"
#include "joulery/detail/report/scope_tree.hpp"

#include <algorithm>
#include <cstddef>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

namespace joulery {
inline namespace v1 {

namespace detail {

/// Writes the sections of the page one after another.
class html_writer {
 public:
    explicit html_writer(const report& r)
        : shown_(r),
          r_(*shown_),
          tree_(r_),
          units_(r_),
          parts_(parts_of(r_)),
          thread_time_(is_thread_time(r_)) {}

    std::string write() {
        head();
        warnings();
        headline();
        pictures();
        scopes();
        channels();
        carbon();
        run();
        out_ += "<footer>Written by " +
                markup_text(r_.context.library.empty() ? "joulery" : r_.context.library) +
                ". This page holds everything it shows and loads nothing.</footer>\n</main>\n"
                "<script>" +
                std::string(html_script) + "</script>\n</body>\n</html>\n";
        return std::move(out_);
    }

 private:
    [[nodiscard]] std::string title() const {
        return r_.context.run_name.empty() ? "Energy report" : markup_text(r_.context.run_name);
    }

    void head() {
        out_ =
            "<!DOCTYPE html>\n<html lang=\"en\">\n<head>\n<meta charset=\"utf-8\">\n"
            "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\n"
            "<meta http-equiv=\"Content-Security-Policy\" content=\"default-src 'none'; "
            "style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:\">\n"
            "<link rel=\"icon\" href=\"data:,\">\n<title>" +
            title() + " - joulery</title>\n<style>" + std::string(html_style) +
            "</style>\n</head>\n<body>\n<main>\n<h1>" + title() + "</h1>\n";
        std::string where;
        const auto add = [&](const std::string& text) {
            if (!text.empty()) where += (where.empty() ? "" : ", ") + markup_text(text);
        };
        add(r_.context.host);
        add(hardware_of(r_.context));
        if (r_.context.started.unix_seconds() > 0) add(r_.context.started.to_iso8601());
        if (r_.runs.size() > 1) add(std::to_string(r_.runs.size()) + " runs merged");
        out_ += "<p class=\"soft\">" + where + "</p>\n";
    }

    void warnings() {
        if (r_.warnings.empty()) return;
        out_ += "<section class=\"warnings\" aria-labelledby=\"w\"><h2 id=\"w\">" +
                std::string(r_.warnings.size() == 1 ? "Warning" : "Warnings") + "</h2><ul>\n";
        for (const std::string& w : r_.warnings) out_ += "<li>" + markup_text(w) + "</li>\n";
        out_ += "</ul></section>\n";
    }

    void card(const std::string& figure, const std::string& what) {
        out_ += "<li><b>" + figure + "</b><span>" + what + "</span></li>\n";
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
        card(with_quality_prefix(text_in_both(r_.total), q),
             "energy of the machine, " + std::string(to_text(q)));
        card(with_quality_prefix(mass_text(r_.co2e), q),
             "CO2e, grid: " + markup_text(r_.context.carbon.grid.place));
        card(to_text(r_.context.duration), "run time");
        card(with_quality_prefix(to_text(r_.total / r_.context.duration), q), "mean power");
        card(with_quality_prefix(to_text(r_.unscoped), q),
             "outside all scopes" + (r_.total.joules() > 0
                                         ? ", " + percent_text(r_.unscoped / r_.total)
                                         : std::string()));
        card(percent_text(r_.overhead.share_of_wall), "of the run spent measuring");
        out_ += "</ul>\n";
    }

    void pictures() {
        out_ += "<h2>Where the joules went</h2>\n";
        const std::string icicle = to_icicle_svg(r_);
        if (icicle.empty()) {
            out_ += "<p>No energy was measured or estimated.</p>\n";
        } else {
            out_ +=
                "<div class=\"tools\"><button id=\"zoom-reset\" type=\"button\" disabled>Show the "
                "whole run</button><span class=\"soft\">Click a scope to zoom in, Escape to "
                "leave.</span><span class=\"soft\" id=\"zoom-status\" role=\"status\"></span>"
                "</div>\n<figure>" +
                icicle + "</figure>\n";
        }
        const std::string power = to_power_svg(r_);
        if (!power.empty()) out_ += "<h2>Power over time</h2>\n<figure>" + power + "</figure>\n";
    }

    void heads(const std::vector<std::string>& names) {
        out_ += "<thead><tr>";
        for (const std::string& name : names) {
            const bool wide = name[0] == '*', left = name[wide ? 1 : 0] == '<';
            const std::string classes =
                std::string(wide ? "wide" : "") + (wide && left ? " " : "") + (left ? "left" : "");
            out_ += "<th scope=\"col\"" + (classes.empty() ? "" : " class=\"" + classes + "\"") +
                    ">" + name.substr((wide ? 1u : 0u) + (left ? 1u : 0u)) + "</th>";
        }
        out_ += "</tr></thead>\n";
    }

    // A cell sorts by its number, or, without one, by its text.
    void cell(const std::string& text, double value, const char* classes = "") {
        std::string number;
        if (is_finite(value)) append_number(number, value);
        out_ += std::string("<td") +
                (*classes != '\0' ? std::string(" class=\"") + classes + "\"" : "") + " data-v=\"" +
                number + "\">" + markup_text(text) + "</td>";
    }
    void cell(const std::string& text, const char* classes = "") {
        out_ += std::string("<td") +
                (*classes != '\0' ? std::string(" class=\"") + classes + "\"" : "") + ">" +
                markup_text(text) + "</td>";
    }
    void quality_cell(quality q) {
        const std::string text(to_text(q));
        out_ += "<td class=\"left\"><span class=\"mark " + text + "\">" + text + "</span></td>";
    }
    void quality_cell(energy figure, quality q) {
        if (is_nan(figure.joules()))
            cell(not_measured_text, "left");
        else
            quality_cell(q);
    }

    void scopes() {
        out_ +=
            "<h2 id=\"scopes-title\">Scopes</h2>\n<div class=\"tools\"><label>Filter <input "
            "id=\"filter\" type=\"search\" placeholder=\"part of a path\"></label><span "
            "class=\"soft\" id=\"filter-status\" role=\"status\"></span></div>\n<div "
            "class=\"scroll\" tabindex=\"0\" role=\"region\" aria-labelledby=\"scopes-title\">"
            "<table class=\"sortable\" id=\"scopes\">\n";
        std::vector<std::string> names{"<scope", "*calls", thread_time_ ? "*thread time" : "*time",
                                       "energy"};
        for (const component part : parts_) names.push_back("*" + std::string(part_title(part)));
        for (const char* name :
             {"*own", "*power", "per item", "*CO2e", "*\xC2\xB1", "<quality", "*<method"})
            names.push_back(name);
        heads(names);
        out_ += "<tbody>\n";
        for (const std::size_t i : tree_.order) scope_line(i);
        out_ += "</tbody>\n<tfoot>\n";
        foot("outside all scopes", r_.unscoped, &channel_row::unscoped);
        foot("total", r_.total, &channel_row::total);
        out_ += "</tfoot>\n</table></div>\n";
        if (thread_time_) out_ += "<p class=\"soft\">" + std::string(thread_time_note) + "</p>\n";
    }

    void scope_line(std::size_t i) {
        const scope_row& row = r_.scopes[i];
        const std::string name = markup_text(r_.scopes[i].name);
        const std::string_view prefix =
            std::string_view(row.path).substr(0, row.path.size() - r_.scopes[i].name.size());
        const quality q = row.provenance;
        out_ += "<tr data-path=\"" + markup_text(row.path) +
                "\"><th scope=\"row\" style=\"padding-left:" +
                std::to_string(10 + 18 * tree_.level[i]) + "px\"><span class=\"prefix\">" +
                markup_text(prefix) + "</span>" + name + "</th>";
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
        cell(per_item_text(row), row.items > 0 ? row.total.joules() / row.items : -1);
        cell(with_quality_prefix(units_.text(row.co2e), q), row.co2e.grams(), "wide");
        cell(uncertainty_text(row), row.uncertainty / row.total, "wide");
        quality_cell(row.total, q);
        cell(row.method, "wide left");
        out_ += "</tr>\n";
    }

    void foot(const char* name, energy e, energy channel_row::*which) {
        const bool total = which == &channel_row::total;
        const auto marked = [&](const std::string& text) {
            return with_quality_prefix(text, r_.provenance);
        };
        out_ += std::string("<tr><th scope=\"row\">") + name + "</th><td class=\"wide\"></td>";
        cell(total ? to_text(r_.context.duration) : "", "wide");
        cell(marked(units_.text(e)));
        for (const component part : parts_)
            cell(marked(units_.text(energy_of_part(r_, part, which))), "wide");
        cell("", "wide");
        cell(total ? marked(to_text(e / r_.context.duration)) : "", "wide");
        cell("");
        cell(total ? marked(units_.text(r_.co2e)) : "", "wide");
        cell("", "wide");
        quality_cell(e, r_.provenance);
        out_ += "<td class=\"wide\"></td></tr>\n";
    }

    void channels() {
        out_ +=
            "<h2 id=\"channels-title\">Channels</h2>\n<p class=\"soft\">Only roots are summed: "
            "what lies inside another channel is detail.</p>\n<div class=\"scroll\" "
            "tabindex=\"0\" role=\"region\" aria-labelledby=\"channels-title\"><table>\n";
        heads({"<channel", "energy", "*outside scopes", "<quality", "<in the total", "*<backend",
               "*<state"});
        out_ += "<tbody>\n";
        channel_tree();
        out_ += "</tbody></table></div>\n";
    }

    // Parents before their children, each channel once: ids may repeat and parents form a circle,
    // whose channels come last.
    void channel_tree() {
        std::unordered_map<std::string_view, std::size_t> by_id;
        for (std::size_t i = 0; i < r_.channels.size(); ++i) by_id.emplace(r_.channels[i].id, i);
        std::vector<std::vector<std::size_t>> children(r_.channels.size());
        std::vector<std::pair<std::size_t, std::size_t>> open;  // channel, level
        std::vector<bool> shown(r_.channels.size(), false);
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
        out_ += "<tr><th scope=\"row\" style=\"padding-left:" +
                std::to_string(10 + 18 * std::min<std::size_t>(level, 8)) + "px\">" +
                markup_text(c.id) + "</th>";
        cell(with_quality_prefix(units_.text(c.total), c.provenance));
        cell(with_quality_prefix(units_.text(c.unscoped), c.provenance), "wide");
        quality_cell(c.total, c.provenance);
        cell(c.summed ? "summed" : "no: " + c.why_not, "left");
        cell(c.backend, "wide left");
        cell(c.state, "wide left");
        out_ += "</tr>\n";
    }

    void entry(const std::string& term, const std::string& text) {
        if (!text.empty())
            out_ += "<dt>" + markup_text(term) + "</dt><dd>" + markup_text(text) + "</dd>\n";
    }

    void carbon() {
        const carbon_model& c = r_.context.carbon;
        out_ += "<h2>Carbon assumptions</h2>\n";
        if (c.grid.assumed)
            out_ +=
                "<p><span class=\"mark estimated\">assumed</span> No place was named: this "
                "factor stands in. Set JOULERY_REGION or JOULERY_INTENSITY.</p>\n";
        out_ += "<dl>\n";
        entry("emissions", shown_.is_known() ? with_quality_prefix(to_text(r_.co2e), r_.provenance)
                                             : not_measured_text);
        entry("grid factor", to_text(c.grid.intensity) + ", " + grid_text(c.grid));
        entry("source", c.grid.source);
        entry("PUE", plain_text(c.pue, "") + " (" + c.pue_source + ")");
        for (const carbon_note& note : carbon_notes(r_)) entry(note.label, note.text);
        out_ += "</dl>\n";
    }

    void run() {
        const run_context& c = r_.context;
        out_ += "<h2>The run and its measurement</h2>\n<dl>\n";
        entry("measuring cost", overhead_text(r_.overhead));
        entry("attribution", c.attribution);
        entry("clock", c.clock);
        entry("processor", c.cpu + (c.logical_cpus > 0 ? ", " + std::to_string(c.logical_cpus) +
                                                             " hardware threads"
                                                       : std::string()));
        entry("hardware", c.hardware);
        entry("system", c.os);
        entry("run id", c.run_id);
        out_ += "</dl>\n";
    }

    const shown_report shown_;
    const report& r_;
    const scope_tree tree_;
    const column_units units_;
    const std::vector<component> parts_;
    const bool thread_time_;
    std::string out_;
};

}  // namespace detail

JOULERY_DECL std::string to_html(const report& r) { return detail::html_writer(r).write(); }

}  // namespace v1
}  // namespace joulery

#endif
