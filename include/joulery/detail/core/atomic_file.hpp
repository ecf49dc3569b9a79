// atomic_file.hpp - writes a file so that nobody ever sees half of it.
// SPDX-License-Identifier: MIT
#pragma once

#include "joulery/detail/core/config.hpp"
#include "joulery/result.hpp"

#include <atomic>
#include <cerrno>
#include <cstddef>
#include <cstdio>
#include <cstring>
#include <string>
#include <string_view>

#if JOULERY_POSIX()
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>
#endif

namespace joulery {
inline namespace v1 {

namespace detail {

inline std::string folder_of(const std::string& path) {
    const std::size_t slash = path.rfind('/');
    if (slash == std::string::npos) return ".";
    return slash == 0 ? "/" : path.substr(0, slash);
}

inline failure write_failure(const std::string& path, int error) {
    const std::string folder = folder_of(path);
    std::string remedy = "name another file";
    if (error == ENOENT || error == ENOTDIR) remedy = "make the folder: mkdir -p '" + folder + "'";
    if (error == EACCES || error == EPERM || error == EROFS)
        remedy = "name a file in a folder that you may write to; not so: " + folder;
    bool full = error == ENOSPC;
#if defined(EDQUOT)  // Windows has no such error
    full = full || error == EDQUOT;
#endif
    if (full) remedy = "make room on the disk that holds " + folder;
    if (error == EISDIR) remedy = "that is a folder; name a file in it";
    return {"report not written to " + path + ": " + std::strerror(error), remedy};
}

#if JOULERY_POSIX()
/// 0, or the errno of the first thing that failed. Closes `fd`.
inline int write_and_close(int fd, std::string_view bytes) noexcept {
    int error = 0;
    while (!bytes.empty() && error == 0) {
        const ssize_t n = ::write(fd, bytes.data(), bytes.size());
        if (n >= 0) {
            bytes.remove_prefix(static_cast<std::size_t>(n));
        } else if (errno != EINTR) {
            error = errno;
        }
    }
    if (::close(fd) != 0 && error == 0) error = errno;
    return error;
}
#endif

}  // namespace detail

/// Replaces the file `path` by `bytes`: written beside it under a name of its own, then renamed,
/// so that a reader (a scraper, another rank) sees the old file or the new one. What is no regular
/// file (a pipe) is written to directly.
///
/// Fails: the reason names the file and what the system said; the old file stays as it was.
///
///     if (auto done = replace_file("run.json", text); !done) complain(done.error());
inline result<std::size_t> replace_file(const std::string& path, std::string_view bytes) {
#if JOULERY_POSIX()
    struct stat there {};
    const bool exists = ::stat(path.c_str(), &there) == 0;
    if (exists && S_ISDIR(there.st_mode)) return detail::write_failure(path, EISDIR);
    if (exists && !S_ISREG(there.st_mode)) {
        const int fd = ::open(path.c_str(), O_WRONLY | O_CLOEXEC);
        const int error = fd < 0 ? errno : detail::write_and_close(fd, bytes);
        if (error != 0) return detail::write_failure(path, error);
        return bytes.size();
    }
    static std::atomic<unsigned> count{0};
    const std::string temporary = path + ".tmp" + std::to_string(::getpid()) + "." +
                                  std::to_string(count.fetch_add(1, std::memory_order_relaxed));
    const int fd = ::open(temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode_t{0666});
    int error = fd < 0 ? errno : detail::write_and_close(fd, bytes);
    if (error == 0 && ::rename(temporary.c_str(), path.c_str()) != 0) error = errno;
    if (error == 0) return bytes.size();
    if (fd >= 0) ::unlink(temporary.c_str());
    return detail::write_failure(path, error);
#else
    std::FILE* file = std::fopen(path.c_str(), "wb");
    if (file == nullptr) return detail::write_failure(path, errno);
    const bool whole = std::fwrite(bytes.data(), 1, bytes.size(), file) == bytes.size();
    const int error = errno;
    if (std::fclose(file) != 0 || !whole) return detail::write_failure(path, error);
    return bytes.size();
#endif
}

}  // namespace v1
}  // namespace joulery
