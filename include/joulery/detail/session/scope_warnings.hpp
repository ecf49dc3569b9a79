// scope_warnings.hpp - what a report says about scopes that were used in an unexpected way.
// SPDX-License-Identifier: MIT
#pragma once

#include "joulery/detail/core/finite.hpp"
#include "joulery/detail/core/list.hpp"
#include "joulery/detail/session/engine.hpp"
#include "joulery/detail/session/path_tallies.hpp"
#include "joulery/detail/timing/path_table.hpp"
#include "joulery/report.hpp"

#include <cstddef>
#include <string>

namespace joulery {
inline namespace v1 {
namespace detail {

/// " (so it is in 3 more scopes)".
[[nodiscard]] inline std::string and_more(std::size_t scopes) {
    if (scopes == 0) return {};
    return " (so it is in " + std::to_string(scopes) +
           (scopes == 1 ? " more scope)" : " more scopes)");
}

/// Items that can't be added up: of two units, or not a number. The first scope is named.
inline void warn_of_items(engine& e, report& r) {
    const list<path_table::mixed_items> mixed = e.paths().with_mixed_items();
    if (!mixed.empty())
        r.warnings.push_back(
            mixed[0].record->path + " counts items of different units, as \"" +
            e.paths().item_name(*mixed[0].record) + "\" and as \"" + mixed[0].other_name +
            "\"; they are added up: use one unit in a scope" + and_more(mixed.size() - 1));
    std::size_t bad = 0;
    const scope_row* first = nullptr;
    for (const scope_row& row : r.scopes)
        if (!is_amount(row.items) && bad++ == 0) first = &row;
    if (bad > 0)
        r.warnings.push_back(first->path + ": add_items() was given " +
                             (is_finite(first->items) ? "fewer than 0 items in all"
                                                      : "a count that is not a finite number") +
                             "; its energy per item is unknown" + and_more(bad - 1));
}

/// Thread: one at a time. Cost: linear in the rows.
inline void warn_of_scopes(engine& e, const edge_tally& edges, report& r) {
    if (e.paths().folded())
        r.warnings.push_back("more than " + std::to_string(path_table::max_paths) +
                             " distinct scope paths: further names are folded into \"(other)\"; "
                             "use add_items() instead of putting numbers into scope names");
    if (edges.too_deep > 0)
        r.warnings.push_back(std::to_string(edges.too_deep) + " scopes nested deeper than " +
                             std::to_string(thread_context::max_depth) +
                             " are part of the scope around them");
    if (edges.ended_elsewhere > 0)
        r.warnings.push_back(
            std::to_string(edges.ended_elsewhere) +
            " scopes ended on a different thread than they began on and may be nested wrongly; "
            "use joulery::span for work that moves between threads");
    if (edges.abandoned > 0)
        r.warnings.push_back(
            std::to_string(edges.abandoned) +
            " scopes were left without an end (longjmp); they count up to the next scope that "
            "began or ended around them");
    warn_of_items(e, r);
}

}  // namespace detail
}  // namespace v1
}  // namespace joulery
