// footprint.hpp - energy, emissions and water of one run, also in everyday terms.
// SPDX-License-Identifier: MIT
#pragma once

#include "joulery/carbon/carbon_model.hpp"
#include "joulery/detail/core/config.hpp"
#include "joulery/units.hpp"

#include <optional>
#include <string>
#include <vector>

namespace joulery {
inline namespace v1 {

/// A number of something, with the factor behind it.
struct equivalent {
    std::string what;
    double count = 0;
    double grams_each = 0;
    std::string source;  ///< publisher, year, and "older figure" if no newer one was available
};

/// `m` in km driven, phones charged, days of a US home, minutes of a coal plant. For people only;
/// machine-readable formats omit it.
///
/// Thread: any. Cost: some strings. Fails: never.
///
///     for (auto& e : equivalents_of(5_kg)) std::cout << to_text(e) << '\n';
[[nodiscard]] JOULERY_DECL std::vector<equivalent> equivalents_of(emissions m);

/// The one or two equivalents with an imaginable number, from a tenth to some thousands; none if
/// all are outside that range.
[[nodiscard]] JOULERY_DECL std::vector<equivalent> sensible_equivalents(emissions m);

/// "20.5 km driven by an average US car"
[[nodiscard]] JOULERY_DECL std::string to_text(const equivalent& e);

/// "20.5 km driven by an average US car (244.2 g each; EPA ..., 2026, derived)"
[[nodiscard]] JOULERY_DECL std::string text_with_source(const equivalent& e);

/// The full footprint of an amount of energy. Figures of different methods are never added.
struct footprint {
    energy it;                          ///< at the machine
    energy facility;                    ///< it x PUE
    emissions location;                 ///< operational, location-based
    emissions low, high;                ///< the same by the lowest and the highest source
    std::optional<emissions> market;    ///< operational, by contract
    std::optional<emissions> embodied;  ///< share of the hardware's embodied emissions
    std::optional<double> site_liters, plant_liters;
    std::vector<std::string> factors;      ///< every figure used: value, year, place, source
    std::vector<std::string> assumptions;  ///< used where nothing was stated
};

/// The footprint of `it` joules over `duration`; `begin` matters if the intensity varies. A caller
/// that already knows the emissions (a report) passes them as `known`, for the location-based
/// figure.
///
/// Thread: any. Cost: some strings. Fails: never; what was not stated is in `assumptions`.
///
///     footprint f = footprint_for(*carbon_for("aws:eu-central-1"), 12_kWh, std::chrono::hours(3));
[[nodiscard]] JOULERY_DECL footprint footprint_for(const carbon_model& m, energy it,
                                                   seconds duration, wall_time begin = {},
                                                   std::optional<emissions> known = std::nullopt);

[[nodiscard]] JOULERY_DECL std::string to_text(const footprint& f);

}  // namespace v1
}  // namespace joulery

#ifdef JOULERY_IMPLEMENTATION
#include "joulery/carbon/grid_factor.hpp"
#include "joulery/detail/carbon/format_significant.hpp"
#include "joulery/detail/carbon/tables/equivalent_table.hpp"
#include "joulery/detail/core/concat.hpp"
#include "joulery/detail/core/unit_text.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <string_view>
#include <utility>

