// catch_bad_alloc.hpp - runs code that may run out of memory, without ending the program.
// SPDX-License-Identifier: MIT
#pragma once

#include "joulery/detail/core/config.hpp"

#if JOULERY_POSIX() && !defined(__ANDROID__)
#include <pthread.h>
#endif

namespace joulery {
inline namespace v1 {
namespace detail {

/// While it exists, the calling thread is not canceled: that would unwind it through functions
/// that are noexcept, which ends the program. Requests during that time stay pending.
///
/// Thread: the one that created it. Cost: some nanoseconds. Fails: never.
///
///     const cancellation_guard whole;
///     backend.read(values);   // open() and read() are where threads are canceled
class cancellation_guard {
 public:
#if JOULERY_POSIX() && !defined(__ANDROID__)
    cancellation_guard() noexcept { ::pthread_setcancelstate(PTHREAD_CANCEL_DISABLE, &before_); }
    ~cancellation_guard() { ::pthread_setcancelstate(before_, nullptr); }

 private:
    int before_ = PTHREAD_CANCEL_ENABLE;
#else
    cancellation_guard() noexcept {}  // threads can't be canceled here
#endif

 public:
    cancellation_guard(const cancellation_guard&) = delete;
    cancellation_guard& operator=(const cancellation_guard&) = delete;
};

/// Calls `work()`; returns false if it threw, which means that memory ran out. The work stays
/// undone: a scope is not measured, a sample comes later. Without exceptions the program ends, as
/// `new` does there. The thread is not canceled during the call, because cancellation unwinds it,
/// too, and must not be caught.
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
