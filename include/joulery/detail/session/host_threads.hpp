// host_threads.hpp - ends a process once all threads of its own have ended.
// SPDX-License-Identifier: MIT
#pragma once

#include "joulery/detail/core/config.hpp"
#include "joulery/detail/timing/scope_node.hpp"

#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>

#if JOULERY_LINUX()
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>
#endif

namespace joulery {
inline namespace v1 {
namespace detail {

/// A program may leave `main` by `pthread_exit`; it then ends with its last thread, by `exit(0)`.
/// The library's threads must not keep it alive, so they check from time to time whether they are
/// the only ones left, and then call `exit(0)`.
///
/// Thread: any. Cost: two system calls, four times a second. Fails: without /proc the process is
/// kept alive.
///
///     const host_threads::library_thread counted;  // first statement of such a thread
///     host_threads::exit_if_ended();                 // from time to time
class host_threads {
 public:
    /// Counts a thread of the library while it runs.
    class library_thread {
     public:
        library_thread() noexcept { started().fetch_add(1); }
        library_thread(const library_thread&) = delete;
        library_thread& operator=(const library_thread&) = delete;
        ~library_thread() { ended().fetch_add(1); }
    };

    /// The longest that a thread of the library may sleep between two checks.
    static constexpr std::chrono::milliseconds patience{250};

    /// Call it from a thread of the library that holds no lock.
    static void exit_if_ended() noexcept {
        static std::atomic<std::int64_t> next_look{0};
        const auto now = std::chrono::steady_clock::now().time_since_epoch();
        const std::int64_t ms = std::chrono::duration_cast<std::chrono::milliseconds>(now).count();
        std::int64_t due = next_look.load(std::memory_order_relaxed);
        if (ms < due || !next_look.compare_exchange_strong(due, ms + patience.count())) return;
        static std::atomic<bool> exits{false};
        if (!have_ended() || exits.exchange(true)) return;
        become_a_thread_of_the_host();
        std::exit(0);
    }

    /// Whether all threads except the library's have ended.
    [[nodiscard]] static bool have_ended() noexcept {
#if JOULERY_LINUX()
        // A library thread is counted after it began to run and until just before it ends, so there
        // are at least as many as counted. None may begin or end during the check.
        const std::uint64_t begun = started().load(), over = ended().load();
        struct ::stat tasks {};
        if (::stat("/proc/self/task", &tasks) != 0 || tasks.st_nlink < 3) return false;
        if (started().load() != begun || ended().load() != over) return false;
        const std::uint64_t threads =
            tasks.st_nlink - 2;  // the main thread stays until the last one ends
        return threads <= begun - over + 1 && first_thread_has_ended();
#else
        return false;
#endif
    }

 private:
    static std::atomic<std::uint64_t>& started() noexcept {
        static std::atomic<std::uint64_t> count{0};
        return count;
    }
    static std::atomic<std::uint64_t>& ended() noexcept {
        static std::atomic<std::uint64_t> count{0};
        return count;
    }

#if JOULERY_LINUX()
    // The kernel has released its memory (so there is no "exe"), and its state is Z.
    static bool first_thread_has_ended() noexcept {
        char target[8];
        if (::readlink("/proc/self/exe", target, sizeof target) >= 0 || errno != ENOENT)
            return false;
        std::FILE* const file = std::fopen("/proc/self/stat", "re");
        if (file == nullptr) return false;
        char text[256] = "";
        text[std::fread(text, 1, sizeof text - 1, file)] = '\0';
        std::fclose(file);
        const char* const name_end = std::strrchr(text, ')');
        return name_end != nullptr && std::strncmp(name_end, ") Z", 3) == 0;
    }
#endif
    // Handlers called by `exit` get the signals and the scopes they would have in a host thread.
    static void become_a_thread_of_the_host() noexcept {
        inside_library = false;
#if JOULERY_LINUX()
        ::sigset_t none;
        ::sigemptyset(&none);
        ::pthread_sigmask(SIG_SETMASK, &none, nullptr);
#endif
    }
};

}  // namespace detail
}  // namespace v1
}  // namespace joulery
