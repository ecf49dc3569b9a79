// rapl_msr.hpp - CPU energy from the processor's registers through /dev/cpu/N/msr.
// SPDX-License-Identifier: MIT
//
// The last resort if a kernel has neither powercap nor perf counters; opened only on request, by
// name. Register numbers: arch/x86/include/asm/msr-index.h. Tested on fakes only.
#pragma once

#include "joulery/detail/backends/common/device_files.hpp"
#include "joulery/detail/backends/common/hardware_names.hpp"
#include "joulery/detail/backends/cpu/cpu_identity.hpp"
#include "joulery/detail/backends/cpu/rapl_zone.hpp"
#include "joulery/detail/core/concat.hpp"
#include "joulery/detail/core/list.hpp"
#include "joulery/detail/metering/registry.hpp"

#include <algorithm>
#include <cerrno>
#include <cmath>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace joulery {
inline namespace v1 {

/// Reads RAPL's energy registers on one processor per socket.
///
/// Units:  raw values are counts of the register's own unit, 32 bits.
/// Thread: reads must not overlap. Cost: one pread and an interrupt to the socket per register.
/// Fails:  a register that can't be read gets `no_value`.
///
///     auto msr = open_rapl_msr(system_root{});     // root with CAP_SYS_RAWIO, module msr
class rapl_msr final : public backend {
 public:
    struct counter {
        std::size_t socket = 0;  ///< index of the device
        std::uint64_t address = 0;
        channel described;
    };

    rapl_msr(detail::list<device_handle> devices, detail::list<counter> counters,
             std::string note = {})
        : devices_(std::move(devices)), counters_(std::move(counters)), note_(std::move(note)) {
        for (const counter& c : counters_) channels_.push_back(c.described);
    }

    [[nodiscard]] std::string_view name() const noexcept override { return "rapl-msr"; }
    [[nodiscard]] const std::vector<channel>& channels() const noexcept override {
        return channels_;
    }
    [[nodiscard]] std::string_view note() const noexcept override { return note_; }

    read_status read(counter_span out) noexcept override {
        const std::size_t n = std::min(out.size(), counters_.size());
        std::size_t good = 0;
        std::size_t gone = 0;
        for (std::size_t i = 0; i < n; ++i) {
            std::uint64_t value = 0;
            const std::ptrdiff_t got =
                devices_[counters_[i].socket].read_at(&value, sizeof value, counters_[i].address);
            const bool whole = got == static_cast<std::ptrdiff_t>(sizeof value);
            out[i] = whole ? value & 0xffffffff : no_value;
            if (whole) ++good;
            if (got == -ENXIO || got == -ENODEV) ++gone;  // the processor went offline
        }
        if (good > 0) return read_status::ok;
        return gone == n ? read_status::gone : read_status::retry;
    }

 private:
    detail::list<device_handle> devices_;
    detail::list<counter> counters_;
    std::vector<channel> channels_;
    std::string note_;
};

namespace detail {

struct msr_domain {
    std::uint64_t address;
    rapl_domain domain;
};
inline constexpr msr_domain intel_msrs[] = {
    {0x611, rapl_domain::package},
    {0x639, rapl_domain::core},
    {0x641, rapl_domain::uncore},
    {0x619, rapl_domain::dram},
};
// AMD's 0xc001029a is the counter of a single core and is not used.
inline constexpr msr_domain amd_msrs[] = {{0xc001029b, rapl_domain::package}};
inline constexpr std::uint64_t intel_unit_msr = 0x606;
inline constexpr std::uint64_t amd_unit_msr = 0xc0010299;

/// Haswell-EP to Ice Lake-SP and Xeon Phi count memory in steps of 15.3 uJ, whatever the unit
/// register says (intel_rapl_common.c and turbostat; perf says 2^-16 J).
[[nodiscard]] constexpr bool has_server_dram_unit(std::uint64_t model) noexcept {
    for (const std::uint64_t m : {0x3full, 0x4full, 0x55ull, 0x6aull, 0x6cull, 0x57ull, 0x85ull})
        if (m == model) return true;
    return false;
}

/// Silvermont and Airmont count in 2^ESU microjoules.
[[nodiscard]] constexpr bool has_atom_unit(std::uint64_t model) noexcept {
    for (const std::uint64_t m : {0x37ull, 0x4aull, 0x5aull, 0x5dull, 0x4cull})
        if (m == model) return true;
    return false;
}

[[nodiscard]] inline double msr_unit_joules(const cpu_identity& cpu, rapl_domain domain,
                                            std::uint64_t unit_register) noexcept {
    const int shift = static_cast<int>((unit_register >> 8) & 0x1f);
    if (cpu.is_intel() && domain == rapl_domain::dram && has_server_dram_unit(cpu.model))
        return 15.3e-6;
    if (cpu.is_intel() && has_atom_unit(cpu.model)) return std::ldexp(1e-6, shift);
    return std::ldexp(1.0, -shift);
}

/// The highest limit in force of a package in watts, from Intel's register; 0 if the short-term
/// limit is not in force, because turbo exceeds the long-term one threefold.
[[nodiscard]] inline double msr_stated_watts(device_handle& device, std::uint64_t unit) noexcept {
    constexpr std::uint64_t limits = 0x610, number = 0x7fff, enabled = 1u << 15;
    std::uint64_t value = 0;
    if (device.read_at(&value, sizeof value, limits) != sizeof value) return 0;
    const std::uint64_t long_term = value & 0xffff, short_term = value >> 32 & 0xffff;
    if ((short_term & enabled) == 0) return 0;
    const double watts =
        std::ldexp(static_cast<double>(std::max(short_term & number, long_term & number)),
                   -static_cast<int>(unit & 0xf));
    return watts < 1'500 ? watts : 0;  // makers write 4095 W for none
}

inline void find_msr_counters(const cpu_identity& cpu, const socket_cpu& s, device_handle& device,
                              std::size_t index, list<rapl_msr::counter>& counters) {
    std::uint64_t unit = 0;
    const std::uint64_t unit_address = cpu.is_amd() ? amd_unit_msr : intel_unit_msr;
    if (device.read_at(&unit, sizeof unit, unit_address) != sizeof unit) return;
    const msr_domain* begin = cpu.is_amd() ? std::begin(amd_msrs) : std::begin(intel_msrs);
    const msr_domain* end = cpu.is_amd() ? std::end(amd_msrs) : std::end(intel_msrs);
    for (const msr_domain* d = begin; d != end; ++d) {
        std::uint64_t value = 0;
        // As in the kernel's driver: a register that is missing or still 0 is no counter.
        if (device.read_at(&value, sizeof value, d->address) != sizeof value ||
            (value & 0xffffffff) == 0)
            continue;
        rapl_zone named;
        named.domain = d->domain;
        named.package = s.package;
        rapl_msr::counter c;
        c.socket = index;
        c.address = d->address;
        c.described.id = named.id();
        c.described.part = component_of(d->domain);
        if (d->domain != rapl_domain::dram) c.described.model = plain_cpu_name(cpu.model_name);
        c.described.joules_per_count = msr_unit_joules(cpu, d->domain, unit);
        c.described.wrap_at = std::uint64_t{1} << 32;
        c.described.relative_error = cpu.is_amd() ? 0.15 : 0.10;
        c.described.device = named.device();
        if (!cpu.is_amd() && d->domain != rapl_domain::dram)
            c.described.max_watts = msr_stated_watts(device, unit);
        const std::string package = concat({named.socket_id(), "/package"});
        const bool inside = d->domain == rapl_domain::core || d->domain == rapl_domain::uncore;
        const bool has_package = any_in(counters, [&](const rapl_msr::counter& other) {
            return other.described.id == package;
        });
        if (inside && has_package) c.described.parent = package;
        counters.push_back(std::move(c));
    }
}

}  // namespace detail

[[nodiscard]] inline opened_backend open_rapl_msr(const system_root& root,
                                                  const device_calls& calls) {
    const cpu_identity cpu = read_cpu_identity(root);
    if (!cpu.is_intel() && !cpu.is_amd())
        return failure{"not an Intel, AMD or Hygon processor", {}};
    detail::list<socket_cpu> sockets =
        first_cpu_of_each_socket(root, root.line("/sys/devices/system/cpu/online"));
    const bool one_for_all = detail::keep_one_of_virtual(root, cpu, sockets);
    detail::list<device_handle> devices;
    detail::list<rapl_msr::counter> counters;
    failure why{"/sys/devices/system/cpu/online: lists no processors", {}};
    for (const socket_cpu& s : sockets) {
        const std::string path = concat({"/dev/cpu/", s.cpu, "/msr"});
        device_handle device(calls, root.path(path));
        if (!device.is_open()) {
            why = {
                concat({path, ": ", error_text(device.error())}),
                device.error() == ENOENT
                    ? cpu.has_hypervisor ? "" : "sudo modprobe msr"
                    : "registers need root with CAP_SYS_RAWIO; prefer rapl-powercap or rapl-perf"};
            continue;
        }
        detail::find_msr_counters(cpu, s, device, devices.size(), counters);
        devices.push_back(std::move(device));
    }
    if (!devices.empty() && counters.empty())
        why = {"/dev/cpu/*/msr: no energy register counts (a virtual machine shows none)", {}};
    if (counters.empty()) return why;
    return std::unique_ptr<backend>(std::make_unique<rapl_msr>(
        std::move(devices), std::move(counters), one_for_all ? detail::one_counter_note : ""));
}
[[nodiscard]] inline opened_backend open_rapl_msr(const system_root& root) {
    return open_rapl_msr(root, device_calls::of_the_system());
}

}  // namespace v1
}  // namespace joulery
