// thread_clock.hpp - the name of a thread, and its processor time.
// SPDX-License-Identifier: MIT
#pragma once

#include "joulery/detail/core/config.hpp"
#include "joulery/detail/timing/lost_time.hpp"

#include <cstdint>
#include <ctime>
#include <string>

#if JOULERY_LINUX()
#include <sys/prctl.h>
#endif

#if JOULERY_POSIX()
#include <sys/resource.h>
#endif

#if JOULERY_POSIX() && !defined(__APPLE__)
#include <pthread.h>
#endif

namespace joulery {
inline namespace v1 {
namespace detail {

/// "trainer 3": the calling thread's name in the system, "thread" if it has none, and `number`,
/// because threads inherit their names.
[[nodiscard]] inline std::string name_of_this_thread(std::uint32_t number) {
    char name[17] = "";
#if JOULERY_LINUX()
    if (::prctl(PR_GET_NAME, name, 0, 0, 0) != 0) name[0] = '\0';
#endif
    return std::string(name[0] != '\0' ? name : "thread") + ' ' + std::to_string(number);
}

/// Processor time of the calling thread in seconds; 0 if the system does not provide it.
[[nodiscard]] inline double thread_cpu_seconds() noexcept {
#if JOULERY_POSIX()
    ::timespec t{};
    if (::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &t) != 0) return 0;
    return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_nsec) * 1e-9;
#else
    return 0;
#endif
}

/// The system's figures for the calling thread. Cost: a system call, about half a microsecond.
[[nodiscard]] inline thread_use use_of_this_thread() noexcept {
    thread_use use;
#if JOULERY_POSIX() && defined(RUSAGE_THREAD)
    ::rusage r{};
    ::timespec t{};
    if (::getrusage(RUSAGE_THREAD, &r) != 0 || ::clock_gettime(CLOCK_MONOTONIC, &t) != 0)
        return use;
    use.passed = static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_nsec) * 1e-9;
    use.busy = static_cast<double>(r.ru_utime.tv_sec + r.ru_stime.tv_sec) +
               static_cast<double>(r.ru_utime.tv_usec + r.ru_stime.tv_usec) * 1e-6;
    use.given_up = static_cast<std::uint64_t>(r.ru_nvcsw);
    use.taken_away = static_cast<std::uint64_t>(r.ru_nivcsw);
#endif
    return use;
}

/// The processor time of the thread that created it.
///
/// Thread: any, while that thread lives. Cost: a system call, about 0.3 us.
/// Fails:  -1 if the system does not provide it, or the thread has ended.
class thread_clock {
 public:
#if JOULERY_POSIX() && !defined(__APPLE__)
    thread_clock() noexcept
        : known_(::pthread_getcpuclockid(::pthread_self(), &clock_) == 0), fine_(moves_finely()) {}
    [[nodiscard]] double seconds() const noexcept {
        ::timespec t{};
        if (!known_ || ::clock_gettime(clock_, &t) != 0) return -1;
        return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_nsec) * 1e-9;
    }
    /// Whether the thread certainly did not run if it shows no change.
    [[nodiscard]] bool shows_each_run() const noexcept { return fine_; }

 private:
    // Whatever resolution the system states: some clocks advance in steps of milliseconds.
    [[nodiscard]] bool moves_finely() const noexcept {
        const double begin = seconds();
        for (int i = 0; i < 64; ++i) {
            const double since = seconds() - begin;
            if (since > 0) return since < 1e-3;
        }
        return false;
    }
    ::clockid_t clock_{};
    bool known_ = false, fine_ = false;
#else
    [[nodiscard]] double seconds() const noexcept { return -1; }
    [[nodiscard]] bool shows_each_run() const noexcept { return false; }
#endif
};

}  // namespace detail
}  // namespace v1
}  // namespace joulery
