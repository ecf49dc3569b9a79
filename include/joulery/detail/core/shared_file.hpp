// shared_file.hpp - files shared between processes: reserved, locked or appended to.
// SPDX-License-Identifier: MIT
#pragma once

#include "joulery/detail/core/atomic_file.hpp"
#include "joulery/detail/core/config.hpp"
#include "joulery/detail/core/descriptor.hpp"

#include <cerrno>
#include <cstdio>
#include <string>
#include <string_view>
#include <utility>

#if JOULERY_POSIX()
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>
#endif

namespace joulery {
inline namespace v1 {
namespace detail {

#if JOULERY_POSIX()

/// Holds a lock (flock) on a file from `reserve` until it is destroyed, even if the file is
/// replaced in between, so that other processes see that a living process writes it. The lock ends
/// with the process, however that ends. On file systems without locks, for pipes and in missing
/// folders `reserve` locks nothing and succeeds.
class reserved_file {
 public:
    reserved_file() = default;
    reserved_file(reserved_file&& other) noexcept { *this = std::move(other); }
    reserved_file& operator=(reserved_file&& other) noexcept {
        std::swap(lock_, other.lock_);
        std::swap(inode_, other.inode_);
        std::swap(path_, other.path_);
        std::swap(made_, other.made_);
        return *this;
    }
    ~reserved_file() {
        if (lock_.is_open() && made_ && is_empty()) ::unlink(path_.c_str());
        release();
    }

    /// False if another living process has reserved the file. Creates an empty file if none exists.
    [[nodiscard]] bool reserve(const std::string& path) {
        path_ = path;
        for (int tries = 0; tries < 10; ++tries) {
            struct stat there {};
            made_ = ::stat(path.c_str(), &there) != 0;
            if (made_ ? errno != ENOENT : !S_ISREG(there.st_mode)) return true;
            descriptor fd(::open(path.c_str(), O_WRONLY | O_CREAT | O_NONBLOCK | O_CLOEXEC, 0666));
            if (!fd.is_open()) return true;
            if (::flock(fd.get(), LOCK_EX | LOCK_NB) != 0) return errno != EWOULDBLOCK;
            take(std::move(fd));
            // Another process may have replaced the file between opening and locking.
            if (::stat(path.c_str(), &there) == 0 && is(there)) return true;
            release();
        }
        return false;
    }

    /// As `replace_file`; 0, or errno. A process at its limit of open files writes to the file that
    /// it already has open.
    [[nodiscard]] int replace(const std::string& path, std::string_view bytes) {
        descriptor fresh;
        int error = file_replacement(path, bytes).run(lock_.is_open() ? &fresh : nullptr);
        if (fresh.is_open()) take(std::move(fresh));
        if ((error == EMFILE || error == ENFILE) && is_locked()) error = overwrite(bytes);
        if (error == 0) made_ = false;
        return error;
    }

    /// Ends the reservation. In a forked child the parent's reservation stays.
    void release() noexcept {
        if (is_locked()) (void)lock_.close();
        (void)lock_.give_up();
    }

 private:
    void take(descriptor fd) noexcept {
        release();
        lock_ = std::move(fd);
        (void)::fstat(lock_.get(), &inode_);
    }
    // A host that closes all files (a daemon) may have reused this descriptor.
    [[nodiscard]] bool is_locked() const noexcept {
        struct stat now {};
        return lock_.is_open() && ::fstat(lock_.get(), &now) == 0 && is(now);
    }
    [[nodiscard]] int overwrite(std::string_view bytes) noexcept {
        const bool emptied =
            ::lseek(lock_.get(), 0, SEEK_SET) == 0 && ::ftruncate(lock_.get(), 0) == 0;
        return emptied ? write_all(lock_.get(), bytes) : errno;
    }
    [[nodiscard]] bool is(const struct stat& other) const noexcept {
        return other.st_ino == inode_.st_ino && other.st_dev == inode_.st_dev;
    }
    [[nodiscard]] bool is_empty() const noexcept {
        struct stat now {};
        return ::stat(path_.c_str(), &now) == 0 && is(now) && now.st_size == 0;
    }

    descriptor lock_;
    struct stat inode_ {};
    std::string path_;
    bool made_ = false;  // created by reserve(), and still empty
};

/// Whether a living process has reserved the file.
[[nodiscard]] inline bool is_reserved(const std::string& path) noexcept {
    const descriptor fd(::open(path.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC));
    return fd.is_open() && ::flock(fd.get(), LOCK_SH | LOCK_NB) != 0 && errno == EWOULDBLOCK;
}

#else

class reserved_file {
 public:
    [[nodiscard]] bool reserve(const std::string&) { return true; }
    [[nodiscard]] int replace(const std::string& path, std::string_view bytes) {
        return overwrite_file(path, bytes);
    }
    void release() noexcept {}
};
[[nodiscard]] inline bool is_reserved(const std::string&) noexcept { return false; }

#endif

}  // namespace detail
}  // namespace v1
}  // namespace joulery

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

/// Locks a file, waiting for others for a limited time. `kind` is LOCK_EX or LOCK_SH. 0, or the
/// errno of the failure: ETIMEDOUT if another process keeps it locked.
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

/// A file open for appending, locked against all other writers as long as this exists. It must be a
/// regular file and no symlink: somebody else may have put something else at `path`.
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

    /// True if the file ends in the middle of a line: a writer died there.
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

#if JOULERY_POSIX()
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#endif

namespace joulery {
inline namespace v1 {
namespace detail {

/// Appends a whole line, usually in one write, so that followers of the file read complete lines.
/// If a writer died in the middle of a line, a new line is started first. 0, or errno.
///
/// Thread: one per file. Cost: opens the file each time, so that it may be rotated; waits at most
/// two seconds for a pipe.
[[nodiscard]] inline int append_to_file(const std::string& path, std::string_view line) {
#if JOULERY_POSIX()
    constexpr int how = O_CREAT | O_APPEND | O_NONBLOCK | O_NOCTTY | O_CLOEXEC;
    struct stat about {};
    const bool exists = ::stat(path.c_str(), &about) == 0;
    const bool is_file = !exists || S_ISREG(about.st_mode);
    descriptor file(::open(path.c_str(), how | (is_file ? O_RDWR : O_WRONLY), mode_t{0666}));
    if (!file.is_open()) return errno;
    if (is_file && ::fstat(file.get(), &about) == 0 && about.st_size > 0) {
        char last = '\n';
        if (::pread(file.get(), &last, 1, about.st_size - 1) == 1 && last != '\n')
            return write_all(file.get(), '\n' + std::string(line));
    }
    const int error = write_all(file.get(), line);
    return error != 0 ? error : file.close();
#else
    std::FILE* file = open_stream(path.c_str(), "ab");
    if (file == nullptr) return errno;
    const bool whole = std::fwrite(line.data(), 1, line.size(), file) == line.size();
    const int error = errno;
    return std::fclose(file) == 0 && whole ? 0 : (error != 0 ? error : EIO);
#endif
}

}  // namespace detail
}  // namespace v1
}  // namespace joulery
