// prometheus.hpp - a report as metrics, for a program's own endpoint or a textfile collector.
// SPDX-License-Identifier: MIT
#pragma once

#include "joulery/detail/core/config.hpp"
#include "joulery/report.hpp"

#include <cstddef>
#include <string>

namespace joulery {
inline namespace v1 {

/// How metrics are written.
struct prometheus_options {
    std::size_t max_scopes = 200;  ///< scopes with their own series; the rest is summed
    bool open_metrics = false;     ///< OpenMetrics 1.0 instead of the text format 0.0.4
};

/// The report as Prometheus metrics in base units (joules, seconds, grams); counters end in
/// `_total`. Every series has the labels `run`, `process` (a number) and `host`, so that files of
/// several programs don't collide in a node exporter; labels never change during a run. The first
/// `max_scopes` scopes of the report have their own series; the others are summed.
///
/// Quality is a metric: `joulery_quality` (0 measured, 1 derived, 2 estimated, 3 partial) and
/// `joulery_channel_quality`. If percentiles of calls are known, `joulery_scope_call_seconds` and
/// `joulery_scope_call_joules` are summaries with `quantile` 0.5, 0.9 and 0.99.
///
/// Fails:  never; labels are escaped. Files are replaced atomically, as the collector needs it.
///
///     server.Get("/metrics", [](auto&, auto& answer) {
///         answer.set_content(to_prometheus(joulery::snapshot()), "text/plain; version=0.0.4"); });
[[nodiscard]] JOULERY_DECL std::string to_prometheus(const report& r, const prometheus_options& o);

[[nodiscard]] JOULERY_DECL std::string to_prometheus(const report& r);

}  // namespace v1
}  // namespace joulery

#ifdef JOULERY_IMPLEMENTATION

#include "joulery/detail/core/concat.hpp"
#include "joulery/detail/core/finite.hpp"
#include "joulery/detail/core/list.hpp"
#include "joulery/detail/core/number_text.hpp"
#include "joulery/detail/core/utf8.hpp"
#include "joulery/detail/report/figures.hpp"

#include <algorithm>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

