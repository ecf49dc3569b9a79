// grid_factor_for.hpp - the grid factor of a place, and the figures of other sources.
// SPDX-License-Identifier: MIT
#pragma once

#include "joulery/carbon/grid_factor.hpp"
#include "joulery/detail/carbon/places.hpp"
#include "joulery/detail/core/config.hpp"
#include "joulery/result.hpp"

#include <string_view>
#include <vector>

namespace joulery {
inline namespace v1 {

/// The factor of a place in the tables; its intensity is 0 if the source has no usable figure.
[[nodiscard]] JOULERY_DECL grid_factor raw_factor(place p);

/// The factor of a place; fails if the source gives zero or nothing.
[[nodiscard]] JOULERY_DECL result<grid_factor> grid_factor_for(place p);

/// From name to factor in one step.
///
/// Thread: any. Cost: a look-up and some strings. Fails: for an unknown or ambiguous name, with the
/// closest names, and if the source has no usable figure.
///
///     auto f = intensity_for("FR");        // f->intensity: 44.18 g/kWh, 2024, lifecycle, Ember
///     if (!f) std::cerr << f.error().reason;
[[nodiscard]] JOULERY_DECL result<grid_factor> intensity_for(std::string_view name);

/// Figures of other sources, years or definitions for the same place; may be empty.
[[nodiscard]] JOULERY_DECL std::vector<grid_factor> other_factors_of(place p);

}  // namespace v1
}  // namespace joulery

#ifdef JOULERY_IMPLEMENTATION

#include "joulery/detail/core/concat.hpp"

#include <cstddef>
#include <iterator>
#include <string>
#include <utility>

