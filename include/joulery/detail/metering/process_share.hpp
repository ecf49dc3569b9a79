// process_share.hpp - processor time of the machine, and this process's share of it.
// SPDX-License-Identifier: MIT
#pragma once

#include "joulery/detail/core/concat.hpp"
#include "joulery/detail/core/config.hpp"
#include "joulery/detail/core/system_root.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <ctime>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#if JOULERY_POSIX()
#include <unistd.h>
#endif

namespace joulery {
inline namespace v1 {

/// Ticks (1/100 s) that all processors together have spent since boot.
struct cpu_times {
    std::uint64_t busy = 0;  ///< user, nice, system, interrupts (guests are part of user)
    std::uint64_t rest = 0;  ///< idle, waiting for devices, taken by the hypervisor
};

/// Parses the "cpu" line of /proc/stat (kernel: fs/proc/stat.c; columns: user nice system idle
/// iowait irq softirq steal guest guest_nice). False if it is missing, has fewer than four columns,
/// or contains anything that is not a number.
[[nodiscard]] inline bool parse_cpu_times(std::string_view text, cpu_times& times) noexcept {
    std::string_view line = text.substr(0, text.find('\n'));
    if (line.substr(0, 4) != "cpu ") return false;
    line.remove_prefix(4);
    constexpr std::size_t columns = 8;  // guest time is already part of user
    constexpr std::size_t idle = 3, iowait = 4, steal = 7;
    cpu_times sum;
    std::size_t column = 0;
    while (column < columns) {
        const std::size_t begin = line.find_first_not_of(' ');
        if (begin == std::string_view::npos) break;
        line.remove_prefix(begin);
        const std::size_t end = line.find(' ');
        std::uint64_t ticks = 0;
        if (!parse_unsigned(line.substr(0, end), ticks)) return false;
        if (ticks > (std::uint64_t{1} << 59)) return false;  // the sum of eight must not overflow
        const bool resting = column == idle || column == iowait || column == steal;
        (resting ? sum.rest : sum.busy) += ticks;
        ++column;
        line.remove_prefix(end == std::string_view::npos ? line.size() : end);
    }
    if (column <= idle) return false;
    times = sum;
    return true;
}

// cgroup v2 (kernel: Documentation/admin-guide/cgroup-v2.rst): /proc/self/cgroup has a line
// "0::PATH", and the group's cpu.stat a line "usage_usec N" that includes all groups inside it,
// whether the cpu controller is enabled or not. In a container's namespace its root group is called
// "/", like the machine's own, but only the container's has a file cgroup.type.
namespace detail {

/// The cgroup that this process belongs to: a container, a service, a batch job. A login session
/// does not count, because everything of the user runs in it.
///
/// Thread: one caller. Cost: one pread (a few microseconds).
/// Fails:  `exists()` is false if there is no such group or its time is not available.
class cpu_group {
 public:
    explicit cpu_group(const system_root& root) {
        const std::string path = own_path(root.text("/proc/self/cgroup"));
        if (path.empty() || is_session(path)) return;
        for (const char* mount : {"/sys/fs/cgroup", "/sys/fs/cgroup/unified"}) {
            const std::string folder = mount + (path == "/" ? std::string() : path);
            if (!root.exists(concat({folder, "/cgroup.type"}))) continue;
            stat_ = root.open(concat({folder, "/cpu.stat"}));
            double unused = 0;
            exists_ = read(unused);
            if (exists_) return;
        }
    }

    [[nodiscard]] bool exists() const noexcept { return exists_; }
    /// Processor seconds of all its processes, living and ended; if unavailable, the last known
    /// figure.
    [[nodiscard]] double seconds() noexcept {
        (void)read(seconds_);
        return seconds_;
    }

    /// The path on the cgroup v2 line; empty: none.
    [[nodiscard]] static std::string own_path(std::string_view text) {
        while (!text.empty()) {
            const std::string_view line = text.substr(0, text.find('\n'));
            if (line.substr(0, 4) == "0::/") return std::string(line.substr(3));
            text.remove_prefix(line.size() < text.size() ? line.size() + 1 : text.size());
        }
        return {};
    }

 private:
    static bool is_session(std::string_view path) noexcept {
        for (const std::string_view slice : {"/user.slice", "/init.scope"})
            if (path.substr(0, slice.size()) == slice) return true;
        return false;
    }

    bool read(double& seconds) noexcept {
        constexpr std::string_view key = "usage_usec ";
        char text[1024];
        const std::ptrdiff_t n = stat_.is_open() ? stat_.read_at(text, sizeof text) : -1;
        std::string_view rest(text, n > 0 ? static_cast<std::size_t>(n) : 0);
        const std::size_t at = rest.find(key);
        if (at == std::string_view::npos) return false;
        rest.remove_prefix(at + key.size());
        std::uint64_t microseconds = 0;
        if (!parse_unsigned(rest.substr(0, rest.find('\n')), microseconds)) return false;
        seconds = static_cast<double>(microseconds) * 1e-6;
        return true;
    }

    system_file stat_;
    double seconds_ = 0;
    bool exists_ = false;
};

/// Processor seconds of the process, over all living and ended threads.
[[nodiscard]] inline double process_cpu_seconds() noexcept {
#if JOULERY_POSIX()
    ::timespec t{};
    if (::clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t) != 0) return 0;
    return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_nsec) * 1e-9;
#else
    return 0;
#endif
}

/// Processor time of this process's container, service or job, helpers included; otherwise its own.
[[nodiscard]] inline std::function<double()> own_cpu_seconds(const system_root& root) {
    const auto group = std::make_shared<cpu_group>(root);
    if (group->exists()) return [group] { return group->seconds(); };
    return process_cpu_seconds;
}

/// This process's share of the machine's busy processor time since the last call, for
/// `attribution::process`. /proc/stat counts in hundredths of a second, so the figure is coarse
/// over 100 ms on few processors, but not over a second.
///
/// Thread: one caller. Cost: one pread of /proc/stat and two clock reads (tens of microseconds).
/// Fails:  if /proc/stat is hidden or does not change, the last share stays. It is 1 at first, so
///         that no energy is assigned to other processes without evidence.
class process_share {
 public:
    explicit process_share(const system_root& root = system_root())
        : process_share(root, own_cpu_seconds(root)) {}
    process_share(const system_root& root, std::function<double()> cpu_seconds)
        : stat_(root.open("/proc/stat")), cpu_seconds_(std::move(cpu_seconds)) {
        double unused = 0;
        (void)machine_busy(unused);
        busy_ = unused;
        own_ = cpu_seconds_();
    }

