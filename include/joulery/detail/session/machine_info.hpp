// machine_info.hpp - the names of the machine and its hardware, for reports.
// SPDX-License-Identifier: MIT
#pragma once

#include "joulery/backend.hpp"
#include "joulery/detail/backends/common/hardware_names.hpp"
#include "joulery/detail/core/config.hpp"
#include "joulery/detail/core/list.hpp"
#include "joulery/detail/core/system_root.hpp"
#include "joulery/detail/metering/containment.hpp"

#include <algorithm>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#if JOULERY_POSIX()
#include <sys/utsname.h>
#include <unistd.h>
#endif

namespace joulery {
inline namespace v1 {
namespace detail {

struct machine_info {
    std::string machine;  ///< the same for all processes, containers and ranks of a booted machine
    std::string host;
    std::string cpu;
    std::string instance;  ///< "Amazon EC2 m5.xlarge"; "" if not in a cloud
    std::string os;
    unsigned logical_cpus = 0;
    long process_id = 0;
};

/// The first "model name" in /proc/cpuinfo; "" on Arm kernels, which have none.
[[nodiscard]] inline std::string cpu_name(const system_root& root) {
    const std::string text = root.text("/proc/cpuinfo", 8192);
    const std::size_t at = text.find("model name");
    if (at == std::string::npos) return {};
    const std::size_t begin = text.find_first_not_of(" \t:", at + 10);
    const std::size_t end = text.find('\n', at);
    return begin < end ? text.substr(begin, end - begin) : std::string();
}

/// Describes the running system. The boot id is the kernel's
/// (Documentation/admin-guide/sysctl/kernel.rst, random/boot_id): the same in every container,
/// different after each boot.
[[nodiscard]] inline machine_info describe_machine() {
    machine_info m;
    const system_root root;
    m.cpu = cpu_name(root);
    if (m.cpu.empty()) m.cpu = cpu_model(root);
    m.instance = find_cloud_instance(root).text();
    m.logical_cpus = std::thread::hardware_concurrency();
#if JOULERY_POSIX()
    ::utsname names{};
    if (::uname(&names) == 0) {
        m.host = names.nodename;
        m.os = std::string(names.sysname) + ' ' + names.release;
        if (m.cpu.empty()) m.cpu = names.machine;
    }
    m.process_id = static_cast<long>(::getpid());
#endif
    m.machine = root.line("/proc/sys/kernel/random/boot_id");
    if (m.machine.empty()) m.machine = m.host;
    return m;
}

/// "2 x AMD EPYC 9554, 3 x NVIDIA H100 80GB HBM3": processors, cards, then the other devices that
/// channels name; each device once, however many channels it has. `processor` is used if no channel
/// names one.
[[nodiscard]] inline std::string describe_hardware(const std::vector<channel>& channels,
                                                   const std::string& processor) {
    struct part {
        int order;  // processors, cards, others
        std::string model;
        std::vector<std::string> devices;
    };
    list<part> parts;
    const auto add = [&](int order, const std::string& model, std::string device) {
        auto at = find_in(parts, [&](const part& p) { return p.model == model; });
        if (at == parts.end()) at = parts.insert(parts.end(), {order, model, {}});
        if (!is_in(at->devices, device)) at->devices.push_back(std::move(device));
    };
    bool any_processor = false;
    for (const channel& c : channels) {
        if (c.model.empty()) continue;
        const std::string_view device = c.device;
        const std::size_t card = device.find(pci_start);
        const bool is_processor =
            card == std::string_view::npos &&
            (c.part == component::cpu || c.part == component::soc || c.device == "estimate");
        any_processor = any_processor || is_processor || c.part == component::board;
        const std::string_view whole =
            card != std::string_view::npos ? device.substr(card) : device;
        add(is_processor                                                         ? 0
            : is_card(c) || c.part == component::gpu || c.part == component::npu ? 1
                                                                                 : 2,
            c.model, whole.empty() ? c.id : std::string(whole.substr(0, whole.find('/'))));
    }
    if (!any_processor && !processor.empty()) add(0, processor, "processor");
    sort_stably(parts, [](const part& a, const part& b) { return a.order < b.order; });
    std::string text;
    for (const part& p : parts) {
        if (!text.empty()) text += ", ";
        if (p.devices.size() > 1) text += std::to_string(p.devices.size()) + " x ";
        text += p.model;
    }
    return text;
}

/// Hardware followed by its cloud instance: "AMD EPYC 9R14, Amazon EC2 m7a.metal-48xl".
[[nodiscard]] inline std::string in_instance(std::string hardware, const std::string& instance) {
    if (instance.empty() || hardware.find(instance) != std::string::npos) return hardware;
    return hardware.empty() ? instance : hardware + ", " + instance;
}

}  // namespace detail
}  // namespace v1
}  // namespace joulery
