// machine_info.hpp - what a report says of the machine it was made on.
// SPDX-License-Identifier: MIT
#pragma once

#include "joulery/detail/backends/common/hardware_names.hpp"
#include "joulery/detail/core/config.hpp"
#include "joulery/detail/core/system_root.hpp"

#include <string>
#include <thread>

#if JOULERY_POSIX()
#include <sys/utsname.h>
#include <unistd.h>
#endif

namespace joulery {
inline namespace v1 {
namespace detail {

struct machine_info {
    std::string machine;  ///< one for all processes, containers and ranks of a running machine
    std::string host;
    std::string cpu;
    std::string instance;  ///< "Amazon EC2 m5.xlarge"; "" of a machine of one's own
    std::string os;
    unsigned logical_cpus = 0;
    long process_id = 0;
};

/// The first "model name" of /proc/cpuinfo (Arm kernels have none: "" there).
[[nodiscard]] inline std::string cpu_name(const system_root& root) {
    const std::string text = root.text("/proc/cpuinfo", 8192);
    const std::size_t at = text.find("model name");
    if (at == std::string::npos) return {};
    const std::size_t begin = text.find_first_not_of(" \t:", at + 10);
    const std::size_t end = text.find('\n', at);
    return begin < end ? text.substr(begin, end - begin) : std::string();
}

/// Looks at the running system. The boot id is the kernel's (Documentation/admin-guide/sysctl/
/// kernel.rst, random/boot_id): the same in every container, another after each boot.
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

}  // namespace detail
}  // namespace v1
}  // namespace joulery
