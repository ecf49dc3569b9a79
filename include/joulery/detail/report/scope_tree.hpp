// scope_tree.hpp - which row of a report encloses which.
// SPDX-License-Identifier: MIT
#pragma once

#include "joulery/report.hpp"

#include <cstddef>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <vector>

namespace joulery {
inline namespace v1 {

/// The rows of a report as a tree, by path and depth, whatever their order.
///
/// A row's parent is the row whose path is the longest prefix (at a '/') with one depth less: a
/// scope named "train/step" at the top has depth 0 and no parent, with or without a row "train".
/// Cost: linear in the rows. Holds views of the report, which must outlive it.
///
///     scope_tree tree(r);
///     for (std::size_t i : tree.order) print(r.scopes[i], tree.level[i], tree.name(r, i));
struct scope_tree {
    static constexpr std::size_t none = ~std::size_t{0};
    std::vector<std::size_t> parent;  ///< index of the enclosing row, or `none`
    std::vector<std::size_t> level;   ///< how many rows enclose it
    std::vector<std::size_t> order;   ///< depth first, siblings as in the report
    std::vector<std::vector<std::size_t>> children;

    explicit scope_tree(const report& r) {
        const std::size_t n = r.scopes.size();
        parent.assign(n, none);
        level.assign(n, 0);
        children.resize(n);
        std::unordered_map<std::string_view, std::size_t> by_path;
        for (std::size_t i = 0; i < n; ++i) by_path.emplace(r.scopes[i].path, i);
        for (std::size_t i = 0; i < n; ++i) parent[i] = find_parent(r, by_path, i);
        for (std::size_t i = 0; i < n; ++i)
            if (parent[i] != none) children[parent[i]].push_back(i);
        walk();
    }

    /// The part of the row's path that its parent's row doesn't already say.
    [[nodiscard]] std::string_view name(const report& r, std::size_t i) const noexcept {
        const std::string_view path = r.scopes[i].path;
        return parent[i] == none ? path : path.substr(r.scopes[parent[i]].path.size() + 1);
    }

 private:
    static std::size_t find_parent(const report& r,
                                   const std::unordered_map<std::string_view, std::size_t>& by_path,
                                   std::size_t i) {
        const scope_row& row = r.scopes[i];
        if (row.depth == 0) return none;
        std::string_view prefix = row.path;
        for (;;) {
            const std::size_t slash = prefix.rfind('/');
            if (slash == std::string_view::npos) return none;
            prefix = prefix.substr(0, slash);
            const auto found = by_path.find(prefix);
            if (found != by_path.end() && r.scopes[found->second].depth + 1 == row.depth)
                return found->second;
        }
    }

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

}  // namespace v1
}  // namespace joulery
