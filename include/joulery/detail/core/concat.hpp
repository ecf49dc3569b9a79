// concat.hpp - builds a text from several pieces at once.
// SPDX-License-Identifier: MIT
//
// Instead of a + b + c, which compiles into two temporary strings, their destructors, and the
// cleanup if the third allocation fails.
#pragma once

#include "joulery/detail/core/config.hpp"

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>
#include <type_traits>

namespace joulery {
inline namespace v1 {

/// A text, a character or an integer; valid until the end of the full expression. Two words,
/// because it is built at each call and read in one place.
class text_piece {
 public:
    text_piece(const char* text) noexcept : at_(text), size_(is_c_string) {}
    text_piece(std::string_view text) noexcept : at_(text.data()), size_(text.size()) {}
    text_piece(const std::string& text) noexcept : at_(&text), size_(is_string) {}
    text_piece(char c) noexcept : number_(static_cast<unsigned char>(c)), size_(is_character) {}
    /// In decimal, as std::to_string() prints it.
    template <class Number, std::enable_if_t<std::is_integral_v<Number>, int> = 0>
    text_piece(Number n) noexcept : number_(static_cast<std::uint64_t>(n)), size_(is_unsigned) {
        static_assert(!std::is_same_v<Number, bool>, "a bool has no text of its own");
        if constexpr (std::is_signed_v<Number>) size_ = is_signed;
    }

    JOULERY_NOINLINE void append_to(std::string& out) const {
        switch (size_) {
            case is_c_string:
                out += static_cast<const char*>(at_);
                break;
            case is_string:
                out += *static_cast<const std::string*>(at_);
                break;
            case is_character:
                out += static_cast<char>(number_);
                break;
            case is_unsigned:
            case is_signed:
                append_number_to(out);
                break;
            default:
                out.append(static_cast<const char*>(at_), size_);
        }
    }

 private:
    // Marks the other kinds in place of a size; no text is that long.
    static constexpr std::size_t is_c_string = ~std::size_t{0}, is_string = is_c_string - 1,
                                 is_character = is_c_string - 2, is_unsigned = is_c_string - 3,
                                 is_signed = is_c_string - 4;

    JOULERY_NOINLINE void append_number_to(std::string& out) const {
        const bool is_negative = size_ == is_signed && static_cast<std::int64_t>(number_) < 0;
        char digits[20];
        std::size_t first = sizeof digits;
        for (std::uint64_t left = is_negative ? 0 - number_ : number_;
             first == sizeof digits || left > 0; left /= 10)
            digits[--first] = static_cast<char>('0' + left % 10);
        if (is_negative) out += '-';
        out.append(digits + first, sizeof digits - first);
    }

    union {
        const void* at_;
        std::uint64_t number_;
    };
    std::size_t size_;
};

/// Appends the pieces in order. None of them may be part of `out` itself.
///
///     append(line, {"cpu", number, ": ", name});
JOULERY_NOINLINE inline void append(std::string& out, std::initializer_list<text_piece> pieces) {
    for (const text_piece& piece : pieces) piece.append_to(out);
}

/// The concatenation of the pieces.
///
///     return failure{concat({file, ": ", error_text(errno)}), {}};
[[nodiscard]] JOULERY_NOINLINE inline std::string concat(std::initializer_list<text_piece> pieces) {
    std::string joined;
    append(joined, pieces);
    return joined;
}

}  // namespace v1
}  // namespace joulery
