// defaults.hpp - the standard backends, and how the library chooses among them.
// SPDX-License-Identifier: MIT
#pragma once

#include "joulery/backend.hpp"
#include "joulery/detail/core/config.hpp"
#include "joulery/detail/core/list.hpp"
#include "joulery/detail/core/system_root.hpp"
#include "joulery/detail/metering/registry.hpp"

#include <algorithm>
#include <cstddef>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace joulery {
inline namespace v1 {

/// The backends opened on this machine, and the reasons why others were not.
struct found_backends {
    std::vector<std::unique_ptr<backend>> backends;
    std::vector<std::string> warnings;
};

/// Every backend that comes with the library, in order of preference: if two show the same energy,
/// the first one that can be read is used.
///
///     for (const backend_entry& e : standard_backends()) std::cout << e.name << '\n';
[[nodiscard]] JOULERY_DECL list_view<backend_entry> standard_backends() noexcept;

/// Not tried if the processors have counters of their own: slow to read, and coarse.
inline constexpr std::string_view last_resorts[] = {"ipmi-dcmi", "battery", "estimate"};

/// Not tried if `of` was opened, because it would show the same counters again.
struct second_view {
    std::string_view name;
    std::string_view of;
};
inline constexpr second_view second_views[] = {
    {"rapl-perf", "rapl-powercap"}, {"amd-hsmp", "rapl-powercap"}, {"amd-hsmp", "rapl-perf"},
    {"rapl-msr", "rapl-powercap"},  {"rapl-msr", "rapl-perf"},     {"rocm-smi", "amdgpu"},
};

/// Opens the named backends or, without names, what the machine has: for each counter the first
/// backend that can read it, a slow meter of the whole machine only if the processors have no
/// counters of their own, and the processor model only if nothing measures the processors.
///
/// Fails: never. `warnings` explains, with a remedy, each backend that was requested by name and
/// could not be opened. Of the others it only explains why the processors can't be measured.
///
///     options o;
///     auto found = open_backends({"rapl-powercap"}, system_root{});
///     o.backends = std::move(found.backends);
[[nodiscard]] JOULERY_DECL found_backends open_backends(const std::vector<std::string>& names,
                                                        const system_root& root);

}  // namespace v1
}  // namespace joulery

#ifdef JOULERY_IMPLEMENTATION
#include "joulery/backend.hpp"
#include "joulery/detail/backends/accelerator/habana.hpp"
#include "joulery/detail/backends/accelerator/neuron.hpp"
#include "joulery/detail/backends/apple/apple_ioreport.hpp"
#include "joulery/detail/backends/apple/apple_smc.hpp"
#include "joulery/detail/backends/apple/process_energy.hpp"
#include "joulery/detail/backends/board/battery.hpp"
#include "joulery/detail/backends/board/hwmon.hpp"
#include "joulery/detail/backends/board/rpi_pmic.hpp"
#include "joulery/detail/backends/cpu/amd_hsmp.hpp"
#include "joulery/detail/backends/cpu/rapl_msr.hpp"
#include "joulery/detail/backends/cpu/rapl_perf.hpp"
#include "joulery/detail/backends/cpu/rapl_powercap.hpp"
#include "joulery/detail/backends/estimate/estimate.hpp"
#include "joulery/detail/backends/gpu/amdgpu.hpp"
#include "joulery/detail/backends/gpu/level_zero.hpp"
#include "joulery/detail/backends/gpu/library_backend.hpp"
#include "joulery/detail/backends/gpu/nvml.hpp"
#include "joulery/detail/backends/gpu/rocm_smi.hpp"
#include "joulery/detail/backends/server/cray_pm.hpp"
#include "joulery/detail/backends/server/ipmi_dcmi.hpp"
#include "joulery/detail/backends/windows/windows_emi.hpp"
#include "joulery/detail/metering/channel_account.hpp"
#include "joulery/detail/metering/containment.hpp"

#include <cstdint>

#if defined(_WIN32)
#elif defined(__APPLE__)
#endif

