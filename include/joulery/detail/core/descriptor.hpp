// descriptor.hpp - file descriptors, and writes that neither wait forever nor raise a signal.
// SPDX-License-Identifier: MIT
#pragma once

#include "joulery/detail/core/config.hpp"

#include <algorithm>
#include <cerrno>
#include <chrono>
#include <cstddef>
#include <cstdio>
#include <string>
#include <string_view>
#include <utility>

#if JOULERY_POSIX()
#include <fcntl.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>
#endif

namespace joulery {
inline namespace v1 {
namespace detail {

/// Opens a stream that child processes don't inherit. `mode`: "rb" or "wb".
[[nodiscard]] inline std::FILE* open_stream(const std::string& path, const char* mode) noexcept {
#if JOULERY_POSIX()
    const char with_exec[] = {mode[0], 'b', 'e', '\0'};
    return std::fopen(path.c_str(), with_exec);
#else
    return std::fopen(path.c_str(), mode);
#endif
}

/// How long a write waits for the reader of a pipe.
inline constexpr std::chrono::milliseconds reader_patience{2000};

/// While it exists, a write of the calling thread that can't be done returns an error instead of
/// ending or stopping the process: to a pipe without a reader (SIGPIPE), beyond a file size limit
/// (SIGXFSZ), from the background to a terminal that refuses it (SIGTTOU). Other threads and the
/// host's handlers are unaffected.
class write_signals_blocked {
 public:
#if JOULERY_POSIX()
    write_signals_blocked() noexcept {
        ::sigset_t blocked, pending;
        ::sigemptyset(&blocked);
        for (const int s : {SIGPIPE, SIGXFSZ, SIGTTOU}) ::sigaddset(&blocked, s);
        ::pthread_sigmask(SIG_BLOCK, &blocked, &before_);
        ::sigemptyset(&raised_);
        ::sigpending(&pending);  // these belong to the host
        for (const int s : {SIGPIPE, SIGXFSZ})
            if (::sigismember(&pending, s) == 0) ::sigaddset(&raised_, s);
    }
    ~write_signals_blocked() {
        const int error = errno;
        take_raised();
        ::pthread_sigmask(SIG_SETMASK, &before_, nullptr);
        errno = error;
    }
#else
    write_signals_blocked() noexcept {}  // no such signals here
#endif
    write_signals_blocked(const write_signals_blocked&) = delete;
    write_signals_blocked& operator=(const write_signals_blocked&) = delete;

#if JOULERY_POSIX()
 private:
    // Consumes the signals raised by our writes, or they would arrive once unblocked.
    void take_raised() noexcept {
#if defined(__APPLE__)
        ::sigset_t pending;
        ::sigpending(&pending);
        for (const int s : {SIGPIPE, SIGXFSZ}) {
            ::sigset_t one;
            ::sigemptyset(&one);
            ::sigaddset(&one, s);
            int taken = 0;
            if (::sigismember(&raised_, s) == 1 && ::sigismember(&pending, s) == 1)
                ::sigwait(&one, &taken);
        }
#else
        const ::timespec at_once{};
        while (::sigtimedwait(&raised_, nullptr, &at_once) > 0 || errno == EINTR) {
        }
#endif
    }

    ::sigset_t before_;
    ::sigset_t raised_;
#endif
};

#if JOULERY_POSIX()

/// Closes a file descriptor when destroyed.
class descriptor {
 public:
    descriptor() = default;
    explicit descriptor(int fd) noexcept : fd_(fd) {}
    descriptor(descriptor&& other) noexcept : fd_(std::exchange(other.fd_, -1)) {}
    descriptor& operator=(descriptor&& other) noexcept {
        std::swap(fd_, other.fd_);
        return *this;
    }
    ~descriptor() {
        if (fd_ >= 0) ::close(fd_);
    }
    [[nodiscard]] bool is_open() const noexcept { return fd_ >= 0; }
    [[nodiscard]] int get() const noexcept { return fd_; }
    /// Leaves it open: the caller takes over.
    int give_up() noexcept { return std::exchange(fd_, -1); }
    /// 0 or errno: some file systems report a failed write only here.
    [[nodiscard]] int close() noexcept { return ::close(std::exchange(fd_, -1)) == 0 ? 0 : errno; }

 private:
    int fd_ = -1;
};

/// Waits until `fd` accepts output; 0, or ETIMEDOUT if that takes longer than `patience`.
[[nodiscard]] inline int wait_for_room(int fd, std::chrono::milliseconds patience) noexcept {
    const auto latest = std::chrono::steady_clock::now() + patience;
    while (true) {
        const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(
            latest - std::chrono::steady_clock::now());
        ::pollfd room{fd, POLLOUT, 0};
        const int ready = ::poll(&room, 1, left.count() > 0 ? static_cast<int>(left.count()) : 0);
        if (ready > 0) return 0;  // also for an error, which the write will report
        if (ready == 0) return ETIMEDOUT;
        if (errno != EINTR) return errno;
    }
}

/// Writes everything; 0, or the errno of the failure. A pipe, socket or terminal gets only as much
/// at a time as fits, so that a write never blocks for longer than `patience`.
[[nodiscard]] inline int write_all(int fd, std::string_view bytes,
                                   std::chrono::milliseconds patience = reader_patience) noexcept {
    constexpr std::size_t always_fits = 4096;  // into a pipe that has any room (Linux: PIPE_BUF)
    const write_signals_blocked quiet;
    struct stat about {};
    const bool is_file = ::fstat(fd, &about) == 0 && S_ISREG(about.st_mode);
    while (!bytes.empty()) {
        if (!is_file)
            if (const int error = wait_for_room(fd, patience)) return error;
        const std::size_t most = is_file ? bytes.size() : always_fits;
        const ::ssize_t n = ::write(fd, bytes.data(), std::min(bytes.size(), most));
        if (n > 0) {
            bytes.remove_prefix(static_cast<std::size_t>(n));
        } else if (n == 0) {
            return EIO;
        } else if (errno != EINTR && errno != EAGAIN) {
            return errno;
        }
    }
    return 0;
}

#endif

/// Writes to stderr without its stream: no lock of the host, no signal, no endless wait. Returns 0,
/// or the errno of the failure.
inline int write_to_stderr(std::string_view text) noexcept {
#if JOULERY_POSIX()
    return write_all(STDERR_FILENO, text);
#else
    return std::fwrite(text.data(), 1, text.size(), stderr) == text.size() ? 0 : EIO;
#endif
}

}  // namespace detail
}  // namespace v1
}  // namespace joulery
