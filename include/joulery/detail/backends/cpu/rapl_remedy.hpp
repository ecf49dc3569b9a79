// rapl_remedy.hpp - why CPU energy can't be read here, and what would help.
// SPDX-License-Identifier: MIT
#pragma once

#include "joulery/detail/backends/cpu/cpu_identity.hpp"
#include "joulery/detail/core/system_root.hpp"
#include "joulery/result.hpp"

#include <cerrno>
#include <string>

namespace joulery {
inline namespace v1 {
namespace detail {

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
        return {folder +
                    "no RAPL zone; this is a virtual machine and its hypervisor does not "
                    "expose CPU energy",
                "use a bare-metal instance, or the estimate"};
    const std::string what = list_error == ENOENT ? "not there" : "holds no RAPL zone";
    if (cpu.is_intel() || cpu.is_amd()) return {folder + what, "sudo modprobe intel_rapl_msr"};
    return {folder + what + "; RAPL is a counter of Intel, AMD and Hygon processors", {}};
}

}  // namespace detail
}  // namespace v1
}  // namespace joulery
