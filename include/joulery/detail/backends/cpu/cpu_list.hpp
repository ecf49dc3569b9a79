// cpu_list.hpp - the kernel's way to write a set of processors: "0-3,8".
// SPDX-License-Identifier: MIT
#pragma once

#include "joulery/detail/core/system_root.hpp"

#include <cstdint>
#include <string_view>

namespace joulery {
inline namespace v1 {

/// No Linux kernel is built for more processors than this (x86's MAXSMP is 8192).
inline constexpr std::uint64_t max_cpu_number = 65'535;

/// Calls `visit(cpu)` for every processor of a list such as "0-3,8". False, possibly after some
/// visits, where the text is not such a list.
///
///     for_each_cpu("0-1,4", [](std::uint64_t cpu) { ... });   // 0, 1, 4
template <class Visit>
bool for_each_cpu(std::string_view list, Visit&& visit) {
    bool any = false;
    while (!list.empty()) {
        const std::size_t comma = list.find(',');
        const std::string_view part = list.substr(0, comma);
        list.remove_prefix(comma == std::string_view::npos ? list.size() : comma + 1);
        const std::size_t dash = part.find('-');
        std::uint64_t first = 0;
        std::uint64_t last = 0;
        if (!parse_unsigned(part.substr(0, dash), first)) return false;
        last = first;
        if (dash != std::string_view::npos && !parse_unsigned(part.substr(dash + 1), last))
            return false;
        if (last < first || last > max_cpu_number) return false;
        for (std::uint64_t cpu = first; cpu <= last; ++cpu) visit(cpu);
        any = true;
    }
    return any;
}

/// How many processors a list names; 0 where it is not a list.
[[nodiscard]] inline std::uint64_t count_cpus(std::string_view list) noexcept {
    std::uint64_t count = 0;
    return for_each_cpu(list, [&](std::uint64_t) noexcept { ++count; }) ? count : 0;
}

}  // namespace v1
}  // namespace joulery
