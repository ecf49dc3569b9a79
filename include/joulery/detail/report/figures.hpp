// figures.hpp - the figures of a report as short texts, marked where estimated.
// SPDX-License-Identifier: MIT
#pragma once

#include "joulery/detail/core/finite.hpp"
#include "joulery/detail/core/unit_text.hpp"
#include "joulery/detail/core/utf8.hpp"
#include "joulery/quality.hpp"
#include "joulery/report.hpp"

#include <cmath>
#include <string>

namespace joulery {
inline namespace v1 {

/// "~1.2 kJ" where the figure rests on a model, "1.2 kJ" where it was measured.
[[nodiscard]] inline std::string with_quality_prefix(const std::string& text, quality q) {
    return q == quality::estimated ? "~" + text : text;
}

/// Uncertainty as a share of the total with two digits: "±3.2 %"; "" where none is stated,
/// "±>100 %" beyond.
[[nodiscard]] inline std::string uncertainty_text(const scope_row& row) {
    const double percent = 100 * (row.uncertainty / row.total);
    if (is_nan(percent) || percent <= 0) return {};
    if (percent > 100) return "\xC2\xB1>100 %";
    const double step = percent >= 9.95 ? 1 : (percent >= 0.995 ? 0.1 : 0.01);
    return "\xC2\xB1" + detail::plain_text(std::round(percent / step) * step, "%");
}

/// Joules of one item: "12.3 mJ/sample"; "" where no items were added.
[[nodiscard]] inline std::string per_item_text(const scope_row& row) {
    if (!is_positive(row.items)) return {};
    const std::string name = row.item_name.empty() ? "item" : escape_control(row.item_name);
    return with_quality_prefix(to_text(row.total / row.items), row.provenance) + "/" + name;
}

/// Mean power over that; "" where it took no time.
[[nodiscard]] inline std::string power_text(const scope_row& row) {
    return is_positive(busy_time_of(row).count())
               ? with_quality_prefix(to_text(row.total / busy_time_of(row)), row.provenance)
               : "";
}

/// Where the grid factor comes from: "World 2024, lifecycle, location-based average".
[[nodiscard]] inline std::string grid_text(const grid_factor& grid) {
    std::string out = escape_control(grid.place);
    if (grid.year > 0) out += " " + std::to_string(grid.year);
    if (grid.boundary != "as stated")
        out += ", " + escape_control(grid.boundary) + ", " + escape_control(grid.kind) + ", " +
               escape_control(grid.method) + "-based";
    return out;
}

/// One sentence on what measuring itself cost.
[[nodiscard]] inline std::string overhead_text(const self_cost& o) {
    return percent_text(o.share_of_wall) + " of the run (sampler " + to_text(o.sampler) +
           ", edges of scopes " + to_text(o.edges) + "; " +
           count_text(static_cast<double>(o.samples)) + " samples, " +
           count_text(static_cast<double>(o.edge_reads)) + " edge reads, " +
           count_text(static_cast<double>(o.skipped_edges)) + " skipped), about " +
           to_text(o.joules);
}

}  // namespace v1
}  // namespace joulery
