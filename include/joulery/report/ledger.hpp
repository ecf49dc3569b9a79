// joulery/report/ledger.hpp - a file to which every run adds its line, and that nobody rewrites.
// Layer 4. SPDX-License-Identifier: MIT
#pragma once

#include "joulery/core/config.hpp"
#include "joulery/core/result.hpp"
#include "joulery/report/ledger_entry.hpp"

#include <cerrno>
#include <cstddef>
#include <cstring>
#include <string>
#include <string_view>

#if JOULERY_POSIX()
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>
#endif

namespace joulery {
inline namespace v1 {

#if JOULERY_POSIX()
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
#endif

/// Adds one line to a ledger, creating it where there is none. What the file holds already is never
/// changed: a line that an earlier writer left unfinished is ended, and stays for readers to skip.
///
/// Thread: any thread, any process; writers wait for each other (flock), for the time of a write.
/// Fails:  the reason names the file and what the system said. A full disk may leave an unfinished
///         line; the next writer ends it.
///
///     if (auto done = append_to_ledger("energy.jsonl", *entry); !done) complain(done.error());
inline result<std::size_t> append_to_ledger(const std::string& path, const ledger_entry& entry) {
#if JOULERY_POSIX()
    std::string line = to_json_line(entry) + "\n";
    detail::locked_file file(path);
    if (file.error() == 0 && file.torn()) line.insert(line.begin(), '\n');
    if (file.error() == 0) file.append(line);
    if (file.error() == 0) return line.size();
    return failure{"ledger " + path + " not written: " + std::strerror(file.error()),
                   "name a file in a folder that exists and that you may write to"};
#else
    (void)entry;
    return failure{"ledger " + path + " not written: this system has no file locks we know",
                   "keep the run's report.json instead"};
#endif
}

}  // namespace v1
}  // namespace joulery
