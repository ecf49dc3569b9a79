// name_key.hpp - a 64-bit key for a name; the compiler computes it for literals.
// SPDX-License-Identifier: MIT
#pragma once

#include "joulery/detail/core/config.hpp"

#include <cstddef>
#include <cstdint>
#include <cstring>

namespace joulery {
inline namespace v1 {
namespace detail {

/// A 64-bit key for a text. Texts of the same length of up to eight characters always have
/// different keys, longer ones almost certainly.
class name_key {
 public:
    /// The key of `size` characters.
    [[nodiscard]] static std::uint64_t of(const char* text, std::size_t size) noexcept {
        const char* const end = text + size;
        if (size < 8) return mix(size ^ short_word(text, size));
        std::uint64_t key = size;
        for (; end - text > 8; text += 8) key = mix(key ^ word<8>(text));
        return mix(key ^ word<8>(end - 8));
    }
    /// The key of an array without its NUL: the same number, as one expression that compilers
    /// evaluate.
    template <std::size_t N>
    [[nodiscard]] JOULERY_INLINE static std::uint64_t of(const char (&array)[N]) noexcept {
        constexpr std::size_t size = N - 1;
        if constexpr (size < 8) {
            return mix(size ^ short_word(array, size));
        } else {
            return mix(words<0, (size - 1) / 8>(array, size) ^ word<8>(array + size - 8));
        }
    }

    /// Mixes the bits; different keys stay different.
    [[nodiscard]] JOULERY_INLINE static std::uint64_t mix(std::uint64_t key) noexcept {
        key *= 0x9E3779B97F4A7C15u;
        return key ^ (key >> 32);
    }

 private:
    template <std::size_t At, std::size_t Count>
    JOULERY_INLINE static std::uint64_t words(const char* text, std::uint64_t key) noexcept {
        if constexpr (At == Count) {
            return key;
        } else {
            return words<At + 1, Count>(text, mix(key ^ word<8>(text + 8 * At)));
        }
    }
    JOULERY_INLINE static std::uint64_t short_word(const char* text, std::size_t size) noexcept {
        if (size >= 4) return word<4>(text) | word<4>(text + size - 4) << 32;
        if (size == 0) return 0;
        // One to three characters: the first, the middle or last one, and the last.
        return word<1>(text) | word<1>(text + size / 2) << 8 | word<1>(text + size - 1) << 16;
    }
    template <std::size_t Bytes>
    JOULERY_INLINE static std::uint64_t word(const char* text) noexcept {
        std::uint64_t w = 0;
        std::memcpy(&w, text, Bytes);
        return w;
    }
};

}  // namespace detail
}  // namespace v1
}  // namespace joulery
