// tick_clock.hpp - the cheapest monotonic counter the processor has.
// SPDX-License-Identifier: MIT
#pragma once

#include "joulery/detail/core/config.hpp"

#include <cstdint>

#if JOULERY_X86_64()
#if defined(_MSC_VER) && !defined(__clang__)
#include <intrin.h>
#else
#include <cpuid.h>
#endif
#elif !JOULERY_ARM64()
#include <chrono>
#endif

namespace joulery {
inline namespace v1 {

/// Ticks of the processor's own clock: TSC on x86-64, CNTVCT on arm64, steady_clock elsewhere.
///
/// Units:  ticks of unknown length; `tick_time` (time_source.hpp) knows the seconds.
/// Thread: any; comparable between cores only if `tick_clock_is_invariant()`.
/// Cost:   one instruction, not serializing: a few dozen instructions may be reordered across it.
/// Fails:  never.
[[nodiscard]] JOULERY_INLINE std::uint64_t ticks_now() noexcept {
#if JOULERY_X86_64()
#if defined(_MSC_VER) && !defined(__clang__)
    return __rdtsc();
#else
    return __builtin_ia32_rdtsc();  // the intrinsic's header would cost half a second to parse
#endif
#elif JOULERY_ARM64()
    std::uint64_t ticks;
    asm volatile("mrs %0, cntvct_el0" : "=r"(ticks));
    return ticks;
#else
    return static_cast<std::uint64_t>(std::chrono::duration_cast<std::chrono::nanoseconds>(
                                          std::chrono::steady_clock::now().time_since_epoch())
                                          .count());
#endif
}

/// Whether `ticks_now()` runs at one rate on all cores and in all power states. x86: CPUID
/// 0x80000007 EDX bit 8 (Intel SDM vol. 3B 18.17.1; AMD APM vol. 3 E.4.7).
[[nodiscard]] inline bool tick_clock_is_invariant() noexcept {
#if JOULERY_X86_64() && !defined(_MSC_VER)
    unsigned a = 0, b = 0, c = 0, d = 0;
    if (__get_cpuid(0x80000007u, &a, &b, &c, &d) == 0) return false;
    return (d & (1u << 8)) != 0;
#else
    return true;
#endif
}

}  // namespace v1
}  // namespace joulery
