// text_table.hpp - a report for the terminal.
// SPDX-License-Identifier: MIT
#pragma once

#include "joulery/detail/report/carbon_notes.hpp"
#include "joulery/detail/report/figures.hpp"
#include "joulery/detail/report/scope_tree.hpp"
#include "joulery/detail/report/text_grid.hpp"
#include "joulery/report_io.hpp"

#include <algorithm>
#include <string_view>
#include <utility>

namespace joulery {
inline namespace v1 {

namespace detail {

/// Writes the sections of a text report one after another.
class text_writer {
 public:
    text_writer(const report& r, const text_options& o) : r_(r), options_(o) {}

    std::string write() {
        heading();
        scopes();
        channels();
        ticks();
        totals();
        carbon();
        labelled("measuring", overhead_text(r_.overhead) + ".");
        for (const std::string& w : r_.warnings)
            labelled("warning", escape_control(w), text_style::warning);
        return std::move(out_);
    }

 private:
    void heading() {
        const run_context& c = r_.context;
        std::string line = c.library.empty() ? "joulery" : escape_control(c.library);
        const auto add = [&](const std::string& part) {
            if (!part.empty()) line += ", " + escape_control(part);
        };
        add(c.run_name);
        add(c.host);
        add(hardware_of(c));
        if (c.logical_cpus > 0) add(std::to_string(c.logical_cpus) + " CPUs");
        if (c.started.unix_seconds() > 0) add(c.started.to_iso8601());
        if (r_.runs.size() > 1) add(std::to_string(r_.runs.size()) + " runs merged");
        add(to_text(c.duration));
        append_wrapped(out_, line, options_.width, 2);
        out_ += '\n';
    }

    [[nodiscard]] static std::string counted(double n) { return n > 0 ? count_text(n) : ""; }

    void scopes() {
        text_grid grid({{"scope", 0},
                        {"calls", 4},
                        {"time", 6},
                        {"busy", 2},
                        {"energy", 99},
                        {"idle", 2},
                        {"active", 2},
                        {"power", 2},
                        {"per item", 5},
                        {"CO2e", 3},
                        {"\xC2\xB1", 7},
                        {"quality", 98, true},
                        {"method", 1, true}});
        const scope_tree tree(r_);
        std::size_t left = options_.max_rows == 0 ? tree.order.size() : options_.max_rows;
        for (const std::size_t i : tree.order) {
            if (left-- == 0) break;
            add_row(grid, r_.scopes[i],
                    std::string(2 * tree.level[i], ' ') + escape_control(r_.scopes[i].name));
        }
        const quality q = r_.provenance;
        grid.add({"(outside)", "", "", "", with_quality_prefix(to_text(r_.unscoped), q), "", "", "",
                  "", "", "", std::string(to_text(q))});
        const self_cost& cost = r_.overhead;  // a part of what lies outside
        if (cost.joules.joules() > 0)
            grid.add({"  measuring", "", to_text(cost.sampler + cost.edges), "",
                      "~" + to_text(cost.joules), "", "", "", "", "", "", "estimated"});
        grid.add({"total", "", to_text(r_.context.duration), "",
                  with_quality_prefix(to_text(r_.total), q), "", "",
                  with_quality_prefix(to_text(r_.total / r_.context.duration), q), "",
                  with_quality_prefix(mass_text(r_.co2e), q), "", std::string(to_text(q))},
                 text_style::bold);
        out_ += grid.render(options_.width, options_.colour);
        if (options_.max_rows > 0 && tree.order.size() > options_.max_rows)
            out_ += "(" + std::to_string(tree.order.size() - options_.max_rows) + " of " +
                    std::to_string(tree.order.size()) + " scopes not shown)\n";
        out_ += '\n';
    }

    static void add_row(text_grid& grid, const scope_row& row, std::string name) {
        const quality q = row.provenance;
        const auto idle = [&](energy e) {
            return row.idle ? with_quality_prefix(to_text(e), q) : std::string();
        };
        const energy at_rest = row.idle.value_or(energy{});
        grid.add({std::move(name), counted(static_cast<double>(row.calls)), to_text(row.time),
                  row.busy_time ? to_text(*row.busy_time) : std::string(),
                  with_quality_prefix(to_text(row.total), q), idle(at_rest),
                  idle(row.total - at_rest), power_text(row), per_item_text(row),
                  with_quality_prefix(mass_text(row.co2e), q), uncertainty_text(row),
                  std::string(to_text(q)), escape_control(row.method)});
    }

    // What was summed first, then what was not, with why.
    void channels() {
        if (r_.channels.empty()) {
            labelled("channels", "none: nothing was read or estimated, so that 0 J says nothing.");
            return;
        }
        text_grid grid({{"channel", 0},
                        {"energy", 99},
                        {"unscoped", 2},
                        {"quality", 98, true},
                        {"backend", 3, true},
                        {"state", 4, true},
                        {"summed", 97, true},
                        {"because", 1, true}});
        for (const bool summed : {true, false})
            for (const channel_row& c : r_.channels)
                if (c.summed == summed)
                    grid.add(
                        {escape_control(c.id), with_quality_prefix(to_text(c.total), c.provenance),
                         with_quality_prefix(to_text(c.unscoped), c.provenance),
                         std::string(to_text(c.provenance)), escape_control(c.backend),
                         escape_control(c.state), summed ? "yes" : "no", escape_control(c.why_not)},
                        summed ? text_style::plain : text_style::dim);
        out_ += grid.render(options_.width, options_.colour);
        out_ += '\n';
    }

    // Which counters' ticks are known, and so when their joules are of. An estimate has none.
    void ticks() {
        std::string known, unknown;
        for (const channel_row& c : r_.channels) {
            if (c.kind != reading_kind::energy_counter || c.provenance == quality::estimated)
                continue;
            std::string& line = c.locked ? known : unknown;
            if (!line.empty()) line += c.locked ? "; " : ", ";
            line += escape_control(c.id);
            if (!c.locked) continue;
            line += " every " + to_text(c.tick_period) + " \xC2\xB1 " + to_text(c.tick_jitter) +
                    ", seen to " + to_text(c.tick_slack);
        }
        if (!known.empty()) labelled("ticks", known + ".");
        if (!unknown.empty())
            labelled(known.empty() ? "ticks" : "",
                     "not seen of " + unknown + ": dated to half an update, and so in doubt.");
    }

    void totals() {
        std::string line = with_quality_prefix(to_text(r_.total), r_.provenance);
        if (r_.total.joules() >= 1e3 && r_.total.joules() < energy::joules_per_kilowatt_hour)
            line += " (" + detail::si_text(r_.total.kilowatt_hours() * 1e3, "Wh") + ")";
        line += " in " + to_text(r_.context.duration) + ", " + std::string(to_text(r_.provenance));
        if (r_.total.joules() > 0)
            line += "; outside all scopes " +
                    with_quality_prefix(to_text(r_.unscoped), r_.provenance) + " (" +
                    percent_text(r_.unscoped / r_.total) + ")";
        labelled("machine", line + ".");
        const bool any_measured = std::any_of(
            r_.channels.begin(), r_.channels.end(),
            [](const channel_row& c) { return c.summed && c.provenance != quality::estimated; });
        if (r_.provenance == quality::estimated)
            labelled("", any_measured
                             ? "~ marks estimates: for a part of it a model stands in."
                             : "~ marks estimates: no counter was readable, a model stands in.");
    }

    void carbon() {
        const carbon_model& c = r_.context.carbon;
        labelled("CO2e", with_quality_prefix(to_text(r_.co2e), r_.provenance) + " at " +
                             to_text(c.grid.intensity) + " (" + grid_text(c.grid) +
                             "; source: " + escape_control(c.grid.source) + "), PUE " +
                             detail::plain_text(c.pue, "") + " (" + escape_control(c.pue_source) +
                             ").");
        if (c.grid.assumed)
            labelled("", "ASSUMED: no place was named. Set JOULERY_REGION or JOULERY_INTENSITY.",
                     text_style::warning);
        for (const carbon_note& note : carbon_notes(r_))
            labelled(note.label, escape_control(note.text));
    }

    void labelled(std::string_view label, const std::string& text,
                  text_style style = text_style::plain) {
        std::string line(label);
        line.resize(std::max(line.size(), label_width - 2), ' ');
        std::string wrapped;
        append_wrapped(wrapped, text,
                       options_.width > label_width ? options_.width - label_width : 1, 0);
        std::string block;
        for (const char ch : wrapped) {
            block += ch;
            if (ch == '\n') block.append(label_width, ' ');
        }
        block.erase(block.find_last_not_of(" \n") + 1);
        append_styled(out_, line + "  " + block, style, options_.colour);
        out_ += '\n';
    }

    static constexpr std::size_t label_width = 11;
    const report& r_;
    const text_options& options_;
    std::string out_;
};

}  // namespace detail

JOULERY_DECL std::string to_text(const report& r, const text_options& o) {
    return detail::text_writer(r, o).write();
}

JOULERY_DECL std::string to_text(const report& r) { return to_text(r, text_options{}); }

}  // namespace v1
}  // namespace joulery
