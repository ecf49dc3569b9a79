// rank_regions.hpp - ranks places by the emissions that a run would have there.
// SPDX-License-Identifier: MIT
#pragma once

#include "joulery/carbon/grid_factor.hpp"
#include "joulery/detail/carbon/places.hpp"
#include "joulery/detail/core/config.hpp"
#include "joulery/units.hpp"

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace joulery {
inline namespace v1 {

/// Which places to rank.
struct ranking_options {
    bool clouds = true;
    bool countries = false;
    bool states = false;     ///< states of the USA
    bool provinces = false;  ///< provinces of Canada
    std::string provider;    ///< only "aws", "gcp", "azure", "oci", "ovh", ...; empty: all
    double pue = 0;          ///< of all places; 0: that of the cloud region, else 1.0
    /// Places whose factors are comparable with this one come first. Empty: lifecycle, production;
    /// in `rank_regions` the run's own factor.
    std::optional<grid_factor> comparable_with;
};

struct ranked_place {
    place where;
    grid_factor grid;
    double pue = 1;
    std::string pue_source;
    emissions co2e;          ///< of the run's IT energy there
    bool comparable = true;  ///< its factor is defined as the first ones'
};

/// All selected places, cleanest first. Places whose factors have the same definition as
/// `comparable_with` come first; the others follow, cleanest first, and must not be compared with
/// those above. A cloud without a published PUE is included only if `pue` is given, because a
/// missing PUE would put it ahead.
///
/// Thread: any. Cost: a pass over the tables, and sorting. Fails: never; a place without a figure
/// is omitted.
///
///     auto r = rank_places(12_kWh);           // r[0]: the cleanest cloud region
[[nodiscard]] JOULERY_DECL std::vector<ranked_place> rank_places(
    energy it, const ranking_options& options = {});

/// A table: rank, place, g/kWh, year, basis, PUE, CO2e, and the ratio to `here`. Places that are
/// not comparable are at the end, without a ratio.
[[nodiscard]] JOULERY_DECL std::string to_text(const std::vector<ranked_place>& ranking,
                                               emissions here, std::size_t at_most = 20);

}  // namespace v1
}  // namespace joulery

#ifdef JOULERY_IMPLEMENTATION

#include "joulery/carbon/carbon_for.hpp"
#include "joulery/detail/carbon/format_significant.hpp"
#include "joulery/detail/core/concat.hpp"
#include "joulery/detail/core/unit_text.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

namespace joulery {
inline namespace v1 {

JOULERY_DECL std::vector<ranked_place> rank_places(energy it, const ranking_options& options) {
    std::vector<ranked_place> out;
    const grid_factor wanted = options.comparable_with.value_or(grid_factor{});
    const auto consider = [&](place_kind kind, std::size_t row) {
        auto m = carbon_for(place{kind, static_cast<short>(row)});
        if (!m) return;  // no usable figure
        if (options.pue >= 1) m->overhead(options.pue);
        if (kind == place_kind::cloud && m->pue_source == no_pue_stated) return;
        const grid_factor* same = m->comparable_with(wanted);
        const bool comparable = same != nullptr;
        grid_factor used = comparable ? *same : m->grid;
        used.place = m->grid.place;  // the region's name, not the grid's
        const emissions there = it * m->pue * used.intensity;
        out.push_back({place{kind, static_cast<short>(row)}, std::move(used), m->pue, m->pue_source,
                       there, comparable});
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
    std::stable_sort(out.begin(), out.end(), [](const ranked_place& a, const ranked_place& b) {
        return a.comparable != b.comparable ? a.comparable : a.co2e < b.co2e;
    });
    return out;
}

namespace detail {

inline std::string ranking_line(const ranked_place& r, std::size_t rank, emissions here) {
    const bool ratio = r.comparable && here.grams() > 0;
    return concat({right_in(std::to_string(rank), 4), "  ", left_in(r.grid.place, 36),
                   right_in(format_significant(r.grid.intensity.grams_per_kwh(), 3), 8), "  ",
                   right_in(std::to_string(r.grid.year), 4), "  ",
                   left_in(concat({r.grid.boundary, ", ", r.grid.accounting}), 23),
                   right_in(format_significant(r.pue, 3), 6), right_in(mass_text(r.co2e), 10),
                   right_in(ratio ? concat({"x ", format_significant(r.co2e / here, 3)}) : "-", 9),
                   "\n"});
}

}  // namespace detail

JOULERY_DECL std::string to_text(const std::vector<ranked_place>& ranking, emissions here,
                                 std::size_t at_most) {
    std::string out = concat({"rank  ", left_in("place", 36), "   g/kWh  year  ",
                              left_in("basis", 23), "   PUE      CO2e  vs here\n"});
    std::size_t at = 0;
    for (; at < ranking.size() && at < at_most && ranking[at].comparable; ++at)
        out += detail::ranking_line(ranking[at], at + 1, here);
    while (at < ranking.size() && ranking[at].comparable) ++at;
    if (at == ranking.size()) return out;
    out += "not comparable with here or the places above: their factors are defined differently\n";
    const std::size_t shown = at == 0 ? at_most : std::max<std::size_t>(1, at_most / 4);
    for (std::size_t i = 0; i < shown && at + i < ranking.size(); ++i)
        out += detail::ranking_line(ranking[at + i], i + 1, here);
    return out;
}

}  // namespace v1
}  // namespace joulery

#endif
