// device_library.hpp - what a vendor's library shows, to be read device by device.
// SPDX-License-Identifier: MIT
#pragma once

#include "joulery/backend.hpp"

#include <memory>
#include <string_view>
#include <utility>
#include <vector>

namespace joulery {
inline namespace v1 {
namespace detail {

/// A backend over a vendor's library that may show several devices.
///
/// A call waits for the driver or the firmware, up to tens of milliseconds on some. Read by one
/// thread the last of eight devices would be dated by when the calls for the other seven came back.
class device_library : public backend {
 public:
    [[nodiscard]] bool reads_wait() const noexcept final { return true; }
    /// A backend for each device, which take the devices over; none where there is nothing to
    /// split.
    [[nodiscard]] virtual std::vector<std::unique_ptr<backend>> split() { return {}; }
};

/// The backends that are a `device_library`, by name.
inline constexpr std::string_view device_libraries[] = {"nvml", "rocm-smi", "level-zero", "habana"};

/// The device that a channel is of, without the place in it: "pci:0000:65:00.0".
[[nodiscard]] inline std::string_view whole_device_of(const channel& c) noexcept {
    const std::string_view device = c.device;
    return device.substr(0, device.find('/'));
}

}  // namespace detail

/// What one of the `device_libraries` opened, one backend for each device where it shows several:
/// each has a sampler of its own, no call waits for another device's, and each reading is dated by
/// itself. Other backends stay whole.
[[nodiscard]] inline std::vector<std::unique_ptr<backend>> split_by_device(
    std::unique_ptr<backend> b) {
    std::vector<std::unique_ptr<backend>> parts;
    for (const std::string_view name : detail::device_libraries)
        if (b->name() == name) parts = static_cast<detail::device_library&>(*b).split();
    if (parts.empty()) parts.push_back(std::move(b));
    return parts;
}

}  // namespace v1
}  // namespace joulery
