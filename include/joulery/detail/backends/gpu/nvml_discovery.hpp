// nvml_discovery.hpp - which NVIDIA GPUs there are and what each of them reports.
// SPDX-License-Identifier: MIT
#pragma once

#include "joulery/backend.hpp"
#include "joulery/detail/backends/common/sleeping_device.hpp"
#include "joulery/detail/backends/cpu/cpu_identity.hpp"
#include "joulery/detail/backends/gpu/nvml_api.hpp"
#include "joulery/detail/core/concat.hpp"
#include "joulery/detail/core/list.hpp"
#include "joulery/detail/core/system_root.hpp"

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace joulery {
inline namespace v1 {
namespace detail {

/// What is read from a GPU, best first.
enum class nvml_source : unsigned char { energy_counter, power_field, power_usage };

/// One channel: a GPU, or the module that it shares with a processor.
struct nvml_meter {
    nvml_device device = nullptr;
    std::string uuid;
    bool is_read = true;  ///< it reports energy or power
    nvml_source from = nvml_source::energy_counter;
    std::uint32_t field = 0;
    std::uint32_t scope = nvml_scope_gpu;
    channel described;
    sleeping_device sleep;
};

/// The parts on one module: a processor, its memory, and its GPUs.
struct nvml_module {
    std::string identity;  ///< from the device: a socket, a serial or board number
    nvml_meter meter;      ///< as shown by the first of its GPUs
};

/// Checked before the library is loaded, because without a driver starting it takes 18 ms, and as
/// root it creates a device node and runs nvidia-modprobe.
[[nodiscard]] inline bool has_nvidia_driver(const system_root& root) {
#if defined(_WIN32)
    (void)root;
    return true;
#else
    return root.exists("/proc/driver/nvidia/version") || root.exists("/sys/module/nvidia") ||
           root.exists("/dev/dxg");  // Windows Subsystem for Linux
#endif
}

/// Why there is nothing to load.
[[nodiscard]] inline failure nvidia_absent(const system_root& root) {
    const std::string devices = "/sys/bus/pci/devices";
    for (const std::string& entry : root.list(devices)) {
        const std::string folder = concat({devices, "/", entry});
        if (root.line(concat({folder, "/vendor"})) == "0x10de" &&
            root.line(concat({folder, "/class"})).rfind("0x03", 0) == 0)
            return {concat({"NVIDIA GPU ", entry, " is there, but NVIDIA's driver is not loaded"}),
                    "sudo modprobe nvidia, after installing the driver"};
    }
    return {"no NVIDIA driver: /proc/driver/nvidia/version not found", {}};
}

[[nodiscard]] inline failure nvml_start_failed(const nvml_api& api, int status) {
    const char* remedy = "";
    if (status == nvml_version_mismatch)
        remedy =
            "the driver was updated under the running one: reboot, or reload the module nvidia";
    if (status == nvml_driver_not_loaded) remedy = "sudo modprobe nvidia";
    if (status == nvml_no_permission || status == nvml_operating_system)
        remedy = "let this user open /dev/nvidiactl; in a container: --gpus all";
    return {concat({"NVML does not start: ", api.text_of(status)}), remedy};
}

/// The socket that a PCI device is next to, according to the kernel; "" if unknown.
[[nodiscard]] inline std::string socket_of_pci(const system_root& root, const std::string& device) {
    constexpr std::string_view bus = "pci:";
    if (device.size() <= bus.size()) return {};
    const std::string folder = concat({"/sys/bus/pci/devices/", device.substr(bus.size())});
    const list<socket_cpu> nearest =
        first_cpu_of_each_socket(root, root.line(concat({folder, "/local_cpulist"})));
    if (nearest.size() == 1) return std::to_string(nearest.front().package);
    std::uint64_t node = 0;  // "-1" if the firmware does not say
    return root.number(concat({folder, "/numa_node"}), node) ? std::to_string(node) : std::string();
}

/// The number of modules whose power the firmware's meters show.
[[nodiscard]] inline std::size_t modules_of_firmware(const system_root& root) {
    std::size_t modules = 0;
    for (const std::string& entry : root.list("/sys/class/hwmon")) {
        const std::string folder = concat({"/sys/class/hwmon/", entry});
        if (root.line(concat({folder, "/name"})) != "power_meter") continue;
        for (const char* file : {"/power1_oem_info", "/device/power1_oem_info"})
            if (root.line(folder + file).rfind("Module Power Socket", 0) == 0) ++modules;
    }
    return modules;
}

/// Examines one GPU after another, then the modules that they are on.
class nvml_discovery {
 public:
    nvml_discovery(const nvml_api& api, const system_root& root,
                   std::shared_ptr<const time_source> clock)
        : api_(api), root_(root), clock_(std::move(clock)) {
        unsigned count = 0;
        const int status = api_.count(&count);
        if (status != nvml_ok)
            failure_reason_ = {concat({"NVML does not count its GPUs: ", api_.text_of(status)}),
                               {}};
        for (unsigned index = 0; index < count; ++index) look_at(index);
        place_on_modules();
        for (nvml_meter& gpu : gpus_) {
            for (nvml_module& m : modules_)
                if (gpu.described.parent == m.meter.described.id && m.meter.device == gpu.device)
                    meters_.push_back(std::move(m.meter));
            if (gpu.is_read) meters_.push_back(std::move(gpu));
        }
        if (failure_reason_.reason.empty()) failure_reason_ = explain(count);
    }

    [[nodiscard]] list<nvml_meter>& meters() noexcept { return meters_; }
    [[nodiscard]] std::string& note() noexcept { return note_; }
    [[nodiscard]] failure failure_reason() const { return failure_reason_; }

 private:
    void look_at(unsigned index) {
        nvml_meter gpu;
        const std::string who = concat({"GPU ", index});
        int status = api_.by_index(index, &gpu.device);
        if (status != nvml_ok) return note(concat({who, ": ", api_.text_of(status)}));
        gpu.uuid = nvml_api::text(api_.uuid, gpu.device);
        if (gpu.uuid.empty()) gpu.uuid = std::to_string(index);
        describe(gpu);
        status = choose_source(gpu);
        gpu.is_read = status == nvml_ok;
        if (!gpu.is_read) {
            note(concat({who, " (", (gpu.described.model.empty() ? gpu.uuid : gpu.described.model),
                         "): neither energy nor power: ", api_.text_of(status)}));
            unsupported_ += status == nvml_not_supported ? 1 : 0;
        } else {
            note_mig(gpu);
            if (gpu.sleep.sleeps())
                note(concat(
                    {gpu.uuid, " sleeps at times: it is not woken, and 0 W is counted meanwhile"}));
        }
        gpus_.push_back(std::move(gpu));
    }

    void describe(nvml_meter& gpu) const {
        channel& c = gpu.described;
        c.id = concat({"gpu/", gpu.uuid, "/board"});
        c.model = nvml_api::text(api_.name, gpu.device);
        c.part = component::gpu;
        c.joules_per_count = 1e-3;
        // Boards have a constant relative error of about this size: Yang et al. 2024, arXiv
        // 2312.02741.
        c.relative_error = 0.05;
        c.device = pci_key(gpu.device);
        c.max_watts = api_.stated_watts(gpu.device);
        if (!c.device.empty())
            gpu.sleep = sleeping_device(
                root_, concat({"/sys/bus/pci/devices/", c.device.substr(4)}), clock_);
    }

    [[nodiscard]] std::string pci_key(nvml_device device) const {
        nvml_pci_info pci{};
        if (api_.pci_info == nullptr || api_.pci_info(device, &pci) != nvml_ok) return {};
        char text[40];
        std::snprintf(text, sizeof text, "pci:%04x:%02x:%02x.0", pci.domain, pci.bus, pci.device);
        return text;
    }

    // A counter that reads 0 does not exist: some virtual GPUs answer with 0.
    int choose_source(nvml_meter& gpu) const {
        std::uint64_t value = 0;
        const int status = api_.read_energy(gpu.device, value);
        if (status == nvml_ok && value != 0) {
            gpu.described.update_period = std::chrono::milliseconds(100);
            std::uint64_t same = 0;  // a field is queried together with others
            const bool has_field =
                api_.read_field(gpu.device, nvml_energy, nvml_scope_gpu, same) == nvml_ok;
            if (has_field && same >= value && same - value < 1'000'000) gpu.field = nvml_energy;
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

    // The present power, or else its mean over a second.
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

    // nvml.h: the power is a one-second mean on Ampere other than GA100, and later. Which Ampere it
    // is can't be queried, so all of them count as averaging.
    [[nodiscard]] bool averages(nvml_device device) const {
        unsigned architecture = 0;
        constexpr unsigned ampere = 7;
        return api_.architecture != nullptr &&
               api_.architecture(device, &architecture) == nvml_ok && architecture >= ampere;
    }

    // A Grace superchip's module contains the processor, its memory and its GPUs, so it contains
    // their energy. Which GPUs share one is decided by the socket that they are next to, else by
    // serial and board numbers, else by their PCI segments; never by what they draw.
    void place_on_modules() {
        list<nvml_meter> seen;
        for (const nvml_meter& gpu : gpus_) seen.push_back(module_shown_by(gpu));
        const auto any = count_in(seen, [](const nvml_meter& m) { return m.device != nullptr; });
        const std::size_t others = modules_of_firmware(root_);
        if (any == 0 && others == 0) return;
        std::vector<std::string> sockets;
        const bool known = find_sockets(others, sockets);
        if (!known)
            return note("the power of modules is left out: nothing says which GPUs share one");
        for (std::size_t i = 0; i < gpus_.size(); ++i) {
            channel& c = gpus_[i].described;
            if (!c.device.empty()) c.device = concat({"cpu-package:", sockets[i], "/", c.device});
            if (seen[i].device != nullptr) c.parent = module_of(sockets[i], std::move(seen[i]));
        }
        for (std::size_t i = 0; i < gpus_.size(); ++i)  // a GPU that does not show its module
            for (const nvml_module& m : modules_)
                if (m.identity == sockets[i]) gpus_[i].described.parent = m.meter.described.id;
    }

    // As shown by a GPU; without a device if it shows none, or only itself, as some boards without
    // a processor do.
    [[nodiscard]] nvml_meter module_shown_by(const nvml_meter& gpu) const {
        nvml_meter module;
        module.device = gpu.device;
        module.uuid = gpu.uuid;
        std::uint64_t milliwatts = 0;
        std::uint64_t gpu_milliwatts = 0;
        const bool shown =
            choose_field(module, nvml_scope_module) &&
            api_.read_field(gpu.device, module.field, nvml_scope_module, milliwatts) == nvml_ok;
        const bool itself = gpu.is_read && api_.read_power(gpu.device, gpu_milliwatts) == nvml_ok &&
                            milliwatts <= gpu_milliwatts;
        if (!shown || itself) module.device = nullptr;
        return module;
    }

    // Finds each GPU's socket number.
    [[nodiscard]] bool find_sockets(std::size_t modules, std::vector<std::string>& sockets) const {
        const auto all = [&](auto number_of) {
            sockets.clear();
            for (const nvml_meter& gpu : gpus_) sockets.push_back(number_of(gpu));
            return !any_in(sockets, [](const std::string& s) { return s.empty(); });
        };
        // Firmware that puts every card next to one processor reveals nothing about modules.
        if (all([&](const nvml_meter& gpu) {
                return socket_of_pci(root_, gpu.described.device);
            }) &&
            count_of(sockets) >= std::min(modules, gpus_.size()))
            return true;
        const auto serial = [&](const nvml_meter& gpu) {
            const std::string number = nvml_api::text(api_.serial, gpu.device);
            return is_filler(number) ? std::string() : number;
        };
        const auto board = [&](const nvml_meter& gpu) {
            const std::string id = number(api_.board_id, gpu);
            return is_filler(id) ? std::string() : id;
        };
        const auto module = [&](const nvml_meter& gpu) { return number(api_.module_id, gpu); };
        const auto segment = [](const nvml_meter& gpu) {
            return pci_segment(gpu.described.device);
        };
        // Numbers that differ between all GPUs may be those of the GPUs.
        const auto shared = [&](auto number_of) {
            return all(number_of) && count_in_order(sockets) < gpus_.size();
        };
        if (shared(serial) || shared(board) || shared(module)) return true;
        if (all(segment) || all(serial)) {
            (void)count_in_order(sockets);
            return true;
        }
        if (gpus_.size() != 1 && (modules == 0 || gpus_.size() % modules != 0)) return false;
        sockets.clear();  // GPUs are listed module by module
        const std::size_t on_each = modules == 0 ? 1 : gpus_.size() / modules;
        for (std::size_t i = 0; i < gpus_.size(); ++i)
            sockets.push_back(std::to_string(on_each == 0 ? 0 : i / on_each));
        return true;
    }
    [[nodiscard]] static std::string number(int (*call)(nvml_device, unsigned*),
                                            const nvml_meter& gpu) {
        unsigned value = 0;
        const bool is_known = call != nullptr && call(gpu.device, &value) == nvml_ok;
        return is_known ? std::to_string(value) : std::string();
    }
    // Fillers for a missing serial number: "0", "N/A", "[N/A]", blanks.
    [[nodiscard]] static bool is_filler(const std::string& serial) {
        return serial.find_first_of("123456789") == std::string::npos;
    }
    [[nodiscard]] static std::size_t count_of(std::vector<std::string> names) {
        return count_in_order(names);
    }
    // "pci:0009:01:00.0" and "pci:0008:..." -> "000": Grace numbers a socket's segments like this.
    static std::string pci_segment(const std::string& device) {
        constexpr std::string_view zero = "pci:0000:";
        if (device.size() < zero.size() || device.compare(0, zero.size(), zero) == 0) return {};
        return device.substr(4, device.find(':', 4) - 5);
    }
    // Replaces names by 0, 1, 2 ... in order of appearance; returns their number.
    static std::size_t count_in_order(std::vector<std::string>& names) {
        std::vector<std::string> known;
        for (std::string& name : names) {
            auto at = std::find(known.begin(), known.end(), name);
            if (at == known.end()) at = known.insert(known.end(), name);
            name = std::to_string(at - known.begin());
        }
        return known.size();
    }

    std::string module_of(const std::string& socket, nvml_meter shown) {
        for (const nvml_module& m : modules_)
            if (m.identity == socket) return m.meter.described.id;
        channel& c = shown.described;
        c.id = concat({"module", socket});  // like the ACPI meter of the same module
        c.model = "NVIDIA Grace";
        c.part = component::soc;
        c.kind = reading_kind::power_gauge;
        c.joules_per_count = 1e-3;
        c.relative_error = 0.05;
        c.device = concat({"cpu-package:", socket});
        modules_.push_back({socket, std::move(shown)});
        return modules_.back().meter.described.id;
    }

    void note_mig(const nvml_meter& gpu) {
        unsigned now = 0;
        unsigned later = 0;
        if (api_.mig_mode != nullptr && api_.mig_mode(gpu.device, &now, &later) == nvml_ok &&
            now == 1)
            note(concat(
                {gpu.uuid,
                 " is split (MIG): its energy is that of the whole GPU, all instances together"}));
    }

    [[nodiscard]] failure explain(unsigned count) const {
        if (count == 0)
            return {"NVML sees no GPU",
                    "the GPU may be hidden by the container or its cgroup: docker run --gpus all"};
        const bool tells_nothing = unsupported_ == count;
        const std::string board = root_.text("/proc/device-tree/compatible", 4096);
        if (tells_nothing && board.find("nvidia,tegra") != std::string::npos)
            return {
                concat({note_, "; a Jetson's GPU is counted by the rails of its board (hwmon)"}),
                {}};
        return {note_, "a virtual GPU leaves its energy to its host: measure there"};
    }

    void note(const std::string& text) { note_ += (note_.empty() ? "" : "; ") + text; }

    const nvml_api& api_;
    const system_root& root_;
    std::shared_ptr<const time_source> clock_;
    list<nvml_meter> gpus_;
    list<nvml_module> modules_;
    list<nvml_meter> meters_;
    std::string note_;
    unsigned unsupported_ = 0;
    failure failure_reason_;
};

}  // namespace detail
}  // namespace v1
}  // namespace joulery
