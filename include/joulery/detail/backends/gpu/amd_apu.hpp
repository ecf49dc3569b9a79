// amd_apu.hpp - AMD's processors and GPUs that share a socket, and its meter.
// SPDX-License-Identifier: MIT
//
// MI300A's PCI id: drivers/gpu/drm/amd/amdgpu/amdgpu_drv.c (AMD_IS_APU). That its meter covers the
// whole socket is from the kernel's HSMP document (socket energy holds those of CCDs, XCDs, HBM);
// what RAPL's package counts there is not known. Not verified on hardware.
#pragma once

#include "joulery/backend.hpp"
#include "joulery/detail/backends/cpu/cpu_topology.hpp"
#include "joulery/detail/core/concat.hpp"
#include "joulery/detail/core/list.hpp"
#include "joulery/detail/core/system_root.hpp"

#include <string>
#include <string_view>

namespace joulery {
inline namespace v1 {
namespace detail {

inline constexpr unsigned mi300a_device_id = 0x74a0;

/// The socket whose processors are next to a PCI device; 0 where the kernel does not say.
[[nodiscard]] inline std::string socket_next_to(const system_root& root, std::string_view pci) {
    const std::string folder = concat({"/sys/bus/pci/devices/", pci});
    const list<socket_cpu> nearest =
        first_cpu_of_each_socket(root, root.line(concat({folder, "/local_cpulist"})));
    return std::to_string(nearest.empty() ? 0 : nearest.front().package);
}

/// Makes a GPU's channel that of an MI300A's socket, which holds the processor: RAPL's package,
/// whether it counts all of the socket or less, lies inside and is not added.
inline void describe_mi300a(channel& c, const system_root& root, std::string_view pci) {
    const std::string socket = socket_next_to(root, pci);
    c.id = concat({"module", socket});
    c.part = component::soc;
    c.device = concat({"cpu-package:", socket});
}

}  // namespace detail
}  // namespace v1
}  // namespace joulery
