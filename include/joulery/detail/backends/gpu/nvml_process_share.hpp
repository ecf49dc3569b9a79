// nvml_process_share.hpp - this process's part in what an NVIDIA GPU did.
// SPDX-License-Identifier: MIT
//
// nvml.h of CUDA 12.4: one sample a process that did anything in the last sample period (1/6 to 1
// s, by model), with the percentage of it in which its kernels ran; NOT_FOUND where nobody did.
// Not for GPUs split into instances (MIG), nor before Maxwell. Tested on a fake library.
#pragma once

#include "joulery/backend.hpp"
#include "joulery/detail/backends/gpu/nvml_api.hpp"
#include "joulery/detail/core/config.hpp"
#include "joulery/detail/core/system_root.hpp"

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <string_view>

#if JOULERY_POSIX()
#include <unistd.h>
#endif

namespace joulery {
inline namespace v1 {
namespace detail {

/// This process's number as the whole machine has it; 0 in a container, which has numbers of its
/// own (/proc/self/ns/pid names another than the machine's first namespace).
[[nodiscard]] inline std::uint32_t machine_wide_pid(const system_root& root) {
#if JOULERY_POSIX()
    char name[64];
    const ::ssize_t n = ::readlink(root.path("/proc/self/ns/pid").c_str(), name, sizeof name);
    constexpr std::string_view first = "pid:[4026531836]";  // PROC_PID_INIT_INO
    if (n > 0 && std::string_view(name, static_cast<std::size_t>(n)) != first) return 0;
    return static_cast<std::uint32_t>(::getpid());
#else
    (void)root;
    return 0;
#endif
}

/// Shares of one GPU's time.
///
/// Thread: one caller. Cost: one call of the library.
/// Fails:  `unknown_share` where the library does not tell, and until this process is seen to use
///         the GPU; where nobody did anything since, the last share.
class nvml_process_share {
 public:
    [[nodiscard]] double take(const nvml_api& api, nvml_device device, std::uint32_t pid) noexcept {
        if (pid == 0 || refused_ || api.process_utilization == nullptr) return unknown_share;
        std::array<nvml_process_utilization, most_processes> samples{};
        unsigned n = most_processes;
        const int status = api.process_utilization(device, samples.data(), &n, seen_us_);
        refused_ = status == nvml_not_supported || status == nvml_no_permission;
        if (status == nvml_ok) look(samples.data(), std::min(n, most_processes), pid);
        return status == nvml_ok || status == nvml_not_found ? share_ : unknown_share;
    }

 private:
    static constexpr unsigned most_processes = 128;

    void look(const nvml_process_utilization* samples, unsigned n, std::uint32_t pid) noexcept {
        double own = 0, all = 0;
        for (unsigned i = 0; i < n; ++i) {
            if (samples[i].timestamp_us <= seen_us_) continue;  // some drivers repeat old ones
            const double busy = samples[i].sm;
            all += busy;
            if (samples[i].pid == pid) own += busy;
        }
        for (unsigned i = 0; i < n; ++i) seen_us_ = std::max(seen_us_, samples[i].timestamp_us);
        if (all <= 0 || (own <= 0 && share_ < 0)) return;
        share_ = own / all;
    }

    double share_ = unknown_share;
    std::uint64_t seen_us_ = 0;
    bool refused_ = false;
};

}  // namespace detail
}  // namespace v1
}  // namespace joulery
