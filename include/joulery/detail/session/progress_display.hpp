// progress_display.hpp - keeps one status line on a terminal while a run goes on.
// SPDX-License-Identifier: MIT
#pragma once

#include "joulery/detail/core/config.hpp"
#include "joulery/detail/core/environment_variable.hpp"
#include "joulery/detail/session/progress_line.hpp"
#include "joulery/detail/session/repeating_call.hpp"

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>

#if JOULERY_POSIX()
#include <poll.h>
#include <sys/ioctl.h>
#include <unistd.h>
#endif

namespace joulery {
inline namespace v1 {
namespace detail {

/// Draws the live line over itself from a thread of its own, four times a second, and clears it at
/// its end. The cursor goes back to the first column each time, so that what the program prints
/// begins there; `clear` takes the line away before. Nothing is written to what is no terminal, to
/// a dumb one, from the background, or while the terminal takes no output.
///
/// Thread: one owner. Cost: a glance at the figures and one write a drawing.
/// Fails:  never; where it can't draw it starts no thread.
///
///     progress_display display([&] { return meter.glance(); });
class progress_display {
 public:
    static constexpr std::chrono::milliseconds period{250};

    explicit progress_display(std::function<progress_figures()> glance, int fd = 2,
                              std::chrono::nanoseconds every = period)
        : glance_(std::move(glance)), fd_(fd) {
        if (is_terminal(fd)) drawing_ = std::make_unique<repeating_call>(every, [this] { draw(); });
    }
    progress_display(const progress_display&) = delete;
    progress_display& operator=(const progress_display&) = delete;
    ~progress_display() {
        drawing_.reset();
        clear();
    }

    /// Takes the line away until the next drawing. Any thread.
    void clear() {
        const std::lock_guard<std::mutex> lock(mutex_);
        if (is_drawn_) (void)put(clear_line);
        is_drawn_ = false;
    }

    [[nodiscard]] bool is_drawing() const noexcept { return drawing_ != nullptr; }

 private:
    static constexpr std::string_view clear_line = "\r\x1b[K";

    void draw() {
        if (!takes_output()) return;
        // The last column stays free: some terminals break the line there.
        const std::size_t room = columns();
        const std::string line = to_live_line(glance_(), room > 1 ? room - 1 : 1);
        const std::lock_guard<std::mutex> lock(mutex_);
        if (put("\r" + line + "\x1b[K\r")) is_drawn_ = true;
    }

#if JOULERY_POSIX()
    static bool is_terminal(int fd) noexcept {
        const char* kind = environment_variable("TERM");
        return ::isatty(fd) != 0 && kind != nullptr && *kind != '\0' &&
               std::string_view(kind) != "dumb";
    }
    // A terminal that was stopped (Ctrl-S) must not stop the end of the program.
    [[nodiscard]] bool takes_output() const noexcept {
        const ::pid_t front = ::tcgetpgrp(fd_);  // -1: not this process's controlling terminal
        if (front > 0 && front != ::getpgrp()) return false;
        ::pollfd p{fd_, POLLOUT, 0};
        return ::poll(&p, 1, 0) == 1 && (p.revents & POLLOUT) != 0;
    }
    [[nodiscard]] std::size_t columns() const noexcept {
        struct winsize size {};
        return ::ioctl(fd_, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : 80;
    }
    [[nodiscard]] bool put(std::string_view text) const noexcept {
        return takes_output() && ::write(fd_, text.data(), text.size()) >= 0;
    }
#else
    static bool is_terminal(int) noexcept { return false; }
    [[nodiscard]] static bool takes_output() noexcept { return false; }
    [[nodiscard]] static std::size_t columns() noexcept { return 80; }
    [[nodiscard]] static bool put(std::string_view) noexcept { return false; }
#endif

    std::function<progress_figures()> glance_;
    int fd_;
    std::mutex mutex_;  ///< drawing and clearing take turns
    bool is_drawn_ = false;
    std::unique_ptr<repeating_call> drawing_;
};

}  // namespace detail
}  // namespace v1
}  // namespace joulery
