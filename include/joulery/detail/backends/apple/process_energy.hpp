// process_energy.hpp - the energy that macOS attributes to this process.
// SPDX-License-Identifier: MIT
//
// UNVERIFIED: never run on a Mac; tested on a fake library. xnu 11417: proc_pid_rusage is public,
// flavor 6 has ri_energy_nj. The kernel adds energy when a thread leaves its core, about every 10
// ms for a busy one. The figure comes from a model and covers the processor's cores only.
#pragma once

#include "joulery/detail/backends/apple/apple_names.hpp"
#include "joulery/detail/core/concat.hpp"
#include "joulery/detail/core/dynamic_library.hpp"
#include "joulery/detail/metering/registry.hpp"

#include <chrono>
#include <cstdint>
#include <cstring>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#if JOULERY_POSIX()
#include <unistd.h>
#endif

namespace joulery {
inline namespace v1 {
namespace detail {

using process_usage_call = int(int pid, int flavor, void* into);

/// Nanojoules of this process's cores so far, or `no_value`.
[[nodiscard]] inline std::uint64_t process_nanojoules(process_usage_call* usage) noexcept {
    constexpr int version_6 = 6;
    constexpr std::size_t energy_at = 336;  // ri_energy_nj in struct rusage_info_v6, 464 bytes
    alignas(8) unsigned char info[1024] = {};
#if JOULERY_POSIX()
    const int self = static_cast<int>(::getpid());
#else
    const int self = 0;
#endif
    if (usage(self, version_6, info) != 0) return no_value;
    std::uint64_t nanojoules = 0;
    std::memcpy(&nanojoules, info + energy_at, sizeof nanojoules);
    return nanojoules;
}

}  // namespace detail

/// The energy of this process's threads on the processor's cores: a part of the processor's energy,
/// contained in "cpu0/package" and never added to it.
///
/// Units:  nanojoules. Thread: reads must not overlap. Cost: one system call. Fails: `retry`.
///
///     auto mine = open_process_energy(system_root{});      // only on request, by name
class process_energy final : public backend {
 public:
    explicit process_energy(detail::process_usage_call* usage, std::string model = {})
        : usage_(usage) {
        channel c;
        c.id = "process/cpu";
        c.part = component::cpu;
        c.provenance = quality::estimated;
        c.joules_per_count = 1e-9;
        c.update_period = std::chrono::milliseconds(10);
        c.parent = "cpu0/package";
        c.device = "cpu-package:0/process";
        c.model = std::move(model);
        c.max_watts = detail::largest_apple_silicon_supply;
        channels_.push_back(std::move(c));
    }

    [[nodiscard]] std::string_view name() const noexcept override { return "process-energy"; }
    [[nodiscard]] const std::vector<channel>& channels() const noexcept override {
        return channels_;
    }
    [[nodiscard]] std::string_view note() const noexcept override {
        return "of this process alone, as macOS estimates it";
    }
    read_status read(counter_span out) noexcept override {
        if (out.size() == 0) return read_status::retry;
        out[0] = detail::process_nanojoules(usage_);
        return out[0] == no_value ? read_status::retry : read_status::ok;
    }

 private:
    detail::process_usage_call* usage_;
    std::vector<channel> channels_;
};

[[nodiscard]] inline opened_backend open_process_energy(const library_search& where) {
    const dynamic_library library({"/usr/lib/libSystem.B.dylib", "libSystem.so"}, where);
    detail::process_usage_call* usage = nullptr;
    if (!library.bind(usage, "proc_pid_rusage"))
        return failure{library.is_open() ? concat({library.path(), " has no proc_pid_rusage"})
                                         : library.error(),
                       {}};
    const std::uint64_t now = detail::process_nanojoules(usage);
    if (now == no_value || now == 0)
        return failure{"macOS counts no energy per process here (Apple silicon, macOS 13 or later)",
                       {}};
    return std::unique_ptr<backend>(
        std::make_unique<process_energy>(usage, detail::apple_chip(where)));
}
[[nodiscard]] inline opened_backend open_process_energy(const system_root& root) {
#if defined(__APPLE__)
    return open_process_energy(library_search::of(root));
#else
    (void)root;
    return failure{"energy per process is macOS only; elsewhere use attribution::process", {}};
#endif
}

}  // namespace v1
}  // namespace joulery
