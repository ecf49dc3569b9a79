// scope_tree.hpp - the tree of a report's rows.
// SPDX-License-Identifier: MIT
#pragma once

#include "joulery/detail/core/finite.hpp"
#include "joulery/detail/core/list.hpp"
#include "joulery/report.hpp"

#include <algorithm>
#include <cstddef>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

namespace joulery {
inline namespace v1 {

/// The rows of a report as a tree, in any order. A parent that is not in the report is ignored.
///
/// Cost: linear in the rows.
///
///     scope_tree tree(r);
///     for (std::size_t i : tree.order) print(r.scopes[i], tree.level[i]);
struct scope_tree {
    static constexpr std::size_t none = scope_row::no_parent;
    std::vector<std::size_t> parent;  ///< index of the enclosing row, or `none`
    std::vector<std::size_t> level;   ///< number of enclosing rows
    std::vector<std::size_t> order;   ///< depth first, siblings as in the report
    detail::list<std::vector<std::size_t>> children;

    explicit scope_tree(const report& r) {
        const std::size_t n = r.scopes.size();
        level.assign(n, 0);
        children.resize(n);
        for (const scope_row& row : r.scopes) parent.push_back(row.parent < n ? row.parent : none);
        for (std::size_t i = 0; i < n; ++i)
            if (parent[i] != none) children[parent[i]].push_back(i);
        walk();
    }

 private:
    void walk() {
        std::vector<std::size_t> stack;
        for (std::size_t i = parent.size(); i-- > 0;)
            if (parent[i] == none) stack.push_back(i);
        while (!stack.empty()) {
            const std::size_t i = stack.back();
            stack.pop_back();
            order.push_back(i);
            if (parent[i] != none) level[i] = level[parent[i]] + 1;
            stack.insert(stack.end(), children[i].rbegin(), children[i].rend());
        }
    }
};

/// Numbers the scopes of several reports: rows of different reports with the same names from the
/// root have the same number.
///
///     row_places places;
///     std::vector<std::size_t> here = places.add(r);   // here[i]: of r.scopes[i]
class row_places {
 public:
    /// The numbers of the rows of `r`; parents must come before their children.
    std::vector<std::size_t> add(const report& r) {
        std::vector<std::size_t> numbers;
        numbers.reserve(r.scopes.size());
        for (const scope_row& row : r.scopes) {
            const std::size_t above =
                row.parent < numbers.size() ? numbers[row.parent] : scope_row::no_parent;
            std::string key = std::to_string(above);
            key.append("/").append(row.name);
            numbers.push_back(places_.emplace(std::move(key), places_.size()).first->second);
        }
        return numbers;
    }
    [[nodiscard]] std::size_t size() const noexcept { return places_.size(); }

 private:
    std::unordered_map<std::string, std::size_t> places_;
};

namespace detail {

inline constexpr const char* outside_name = "(outside all scopes)";

/// A row's own joules as a weight; negative values and not-a-number count as 0.
inline double flame_weight(energy self) noexcept {
    const double j = self.joules();
    return is_positive(j) ? j : 0;
}

/// Indexes of the rows from the root to `i`.
inline std::vector<std::size_t> flame_stack(const scope_tree& tree, std::size_t i) {
    std::vector<std::size_t> stack;
    for (; i != scope_tree::none; i = tree.parent[i]) stack.push_back(i);
    std::reverse(stack.begin(), stack.end());
    return stack;
}

}  // namespace detail

}  // namespace v1
}  // namespace joulery
