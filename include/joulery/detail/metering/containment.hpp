// containment.hpp - which of a machine's meters lie inside which others.
// SPDX-License-Identifier: MIT
#pragma once

#include "joulery/channel.hpp"

#include <chrono>
#include <cstddef>
#include <string>
#include <string_view>

namespace joulery {
inline namespace v1 {
namespace detail {

/// What a channel can hold of other backends' channels: from the narrowest meter to the widest.
enum class reach : unsigned char {
    part,      ///< a socket, its memory, a card: nothing of others
    package,   ///< all dies of a socket
    module,    ///< a superchip: one processor and its GPUs
    sockets,   ///< psys: the processors and their memory; more is up to the board's maker
    computer,  ///< the inlet of a board: all that is fed through it
    machine,   ///< node, chassis, battery: everything
};

struct reach_rule {
    std::string_view id;  ///< what the id starts with, a number or nothing after it; "": any
    component part;
    reach what;
};

/// The first rule that fits holds.
inline constexpr reach_rule reach_rules[] = {
    {"psys", component::platform, reach::sockets},
    {"module", component::soc, reach::module},
    {"", component::board, reach::computer},
    {"", component::platform, reach::machine},
};

/// "gpu/GPU-4e81..": as NVML names them, the only GPUs that sit on modules.
inline constexpr std::string_view nvml_gpu = "gpu/GPU-";

[[nodiscard]] inline bool starts_with(std::string_view text, std::string_view start) noexcept {
    return text.substr(0, start.size()) == start;
}

/// "0" of "cpu0/package" and of "module0".
[[nodiscard]] inline std::string_view number_in(std::string_view id) noexcept {
    const std::size_t begin = id.find_first_of("0123456789");
    if (begin == std::string_view::npos) return {};
    const std::size_t end = id.find_first_not_of("0123456789", begin);
    return id.substr(begin, end == std::string_view::npos ? end : end - begin);
}

[[nodiscard]] inline reach reach_of(const channel& c) noexcept {
    if (c.provenance == quality::estimated) return reach::part;
    for (const reach_rule& rule : reach_rules) {
        if (rule.part != c.part || !starts_with(c.id, rule.id)) continue;
        const std::string_view rest = std::string_view(c.id).substr(rule.id.size());
        if (rule.id.empty() || rest.find_first_not_of("0123456789") == std::string_view::npos)
            return rule.what;
    }
    const bool package = starts_with(c.id, "cpu") && c.id.find('/') == c.id.rfind('/') &&
                         c.id.size() > 8 && c.id.rfind("/package") == c.id.size() - 8;
    return package ? reach::package : reach::part;
}

/// A card of its own: what a board's `psys` may or may not feed.
[[nodiscard]] inline bool is_card(const channel& c) noexcept {
    return starts_with(c.device, "pci:") || starts_with(c.id, nvml_gpu);
}

/// Two views of one card, such as NVML's and hwmon's: both of the whole card, by its PCI address.
[[nodiscard]] inline bool is_same_card(const channel& a, const channel& b) noexcept {
    const auto whole = [](const channel& c) {
        constexpr std::string_view board = "/board";
        return c.id.size() > board.size() &&
               c.id.compare(c.id.size() - board.size(), board.size(), board) == 0;
    };
    return whole(a) && whole(b) && starts_with(a.device, "pci:") && a.device == b.device;
}

/// Whether `outer`, by what kind of meter it is, holds the energy of `inner`. `ordinal` is the
/// position of `inner` among the GPUs and `modules` the number of superchips.
[[nodiscard]] inline bool holds(const channel& outer, const channel& inner, std::size_t ordinal,
                                std::size_t modules) noexcept {
    if (inner.provenance == quality::estimated || reach_of(outer) <= reach_of(inner)) return false;
    const std::string_view id = inner.id;
    const bool same_number = number_in(outer.id) == number_in(id);
    switch (reach_of(outer)) {
        case reach::part:
            return false;
        case reach::package:
            return same_number && starts_with(id, "cpu") &&
                   id.find("/die") != std::string_view::npos && inner.part == component::cpu;
        case reach::module: {
            if (starts_with(id, "cpu")) return same_number;
            // One GPU a module in order, or two: whose is whose makes no difference to the sum.
            const std::string_view number = number_in(outer.id);
            return starts_with(id, nvml_gpu) && modules > 0 &&
                   std::to_string(ordinal % modules) == number;
        }
        case reach::sockets:
            return starts_with(id, "cpu") && (number_in(outer.id).empty() || same_number);
        case reach::computer:
        case reach::machine:
            return true;
    }
    return false;
}

/// The library's own estimate, which stands in where nothing is measured.
[[nodiscard]] inline bool is_stand_in(const channel& c) noexcept {
    return c.provenance == quality::estimated &&
           (c.id == "cpu/estimate" || c.id == "machine/estimate");
}

/// Renewed too seldom to tell scopes apart as the counters of the parts do.
[[nodiscard]] inline bool is_slow(const channel& c) noexcept {
    return c.update_period > std::chrono::milliseconds(100);
}

/// The processors themselves, or something around them that is not the whole machine.
[[nodiscard]] inline bool counts_processors(const channel& c) noexcept {
    return c.provenance != quality::estimated && reach_of(c) < reach::machine &&
           (c.part == component::cpu || c.part == component::soc || c.part == component::board);
}

}  // namespace detail
}  // namespace v1
}  // namespace joulery
