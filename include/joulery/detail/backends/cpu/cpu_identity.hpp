// cpu_identity.hpp - the processor's name and features, and its sockets and dies.
// SPDX-License-Identifier: MIT
#pragma once

#include "joulery/detail/core/concat.hpp"
#include "joulery/detail/core/list.hpp"
#include "joulery/detail/core/system_root.hpp"

#include <algorithm>
#include <cstdint>
#include <string>
#include <string_view>

namespace joulery {
inline namespace v1 {

/// The first processor of a machine, from /proc/cpuinfo. Missing fields stay empty or 0.
struct cpu_identity {
    std::string vendor;      ///< "GenuineIntel", "AuthenticAMD", "HygonGenuine"
    std::string model_name;  ///< "AMD EPYC 7763 64-Core Processor", "Arm Neoverse V1"
    std::uint64_t family = 0;
    std::uint64_t model = 0;
    std::uint64_t stepping = 0;
    bool has_hypervisor = false;  ///< runs in a virtual machine
    bool has_sgx = false;         ///< RAPL may be filtered (INTEL-SA-00389)

    [[nodiscard]] bool is_intel() const noexcept { return vendor == "GenuineIntel"; }
    [[nodiscard]] bool is_amd() const noexcept {
        return vendor == "AuthenticAMD" || vendor == "HygonGenuine";
    }
};

namespace detail {

[[nodiscard]] inline std::string_view trimmed(std::string_view text) noexcept {
    const std::string_view blanks = " \t\r\n";
    const std::size_t first = text.find_first_not_of(blanks);
    if (first == std::string_view::npos) return {};
    return text.substr(first, text.find_last_not_of(blanks) - first + 1);
}

[[nodiscard]] inline bool has_word(std::string_view words, std::string_view word) noexcept {
    while (!words.empty()) {
        const std::size_t end = words.find(' ');
        if (words.substr(0, end) == word) return true;
        if (end == std::string_view::npos) break;
        words.remove_prefix(end + 1);
    }
    return false;
}

/// Arm processors state the designer and number of a core, but no name.
struct arm_core {
    std::string_view implementer, part, name;
};
inline constexpr arm_core arm_cores[] = {
    // arch/arm64/include/asm/cputype.h
    {"0x41", "0xd08", "Arm Cortex-A72"},    {"0x41", "0xd0b", "Arm Cortex-A76"},
    {"0x41", "0xd42", "Arm Cortex-A78AE"},  {"0x41", "0xd0c", "Arm Neoverse N1"},
    {"0x41", "0xd49", "Arm Neoverse N2"},   {"0x41", "0xd8e", "Arm Neoverse N3"},
    {"0x41", "0xd40", "Arm Neoverse V1"},   {"0x41", "0xd4f", "Arm Neoverse V2"},
    {"0x41", "0xd83", "Arm Neoverse V3AE"}, {"0x41", "0xd84", "Arm Neoverse V3"},
    {"0x4e", "0x004", "NVIDIA Carmel"},     {"0xc0", "0xac3", "Ampere-1"},
    {"0xc0", "0xac4", "Ampere-1A"},         {"0x46", "0x001", "Fujitsu A64FX"},
    {"0x48", "0xd01", "HiSilicon TSV110"},
};

inline void name_arm_core(std::string_view part, cpu_identity& cpu) {
    for (const arm_core& core : arm_cores)
        if (core.implementer == cpu.vendor && core.part == part) cpu.model_name = core.name;
}

inline void take_cpuinfo_line(std::string_view key, std::string_view value, cpu_identity& cpu) {
    if (key == "CPU implementer") cpu.vendor = value;
    if (key == "CPU part" && cpu.model_name.empty()) name_arm_core(value, cpu);
    if (key == "cpu" && cpu.model_name.empty())  // POWER: "POWER9, altivec supported"
        cpu.model_name = concat({"IBM ", value.substr(0, value.find_first_of(",("))});
    if (key == "vendor_id") cpu.vendor = value;
    if (key == "model name") cpu.model_name = value;
    if (key == "cpu family" && !parse_unsigned(value, cpu.family)) cpu.family = 0;
    if (key == "model" && !parse_unsigned(value, cpu.model)) cpu.model = 0;
    if (key == "stepping" && !parse_unsigned(value, cpu.stepping)) cpu.stepping = 0;
    if (key == "flags") {
        cpu.has_hypervisor = has_word(value, "hypervisor");
        cpu.has_sgx = has_word(value, "sgx");
    }
}

}  // namespace detail

/// Parses the first processor's block of /proc/cpuinfo.
/// Fails: never; lines other than "key : value" are skipped.
///
///     parse_cpu_identity("vendor_id\t: AuthenticAMD\n").is_amd();   // true
[[nodiscard]] inline cpu_identity parse_cpu_identity(std::string_view text) {
    cpu_identity cpu;
    bool begun = false;
    while (!text.empty()) {
        const std::size_t end = text.find('\n');
        const std::string_view line = text.substr(0, end);
        text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
        const std::size_t colon = line.find(':');
        if (colon == std::string_view::npos) {
            if (begun && detail::trimmed(line).empty()) break;  // end of the first block
            continue;
        }
        begun = true;
        detail::take_cpuinfo_line(detail::trimmed(line.substr(0, colon)),
                                  detail::trimmed(line.substr(colon + 1)), cpu);
    }
    return cpu;
}

[[nodiscard]] inline cpu_identity read_cpu_identity(const system_root& root) {
    return parse_cpu_identity(root.text("/proc/cpuinfo"));
}

/// No Linux kernel supports more processors than this (x86's MAXSMP is 8192).
inline constexpr std::uint64_t max_cpu_number = 65'535;

/// Calls `visit(cpu)` for every processor in a list such as "0-3,8". False, possibly after some
/// calls, if the text is not such a list.
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

/// The number of processors in a list; 0 if it is not a list.
[[nodiscard]] inline std::uint64_t count_cpus(std::string_view list) noexcept {
    std::uint64_t count = 0;
    return for_each_cpu(list, [&](std::uint64_t) noexcept { ++count; }) ? count : 0;
}

/// A processor that represents its socket, or its die if dies have counters of their own.
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
    // Missing on kernels without topology; -1, also as an unsigned number, if the firmware has
    // none.
    return root.number(concat({folder, file}), number) && number < 0xffff ? number : 0;
}

}  // namespace detail

/// The first processor of each socket in a list such as "0-63", or of each die with `by_die`. Empty
/// if the text is not such a list.
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

/// In a virtual machine processors may be separate packages that all show the host's counter: then
/// keeps only the first. Returns whether it did.
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
