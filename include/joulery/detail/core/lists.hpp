// lists.hpp - questions to whole lists, and sorting them.
// SPDX-License-Identifier: MIT
//
// In place of the standard algorithms where nobody waits for the answer: those compile a loop that
// is unrolled four times, and adaptors around it, for each lambda that they are given, a stable
// sort six functions for each type. That was a tenth of what compiling the library cost.
#pragma once

#include "joulery/detail/core/config.hpp"

#include <algorithm>
#include <cstddef>
#include <utility>
#include <vector>

namespace joulery {
inline namespace v1 {

/// The first item of `list` that `is` is true of; `list.end()`: none.
///
///     std::vector<channel> found = ...;
///     const bool has_memory = any_in(found, [](const channel& c) { return c.kind == "dram"; });
template <class List, class Is>
[[nodiscard]] auto find_in(List& list, const Is& is) {
    auto at = list.begin();
    while (at != list.end() && !is(*at)) ++at;
    return at;
}

/// Whether `is` is true of any item.
template <class List, class Is>
[[nodiscard]] bool any_in(const List& list, const Is& is) {
    return find_in(list, is) != list.end();
}

/// Whether `item` is in the list.
template <class List, class Item>
[[nodiscard]] bool is_in(const List& list, const Item& item) {
    for (const auto& other : list)
        if (other == item) return true;
    return false;
}

/// Of how many items `is` is true.
template <class List, class Is>
[[nodiscard]] std::size_t count_in(const List& list, const Is& is) {
    std::size_t count = 0;
    for (const auto& item : list)
        if (is(item)) ++count;
    return count;
}

/// Leaves out all items that `is` is true of.
template <class List, class Is>
void erase_from(List& list, const Is& is) {
    std::size_t kept = 0;
    for (std::size_t i = 0; i < list.size(); ++i) {
        if (is(list[i])) continue;
        if (kept != i) list[kept] = std::move(list[i]);
        ++kept;
    }
    while (list.size() > kept) list.pop_back();
}

/// The numbers from 0 to `count` in the order of `before(of, a, b)`, equals as they are.
JOULERY_NOINLINE inline std::vector<std::size_t> stable_order(
    std::size_t count, bool (*before)(const void* of, std::size_t a, std::size_t b),
    const void* of) {
    std::vector<std::size_t> order(count);
    for (std::size_t i = 0; i < count; ++i) order[i] = i;
    std::sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
        if (before(of, a, b)) return true;
        return a < b && !before(of, b, a);
    });
    return order;
}

/// Sorts the first `count` items, equals as they are. Cost: a call for each comparison.
template <class List, class Before>
void sort_stably(List& list, std::size_t count, const Before& before) {
    const std::pair<List&, const Before&> sorted_by(list, before);
    const auto by_number = [](const void* of, std::size_t a, std::size_t b) {
        const auto& by = *static_cast<const std::pair<List&, const Before&>*>(of);
        return static_cast<bool>(by.second(by.first[a], by.first[b]));
    };
    List sorted;
    sorted.reserve(count);
    for (const std::size_t i : stable_order(count, by_number, &sorted_by))
        sorted.push_back(std::move(list[i]));
    for (std::size_t i = 0; i < count; ++i) list[i] = std::move(sorted[i]);
}
/// Sorts all items.
template <class List, class Before>
void sort_stably(List& list, const Before& before) {
    sort_stably(list, list.size(), before);
}

}  // namespace v1
}  // namespace joulery
