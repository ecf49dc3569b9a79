// ledger.hpp - a file to which every run appends one line, and that line.
// SPDX-License-Identifier: MIT
#pragma once

#include "joulery/detail/core/config.hpp"
#include "joulery/report.hpp"
#include "joulery/result.hpp"

#include <cstddef>
#include <string>
#include <string_view>

namespace joulery {
inline namespace v1 {

/// The purpose of a run; the ledger sums by these.
struct ledger_tag {
    std::string model;  ///< "bert-base"; may be empty
    std::string phase;  ///< "training", "inference", or a word of your own
    std::string scope;  ///< count this scope only; empty: the whole run
};

/// A run's totals and where its factors come from. One line of JSON in the ledger.
struct ledger_entry {
    std::string run_id, run_name, model, phase, scope, machine;
    wall_time started;
    seconds duration{0};
    energy it, facility;
    emissions co2e;      ///< operational, location-based
    emissions market;    ///< by contract; valid if `market_source` is not empty
    emissions embodied;  ///< share of the hardware's embodied emissions
    double water_liters = 0;
    double items = 0;
    std::string item_name;
    double pue = 1;
    carbon_intensity intensity;  ///< mean, by energy
    std::string place, source, pue_source, market_source, embodied_source, water_source;
    std::string provenance, library;
    int year = 0;

    /// "2026-11"
    [[nodiscard]] std::string month() const { return started.to_iso8601().substr(0, 7); }
};

/// Makes an entry from a report, or from one scope in it.
///
/// Thread: any. Cost: linear in the rows. Fails: if the report has no scope `tag.scope`.
///
///     auto e = make_ledger_entry(joulery::snapshot(), {"bert-base", "training", ""});
///     if (e) append_to_ledger("energy.jsonl", *e);
[[nodiscard]] JOULERY_DECL result<ledger_entry> make_ledger_entry(const report& r,
                                                                  const ledger_tag& tag);

inline constexpr std::string_view ledger_schema = "joulery-ledger";
inline constexpr int ledger_schema_version = 1;

/// One line of JSON, without the line end.
///
/// Thread: any. Cost: a string. Fails: never; not-a-number becomes null.
[[nodiscard]] JOULERY_DECL std::string to_json_line(const ledger_entry& e);

/// Parses a ledger line. Missing members keep their defaults, unknown ones are ignored. Fails for a
/// truncated line, for other or newer formats, and for members of the wrong type.
[[nodiscard]] JOULERY_DECL result<ledger_entry> parse_ledger_line(std::string_view line);

/// Appends one line to a ledger, creating the file if needed. Existing content never changes: a
/// line that an earlier writer left unfinished is terminated, and readers skip it.
///
/// Thread: any thread, any process; writers wait for each other (flock), ten seconds at most.
/// Fails:  the reason names the file and the system's error; symlinks and special files are
///         refused. A full disk may leave an unfinished line, which the next writer terminates.
///
///     if (auto done = append_to_ledger("energy.jsonl", *entry); !done) complain(done.error());
JOULERY_DECL result<std::size_t> append_to_ledger(const std::string& path,
                                                  const ledger_entry& entry);

}  // namespace v1
}  // namespace joulery

#ifdef JOULERY_IMPLEMENTATION
#include "joulery/accounting/report_carbon.hpp"
#include "joulery/detail/core/concat.hpp"
#include "joulery/detail/core/json.hpp"
#include "joulery/detail/core/shared_file.hpp"
#include "joulery/detail/core/system_root.hpp"
#include "joulery/report_io.hpp"

#include <cerrno>
#include <utility>

