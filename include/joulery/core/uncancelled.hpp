// joulery/core/uncancelled.hpp - puts off pthread_cancel where it would end the program.
// Layer 0. SPDX-License-Identifier: MIT
#pragma once

#include "joulery/core/config.hpp"

#if JOULERY_POSIX() && !defined(__ANDROID__)
#include <pthread.h>
#endif

namespace joulery {
inline namespace v1 {
namespace detail {

/// While it lives, the calling thread is not cancelled: that would unwind it out of functions that
/// throw nothing, which ends the program. A request that comes meanwhile is kept.
///
/// Thread: the one that made it. Cost: some nanoseconds. Fails: never.
///
///     const uncancelled whole;
///     backend.read(values);   // open() and read() are where threads are cancelled
class uncancelled {
 public:
#if JOULERY_POSIX() && !defined(__ANDROID__)
    uncancelled() noexcept { ::pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &before_); }
    ~uncancelled() { ::pthread_setcancelstate(before_, nullptr); }

 private:
    int before_ = PTHREAD_CANCEL_ENABLE;
#else
    uncancelled() noexcept {}  // no thread is cancelled here
#endif

 public:
    uncancelled(const uncancelled&) = delete;
    uncancelled& operator=(const uncancelled&) = delete;
};

}  // namespace detail
}  // namespace v1
}  // namespace joulery
