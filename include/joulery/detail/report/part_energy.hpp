// part_energy.hpp - the joules of scopes by kind of part: processor, GPU, memory.
// SPDX-License-Identifier: MIT
#pragma once

#include "joulery/detail/core/list.hpp"
#include "joulery/report.hpp"

#include <cstddef>
#include <string_view>

namespace joulery {
inline namespace v1 {

/// The kinds of parts that a report's total is made of, in the order of `component`; empty where
/// there is but one kind, or nothing beside the processors and their memory.
///
///     for (component part : parts_of(r)) print(part_title(part), energy_of_part(r, row, part));
[[nodiscard]] inline detail::list<component> parts_of(const report& r) {
    bool seen[static_cast<std::size_t>(component::other) + 1] = {};
    for (const channel_row& c : r.channels)
        if (c.summed) seen[static_cast<std::size_t>(c.part)] = true;
    detail::list<component> out;
    for (std::size_t i = 0; i < sizeof seen; ++i)
        if (seen[i]) out.push_back(static_cast<component>(i));
    const bool accelerated = seen[static_cast<std::size_t>(component::gpu)] ||
                             seen[static_cast<std::size_t>(component::npu)];
    if (out.size() < 2 || !accelerated) out.clear();
    return out;
}

/// What `row` used of the summed channels of one kind.
[[nodiscard]] inline energy energy_of_part(const report& r, const scope_row& row, component part) {
    energy sum;
    for (std::size_t c = 0; c < r.channels.size() && c < row.by_channel.size(); ++c)
        if (r.channels[c].summed && r.channels[c].part == part) sum += row.by_channel[c];
    return sum;
}

/// What the machine used of one kind, in the whole run or outside all scopes.
[[nodiscard]] inline energy energy_of_part(const report& r, component part,
                                           energy channel_row::*which = &channel_row::total) {
    energy sum;
    for (const channel_row& c : r.channels)
        if (c.summed && c.part == part) sum += c.*which;
    return sum;
}

/// The head of a column: "CPU", "GPU", "memory".
[[nodiscard]] constexpr std::string_view part_title(component part) noexcept {
    switch (part) {
        case component::cpu:
            return "CPU";
        case component::gpu:
            return "GPU";
        case component::npu:
            return "NPU";
        case component::dram:
            return "memory";
        case component::soc:
            return "SoC";
        case component::board:
            return "board";
        case component::platform:
            return "platform";
        case component::other:
            return "other";
    }
    return "other";
}

}  // namespace v1
}  // namespace joulery
