// statement.hpp - lists what in a report was measured, estimated and assumed.
// SPDX-License-Identifier: MIT
#pragma once

#include "joulery/carbon/grid_factor.hpp"
#include "joulery/detail/carbon/format_significant.hpp"
#include "joulery/detail/core/concat.hpp"
#include "joulery/detail/report/known_energy.hpp"
#include "joulery/report.hpp"

#include <string>
#include <vector>

namespace joulery {
inline namespace v1 {

/// Three lists of sentences, for documents that are submitted to others.
struct statement {
    std::vector<std::string> measured, estimated, assumed;
};

[[nodiscard]] inline statement statement_of(const report& r) {
    statement out;
    for (const channel_row& c : r.channels) {
        if (!c.summed) continue;
        const std::string text =
            concat({"energy of ", c.id, " (", c.backend, ", ", to_text(c.provenance), ")"});
        const bool read = c.provenance == quality::measured || c.provenance == quality::derived;
        (read ? out.measured : out.estimated).push_back(text);
    }
    if (!knows_energy(r)) {  // then nothing can be derived
        out.assumed.push_back("nothing: no energy is known, and so no emissions");
        return out;
    }
    const carbon_model& m = r.context.carbon;
    out.estimated.push_back(
        concat({"emissions: energy x PUE x grid intensity, ", to_text(m.grid)}));
    if (m.pue_source != no_pue_stated)
        out.estimated.push_back(concat({"overhead of the data centre: PUE ",
                                        format_significant(m.pue, 4), ", ", m.pue_source}));
    const auto end =
        wall_time::from_unix_seconds(r.context.started.unix_seconds() + r.context.duration.count());
    out.assumed = m.assumptions(r.context.started, end);
    if (r.channels.empty()) out.assumed.push_back("the energy was stated, not read from a channel");
    return out;
}

}  // namespace v1
}  // namespace joulery
