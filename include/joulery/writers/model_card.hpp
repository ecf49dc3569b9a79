// model_card.hpp - co2_eq_emissions for a model card on the Hugging Face Hub.
// SPDX-License-Identifier: MIT
#pragma once

#include "joulery/detail/core/config.hpp"
#include "joulery/report.hpp"

#include <string>
#include <string_view>

namespace joulery {
inline namespace v1 {

/// The YAML block for a model card's metadata; emissions in grams, as the Hub expects. Without a
/// measurement there is no figure. `training_type` is "pre-training" or "fine-tuning". Comments
/// state what was measured, estimated and assumed.
///
/// Thread: any. Cost: some strings. Fails: never.
///
///     std::cout << "---\n" << to_model_card(joulery::snapshot(), "fine-tuning") << "---\n";
[[nodiscard]] JOULERY_DECL std::string to_model_card(const report& r,
                                                     std::string_view training_type);

/// The same without a training type: the field is omitted.
///
///     write_report(r, "run.card.yaml");
[[nodiscard]] JOULERY_DECL std::string to_model_card(const report& r);

}  // namespace v1
}  // namespace joulery

#ifdef JOULERY_IMPLEMENTATION

#include "joulery/detail/carbon/format_significant.hpp"
#include "joulery/detail/core/concat.hpp"
#include "joulery/detail/core/json.hpp"
#include "joulery/detail/report/carbon_notes.hpp"
#include "joulery/detail/report/figures.hpp"

#include <vector>

namespace joulery {
inline namespace v1 {

JOULERY_DECL std::string to_model_card(const report& r, std::string_view training_type) {
    const carbon_model& m = r.context.carbon;
    const bool known = knows_energy(r);
    std::string out = "co2_eq_emissions:";
    if (known) {
        out += "\n  emissions: ";
        append_number(out, r.co2e.grams());
    }
    const auto field = [&](const char* name, std::string_view text) {
        out.append("\n  ").append(name).append(": ");
        append_json_string(out, text);  // a JSON string is a YAML string
    };
    const std::string amount =
        known ? concat({format_significant(r.total.kilowatt_hours(), 4), " kWh of IT energy"})
              : concat({"energy ", not_measured_text});
    field("source", concat({r.context.library, ": ", amount, ", PUE ", format_significant(m.pue, 4),
                            ", ", to_text(m.grid)}));
    if (!training_type.empty()) field("training_type", training_type);
    field("geographical_location", m.grid.assumed ? "not stated" : m.grid.place);
    field("hardware_used", hardware_of(r.context));
    out += "\n";
    const statement s = statement_of(r);
    const auto comments = [&](const char* what, const std::vector<std::string>& lines) {
        for (const std::string& line : lines)
            append(out, {"  # ", what, escape_control(line), "\n"});
    };
    comments("measured: ", s.measured);
    comments("estimated: ", s.estimated);
    comments("assumed: ", s.assumed);
    return out;
}

JOULERY_DECL std::string to_model_card(const report& r) { return to_model_card(r, {}); }

}  // namespace v1
}  // namespace joulery

#endif