namespace joulery {
inline namespace v1 {

JOULERY_DECL std::vector<equivalent> equivalents_of(emissions m) {
    struct choice {
        const char* row;
        const char* what;
        double per_row;  // of `what` in one of the row's
    };
    constexpr choice choices[] = {
        {"passenger vehicle driven one km", "km driven by an average US car", 1},
        {"smartphone charged", "smartphones charged", 1},
        {"home energy use one year", "days of a US household's energy", 365},
        {"home energy use one year", "years of a US household's energy", 1},
        {"coal-fired power plant one year", "minutes of a coal-fired power plant", 525600},
    };
    std::vector<equivalent> out;
    for (const choice& c : choices) {
        for (const equivalent_row& r : equivalent_table) {
            if (std::string_view(r.name) != c.row) continue;
            const double grams = r.factor * 1e6 / c.per_row;  // the table has tonnes
            std::string source = r.source;
            if (r.year > 0) append(source, {", ", r.year});
            if (std::string_view(r.vintage) == "old") source += ", an older figure";
            if (std::string_view(r.vintage) == "derived") source += ", derived";
            out.push_back({c.what, m.grams() / grams, grams, source});
        }
    }
    return out;
}

namespace detail {

/// "of a US household's energy" from "days of a US household's energy".
inline std::string_view after_unit(std::string_view what) noexcept {
    return what.substr(std::min(what.find(' '), what.size()));
}

}  // namespace detail

JOULERY_DECL std::vector<equivalent> sensible_equivalents(emissions m) {
    std::vector<equivalent> out;
    for (equivalent& e : equivalents_of(m)) {
        if (!(e.count >= 0.1 && e.count < 10000)) continue;
        // 2,500 days of a household are given in years.
        const bool same = !out.empty() && e.source == out.back().source &&
                          detail::after_unit(e.what) == detail::after_unit(out.back().what);
        if (same && e.count >= 1)
            out.back() = std::move(e);
        else if (!same && out.size() < 2)
            out.push_back(std::move(e));
    }
    return out;
}

JOULERY_DECL std::string to_text(const equivalent& e) {
    return concat({count_text(e.count < 100 ? e.count : std::round(e.count)), " ", e.what});
}

JOULERY_DECL std::string text_with_source(const equivalent& e) {
    return concat({to_text(e), " (", mass_text(emissions::from_grams(e.grams_each)), " each; ",
                   e.source, ")"});
}

namespace detail {

inline void list_factors(const carbon_model& m, std::vector<std::string>& out) {
    out.push_back(concat({"grid: ", to_text(m.grid)}));
    for (const grid_factor& f : m.alternatives)
        out.push_back(concat({"grid, for the range: ", to_text(f)}));
    if (m.market) out.push_back(concat({"market: ", to_text(*m.market)}));
    out.push_back(concat({"PUE: ", format_significant(m.pue, 4), "; ", m.pue_source}));
    if (!m.water.site_source.empty())
        out.push_back(concat({"water on site: ", format_significant(m.water.site, 4),
                              " L per IT kWh; ", m.water.site_source}));
    if (!m.water.off_site_source.empty())
        out.push_back(concat({"water at the plants: ", format_significant(m.water.off_site, 4),
                              " L per facility kWh; ", m.water.off_site_source}));
    if (m.embodied.known()) out.push_back(concat({"embodied: ", m.embodied.source}));
}

}  // namespace detail

JOULERY_DECL footprint footprint_for(const carbon_model& m, energy it, seconds duration,
                                     wall_time begin, std::optional<emissions> known) {
    const bool dated = begin.unix_seconds() > 0;
    const auto end = wall_time::from_unix_seconds(begin.unix_seconds() + duration.count());
    footprint f;
    f.it = it;
    f.facility = m.facility(it);
    f.location = known ? *known : dated ? m.of(it, begin, end) : m.of(it);
    const auto range = m.range();
    const carbon_intensity mean = m.grid.intensity;
    f.low = mean.grams_per_kwh() > 0 ? f.location * (range.first / mean) : f.location;
    f.high = mean.grams_per_kwh() > 0 ? f.location * (range.second / mean) : f.location;
    f.market = m.market_based(it);
    if (m.embodied.known()) f.embodied = m.embodied.of(duration);
    if (!m.water.site_source.empty()) f.site_liters = m.water.site_liters(it);
    if (!m.water.off_site_source.empty()) f.plant_liters = m.water.plant_liters(it, m.pue);
    detail::list_factors(m, f.factors);
    f.assumptions = m.assumptions(begin, end);
    if (m.series && !dated)
        f.assumptions.push_back("no time was stated: the mean of the series is used");
    if (m.water.site_source.empty()) f.assumptions.push_back("water on site is unknown");
    if (m.water.off_site_source.empty()) f.assumptions.push_back("water at the plants is unknown");
    return f;
}

JOULERY_DECL std::string to_text(const footprint& f) {
    std::string out;
    const auto line = [&](std::string_view label, const std::string& figure) {
        append(out, {left_in(std::string(label), 22), figure, "\n"});
    };
    line("IT energy", text_in_both(f.it));
    line("facility energy", text_in_both(f.facility));
    // Differences below a hundredth are not shown.
    const bool differ = f.low * 1.01 < f.high;
    line("CO2e, location-based",
         mass_text(f.location) + (differ ? concat({" (sources differ: ", mass_text(f.low), " to ",
                                                   mass_text(f.high), ")"})
                                         : std::string()));
    if (f.market) line("CO2e, market-based", mass_text(*f.market));
    if (f.embodied) line("embodied CO2e", mass_text(*f.embodied));
    if (f.site_liters) line("water on site", liters_text(*f.site_liters));
    if (f.plant_liters) line("water at the plants", liters_text(*f.plant_liters));
    out += "factors\n";
    for (const std::string& s : f.factors) append(out, {"  ", s, "\n"});
    if (!f.assumptions.empty()) out += "assumptions\n";
    for (const std::string& s : f.assumptions) append(out, {"  ", s, "\n"});
    return out;
}

}  // namespace v1
}  // namespace joulery

#endif  // JOULERY_IMPLEMENTATION