namespace joulery {
inline namespace v1 {
namespace detail {

inline constexpr backend_entry standard_entries[] = {
    // Processors and their memory. powercap needs root but states the value at which a counter
    // wraps; perf needs a capability; any user may query HSMP.
    {"rapl-powercap", open_rapl_powercap, true},
    {"rapl-perf", open_rapl_perf, true},
    {"amd-hsmp", open_amd_hsmp, true},
    {"rapl-msr", open_rapl_msr, false},  // as powercap, but needs more rights: by name only
#if defined(_WIN32)
    {"windows-emi", open_windows_emi, true},
#elif defined(__APPLE__)
    {"apple-ioreport", open_apple_ioreport, true},
    {"apple-smc", open_apple_smc, false},
    {"process-energy", open_process_energy, false},
#endif
    // Cards. The kernel's files come before the vendors' libraries, which read the same files.
    {"nvml", open_nvml, true},
    {"amdgpu", open_amdgpu, true},
    {"hwmon", open_hwmon, true},
    {"rocm-smi", open_rocm_smi, true},
    {"level-zero", open_level_zero, true},
    {"habana", open_habana, true},
    {"neuron", open_neuron, false},  // counts only once its maximum is stated
    // Boards and whole machines, the most detailed first.
    {"rpi-pmic", open_rpi_pmic, true},
    {"cray-pm", open_cray_pm, true},
    {"ipmi-dcmi", open_ipmi_dcmi, true},
    {"battery", open_battery, true},
    {"estimate", open_estimate, true},
};

/// Opens backends one after another and keeps track of what is still missing.
class backend_opener {
 public:
    explicit backend_opener(const system_root& root) : root_(root) {}

    void open_named(const std::vector<std::string>& names) {
        for (const std::string& name : names) {
            if (name == "none") continue;
            if (const backend_entry* entry = find(name)) {
                if (auto opened = open(*entry)) add(std::move(opened));
            } else {
                found_.warnings.push_back("unknown backend '" + name + "'; known are " +
                                          known_names() + ", none");
            }
        }
    }

    void open_all() {
        std::string processors;  // why they can't be read
        for (const backend_entry& entry : standard_entries) {
            if (!entry.by_default || is_second_view(entry.name)) continue;
            if (is_last_resort(entry.name) && has_processors()) continue;
            auto opened = open(entry);
            // It is not worth a warning that this machine is no Cray and no Raspberry Pi.
            if (processors.empty() && !found_.warnings.empty()) processors = found_.warnings[0];
            found_.warnings.clear();
            if (opened == nullptr || !adds_something(*opened)) continue;
            if (is_machine_silent(*opened)) silent_ = opened.get();
            add(std::move(opened));
        }
        if (!has_processors() && !processors.empty()) found_.warnings.push_back(processors);
    }

    [[nodiscard]] found_backends& found() noexcept { return found_; }

 private:
    static const backend_entry* find(std::string_view name) noexcept {
        for (const backend_entry& entry : standard_entries)
            if (entry.name == name) return &entry;
        return nullptr;
    }

    static std::string known_names() {
        std::string known;
        for (const backend_entry& entry : standard_entries)
            known.append(known.empty() ? "" : ", ").append(entry.name);
        return known;
    }

    std::unique_ptr<backend> open(const backend_entry& entry) {
        opened_backend opened = entry.open(root_);
        if (opened) return *std::move(opened);
        std::string text = std::string(entry.name) + ": " + opened.error().reason;
        if (!opened.error().remedy.empty()) text += "; to change it: " + opened.error().remedy;
        found_.warnings.push_back(std::move(text));
        return nullptr;
    }

    // Libraries whose calls wait for a driver are split by device, so that each device has its own
    // sampler.
    void add(std::unique_ptr<backend> b) {
        for (std::unique_ptr<backend>& part : split_by_device(std::move(b)))
            found_.backends.push_back(std::move(part));
    }

    template <class Is>
    [[nodiscard]] bool any_channel(Is is) const {
        for (const std::unique_ptr<backend>& b : found_.backends)
            for (const channel& c : b->channels())
                if (is(c, *b)) return true;
        return false;
    }

    // Whether the processors, or something that contains them and reports its power, can be read.
    [[nodiscard]] bool has_processors() const {
        return any_channel([&](const channel& c, const backend& of) {
            return counts_processors(c) || (c.provenance != quality::estimated &&
                                            extent_of(c) == extent::machine && &of != silent_);
        });
    }

    // A meter of the whole machine that returns 0 W or an error value. It may recover later, but
    // other backends are not skipped in its favor.
    static bool is_machine_silent(backend& b) {
        const std::vector<channel>& all = b.channels();
        const auto is_meter = [](const channel& c) {
            return extent_of(c) == extent::machine && c.kind == reading_kind::power_gauge;
        };
        if (is_last_resort(b.name()) || !any_in(all, is_meter)) return false;
        std::vector<std::uint64_t> values(all.size(), no_value);
        const bool good = b.read(counter_span(values)) == read_status::ok;
        return !any_in(all, [&](const channel& c) {
            channel_account account(c);
            if (good) account.take(values[static_cast<std::size_t>(&c - all.data())], 0);
            return is_meter(c) && !account.is_silent();
        });
    }

    [[nodiscard]] bool is_second_view(std::string_view name) const {
        for (const second_view& v : second_views)
            for (const std::unique_ptr<backend>& b : found_.backends)
                if (v.name == name && b->name() == v.of) return true;
        return false;
    }

    static bool is_last_resort(std::string_view name) noexcept {
        for (const std::string_view last : last_resorts)
            if (last == name) return true;
        return false;
    }

    // False for a second view of a known channel, and for a slow meter of the whole machine if the
    // processors are measured.
    [[nodiscard]] bool adds_something(const backend& candidate) const {
        for (const channel& c : candidate.channels()) {
            if (extent_of(c) == extent::machine && is_slow(c) && has_processors()) continue;
            const bool known = any_channel([&](const channel& k, const backend&) {
                return k.id == c.id || is_same_card(k, c);
            });
            if (!known) return true;
        }
        return false;
    }

    const system_root& root_;
    const backend* silent_ = nullptr;  ///< a whole-machine meter without a value so far
    found_backends found_;
};

}  // namespace detail

JOULERY_DECL list_view<backend_entry> standard_backends() noexcept {
    return list_view<backend_entry>(detail::standard_entries);
}

JOULERY_DECL found_backends open_backends(const std::vector<std::string>& names,
                                          const system_root& root) {
    detail::backend_opener opener(root);
    names.empty() ? opener.open_all() : opener.open_named(names);
    return std::move(opener.found());
}

}  // namespace v1
}  // namespace joulery

#endif  // JOULERY_IMPLEMENTATION
