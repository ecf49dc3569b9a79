// joulery/defaults.hpp - the standard set of backends: the one place where backends meet the meter.
// Layer 9. SPDX-License-Identifier: MIT
#pragma once

#include "joulery/backends/amd_hsmp.hpp"
#include "joulery/backends/amd_smi.hpp"
#include "joulery/backends/amdgpu.hpp"
#include "joulery/backends/battery.hpp"
#include "joulery/backends/cray_pm.hpp"
#include "joulery/backends/estimate.hpp"
#include "joulery/backends/function.hpp"
#include "joulery/backends/habana.hpp"
#include "joulery/backends/hwmon.hpp"
#include "joulery/backends/ipmi_dcmi.hpp"
#include "joulery/backends/level_zero.hpp"
#include "joulery/backends/neuron.hpp"
#include "joulery/backends/nvml.hpp"
#include "joulery/backends/rapl_msr.hpp"
#include "joulery/backends/rapl_perf.hpp"
#include "joulery/backends/rapl_powercap.hpp"
#include "joulery/backends/rocm_smi.hpp"
#include "joulery/backends/rpi_pmic.hpp"
#include "joulery/counters/registry.hpp"
#include "joulery/counters/system_root.hpp"

#if defined(_WIN32)
#include "joulery/backends/windows_emi.hpp"
#elif defined(__APPLE__)
#include "joulery/backends/apple_ioreport.hpp"
#include "joulery/backends/apple_smc.hpp"
#include "joulery/backends/process_energy.hpp"
#endif

#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace joulery {
inline namespace v1 {

/// Every backend that comes with the library, in the order in which they are preferred.
inline constexpr backend_entry standard_backends[] = {
    {"rapl-powercap", open_rapl_powercap, true},
    {"rapl-perf", open_rapl_perf, true},
    {"amd-hsmp", open_amd_hsmp, true},
    {"nvml", open_nvml, true},
    {"amdgpu", open_amdgpu, true},
    {"amd-smi", open_amd_smi, false},
    {"rocm-smi", open_rocm_smi, false},
    {"level-zero", open_level_zero, false},
    {"habana", open_habana, true},
    {"neuron", open_neuron, false},
    {"hwmon", open_hwmon, true},
    {"rpi-pmic", open_rpi_pmic, true},
#if defined(_WIN32)
    {"windows-emi", open_windows_emi, true},
#elif defined(__APPLE__)
    {"apple-ioreport", open_apple_ioreport, true},
    {"apple-smc", open_apple_smc, false},
    {"process-energy", open_process_energy, false},
#endif
    // By name only: of the whole machine, and so to be told apart from its parts first; or for
    // root.
    {"cray-pm", open_cray_pm, false},
    {"battery", open_battery, false},
    {"ipmi-dcmi", open_ipmi_dcmi, false},
    {"rapl-msr", open_rapl_msr, false},
    {"estimate", open_estimate, true},
};

/// What the machine has, and why it does not have the rest.
struct found_backends {
    std::vector<std::unique_ptr<backend>> backends;
    std::vector<std::string> warnings;
};

namespace detail {

/// Whether a backend that nobody asked for by name measures something that the found ones do not
/// already: a second view of the same counters is not kept, nor the whole machine beside its parts.
[[nodiscard]] inline bool adds_something(const backend& candidate, const found_backends& found) {
    const auto is_known = [&](const channel& c) {
        for (const std::unique_ptr<backend>& b : found.backends)
            for (const channel& known : b->channels())
                if (known.id == c.id) return true;
        return false;
    };
    bool anything_new = false;
    for (const channel& c : candidate.channels()) {
        const bool whole_machine = c.part == component::platform && c.parent.empty();
        if (whole_machine && !found.backends.empty()) return false;
        anything_new = anything_new || !is_known(c);
    }
    return anything_new;
}

}  // namespace detail

/// Opens the named backends, or, with no names, all that are tried by default; the estimate is the
/// last resort, for a machine on which nothing can be read.
///
/// Fails: never. What could not be opened is in `warnings` with its remedy: of those asked for by
///        name all, of the rest only where nothing at all was found.
///
///     options o;
///     auto found = open_backends({"rapl-powercap"}, system_root{});
///     o.backends = std::move(found.backends);
[[nodiscard]] inline found_backends open_backends(const std::vector<std::string>& names,
                                                  const system_root& root) {
    found_backends found;
    std::vector<std::string> reasons;
    const auto attempt = [&](const backend_entry& entry) {
        opened_backend opened = entry.open(root);
        if (opened) {
            if (!names.empty() || detail::adds_something(**opened, found))
                found.backends.push_back(*std::move(opened));
            return;
        }
        // Of what was only looked for, the first says why the processor is not measured; that this
        // is no Cray and no Raspberry Pi is not worth a warning.
        if (names.empty() && entry.name != standard_backends[0].name) return;
        std::string text = std::string(entry.name) + ": " + opened.error().reason;
        if (!opened.error().remedy.empty()) text += "; to change it: " + opened.error().remedy;
        reasons.push_back(std::move(text));
    };
    for (const std::string& name : names) {
        if (name == "none") continue;
        const backend_entry* named = nullptr;
        for (const backend_entry& entry : standard_backends)
            if (entry.name == name) named = &entry;
        if (named != nullptr) {
            attempt(*named);
            continue;
        }
        std::string known;
        for (const backend_entry& entry : standard_backends)
            known.append(known.empty() ? "" : ", ").append(entry.name);
        reasons.push_back("there is no backend '" + name + "'; known are " + known + ", none");
    }
    if (names.empty()) {
        for (const backend_entry& entry : standard_backends)
            if (entry.by_default && (entry.name != "estimate" || found.backends.empty()))
                attempt(entry);
    }
    const bool measured =
        !found.backends.empty() && found.backends.front()->name() != std::string_view("estimate");
    if (!names.empty() || !measured) found.warnings = std::move(reasons);
    return found;
}

}  // namespace v1
}  // namespace joulery
