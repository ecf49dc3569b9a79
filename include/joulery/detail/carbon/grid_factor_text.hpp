// grid_factor_text.hpp - a grid factor on one line, with all that it means.
// SPDX-License-Identifier: MIT
#pragma once

#include "joulery/carbon/grid_factor.hpp"
#include "joulery/detail/carbon/format_significant.hpp"

#include <string>

namespace joulery {
inline namespace v1 {

/// "44.18 g CO2e/kWh, France (FR), 2024, lifecycle, production, average, location-based;"
[[nodiscard]] inline std::string to_text(const grid_factor& f) {
    std::string out =
        format_significant(f.intensity.grams_per_kwh(), 4) + " g CO2e/kWh, " + f.place;
    if (f.year > 0) out += ", " + std::to_string(f.year);
    for (const std::string* word : {&f.boundary, &f.accounting, &f.kind})
        if (*word != "as stated") out += ", " + *word;
    if (f.method != "as stated") out += ", " + f.method + "-based";
    return out + "; " + f.source + (f.assumed ? " (assumed)" : "");
}

}  // namespace v1
}  // namespace joulery
