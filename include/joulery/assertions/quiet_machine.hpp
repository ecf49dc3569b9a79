// quiet_machine.hpp - one measurement at a time, and whether others worked meanwhile.
// SPDX-License-Identifier: MIT
#pragma once

#include "joulery/assertions/measurement.hpp"
#include "joulery/detail/core/config.hpp"
#include "joulery/detail/core/environment_variable.hpp"
#include "joulery/detail/core/system_root.hpp"
#include "joulery/detail/core/unit_text.hpp"
#include "joulery/detail/metering/cpu_times.hpp"

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
/// `JOULERY_ENERGY_LOCK` names another, or says off.
[[nodiscard]] inline std::string measuring_lock_path() {
    const char* named = joulery::detail::environment_variable("JOULERY_ENERGY_LOCK");
    if (named == nullptr || *named == 0) return "/tmp/joulery-energy.lock";
    return std::string(named) == "off" ? std::string() : named;
}

/// Keeps other processes of the machine from measuring at the same time, users' own or not. A
/// courtesy: where the lock can't be had in time, or at all, the measurement is made without it.
///
/// Thread: any. Cost: a few system calls; while another process measures, a look every 10 ms.
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
    // Another user's file is opened as it is: the kernel may refuse O_CREAT in a shared folder.
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

/// Processor time of this process and of the children that it has waited for, in seconds.
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

/// Processor time that others used, beside ours, since it was made.
///
/// Thread: one owner. Cost: a read of /proc/stat at either end (tens of microseconds).
/// Fails:  where /proc/stat can't be read nobody else is seen.
class other_load {
 public:
    explicit other_load(const system_root& root = system_root(),
                        std::function<double()> own = own_processor_seconds)
        : root_(root), own_(std::move(own)), busy_before_(busy()), own_before_(own_()) {}

    /// The others' share of all processor time since then, but for what /proc/stat, which counts in
    /// hundredths of a second, may be off by. Of at least one processor's time: where the code
    /// waits for a device, a little work of others is not much.
    [[nodiscard]] double share(double elapsed) const {
        const double all = busy() - busy_before_, own = own_() - own_before_;
        const double others = std::max(all - own - resolution, 0.0);
        return others / std::max({all, elapsed, resolution});
    }

    /// More than this share is not put up with.
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

/// The time that all measurements of a program may take: 60 s, or what `JOULERY_ENERGY_TIME` says.
/// A measurement without a time of its own gets a 25th of what is left, 2 s at most; so a hundred
/// of them all get their turn.
///
/// Thread: any.
class suite_time {
 public:
    using duration = std::chrono::nanoseconds;

    explicit suite_time(duration all) : left_(all) {}

    /// What a measurement gets that asks for `wanted`; 0: asks for nothing special.
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

/// While a measurement lasts: holds the machine's lock, takes from the program's time, and tells
/// whether others worked. On a clock that only a test moves it does none of that.
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
        const std::lock_guard<std::mutex> guard(ours().mutex);
        if (--ours().measurements == 0) ours().lock.reset();
    }

    /// How long the measurement may take.
    [[nodiscard]] std::chrono::nanoseconds grant(std::chrono::nanoseconds wanted) const {
        if (real_) return suite_time::of_this_program().grant(wanted);
        return wanted.count() > 0 ? wanted : default_max_time;
    }
    /// What others did in so many seconds, if it matters.
    [[nodiscard]] std::string disturbance(double elapsed) const {
        const double share = load_ ? load_->share(elapsed) : 0;
        if (share <= other_load::most) return {};
        return "other processes used " + percent_text(share) +
               " of the processor time; their energy is in here";
    }

 private:
    struct process_lock {
        std::mutex mutex;
        unsigned measurements = 0;
        std::chrono::milliseconds patience{60'000};  ///< for all waits of the process together
        std::optional<measuring_lock> lock;
    };
    static process_lock& ours() {
        static process_lock only;
        return only;
    }
    static void enter() {
        process_lock& p = ours();
        const std::lock_guard<std::mutex> guard(p.mutex);
        if (p.measurements++ > 0) return;  // this process measures already
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
