// catch_bad_alloc.hpp - what may run out of memory, without ending the program.
// SPDX-License-Identifier: MIT
#pragma once

#include "joulery/detail/core/cancellation_guard.hpp"
#include "joulery/detail/core/config.hpp"

namespace joulery {
inline namespace v1 {
namespace detail {

/// Calls `work()`; false where it threw, which here is memory that ran out. It is left at that
/// point: a scope is not measured, a sample comes later. Without exceptions it ends the program, as
/// `new` does there. The thread is not cancelled meanwhile: that unwinds it, too, and must not be
/// caught.
///
/// Thread: any. Cost: some nanoseconds. Fails: never.
///
///     if (!attempt([&] { made = &nodes.add(); })) return nullptr;
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
