// list_view.hpp - a view of a fixed array.
// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>

namespace joulery {
inline namespace v1 {

/// The items of an array that lives as long as the program.
///
///     for (const backend_entry& e : standard_backends()) std::cout << e.name << '\n';
template <class Item>
class list_view {
 public:
    template <std::size_t N>
    constexpr explicit list_view(const Item (&items)[N]) noexcept
        : begin_(items), end_(items + N) {}
    [[nodiscard]] constexpr const Item* begin() const noexcept { return begin_; }
    [[nodiscard]] constexpr const Item* end() const noexcept { return end_; }

 private:
    const Item* begin_;
    const Item* end_;
};

}  // namespace v1
}  // namespace joulery
