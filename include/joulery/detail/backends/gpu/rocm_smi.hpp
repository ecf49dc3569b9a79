// rocm_smi.hpp - AMD GPUs through ROCm SMI, if the kernel's files can't be used.
// SPDX-License-Identifier: MIT
//
// Its successor AMD SMI is not used: it reads the same kernel files, reaches no additional cards,
// and the structure of its power call has grown from version to version.
//
// rocm_smi.h and the libraries 5.2.3 and 6.4.1. `amdgpu` gives the same data without the library's
// problems: its calls crash after a failed start, it prints to stderr, and before ROCm 6.1 it may
// return the same value forever. Tested on a fake library, and on the real one (5.2.3) without a
// GPU.
#pragma once

#include "joulery/backend.hpp"
#include "joulery/detail/backends/common/hardware_names.hpp"
#include "joulery/detail/backends/gpu/drm_cards.hpp"
#include "joulery/detail/backends/gpu/library_backend.hpp"
#include "joulery/detail/core/concat.hpp"
#include "joulery/detail/core/dynamic_library.hpp"
#include "joulery/detail/core/list.hpp"
#include "joulery/detail/core/system_root.hpp"
#include "joulery/detail/metering/registry.hpp"
#include "joulery/detail/timing/time_source.hpp"
#include "joulery/result.hpp"

