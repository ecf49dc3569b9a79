// amd_smi.hpp - AMD Instinct GPUs through AMD SMI.
// SPDX-License-Identifier: MIT
//
// amdsmi.h of 24 to 27. Only the energy counter: the structure of amdsmi_get_power_info grew from
// 68 to 192 bytes under the same symbol, so that calling it overflows the stack of whoever knows
// the other size. Tested on a fake library only; which versions serve one value for ever is told by
// issue 22 of amdsmi (fixed in 6.1).
#pragma once

#include "joulery/detail/backends/gpu/amd_counter.hpp"
#include "joulery/detail/backends/gpu/library_backend.hpp"
#include "joulery/detail/core/dynamic_library.hpp"
#include "joulery/detail/metering/registry.hpp"
#include "joulery/detail/timing/time_source.hpp"

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace joulery {
inline namespace v1 {
namespace detail {

struct amd_smi_api {
    int (*init)(std::uint64_t) = nullptr;
    int (*sockets)(std::uint32_t*, void**) = nullptr;
    int (*processors)(void*, std::uint32_t*, void**) = nullptr;
    int (*pci)(void*, std::uint64_t*) = nullptr;  // amdsmi_bdf_t is a union over 64 bits
    int (*device_id)(void*, std::uint16_t*) = nullptr;
    int (*energy)(void*, std::uint64_t*, float*, std::uint64_t*) = nullptr;

    static constexpr std::uint64_t gpus = 2;  // of the kinds of processors to start
    static constexpr int driver_not_loaded = 34;
    static constexpr int not_found = 31;
    static constexpr int not_started = 32;

    [[nodiscard]] static result<amd_smi_api> load(const library_search& where) {
        const dynamic_library library(
            {"libamd_smi.so.27", "libamd_smi.so.26", "libamd_smi.so.25", "libamd_smi.so.24",
             "libamd_smi.so", "/opt/rocm/lib/libamd_smi.so"},
            where);
        if (!library.is_open())
            return failure{"AMD SMI is not here: " + library.error(),
                           "install the package amd-smi-lib"};
        amd_smi_api api;
        if (!library.bind(api.init, "amdsmi_init") ||
            !library.bind(api.sockets, "amdsmi_get_socket_handles") ||
            !library.bind(api.processors, "amdsmi_get_processor_handles") ||
            !library.bind(api.pci, "amdsmi_get_gpu_device_bdf") ||
            !library.bind(api.device_id, "amdsmi_get_gpu_id") ||
            !library.bind(api.energy, "amdsmi_get_energy_count"))
            return failure{library.path() + " has no energy counters", {}};
        return api;
    }

    /// What a call hands out: asked for how many first, then for the handles.
    template <class Call>
    [[nodiscard]] static std::vector<void*> all(Call call) {
        std::uint32_t n = 0;
        if (call(&n, static_cast<void**>(nullptr)) != 0 || n == 0 || n > 4096) return {};
        std::vector<void*> handles(n, nullptr);
        if (call(&n, handles.data()) != 0) return {};
        handles.resize(n < handles.size() ? n : handles.size());
        return handles;
    }
};

class amd_smi_devices {
 public:
    static constexpr std::string_view name = "amd-smi";

    amd_smi_devices(const amd_smi_api& api, std::shared_ptr<const time_source> clock)
        : api_(api), clock_(std::move(clock)) {}

    void add(void* handle) { devices_.push_back({handle, {}}); }

    device_answer read(std::size_t i, std::uint64_t& value) noexcept {
        device& d = devices_[i];
        float unit = 0;
        std::uint64_t at = 0;
        const int status = api_.energy(d.handle, &value, &unit, &at);
        if (status == amd_smi_api::not_found || status == amd_smi_api::not_started ||
            status == amd_smi_api::driver_not_loaded)
            return device_answer::lost;
        if (status != 0) return device_answer::none;
        const double now = static_cast<double>(clock_->now()) * clock_->seconds_per_tick();
        return d.freshness.is_fresh(at, now) ? device_answer::value : device_answer::none;
    }

 private:
    struct device {
        void* handle;
        freshness_check freshness;
    };
    amd_smi_api api_;
    std::shared_ptr<const time_source> clock_;
    std::vector<device> devices_;
};

/// Looks at one GPU after the other.
class amd_smi_discovery {
 public:
    amd_smi_discovery(const system_root& root, const amd_smi_api& api,
                      std::shared_ptr<const time_source> clock)
        : root_(root), api_(api), found_(api, std::move(clock)) {}

    opened_backend open() {
        for (void* socket : amd_smi_api::all(api_.sockets))
            for (void* gpu : amd_smi_api::all(
                     [&](auto*n, auto**into) { return api_.processors(socket, n, into); }))
                look_at(gpu);
        if (channels_.empty()) return failure{seen_ == 0 ? "AMD SMI sees no GPU" : note_, {}};
        return std::unique_ptr<backend>(std::make_unique<library_backend<amd_smi_devices>>(
            std::move(found_), std::move(channels_), std::move(note_)));
    }

 private:
    void look_at(void* gpu) {
        ++seen_;
        std::uint64_t address = 0;
        if (api_.pci(gpu, &address) != 0) return note("a GPU has no PCI address");
        const auto bits = [&](unsigned low, unsigned mask) {
            return static_cast<unsigned>(address >> low) & mask;
        };
        const std::string pci = pci_text(address >> 16, bits(8, 0xff), bits(3, 0x1f), bits(0, 7));
        std::uint16_t chip = 0;
        const bool has_id = api_.device_id(gpu, &chip) == 0;
        channel c = amd_channel(root_, pci, chip);
        // A GPU in partitions is listed once for each, and each shows the whole socket's energy.
        for (const channel& known : channels_)
            if (known.id == c.id) return;
        if (!has_id || !has_amd_counter(chip))
            return note(pci + " has no energy counter to trust; amdgpu reads its power");
        float unit = 0;
        std::uint64_t count = 0;
        std::uint64_t at = 0;
        const int status = api_.energy(gpu, &count, &unit, &at);
        if (status != 0) return note(pci + ": error " + std::to_string(status));
        if (count == 0) return note(pci + " shows no energy (the second die of a board?)");
        c.joules_per_count = amd_joules_per_count(unit);
        channels_.push_back(std::move(c));
        found_.add(gpu);
    }

    void note(const std::string& text) { note_ += (note_.empty() ? "" : "; ") + text; }

    const system_root& root_;
    const amd_smi_api& api_;
    amd_smi_devices found_;
    std::vector<channel> channels_;
    std::string note_;
    unsigned seen_ = 0;
};

}  // namespace detail

/// The energy counters of AMD Instinct GPUs (MI200 and later).
///
/// Units:  counts of 2^-16 J. Thread: reads must not overlap. Cost: one call a GPU, tens of us to
///         ms. Fails: as `library_backend`; a value that is served from a cache for ever is none.
///
///     auto gpus = open_amd_smi(system_root{});
using amd_smi = library_backend<detail::amd_smi_devices>;

[[nodiscard]] inline opened_backend open_amd_smi(
    const system_root& root, const library_search& where,
    std::shared_ptr<const time_source> clock = std::make_shared<steady_time>()) {
    if (!detail::may_have_amd_gpu(root)) return detail::no_amd_gpu();
    const result<detail::amd_smi_api> api = detail::amd_smi_api::load(where);
    if (!api) return api.error();
    const int status = api->init(detail::amd_smi_api::gpus);
    if (status != 0)
        return failure{
            "AMD SMI does not start: error " + std::to_string(status),
            status == detail::amd_smi_api::driver_not_loaded ? "sudo modprobe amdgpu" : ""};
    return detail::amd_smi_discovery(root, *api, std::move(clock)).open();
}
[[nodiscard]] inline opened_backend open_amd_smi(const system_root& root) {
    return open_amd_smi(root, library_search::of(root));
}

}  // namespace v1
}  // namespace joulery
