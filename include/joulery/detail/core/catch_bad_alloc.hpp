// catch_bad_alloc.hpp - what may run out of memory, without ending the program.
// SPDX-License-Identifier: MIT
#pragma once

#include "joulery/detail/core/config.hpp"

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
///     const cancellation_guard whole;
///     backend.read(values);   // open() and read() are where threads are cancelled
class cancellation_guard {
 public:
#if JOULERY_POSIX() && !defined(__ANDROID__)
    cancellation_guard() noexcept { ::pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &before_); }
    ~cancellation_guard() { ::pthread_setcancelstate(before_, nullptr); }

 private:
    int before_ = PTHREAD_CANCEL_ENABLE;
#else
    cancellation_guard() noexcept {}  // no thread is cancelled here
#endif

 public:
    cancellation_guard(const cancellation_guard&) = delete;
    cancellation_guard& operator=(const cancellation_guard&) = delete;
};

/// Calls `work()`; false where it threw, which here is memory that ran out. It is left at that
/// point: a scope is not measured, a sample comes later. Without exceptions it ends the program, as
/// `new` does there. The thread is not cancelled meanwhile: that unwinds it, too, and must not be
/// caught.
///
/// Thread: any. Cost: some nanoseconds. Fails: never.
///
///     if (!catch_bad_alloc([&] { made = &nodes.add(); })) return nullptr;
template <class Work>
bool catch_bad_alloc(Work work) noexcept {
    const cancellation_guard whole;
    JOULERY_TRY {
        work();
        return true;
    }
    JOULERY_CATCH_ALL { return false; }
}

}  // namespace detail
}  // namespace v1
}  // namespace joulery
