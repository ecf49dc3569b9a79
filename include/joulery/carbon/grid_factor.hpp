// grid_factor.hpp - a carbon intensity with its definition.
// SPDX-License-Identifier: MIT
#pragma once

#include "joulery/detail/core/concat.hpp"
#include "joulery/detail/core/config.hpp"
#include "joulery/units.hpp"

#include <string>
#include <utility>

namespace joulery {
inline namespace v1 {

/// A grid factor with its definition. Without the definition the number means little: for one
/// country a kilowatt-hour is 350 g (direct, production), 384 g (lifecycle, production) or 414 g
/// (lifecycle, consumption).
struct grid_factor {
    carbon_intensity intensity = carbon_intensity::from_grams_per_kwh(472.94);
    std::string place = "World";
    int year = 2024;                        ///< of the data; 0: as stated, or a series with its own
    std::string boundary = "lifecycle";     ///< direct | lifecycle | operational | as stated
    std::string accounting = "production";  ///< production | consumption | as stated
    std::string kind = "average";           ///< average | marginal | as stated
    std::string method = "location";        ///< location | market | as stated
    std::string source = "Ember Yearly Electricity Data through co2.js 0.19.0 (CC BY 4.0)";
    std::string country;  ///< ISO 3166-1 alpha-3 code of its country; may be empty
    bool assumed = true;  ///< no place was stated: the world average is used
};

/// A factor stated by the user, in g/kWh, taken as it is.
[[nodiscard]] inline grid_factor stated_intensity(carbon_intensity i) {
    grid_factor f;
    f.intensity = i;
    f.place = "as stated";
    f.year = 0;
    f.boundary = f.accounting = f.kind = f.method = "as stated";
    f.source = "stated by the user";
    f.assumed = false;
    return f;
}

/// The intensity of the electricity bought by a contract (a supplier's product, certificates): a
/// separate figure beside the location-based one, never mixed with it.
[[nodiscard]] inline grid_factor contractual_intensity(carbon_intensity i, std::string source) {
    grid_factor f = stated_intensity(i);
    f.place = "by contract";
    f.method = "market";
    f.source = std::move(source);
    return f;
}

/// Whether two factors have the same definition, so that their ratio is meaningful: what is counted
/// (boundary, accounting), how (average or marginal), and by place or by contract. A user's figure
/// without a definition is comparable with all.
///
///     is_comparable(*intensity_for("FR"), *intensity_for("US-CA"));   // false: lifecycle, direct
[[nodiscard]] inline bool is_comparable(const grid_factor& a, const grid_factor& b) {
    const auto same = [](const std::string& x, const std::string& y) {
        return x == y || x == "as stated" || y == "as stated";
    };
    return same(a.boundary, b.boundary) && same(a.accounting, b.accounting) &&
           same(a.kind, b.kind) && same(a.method, b.method);
}

/// No grid has an intensity above this: a tonne per kilowatt-hour.
inline constexpr double impossible_grams_per_kwh = 1e6;

/// A yearly grid average above this is probably in the wrong unit; it is used, with a warning.
inline constexpr double absurd_grams_per_kwh = 2000;

/// "44.18 g CO2e/kWh, France (FR), 2024, lifecycle, production, average, location-based; source".
///
/// Thread: any. Cost: a string. Fails: never.
[[nodiscard]] JOULERY_DECL std::string to_text(const grid_factor& f);

}  // namespace v1
}  // namespace joulery

#ifdef JOULERY_IMPLEMENTATION

#include "joulery/detail/carbon/format_significant.hpp"

namespace joulery {
inline namespace v1 {

JOULERY_DECL std::string to_text(const grid_factor& f) {
    std::string out =
        concat({format_significant(f.intensity.grams_per_kwh(), 4), " g CO2e/kWh, ", f.place});
    if (f.year > 0) append(out, {", ", f.year});
    for (const std::string* word : {&f.boundary, &f.accounting, &f.kind})
        if (*word != "as stated") append(out, {", ", *word});
    if (f.method != "as stated") append(out, {", ", f.method, "-based"});
    return concat({out, "; ", f.source, (f.assumed ? " (assumed)" : "")});
}

}  // namespace v1
}  // namespace joulery

#endif
