// shown_rows.hpp - selects the scopes of a long report that a table shows.
// SPDX-License-Identifier: MIT
#pragma once

#include "joulery/detail/core/concat.hpp"
#include "joulery/detail/core/finite.hpp"
#include "joulery/detail/core/list.hpp"
#include "joulery/detail/core/unit_text.hpp"
#include "joulery/detail/report/figures.hpp"
#include "joulery/detail/report/scope_tree.hpp"
#include "joulery/report.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <queue>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace joulery {
inline namespace v1 {

/// A line of a table of scopes: a scope, or the number of omitted siblings.
struct shown_row {
    std::size_t scope = scope_tree::none;  ///< index of the scope; `none`: omitted siblings
    std::size_t level = 0;                 ///< number of enclosing scopes
    std::size_t left_out = 0;              ///< number of scopes that this line summarizes
    energy total;                          ///< of the omitted siblings
    quality provenance = quality::measured;
    emissions co2e;
};

/// The scopes that a table of `at_most` scopes shows, depth first: all outermost scopes, then the
/// children of the most expensive ones. Omitted siblings are summarized in one line, so that no
/// energy is missing. 0: all.
///
/// Cost: n log n in the scopes.
///
///     for (const shown_row& row : shown_rows(r, tree, 60)) print(row);
class row_selection {
 public:
    row_selection(const report& r, const scope_tree& tree, std::size_t at_most)
        : r_(r), tree_(tree), chosen_(r.scopes.size(), at_most == 0) {
        if (at_most != 0) choose(at_most);
    }

    [[nodiscard]] detail::list<shown_row> rows() {
        detail::list<shown_row> out;
        std::vector<std::size_t> tops;
        for (const std::size_t i : tree_.order)
            if (tree_.parent[i] == scope_tree::none) tops.push_back(i);
        // Groups of siblings being listed, each with its position.
        detail::list<std::pair<const std::vector<std::size_t>*, std::size_t>> open{{&tops, 0}};
        while (!open.empty()) {
            auto& [siblings, at] = open.back();
            while (at < siblings->size() && !chosen_[(*siblings)[at]]) ++at;
            if (at == siblings->size()) {
                add_left_out(out, *siblings, open.size() - 1);
                open.pop_back();
                continue;
            }
            const std::size_t i = (*siblings)[at++];
            out.push_back({i, open.size() - 1, 0, {}, r_.scopes[i].provenance, {}});
            const std::vector<std::size_t>& inner = tree_.children[i];
            if (any_in(inner, [this](std::size_t c) { return chosen_[c]; }))
                open.emplace_back(&inner, 0);
        }
        return out;
    }

 private:
    [[nodiscard]] double joules(std::size_t i) const {
        const double j = r_.scopes[i].total.joules();
        return is_finite(j) ? j : 0;
    }

    // The most expensive scope whose parent is shown is next; the first one if two are equal.
    void choose(std::size_t at_most) {
        using entry = std::pair<double, std::size_t>;
        const auto later = [](const entry& a, const entry& b) {
            return a.first < b.first || (!(b.first < a.first) && a.second > b.second);
        };
        std::priority_queue<entry, detail::list<entry>, decltype(later)> inner(later), tops(later);
        for (const std::size_t i : tree_.order)
            if (tree_.parent[i] == scope_tree::none) tops.push({joules(i), i});
        const auto take = [&](auto& queue) {
            const std::size_t i = queue.top().second;
            queue.pop();
            chosen_[i] = true;
            for (const std::size_t c : tree_.children[i]) inner.push({joules(c), c});
        };
        for (; at_most > 0 && !tops.empty(); --at_most) take(tops);
        for (; at_most > 0 && !inner.empty(); --at_most) take(inner);
    }

    // A single omitted sibling is shown instead of the line that would replace it.
    void add_left_out(detail::list<shown_row>& out, const std::vector<std::size_t>& siblings,
                      std::size_t level) const {
        shown_row rest;
        rest.level = level;
        std::size_t last = scope_tree::none;
        for (const std::size_t i : siblings) {
            if (chosen_[i]) continue;
            const scope_row& row = r_.scopes[i];
            rest.provenance =
                rest.left_out == 0 ? row.provenance : worse_of(rest.provenance, row.provenance);
            rest.total += row.total;
            rest.co2e += row.co2e;
            ++rest.left_out;
            last = i;
        }
        if (rest.left_out == 1)
            out.push_back({last, level, 0, {}, r_.scopes[last].provenance, {}});
        else if (rest.left_out > 1)
            out.push_back(rest);
    }

    const report& r_;
    const scope_tree& tree_;
    detail::list<bool> chosen_;
};

[[nodiscard]] inline detail::list<shown_row> shown_rows(const report& r, const scope_tree& tree,
                                                        std::size_t at_most) {
    return row_selection(r, tree, at_most).rows();
}

/// "31 more": the name of a line for omitted scopes.
[[nodiscard]] inline std::string left_out_text(const shown_row& row) {
    return concat({"(", row.left_out, " more)"});
}

/// The kinds of parts in a report's total, in the order of `component`; empty if there is only one
/// kind, or nothing but processors and memory.
///
///     for (component part : parts_of(r)) print(part_title(part), energy_of_part(r, row, part));
[[nodiscard]] inline detail::list<component> parts_of(const report& r) {
    bool seen[static_cast<std::size_t>(component::other) + 1] = {};
    for (const channel_row& c : r.channels)
        if (c.summed) seen[static_cast<std::size_t>(c.part)] = true;
    detail::list<component> out;
    for (std::size_t i = 0; i < sizeof seen; ++i)
        if (seen[i]) out.push_back(static_cast<component>(i));
    const bool accelerated = seen[static_cast<std::size_t>(component::gpu)] ||
                             seen[static_cast<std::size_t>(component::npu)];
    if (out.size() < 2 || !accelerated) out.clear();
    return out;
}

/// Energy of `row` on the summed channels of one kind.
[[nodiscard]] inline energy energy_of_part(const report& r, const scope_row& row, component part) {
    energy sum;
    for (std::size_t c = 0; c < r.channels.size() && c < row.by_channel.size(); ++c)
        if (r.channels[c].summed && r.channels[c].part == part) sum += row.by_channel[c];
    return sum;
}

/// Energy of the machine for one kind, in the whole run or outside all scopes.
[[nodiscard]] inline energy energy_of_part(const report& r, component part,
                                           energy channel_row::*which = &channel_row::total) {
    energy sum;
    for (const channel_row& c : r.channels)
        if (c.summed && c.part == part) sum += c.*which;
    return sum;
}

/// The head of a column: "CPU", "GPU", "memory".
[[nodiscard]] constexpr std::string_view part_title(component part) noexcept {
    switch (part) {
        case component::cpu:
            return "CPU";
        case component::gpu:
            return "GPU";
        case component::npu:
            return "NPU";
        case component::dram:
            return "memory";
        case component::soc:
            return "SoC";
        case component::board:
            return "board";
        case component::platform:
            return "platform";
        case component::other:
            return "other";
    }
    return "other";
}

namespace detail {

/// Rows with known percentiles and at least `least_calls` calls, at most `most` of them: the most
/// expensive ones, in tree order.
[[nodiscard]] inline std::vector<std::size_t> rows_with_percentiles(const report& r,
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

/// A figure of single calls, and its value for sorting.
struct percentile_cell {
    std::string text;
    double value = 0;
};

/// p50, p90, p99 and the largest, of times and of energies; the latter are empty if unknown.
[[nodiscard]] inline std::array<percentile_cell, 8> percentile_cells(const scope_row& row) {
    const percentiles<seconds>& t = row.call_time;
    const percentiles<energy>& e = row.call_energy;
    std::array<percentile_cell, 8> cells;
    std::size_t at = 0;
    for (const seconds s : {t.p50, t.p90, t.p99, t.max}) cells[at++] = {to_text(s), s.count()};
    for (const energy j : {e.p50, e.p90, e.p99, e.max}) {
        if (!row.call_method.empty())
            cells[at] = {with_quality_prefix(to_text(j), row.provenance), j.joules()};
        ++at;
    }
    return cells;
}

inline constexpr const char* percentile_note =
    "energy by: edges, counters read at both ends of each call; tasks, a span's tasks at their "
    "powers; time, each call's time at the scope's mean power";

}  // namespace detail
}  // namespace v1
}  // namespace joulery
