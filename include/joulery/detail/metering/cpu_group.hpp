// cpu_group.hpp - processor time of the container, service or job that this process
// runs in. SPDX-License-Identifier: MIT
//
// cgroup v2 (kernel: Documentation/admin-guide/cgroup-v2.rst): /proc/self/cgroup has a line
// "0::PATH", the group's cpu.stat a line "usage_usec N" of the group with all groups in it, whether
// the cpu controller is on or not. The root group of a container's namespace is called "/" there,
// as the machine's own is, but has a file cgroup.type, which the machine's has not.
#pragma once

#include "joulery/detail/core/concat.hpp"
#include "joulery/detail/core/system_root.hpp"

#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <utility>

namespace joulery {
inline namespace v1 {
namespace detail {

/// The group of processes that belong together: a container, a service, a batch job. Somebody's
/// login session is none: all that they run is in it, a browser as well as a trainer.
///
/// Thread: one caller. Cost: one pread (a few microseconds).
/// Fails:  `exists()` is false where there is no such group or it does not tell its time.
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
    /// Seconds of all its processes, living and ended ones; the last figure where it is not told.
    [[nodiscard]] double seconds() noexcept {
        (void)read(seconds_);
        return seconds_;
    }

    /// The path on the line of cgroup v2; empty: none.
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

}  // namespace detail
}  // namespace v1
}  // namespace joulery
