// nvml_discovery.hpp - which NVIDIA GPUs there are and what each of them tells.
// SPDX-License-Identifier: MIT
#pragma once

#include "joulery/channel.hpp"
#include "joulery/detail/backends/gpu/nvml_api.hpp"
#include "joulery/detail/core/system_root.hpp"

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <string>
#include <utility>
#include <vector>

namespace joulery {
inline namespace v1 {
namespace detail {

/// What is read of a GPU, best first.
enum class nvml_source : unsigned char { energy_counter, power_field, power_usage };

/// One channel: a GPU, or the module that it shares with a processor.
struct nvml_meter {
    nvml_device device = nullptr;
    std::string uuid;
    nvml_source from = nvml_source::energy_counter;
    std::uint32_t field = 0;
    std::uint32_t scope = nvml_scope_gpu;
    channel described;
};

/// Before the library is loaded: without a driver its start takes 18 ms, and as root it makes a
/// device node and runs nvidia-modprobe.
[[nodiscard]] inline bool has_nvidia_driver(const system_root& root) {
#if defined(_WIN32)
    (void)root;
    return true;
#else
    return root.exists("/proc/driver/nvidia/version") || root.exists("/sys/module/nvidia") ||
           root.exists("/dev/dxg");  // Windows' subsystem for Linux
#endif
}

/// Why there is nothing to load.
[[nodiscard]] inline failure nvidia_absent(const system_root& root) {
    const std::string devices = "/sys/bus/pci/devices";
    for (const std::string& entry : root.list(devices)) {
        const std::string folder = devices + "/" + entry;
        if (root.line(folder + "/vendor") == "0x10de" &&
            root.line(folder + "/class").rfind("0x03", 0) == 0)
            return {"NVIDIA GPU " + entry + " is there, but NVIDIA's driver is not loaded",
                    "sudo modprobe nvidia, after installing the driver"};
    }
    return {"no NVIDIA driver: /proc/driver/nvidia/version is not there", {}};
}

[[nodiscard]] inline failure nvml_start_failed(const nvml_api& api, int status) {
    const char* remedy = "";
    if (status == nvml_version_mismatch)
        remedy =
            "the driver was updated under the running one: reboot, or reload the module nvidia";
    if (status == nvml_driver_not_loaded) remedy = "sudo modprobe nvidia";
    if (status == nvml_no_permission || status == nvml_operating_system)
        remedy = "let this user open /dev/nvidiactl; in a container: --gpus all";
    return {"NVML does not start: " + api.text_of(status), remedy};
}

/// Looks at one GPU after the other.
class nvml_discovery {
 public:
    explicit nvml_discovery(const nvml_api& api) : api_(api) {
        unsigned count = 0;
        const int status = api_.count(&count);
        if (status != nvml_ok) why_none_ = "NVML does not count its GPUs: " + api_.text_of(status);
        for (unsigned index = 0; index < count; ++index) look_at(index);
        if (why_none_.empty()) why_none_ = count == 0 ? "NVML sees no GPU" : remark_;
    }

    [[nodiscard]] std::vector<nvml_meter>& meters() noexcept { return meters_; }
    [[nodiscard]] std::string& remark() noexcept { return remark_; }
    [[nodiscard]] failure why_none() const {
        return {why_none_,
                "the GPU may be hidden by the container or its cgroup (docker run --gpus all), or "
                "be a virtual one, whose host keeps its energy to itself"};
    }

 private:
    void look_at(unsigned index) {
        nvml_meter gpu;
        const std::string who = "GPU " + std::to_string(index);
        int status = api_.by_index(index, &gpu.device);
        if (status != nvml_ok) return note(who + ": " + api_.text_of(status));
        char uuid[96] = "";
        status = api_.uuid(gpu.device, uuid, sizeof uuid);
        uuid[sizeof uuid - 1] = '\0';
        gpu.uuid = status == nvml_ok ? uuid : std::to_string(index);
        describe(gpu);
        status = choose_source(gpu);
        if (status != nvml_ok)
            note(who + " (" + gpu.uuid + "): neither energy nor power: " + api_.text_of(status));
        look_at_module(gpu, status == nvml_ok);
        if (status == nvml_ok) {
            note_mig(gpu);
            meters_.push_back(std::move(gpu));
        }
    }

    void describe(nvml_meter& gpu) const {
        channel& c = gpu.described;
        c.id = "gpu/" + gpu.uuid + "/board";
        c.part = component::gpu;
        c.joules_per_count = 1e-3;
        // Boards are off by a constant factor of about this: Yang et al. 2024, arXiv 2312.02741.
        c.accuracy = 0.05;
        c.device = pci_key(gpu.device);
        unsigned limit = 0;
        if (api_.power_limit != nullptr && api_.power_limit(gpu.device, &limit) == nvml_ok)
            c.max_watts = limit * 2e-3;
    }

    [[nodiscard]] std::string pci_key(nvml_device device) const {
        nvml_pci_info pci{};
        if (api_.pci_info == nullptr || api_.pci_info(device, &pci) != nvml_ok) return {};
        char text[40];
        std::snprintf(text, sizeof text, "pci:%04x:%02x:%02x.0", pci.domain, pci.bus, pci.device);
        return text;
    }

    // A counter that shows nothing at all is none: some virtual GPUs answer with 0.
    int choose_source(nvml_meter& gpu) const {
        std::uint64_t value = 0;
        const int status = api_.read_energy(gpu.device, value);
        if (status == nvml_ok && value != 0) {
            gpu.described.update_period = std::chrono::milliseconds(100);
            return nvml_ok;
        }
        gpu.described.kind = reading_kind::power_gauge;
        if (choose_field(gpu, nvml_scope_gpu)) return nvml_ok;
        const int power_status = api_.read_power(gpu.device, value);
        if (power_status != nvml_ok) return power_status;
        gpu.from = nvml_source::power_usage;
        gpu.described.update_period =
            averages(gpu.device) ? std::chrono::milliseconds(1000) : std::chrono::milliseconds(100);
        return nvml_ok;
    }

    // The power of the moment, or else its mean over a second.
    bool choose_field(nvml_meter& gpu, std::uint32_t scope) const {
        for (const std::uint32_t field : {nvml_power_instant, nvml_power_average}) {
            std::uint64_t value = 0;
            if (api_.read_field(gpu.device, field, scope, value) != nvml_ok || value == 0) continue;
            gpu.from = nvml_source::power_field;
            gpu.field = field;
            gpu.scope = scope;
            gpu.described.update_period =
                std::chrono::milliseconds(field == nvml_power_instant ? 100 : 1000);
            return true;
        }
        return false;
    }

    // nvml.h: the power is the mean of a second on Ampere other than GA100, and later. Which Ampere
    // it is can't be asked for, so that all of them are taken as averaging.
    [[nodiscard]] bool averages(nvml_device device) const {
        unsigned architecture = 0;
        constexpr unsigned ampere = 7;
        return api_.architecture != nullptr &&
               api_.architecture(device, &architecture) == nvml_ok && architecture >= ampere;
    }

    // A Grace superchip's module holds the processor, its memory and the GPU, whose energy is
    // thereby contained. GPUs that show the very same module power sit on one module.
    void look_at_module(nvml_meter& gpu, bool gpu_is_read) {
        nvml_meter module;
        module.device = gpu.device;
        module.uuid = gpu.uuid;
        std::uint64_t milliwatts = 0;
        std::uint64_t gpu_milliwatts = 0;
        if (!choose_field(module, nvml_scope_module)) return;
        if (api_.read_field(gpu.device, module.field, nvml_scope_module, milliwatts) != nvml_ok)
            return;
        if (gpu_is_read && api_.read_power(gpu.device, gpu_milliwatts) == nvml_ok &&
            milliwatts <= gpu_milliwatts)
            return;  // what some boards without a processor show
        for (const auto& known : modules_) {
            if (known.first != milliwatts) continue;
            gpu.described.parent = known.second;
            return;
        }
        channel& c = module.described;
        const std::string number = std::to_string(modules_.size());
        c.id = "module" + number;  // as the ACPI meter of the same module
        c.part = component::soc;
        c.kind = reading_kind::power_gauge;
        c.joules_per_count = 1e-3;
        c.accuracy = 0.05;
        c.device = "cpu-package:" + number;
        gpu.described.parent = c.id;
        modules_.emplace_back(milliwatts, c.id);
        meters_.push_back(std::move(module));
    }

    void note_mig(const nvml_meter& gpu) {
        unsigned now = 0;
        unsigned later = 0;
        if (api_.mig_mode != nullptr && api_.mig_mode(gpu.device, &now, &later) == nvml_ok &&
            now == 1)
            note(gpu.uuid +
                 " is split (MIG): its energy is that of the whole GPU, all instances together");
    }

    void note(const std::string& text) { remark_ += (remark_.empty() ? "" : "; ") + text; }

    const nvml_api& api_;
    std::vector<nvml_meter> meters_;
    std::vector<std::pair<std::uint64_t, std::string>> modules_;
    std::string remark_;
    std::string why_none_;
};

}  // namespace detail
}  // namespace v1
}  // namespace joulery