#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace joulery {
inline namespace v1 {
namespace detail {

/// Whether a chip, by PCI device id, has a 64-bit energy counter in 2^-16 J: MI200, MI300, MI350.
/// That of others is 32 bits wide and wraps within minutes (MI100), or is never filled (Navi).
[[nodiscard]] inline bool has_amd_counter(unsigned device_id) noexcept {
    const bool mi200 =
        device_id == 0x7408 || device_id == 0x740c || device_id == 0x740f || device_id == 0x7410;
    const bool mi300 = device_id >= 0x74a0 && device_id <= 0x74bf;
    const bool mi350 = device_id >= 0x75a0 && device_id <= 0x75bf;
    return mi200 || mi300 || mi350;
}

/// The library states 15.3 uJ per count for 2^-16 J (15.2588 uJ), which is 0.27 % too much.
[[nodiscard]] inline double amd_joules_per_count(float stated_microjoules) noexcept {
    const double stated = static_cast<double>(stated_microjoules) * 1e-6;
    constexpr double exact = 1.0 / 65536;
    return !(stated > 0) || (stated > 0.99 * exact && stated < 1.01 * exact) ? exact : stated;
}

/// Detects values that come from a cache forever, as before ROCm 6.1: the counter's own timestamp
/// stands still.
class freshness_check {
 public:
    /// False if the timestamp has stood still for longer than the kernel allows.
    bool is_fresh(std::uint64_t timestamp_ns, double now_seconds) noexcept {
        if (timestamp_ns == 0) return true;  // there is no timestamp
        if (timestamp_ns != last_ || !seen_) {
            seen_ = true;
            last_ = timestamp_ns;
            since_ = now_seconds;
        }
        return now_seconds - since_ < longest_seconds;
    }
    static constexpr double longest_seconds = 0.05;  ///< the table is refreshed every 1 ms

 private:
    bool seen_ = false;
    std::uint64_t last_ = 0;
    double since_ = 0;
};

[[nodiscard]] inline bool may_have_amd_gpu(const system_root& root) {
    return has_card_of(root, "0x1002") || root.exists("/dev/kfd");
}
[[nodiscard]] inline failure no_amd_gpu() {
    return {"no AMD GPU: none in /sys/class/drm, and no /dev/kfd", {}};
}

/// The channel of a GPU at a PCI address; a counter unless changed.
[[nodiscard]] inline channel amd_channel(const system_root& root, const std::string& pci,
                                         unsigned device_id) {
    channel c;
    c.id = concat({"gpu/", pci, "/board"});
    c.part = component::gpu;
    c.device = concat({"pci:", pci});
    const std::string folder = concat({"/sys/bus/pci/devices/", pci});
    if (root.exists(folder)) c.model = amd_gpu_model(root, folder);
    for (const std::string& entry : root.list(concat({folder, "/hwmon"}))) {
        std::uint64_t microwatts = 0;
        if (root.number(concat({folder, "/hwmon/", entry, "/power1_cap_max"}), microwatts) &&
            microwatts <= 100'000'000'000)
            c.max_watts = static_cast<double>(microwatts) * 1e-6;
    }
    if (device_id == mi300a_device_id) describe_mi300a(c, root, pci);
    return c;
}

struct rocm_smi_api {
    int (*init)(std::uint64_t) = nullptr;
    int (*count)(std::uint32_t*) = nullptr;
    int (*pci)(std::uint32_t, std::uint64_t*) = nullptr;
    int (*device_id)(std::uint32_t, std::uint16_t*) = nullptr;
    int (*energy)(std::uint32_t, std::uint64_t*, float*, std::uint64_t*) = nullptr;
    int (*power)(std::uint32_t, std::uint64_t*, int*) = nullptr;
    int (*average_power)(std::uint32_t, std::uint32_t, std::uint64_t*) = nullptr;

    // Locks only within this process: otherwise a file in /dev/shm serializes all processes, and
    // one that dies inside it blocks the others.
    static constexpr std::uint64_t thread_only_mutex = 0x400000000000000;

    [[nodiscard]] static result<rocm_smi_api> load(const library_search& where) {
        const dynamic_library library(
            {"librocm_smi64.so.1", "librocm_smi64.so.7", "librocm_smi64.so.6", "librocm_smi64.so.5",
             "librocm_smi64.so", "/opt/rocm/lib/librocm_smi64.so"},
            where);
        if (!library.is_open())
            return failure{concat({"ROCm SMI was not found: ", library.error()}),
                           "install the package librocm-smi64-1 (rocm-smi-lib)"};
        rocm_smi_api api;
        if (!library.bind(api.init, "rsmi_init") ||
            !library.bind(api.count, "rsmi_num_monitor_devices") ||
            !library.bind(api.pci, "rsmi_dev_pci_id_get"))
            return failure{concat({library.path(), " is not ROCm SMI"}), {}};
        library.bind(api.device_id, "rsmi_dev_id_get");
        library.bind(api.energy, "rsmi_dev_energy_count_get");
        library.bind(api.power, "rsmi_dev_power_get");
        library.bind(api.average_power, "rsmi_dev_power_ave_get");
        return api;
    }

    int read_power(std::uint32_t device, std::uint64_t& microwatts) const noexcept {
        constexpr int not_supported = 2;
        int kind = 0;
        int status = power != nullptr ? power(device, &microwatts, &kind) : not_supported;
        if (status != 0 && average_power != nullptr) status = average_power(device, 0, &microwatts);
        return status;
    }
};

class rocm_smi_devices {
 public:
    static constexpr std::string_view name = "rocm-smi";

    rocm_smi_devices(const rocm_smi_api& api, std::shared_ptr<const time_source> clock)
        : api_(api), clock_(std::move(clock)) {}

    void add(std::uint32_t index, bool has_counter) {
        devices_.push_back({index, has_counter, {}});
    }
    [[nodiscard]] rocm_smi_devices only(std::size_t from, std::size_t end) const {
        rocm_smi_devices some(api_, clock_);
        some.devices_.assign(devices_.begin() + static_cast<std::ptrdiff_t>(from),
                             devices_.begin() + static_cast<std::ptrdiff_t>(end));
        return some;
    }

    device_answer read(std::size_t i, std::uint64_t& value) noexcept {
        device& d = devices_[i];
        if (!d.has_counter)
            return api_.read_power(d.index, value) == 0 ? device_answer::value
                                                        : device_answer::none;
        float unit = 0;
        std::uint64_t at = 0;
        if (api_.energy(d.index, &value, &unit, &at) != 0) return device_answer::none;
        const double now = static_cast<double>(clock_->now()) * clock_->seconds_per_tick();
        return d.freshness.is_fresh(at, now) ? device_answer::value : device_answer::none;
    }

 private:
    struct device {
        std::uint32_t index;
        bool has_counter;
        freshness_check freshness;
    };
    rocm_smi_api api_;
    std::shared_ptr<const time_source> clock_;
    list<device> devices_;
};

/// Examines one GPU after another.
class rocm_smi_discovery {
 public:
    rocm_smi_discovery(const system_root& root, const rocm_smi_api& api,
                       std::shared_ptr<const time_source> clock)
        : root_(root), api_(api), clock_(clock), found_(api, std::move(clock)) {}

    opened_backend open() {
        std::uint32_t count = 0;
        if (api_.count(&count) != 0) count = 0;
        for (std::uint32_t index = 0; index < count; ++index) look_at(index);
        if (channels_.empty()) return failure{count == 0 ? "ROCm SMI sees no GPU" : note_, {}};
        auto opened = std::make_unique<library_backend<rocm_smi_devices>>(
            std::move(found_), std::move(channels_), std::move(note_));
        opened->let_sleep(root_, clock_);
        return std::unique_ptr<backend>(std::move(opened));
    }

 private:
    void look_at(std::uint32_t index) {
        std::uint64_t address = 0;
        const bool has_address = api_.pci(index, &address) == 0;
        const auto bits = [&](unsigned low, unsigned mask) {
            return static_cast<unsigned>(address >> low) & mask;
        };
        const std::string pci =
            has_address ? pci_text(address >> 32, bits(8, 0xff), bits(3, 0x1f), bits(0, 7))
                        : std::to_string(index);
        std::uint16_t chip = 0;
        const bool has_id = api_.device_id != nullptr && api_.device_id(index, &chip) == 0;
        channel c = amd_channel(root_, pci, chip);
        if (!has_address) c.device.clear();
        // A partitioned GPU is listed once per partition, each with the whole socket's energy.
        for (const channel& known : channels_)
            if (known.id == c.id) return;
        float unit = 0;
        std::uint64_t count = 0;
        std::uint64_t at = 0;
        std::uint64_t microwatts = 0;
        const bool has_power = api_.read_power(index, microwatts) == 0 && microwatts != 0;
        const bool has_counter = api_.energy != nullptr && has_id && has_amd_counter(chip) &&
                                 api_.energy(index, &count, &unit, &at) == 0 && count != 0;
        if (!has_counter && !has_power)
            return note(
                concat({pci, " shows neither energy nor power (the second die of a board?)"}));
        c.joules_per_count = has_counter ? amd_joules_per_count(unit) : 1e-6;
        if (!has_counter) {
            c.kind = reading_kind::power_gauge;
            c.update_period = std::chrono::milliseconds(10);
        }
        channels_.push_back(std::move(c));
        found_.add(index, has_counter);
    }

    void note(const std::string& text) { note_ += (note_.empty() ? "" : "; ") + text; }

    const system_root& root_;
    const rocm_smi_api& api_;
    std::shared_ptr<const time_source> clock_;
    rocm_smi_devices found_;
    std::vector<channel> channels_;
    std::string note_;
};

}  // namespace detail

/// AMD GPUs' energy counters, or their power if the counter is unreliable.
///
/// Units:  counts of 2^-16 J; microwatts. Thread: reads must not overlap.
/// Cost:   one call per GPU, tens of us to ms, more than reading the kernel's files.
/// Fails:  as `library_backend`; a value that comes from a cache forever counts as none.
///
///     auto gpus = open_rocm_smi(system_root{});
using rocm_smi = library_backend<detail::rocm_smi_devices>;

[[nodiscard]] inline opened_backend open_rocm_smi(
    const system_root& root, const library_search& where,
    std::shared_ptr<const time_source> clock = std::make_shared<steady_time>()) {
    if (!detail::may_have_amd_gpu(root)) return detail::no_amd_gpu();
    const std::string asleep = detail::sleeping_card_of(root, "0x1002");
    if (!asleep.empty()) return detail::would_wake(asleep, "ROCm SMI");
    const result<detail::rocm_smi_api> api = detail::rocm_smi_api::load(where);
    if (!api) return api.error();
    const int status = api->init(detail::rocm_smi_api::thread_only_mutex);
    // From here on nothing may be called: rsmi_dev_* crash in a library that did not start.
    if (status != 0)
        return failure{concat({"ROCm SMI does not start: error ", status}),
                       "sudo modprobe amdgpu; in a container, mount /sys read-only"};
    return detail::rocm_smi_discovery(root, *api, std::move(clock)).open();
}
[[nodiscard]] inline opened_backend open_rocm_smi(const system_root& root) {
    return open_rocm_smi(root, library_search::of(root));
}

}  // namespace v1
}  // namespace joulery
