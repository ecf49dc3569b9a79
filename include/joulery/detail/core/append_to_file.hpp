// append_to_file.hpp - a line at the end of a file that somebody follows.
// SPDX-License-Identifier: MIT
#pragma once

#include "joulery/detail/core/config.hpp"
#include "joulery/detail/core/descriptor.hpp"

#include <cerrno>
#include <cstdio>
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

/// Appends a whole line, in one write as a rule, so that who follows the file reads lines. Where a
/// writer died in the middle of one, a line of its own begins. 0, or errno.
///
/// Thread: one a file. Cost: opens the file each time, so that it may be rotated. A pipe is waited
/// for two seconds at most.
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
