// quiet_machine.hpp - one measurement at a time, and whether other processes were working.
// SPDX-License-Identifier: MIT
#pragma once

#include "joulery/assertions/measurement.hpp"
#include "joulery/detail/core/config.hpp"
#include "joulery/detail/core/environment_variable.hpp"
#include "joulery/detail/core/system_root.hpp"
#include "joulery/detail/core/unit_text.hpp"
#include "joulery/detail/metering/process_share.hpp"

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdlib>
#include <functional>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <utility>

#if JOULERY_POSIX()
#include <cerrno>

#include <fcntl.h>
#include <sys/file.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>
#endif

namespace joulery {
inline namespace v1 {
namespace testing {

/// The file that processes lock while they measure: /tmp/joulery-energy.lock, unless
/// `JOULERY_ENERGY_LOCK` names another file or is "off".
[[nodiscard]] inline std::string measuring_lock_path() {
    const char* named = joulery::detail::environment_variable("JOULERY_ENERGY_LOCK");
    if (named == nullptr || *named == 0) return "/tmp/joulery-energy.lock";
    return std::string(named) == "off" ? std::string() : named;
}

/// Keeps other processes, of any user, from measuring at the same time. A courtesy: if the lock is
/// not available in time, the measurement goes ahead without it.
///
/// Thread: any. Cost: a few system calls; while another process measures, a check every 10 ms.
class measuring_lock {
 public:
    measuring_lock(const std::string& path, std::chrono::milliseconds longest) {
#if JOULERY_POSIX()
        if (path.empty() || !open(path)) return;
        const auto until = std::chrono::steady_clock::now() + longest;
        while (!(held_ = try_lock()) && std::chrono::steady_clock::now() < until)
            std::this_thread::sleep_for(std::chrono::milliseconds(10));
#else
        (void)path, (void)longest;
#endif
    }
    measuring_lock(const measuring_lock&) = delete;
    measuring_lock& operator=(const measuring_lock&) = delete;
    ~measuring_lock() {
#if JOULERY_POSIX()
        if (fd_ >= 0) ::close(fd_);  // releases the lock
#endif
    }

    [[nodiscard]] bool held() const noexcept { return held_; }

 private:
#if JOULERY_POSIX()
    // Another user's file is opened without O_CREAT, which the kernel may refuse in a shared
    // folder.
    bool open(const std::string& path) noexcept {
        constexpr int flags = O_RDWR | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK;
        fd_ = ::open(path.c_str(), flags);
        if (fd_ < 0 && errno == ENOENT) {
            fd_ = ::open(path.c_str(), flags | O_CREAT, mode_t{0666});
            if (fd_ >= 0) (void)::fchmod(fd_, 0666);  // for other users, whatever the umask
        }
        return fd_ >= 0;
    }
    // The kind of lock that CMake's file(LOCK) takes, owned by this open file.
    [[nodiscard]] bool try_lock() const noexcept {
#if defined(F_OFD_SETLK)
        struct flock whole {};
        whole.l_type = F_WRLCK;
        whole.l_whence = SEEK_SET;
        return ::fcntl(fd_, F_OFD_SETLK, &whole) == 0;
#else
        return ::flock(fd_, LOCK_EX | LOCK_NB) == 0;
#endif
    }
    int fd_ = -1;
#endif
    bool held_ = false;
};

/// Processor time of this process and of its awaited children, in seconds.
[[nodiscard]] inline double own_processor_seconds() noexcept {
    double sum = 0;
#if JOULERY_POSIX()
    for (const int who : {RUSAGE_SELF, RUSAGE_CHILDREN}) {
        struct rusage used {};
        if (::getrusage(who, &used) != 0) continue;
        sum += static_cast<double>(used.ru_utime.tv_sec + used.ru_stime.tv_sec) +
               static_cast<double>(used.ru_utime.tv_usec + used.ru_stime.tv_usec) * 1e-6;
    }
#endif
    return sum;
}

/// Processor time that other processes used since construction.
///
/// Thread: one owner. Cost: a read of /proc/stat at either end (tens of microseconds).
/// Fails:  if /proc/stat can't be read, other processes are not seen.
class other_load {
 public:
    explicit other_load(const system_root& root = system_root(),
                        std::function<double()> own = own_processor_seconds)
        : root_(root), own_(std::move(own)), busy_before_(busy()), own_before_(own_()) {}

    /// The other processes' share of processor time since then, less the resolution of /proc/stat
    /// (a hundredth of a second). Relative to at least one processor's time: while the code waits
    /// for a device, a little work of others does not matter.
    [[nodiscard]] double share(double elapsed) const {
        const double all = busy() - busy_before_, own = own_() - own_before_;
        const double others = std::max(all - own - resolution, 0.0);
        return others / std::max({all, elapsed, resolution});
    }

    /// A larger share counts as a disturbance.
    static constexpr double most = 0.05;

 private:
    static constexpr double resolution = 0.03;

    [[nodiscard]] double busy() const {
        cpu_times times;
        if (!parse_cpu_times(root_.text("/proc/stat", 512), times)) return 0;
#if JOULERY_POSIX()
        return static_cast<double>(times.busy) / static_cast<double>(::sysconf(_SC_CLK_TCK));
#else
        return 0;
#endif
    }

    system_root root_;
    std::function<double()> own_;
    double busy_before_, own_before_;
};

/// The time for all measurements of a program: 60 s, or `JOULERY_ENERGY_TIME`. A measurement
/// without its own limit gets a 25th of the remaining time, at most 2 s, so that a hundred
/// measurements all get a turn.
///
/// Thread: any.
class suite_time {
 public:
    using duration = std::chrono::nanoseconds;

    explicit suite_time(duration all) : left_(all) {}

    /// The time of a measurement that asks for `wanted`; 0: for the default.
    [[nodiscard]] duration grant(duration wanted) {
        const std::lock_guard<std::mutex> lock(mutex_);
        const duration share = std::max<duration>(left_ / 25, std::chrono::milliseconds(50));
        const duration usual = std::min<duration>(share, default_max_time);
        return std::max(duration::zero(), std::min(wanted.count() > 0 ? wanted : usual, left_));
    }
    void spend(duration used) {
        const std::lock_guard<std::mutex> lock(mutex_);
        left_ -= used;
    }

    [[nodiscard]] static suite_time& of_this_program() {
        static suite_time only(from_environment());
        return only;
    }

 private:
    static duration from_environment() {
        duration all = std::chrono::seconds(60);
        if (const char* text = joulery::detail::environment_variable("JOULERY_ENERGY_TIME"))
            (void)parse_duration(text, all);
        return all;
    }

    std::mutex mutex_;
    duration left_;
};

/// Exists while a measurement runs: holds the machine's lock, counts its time, and reports whether
/// other processes worked. Does none of that on a simulated clock.
class quiet_machine {
 public:
    explicit quiet_machine(bool real) : real_(real) {
        if (!real) return;
        enter();
        began_ = std::chrono::steady_clock::now();
        load_.emplace();
    }
    quiet_machine(const quiet_machine&) = delete;
    quiet_machine& operator=(const quiet_machine&) = delete;
    ~quiet_machine() {
        if (!real_) return;
        suite_time::of_this_program().spend(std::chrono::steady_clock::now() - began_);
        const std::lock_guard<std::mutex> guard(shared_lock().mutex);
        if (--shared_lock().measurements == 0) shared_lock().lock.reset();
    }

    /// The longest time of the measurement.
    [[nodiscard]] std::chrono::nanoseconds grant(std::chrono::nanoseconds wanted) const {
        if (real_) return suite_time::of_this_program().grant(wanted);
        return wanted.count() > 0 ? wanted : default_max_time;
    }
    /// What other processes used during that many seconds, if it matters.
    [[nodiscard]] std::string disturbance(double elapsed) const {
        const double share = load_ ? load_->share(elapsed) : 0;
        if (share <= other_load::most) return {};
        return "other processes used " + percent_text(share) +
               " of the processor time; their energy is included";
    }

 private:
    struct process_lock {
        std::mutex mutex;
        unsigned measurements = 0;
        std::chrono::milliseconds patience{60'000};  ///< for all waits of the process together
        std::optional<measuring_lock> lock;
    };
    static process_lock& shared_lock() {
        static process_lock only;
        return only;
    }
    static void enter() {
        process_lock& p = shared_lock();
        const std::lock_guard<std::mutex> guard(p.mutex);
        if (p.measurements++ > 0) return;  // this process is measuring already
        const auto began = std::chrono::steady_clock::now();
        p.lock.emplace(measuring_lock_path(), p.patience);
        p.patience -= std::min(p.patience, std::chrono::duration_cast<std::chrono::milliseconds>(
                                               std::chrono::steady_clock::now() - began));
    }

    bool real_;
    std::chrono::steady_clock::time_point began_;
    std::optional<other_load> load_;
};

}  // namespace testing
}  // namespace v1
}  // namespace joulery
