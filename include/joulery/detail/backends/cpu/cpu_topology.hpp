// cpu_topology.hpp - which socket (and die) a processor sits in.
// SPDX-License-Identifier: MIT
#pragma once

#include "joulery/detail/backends/cpu/cpu_identity.hpp"
#include "joulery/detail/core/concat.hpp"
#include "joulery/detail/core/list.hpp"
#include "joulery/detail/core/system_root.hpp"

#include <algorithm>
#include <cstdint>
#include <string>
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

/// A processor that stands for its socket, or for its die where dies count apart.
struct socket_cpu {
    std::uint64_t cpu = 0;
    std::uint64_t package = 0;
    std::int64_t die = -1;
};

namespace detail {

[[nodiscard]] inline std::uint64_t topology_number(const system_root& root, std::uint64_t cpu,
                                                   std::string_view file) {
    std::uint64_t number = 0;
    const std::string folder = concat({"/sys/devices/system/cpu/cpu", cpu, "/topology/"});
    // Absent on kernels without topology; -1 and its unsigned look where the firmware says none.
    return root.number(concat({folder, file}), number) && number < 0xffff ? number : 0;
}

}  // namespace detail

/// The first processor of each socket in a list such as "0-63", or of each die with `by_die`.
/// Empty where the text is no such list.
///
///     first_cpu_of_each_socket(root, "0-63");     // cpu 0 of package 0, cpu 32 of package 1
[[nodiscard]] inline detail::list<socket_cpu> first_cpu_of_each_socket(const system_root& root,
                                                                       std::string_view cpus,
                                                                       bool by_die = false) {
    detail::list<socket_cpu> found;
    const bool is_list = for_each_cpu(cpus, [&](std::uint64_t cpu) {
        socket_cpu here;
        here.cpu = cpu;
        here.package = detail::topology_number(root, cpu, "physical_package_id");
        if (by_die) {
            here.die = static_cast<std::int64_t>(detail::topology_number(root, cpu, "die_id"));
        }
        const bool known = any_in(found, [&](const socket_cpu& other) {
            return other.package == here.package && other.die == here.die;
        });
        if (!known) found.push_back(here);
    });
    if (!is_list) found.clear();
    return found;
}

namespace detail {

inline constexpr const char* one_counter_note =
    "this is a virtual machine: its packages may mirror one counter of the host, of which the "
    "first is read";

/// In a virtual machine processors may be packages of their own that all show the host's counter:
/// leaves the first alone then; whether it did.
[[nodiscard]] inline bool keep_one_of_virtual(const system_root& root, const cpu_identity& cpu,
                                              list<socket_cpu>& sockets) {
    const bool is_virtual = cpu.has_hypervisor || root.exists("/sys/hypervisor/type");
    if (!is_virtual || sockets.size() < 2) return false;
    sockets.resize(1);
    return true;
}

}  // namespace detail
}  // namespace v1
}  // namespace joulery