namespace joulery {
inline namespace v1 {

namespace detail {

using metric_labels = list<std::pair<std::string_view, std::string>>;

/// Appends metric families and their samples.
class metric_writer {
 public:
    metric_writer(const report& r, const prometheus_options& o) : r_(r), options_(o) {}

    std::string write() {
        labels_ = {{"run", r_.context.run_name},
                   {"process", process_of(r_.context)},
                   {"host", r_.context.host}};
        info();
        one("joulery_energy_joules", "Energy of the machine during the run.", r_.total.joules());
        one("joulery_unscoped_energy_joules", "Energy outside all scopes.", r_.unscoped.joules());
        one("joulery_emissions_grams", "CO2 equivalent of the energy.", r_.co2e.grams());
        gauge("joulery_quality",
              "How the energy was obtained: 0 measured, 1 derived, 2 estimated, 3 partial.",
              static_cast<double>(r_.provenance));
        gauge("joulery_run_duration_seconds", "Length of the run.", r_.context.duration.count());
        gauge("joulery_overhead_ratio", "Share of the run spent measuring.",
              r_.overhead.share_of_wall);
        gauge("joulery_carbon_intensity_grams_per_kwh", "Grid factor used, CO2 equivalent.",
              r_.context.carbon.grid.intensity.grams_per_kwh());
        gauge("joulery_warnings", "Warnings in the report.",
              static_cast<double>(r_.warnings.size()));
        channels();
        scopes();
        if (options_.open_metrics) out_ += "# EOF\n";
        return std::move(out_);
    }

 private:
    // OpenMetrics names the family without "_total"; the older format with it.
    void family(std::string_view name, std::string_view type, std::string_view help) {
        const bool suffix = type == "counter" && !options_.open_metrics;
        const std::string full = concat({name, (suffix ? "_total" : "")});
        append(out_, {"# HELP ", full, " ", help, "\n# TYPE ", full, " ", type, "\n"});
        counter_ = type == "counter";
    }

    void sample(std::string_view name, const metric_labels& own, double value) {
        out_.append(name).append(counter_ ? "_total" : "");
        const char* separator = "{";
        for (const metric_labels* labels : {&std::as_const(labels_), &own})
            for (const auto& [key, text] : *labels) {
                out_.append(separator).append(key).append("=\"");
                escape(text);
                out_ += '"';
                separator = ",";
            }
        out_ += "} ";
        number(value);
        out_ += '\n';
    }

    void escape(std::string_view text) {
        for (const char c : escape_control(text)) {
            if (c == '\\' || c == '"') out_ += '\\';
            out_ += c;
        }
    }

    void number(double x) {
        if (is_finite(x)) {
            append_number(out_, x);
        } else {
            out_ += is_nan(x) ? "NaN" : (x > 0 ? "+Inf" : "-Inf");
        }
    }

    void one(std::string_view name, std::string_view help, double value) {
        family(name, "counter", help);
        sample(name, {}, value);
    }
    void gauge(std::string_view name, std::string_view help, double value) {
        family(name, "gauge", help);
        sample(name, {}, value);
    }

    void info() {
        const run_context& c = r_.context;
        family("joulery_run_info", "gauge", "Conditions of the run; always 1.");
        sample("joulery_run_info",
               {{"cpu", c.cpu},
                {"hardware", c.hardware},
                {"os", c.os},
                {"library", c.library},
                {"attribution", c.attribution},
                {"grid", c.carbon.grid.place},
                {"grid_assumed", c.carbon.grid.assumed ? "true" : "false"}},
               1);
    }

    // Two backends that read one counter give their channels one id, and the total has the first.
    [[nodiscard]] list<const channel_row*> channels_by_id() const {
        list<const channel_row*> rows;
        std::unordered_map<std::string, std::size_t> known;
        for (const channel_row& c : r_.channels)
            if (known.emplace(escape_control(c.id), rows.size()).second) rows.push_back(&c);
        return rows;
    }

    void channels() {
        const list<const channel_row*> rows = channels_by_id();
        family("joulery_channel_energy_joules", "counter",
               "Energy by channel; channels with joulery_channel_summed 1 add up to the total.");
        for (const channel_row* c : rows)
            sample("joulery_channel_energy_joules",
                   {{"channel", c->id},
                    {"part", std::string(to_text(c->part))},
                    {"backend", c->backend}},
                   c->total.joules());
        const auto gauges = [&](std::string_view name, std::string_view help, auto value) {
            family(name, "gauge", help);
            for (const channel_row* c : rows) sample(name, {{"channel", c->id}}, value(*c));
        };
        gauges("joulery_channel_summed", "1: the channel is part of the total.",
               [](const channel_row& c) { return c.summed ? 1.0 : 0.0; });
        gauges("joulery_channel_quality",
               "0 measured, 1 derived, 2 estimated, 3 partial: something is missing.",
               [](const channel_row& c) { return static_cast<double>(c.provenance); });
    }

    // "machine/process/meter/start", the form of a run's id; "" for a merged report.
    static std::string process_of(const run_context& c) {
        const std::string_view id = c.run_id;
        const std::string head = c.machine + '/';
        if (id.substr(0, head.size()) != head) return {};
        const std::string_view rest = id.substr(head.size());
        return std::string(rest.substr(0, rest.find('/')));
    }

    // Scope "b" inside "a" and scope "a/b" are two rows with one path; a file with a duplicate
    // series is rejected as a whole.
    [[nodiscard]] std::vector<scope_row> by_path() const {
        std::vector<scope_row> rows;
        std::unordered_map<std::string, std::size_t> known;
        for (const scope_row& row : r_.scopes) {
            const auto [at, fresh] = known.emplace(escape_control(row.path), rows.size());
            if (fresh) {
                rows.push_back(row);
                continue;
            }
            scope_row& sum = rows[at->second];
            sum.calls += row.calls;
            if (sum.busy_time || row.busy_time)
                sum.busy_time = busy_time_of(sum) + busy_time_of(row);
            sum.time += row.time;
            if (row.call_method == "tasks") sum.call_method = row.call_method;
            sum.call_times.merge(row.call_times);
            sum.call_energies.merge(row.call_energies);
            sum.total += row.total;
            sum.self += row.self;
            sum.items += row.items;
            sum.provenance = worse_of(sum.provenance, row.provenance);
            set_percentiles(sum);
        }
        return rows;
    }

    // The first scopes have their own series, so that a scope keeps its series during the run; the
    // rest is summed in one.
    void scopes() {
        const std::vector<scope_row> single = by_path();
        list<const scope_row*> rows;
        for (const scope_row& row : single) rows.push_back(&row);
        scope_row others;
        others.path = "(others)";
        gauge("joulery_scopes_without_series", "Scopes summed in scope=\"(others)\".",
              static_cast<double>(rows.size() - std::min(rows.size(), options_.max_scopes)));
        for (std::size_t i = options_.max_scopes; i < rows.size(); ++i) {
            others.self += rows[i]->self;
            others.calls += rows[i]->calls;
            others.provenance = worse_of(others.provenance, rows[i]->provenance);
        }
        others.total = others.self;
        if (rows.size() > options_.max_scopes) {
            rows.resize(options_.max_scopes);
            rows.push_back(&others);
        }
        each(rows, "joulery_scope_energy_joules", "Energy inside a scope, including its children.",
             [](const scope_row& s) { return s.total.joules(); });
        each(rows, "joulery_scope_self_energy_joules", "Energy inside a scope, without children.",
             [](const scope_row& s) { return s.self.joules(); });
        each(rows, "joulery_scope_calls", "Times a scope was entered.",
             [](const scope_row& s) { return static_cast<double>(s.calls); });
        each(rows, "joulery_scope_time_seconds", "Time inside a scope, summed over threads.",
             [](const scope_row& s) { return s.time.count(); });
        each(rows, "joulery_scope_busy_seconds", "Time that threads worked for a scope.",
             [](const scope_row& s) { return busy_time_of(s).count(); });
        each(rows, "joulery_scope_items", "Items processed inside a scope.",
             [](const scope_row& s) { return s.items; });
        summary(
            rows, "joulery_scope_call_seconds", "Time of single calls.",
            [](const scope_row& s) { return s.call_times; },
            [](const scope_row& s) { return s.call_time; }, [](seconds t) { return t.count(); });
        summary(
            rows, "joulery_scope_call_joules", "Energy of single calls.",
            [](const scope_row& s) { return energies_of_calls(s); },
            [](const scope_row& s) { return s.call_energy; }, [](energy e) { return e.joules(); });
    }

    template <class Calls, class Percentiles, class Number>
    void summary(const list<const scope_row*>& rows, std::string_view name, std::string_view help,
                 Calls calls, Percentiles percentiles, Number number_of) {
        family(name, "summary", help);
        for (const scope_row* row : rows) {
            const auto p = percentiles(*row);
            if (!(number_of(p.max) > 0)) continue;
            sample(name, {{"scope", row->path}, {"quantile", "0.5"}}, number_of(p.p50));
            sample(name, {{"scope", row->path}, {"quantile", "0.9"}}, number_of(p.p90));
            sample(name, {{"scope", row->path}, {"quantile", "0.99"}}, number_of(p.p99));
            sample(concat({name, "_count"}), {{"scope", row->path}},
                   static_cast<double>(calls(*row).count()));
        }
    }

    template <class Value>
    void each(const list<const scope_row*>& rows, std::string_view name, std::string_view help,
              Value value) {
        family(name, "counter", help);
        for (const scope_row* row : rows) sample(name, {{"scope", row->path}}, value(*row));
    }

    const report& r_;
    const prometheus_options& options_;
    metric_labels labels_;
    std::string out_;
    bool counter_ = false;
};

}  // namespace detail

JOULERY_DECL std::string to_prometheus(const report& r, const prometheus_options& o) {
    const shown_report shown(r);
    return detail::metric_writer(*shown, o).write();
}

JOULERY_DECL std::string to_prometheus(const report& r) {
    return to_prometheus(r, prometheus_options{});
}

}  // namespace v1
}  // namespace joulery

#endif
