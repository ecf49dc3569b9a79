// joulery/core/attempt.hpp - what may run out of memory, without ending the program.
// Layer 0. SPDX-License-Identifier: MIT
#pragma once

#include "joulery/core/config.hpp"
#include "joulery/core/uncancelled.hpp"

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
bool attempt(Work work) noexcept {
    const uncancelled whole;
    JOULERY_TRY {
        work();
        return true;
    }
    JOULERY_CATCH_ALL { return false; }
}

}  // namespace detail
}  // namespace v1
}  // namespace joulery
