// claimed_file.hpp - a file that one living process at a time replaces again and again.
// SPDX-License-Identifier: MIT
#pragma once

#include "joulery/detail/core/atomic_file.hpp"
#include "joulery/detail/core/config.hpp"
#include "joulery/detail/core/descriptor.hpp"

#include <cerrno>
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

/// Keeps a file locked (flock) from the claim to its end, also while it is replaced, so that
/// another process can see that somebody who lives is writing it. The lock ends with the process,
/// however that ends. File systems without locks, pipes and folders that are missing claim nothing
/// and hinder nothing.
class claimed_file {
 public:
    claimed_file() = default;
    claimed_file(claimed_file&& other) noexcept { *this = std::move(other); }
    claimed_file& operator=(claimed_file&& other) noexcept {
        std::swap(lock_, other.lock_);
        std::swap(inode_, other.inode_);
        std::swap(path_, other.path_);
        std::swap(made_, other.made_);
        return *this;
    }
    ~claimed_file() {
        if (lock_.is_open() && made_ && is_empty()) ::unlink(path_.c_str());
        release();
    }

    /// False where another claim of a living process is on it. Makes an empty file where there is
    /// none.
    [[nodiscard]] bool claim(const std::string& path) {
        path_ = path;
        for (int tries = 0; tries < 10; ++tries) {
            struct stat there {};
            made_ = ::stat(path.c_str(), &there) != 0;
            if (made_ ? errno != ENOENT : !S_ISREG(there.st_mode)) return true;
            descriptor fd(::open(path.c_str(), O_WRONLY | O_CREAT | O_NONBLOCK | O_CLOEXEC, 0666));
            if (!fd.is_open()) return true;
            if (::flock(fd.get(), LOCK_EX | LOCK_NB) != 0) return errno != EWOULDBLOCK;
            take(std::move(fd));
            // Another may have replaced the file between the opening and the lock.
            if (::stat(path.c_str(), &there) == 0 && is(there)) return true;
            release();
        }
        return false;
    }

    /// As `replace_file`; 0, or errno. A process at its limit of open files writes to the one that
    /// it has.
    [[nodiscard]] int replace(const std::string& path, std::string_view bytes) {
        descriptor fresh;
        int error = file_replacement(path, bytes).run(lock_.is_open() ? &fresh : nullptr);
        if (fresh.is_open()) take(std::move(fresh));
        if ((error == EMFILE || error == ENFILE) && is_locked()) error = overwrite(bytes);
        if (error == 0) made_ = false;
        return error;
    }

    /// Gives the claim up. In a forked child: the parent's stays.
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
    // A host that closes all files (a daemon) may have another under this number by now.
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
    bool made_ = false;  // by the claim, and nothing is written yet
};

/// Whether a process that lives has claimed the file.
[[nodiscard]] inline bool is_claimed(const std::string& path) noexcept {
    const descriptor fd(::open(path.c_str(), O_RDONLY | O_NONBLOCK | O_CLOEXEC));
    return fd.is_open() && ::flock(fd.get(), LOCK_SH | LOCK_NB) != 0 && errno == EWOULDBLOCK;
}

#else

class claimed_file {
 public:
    [[nodiscard]] bool claim(const std::string&) { return true; }
    [[nodiscard]] int replace(const std::string& path, std::string_view bytes) {
        return overwrite_file(path, bytes);
    }
    void release() noexcept {}
};
[[nodiscard]] inline bool is_claimed(const std::string&) noexcept { return false; }

#endif

}  // namespace detail
}  // namespace v1
}  // namespace joulery
