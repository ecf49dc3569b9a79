// carbon_for.hpp - the carbon model of a place, from the tables.
// SPDX-License-Identifier: MIT
#pragma once

#include "joulery/carbon/carbon_model.hpp"
#include "joulery/detail/carbon/places.hpp"
#include "joulery/detail/core/config.hpp"
#include "joulery/result.hpp"

#include <string>
#include <string_view>

namespace joulery {
inline namespace v1 {

/// A published PUE with its source.
struct pue_figure {
    double pue = 0;
    std::string source;
};

/// The published PUE of a cloud region ("aws:eu-central-1"), or of a fleet ("aws", "Meta").
///
/// Thread: any. Cost: some look-ups and strings. Fails: if no PUE is published for it.
///
///     auto p = pue_for("aws:ap-south-2");    // 1.46: the region's own, not the fleet's 1.14
[[nodiscard]] JOULERY_DECL result<pue_figure> pue_for(std::string_view region_or_owner);

/// The carbon model of a place: its grid factor, the figures of other sources, the PUE of a cloud
/// region (1.0 for a country, with a note), water on site and at the power plants.
///
/// Thread: any. Cost: some look-ups and strings. Fails: if the source has no usable figure.
///
///     options o;
///     if (auto m = carbon_for("gcp:europe-west9")) o.carbon = *m;
[[nodiscard]] JOULERY_DECL result<carbon_model> carbon_for(place p);

[[nodiscard]] JOULERY_DECL result<carbon_model> carbon_for(std::string_view name);

}  // namespace v1
}  // namespace joulery

#ifdef JOULERY_IMPLEMENTATION

#include "joulery/carbon/grid_factor_for.hpp"
#include "joulery/detail/carbon/tables/facility_table.hpp"
#include "joulery/detail/core/concat.hpp"

#include <utility>

namespace joulery {
inline namespace v1 {

namespace detail {

/// The owner's name in the fleet tables for "aws", "gcp", "azure" and "ovh".
[[nodiscard]] inline std::string_view fleet_owner(std::string_view provider) noexcept {
    if (provider == "aws" || provider == "amazon") return "AWS";
    if (provider == "gcp" || provider == "google") return "Google";
    if (provider == "azure" || provider == "microsoft") return "Microsoft";
    if (provider == "ovh") return "OVHcloud";
    return provider;
}

[[nodiscard]] inline std::string dated(std::string text, int year) {
    return year > 0 ? concat({std::move(text), ", ", year}) : std::move(text);
}

/// The newest fleet row of an owner, or null.
template <class Row, std::size_t N>
[[nodiscard]] const Row* newest_fleet(const Row (&table)[N], std::string_view owner) noexcept {
    const std::string folded(fold_place(owner).view());
    const Row* best = nullptr;
    for (const Row& r : table)
        if (std::string_view(r.scope) == "fleet" && fold_place(r.who).view() == folded &&
            (!best || r.year > best->year))
            best = &r;
    return best;
}

inline void add_water(water_factors& w, place p, const std::string& iso3) {
    if (p.kind == place_kind::cloud) {
        const cloud_row& r = cloud_table[static_cast<std::size_t>(p.row)];
        if (r.water_site > 0) {
            w.site = r.water_site;
            w.site_source = dated(region_disclosure, r.water_year);
        } else if (const auto* fleet = newest_fleet(fleet_water_table, fleet_owner(r.provider))) {
            w.site = fleet->liters_per_kwh;
            w.site_source = dated(concat({fleet->who, " fleet, ", fleet->source}), fleet->year);
        }
    }
    for (const grid_water_row& r : grid_water_table) {
        if (iso3 != r.iso3 || !(r.liters_per_kwh > 0)) continue;
        w.off_site = r.liters_per_kwh;
        w.off_site_source = dated(grid_water_source, r.year);
    }
}

}  // namespace detail

JOULERY_DECL result<pue_figure> pue_for(std::string_view region_or_owner) {
    std::string owner(region_or_owner);
    const place_candidates found = find_places(region_or_owner);
    if (found.unique() && found[0].kind == place_kind::cloud) {
        const cloud_row& r = cloud_table[static_cast<std::size_t>(found[0].row)];
        if (r.pue >= 1)
            return pue_figure{
                r.pue, detail::dated(concat({r.provider, ":", r.region, ", ", region_disclosure}),
                                     r.pue_year)};
        owner = r.provider;
    }
    const std::string folded(fold_place(owner).view());
    if (const auto* fleet = detail::newest_fleet(pue_table, detail::fleet_owner(folded)))
        return pue_figure{fleet->pue, detail::dated(concat({fleet->who, " fleet, ", fleet->source}),
                                                    fleet->year)};
    return failure{concat({"no PUE is known for '", region_or_owner, "'"}),
                   "state it: facility energy over IT energy, as published by the operator"};
}

JOULERY_DECL result<carbon_model> carbon_for(place p) {
    auto factor = grid_factor_for(p);
    if (!factor) return factor.error();
    carbon_model m{*std::move(factor)};
    m.alternatives = other_factors_of(p);
    if (p.kind == place_kind::cloud) {
        const cloud_row& r = cloud_table[static_cast<std::size_t>(p.row)];
        const auto pue = pue_for(concat({r.provider, ":", r.region}));
        if (pue) m.overhead(pue->pue, pue->source);
    }
    detail::add_water(m.water, p, m.grid.country);
    return m;
}

JOULERY_DECL result<carbon_model> carbon_for(std::string_view name) {
    const auto p = place_of(name);
    if (!p) return p.error();
    return carbon_for(*p);
}

}  // namespace v1
}  // namespace joulery

#endif
