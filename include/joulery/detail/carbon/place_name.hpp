// place_name.hpp - the kinds of places, and how names of places are compared.
// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <string_view>

namespace joulery {
inline namespace v1 {

enum class place_kind : unsigned char { country, aggregate, state, subregion, province, cloud };

namespace detail {
/// A name of a place and its table row.
struct place_key {
    const char* key;  ///< folded, see fold_place
    place_kind kind;
    short row;
};
}  // namespace detail

/// A name in lower case without accents, spaces and hyphens: letters, digits and ':' only.
///
/// Cost:  no allocation; names are truncated to 63 letters, no place has more.
///
///     fold_place("Qu\u00e9bec").view() == "quebec";  fold_place("US-CA").view() == "usca";
class folded_name {
 public:
    constexpr void push(char c) noexcept {
        if (size_ < sizeof text_ - 1) text_[size_++] = c;
    }
    [[nodiscard]] constexpr std::string_view view() const noexcept { return {text_, size_}; }

 private:
    char text_[64] = {};
    std::size_t size_ = 0;
};

[[nodiscard]] constexpr folded_name fold_place(std::string_view name) noexcept {
    // U+00C0 to U+00FF, UTF-8 lead byte 0xC3; '*' and '/' stand for the two signs among them.
    constexpr const char* latin1 =
        "aaaaaaaceeeeiiiidnooooo*ouuuuypsaaaaaaaceeeeiiiidnooooo/ouuuuypy";
    folded_name out;
    for (std::size_t i = 0; i < name.size(); ++i) {
        char c = name[i];
        if (static_cast<unsigned char>(c) == 0xC3 && i + 1 < name.size()) {
            const auto tail = static_cast<unsigned char>(name[++i]);
            if (tail < 0x80 || tail > 0xBF) continue;
            c = latin1[tail - 0x80];
        }
        if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
        if ((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == ':') out.push(c);
    }
    return out;
}

}  // namespace v1
}  // namespace joulery
