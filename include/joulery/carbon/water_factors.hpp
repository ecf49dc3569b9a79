// water_factors.hpp - litres of water that a kilowatt-hour costs.
// SPDX-License-Identifier: MIT
#pragma once

#include "joulery/detail/core/config.hpp"
#include "joulery/units.hpp"

#include <string>

namespace joulery {
inline namespace v1 {

/// Water per energy. On site (cooling) it goes with IT energy; at the power plant with the energy
/// of the whole facility, so that PUE enters once: W = E_IT x (site + PUE x off site).
///
///     water_factors w;
///     w.site = 0.30; w.off_site = 3.1321;                  // litres per kWh
///     w.litres(1_kWh, 1.17);                               // 3.9646
struct water_factors {
    double site = 0;          ///< litres per kWh of IT energy; meaningful with `site_source` only
    double off_site = 0;      ///< litres per kWh of facility energy
    std::string site_source;  ///< who says so, with the year; empty: not known
    std::string off_site_source;  ///< likewise for `off_site`

    /// True where either part is known.
    [[nodiscard]] bool known() const noexcept {
        return !site_source.empty() || !off_site_source.empty();
    }
    /// Litres evaporated or used on site for `it` joules of IT energy.
    [[nodiscard]] double site_litres(energy it) const noexcept {
        return it.kilowatt_hours() * site;
    }
    /// Litres used at the plants that made the facility's electricity.
    [[nodiscard]] double plant_litres(energy it, double pue) const noexcept {
        return it.kilowatt_hours() * pue * off_site;
    }
    [[nodiscard]] double litres(energy it, double pue) const noexcept {
        return site_litres(it) + plant_litres(it, pue);
    }
};

}  // namespace v1
}  // namespace joulery
