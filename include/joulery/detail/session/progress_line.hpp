// progress_line.hpp - one line on a terminal that shows the state of a run.
// SPDX-License-Identifier: MIT
#pragma once

#include "joulery/detail/core/config.hpp"
#include "joulery/detail/core/environment_variable.hpp"
#include "joulery/detail/core/finite.hpp"
#include "joulery/detail/core/unit_text.hpp"
#include "joulery/detail/core/utf8.hpp"
#include "joulery/detail/report/figures.hpp"
#include "joulery/detail/session/repeating_call.hpp"
#include "joulery/quality.hpp"
#include "joulery/units.hpp"

#include <algorithm>
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

/// Progress of a scope with a known number of items.
struct progress_state {
    std::string path;       ///< "train/epoch"; "" if no scope has a total
    std::string item_name;  ///< "sample"
    double done = 0;        ///< items so far
    double total = 0;       ///< items at its end
    seconds time{0};        ///< since the total was stated
    energy per_item;        ///< not-a-number if unknown so far
    emissions co2e_per_item;
};

/// A run at one moment, as the progress line shows it.
struct progress_figures {
    seconds time{0};  ///< since the start
    power now;        ///< not-a-number if unknown so far
    energy total;     ///< so far
    emissions co2e;   ///< of `total`
    quality provenance = quality::measured;
    progress_state progress;
};

namespace detail {

inline std::string progress_text(const progress_figures& f) {
    const progress_state& p = f.progress;
    const auto marked = [&](const std::string& text) {
        return with_quality_prefix(text, f.provenance);
    };
    const double part = p.done / p.total;
    const double share = is_positive(part) ? std::min(part, 1.0) : 0.0;
    std::string out = std::to_string(static_cast<int>(100 * share)) + " %";
    if (is_positive(p.per_item.joules()))
        out += " of " + marked(to_text(p.per_item * p.total)) + ", " +
               marked(to_text(p.co2e_per_item * p.total));
    const double rate = p.done / p.time.count();
    const double left = std::max(p.total - p.done, 0.0);
    if (is_positive(rate) && left > 0) out += ", " + to_text(seconds(left / rate)) + " left";
    return out + " (" + escape_control(p.path) + ")";
}

}  // namespace detail

/// The line: for a scope with a total (see `scope::set_total`) its progress, its cost at the end
/// and the time left; then present power, joules and CO2e so far, and run time. Estimates begin
/// with "~". What does not fit is dropped from the end.
///
/// Cost: a few strings. Fails: never; unknown figures are "n/a", and names can't move the cursor.
///
///     to_live_line(f, 80);   // "40 % of 615 J, 80 mg CO2e, 24 s left (train)  142 W  1.84 kJ"
[[nodiscard]] inline std::string to_live_line(const progress_figures& f, std::size_t columns) {
    std::string line;
    if (!f.progress.path.empty() && f.progress.total > 0) line = detail::progress_text(f);
    for (const std::string& text : {to_text(f.now), to_text(f.total), to_text(f.co2e)}) {
        const std::string marked = with_quality_prefix(text, f.provenance);
        if (!line.empty() && display_width(line) + 2 + display_width(marked) > columns) break;
        line += (line.empty() ? "" : "  ") + marked;
    }
    const std::string time = to_text(f.time);
    if (display_width(line) + 2 + time.size() <= columns) line += "  " + time;
    return shortened(line, columns);
}

namespace detail {

/// Redraws the progress line four times a second from its own thread, and clears it at the end. The
/// cursor returns to the first column each time, so the program's output begins there; `clear`
/// removes the line first. Nothing is written to anything but a terminal, to a dumb terminal, from
/// the background, or while the terminal does not accept output.
///
/// Thread: one owner. Cost: a look at the figures and one write per drawing.
/// Fails:  never; if it can't draw it starts no thread.
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

    /// Removes the line until the next drawing. Any thread.
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
        // The last column stays free, because some terminals wrap the line there.
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
    // A stopped terminal (Ctrl-S) must not keep the program from ending.
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
    std::mutex mutex_;  ///< held while drawing and clearing
    bool is_drawn_ = false;
    std::unique_ptr<repeating_call> drawing_;
};

}  // namespace detail
}  // namespace v1
}  // namespace joulery
