// quality.hpp - how a figure came to be.
// SPDX-License-Identifier: MIT
#pragma once

#include <string_view>

namespace joulery {
inline namespace v1 {

/// How a figure came to be, best first; a sum is as good as its worst part (`worse_of`).
enum class quality : unsigned char {
    measured,  ///< read from a hardware counter or sensor
    derived,   ///< computed from measurements: power integrated over time, a difference of counters
    estimated,  ///< from a model: utilisation x a power curve, a stated constant
    partial,    ///< something is missing: a channel went away, a gap could not be bridged
};

[[nodiscard]] constexpr quality worse_of(quality a, quality b) noexcept { return a < b ? b : a; }

[[nodiscard]] constexpr std::string_view to_text(quality q) noexcept {
    switch (q) {
        case quality::measured:
            return "measured";
        case quality::derived:
            return "derived";
        case quality::estimated:
            return "estimated";
        case quality::partial:
            return "partial";
    }
    return "unknown";
}

}  // namespace v1
}  // namespace joulery
