// drm_cards.hpp - is there a GPU of this vendor? Asked before its library is
// loaded. SPDX-License-Identifier: MIT
#pragma once

#include "joulery/detail/core/concat.hpp"
#include "joulery/detail/core/system_root.hpp"
#include "joulery/result.hpp"

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
                root.line(concat({kind, "/", entry, "/device/vendor"})) == vendor)
                return true;
    return root.exists("/dev/dxg");  // Windows' subsystem for Linux
#endif
}

/// A card of a vendor that sleeps now, "card1"; "" where none does. Starting the vendor's library
/// would wake it.
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
