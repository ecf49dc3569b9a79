// carbon_notes.hpp - carbon figures besides the main one; what was measured, estimated, assumed.
// SPDX-License-Identifier: MIT
#pragma once

#include "joulery/carbon/grid_factor.hpp"
#include "joulery/detail/carbon/format_significant.hpp"
#include "joulery/detail/core/concat.hpp"
#include "joulery/detail/core/list.hpp"
#include "joulery/detail/core/unit_text.hpp"
#include "joulery/detail/report/figures.hpp"
#include "joulery/report.hpp"

#include <string>
#include <vector>

namespace joulery {
inline namespace v1 {

/// A line for people: a short label and a sentence.
struct carbon_note {
    std::string label;
    std::string text;
};

/// The range of the sources if they differ by more than a hundredth, the facility's energy, the
/// market-based figure, embodied emissions and water, each with its source, as far as the run's
/// model has them.
///
///     for (const carbon_note& n : carbon_notes(r)) print(n.label, n.text);
[[nodiscard]] inline detail::list<carbon_note> carbon_notes(const report& r) {
    const carbon_model& m = r.context.carbon;
    detail::list<carbon_note> out;
    const auto range = m.range();
    if (range.first.grams_per_kwh() * 1.01 < range.second.grams_per_kwh()) {
        std::string others;
        for (const grid_factor& f : m.alternatives)
            others += (others.empty() ? "" : "; ") + to_text(f);
        out.push_back({"range", concat({"sources differ, ",
                                        format_significant(range.first.grams_per_kwh(), 4), " to ",
                                        format_significant(range.second.grams_per_kwh(), 4),
                                        " g/kWh; other sources: ", others})});
    }
    const bool known = knows_energy(r);
    if (known && m.pue > 1)
        out.push_back({"facility",
                       concat({to_text(m.facility(r.total)), " with the data center's overhead"})});
    if (const auto market = m.market_based(r.total); market && known)
        out.push_back(
            {"market", concat({to_text(*market), " market-based, at ", to_text(*m.market)})});
    if (m.embodied.known())
        out.push_back(
            {"embodied", concat({to_text(m.embodied.of(r.context.duration)), " of the ",
                                 "hardware's embodied emissions (", m.embodied.source, ")"})});
    if (known && !m.water.site_source.empty())
        out.push_back({"water", concat({liters_text(m.water.site_liters(r.total)), " on site (",
                                        m.water.site_source, ")"})});
    if (known && !m.water.off_site_source.empty())
        out.push_back({"water", concat({liters_text(m.water.plant_liters(r.total, m.pue)),
                                        " at the power plants (", m.water.off_site_source, ")"})});
    return out;
}

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
        out.estimated.push_back(concat({"overhead of the data center: PUE ",
                                        format_significant(m.pue, 4), ", ", m.pue_source}));
    const auto end =
        wall_time::from_unix_seconds(r.context.started.unix_seconds() + r.context.duration.count());
    out.assumed = m.assumptions(r.context.started, end);
    if (r.channels.empty()) out.assumed.push_back("the energy was stated, not read from a channel");
    return out;
}

}  // namespace v1
}  // namespace joulery
