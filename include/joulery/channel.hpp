// channel.hpp - one thing that can be measured: a socket, a GPU board, a rail.
// SPDX-License-Identifier: MIT
#pragma once

#include "joulery/quality.hpp"

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>

namespace joulery {
inline namespace v1 {

/// The part of the machine whose energy a channel counts.
enum class component : unsigned char { cpu, dram, gpu, npu, soc, board, platform, other };

/// What a raw value is: an amount that only grows (and may wrap), or the power of the moment.
enum class reading_kind : unsigned char { energy_counter, power_gauge };

/// One measurable quantity of a backend. Plain data; fill in what you know.
///
///     channel c;
///     c.id = "meter/wall"; c.part = component::platform;
///     c.kind = reading_kind::power_gauge; c.joules_per_count = 1e-6;   // raw values in uW
struct channel {
    std::string id;  ///< stable and unique: "cpu0/package", "gpu/GPU-4e81.../board"
    component part = component::other;
    reading_kind kind = reading_kind::energy_counter;
    quality provenance = quality::measured;
    double joules_per_count = 1e-6;  ///< joules (counter) or watts (gauge) of one raw count
    std::uint64_t wrap_at = 0;       ///< raw value at which the counter starts anew; 0: never wraps
    std::chrono::nanoseconds update_period{std::chrono::milliseconds(1)};  ///< of the hardware
    std::string parent;  ///< id of the channel that contains this one's energy; "": a root

    // What follows may stay unset.
    double max_watts = 0;  ///< more than this is not believed; 0: a bound by `part`
    double quantum = 0;    ///< smallest step in joules (watts); 0: one raw count
    double accuracy = 0;   ///< stated error of the sensor, as a fraction; 0: not stated
    std::string
        device{};  ///< physical device ("pci:0000:65:00.0"): two views of one are known by it
};

[[nodiscard]] constexpr std::string_view to_text(component part) noexcept {
    switch (part) {
        case component::cpu:
            return "cpu";
        case component::dram:
            return "dram";
        case component::gpu:
            return "gpu";
        case component::npu:
            return "npu";
        case component::soc:
            return "soc";
        case component::board:
            return "board";
        case component::platform:
            return "platform";
        case component::other:
            return "other";
    }
    return "other";
}

[[nodiscard]] constexpr std::string_view to_text(reading_kind kind) noexcept {
    return kind == reading_kind::energy_counter ? "energy_counter" : "power_gauge";
}

/// The smallest step of a channel's joules: a counter's own; of a gauge, what its smallest step in
/// watts makes in one update.
[[nodiscard]] constexpr double smallest_joules(const channel& c) noexcept {
    const double step = c.quantum > 0 ? c.quantum : c.joules_per_count;
    if (c.kind == reading_kind::energy_counter) return step;
    return step * std::chrono::duration<double>(c.update_period).count();
}

/// A power that no such part reaches: above it a step of a counter is a reset, not energy.
/// Generous on purpose: 2 x the largest part known for each (350..500 W sockets, 1.2 kW GPUs,
/// 15 kW nodes); a channel that knows better says so in `max_watts`.
[[nodiscard]] constexpr double max_plausible_watts(const channel& c) noexcept {
    if (c.max_watts > 0) return c.max_watts;
    switch (c.part) {
        case component::cpu:
            return 2'000;
        case component::dram:
            return 1'000;
        case component::gpu:
        case component::npu:
            return 4'000;
        case component::soc:
            return 4'000;
        case component::board:
        case component::platform:
        case component::other:
            return 50'000;
    }
    return 50'000;
}

}  // namespace v1
}  // namespace joulery
