// apple_names.hpp - the names of a Mac and its chip.
// SPDX-License-Identifier: MIT
//
// UNVERIFIED: never run on a Mac; sysctl(3) names the keys. Tested on a fake library.
#pragma once

#include "joulery/detail/core/concat.hpp"
#include "joulery/detail/core/dynamic_library.hpp"

#include <cstddef>
#include <string>

namespace joulery {
inline namespace v1 {
namespace detail {

/// A text from sysctl; "" if there is none.
[[nodiscard]] inline std::string apple_system_text(const library_search& where, const char* key) {
    const dynamic_library system({"/usr/lib/libSystem.B.dylib", "libSystem.so"}, where);
    int (*read)(const char*, void*, std::size_t*, const void*, std::size_t) = nullptr;
    char text[128] = "";
    std::size_t room = sizeof text - 1;
    if (!system.bind(read, "sysctlbyname") || read(key, text, &room, nullptr, 0) != 0) return {};
    return text;
}

/// "Apple M2 Max".
[[nodiscard]] inline std::string apple_chip(const library_search& where) {
    return apple_system_text(where, "machdep.cpu.brand_string");
}

/// "Apple Mac14,6 (Apple M2 Max)"; the product name on the box is not available.
[[nodiscard]] inline std::string apple_machine(const library_search& where) {
    const std::string model = apple_system_text(where, "hw.model"), chip = apple_chip(where);
    if (model.empty() || chip.empty()) return model.empty() ? chip : concat({"Apple ", model});
    return concat({"Apple ", model, " (", chip, ")"});
}

/// W, the maximum of the largest power supply: for Macs with Apple silicon, and for all Macs.
inline constexpr double largest_apple_silicon_supply = 480, largest_mac_supply = 1'400;

}  // namespace detail
}  // namespace v1
}  // namespace joulery
