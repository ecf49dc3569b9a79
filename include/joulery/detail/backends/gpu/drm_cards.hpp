// drm_cards.hpp - is there a GPU of this vendor? Asked before its library is
// loaded. SPDX-License-Identifier: MIT
#pragma once

#include "joulery/detail/core/system_root.hpp"

#include <cstdint>
#include <cstdio>
#include <string>
#include <string_view>

namespace joulery {
inline namespace v1 {
namespace detail {

/// Whether the kernel shows a card (or, without a driver for displays, an accelerator) of a PCI
/// vendor, such as "0x1002". Always true on Windows, where the library itself is asked.
[[nodiscard]] inline bool has_card_of(const system_root& root, std::string_view vendor) {
#if defined(_WIN32)
    (void)root, (void)vendor;
    return true;
#else
    for (const char* kind : {"/sys/class/drm", "/sys/class/accel"})
        for (const std::string& entry : root.list(kind))
            if (entry.find('-') == std::string::npos &&
                root.line(std::string(kind) + "/" + entry + "/device/vendor") == vendor)
                return true;
    return root.exists("/dev/dxg");  // Windows' subsystem for Linux
#endif
}

/// "0000:65:00.0", as the kernel spells it.
[[nodiscard]] inline std::string pci_text(std::uint64_t domain, unsigned bus, unsigned device,
                                          unsigned function) {
    char text[40];
    std::snprintf(text, sizeof text, "%04llx:%02x:%02x.%x", static_cast<unsigned long long>(domain),
                  bus, device, function);
    return text;
}

}  // namespace detail
}  // namespace v1
}  // namespace joulery
