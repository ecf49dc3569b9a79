// attribution.hpp - to whom the joules of an interval are billed.
// SPDX-License-Identifier: MIT
#pragma once

#include <string_view>

namespace joulery {
inline namespace v1 {

/// To whom the joules of an interval are billed when scopes are open on several threads at once.
enum class attribution : unsigned char {
    shared,     ///< scopes of all threads together never get more than the machine used
    inclusive,  ///< each thread's scopes get all that the machine used while they were open
    process,    ///< like `shared`, of this process's share of the machine's busy processor time
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
