// sleeping_device.hpp - a device that may sleep; measuring must neither wake it nor keep it awake.
// SPDX-License-Identifier: MIT
//
// Kernel: Documentation/ABI/testing/sysfs-devices-power (runtime_status, control,
// autosuspend_delay_ms). Reading these wakes nothing; reading a sensor of the device does, and
// restarts its delay.
#pragma once

#include "joulery/backend.hpp"
#include "joulery/detail/backends/common/device_files.hpp"
#include "joulery/detail/core/concat.hpp"
#include "joulery/detail/core/config.hpp"
#include "joulery/detail/core/system_root.hpp"
#include "joulery/detail/timing/time_source.hpp"

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

#if JOULERY_LINUX()
#include <dirent.h>
#include <unistd.h>
#endif

namespace joulery {
inline namespace v1 {
namespace detail {

/// Whether this process has a GPU's device node open and may therefore be using it.
[[nodiscard]] inline bool has_gpu_open() noexcept {
#if JOULERY_LINUX()
    ::DIR* const folder = ::opendir("/proc/self/fd");
    if (folder == nullptr) return true;  // unknown: measure
    bool found = false;
    while (const ::dirent* entry = ::readdir(folder)) {
        char target[64];
        const ::ssize_t n = ::readlinkat(::dirfd(folder), entry->d_name, target, sizeof target);
        const std::string_view path(target, n > 0 ? static_cast<std::size_t>(n) : 0);
        for (const std::string_view node : {"/dev/dri/", "/dev/nvidia", "/dev/kfd", "/dev/accel"})
            found = found || path.substr(0, node.size()) == node;
        if (found) break;
    }
    ::closedir(folder);
    return found;
#else
    return true;
#endif
}

/// A device's sleep state, and its sensor's values across sleep.
///
/// A sleeping device is not read: it draws 0 W and its counter stands still. A device that sleeps
/// from time to time is read rarely enough to fall asleep, unless this process has a GPU open.
/// Thread: one reader. Cost: a pread per read; sometimes a look at this process's open files.
/// Fails:  a device without these files is read each time.
///
///     sleeping_device card(root, "/sys/class/drm/card1/device", clock);
///     value = card.counter([&] { return read_energy(); });
class sleeping_device {
 public:
    sleeping_device() = default;
    sleeping_device(const system_root& root, const std::string& folder,
                    std::shared_ptr<const time_source> clock)
        : clock_(std::move(clock)) {
        const std::string power = concat({folder, "/power"});
        std::uint64_t milliseconds = 0, slept = 0;
        if (root.line(concat({power, "/control"})) != "auto") return;
        manages_ = root.exists(concat({power, "/runtime_status"}));
        status_ = watched_file(root.path(concat({power, "/runtime_status"})));
        if (root.number(concat({power, "/autosuspend_delay_ms"}), milliseconds) &&
            milliseconds < 600'000)
            delay_seconds_ = static_cast<double>(milliseconds) * 1e-3;
        sleeps_ = root.number(concat({power, "/runtime_suspended_time"}), slept) && slept > 0;
        (void)is_asleep();
    }

    /// Checks whether it is asleep now.
    bool is_asleep() noexcept {
        if (!manages_) return false;
        char text[32];
        const std::ptrdiff_t n = status_.read_text(text, sizeof text);
        const std::string_view word(text, n > 0 ? static_cast<std::size_t>(n) : 0);
        asleep_ = starts(word, "suspended") || starts(word, "suspending");
        sleeps_ = sleeps_ || asleep_;
        return asleep_;
    }
    /// Whether the system may put it to sleep.
    [[nodiscard]] bool may_sleep() const noexcept { return manages_; }
    /// Whether it is known to sleep from time to time.
    [[nodiscard]] bool sleeps() const noexcept { return sleeps_; }
    /// The state at the last check.
    [[nodiscard]] bool was_asleep() const noexcept { return asleep_; }

    /// The present power, obtained by `read` if that is allowed.
    template <class Read>
    std::uint64_t gauge(Read read) noexcept {
        if (is_asleep()) return held_ = 0;
        return may_read() ? held_ = read() : held_;
    }
    /// The counter, which never goes back, even if a sleep resets it to 0.
    template <class Read>
    std::uint64_t counter(Read read) noexcept {
        if (is_asleep()) slept_ = true;
        if (asleep_ || !may_read()) return held_ = held_ == no_value ? 0 : held_;
        const std::uint64_t raw = read();
        if (raw == no_value) return raw;
        if (slept_ && held_ != no_value)
            offset_ += last_raw_ == no_value ? 0 - raw : raw < last_raw_ ? last_raw_ : 0;
        slept_ = false;
        last_raw_ = raw;
        return held_ = raw + offset_;
    }

 private:
    static bool starts(std::string_view text, std::string_view with) noexcept {
        return text.substr(0, with.size()) == with;
    }
    [[nodiscard]] double now() const noexcept {
        return static_cast<double>(clock_->now()) * clock_->seconds_per_tick();
    }
    // A second more than its delay, so that it can fall asleep between two reads.
    bool may_read() noexcept {
        if (!sleeps_ || clock_ == nullptr) return true;
        const bool rested = !was_read_ || now() - read_at_ >= delay_seconds_ + 1;
        if (!rested && !has_gpu_open()) return false;
        was_read_ = true;
        read_at_ = now();
        return true;
    }

    std::shared_ptr<const time_source> clock_;
    watched_file status_;
    bool manages_ = false;
    bool sleeps_ = false;  ///< was seen, or is known, to sleep
    bool asleep_ = false;
    bool slept_ = false;  ///< since the last counter value
    bool was_read_ = false;
    double read_at_ = 0;
    double delay_seconds_ = 5;
    std::uint64_t held_ = no_value;
    std::uint64_t last_raw_ = no_value;
    std::uint64_t offset_ = 0;
};

}  // namespace detail
}  // namespace v1
}  // namespace joulery
