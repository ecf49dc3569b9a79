// call_spreads.hpp - the rows whose single calls a report for people lists, and their figures.
// SPDX-License-Identifier: MIT
#pragma once

#include "joulery/detail/core/list.hpp"
#include "joulery/detail/core/unit_text.hpp"
#include "joulery/detail/report/figures.hpp"
#include "joulery/detail/report/scope_tree.hpp"
#include "joulery/report.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace joulery {
inline namespace v1 {
namespace detail {

/// Rows of which percentiles are known, of at least `least_calls` calls and at most `most` of them:
/// those with the most energy, in the order of the tree.
[[nodiscard]] inline std::vector<std::size_t> rows_with_spreads(const report& r,
                                                                const scope_tree& tree,
                                                                std::uint64_t least_calls,
                                                                std::size_t most) {
    std::vector<std::size_t> rows;
    for (const std::size_t i : tree.order)
        if (r.scopes[i].call_time.max.count() > 0 && r.scopes[i].calls >= least_calls)
            rows.push_back(i);
    if (rows.size() <= most) return rows;
    std::vector<energy> totals;
    for (const std::size_t i : rows) totals.push_back(r.scopes[i].total);
    const auto nth = totals.begin() + static_cast<std::ptrdiff_t>(most);
    std::nth_element(totals.begin(), nth, totals.end(), [](energy a, energy b) { return a > b; });
    const energy least = *nth;
    erase_from(rows, [&](std::size_t i) { return !(r.scopes[i].total > least); });
    return rows;
}

/// A figure of single calls, and what a table sorts it by.
struct spread_cell {
    std::string text;
    double value = 0;
};

/// p50, p90, p99 and the largest, of the times and of the energies; the latter empty where they are
/// not known.
[[nodiscard]] inline std::array<spread_cell, 8> spread_cells(const scope_row& row) {
    const percentiles<seconds>& t = row.call_time;
    const percentiles<energy>& e = row.call_energy;
    std::array<spread_cell, 8> cells;
    std::size_t at = 0;
    for (const seconds s : {t.p50, t.p90, t.p99, t.max}) cells[at++] = {to_text(s), s.count()};
    for (const energy j : {e.p50, e.p90, e.p99, e.max}) {
        if (!row.call_method.empty())
            cells[at] = {with_quality_prefix(to_text(j), row.provenance), j.joules()};
        ++at;
    }
    return cells;
}

inline constexpr const char* spread_note =
    "energy by: edges, counters read at both ends of each call; tasks, a span's tasks at their "
    "powers; time, each call's time at the scope's mean power";

}  // namespace detail
}  // namespace v1
}  // namespace joulery
