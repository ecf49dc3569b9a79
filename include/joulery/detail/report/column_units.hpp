// column_units.hpp - one unit for the energies of a report's table.
// SPDX-License-Identifier: MIT
#pragma once

#include "joulery/detail/core/finite.hpp"
#include "joulery/detail/core/unit_text.hpp"
#include "joulery/report.hpp"

#include <cmath>
#include <string>

namespace joulery {
inline namespace v1 {

/// The units of a report's energies and masses, chosen by the largest: joules or watt-hours, each
/// with a fitting prefix. Masses are grams and tonnes, which count as one family.
///
/// Cost: linear in the rows.
///
///     const column_units units(r);
///     print(units.text(row.total), units.text(row.co2e));
class column_units {
 public:
    explicit column_units(const report& r) {
        note(r.total);
        for (const channel_row& c : r.channels) note(c.total);
        for (const scope_row& row : r.scopes) note(row.total);
    }

    [[nodiscard]] std::string text(energy e) const { return to_text_beside(e, largest_); }
    [[nodiscard]] std::string text(emissions m) const { return mass_text(m); }

 private:
    void note(energy e) {
        const double size = std::fabs(e.joules());
        if (is_finite(size) && size > largest_.joules()) largest_ = energy::from_joules(size);
    }

    energy largest_;
};

}  // namespace v1
}  // namespace joulery