namespace joulery {
inline namespace v1 {

JOULERY_DECL result<ledger_entry> make_ledger_entry(const report& r, const ledger_tag& tag) {
    const scope_row* row = tag.scope.empty() ? nullptr : r.find(tag.scope);
    if (!row && !tag.scope.empty())
        return failure{concat({"the report has no scope '", tag.scope, "'"}),
                       "name an existing scope"};
    const run_context& c = r.context;
    const carbon_model& m = c.carbon;
    ledger_entry e;
    e.run_id = c.run_id;
    e.run_name = c.run_name;
    e.model = tag.model;
    e.phase = tag.phase;
    e.scope = tag.scope;
    e.machine = c.machine;
    e.started = c.started;
    e.duration = row ? seconds(row->time) : c.duration;
    e.it = row ? row->total : r.total;
    e.facility = m.facility(e.it);
    e.co2e = row ? row->co2e : r.co2e;
    if (const auto market = m.market_based(e.it)) {
        e.market = *market;
        e.market_source = m.market->source;
    }
    e.embodied = row ? embodied_for(r, *row) : m.embodied.of(c.duration);
    e.embodied_source = m.embodied.source;
    e.water_liters = m.water.liters(e.it, m.pue);
    e.water_source = m.water.site_source;
    if (!m.water.site_source.empty() && !m.water.off_site_source.empty()) e.water_source += "; ";
    e.water_source += m.water.off_site_source;
    e.items = row ? row->items : 0;
    e.item_name = row ? row->item_name : "";
    e.pue = m.pue;
    e.intensity = e.facility.joules() > 0 ? e.co2e / e.facility : m.grid.intensity;
    e.place = m.grid.place;
    e.source = m.grid.source;
    e.year = m.grid.year;
    e.pue_source = m.pue_source;
    e.provenance = std::string(to_text(row ? row->provenance : r.provenance));
    e.library = c.library;
    return e;
}

namespace detail {

/// `f(name, member)` for every field of an entry, in the order of the line.
template <class Entry, class F>
void visit_ledger(Entry& e, F&& f) {
    f("run_id", e.run_id);
    f("run_name", e.run_name);
    f("model", e.model);
    f("phase", e.phase);
    f("scope", e.scope);
    f("machine", e.machine);
    f("started_unix_s", e.started);
    f("duration_s", e.duration);
    f("it_j", e.it);
    f("facility_j", e.facility);
    f("co2e_g", e.co2e);
    f("market_co2e_g", e.market);
    f("embodied_g", e.embodied);
    f("water_l", e.water_liters);
    f("items", e.items);
    f("item_name", e.item_name);
    f("pue", e.pue);
    f("intensity_g_per_kwh", e.intensity);
    f("place", e.place);
    f("year", e.year);
    f("source", e.source);
    f("pue_source", e.pue_source);
    f("market_source", e.market_source);
    f("embodied_source", e.embodied_source);
    f("water_source", e.water_source);
    f("quality", e.provenance);
    f("library", e.library);
}

/// Reads the members of a line; false if one has the wrong type.
struct ledger_line_reader {
    const json_value& line;
    bool fits = true;

    const json_value* get(const char* name, json_value::type type) {
        const json_value* v = line.find(name);
        if (v && v->kind != type) fits = false;
        return v && v->kind == type ? v : nullptr;
    }
    void operator()(const char* name, std::string& to) {
        if (const auto* v = get(name, json_value::type::string)) to = v->text;
    }
    void operator()(const char* name, double& to) {
        const auto* v = get(name, json_value::type::number);
        if (v && !parse_number(v->text, to)) fits = false;
    }
    void operator()(const char* name, int& to) {
        double x = to;
        (*this)(name, x);
        to = x > -1e9 && x < 1e9 ? static_cast<int>(x) : 0;
    }
    template <class T, class Make>
    void make(const char* name, T& to, Make from) {
        double x = 0;
        (*this)(name, x);
        to = from(x);
    }
    void operator()(const char* name, energy& to) { make(name, to, energy::from_joules); }
    void operator()(const char* name, emissions& to) { make(name, to, emissions::from_grams); }
    void operator()(const char* name, wall_time& to) {
        make(name, to, wall_time::from_unix_seconds);
    }
    void operator()(const char* name, seconds& to) {
        make(name, to, [](double s) { return seconds(s); });
    }
    void operator()(const char* name, carbon_intensity& to) {
        make(name, to, carbon_intensity::from_grams_per_kwh);
    }
};

}  // namespace detail

JOULERY_DECL std::string to_json_line(const ledger_entry& e) {
    std::string out = "{\"schema\":";
    append_json_string(out, ledger_schema);
    append(out, {",\"schema_version\":", ledger_schema_version});
    detail::visit_ledger(e, [&](const char* name, const auto& value) {
        out.append(",\"").append(name).append("\":");
        detail::put_json(out, value, 0);
    });
    return concat({out, "}"});
}

JOULERY_DECL result<ledger_entry> parse_ledger_line(std::string_view line) {
    const auto parsed = parse_json(line);
    if (!parsed) return parsed.error();
    const json_value* schema = parsed->find("schema");
    if (!schema || schema->text != ledger_schema)
        return failure{"not a line of a ledger: \"schema\" is not \"joulery-ledger\"",
                       "check that this is a ledger"};
    const json_value* version = parsed->find("schema_version");
    double number = 0;
    if (version == nullptr || !parse_number(version->text, number) || number < 1)
        return failure{"\"schema_version\" is missing or not a number", "check who wrote the line"};
    if (number > ledger_schema_version)
        return failure{concat({"written by a newer joulery (ledger version ", version->text,
                               ", this one knows ", ledger_schema_version, ")"}),
                       "use a newer joulery"};
    ledger_entry e;
    detail::ledger_line_reader reader{*parsed};
    detail::visit_ledger(e, reader);
    if (!reader.fits) return failure{"a member has another type", "check who wrote the line"};
    return e;
}

JOULERY_DECL result<std::size_t> append_to_ledger(const std::string& path,
                                                  const ledger_entry& entry) {
#if JOULERY_POSIX()
    std::string line = concat({to_json_line(entry), "\n"});
    detail::locked_file file(path);
    if (file.error() == 0 && file.torn()) line.insert(line.begin(), '\n');
    if (file.error() == 0) file.append(line);
    if (file.error() == 0) return line.size();
    std::string reason = error_text(file.error());
    std::string remedy = "name a file in a folder that exists and that you may write to";
    if (file.error() == ELOOP)
        reason = "it is a symlink", remedy = "name the file that it points to";
    if (file.error() == EINVAL) reason = "it is not a regular file", remedy = "name a file";
    if (file.error() == ETIMEDOUT) {
        reason = "another process keeps it locked";
        remedy = concat({"see which one: lsof ", path});
    }
    return failure{concat({"ledger ", path, " not written: ", reason}), remedy};
#else
    (void)entry;
    return failure{
        concat({"ledger ", path, " not written: no known kind of file lock on this system"}),
        "keep the run's report.json instead"};
#endif
}

}  // namespace v1
}  // namespace joulery

#endif  // JOULERY_IMPLEMENTATION
