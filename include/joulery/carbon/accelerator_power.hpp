// accelerator_power.hpp - rated power of accelerators, for runs that were not measured.
// SPDX-License-Identifier: MIT
#pragma once

#include "joulery/detail/core/config.hpp"
#include "joulery/result.hpp"
#include "joulery/units.hpp"

#include <string>
#include <string_view>

namespace joulery {
inline namespace v1 {

/// An entry of the table: thermal design power, or the mean measured in a paper.
struct accelerator_power {
    std::string name;    ///< "A100 SXM4 80 GB"
    power watts;         ///< of one device
    std::string source;  ///< "TDP, mlco2/impact d0d3ee5"
};

/// Finds an accelerator by its name, or by a part of the name. If several match, the result is the
/// one with the highest power, and the source names the others.
///
/// Fails:  if nothing matches, or if the powers of the matches differ by more than a factor of two.
///
///     auto p = accelerator_power_for("V100-SXM2-32GB");   // 300 W
///     if (p) energy e = p->watts * hours * 0.6;           // 0.6: mean utilization
[[nodiscard]] JOULERY_DECL result<accelerator_power> accelerator_power_for(std::string_view name);

}  // namespace v1
}  // namespace joulery

#ifdef JOULERY_IMPLEMENTATION

#include "joulery/detail/carbon/place_name.hpp"
#include "joulery/detail/carbon/tables/hardware_table.hpp"
#include "joulery/detail/core/concat.hpp"
#include "joulery/detail/core/unit_text.hpp"

#include <algorithm>

namespace joulery {
inline namespace v1 {

JOULERY_DECL result<accelerator_power> accelerator_power_for(std::string_view name) {
    const folded_name wanted = fold_place(name);
    const accelerator_row *most = nullptr, *exact = nullptr;
    double least = 0;
    std::string fits, all;
    for (const accelerator_row& r : accelerator_table) {
        append(all, {all.empty() ? "" : "; ", r.name});
        const folded_name have = fold_place(r.name);
        if (wanted.view().empty() || have.view().find(wanted.view()) == std::string_view::npos)
            continue;
        if (exact == nullptr && have.view() == wanted.view()) exact = &r;
        least = most == nullptr ? r.watts : std::min<double>(least, r.watts);
        if (most == nullptr || r.watts > most->watts) most = &r;
        append(fits,
               {fits.empty() ? "" : "; ", r.name, " (", to_text(power::from_watts(r.watts)), ")"});
    }
    const std::string quoted = concat({"'", name, "'"});
    const auto figure = [](const accelerator_row& r) {
        return accelerator_power{r.name, power::from_watts(r.watts),
                                 concat({r.what, ", ", r.source})};
    };
    if (exact != nullptr) return figure(*exact);
    if (most != nullptr && most->watts <= 2 * least) {
        accelerator_power found = figure(*most);
        if (most->watts > least)
            append(found.source, {"; the highest of those that match ", quoted, ": ", fits});
        return found;
    }
    if (most != nullptr)
        return failure{concat({quoted, " matches accelerators of different power: ", fits}),
                       "give a full name"};
    return failure{concat({"no accelerator is called ", quoted, "; known: ", all}),
                   "state the energy itself"};
}

}  // namespace v1
}  // namespace joulery

#endif
