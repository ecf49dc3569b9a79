// ioreport_naming.hpp - what the channels of Apple's "Energy Model" mean.
// SPDX-License-Identifier: MIT
//
// Names as macmon and zeus-apple-silicon met them on M1 to M5; not verified on a Mac.
#pragma once

#include "joulery/backend.hpp"

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

namespace joulery {
inline namespace v1 {
namespace detail {

/// One of the figures that a chip is made of, or none of them. Parts of the processor that "CPU
/// Energy" already holds are `other`, as are fabric, display and media.
enum class apple_part : unsigned char { cpu, gpu, gpu_sram, dram, ane, other };

/// The part that a channel belongs to; the dies of an Ultra ("DIE_1_CPU Energy") add up to one.
[[nodiscard]] inline apple_part apple_part_of(std::string_view name) noexcept {
    if (name.substr(0, 4) == "DIE_") {
        const std::size_t end = name.find('_', 4);
        if (end != std::string_view::npos) name.remove_prefix(end + 1);
    }
    if (name == "CPU Energy") return apple_part::cpu;
    if (name.substr(0, 8) == "GPU SRAM") return apple_part::gpu_sram;
    if (name == "GPU Energy" || name == "GPU") return apple_part::gpu;
    if (name.substr(0, 4) == "DRAM") return apple_part::dram;
    if (name.substr(0, 3) == "ANE") return apple_part::ane;
    return apple_part::other;
}

/// Nanojoules of one count in a unit as IOReport labels it; 0 where it is none.
[[nodiscard]] inline std::uint64_t nanojoules_of(std::string_view unit) noexcept {
    while (!unit.empty() && unit.front() == ' ') unit.remove_prefix(1);
    while (!unit.empty() && unit.back() == ' ') unit.remove_suffix(1);
    return unit == "mJ" ? 1'000'000 : unit == "uJ" ? 1'000 : unit == "nJ" ? 1 : 0;
}

[[nodiscard]] inline channel describe_apple_part(apple_part part) {
    channel c;
    c.joules_per_count = 1e-9;
    c.quantum = 1e-3;
    c.update_period = std::chrono::milliseconds(10);
    switch (part) {
        case apple_part::cpu:
            c.id = "cpu0/package";
            c.part = component::cpu;
            c.device = "cpu-package:0";
            break;
        case apple_part::gpu:
            c.id = "soc0/gpu";
            c.device = "cpu-package:0/gpu";
            c.part = component::gpu;
            break;
        case apple_part::gpu_sram:
            c.id = "soc0/gpu-sram";
            c.device = "cpu-package:0/gpu-sram";
            c.part = component::gpu;
            break;
        case apple_part::dram:
            c.id = "soc0/dram";
            c.device = "cpu-package:0/dram";
            c.part = component::dram;
            break;
        case apple_part::ane:
            c.id = "soc0/ane";
            c.device = "cpu-package:0/ane";
            c.part = component::npu;
            break;
        case apple_part::other:
            break;
    }
    return c;
}

}  // namespace detail
}  // namespace v1
}  // namespace joulery
