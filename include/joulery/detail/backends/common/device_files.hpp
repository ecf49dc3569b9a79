// device_files.hpp - files and device nodes that backends keep open and read.
// SPDX-License-Identifier: MIT
#pragma once

#include "joulery/detail/core/config.hpp"
#include "joulery/detail/core/system_root.hpp"

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

/// A file that stays open and is read from its start. After a failed read it is reopened, because
/// the descriptor of a file whose driver was unloaded never works again, even when the file
/// returns.
///
/// Thread: one reader at a time. Cost: one pread; after a failure also an open.
/// Fails:  `vanished()` distinguishes a file that is gone from one that did not answer.
///
///     watched_file f(root.path("/sys/class/hwmon/hwmon0/power1_input"));
///     std::uint64_t microwatts;
///     if (!f.read_unsigned(microwatts) && f.vanished()) ...
class watched_file {
 public:
    watched_file() = default;
    explicit watched_file(std::string path) : path_(std::move(path)), file_(path_) {}

    [[nodiscard]] bool is_open() const noexcept { return file_.is_open(); }
    [[nodiscard]] int error() const noexcept { return file_.error(); }
    /// Whether the last read failed because the file does not exist.
    [[nodiscard]] bool vanished() const noexcept { return vanished_; }
    /// errno of the last failed read; 0: it read nothing.
    [[nodiscard]] int read_error() const noexcept { return read_error_; }
    [[nodiscard]] const std::string& path() const noexcept { return path_; }

    bool read_unsigned(std::uint64_t& value) noexcept {
        if (file_.is_open() && file_.read_unsigned(value)) return succeed();
        return fail();
    }
    bool read_signed(std::int64_t& value) noexcept {
        char text[32];
        const std::ptrdiff_t n = read_text(text, sizeof text);
        return n > 0 && parse_signed({text, static_cast<std::size_t>(n)}, value);
    }
    /// Returns the bytes read, or -1.
    std::ptrdiff_t read_text(char* into, std::size_t room) noexcept {
        const std::ptrdiff_t n = file_.is_open() ? file_.read_at(into, room) : -1;
        n > 0 ? succeed() : fail();
        return n > 0 ? n : -1;
    }

 private:
    bool succeed() noexcept {
        vanished_ = false;
        return true;
    }
    bool fail() noexcept {
        read_error_ = file_.error();
        system_file again(path_);
        const int why = again.error();
        vanished_ = !again.is_open() && (why == ENOENT || why == ENODEV || why == ENXIO);
        file_ = std::move(again);
        return false;
    }

    std::string path_;
    system_file file_;
    bool vanished_ = false;
    int read_error_ = 0;
};

/// open, ioctl, pread, poll and close of a device node, as pointers so that a test can play the
/// device. Each call returns what the system's returns, or a negative errno. `context` is passed to
/// each.
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
    /// errno of a failed open; 0 if it is open.
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
