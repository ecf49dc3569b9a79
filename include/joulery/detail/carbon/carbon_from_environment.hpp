// carbon_from_environment.hpp - JOULERY_REGION, JOULERY_INTENSITY and JOULERY_PUE.
// SPDX-License-Identifier: MIT
#pragma once

#include "joulery/carbon/carbon_for.hpp"
#include "joulery/carbon/carbon_model.hpp"
#include "joulery/detail/core/concat.hpp"
#include "joulery/detail/core/number_text.hpp"

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace joulery {
inline namespace v1 {

/// Applies the values of JOULERY_REGION, JOULERY_INTENSITY (g/kWh) and JOULERY_PUE to a model; an
/// empty string leaves things as they are. A stated intensity goes before a region's, a stated PUE
/// before a cloud region's own; with both, the region still gives place, PUE and water.
///
/// Returns: a warning for each value that can't be understood (named, with what is used instead
/// and,
///          for a region, the nearest names), and for each that is absurd but used.
/// Thread:  none. Cost: microseconds, once at start.
///
///     carbon_model m;
///     for (auto& w : carbon_from_environment(m, "FR", "", "1.1")) std::cerr << w << '\n';
[[nodiscard]] inline std::vector<std::string> carbon_from_environment(carbon_model& model,
                                                                      std::string_view region,
                                                                      std::string_view intensity,
                                                                      std::string_view pue) {
    std::vector<std::string> warnings;
    const auto kept = [&](std::string what) { warnings.push_back(std::move(what)); };
    if (!trimmed(region).empty()) {
        auto found = carbon_for(trimmed(region));
        if (found) {
            found->market = std::move(model.market);
            found->embodied = std::move(model.embodied);
            if (model.pue_source != no_pue_stated) found->overhead(model.pue, model.pue_source);
            model = *std::move(found);
        } else {
            kept(concat({"JOULERY_REGION: ", found.error().reason, ". Kept: ", model.grid.place,
                         "; to change it, ", found.error().remedy}));
        }
    }
    const auto number = [&](const char* name, std::string_view text, double least, bool inclusive,
                            const std::string& instead) -> std::optional<double> {
        if (trimmed(text).empty()) return std::nullopt;
        const auto value = parse_decimal(text);
        if (value && (*value > least || (inclusive && *value == least))) return value;
        kept(concat({name, ": '", text, "' is not a number ",
                     (inclusive ? "of at least " : "above "), (least > 0 ? "1" : "0"),
                     ". Kept: ", instead}));
        return std::nullopt;
    };
    if (const auto g = number("JOULERY_INTENSITY", intensity, 0, false,
                              concat({model.grid.place, "; g/kWh is wanted, for instance 56"}))) {
        const std::string place = model.grid.assumed ? "as stated" : model.grid.place;
        const std::string country = model.grid.country;
        model.intensity(carbon_intensity::from_grams_per_kwh(*g));
        model.grid.place = place;
        model.grid.country = country;
        model.grid.source = "stated by the user (JOULERY_INTENSITY)";
    }
    if (const auto p =
            number("JOULERY_PUE", pue, 1, true, concat({model.pue_source, "; for instance 1.1"})))
        model.overhead(*p, "stated by the user (JOULERY_PUE)");
    for (std::string& w : model.sanitize()) warnings.push_back(std::move(w));
    return warnings;
}

}  // namespace v1
}  // namespace joulery
