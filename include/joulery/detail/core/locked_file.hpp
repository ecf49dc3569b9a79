// locked_file.hpp - a file to append to while no other process does.
// SPDX-License-Identifier: MIT
#pragma once

#include "joulery/detail/core/config.hpp"

#if JOULERY_POSIX()

#include <cerrno>
#include <string>
#include <string_view>

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

namespace joulery {
inline namespace v1 {
namespace detail {

/// A file open for appending, locked against every other writer while this lives.
class locked_file {
 public:
    explicit locked_file(const std::string& path) noexcept {
        fd_ = ::open(path.c_str(), O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC, mode_t{0666});
        if (fd_ < 0) {
            error_ = errno;
            return;
        }
        int locked = 0;
        do locked = ::flock(fd_, LOCK_EX);
        while (locked != 0 && errno == EINTR);
        if (locked != 0) error_ = errno;
    }
    locked_file(const locked_file&) = delete;
    locked_file& operator=(const locked_file&) = delete;
    ~locked_file() {
        if (fd_ >= 0) ::close(fd_);  // releases the lock
    }

    /// True where the file ends in the middle of a line: a writer died there.
    [[nodiscard]] bool torn() noexcept {
        struct stat about {};
        if (::fstat(fd_, &about) != 0) {
            error_ = errno;
            return false;
        }
        if (!S_ISREG(about.st_mode) || about.st_size == 0) return false;
        char last = 0;
        if (::pread(fd_, &last, 1, about.st_size - 1) != 1) error_ = errno != 0 ? errno : EIO;
        return last != '\n';
    }
    void append(std::string_view bytes) noexcept {
        while (!bytes.empty() && error_ == 0) {
            const ssize_t n = ::write(fd_, bytes.data(), bytes.size());
            if (n >= 0)
                bytes.remove_prefix(static_cast<std::size_t>(n));
            else if (errno != EINTR)
                error_ = errno;
        }
        if (error_ == 0 && ::fsync(fd_) != 0 && errno != EINVAL && errno != EROFS) error_ = errno;
    }
    [[nodiscard]] int error() const noexcept { return error_; }

 private:
    int fd_ = -1;
    int error_ = 0;
};

}  // namespace detail
}  // namespace v1
}  // namespace joulery

#endif
