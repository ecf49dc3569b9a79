// edit_distance.hpp - how much two names differ: for suggestions.
// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <string_view>

namespace joulery {
inline namespace v1 {
namespace detail {

/// Number of letters to change, insert or delete to turn one name into the other.
[[nodiscard]] inline std::size_t edit_distance(std::string_view a, std::string_view b) noexcept {
    std::array<std::size_t, 65> row{};
    const std::size_t columns = std::min<std::size_t>(b.size(), row.size() - 1);
    for (std::size_t j = 0; j <= columns; ++j) row[j] = j;
    for (std::size_t i = 1; i <= a.size(); ++i) {
        std::size_t diagonal = row[0];
        row[0] = i;
        for (std::size_t j = 1; j <= columns; ++j) {
            const std::size_t change = diagonal + (a[i - 1] == b[j - 1] ? 0 : 1);
            diagonal = row[j];
            row[j] = std::min({row[j] + 1, row[j - 1] + 1, change});
        }
    }
    return row[columns];
}

}  // namespace detail
}  // namespace v1
}  // namespace joulery