    /// The share since the last call with a valid figure, 0 to 1.
    [[nodiscard]] double take() {
        double busy = 0;
        if (!machine_busy(busy) || busy - busy_ < least_busy) return share_;
        const double own = cpu_seconds_();
        share_ = std::clamp((own - own_) / (busy - busy_), 0.0, 1.0);
        busy_ = busy;
        own_ = own;
        return share_;
    }

 private:
    static constexpr double least_busy = 0.02;  // two ticks of /proc/stat

    bool machine_busy(double& seconds) noexcept {
        char text[512];
        const std::ptrdiff_t n = stat_.is_open() ? stat_.read_at(text, sizeof text) : -1;
        cpu_times times;
        if (n <= 0 || !parse_cpu_times({text, static_cast<std::size_t>(n)}, times)) return false;
        seconds = static_cast<double>(times.busy) / ticks_per_second();
        return true;
    }
    static double ticks_per_second() noexcept {
#if JOULERY_POSIX()
        return static_cast<double>(::sysconf(_SC_CLK_TCK));
#else
        return 100;
#endif
    }

    system_file stat_;
    std::function<double()> cpu_seconds_;
    double busy_ = 0;
    double own_ = 0;
    double share_ = 1;
};

}  // namespace detail
}  // namespace v1
}  // namespace joulery
