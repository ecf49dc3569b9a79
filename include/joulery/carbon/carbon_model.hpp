// joulery/carbon/carbon_model.hpp - what turns joules at the plug into grams of CO2e.
// Layer 3. SPDX-License-Identifier: MIT
#pragma once

#include "joulery/core/units.hpp"

#include <string>

namespace joulery {
inline namespace v1 {

/// A grid factor with its definition; without it the number means little.
struct grid_factor {
    carbon_intensity intensity = carbon_intensity::from_grams_per_kwh(472.94);
    std::string place = "World";
    int year = 2024;
    std::string boundary = "lifecycle";     ///< direct | lifecycle
    std::string accounting = "production";  ///< production | consumption
    std::string kind = "average";           ///< average | marginal
    std::string method = "location";        ///< location | market
    std::string source = "Ember Yearly Electricity Data through co2.js 0.19.0 (CC BY 4.0)";
    bool assumed = true;  ///< nobody named a place: the world average stands in
};

/// A factor that the user states: `carbon_intensity` in g/kWh, by their own authority.
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

/// How a run's emissions are computed: energy at the machine x PUE x grid intensity.
///
///     options o;
///     o.carbon.grid = stated_intensity(56_g_per_kWh);
///     o.carbon.pue = 1.1;     // power usage effectiveness of the data centre; applied exactly
///     once
struct carbon_model {
    grid_factor grid;
    double pue = 1.0;
    std::string pue_source = "none stated: 1.0, the machine alone";

    /// Emissions of `e` joules used by the machine itself (IT energy), facility overhead included.
    [[nodiscard]] emissions of(energy e) const noexcept { return e * pue * grid.intensity; }
};

}  // namespace v1
}  // namespace joulery
