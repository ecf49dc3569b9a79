// finite.hpp - tests for not-a-number and infinities that also work under -ffast-math.
// SPDX-License-Identifier: MIT
//
// With -ffast-math a compiler may replace `x != x` by false, `x - x == 0` and std::isfinite(x) by
// true, and `!(x > 0)` by `x <= 0`, which accepts not-a-number. Programs of this field are built
// that way, so values from outside are tested by their bits, with these functions; the lint test
// rejects the other ways. Compare only values that are known to be numbers.
#pragma once

#include "joulery/detail/core/config.hpp"

#include <cstdint>
#include <cstring>

namespace joulery {
inline namespace v1 {

namespace detail {

inline constexpr std::uint64_t exponent_bits = 0x7FF0'0000'0000'0000u;

/// The bits of |x|. Volatile, because compilers recognize such tests on bits that they can see.
inline std::uint64_t magnitude_bits(double x) noexcept {
    volatile double opaque = x;
    const double copy = opaque;
    std::uint64_t bits = 0;
    static_assert(sizeof bits == sizeof copy, "a double has 64 bits");
    std::memcpy(&bits, &copy, sizeof bits);
    volatile std::uint64_t seen = bits;
    return seen & 0x7FFF'FFFF'FFFF'FFFFu;
}

}  // namespace detail

/// Neither infinite nor not-a-number.
[[nodiscard]] inline bool is_finite(double x) noexcept {
    return detail::magnitude_bits(x) < detail::exponent_bits;
}

/// Not a number; infinities are numbers.
[[nodiscard]] inline bool is_nan(double x) noexcept {
    return detail::magnitude_bits(x) > detail::exponent_bits;
}

/// A finite number above zero: a length, a divisor, a stated amount.
[[nodiscard]] inline bool is_positive(double x) noexcept { return is_finite(x) && x > 0; }

/// A finite number of at least zero.
[[nodiscard]] inline bool is_amount(double x) noexcept { return is_finite(x) && x >= 0; }

/// Marks an unknown figure. Don't use it in a `?:` with arithmetic, which a compiler may fold to
/// the other branch.
[[nodiscard]] inline double not_a_number() noexcept {
    volatile std::uint64_t opaque = 0x7FF8'0000'0000'0000u;
    const std::uint64_t bits = opaque;
    double x = 0;
    std::memcpy(&x, &bits, sizeof x);
    return x;
}

}  // namespace v1
}  // namespace joulery
