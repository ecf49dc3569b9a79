// technical_documentation.hpp - an energy section for the EU AI Act's Annex XI.
// SPDX-License-Identifier: MIT
#pragma once

#include "joulery/detail/core/config.hpp"
#include "joulery/report.hpp"

#include <string>

namespace joulery {
inline namespace v1 {

/// Facts that only the provider of the model knows.
struct documentation_facts {
    std::string model;
    std::string training_flop;  ///< "3.1e22 FLOP, estimated as 6 x parameters x tokens"
};

/// Known energy consumption for Annex XI, section 1, point 2 (e) (Regulation (EU) 2024/1689), as
/// Markdown: training energy in MWh, how it was obtained, and what was measured, estimated,
/// assumed.
///
/// Thread: any. Cost: some strings. Fails: never.
///
///     std::cout << to_technical_documentation(joulery::snapshot(), {"my-model", "3.1e22 FLOP"});
[[nodiscard]] JOULERY_DECL std::string to_technical_documentation(
    const report& r, const documentation_facts& facts = {});

/// The same without the provider's facts: a file `run.annex.md` to be filled in.
[[nodiscard]] JOULERY_DECL std::string to_annex(const report& r);

}  // namespace v1
}  // namespace joulery

#ifdef JOULERY_IMPLEMENTATION

#include "joulery/accounting/footprint.hpp"
#include "joulery/accounting/report_carbon.hpp"
#include "joulery/detail/carbon/format_significant.hpp"
#include "joulery/detail/core/concat.hpp"
#include "joulery/detail/core/unit_text.hpp"
#include "joulery/detail/core/utf8.hpp"
#include "joulery/detail/report/carbon_notes.hpp"
#include "joulery/detail/report/figures.hpp"

#include <vector>

namespace joulery {
inline namespace v1 {

JOULERY_DECL std::string to_technical_documentation(const report& r,
                                                    const documentation_facts& facts) {
    const footprint f = footprint_for(r);
    const statement s = statement_of(r);
    std::string out = "## Energy consumption (EU AI Act, Annex XI, section 1, point 2 (e))\n\n";
    const auto item = [&](const char* name, const std::string& text) {
        append(out, {"- ", name, ": ", escape_control(text), "\n"});
    };
    const auto stated = [](const std::string& text) { return text.empty() ? "N/A" : text; };
    item("model", stated(facts.model));
    item("run", r.context.run_name + (r.context.run_name.empty() ? "" : ", ") + r.context.run_id);
    item("started", r.context.started.to_iso8601());
    item("duration", concat({format_significant(r.context.duration.count() / 3600, 4), " h (",
                             to_text(r.context.duration), ")"}));
    item("computation used for training", stated(facts.training_flop));
    const bool known = knows_energy(r);
    const auto megawatt_hours = [&](energy e) {
        return known ? concat({format_significant(e.kilowatt_hours() / 1e3, 4), " MWh (",
                               to_text(e), ")"})
                     : std::string(not_measured_text);
    };
    const auto tonnes = [&](emissions m) {
        return known ? concat({format_significant(m.kilograms() / 1e3, 4), " t CO2e (",
                               mass_text(m), ")"})
                     : std::string(not_measured_text);
    };
    item("energy of the machine",
         megawatt_hours(f.it) + (known ? concat({", ", to_text(r.provenance)}) : ""));
    item("energy with the data center's overhead", megawatt_hours(f.facility));
    item("hardware", stated(hardware_of(r.context)));
    item("greenhouse gases, location-based", tonnes(f.location));
    if (f.market) item("greenhouse gases, market-based", tonnes(*f.market));
    item("method", concat({r.context.library, ", attribution ", r.context.attribution}));
    const auto list = [&](const char* title, const std::vector<std::string>& lines) {
        append(out, {"\n", title, "\n\n"});
        for (const std::string& line : lines) append(out, {"- ", escape_control(line), "\n"});
        if (lines.empty()) out += "- nothing\n";
    };
    list("Measured", s.measured);
    list("Estimated", s.estimated);
    list("Assumed", s.assumed);
    list("Factors", f.factors);
    return out;
}

JOULERY_DECL std::string to_annex(const report& r) { return to_technical_documentation(r); }

}  // namespace v1
}  // namespace joulery

#endif
