// quality.hpp - how a figure was obtained, and who is billed for energy.
// SPDX-License-Identifier: MIT
#pragma once

#include "joulery/detail/core/config.hpp"

#include <string_view>

namespace joulery {
inline namespace v1 {

/// How a figure was obtained, best first; a sum is as good as its worst part (`worse_of`).
enum class quality : unsigned char {
    measured,  ///< read from a hardware counter or sensor
    derived,   ///< computed from measurements: power integrated over time, a difference of counters
    estimated,  ///< from a model: utilization x a power curve, a stated constant
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

/// Who is billed for energy if scopes are open on several threads at once.
enum class attribution : unsigned char {
    shared,     ///< scopes of all threads together never get more than the machine used
    inclusive,  ///< each thread's scopes get all the energy used while they were open
    process,    ///< like `shared`, but only of this process's share of busy processor time
};

[[nodiscard]] constexpr std::string_view to_text(attribution a) noexcept {
    switch (a) {
        case attribution::shared:
            return "shared";
        case attribution::inclusive:
            return "inclusive";
        case attribution::process:
            return "process";
    }
    return "shared";
}

}  // namespace v1
}  // namespace joulery
