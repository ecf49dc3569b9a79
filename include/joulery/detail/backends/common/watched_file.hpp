// watched_file.hpp - a driver's file that may leave and come back.
// SPDX-License-Identifier: MIT
#pragma once

#include "joulery/detail/core/system_root.hpp"

#include <cerrno>
#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>

namespace joulery {
inline namespace v1 {

/// A file held open and read from its start. After a read that failed it is opened again: the
/// descriptor of a file whose driver unloaded never reads again, even when the file returns.
///
/// Thread: one reader at a time. Cost: one pread; an open on top after a failure.
/// Fails:  `vanished()` tells a file that is no longer there from one that did not answer.
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
    /// Whether the last read failed because the file is not there.
    [[nodiscard]] bool vanished() const noexcept { return vanished_; }
    /// errno of the last read that failed; 0: it read nothing.
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
    /// The bytes read, or -1.
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

}  // namespace v1
}  // namespace joulery
