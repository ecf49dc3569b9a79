// device_calls.hpp - the few system calls that devices are asked by.
// SPDX-License-Identifier: MIT
#pragma once

#include "joulery/detail/core/config.hpp"

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>

#if JOULERY_POSIX()
#include <fcntl.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <unistd.h>
#endif

namespace joulery {
inline namespace v1 {

/// open, ioctl, pread, poll and close of a device node, as pointers so that a test can be the
/// device. Every call returns what the system's does, or minus errno. `context` goes to each.
///
///     device_calls fake = device_calls::of_the_system();
///     fake.control = [](void* me, int, unsigned long request, void* argument) { ... };
///     auto hsmp = open_amd_hsmp(root, fake);
struct device_calls {
    void* context = nullptr;
    int (*open)(void* context, const char* path, bool writable) = nullptr;
    int (*control)(void* context, int fd, unsigned long request, void* argument) = nullptr;
    std::ptrdiff_t (*read_at)(void* context, int fd, void* into, std::size_t room,
                              std::uint64_t offset) = nullptr;
    int (*wait_readable)(void* context, int fd, int milliseconds) = nullptr;  ///< 1, 0: timed out
    void (*close)(void* context, int fd) = nullptr;

    [[nodiscard]] static device_calls of_the_system() noexcept;
};

/// A device node held open; closes itself.
class device_handle {
 public:
    device_handle() = default;
    device_handle(const device_calls& calls, const std::string& path, bool writable = false)
        : calls_(calls), fd_(calls.open(calls.context, path.c_str(), writable)) {}
    device_handle(device_handle&& other) noexcept
        : calls_(other.calls_), fd_(std::exchange(other.fd_, -EBADF)) {}
    device_handle& operator=(device_handle&& other) noexcept {
        std::swap(calls_, other.calls_);
        std::swap(fd_, other.fd_);
        return *this;
    }
    ~device_handle() {
        if (is_open()) calls_.close(calls_.context, fd_);
    }

    [[nodiscard]] bool is_open() const noexcept { return fd_ >= 0; }
    /// errno of the open that failed; 0 where it is open.
    [[nodiscard]] int error() const noexcept { return fd_ < 0 ? -fd_ : 0; }

    int control(unsigned long request, void* argument) noexcept {
        return calls_.control(calls_.context, fd_, request, argument);
    }
    std::ptrdiff_t read_at(void* into, std::size_t room, std::uint64_t offset) noexcept {
        return calls_.read_at(calls_.context, fd_, into, room, offset);
    }
    int wait_readable(int milliseconds) noexcept {
        return calls_.wait_readable(calls_.context, fd_, milliseconds);
    }

 private:
    device_calls calls_;
    int fd_ = -EBADF;
};

inline device_calls device_calls::of_the_system() noexcept {
    device_calls calls;
#if JOULERY_POSIX()
    calls.open = [](void*, const char* path, bool writable) {
        const int fd = ::open(path, (writable ? O_RDWR : O_RDONLY) | O_CLOEXEC);
        return fd < 0 ? -errno : fd;
    };
    calls.control = [](void*, int fd, unsigned long request, void* argument) {
        const int answer = ::ioctl(fd, request, argument);
        return answer < 0 ? -errno : answer;
    };
    calls.read_at = [](void*, int fd, void* into, std::size_t room, std::uint64_t offset) {
        const ::ssize_t n = ::pread(fd, into, room, static_cast<::off_t>(offset));
        return static_cast<std::ptrdiff_t>(n < 0 ? -errno : n);
    };
    calls.wait_readable = [](void*, int fd, int milliseconds) {
        ::pollfd what{fd, POLLIN, 0};
        const int n = ::poll(&what, 1, milliseconds);
        return n < 0 ? -errno : n;
    };
    calls.close = [](void*, int fd) { ::close(fd); };
#else
    calls.open = [](void*, const char*, bool) { return -ENOSYS; };
    calls.control = [](void*, int, unsigned long, void*) { return -ENOSYS; };
    calls.read_at = [](void*, int, void*, std::size_t, std::uint64_t) {
        return static_cast<std::ptrdiff_t>(-ENOSYS);
    };
    calls.wait_readable = [](void*, int, int) { return -ENOSYS; };
    calls.close = [](void*, int) {};
#endif
    return calls;
}

}  // namespace v1
}  // namespace joulery
