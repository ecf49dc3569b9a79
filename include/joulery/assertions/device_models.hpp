// device_models.hpp - which models the measured devices are, for baselines.
// SPDX-License-Identifier: MIT
#pragma once

#include "joulery/channel.hpp"
#include "joulery/detail/core/system_root.hpp"

#include <cstddef>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <vector>

namespace joulery {
inline namespace v1 {
namespace testing {

namespace detail {

/// "10de:2330": vendor and device of a PCI address, as the kernel's sysfs has them (Documentation/
/// ABI/testing/sysfs-bus-pci); "" where it has none.
[[nodiscard]] inline std::string pci_model(const system_root& root, const std::string& address) {
    const std::string folder = "/sys/bus/pci/devices/" + address;
    const std::string vendor = root.line(folder + "/vendor"),
                      device = root.line(folder + "/device");
    if (vendor.substr(0, 2) != "0x" || device.substr(0, 2) != "0x") return {};
    return vendor.substr(2) + ":" + device.substr(2);
}

}  // namespace detail

/// The models of the PCI devices among the channels, each with its number: "8 x 10de:2330". Two
/// channels of one device count once; channels of the processor are no device.
[[nodiscard]] inline std::string device_models(const std::vector<channel>& channels,
                                               const system_root& root = {}) {
    constexpr std::string_view bus = "pci:";
    std::set<std::string> addresses;
    for (const channel& c : channels)
        if (c.device.compare(0, bus.size(), bus) == 0)
            addresses.insert(c.device.substr(bus.size()));
    std::map<std::string, std::size_t> models;
    for (const std::string& address : addresses) {
        const std::string model = detail::pci_model(root, address);
        if (!model.empty()) ++models[model];
    }
    std::string out;
    for (const auto& [model, count] : models)
        out += (out.empty() ? "" : ", ") + std::to_string(count) + " x " + model;
    return out;
}

}  // namespace testing
}  // namespace v1
}  // namespace joulery
