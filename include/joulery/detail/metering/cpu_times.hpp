// cpu_times.hpp - the first line of /proc/stat: how busy the machine has been.
// SPDX-License-Identifier: MIT
#pragma once

#include "joulery/detail/core/system_root.hpp"

#include <cstddef>
#include <cstdint>
#include <string_view>

namespace joulery {
inline namespace v1 {

/// Ticks (1/100 s) that all processors together spent since boot.
struct cpu_times {
    std::uint64_t busy = 0;  ///< user, nice, system, interrupts (guests are part of user)
    std::uint64_t rest = 0;  ///< idle, waiting for devices, taken by the hypervisor
};

/// Reads the "cpu" line of the text of /proc/stat (kernel: fs/proc/stat.c; columns: user nice
/// system idle iowait irq softirq steal guest guest_nice). False where it is not there, has fewer
/// than four columns or anything that is not a number.
[[nodiscard]] inline bool parse_cpu_times(std::string_view text, cpu_times& times) noexcept {
    std::string_view line = text.substr(0, text.find('\n'));
    if (line.substr(0, 4) != "cpu ") return false;
    line.remove_prefix(4);
    constexpr std::size_t columns = 8;  // guest time is already inside user
    constexpr std::size_t idle = 3, iowait = 4, steal = 7;
    cpu_times sum;
    std::size_t column = 0;
    while (column < columns) {
        const std::size_t begin = line.find_first_not_of(' ');
        if (begin == std::string_view::npos) break;
        line.remove_prefix(begin);
        const std::size_t end = line.find(' ');
        std::uint64_t ticks = 0;
        if (!parse_unsigned(line.substr(0, end), ticks)) return false;
        if (ticks > (std::uint64_t{1} << 59)) return false;  // eight of them must add up
        const bool resting = column == idle || column == iowait || column == steal;
        (resting ? sum.rest : sum.busy) += ticks;
        ++column;
        line.remove_prefix(end == std::string_view::npos ? line.size() : end);
    }
    if (column <= idle) return false;
    times = sum;
    return true;
}

}  // namespace v1
}  // namespace joulery
