// rapl_remedy.hpp - why CPU energy can't be read here, and what would help.
// SPDX-License-Identifier: MIT
#pragma once

#include "joulery/detail/backends/cpu/cpu_identity.hpp"
#include "joulery/detail/core/concat.hpp"
#include "joulery/detail/core/system_root.hpp"
#include "joulery/result.hpp"

#include <cerrno>
#include <cstdint>
#include <string>

namespace joulery {
inline namespace v1 {
namespace detail {

/// The most power that a zone's limits allow, in watts: of those in force and those that the
/// processor states, the highest. 0: none is in force, or it means "none".
[[nodiscard]] inline double rapl_stated_watts(const system_root& root, const std::string& zone) {
    std::uint64_t enabled = 1;
    if (root.number(concat({zone, "/enabled"}), enabled) && enabled == 0) return 0;
    constexpr std::uint64_t unlimited = 1'500'000'000;  // microwatts; makers write 4095 W for none
    std::uint64_t most = 0;
    bool has_short_term = false;
    for (const char number : {'0', '1', '2'}) {
        const std::string constraint = concat({zone, "/constraint_", number});
        for (const char* file : {"_power_limit_uw", "_max_power_uw"}) {
            std::uint64_t microwatts = 0;
            if (!root.number(constraint + file, microwatts)) continue;
            if (microwatts >= unlimited) return 0;
            has_short_term = has_short_term || (number != '0' && microwatts > 0);
            most = microwatts > most ? microwatts : most;
        }
    }
    // The long-term limit alone says little: turbo exceeds it threefold.
    return has_short_term ? static_cast<double>(most) * 1e-6 : 0;
}

/// Why opening a counter failed, in words.
[[nodiscard]] inline std::string rapl_open_error(int code) {
    const bool denied = code == EACCES || code == EPERM;
    return error_text(code) +
           (denied ? " (it is for root only since Linux 5.10, CVE-2020-8694)" : "");
}

/// A line for the shell, least privilege first: a group that may read the counters; then, in its
/// comment, one program through perf.
[[nodiscard]] inline std::string rapl_permission_remedy() {
    return "sudo groupadd -f energy && sudo usermod -aG energy $USER && printf '%s\\n' "
           "'z /sys/devices/virtual/powercap/*/*/energy_uj 0440 root energy - -' "
           "'z /sys/devices/virtual/powercap/*/*/*/energy_uj 0440 root energy - -' "
           "| sudo tee /etc/tmpfiles.d/rapl.conf && sudo systemd-tmpfiles --create rapl.conf "
           "# then log in again (that group can then use the side channel of the CVE); or for one "
           "program, through perf: sudo setcap cap_perfmon+ep PROGRAM";
}

[[nodiscard]] inline failure rapl_masked() {
    return {"/sys/class/powercap: its zones are masked by the container runtime",
            // All of /sys: the counters of cards are looked for under the same prefix.
            "start the container with -v /sys:/host/sys:ro -v /proc:/host/proc:ro "
            "-e JOULERY_SYSROOT=/host"};
}

[[nodiscard]] inline failure rapl_absent(const cpu_identity& cpu, int list_error) {
    const std::string folder = "/sys/class/powercap: ";
    if (list_error != 0 && list_error != ENOENT)
        return {folder + rapl_open_error(list_error), rapl_permission_remedy()};
    if (cpu.has_hypervisor)
        return {concat({folder,
                        "no RAPL zone; this is a virtual machine and its hypervisor does not "
                        "expose CPU energy"}),
                "use a bare-metal instance, or the estimate"};
    const std::string what = list_error == ENOENT ? "not there" : "holds no RAPL zone";
    if (cpu.is_intel() || cpu.is_amd()) return {folder + what, "sudo modprobe intel_rapl_msr"};
    return {concat({folder, what, "; RAPL is a counter of Intel, AMD and Hygon processors"}), {}};
}

}  // namespace detail
}  // namespace v1
}  // namespace joulery
