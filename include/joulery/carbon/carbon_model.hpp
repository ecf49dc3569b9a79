// carbon_model.hpp - converts joules into grams of CO2e and liters of water.
// SPDX-License-Identifier: MIT
#pragma once

#include "joulery/carbon/grid_factor.hpp"
#include "joulery/detail/carbon/format_significant.hpp"
#include "joulery/detail/carbon/intensity_over_time.hpp"
#include "joulery/detail/core/concat.hpp"
#include "joulery/detail/core/config.hpp"
#include "joulery/detail/core/finite.hpp"
#include "joulery/units.hpp"

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace joulery {
inline namespace v1 {

/// Embodied emissions as a rate: total / lifetime x share of use. Scopes are charged by their time.
/// Made by `embodied_for` (carbon/embodied.hpp), which asks for lifetime and share.
struct embodied_rate {
    emissions per_hour;  ///< of reserved wall time
    std::string source;  ///< items, lifetime, share, sources; empty: embodied carbon is not counted

    [[nodiscard]] bool known() const noexcept { return !source.empty(); }
    /// Share of the embodied emissions for `t` of wall time.
    [[nodiscard]] emissions of(seconds t) const noexcept { return per_hour * (t.count() / 3600); }
};

/// Water per energy. Water on site (cooling) is per IT energy; water at the power plant is per
/// facility energy, so that PUE is applied once: W = E_IT x (site + PUE x off site).
///
///     water_factors w;
///     w.site = 0.30; w.off_site = 3.1321;                  // liters per kWh
///     w.liters(1_kWh, 1.17);                               // 3.9646
struct water_factors {
    double site = 0;              ///< liters per kWh of IT energy; valid only with `site_source`
    double off_site = 0;          ///< liters per kWh of facility energy
    std::string site_source;      ///< publisher and year; empty: unknown
    std::string off_site_source;  ///< likewise for `off_site`

    /// True if either part is known.
    [[nodiscard]] bool known() const noexcept {
        return !site_source.empty() || !off_site_source.empty();
    }
    /// Liters used on site for `it` joules of IT energy.
    [[nodiscard]] double site_liters(energy it) const noexcept {
        return it.kilowatt_hours() * site;
    }
    /// Liters used at the power plants for the facility's electricity.
    [[nodiscard]] double plant_liters(energy it, double pue) const noexcept {
        return it.kilowatt_hours() * pue * off_site;
    }
    [[nodiscard]] double liters(energy it, double pue) const noexcept {
        return site_liters(it) + plant_liters(it, pue);
    }
};

/// The source of the default PUE.
inline constexpr const char* no_pue_stated = "none stated: 1.0, the machine alone";

/// A PUE above the first limit is probably an error; it is used, with a warning. A PUE above the
/// second is not used.
inline constexpr double absurd_pue = 3;
inline constexpr double impossible_pue = 100;

/// How a run's emissions are computed: energy at the machine x PUE x grid intensity.
///
/// Units:  g/kWh inside `grid`; PUE is facility energy over IT energy, applied exactly once.
/// Thread: plain data; `of` may be called from several threads.
/// Cost:   `of` is two multiplications; with a series also a binary search.
/// Fails:  never; `sanitize` replaces impossible values, with a warning.
///
///     options o;
///     o.carbon = carbon_model{56_g_per_kWh, 1.1};       // the user's own figures
///     o.carbon = *carbon_for("aws:eu-west-3");           // carbon/places.hpp: from the tables
///     o.carbon.series = *read_intensity_series("fr.csv");  // carbon/series_reader.hpp
struct carbon_model {
    grid_factor grid;  ///< location-based; with a series, the series' description and mean
    double pue = 1.0;
    std::string pue_source = no_pue_stated;
    std::shared_ptr<const intensity_over_time> series;  ///< null: `grid` for the whole run
    std::optional<grid_factor> market;  ///< contractual intensity, shown separately, never mixed
    std::vector<grid_factor> alternatives;  ///< other sources for the same place: the range
    water_factors water;
    embodied_rate embodied;

    carbon_model() = default;
    explicit carbon_model(carbon_intensity stated) : grid(stated_intensity(stated)) {}
    carbon_model(carbon_intensity stated, double stated_pue)
        : grid(stated_intensity(stated)), pue(stated_pue), pue_source("stated by the user") {}
    explicit carbon_model(grid_factor f) : grid(std::move(f)) {}
    carbon_model(grid_factor f, double stated_pue, std::string source = "stated by the user")
        : grid(std::move(f)), pue(stated_pue), pue_source(std::move(source)) {}

    /// The user's own figure, which overrides everything else.
    carbon_model& intensity(carbon_intensity stated) {
        grid = stated_intensity(stated);
        alternatives.clear();
        series.reset();
        return *this;
    }
    carbon_model& overhead(double stated_pue, std::string source = "stated by the user") {
        pue = stated_pue;
        pue_source = std::move(source);
        return *this;
    }

    /// Energy of the facility when the machine uses `it` joules.
    [[nodiscard]] energy facility(energy it) const noexcept { return it * pue; }

    /// Emissions of `e` joules of IT energy, including the facility's overhead, at the run's fixed
    /// intensity.
    [[nodiscard]] emissions of(energy e) const noexcept { return e * pue * grid.intensity; }

    /// The same for energy used between two moments, at the mean of the series over that time if
    /// there is a series. The meter calls this for every interval of a run.
    [[nodiscard]] emissions of(energy e, wall_time begin, wall_time end) const noexcept {
        return series ? e * pue * series->mean(begin, end) : of(e);
    }

    /// By the contract's intensity; empty without a contract.
    [[nodiscard]] std::optional<emissions> market_based(energy e) const noexcept {
        if (!market) return std::nullopt;
        return e * pue * market->intensity;
    }

    /// The factor of this place with the same definition as `other`: `grid`, else the first such
    /// alternative, else null.
    [[nodiscard]] const grid_factor* comparable_with(const grid_factor& other) const {
        if (is_comparable(grid, other)) return &grid;
        for (const grid_factor& f : alternatives)
            if (is_comparable(f, other)) return &f;
        return nullptr;
    }

    /// Lowest and highest intensity among `grid` and `alternatives`.
    [[nodiscard]] std::pair<carbon_intensity, carbon_intensity> range() const noexcept {
        auto r = std::make_pair(grid.intensity, grid.intensity);
        for (const grid_factor& f : alternatives) {
            if (f.intensity < r.first) r.first = f.intensity;
            if (f.intensity > r.second) r.second = f.intensity;
        }
        return r;
    }

    /// Replaces impossible values (intensity not positive, PUE below 1) by the defaults. Returns a
    /// warning for each of these and for implausible values. Called once, at the start of a run.
    std::vector<std::string> sanitize();

    /// The assumptions behind the emissions of a run between two moments, one sentence each.
    [[nodiscard]] std::vector<std::string> assumptions(wall_time begin, wall_time end) const;
};

inline std::vector<std::string> carbon_model::sanitize() {
    std::vector<std::string> warnings;
    if (series && grid.assumed) {  // the report must not call a series the world's average
        grid = stated_intensity(series->at(wall_time::now()));
        grid.place = "as the series says";
        grid.source = "an intensity series given by the program";
    }
    const auto check = [&](const grid_factor& f, const char* instead) {
        const double g = f.intensity.grams_per_kwh();
        if (!is_positive(g)) {
            warnings.push_back(concat({"carbon intensity ", format_significant(g),
                                       " g/kWh is not above zero; ", instead}));
            return false;
        }
        if (g >= impossible_grams_per_kwh) {
            warnings.push_back(
                concat({"carbon intensity ", format_significant(g),
                        " g/kWh is a tonne or more for each kWh, more than any grid; ", instead}));
            return false;
        }
        if (g > absurd_grams_per_kwh)
            warnings.push_back(concat(
                {"carbon intensity ", format_significant(g),
                 " g/kWh is above 2000, more than any grid: is it in g/kWh? Used as it is"}));
        return true;
    };
    if (!check(grid, "the world average, 472.94 g/kWh, is used")) grid = grid_factor{};
    if (market && !check(*market, "no market-based figure is given")) market.reset();
    if (!is_finite(pue) || pue < 1) {
        warnings.push_back(concat({"PUE ", format_significant(pue),
                                   " is below 1, less than the machine itself; 1.0 is used"}));
        pue = 1.0;
        pue_source = no_pue_stated;
    } else if (pue >= impossible_pue) {
        warnings.push_back(
            concat({"PUE ", format_significant(pue),
                    " is a hundred times the machine's own energy or more; 1.0 is used"}));
        pue = 1.0;
        pue_source = no_pue_stated;
    } else if (pue > absurd_pue) {
        warnings.push_back(
            concat({"PUE ", format_significant(pue),
                    " is above 3, more than data centers publish: is it facility energy over "
                    "IT energy? Used as it is"}));
    }
    return warnings;
}

inline std::vector<std::string> carbon_model::assumptions(wall_time begin, wall_time end) const {
    std::vector<std::string> out;
    if (grid.assumed && !series)
        out.push_back(concat({"no place was stated: the ", grid.place, " average, ",
                              format_significant(grid.intensity.grams_per_kwh(), 5),
                              " g/kWh, is assumed (", grid.source, ", ", grid.year, ")"}));
    if (series && begin.unix_seconds() > 0) {
        const double covered = series->coverage(begin, end);
        if (covered < 1 - 1e-9)
            out.push_back(
                concat({"the intensity series covers ", format_significant(covered * 100, 3),
                        " % of the run; the rest is converted at the series' fallback"}));
    }
    if (pue_source == no_pue_stated)
        out.push_back("no PUE was stated: 1.0 is used, without the data center's overhead");
    if (!embodied.known()) out.push_back("embodied emissions of the hardware are not counted");
    return out;
}

}  // namespace v1
}  // namespace joulery
