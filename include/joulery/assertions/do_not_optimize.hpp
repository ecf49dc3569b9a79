// do_not_optimize.hpp - a value that the compiler must believe to be used.
// SPDX-License-Identifier: MIT
#pragma once

#include "joulery/detail/core/config.hpp"

#include <type_traits>

namespace joulery {
inline namespace v1 {
namespace testing {

/// Keeps the computation of `value`, and stores to memory before it, in the program.
///
/// Cost: none, or a store of the value. Thread: any.
///
///     for (int i = 0; i < n; ++i) do_not_optimize(net.infer(x));
template <class T>
JOULERY_INLINE void do_not_optimize(const T& value) noexcept {
#if defined(__GNUC__) || defined(__clang__)
    asm volatile("" : : "g"(&value) : "memory");
#else
    static const volatile void* volatile seen;
    seen = &value;
#endif
}

namespace detail {

/// Calls `fn` and uses what it returns, if anything.
template <class Callable>
JOULERY_INLINE void call_and_use(Callable& fn) {
    if constexpr (std::is_void_v<decltype(fn())>) {
        fn();
#if defined(__GNUC__) || defined(__clang__)
        asm volatile("" : : : "memory");
#endif
    } else {
        do_not_optimize(fn());
    }
}

}  // namespace detail

}  // namespace testing
}  // namespace v1
}  // namespace joulery
