// sci_json.hpp - Software Carbon Intensity of a run's scopes as JSON.
// SPDX-License-Identifier: MIT
#pragma once

#include "joulery/detail/core/config.hpp"
#include "joulery/report.hpp"

#include <string>

namespace joulery {
inline namespace v1 {

/// A score (ISO/IEC 21031) for each scope that counted items, with everything that a conformant
/// statement needs and what is missing. The list is empty if no scope counted items.
///
/// Units:  in the member names: grams CO2e, kWh, g/kWh. Fails: never; what was not measured is
///         null.
///
///     write_report(r, "run.sci.json");
[[nodiscard]] JOULERY_DECL std::string to_sci_json(const report& r);

}  // namespace v1
}  // namespace joulery

#ifdef JOULERY_IMPLEMENTATION

#include "joulery/accounting/report_carbon.hpp"
#include "joulery/detail/core/concat.hpp"
#include "joulery/detail/core/json.hpp"
#include "joulery/detail/report/figures.hpp"

#include <string_view>

namespace joulery {
inline namespace v1 {

namespace detail {

/// Writes the members of an object, one per line.
class sci_object {
 public:
    sci_object(std::string& out, const char* indent) : out_(out), indent_(indent) { out_ += "{"; }
    sci_object& text(const char* name, std::string_view value) {
        key(name);
        append_json_string(out_, value);
        return *this;
    }
    sci_object& number(const char* name, double value) {
        key(name);
        append_json_number(out_, value);
        return *this;
    }
    sci_object& truth(const char* name, bool value) {
        key(name);
        out_ += value ? "true" : "false";
        return *this;
    }
    void key(const char* name) {
        out_.append(first_ ? "\n" : ",\n").append(indent_).append("  \"").append(name);
        out_ += "\": ";
        first_ = false;
    }
    void close() { out_.append("\n").append(indent_).append("}"); }

 private:
    std::string& out_;
    const char* indent_;
    bool first_ = true;
};

inline void append_score(std::string& out, const scope_row& row, const sci_result& s) {
    const sci_input& in = s.input;
    sci_object score(out, "    ");
    score.text("scope", row.path);
    score.text("functional_unit", in.unit).number("functional_units", in.units);
    score.number("sci_g_per_unit", s.per_unit.grams());
    score.number("operational_g", s.operational.grams());
    if (in.embodied_source.empty()) {
        score.key("embodied_g");
        out += "null";
    } else {
        score.number("embodied_g", s.embodied.grams());
    }
    score.text("embodied_source", in.embodied_source);
    score.number("it_energy_kwh", in.it.kilowatt_hours());
    score.number("energy_kwh", in.it.kilowatt_hours() * in.pue);
    score.number("pue", in.pue).text("pue_source", in.pue_source);
    score.number("intensity_g_per_kwh", in.grid.intensity.grams_per_kwh());
    score.text("intensity_place", in.grid.place).number("intensity_year", in.grid.year);
    score.text("intensity_boundary", in.grid.boundary);
    score.text("intensity_accounting", in.grid.accounting).text("intensity_kind", in.grid.kind);
    score.text("intensity_source", in.grid.source);
    score.text("software_boundary", in.boundary).text("calculation_method", in.method);
    score.truth("conformant", s.conformant());
    score.key("missing");
    out += '[';
    for (std::size_t i = 0; i < s.missing.size(); ++i) {
        if (i > 0) out += ", ";
        append_json_string(out, s.missing[i]);
    }
    out += ']';
    score.close();
}

}  // namespace detail

JOULERY_DECL std::string to_sci_json(const report& report_or_none) {
    const shown_report shown(report_or_none);
    const report& r = *shown;
    std::string out;
    detail::sci_object run(out, "");
    run.text("standard", "ISO/IEC 21031:2024").text("written_by", r.context.library);
    run.text("run_name", r.context.run_name).text("run_id", r.context.run_id);
    run.text("started", r.context.started.to_iso8601());
    run.number("duration_s", r.context.duration.count());
    run.text("host", r.context.host).text("hardware", hardware_of(r.context));
    run.key("scores");
    out += '[';
    bool first = true;
    for (const scope_row& row : r.scopes) {
        const auto score = sci_score(r, row);
        if (!score) continue;
        out += first ? "\n    " : ",\n    ";
        first = false;
        detail::append_score(out, row, *score);
    }
    out += first ? "]" : "\n  ]";
    run.close();
    return concat({out, "\n"});
}

}  // namespace v1
}  // namespace joulery

#endif
