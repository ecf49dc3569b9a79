// containment.hpp - which channels of a machine contain which others.
// SPDX-License-Identifier: MIT
#pragma once

#include "joulery/backend.hpp"

#include <chrono>
#include <cstddef>
#include <string>
#include <string_view>

namespace joulery {
inline namespace v1 {
namespace detail {

// A channel's `part` and `device` state what it counts; `device` is a path of nested devices:
//
//     "cpu-package:0"                  a socket; with part `soc` a module with everything in it
//     "cpu-package:0/die:1"            one of its dies; likewise "/core", "/uncore"
//     "cpu-package:0/pci:0008:01:00.0" a GPU on the same module as the socket
//     "cpu-packages"                   all sockets, as a platform's psys counts them
//     "memory:0"                       the memory next to socket 0
//     "pci:0000:03:00.0"               a whole card; "/package", "/tile:0": its parts
//     "board", "platform", "node"      a computer, a machine

/// What a channel can contain of other backends' channels, from the narrowest to the widest.
enum class extent : unsigned char {
    part,      ///< parts of its own device
    module,    ///< a superchip: processors and GPUs
    sockets,   ///< psys: the processors and their memory; more depends on the board
    computer,  ///< the inlet of a board: everything that it feeds
    machine,   ///< node, chassis, battery: everything
};

inline constexpr std::string_view cpu_start = "cpu-package";
inline constexpr std::string_view pci_start = "pci:";

[[nodiscard]] inline bool starts_with(std::string_view text, std::string_view start) noexcept {
    return text.substr(0, start.size()) == start;
}

/// "pci:0008:01:00.0" for a card, wherever it is installed; "" if it is not a whole card.
[[nodiscard]] inline std::string_view card_of(const channel& c) noexcept {
    const std::string_view device = c.device;
    const std::size_t at = device.find(pci_start);
    if (at == std::string_view::npos || device.find('/', at) != std::string_view::npos) return {};
    return device.substr(at);
}

[[nodiscard]] inline extent extent_of(const channel& c) noexcept {
    if (c.provenance == quality::estimated) return extent::part;
    const bool of_sockets = starts_with(c.device, cpu_start);
    switch (c.part) {
        case component::platform:
            return of_sockets ? extent::sockets : extent::machine;
        case component::board:
            return extent::computer;
        case component::soc:
            return of_sockets ? extent::module : extent::part;
        default:
            return extent::part;
    }
}

/// A separate card, which a board's `psys` may or may not feed.
[[nodiscard]] inline bool is_card(const channel& c) noexcept {
    return c.device.find(pci_start) != std::string::npos;
}

/// Two channels of one card, such as NVML's and hwmon's.
[[nodiscard]] inline bool is_same_card(const channel& a, const channel& b) noexcept {
    return !card_of(a).empty() && card_of(a) == card_of(b);
}

/// Whether one device is built into another.
[[nodiscard]] inline bool is_built_into(std::string_view inner, std::string_view outer) noexcept {
    return !outer.empty() && starts_with(inner, outer) && inner.size() > outer.size() &&
           inner[outer.size()] == '/';
}

/// Whether `outer` also counts the energy of `inner`.
[[nodiscard]] inline bool contains(const channel& outer, const channel& inner) noexcept {
    if (inner.provenance == quality::estimated) return false;
    const extent out = extent_of(outer);
    const extent in = extent_of(inner);
    switch (out) {
        case extent::part:  // a processor's meter does not contain a GPU on its module
            return in == extent::part && is_built_into(inner.device, outer.device) &&
                   (outer.part != component::cpu || !is_card(inner));
        case extent::module:
            return in < out &&
                   (inner.device == outer.device || is_built_into(inner.device, outer.device));
        case extent::sockets: {
            if (in >= out) return false;
            const std::string_view own = outer.device;
            const std::size_t number = own.find(':');  // of one socket, or all
            const std::string_view device = inner.device;
            return (starts_with(device, cpu_start) || starts_with(device, "memory:")) &&
                   (number == std::string_view::npos ||
                    device.substr(0, device.find('/')).substr(device.find(':')) ==
                        own.substr(number));
        }
        case extent::computer:
        case extent::machine:
            return in < out;
    }
    return false;
}

/// The library's own estimate, used where nothing is measured.
[[nodiscard]] inline bool is_stand_in(const channel& c) noexcept {
    return c.provenance == quality::estimated && c.device == "estimate";
}

/// Updated too rarely to separate scopes as the counters of the parts do.
[[nodiscard]] inline bool is_slow(const channel& c) noexcept {
    return c.update_period > std::chrono::milliseconds(100);
}

/// The processors themselves, or something around them that is not the whole machine.
[[nodiscard]] inline bool counts_processors(const channel& c) noexcept {
    return c.provenance != quality::estimated && extent_of(c) < extent::machine &&
           (c.part == component::cpu || c.part == component::soc || c.part == component::board);
}

}  // namespace detail
}  // namespace v1
}  // namespace joulery
