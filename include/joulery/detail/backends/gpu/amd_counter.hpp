// amd_counter.hpp - what ROCm SMI and AMD SMI have in common: the same energy
// counter with the same traps. SPDX-License-Identifier: MIT
//
// Both libraries read the kernel's gpu_metrics; `amdgpu` does so itself and is preferred.
#pragma once

#include "joulery/backend.hpp"
#include "joulery/detail/backends/common/hardware_names.hpp"
#include "joulery/detail/backends/gpu/amd_apu.hpp"
#include "joulery/detail/backends/gpu/drm_cards.hpp"
#include "joulery/detail/core/system_root.hpp"
#include "joulery/result.hpp"

#include <cstdint>
#include <string>

namespace joulery {
inline namespace v1 {
namespace detail {

/// Whether a chip, by PCI device id, has a 64-bit energy counter in 2^-16 J: MI200, MI300, MI350.
/// The others' is 32 bits wide and wraps within minutes (MI100), or never filled (Navi).
[[nodiscard]] inline bool has_amd_counter(unsigned device_id) noexcept {
    const bool mi200 =
        device_id == 0x7408 || device_id == 0x740c || device_id == 0x740f || device_id == 0x7410;
    const bool mi300 = device_id >= 0x74a0 && device_id <= 0x74bf;
    const bool mi350 = device_id >= 0x75a0 && device_id <= 0x75bf;
    return mi200 || mi300 || mi350;
}

/// The libraries state 15.3 uJ a count for what is 2^-16 J (15.2588 uJ): 0.27 % too much.
[[nodiscard]] inline double amd_joules_per_count(float stated_microjoules) noexcept {
    const double stated = static_cast<double>(stated_microjoules) * 1e-6;
    constexpr double exact = 1.0 / 65536;
    return !(stated > 0) || (stated > 0.99 * exact && stated < 1.01 * exact) ? exact : stated;
}

/// Notices values that are served from a cache for ever, as ROCm before 6.1 does: the counter's own
/// timestamp stands still.
class freshness_check {
 public:
    /// False where the timestamp has stood still for longer than the kernel ever lets it.
    bool is_fresh(std::uint64_t timestamp_ns, double now_seconds) noexcept {
        if (timestamp_ns == 0) return true;  // none is told
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

/// The channel of a GPU at a PCI address; a counter until said otherwise.
[[nodiscard]] inline channel amd_channel(const system_root& root, const std::string& pci,
                                         unsigned device_id) {
    channel c;
    c.id = "gpu/" + pci + "/board";
    c.part = component::gpu;
    c.device = "pci:" + pci;
    const std::string folder = "/sys/bus/pci/devices/" + pci;
    if (root.exists(folder)) c.model = amd_gpu_model(root, folder);
    for (const std::string& entry : root.list(folder + "/hwmon")) {
        std::uint64_t microwatts = 0;
        if (root.number(folder + "/hwmon/" + entry + "/power1_cap_max", microwatts) &&
            microwatts <= 100'000'000'000)
            c.max_watts = static_cast<double>(microwatts) * 1e-6;
    }
    if (device_id == mi300a_device_id) describe_mi300a(c, root, pci);
    return c;
}

}  // namespace detail
}  // namespace v1
}  // namespace joulery
