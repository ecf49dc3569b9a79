// drm_cards.hpp - whether there is a GPU of a vendor, checked before its library is loaded.
// SPDX-License-Identifier: MIT
#pragma once

#include "joulery/backend.hpp"
#include "joulery/detail/backends/cpu/cpu_identity.hpp"
#include "joulery/detail/core/concat.hpp"
#include "joulery/detail/core/list.hpp"
#include "joulery/detail/core/system_root.hpp"
#include "joulery/result.hpp"

#include <cstdint>
#include <cstdio>
#include <string>
#include <string_view>

namespace joulery {
inline namespace v1 {
namespace detail {

/// Whether the kernel shows a card (or an accelerator without a display driver) of a PCI vendor
/// such as "0x1002". Always true on Windows, where the library itself is asked.
[[nodiscard]] inline bool has_card_of(const system_root& root, std::string_view vendor) {
#if defined(_WIN32)
    (void)root, (void)vendor;
    return true;
#else
    for (const char* kind : {"/sys/class/drm", "/sys/class/accel"})
        for (const std::string& entry : root.list(kind))
            if (entry.find('-') == std::string::npos &&
                root.line(concat({kind, "/", entry, "/device/vendor"})) == vendor)
                return true;
    return root.exists("/dev/dxg");  // Windows Subsystem for Linux
#endif
}

/// A sleeping card of a vendor, "card1"; "" if there is none. Starting the vendor's library would
/// wake it.
[[nodiscard]] inline std::string sleeping_card_of(const system_root& root,
                                                  std::string_view vendor) {
    for (const std::string& entry : root.list("/sys/class/drm")) {
        const std::string device = concat({"/sys/class/drm/", entry, "/device"});
        if (entry.find('-') == std::string::npos &&
            root.line(concat({device, "/vendor"})) == vendor &&
            root.line(concat({device, "/power/runtime_status"})) == "suspended")
            return entry;
    }
    return {};
}

[[nodiscard]] inline failure would_wake(const std::string& card, const char* library) {
    return {concat({card, " sleeps, and ", library, " would wake it"}),
            concat({"echo on | sudo tee /sys/class/drm/", card,
                    "/device/power/control # or start the meter when the card is at work"})};
}

/// "0000:65:00.0", as the kernel writes it.
[[nodiscard]] inline std::string pci_text(std::uint64_t domain, unsigned bus, unsigned device,
                                          unsigned function) {
    char text[40];
    std::snprintf(text, sizeof text, "%04llx:%02x:%02x.%x", static_cast<unsigned long long>(domain),
                  bus, device, function);
    return text;
}

}  // namespace detail

// MI300A's PCI id: drivers/gpu/drm/amd/amdgpu/amdgpu_drv.c (AMD_IS_APU). That its meter covers the
// whole socket is from the kernel's HSMP document (socket energy includes CCDs, XCDs, HBM); what
// RAPL's package counts there is unknown. Not verified on hardware.
namespace detail {

inline constexpr unsigned mi300a_device_id = 0x74a0;

/// The socket whose processors are next to a PCI device; 0 if the kernel does not say.
[[nodiscard]] inline std::string socket_next_to(const system_root& root, std::string_view pci) {
    const std::string folder = concat({"/sys/bus/pci/devices/", pci});
    const list<socket_cpu> nearest =
        first_cpu_of_each_socket(root, root.line(concat({folder, "/local_cpulist"})));
    return std::to_string(nearest.empty() ? 0 : nearest.front().package);
}

/// Turns a GPU's channel into that of an MI300A's socket, which includes the processor: RAPL's
/// package is contained in it and not added, whether it counts the whole socket or less.
inline void describe_mi300a(channel& c, const system_root& root, std::string_view pci) {
    const std::string socket = socket_next_to(root, pci);
    c.id = concat({"module", socket});
    c.part = component::soc;
    c.device = concat({"cpu-package:", socket});
}

}  // namespace detail
}  // namespace v1
}  // namespace joulery
