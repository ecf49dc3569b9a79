// cpu_power_model.hpp - watts of this machine's processors at a given load.
// SPDX-License-Identifier: MIT
#pragma once

#include "joulery/detail/backends/cpu/cpu_identity.hpp"
#include "joulery/detail/backends/cpu/rapl_zone.hpp"
#include "joulery/detail/backends/estimate/cpu_power_table.hpp"
#include "joulery/detail/core/concat.hpp"
#include "joulery/detail/core/system_root.hpp"

#include <cstdint>
#include <string>
#include <vector>

namespace joulery {
inline namespace v1 {

/// A model of power over load, with where its figures come from.
///
///     cpu_power_model m = choose_cpu_power_model(system_root{});
///     m.watts(0.5, 64);      // half of 64 hardware threads busy
struct cpu_power_model {
    double tdp_watts = 0;  ///< > 0: the Teads curve over this; else the entry's watts a thread
    cpu_power_entry entry = unknown_cpu_power;
    double error = 0;          ///< stated, as a fraction
    bool whole_server = true;  ///< the figures hold memory, fans and power supply
    std::string sources;       ///< what the figures are and who says so, for the report

    [[nodiscard]] double watts(double load, double threads) const noexcept {
        if (tdp_watts > 0) return tdp_watts * teads_share_of_tdp(load);
        return threads * (entry.idle_watts + load * (entry.full_watts - entry.idle_watts));
    }
};

/// What the packages may draw, as powercap tells anybody, energy hidden or not.
struct powercap_tdp {
    double watts = 0;         ///< of all packages; 0 where it tells none
    bool is_a_limit = false;  ///< of some only the limit is known, which makers set as they like
};

namespace detail {

/// "28.00": the same in every locale, which printf's is not.
[[nodiscard]] inline std::string two_digits(double number) {
    const auto hundredths = static_cast<unsigned long long>(number * 100 + 0.5);
    const std::string rest = std::to_string(hundredths % 100);
    return concat({hundredths / 100, (rest.size() < 2 ? ".0" : "."), rest});
}

}  // namespace detail

/// Sums up the packages' TDPs. Where one is not told its long-term limit stands in, up to what a
/// socket can be made to draw: beyond that it means "none".
[[nodiscard]] inline powercap_tdp read_powercap_tdp(const system_root& root) {
    constexpr std::uint64_t most_tdp = 2'000'000'000, most_limit = 500'000'000;  // microwatts
    powercap_tdp tdp;
    for (const std::string& entry : root.list("/sys/class/powercap")) {
        rapl_zone zone;
        zone.folder = entry;
        const std::string folder = concat({"/sys/class/powercap/", entry});
        if (!is_rapl_zone_folder(entry) || zone.is_mmio()) continue;
        if (!name_rapl_zone(root.line(concat({folder, "/name"})), nullptr, zone) ||
            zone.domain != rapl_domain::package)
            continue;
        const auto watts_in = [&](const char* file, std::uint64_t most) {
            std::uint64_t microwatts = 0;
            const bool good = root.number(folder + file, microwatts) && microwatts <= most;
            return good ? static_cast<double>(microwatts) * 1e-6 : 0.0;
        };
        const double stated = watts_in("/constraint_0_max_power_uw", most_tdp);
        const double limit = watts_in("/constraint_0_power_limit_uw", most_limit);
        tdp.watts += stated > 0 ? stated : limit;
        tdp.is_a_limit |= stated <= 0 && limit > 0;
    }
    return tdp;
}

/// Picks the best model the machine gives cause for: its server processor's own figures, else the
/// TDP that powercap states, else an average.
///
/// Stated errors: comparisons of such estimates with measurements found up to 40 % (Fischer 2025,
/// arXiv 2509.22092), and up to 100 % for models that don't know the machine (Fahad et al. 2019).
[[nodiscard]] inline cpu_power_model choose_cpu_power_model(const system_root& root) {
    const cpu_identity cpu = read_cpu_identity(root);
    cpu_power_model model;
    if (const cpu_power_entry* known = find_cpu_power(cpu)) {
        model.entry = *known;
        model.error = 0.4;
    } else if (const powercap_tdp tdp = read_powercap_tdp(root); tdp.watts > 0) {
        model.tdp_watts = tdp.watts;
        model.error = tdp.is_a_limit ? 1.0 : 0.4;
        model.whole_server = false;
        model.sources = concat({detail::two_digits(tdp.watts), " W ",
                                (tdp.is_a_limit ? "long-term limit" : "TDP"),
                                " stated by powercap x the Teads curve (12 % idle, 102 % full); "
                                "processors only, without memory"});
        return model;
    } else {
        model.error = 1.0;
    }
    model.sources =
        concat({model.entry.microarchitecture, ": ", detail::two_digits(model.entry.idle_watts),
                " W idle to ", detail::two_digits(model.entry.full_watts),
                " W full a hardware thread (Cloud Carbon Footprint 2026, from SPECpower; share "
                "of a whole server: memory, fans and power supply are included)"});
    return model;
}

}  // namespace v1
}  // namespace joulery
