// cpu_power_table.hpp - power of processors when idle and at full load, by name.
// SPDX-License-Identifier: MIT
//
// Figures: Cloud Carbon Footprint, ccf-coefficients b0032d9 (2026-04-24), from SPECpower_ssj2008
// results of 2026-03-09 (Apache-2.0). They are wall watts of whole servers divided by hardware
// threads, so they include memory, fans and power supply.
#pragma once

#include "joulery/detail/backends/cpu/cpu_identity.hpp"

#include <cstdint>
#include <string_view>

namespace joulery {
inline namespace v1 {

/// Watts of one hardware thread's share of a server.
struct cpu_power_entry {
    std::string_view microarchitecture;
    double idle_watts;
    double full_watts;
};

// The published figure for EPYC 5th Gen is five times that of similar ones, and that for Graviton
// is a copy of EPYC 2nd Gen's and not a measurement; neither is used.
inline constexpr cpu_power_entry cpu_power_table[] = {
    {"Sandy Bridge", 2.2122, 8.6309},    {"Ivy Bridge", 1.7074, 5.5569},
    {"Haswell", 1.8574, 5.5954},         {"Broadwell", 0.7128, 3.6853},
    {"Skylake", 0.6130, 4.1042},         {"Cascade Lake", 0.6903, 4.0632},
    {"Coffee Lake", 1.1384, 5.4218},     {"Ice Lake", 0.7668, 3.7582},
    {"Sapphire Rapids", 1.0363, 4.1605}, {"Emerald Rapids", 0.8140, 4.4820},
    {"Granite Rapids", 0.5816, 2.5275},  {"EPYC 1st Gen", 0.8468, 2.6042},
    {"EPYC 2nd Gen", 0.4743, 1.6930},    {"EPYC 3rd Gen", 0.4556, 1.9573},
    {"EPYC 4th Gen", 0.7391, 2.2822},
};

/// Cloud Carbon Footprint's average of AWS's servers, for unknown processors.
inline constexpr cpu_power_entry unknown_cpu_power{"unknown processor", 0.74, 3.50};

namespace detail {

// Model numbers: Linux arch/x86/include/asm/intel-family.h; Skylake's steppings: turbostat and the
// SDM's list (Cascade Lake from 5 on).
[[nodiscard]] constexpr std::string_view intel_server_by_number(std::uint64_t model,
                                                                std::uint64_t stepping) noexcept {
    switch (model) {
        case 0x2d:
            return "Sandy Bridge";
        case 0x3e:
            return "Ivy Bridge";
        case 0x3f:
            return "Haswell";
        case 0x4f:
        case 0x56:
            return "Broadwell";
        case 0x55:
            return stepping < 5 ? "Skylake" : "Cascade Lake";
        case 0x9e:
            return stepping < 10 ? std::string_view{} : "Coffee Lake";
        case 0x6a:
        case 0x6c:
            return "Ice Lake";
        case 0x8f:
            return "Sapphire Rapids";
        case 0xcf:
            return "Emerald Rapids";
        case 0xad:
        case 0xae:
            return "Granite Rapids";
        default:
            return {};
    }
}

// AMD family 17h: Naples is model 01h, Rome 31h; family 19h: Milan 00h-0fh, Genoa 10h-1fh,
// Bergamo and Siena a0h-afh (AMD processor programming references).
[[nodiscard]] constexpr std::string_view epyc_by_number(std::uint64_t family,
                                                        std::uint64_t model) noexcept {
    if (family == 0x17) return model < 0x30 ? "EPYC 1st Gen" : "EPYC 2nd Gen";
    if (family == 0x19) return model < 0x10 ? "EPYC 3rd Gen" : "EPYC 4th Gen";
    if (family == 0x1a) return "EPYC 4th Gen";  // the closest usable figure
    return {};
}

[[nodiscard]] constexpr bool is_digit(char c) noexcept { return c >= '0' && c <= '9'; }

/// The first four consecutive digits, "8275" of "Xeon(R) Platinum 8275CL"; empty if there are none.
[[nodiscard]] constexpr std::string_view model_digits(std::string_view name) noexcept {
    for (std::size_t i = 0; i + 4 <= name.size(); ++i) {
        std::size_t n = 0;
        while (n < 4 && is_digit(name[i + n])) ++n;
        if (n == 4) return name.substr(i, 4);
    }
    return {};
}

// "Platinum 8275CL": the second digit is the generation of Xeon Scalable.
[[nodiscard]] constexpr std::string_view xeon_by_name(std::string_view name) noexcept {
    if (name.find("E5-") != std::string_view::npos || name.find("E7-") != std::string_view::npos) {
        if (name.find(" v2") != std::string_view::npos) return "Ivy Bridge";
        if (name.find(" v3") != std::string_view::npos) return "Haswell";
        if (name.find(" v4") != std::string_view::npos) return "Broadwell";
        return "Sandy Bridge";
    }
    const bool scalable = name.find("Platinum") != std::string_view::npos ||
                          name.find("Gold") != std::string_view::npos ||
                          name.find("Silver") != std::string_view::npos ||
                          name.find("Bronze") != std::string_view::npos;
    const std::string_view digits = model_digits(name);
    if (!scalable || digits.empty()) return {};
    switch (digits[1]) {
        case '1':
            return "Skylake";
        case '2':
            return "Cascade Lake";
        case '3':
            return "Ice Lake";
        case '4':
            return "Sapphire Rapids";
        case '5':
            return "Emerald Rapids";
        default:
            return {};
    }
}

// "EPYC 7763": the last digit is the generation.
[[nodiscard]] constexpr std::string_view epyc_by_name(std::string_view name) noexcept {
    const std::string_view digits = model_digits(name);
    if (digits.empty()) return {};
    switch (digits[3]) {
        case '1':
            return "EPYC 1st Gen";
        case '2':
            return "EPYC 2nd Gen";
        case '3':
            return "EPYC 3rd Gen";
        case '4':
        case '5':  // 5th Gen: the nearest usable figure
            return "EPYC 4th Gen";
        default:
            return {};
    }
}

[[nodiscard]] inline std::string_view server_microarchitecture(const cpu_identity& cpu) noexcept {
    const std::string_view name = cpu.model_name;
    std::string_view found;
    if (name.find("Xeon") != std::string_view::npos) {
        if (cpu.family == 6) found = intel_server_by_number(cpu.model, cpu.stepping);
        if (found.empty()) found = xeon_by_name(name);
    } else if (name.find("EPYC") != std::string_view::npos) {
        found = epyc_by_number(cpu.family, cpu.model);
        if (found.empty()) found = epyc_by_name(name);
    }
    return found;
}

}  // namespace detail

/// The table's entry for a server processor; null for any other.
///
///     cpu_identity cpu; cpu.model_name = "AMD EPYC 7763 64-Core Processor";
///     find_cpu_power(cpu)->microarchitecture;   // "EPYC 3rd Gen"
[[nodiscard]] inline const cpu_power_entry* find_cpu_power(const cpu_identity& cpu) noexcept {
    const std::string_view found = detail::server_microarchitecture(cpu);
    for (const cpu_power_entry& entry : cpu_power_table)
        if (!found.empty() && entry.microarchitecture == found) return &entry;
    return nullptr;
}

/// The fraction of its TDP that a processor draws at a load of 0 to 1: 12 % idle, 32 % at a tenth,
/// 75 % at half, 102 % at full load, with linear interpolation (Teads 2021, measured with RAPL on
/// AWS bare-metal servers).
[[nodiscard]] constexpr double teads_share_of_tdp(double load) noexcept {
    if (load <= 0) return 0.12;
    if (load < 0.1) return 0.12 + load * 2.0;
    if (load < 0.5) return 0.32 + (load - 0.1) * (0.43 / 0.4);
    if (load < 1) return 0.75 + (load - 0.5) * (0.27 / 0.5);
    return 1.02;
}

}  // namespace v1
}  // namespace joulery
