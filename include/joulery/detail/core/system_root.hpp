// system_root.hpp - reads system files, of the real machine or of a fake one.
// SPDX-License-Identifier: MIT
#pragma once

#include "joulery/detail/core/concat.hpp"
#include "joulery/detail/core/config.hpp"
#include "joulery/detail/core/list.hpp"

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#if JOULERY_POSIX()
#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#endif

namespace joulery {
inline namespace v1 {

/// Parses an integer that is all of `text` except surrounding blanks. False if there is none, or if
/// it is negative, followed by anything else, or beyond 64 bits.
[[nodiscard]] inline bool parse_unsigned(std::string_view text, std::uint64_t& value) noexcept {
    const auto blank = [](char c) { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; };
    while (!text.empty() && blank(text.back())) text.remove_suffix(1);
    while (!text.empty() && blank(text.front())) text.remove_prefix(1);
    if (text.empty()) return false;
    std::uint64_t sum = 0;
    for (const char c : text) {
        if (c < '0' || c > '9') return false;
        const auto digit = static_cast<std::uint64_t>(c - '0');
        if (sum > (~std::uint64_t{0} - digit) / 10) return false;
        sum = sum * 10 + digit;
    }
    value = sum;
    return true;
}

/// Parses an integer that may be negative.
[[nodiscard]] inline bool parse_signed(std::string_view text, std::int64_t& value) noexcept {
    while (!text.empty() && (text.front() == ' ' || text.front() == '\t')) text.remove_prefix(1);
    const bool negative = !text.empty() && text.front() == '-';
    if (negative) {
        text.remove_prefix(1);
        if (text.empty() || text.front() < '0') return false;  // "- 17"
    }
    std::uint64_t size = 0;
    if (!parse_unsigned(text, size) || size > (std::uint64_t{1} << 62)) return false;
    value = negative ? -static_cast<std::int64_t>(size) : static_cast<std::int64_t>(size);
    return true;
}

/// A file that stays open and is read repeatedly from its start, as sysfs and procfs require.
///
/// Thread: one reader at a time. Cost: one pread per read. Fails: the errno is in `error()`.
class system_file {
 public:
    system_file() = default;
    explicit system_file(const std::string& path, bool writable = false) noexcept {
#if JOULERY_POSIX()
        do {
            fd_ = ::open(path.c_str(), (writable ? O_RDWR : O_RDONLY) | O_CLOEXEC);
        } while (fd_ < 0 && errno == EINTR);
        error_ = fd_ < 0 ? errno : 0;
#else
        (void)path, (void)writable;
        error_ = ENOSYS;
#endif
    }
    system_file(system_file&& other) noexcept
        : fd_(std::exchange(other.fd_, -1)), error_(other.error_) {}
    system_file& operator=(system_file&& other) noexcept {
        std::swap(fd_, other.fd_);
        std::swap(error_, other.error_);
        return *this;
    }
    ~system_file() {
#if JOULERY_POSIX()
        if (fd_ >= 0) ::close(fd_);
#endif
    }

    [[nodiscard]] bool is_open() const noexcept { return fd_ >= 0; }
    [[nodiscard]] int error() const noexcept { return error_; }
    [[nodiscard]] int descriptor() const noexcept { return fd_; }

    /// Reads up to `room` bytes from `offset`; returns the bytes read, or -1 and sets `error()`.
    std::ptrdiff_t read_at(char* into, std::size_t room, std::uint64_t offset = 0) noexcept {
#if JOULERY_POSIX()
        ::ssize_t n = 0;
        do {
            n = ::pread(fd_, into, room, static_cast<::off_t>(offset));
        } while (n < 0 && errno == EINTR);
        error_ = n < 0 ? errno : 0;
        return n;
#else
        (void)into, (void)room, (void)offset;
        error_ = ENOSYS;
        return -1;
#endif
    }

    /// Reads a number as sysfs shows it; false on an error or for anything else.
    bool read_unsigned(std::uint64_t& value) noexcept {
        char text[32];
        const std::ptrdiff_t n = read_at(text, sizeof text);
        if (n < 0) return false;
        if (!parse_unsigned({text, static_cast<std::size_t>(n)}, value)) {
            error_ = EINVAL;
            return false;
        }
        return true;
    }

 private:
    int fd_ = -1;
    int error_ = 0;
};

/// Where absolute paths start: "" on a real machine, otherwise a folder that contains a mounted or
/// fake one (`JOULERY_SYSROOT`). Libraries are loaded from below it only if a test says so in code:
/// an environment variable must not decide what code the process runs.
///
///     system_root fake{"/tmp/machine"};
///     fake.path("/proc/stat");            // "/tmp/machine/proc/stat"
class system_root {
 public:
    system_root() = default;
    explicit system_root(std::string prefix) : prefix_(std::move(prefix)) {}
    /// For tests: a fake machine whose libraries are loaded.
    [[nodiscard]] static system_root with_libraries(std::string prefix) {
        system_root root(std::move(prefix));
        root.has_libraries_ = true;
        return root;
    }

    [[nodiscard]] std::string path(std::string_view absolute) const {
        return concat({prefix_, absolute});
    }
    [[nodiscard]] const std::string& prefix() const noexcept { return prefix_; }
    [[nodiscard]] bool is_real() const noexcept { return prefix_.empty(); }
    [[nodiscard]] bool has_libraries() const noexcept { return has_libraries_; }

    [[nodiscard]] system_file open(std::string_view absolute) const {
        return system_file(path(absolute));
    }

    /// The file's text, at most `limit` bytes; empty if it can't be read.
    [[nodiscard]] std::string text(std::string_view absolute, std::size_t limit = 1 << 16) const {
        system_file file = open(absolute);
        std::string all;
        char block[4096];
        while (file.is_open() && all.size() < limit) {
            const std::ptrdiff_t n =
                file.read_at(block, std::min(sizeof block, limit - all.size()), all.size());
            if (n <= 0) break;
            all.append(block, static_cast<std::size_t>(n));
        }
        return all;
    }

    /// The file's first line without its line end.
    [[nodiscard]] std::string line(std::string_view absolute) const {
        std::string all = text(absolute, 4096);
        return all.substr(0, all.find_first_of("\r\n"));
    }

    [[nodiscard]] bool number(std::string_view absolute, std::uint64_t& value) const {
        return parse_unsigned(text(absolute, 64), value);
    }

    [[nodiscard]] bool exists(std::string_view absolute) const {
#if JOULERY_POSIX()
        struct ::stat s {};
        return ::stat(path(absolute).c_str(), &s) == 0;
#else
        (void)absolute;
        return false;
#endif
    }

    /// The names in a folder, sorted, without "." and ".."; `error` receives errno if it can't be
    /// read.
    [[nodiscard]] std::vector<std::string> list(std::string_view absolute,
                                                int* error = nullptr) const {
        std::vector<std::string> names;
#if JOULERY_POSIX()
        if (error != nullptr) *error = 0;
        ::DIR* folder = ::opendir(path(absolute).c_str());
        if (folder == nullptr) {
            if (error != nullptr) *error = errno;
            return names;
        }
        while (const auto* entry = (errno = 0, next_entry(folder))) {
            const std::string_view name = entry->d_name;
            if (name != "." && name != "..") names.emplace_back(name);
        }
        if (error != nullptr) *error = errno;
        ::closedir(folder);
        sort_stably(names, [](const std::string& a, const std::string& b) { return a < b; });
#else
        (void)absolute;
        if (error != nullptr) *error = ENOSYS;
#endif
        return names;
    }

 private:
#if JOULERY_POSIX()
    // On 32 bits the plain call stops at the first entry whose inode number or offset needs more.
#ifdef __USE_LARGEFILE64
    static const ::dirent64* next_entry(::DIR* folder) noexcept { return ::readdir64(folder); }
#else
    static const ::dirent* next_entry(::DIR* folder) noexcept { return ::readdir(folder); }
#endif
#endif

    std::string prefix_;
    bool has_libraries_ = false;
};

/// The system's message for an errno; the number if there is none.
[[nodiscard]] inline std::string error_text(int code) {
#if JOULERY_POSIX()
    char text[128] = "";
#if defined(__GLIBC__) && defined(_GNU_SOURCE)
    return ::strerror_r(code, text, sizeof text);
#else
    if (::strerror_r(code, text, sizeof text) == 0) return text;
#endif
#endif
    return concat({"error ", code});
}

}  // namespace v1
}  // namespace joulery
