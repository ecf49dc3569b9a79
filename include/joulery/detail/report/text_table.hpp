// text_table.hpp - a report for the terminal.
// SPDX-License-Identifier: MIT
#pragma once

#include "joulery/detail/core/concat.hpp"
#include "joulery/detail/core/list.hpp"
#include "joulery/detail/report/carbon_notes.hpp"
#include "joulery/detail/report/figures.hpp"
#include "joulery/detail/report/scope_tree.hpp"
#include "joulery/detail/report/shown_rows.hpp"
#include "joulery/detail/report/text_grid.hpp"
#include "joulery/report_io.hpp"

#include <algorithm>
#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace joulery {
inline namespace v1 {

namespace detail {

/// Writes the sections of a text report in order.
class text_writer {
 public:
    text_writer(const report& r, const text_options& o)
        : shown_(r),
          r_(*shown_),
          options_(o),
          width_(o.width > 0 ? o.width : terminal_width(1)),
          units_(r_),
          parts_(parts_of(r_)),
          thread_time_(is_thread_time(r_)) {}

    std::string write() {
        heading();
        scopes();
        single_calls();
        channels();
        updates();
        totals();
        carbon();
        labeled("measuring", concat({overhead_text(r_.overhead), "."}));
        for (const std::string& w : r_.warnings)
            labeled("warning", escape_control(w), text_style::warning);
        return std::move(out_);
    }

 private:
    void heading() {
        const run_context& c = r_.context;
        std::string line = c.library.empty() ? "joulery" : escape_control(c.library);
        const auto add = [&](const std::string& part) {
            if (!part.empty()) append(line, {", ", escape_control(part)});
        };
        add(c.run_name);
        add(c.host);
        add(hardware_of(c));
        if (c.logical_cpus > 0) add(concat({c.logical_cpus, " CPUs"}));
        if (c.started.unix_seconds() > 0) add(c.started.to_iso8601());
        if (r_.runs.size() > 1) add(concat({r_.runs.size(), " runs merged"}));
        add(to_text(c.duration));
        append_wrapped(out_, line, width_, 2);
        out_ += '\n';
    }

    [[nodiscard]] static std::string counted(double n) { return n > 0 ? count_text(n) : ""; }

    [[nodiscard]] list<text_grid::column> scope_columns() const {
        list<text_grid::column> columns{
            {"scope", 0},       {"calls", 4},    {thread_time_ ? "thread time" : "time", 6},
            {"busy", 2},        {"energy", 99},  {"idle", 2},
            {"active", 2},      {"power", 2},    {"per item", 5},
            {"CO2e", 3},        {"\xC2\xB1", 7}, {"quality", 98, true},
            {"method", 1, true}};
        const int worth = options_.by_part ? 8 : 5;
        std::size_t at = 5;
        for (const component part : parts_)
            columns.insert(columns.begin() + static_cast<std::ptrdiff_t>(at++),
                           {std::string(part_title(part)), worth});
        return columns;
    }

    // A line of the table; the joules by kind of part stand behind the whole energy.
    struct table_line {
        std::string name, calls, time, busy, total;
        std::vector<std::string> parts;
        std::string idle, active, power, per_item, co2e, uncertainty, quality, method;
    };
    void add(text_grid& grid, table_line l, text_style style = text_style::plain) const {
        std::vector<std::string> cells{std::move(l.name), std::move(l.calls), std::move(l.time),
                                       std::move(l.busy), std::move(l.total)};
        l.parts.resize(parts_.size());
        for (std::string& text : l.parts) cells.push_back(std::move(text));
        for (std::string* text : {&l.idle, &l.active, &l.power, &l.per_item, &l.co2e,
                                  &l.uncertainty, &l.quality, &l.method})
            cells.push_back(std::move(*text));
        grid.add(std::move(cells), style);
    }
    template <class EnergyOf>
    [[nodiscard]] std::vector<std::string> part_cells(quality q, EnergyOf energy_of) const {
        std::vector<std::string> out;
        for (const component part : parts_)
            out.push_back(with_quality_prefix(units_.text(energy_of(part)), q));
        return out;
    }

    void scopes() {
        text_grid grid(scope_columns());
        const scope_tree tree(r_);
        std::size_t shown = 0;
        for (const shown_row& row : shown_rows(r_, tree, options_.max_rows)) {
            if (row.scope != scope_tree::none) ++shown;
            add_row(grid, row);
        }
        add_sums(grid);
        out_ += grid.render(width_, options_.color);
        if (shown < r_.scopes.size())
            append_wrapped(
                out_,
                concat({"(", r_.scopes.size() - shown, " of ", r_.scopes.size(),
                        " scopes not shown, only the most expensive are; to see all: a report in "
                        ".html or .csv, or report --all of one in .json)"}),
                width_, 1);
        if (thread_time_) append_wrapped(out_, thread_time_note, width_, 0);
        out_ += '\n';
    }

    void add_row(text_grid& grid, const shown_row& shown) const {
        table_line l;
        const quality q = shown.provenance;
        l.name = std::string(2 * shown.level, ' ');
        if (shown.scope == scope_tree::none) {
            l.name += left_out_text(shown);
            l.total = with_quality_prefix(units_.text(shown.total), q);
            l.co2e = with_quality_prefix(units_.text(shown.co2e), q);
            l.quality = quality_text(shown.total, q);
            return add(grid, std::move(l), text_style::dim);
        }
        const scope_row& row = r_.scopes[shown.scope];
        l.name += escape_control(row.name);
        l.calls = counted(static_cast<double>(row.calls));
        l.time = to_text(row.time);
        if (row.busy_time) l.busy = to_text(*row.busy_time);
        l.total = with_quality_prefix(units_.text(row.total), q);
        l.parts = part_cells(q, [&](component part) { return energy_of_part(r_, row, part); });
        if (row.idle) {
            l.idle = with_quality_prefix(units_.text(*row.idle), q);
            l.active = with_quality_prefix(units_.text(row.total - *row.idle), q);
        }
        l.power = power_text(row);
        l.per_item = per_item_text(row);
        l.co2e = with_quality_prefix(units_.text(row.co2e), q);
        l.uncertainty = uncertainty_text(row);
        l.quality = quality_text(row.total, q);
        l.method = escape_control(method_text(row));
        add(grid, std::move(l));
    }

    void add_sums(text_grid& grid) const {
        const quality q = r_.provenance;
        table_line outside;
        outside.name = "(outside)";
        outside.total = with_quality_prefix(units_.text(r_.unscoped), q);
        outside.parts = part_cells(
            q, [&](component part) { return energy_of_part(r_, part, &channel_row::unscoped); });
        outside.quality = quality_text(r_.unscoped, q);
        add(grid, std::move(outside));
        const self_cost& cost = r_.overhead;  // a part of what lies outside
        if (cost.joules.joules() > 0) {
            table_line measuring;
            measuring.name = "  measuring";
            measuring.time = to_text(cost.sampler + cost.edges);
            measuring.total = concat({"~", units_.text(cost.joules)});
            measuring.quality = "estimated";
            add(grid, std::move(measuring));
        }
        table_line total;
        total.name = "total";
        total.time = to_text(r_.context.duration);
        total.total = with_quality_prefix(units_.text(r_.total), q);
        total.parts = part_cells(q, [&](component part) { return energy_of_part(r_, part); });
        total.power = with_quality_prefix(to_text(r_.total / r_.context.duration), q);
        total.co2e = with_quality_prefix(units_.text(r_.co2e), q);
        total.quality = quality_text(r_.total, q);
        add(grid, std::move(total), text_style::bold);
    }

    // With fewer than 100 calls the 99th percentile is the maximum.
    void single_calls() {
        const std::vector<std::size_t> rows = rows_with_percentiles(r_, scope_tree(r_), 100, 12);
        if (rows.empty()) return;
        text_grid grid({{"single calls", 0},
                        {"time p50", 99},
                        {"p90", 2},
                        {"p99", 6},
                        {"max", 3},
                        {"energy p50", 98},
                        {"p90", 1},
                        {"p99", 7},
                        {"max", 4},
                        {"energy by", 5, true}});
        for (const std::size_t i : rows) {
            std::vector<std::string> cells{escape_control(r_.scopes[i].path)};
            for (percentile_cell& cell : percentile_cells(r_.scopes[i]))
                cells.push_back(std::move(cell.text));
            cells.push_back(escape_control(r_.scopes[i].call_method));
            grid.add(std::move(cells));
        }
        out_ += grid.render(width_, options_.color);
        out_ += '\n';
    }

    // Summed channels first, then the others with the reason.
    void channels() {
        if (r_.channels.empty()) {
            labeled("channels", "none: nothing was read or estimated.");
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
                    grid.add({escape_control(c.id),
                              with_quality_prefix(units_.text(c.total), c.provenance),
                              with_quality_prefix(units_.text(c.unscoped), c.provenance),
                              quality_text(c.total, c.provenance), escape_control(c.backend),
                              escape_control(c.state), summed ? "yes" : "no",
                              escape_control(c.exclusion_reason)},
                             summed ? text_style::plain : text_style::dim);
        out_ += grid.render(width_, options_.color);
        out_ += '\n';
    }

    // How often counters are updated, if known, which dates their joules. Estimates have no
    // updates.
    void updates() {
        std::string known, unknown;
        for (const channel_row& c : r_.channels) {
            if (c.kind != reading_kind::energy_counter || c.provenance == quality::estimated)
                continue;
            std::string& line = c.locked ? known : unknown;
            if (!line.empty()) line += c.locked ? "; " : ", ";
            line += escape_control(c.id);
            if (!c.locked) continue;
            append(line,
                   {" every ", to_text(c.observed_period), " \xC2\xB1 ", to_text(c.observed_jitter),
                    ", seen to ", to_text(c.timestamp_uncertainty)});
        }
        if (!known.empty()) labeled("updates", concat({known, "."}));
        if (!unknown.empty())
            labeled(known.empty() ? "updates" : "",
                    concat({"not observed for ", unknown,
                            ": their times are uncertain by half an update."}));
    }

    void totals() {
        if (!shown_.is_known()) {
            labeled("machine", concat({not_measured_text, " in ", to_text(r_.context.duration),
                                       ": no counter could be read and there was no estimate."}));
            return;
        }
        std::string line = with_quality_prefix(text_in_both(r_.total), r_.provenance);
        append(line, {" in ", to_text(r_.context.duration), ", ", to_text(r_.provenance)});
        if (r_.total.joules() > 0)
            append(line, {"; outside all scopes ",
                          with_quality_prefix(to_text(r_.unscoped), r_.provenance), " (",
                          percent_text(r_.unscoped / r_.total), ")"});
        labeled("machine", concat({line, "."}));
        const bool any_measured = any_in(r_.channels, [](const channel_row& c) {
            return c.summed && c.provenance != quality::estimated;
        });
        if (r_.provenance == quality::estimated)
            labeled("", any_measured
                            ? "~ marks estimates: part of the energy comes from a model."
                            : "~ marks estimates: no counter was readable, so a model is used.");
    }

    void carbon() {
        const carbon_model& c = r_.context.carbon;
        const std::string mass = shown_.is_known()
                                     ? with_quality_prefix(to_text(r_.co2e), r_.provenance)
                                     : not_measured_text;
        labeled("CO2e",
                concat({mass, " at ", to_text(c.grid.intensity), " (", grid_text(c.grid),
                        "; source: ", escape_control(c.grid.source), "), PUE ",
                        detail::plain_text(c.pue, ""), " (", escape_control(c.pue_source), ")."}));
        if (c.grid.assumed)
            labeled("", "ASSUMED: no place was stated. Set JOULERY_REGION or JOULERY_INTENSITY.",
                    text_style::warning);
        for (const carbon_note& note : carbon_notes(r_))
            labeled(note.label, escape_control(note.text));
    }

    void labeled(std::string_view label, const std::string& text,
                 text_style style = text_style::plain) {
        std::string line(label);
        line.resize(std::max(line.size(), label_width - 2), ' ');
        std::string wrapped;
        append_wrapped(wrapped, text, width_ > label_width ? width_ - label_width : 1, 0);
        std::string block;
        for (const char ch : wrapped) {
            block += ch;
            if (ch == '\n') block.append(label_width, ' ');
        }
        block.erase(block.find_last_not_of(" \n") + 1);
        append_styled(out_, concat({line, "  ", block}), style, options_.color);
        out_ += '\n';
    }

    static constexpr std::size_t label_width = 11;
    const shown_report shown_;
    const report& r_;
    const text_options& options_;
    const std::size_t width_;
    const column_units units_;
    const list<component> parts_;
    const bool thread_time_;
    std::string out_;
};

}  // namespace detail

JOULERY_DECL std::string to_text(const report& r, const text_options& o) {
    return detail::text_writer(r, o).write();
}

JOULERY_DECL std::string to_text(const report& r) { return to_text(r, text_options{}); }

}  // namespace v1
}  // namespace joulery
