// locked_file.hpp - a file to append to while no other process does.
// SPDX-License-Identifier: MIT
#pragma once

#include "joulery/detail/core/config.hpp"

#if JOULERY_POSIX()

#include "joulery/detail/core/descriptor.hpp"

#include <cerrno>
#include <chrono>
#include <string>
#include <string_view>

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

namespace joulery {
inline namespace v1 {
namespace detail {

/// How long a writer waits for others, each of which needs milliseconds.
inline constexpr std::chrono::milliseconds lock_patience{10'000};

/// Locks a file, waiting for others for a bounded time. `kind` is LOCK_EX or LOCK_SH. 0, or the
/// errno of what failed: ETIMEDOUT where another keeps it locked.
[[nodiscard]] inline int lock_file(int fd, int kind,
                                   std::chrono::milliseconds patience = lock_patience) noexcept {
    const auto latest = std::chrono::steady_clock::now() + patience;
    while (::flock(fd, kind | LOCK_NB) != 0) {
        if (errno != EINTR && errno != EWOULDBLOCK) return errno;
        if (std::chrono::steady_clock::now() >= latest) return ETIMEDOUT;
        (void)::poll(nullptr, 0, 5);
    }
    return 0;
}

/// A file open for appending, locked against every other writer while this lives. It is a regular
/// file and no symlink: what stands at `path` may have been put there by somebody else.
class locked_file {
 public:
    explicit locked_file(const std::string& path,
                         std::chrono::milliseconds patience = lock_patience) noexcept
        : file_(::open(path.c_str(),
                       O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK,
                       mode_t{0666})) {
        struct stat about {};
        if (!file_.is_open() || ::fstat(file_.get(), &about) != 0)
            error_ = errno;
        else if (!S_ISREG(about.st_mode))
            error_ = EINVAL;
        else
            error_ = lock_file(file_.get(), LOCK_EX, patience);
    }

    /// True where the file ends in the middle of a line: a writer died there.
    [[nodiscard]] bool torn() noexcept {
        struct stat about {};
        if (::fstat(file_.get(), &about) != 0) {
            error_ = errno;
            return false;
        }
        if (about.st_size == 0) return false;
        char last = 0;
        if (::pread(file_.get(), &last, 1, about.st_size - 1) != 1)
            error_ = errno != 0 ? errno : EIO;
        return last != '\n';
    }
    void append(std::string_view bytes) noexcept {
        if (error_ == 0) error_ = write_all(file_.get(), bytes);
        if (error_ == 0 && ::fsync(file_.get()) != 0 && errno != EINVAL && errno != EROFS)
            error_ = errno;
    }
    [[nodiscard]] int error() const noexcept { return error_; }

 private:
    descriptor file_;  // closing it releases the lock
    int error_ = 0;
};

}  // namespace detail
}  // namespace v1
}  // namespace joulery

#endif
