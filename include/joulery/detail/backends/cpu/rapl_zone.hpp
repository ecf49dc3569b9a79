// rapl_zone.hpp - the zones in which Linux's powercap shows Intel's and AMD's RAPL.
// SPDX-License-Identifier: MIT
#pragma once

#include "joulery/backend.hpp"
#include "joulery/detail/backends/cpu/cpu_identity.hpp"
#include "joulery/detail/core/concat.hpp"
#include "joulery/detail/core/system_root.hpp"
#include "joulery/result.hpp"

#include <cerrno>
#include <cmath>
#include <cstdint>
#include <string>
#include <string_view>

namespace joulery {
inline namespace v1 {

/// The kind of a RAPL zone, in the order in which channels are listed.
enum class rapl_domain : unsigned char { psys, package, core, uncore, dram };

[[nodiscard]] constexpr std::string_view to_text(rapl_domain d) noexcept {
    switch (d) {
        case rapl_domain::psys:
            return "psys";
        case rapl_domain::package:
            return "package";
        case rapl_domain::core:
            return "core";
        case rapl_domain::uncore:
            return "uncore";
        case rapl_domain::dram:
            return "dram";
    }
    return "unknown";
}

[[nodiscard]] constexpr component component_of(rapl_domain d) noexcept {
    return d == rapl_domain::psys   ? component::platform
           : d == rapl_domain::dram ? component::dram
                                    : component::cpu;
}

/// One zone of /sys/class/powercap, from its folder and its name. Plain data.
struct rapl_zone {
    std::string folder;  ///< "intel-rapl:0:1"; the numbers are hexadecimal and arbitrary
    rapl_domain domain = rapl_domain::package;
    std::uint64_t package = 0;   ///< for psys: the package whose register it is
    std::int64_t die = -1;       ///< -1: the zone covers the whole package
    std::uint64_t range_uj = 0;  ///< largest value; 0: not stated by the kernel

    /// The folder of the zone that contains this one: its own without the last number; "" at the
    /// top.
    [[nodiscard]] std::string_view parent_folder() const noexcept {
        const std::string_view whole = folder;
        const std::size_t last = whole.rfind(':');
        return whole.find(':') == last ? std::string_view{} : whole.substr(0, last);
    }
    /// Whether it shows the same registers through MMIO (int340x, laptops).
    [[nodiscard]] bool is_mmio() const noexcept { return folder.rfind("intel-rapl-mmio:", 0) == 0; }
    /// "cpu0/package", "cpu0/die1/dram", "psys".
    [[nodiscard]] std::string id() const {
        if (domain == rapl_domain::psys) return "psys";
        return concat({socket_id(), "/", to_text(domain)});
    }
    /// What it counts, in the form of `channel::device`. Memory is outside the package, whatever
    /// its folder says. `only_psys`: the machine's only one, which covers all packages.
    [[nodiscard]] std::string device(bool only_psys = true) const {
        const std::string number = concat({":", package});
        if (domain == rapl_domain::psys)
            return only_psys ? "cpu-packages" : concat({"cpu-packages", number});
        if (domain == rapl_domain::dram) return concat({"memory", number});
        std::string path = concat({"cpu-package", number});
        if (die >= 0) append(path, {"/die:", die});
        if (domain == rapl_domain::core || domain == rapl_domain::uncore)
            path.append("/").append(to_text(domain));
        return path;
    }
    [[nodiscard]] std::string socket_id() const {
        return concat({"cpu", package, (die < 0 ? "" : concat({"/die", die}))});
    }
};

/// Whether an entry of /sys/class/powercap is a RAPL zone. The control types themselves (no colon)
/// and other families (arm-scmi, dtpm, idle-injection) are not.
[[nodiscard]] inline bool is_rapl_zone_folder(std::string_view entry) noexcept {
    const std::string_view type = entry.substr(0, entry.find(':'));
    return type.size() < entry.size() && (type == "intel-rapl" || type == "intel-rapl-mmio");
}

namespace detail {

// "package-3" -> 3, "package-0-die-1" -> 0 and 1.
[[nodiscard]] inline bool parse_package_name(std::string_view name, rapl_zone& zone) noexcept {
    constexpr std::string_view package = "package-", die = "-die-";
    if (name.substr(0, package.size()) != package) return false;
    name.remove_prefix(package.size());
    const std::size_t cut = name.find(die);
    if (!parse_unsigned(name.substr(0, cut), zone.package)) return false;
    if (cut == std::string_view::npos) return true;
    std::uint64_t number = 0;
    if (!parse_unsigned(name.substr(cut + die.size()), number) || number > 0xffff) return false;
    zone.die = static_cast<std::int64_t>(number);
    return true;
}

}  // namespace detail

/// Sets a zone's kind, package and die from its `name` file. `parent` is the enclosing zone, or
/// null. False if the name is unknown, or a subzone is not inside a package.
///
/// The kernel appends the package to psys only from the second one on: "psys", "psys-1"
/// (drivers/powercap/intel_rapl_common.c, rapl_init_domains).
[[nodiscard]] inline bool name_rapl_zone(std::string_view name, const rapl_zone* parent,
                                         rapl_zone& zone) noexcept {
    if (detail::parse_package_name(name, zone)) {
        zone.domain = rapl_domain::package;
        return true;
    }
    if (name.substr(0, 4) == "psys") {
        zone.domain = rapl_domain::psys;
        return name.size() == 4 || (name[4] == '-' && parse_unsigned(name.substr(5), zone.package));
    }
    if (parent == nullptr || parent->domain != rapl_domain::package) return false;
    zone.package = parent->package;
    zone.die = parent->die;
    for (const rapl_domain d : {rapl_domain::core, rapl_domain::uncore, rapl_domain::dram}) {
        zone.domain = d;
        if (name == to_text(d)) return true;
    }
    return false;
}

/// Nanojoules per hardware count, which powercap hides: its range is 0xffffffff counts, truncated
/// to whole microjoules. 0 if the range is unknown.
///
///     rapl_unit_nanojoules(262'143'328'850);   // 61035
[[nodiscard]] inline double rapl_unit_nanojoules(std::uint64_t range_uj) noexcept {
    return std::ceil(static_cast<double>(range_uj) * 1e3 / 4294967295.0 - 1e-6);
}

/// Where the counter wraps: one hardware count above its largest value. 0: unknown.
[[nodiscard]] inline std::uint64_t rapl_wrap_at(std::uint64_t range_uj) noexcept {
    if (range_uj == 0 || range_uj > (std::uint64_t{1} << 62)) return 0;
    const double unit_uj = std::round(rapl_unit_nanojoules(range_uj) / 1e3);
    return range_uj + static_cast<std::uint64_t>(unit_uj < 1 ? 1 : unit_uj);
}

namespace detail {

/// The highest power that a zone's limits allow, in watts: the maximum of those in force and those
/// that the processor states. 0: none is in force, or its value means "none".
[[nodiscard]] inline double rapl_stated_watts(const system_root& root, const std::string& zone) {
    std::uint64_t enabled = 1;
    if (root.number(concat({zone, "/enabled"}), enabled) && enabled == 0) return 0;
    constexpr std::uint64_t unlimited = 1'500'000'000;  // microwatts; vendors write 4095 W for none
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
    // The long-term limit alone is not enough, because turbo exceeds it threefold.
    return has_short_term ? static_cast<double>(most) * 1e-6 : 0;
}

/// Why opening a counter failed, in words.
[[nodiscard]] inline std::string rapl_open_error(int code) {
    const bool denied = code == EACCES || code == EPERM;
    return error_text(code) +
           (denied ? " (it is for root only since Linux 5.10, CVE-2020-8694)" : "");
}

/// A shell command, least privilege first: a group that may read the counters; in its comment, a
/// single program through perf.
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
            // All of /sys, because the cards' counters are read below the same prefix.
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
    const std::string what = list_error == ENOENT ? "not found" : "has no RAPL zone";
    if (cpu.is_intel() || cpu.is_amd()) return {folder + what, "sudo modprobe intel_rapl_msr"};
    return {concat({folder, what, "; RAPL is a counter of Intel, AMD and Hygon processors"}), {}};
}

}  // namespace detail
}  // namespace v1
}  // namespace joulery
