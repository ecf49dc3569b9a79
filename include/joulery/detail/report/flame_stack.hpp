// flame_stack.hpp - what energy flame graphs are made of.
// SPDX-License-Identifier: MIT
#pragma once

#include "joulery/detail/core/finite.hpp"
#include "joulery/detail/report/scope_tree.hpp"
#include "joulery/report.hpp"

#include <algorithm>
#include <cstddef>
#include <vector>

namespace joulery {
inline namespace v1 {

namespace detail {

inline constexpr const char* outside_name = "(outside all scopes)";

/// A row's own joules as a weight: what is negative or no number weighs nothing.
inline double flame_weight(energy self) noexcept {
    const double j = self.joules();
    return is_positive(j) ? j : 0;
}

/// Indexes of the rows from the outermost to `i`.
inline std::vector<std::size_t> flame_stack(const scope_tree& tree, std::size_t i) {
    std::vector<std::size_t> stack;
    for (; i != scope_tree::none; i = tree.parent[i]) stack.push_back(i);
    std::reverse(stack.begin(), stack.end());
    return stack;
}

}  // namespace detail

}  // namespace v1
}  // namespace joulery