namespace joulery {
inline namespace v1 {

/// A single figure shown next to the table's: lifecycle and consumption-based, so that imported
/// electricity counts. Large importers and exporters differ most.
struct second_opinion {
    char iso2[3];
    double grams_per_kwh;
    short year;
};

inline constexpr const char* second_opinion_source = "Electricity Maps, yearly zone average";

inline constexpr second_opinion second_opinions[] = {
    {"US", 414, 2025}, {"DE", 342, 2025}, {"FR", 31, 2025},
    {"SE", 21, 2025},  {"CN", 485, 2025}, {"IN", 593, 2025},
};

namespace detail {

/// A factor from a table: average, location-based, not assumed.
[[nodiscard]] inline grid_factor table_factor(double grams, int year, std::string place,
                                              const char* boundary, const char* accounting,
                                              const char* source) {
    grid_factor f;
    f.intensity = carbon_intensity::from_grams_per_kwh(grams);
    f.place = std::move(place);
    f.year = year;
    f.boundary = boundary;
    f.accounting = accounting;
    f.source = source;
    f.assumed = false;
    return f;
}

[[nodiscard]] inline grid_factor country_factor(std::size_t row) {
    const country_row& r = country_table[row];
    grid_factor f = table_factor(r.grams_per_kwh, r.year,
                                 to_text(place{place_kind::country, static_cast<short>(row)}),
                                 "lifecycle", "production", ember_source);
    f.country = r.iso3;
    return f;
}

[[nodiscard]] inline grid_factor subregion_factor(std::size_t row) {
    const egrid_row& r = egrid_table[row];
    grid_factor f = table_factor(r.grams_per_kwh, r.year,
                                 to_text(place{place_kind::subregion, static_cast<short>(row)}),
                                 "direct", "production", egrid_source);
    f.country = "USA";
    return f;
}

[[nodiscard]] inline grid_factor province_factor(std::size_t row, std::size_t year) {
    const province_row& r = province_table[row];
    grid_factor f = table_factor(r.grams_per_kwh[year - 2021], static_cast<int>(year),
                                 to_text(place{place_kind::province, static_cast<short>(row)}),
                                 "direct", "consumption", eccc_source);
    f.country = "CAN";
    return f;
}

[[nodiscard]] inline grid_factor state_factor(std::size_t row) {
    const state_row& r = state_table[row];
    grid_factor f = table_factor(r.grams_per_kwh, r.year,
                                 to_text(place{place_kind::state, static_cast<short>(row)}),
                                 "direct", "production", egrid_source);
    f.country = "USA";
    return f;
}

[[nodiscard]] inline grid_factor cloud_factor(std::size_t row) {
    const cloud_row& r = cloud_table[row];
    if (r.basis == cloud_basis::province) {
        grid_factor f = province_factor(static_cast<std::size_t>(r.province), 2023);
        append(f.source, {", ", f.place});
        f.place = to_text(place{place_kind::cloud, static_cast<short>(row)});
        return f;
    }
    const char* boundary = r.basis == cloud_basis::google  ? "operational"
                           : r.basis == cloud_basis::egrid ? "direct"
                                                           : "lifecycle";
    std::string source = r.basis == cloud_basis::google ? google_source : ember_source;
    if (r.basis == cloud_basis::egrid)
        source = concat({egrid_source, ", subregion ",
                         egrid_table[static_cast<std::size_t>(r.subregion)].code});
    if (r.basis == cloud_basis::ember)
        append(source, {", ", to_text(place{place_kind::country, r.country})});
    grid_factor f = table_factor(r.grams_per_kwh, r.year,
                                 to_text(place{place_kind::cloud, static_cast<short>(row)}),
                                 boundary, "production", source.c_str());
    f.country = country_table[static_cast<std::size_t>(r.country)].iso3;
    return f;
}

/// A province's figures for other years than the one in use.
inline void add_other_years(std::vector<grid_factor>& out, std::size_t province) {
    for (const std::size_t year : {std::size_t{2021}, std::size_t{2022}, std::size_t{2024}})
        if (province_table[province].grams_per_kwh[year - 2021] > 0)
            out.push_back(province_factor(province, year));
}

/// The smallest grid of the public tables that contains a cloud region, since a nation's mean does
/// not describe a region in a country with many grids.
[[nodiscard]] inline grid_factor nearest_grid(const cloud_row& r) {
    if (r.subregion >= 0) return subregion_factor(static_cast<std::size_t>(r.subregion));
    if (r.province >= 0) return province_factor(static_cast<std::size_t>(r.province), 2023);
    return country_factor(static_cast<std::size_t>(r.country));
}

}  // namespace detail

JOULERY_DECL grid_factor raw_factor(place p) {
    const auto row = static_cast<std::size_t>(p.row);
    switch (p.kind) {
        case place_kind::country:
            return detail::country_factor(row);
        case place_kind::aggregate:
            return detail::table_factor(aggregate_table[row].grams_per_kwh,
                                        aggregate_table[row].year, aggregate_table[row].name,
                                        "lifecycle", "production", ember_source);
        case place_kind::state:
            return detail::state_factor(row);
        case place_kind::subregion:
            return detail::subregion_factor(row);
        case place_kind::province:
            return detail::province_factor(row, 2023);
        case place_kind::cloud:
            return detail::cloud_factor(row);
    }
    return {};
}

JOULERY_DECL result<grid_factor> grid_factor_for(place p) {
    grid_factor f = raw_factor(p);
    if (f.intensity.grams_per_kwh() > 0) return f;
    return failure{
        concat({f.place, " has no usable figure: ", f.source, " gives zero, which is missing"}),
        "state an intensity in g/kWh"};
}

JOULERY_DECL result<grid_factor> intensity_for(std::string_view name) {
    const auto p = place_of(name);
    if (!p) return p.error();
    return grid_factor_for(*p);
}

JOULERY_DECL std::vector<grid_factor> other_factors_of(place p) {
    std::vector<grid_factor> out;
    const auto row = static_cast<std::size_t>(p.row);
    if (p.kind == place_kind::country) {
        const std::string_view code = country_table[row].iso2;
        for (std::size_t i = 0; code == "US" && i < std::size(egrid_table); ++i)
            if (code == egrid_table[i].code) out.push_back(detail::subregion_factor(i));
        for (const second_opinion& o : second_opinions) {
            if (code != o.iso2) continue;
            out.push_back(detail::table_factor(o.grams_per_kwh, o.year, to_text(p), "lifecycle",
                                               "consumption", second_opinion_source));
            out.back().country = country_table[row].iso3;
        }
    } else if (p.kind == place_kind::province) {
        detail::add_other_years(out, row);
    } else if (p.kind == place_kind::cloud) {
        const cloud_row& r = cloud_table[row];
        if (r.basis == cloud_basis::province)
            detail::add_other_years(out, static_cast<std::size_t>(r.province));
        else if (r.basis == cloud_basis::google)
            out.push_back(detail::nearest_grid(r));
    }
    return out;
}

}  // namespace v1
}  // namespace joulery

#endif
