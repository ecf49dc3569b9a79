// perf_calls.hpp - the perf_event system call, as pointers that a test can fake.
// SPDX-License-Identifier: MIT
#pragma once

#include "joulery/detail/core/config.hpp"

#include <cerrno>
#include <cstdint>
#include <utility>

#if JOULERY_LINUX()
#include <linux/perf_event.h>
#include <sys/syscall.h>
#include <unistd.h>
#endif

namespace joulery {
inline namespace v1 {

/// Opens, reads and closes a counter that counts on one processor for all processes. Each returns
/// minus errno where it fails; `read` returns 0 and fills `count`.
struct perf_calls {
    void* context = nullptr;
    int (*open)(void* context, std::uint32_t type, std::uint64_t config, int cpu) = nullptr;
    int (*read)(void* context, int fd, std::uint64_t& count) = nullptr;
    void (*close)(void* context, int fd) = nullptr;

    [[nodiscard]] static perf_calls of_the_system() noexcept;
};

/// An open perf counter; closes itself.
class perf_counter {
 public:
    perf_counter() = default;
    perf_counter(const perf_calls& calls, std::uint32_t type, std::uint64_t config, int cpu)
        : calls_(calls), fd_(calls.open(calls.context, type, config, cpu)) {}
    perf_counter(perf_counter&& other) noexcept
        : calls_(other.calls_), fd_(std::exchange(other.fd_, -EBADF)) {}
    perf_counter& operator=(perf_counter&& other) noexcept {
        std::swap(calls_, other.calls_);
        std::swap(fd_, other.fd_);
        return *this;
    }
    ~perf_counter() {
        if (is_open()) calls_.close(calls_.context, fd_);
    }
    [[nodiscard]] bool is_open() const noexcept { return fd_ >= 0; }
    [[nodiscard]] int error() const noexcept { return fd_ < 0 ? -fd_ : 0; }
    /// 0, or errno.
    int read(std::uint64_t& count) noexcept { return -calls_.read(calls_.context, fd_, count); }

 private:
    perf_calls calls_;
    int fd_ = -EBADF;
};

inline perf_calls perf_calls::of_the_system() noexcept {
    perf_calls calls;
#if JOULERY_LINUX()
    calls.open = [](void*, std::uint32_t type, std::uint64_t config, int cpu) {
        ::perf_event_attr attributes{};
        attributes.size = sizeof attributes;
        attributes.type = type;
        attributes.config = config;
        const long fd = ::syscall(SYS_perf_event_open, &attributes, -1, cpu, -1,
                                  static_cast<unsigned long>(PERF_FLAG_FD_CLOEXEC));
        return fd < 0 ? -errno : static_cast<int>(fd);
    };
    calls.read = [](void*, int fd, std::uint64_t& count) {
        const ::ssize_t n = ::read(fd, &count, sizeof count);
        return n == static_cast<::ssize_t>(sizeof count) ? 0 : (n < 0 ? -errno : -EIO);
    };
    calls.close = [](void*, int fd) { ::close(fd); };
#else
    calls.open = [](void*, std::uint32_t, std::uint64_t, int) { return -ENOSYS; };
    calls.read = [](void*, int, std::uint64_t&) { return -ENOSYS; };
    calls.close = [](void*, int) {};
#endif
    return calls;
}

}  // namespace v1
}  // namespace joulery
