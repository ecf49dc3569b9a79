// shown_rows.hpp - which scopes of a long report a table has room for.
// SPDX-License-Identifier: MIT
#pragma once

#include "joulery/detail/core/concat.hpp"
#include "joulery/detail/core/finite.hpp"
#include "joulery/detail/core/list.hpp"
#include "joulery/detail/report/scope_tree.hpp"
#include "joulery/report.hpp"

#include <algorithm>
#include <cstddef>
#include <queue>
#include <string>
#include <utility>
#include <vector>

namespace joulery {
inline namespace v1 {

/// A line of a table of scopes: a scope, or how many of its siblings were left out.
struct shown_row {
    std::size_t scope = scope_tree::none;  ///< index of the scope; `none`: siblings left out
    std::size_t level = 0;                 ///< how many scopes enclose it
    std::size_t left_out = 0;              ///< how many scopes stand behind this line
    energy total;                          ///< of the siblings left out
    quality provenance = quality::measured;
    emissions co2e;
};

/// The scopes that a table of `at_most` scopes shows, depth first: every outermost scope first,
/// then the most expensive scopes opened. What is left out beside a scope that is shown is one
/// line, so that no energy is out of sight. 0: all.
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
        // Groups of siblings that are being listed: each with the place it has come to.
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

    // The most expensive scope whose parent is shown comes next; of two equal ones, the first.
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

    // One sibling alone takes no more room than the line that would stand for it.
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

/// "31 more": the name of a line that stands for scopes left out.
[[nodiscard]] inline std::string left_out_text(const shown_row& row) {
    return concat({"(", row.left_out, " more)"});
}

}  // namespace v1
}  // namespace joulery
