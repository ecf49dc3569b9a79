// terminal_width.hpp - how many columns a terminal has.
// SPDX-License-Identifier: MIT
#pragma once

#include "joulery/detail/core/config.hpp"

#include <cstddef>

#if JOULERY_POSIX()
#include <sys/ioctl.h>
#include <unistd.h>
#endif

namespace joulery {
inline namespace v1 {
namespace detail {

/// The columns of the terminal that `descriptor` is; `otherwise` where it is none, or does not
/// know.
///
/// Cost: a system call. Fails: never.
[[nodiscard]] inline std::size_t terminal_width(int descriptor,
                                                std::size_t otherwise = 100) noexcept {
#if JOULERY_POSIX()
    struct winsize size {};
    if (::isatty(descriptor) != 0 && ::ioctl(descriptor, TIOCGWINSZ, &size) == 0 && size.ws_col > 0)
        return size.ws_col;
#else
    (void)descriptor;
#endif
    return otherwise;
}

}  // namespace detail
}  // namespace v1
}  // namespace joulery
