// cpu_identity.hpp - what /proc/cpuinfo says about the processor.
// SPDX-License-Identifier: MIT
#pragma once

#include "joulery/detail/core/concat.hpp"
#include "joulery/detail/core/system_root.hpp"

#include <cstdint>
#include <string>
#include <string_view>

namespace joulery {
inline namespace v1 {

/// The first processor of a machine, as /proc/cpuinfo describes it. What is not said stays empty
/// or 0.
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

/// Arm's processors tell who made a core and which it is, and no name.
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

/// Reads the first processor's block of the text of /proc/cpuinfo.
/// Fails: never; anything that is not a "key : value" line is passed over.
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

}  // namespace v1
}  // namespace joulery
