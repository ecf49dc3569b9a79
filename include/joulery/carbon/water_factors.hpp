// water_factors.hpp - litres of water per kilowatt-hour.
// SPDX-License-Identifier: MIT
#pragma once

#include "joulery/detail/core/config.hpp"
#include "joulery/units.hpp"

#include <string>

namespace joulery {
inline namespace v1 {

/// Water per energy. Water on site (cooling) is per IT energy; water at the power plant is per
/// facility energy, so that PUE is applied once: W = E_IT x (site + PUE x off site).
///
///     water_factors w;
///     w.site = 0.30; w.off_site = 3.1321;                  // litres per kWh
///     w.litres(1_kWh, 1.17);                               // 3.9646
struct water_factors {
    double site = 0;              ///< litres per kWh of IT energy; valid only with `site_source`
    double off_site = 0;          ///< litres per kWh of facility energy
    std::string site_source;      ///< publisher and year; empty: unknown
    std::string off_site_source;  ///< likewise for `off_site`

    /// True if either part is known.
    [[nodiscard]] bool known() const noexcept {
        return !site_source.empty() || !off_site_source.empty();
    }
    /// Litres used on site for `it` joules of IT energy.
    [[nodiscard]] double site_litres(energy it) const noexcept {
        return it.kilowatt_hours() * site;
    }
    /// Litres used at the power plants for the facility's electricity.
    [[nodiscard]] double plant_litres(energy it, double pue) const noexcept {
        return it.kilowatt_hours() * pue * off_site;
    }
    [[nodiscard]] double litres(energy it, double pue) const noexcept {
        return site_litres(it) + plant_litres(it, pue);
    }
};

}  // namespace v1
}  // namespace joulery
