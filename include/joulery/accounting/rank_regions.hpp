// rank_regions.hpp - where an amount of energy would have been cleanest.
// SPDX-License-Identifier: MIT
#pragma once

#include "joulery/carbon/grid_factor.hpp"
#include "joulery/detail/carbon/places.hpp"
#include "joulery/detail/core/config.hpp"
#include "joulery/units.hpp"

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

namespace joulery {
inline namespace v1 {

/// Which places compete.
struct ranking_options {
    bool clouds = true;
    bool countries = false;
    bool states = false;     ///< of the USA
    bool provinces = false;  ///< of Canada
    std::string provider;    ///< "aws", "gcp" or "azure": only its regions; empty: all
    double pue = 0;          ///< for all places; 0: a cloud region's own, else 1.0
};

struct ranked_place {
    place where;
    grid_factor grid;
    double pue = 1;
    std::string pue_source;
    emissions co2e;  ///< of the run's IT energy there
};

/// All places that compete, cleanest first. Factors of different basis stand side by side, each
/// with its definition: a small difference between two definitions is none.
///
///     auto r = rank_places(12_kWh);           // r[0]: the cleanest cloud region
[[nodiscard]] JOULERY_DECL std::vector<ranked_place> rank_places(
    energy it, const ranking_options& options = {});

/// A table: rank, place, g/kWh, year, basis, PUE, kg, and the ratio to `here`.
[[nodiscard]] JOULERY_DECL std::string to_text(const std::vector<ranked_place>& ranking,
                                               emissions here, std::size_t at_most = 20);

}  // namespace v1
}  // namespace joulery

#ifdef JOULERY_IMPLEMENTATION

#include "joulery/carbon/carbon_for.hpp"
#include "joulery/detail/carbon/format_significant.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

namespace joulery {
inline namespace v1 {

JOULERY_DECL std::vector<ranked_place> rank_places(energy it, const ranking_options& options) {
    std::vector<ranked_place> out;
    const auto consider = [&](place_kind kind, std::size_t row) {
        auto m = carbon_for(place{kind, static_cast<short>(row)});
        if (!m) return;  // no usable figure
        if (options.pue >= 1) m->overhead(options.pue);
        out.push_back(
            {place{kind, static_cast<short>(row)}, m->grid, m->pue, m->pue_source, m->of(it)});
    };
    for (std::size_t i = 0; options.clouds && i < std::size(cloud_table); ++i)
        if (options.provider.empty() || options.provider == cloud_table[i].provider)
            consider(place_kind::cloud, i);
    for (std::size_t i = 0; options.countries && i < std::size(country_table); ++i)
        consider(place_kind::country, i);
    for (std::size_t i = 0; options.states && i < std::size(state_table); ++i)
        consider(place_kind::state, i);
    for (std::size_t i = 0; options.provinces && i < std::size(province_table); ++i)
        consider(place_kind::province, i);
    std::stable_sort(out.begin(), out.end(),
                     [](const ranked_place& a, const ranked_place& b) { return a.co2e < b.co2e; });
    return out;
}

JOULERY_DECL std::string to_text(const std::vector<ranked_place>& ranking, emissions here,
                                 std::size_t at_most) {
    std::string out = "rank  " + left_in("place", 40) + "   g/kWh  year  " + left_in("basis", 24) +
                      "   PUE      kg CO2e  vs here\n";
    for (std::size_t i = 0; i < ranking.size() && i < at_most; ++i) {
        const ranked_place& r = ranking[i];
        out += right_in(std::to_string(i + 1), 4) + "  " + left_in(r.grid.place, 40) +
               right_in(format_significant(r.grid.intensity.grams_per_kwh(), 4), 8) + "  " +
               right_in(std::to_string(r.grid.year), 4) + "  " +
               left_in(r.grid.boundary + ", " + r.grid.accounting, 24) +
               right_in(format_significant(r.pue, 3), 6) +
               right_in(format_significant(r.co2e.kilograms(), 6), 13) +
               right_in(here.grams() > 0 ? format_significant(r.co2e / here, 3) + "x" : "-", 9) +
               "\n";
    }
    return out;
}

}  // namespace v1
}  // namespace joulery

#endif
