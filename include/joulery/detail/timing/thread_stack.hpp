// thread_stack.hpp - which part of the calling thread's stack is in use.
// SPDX-License-Identifier: MIT
#pragma once

#include "joulery/detail/core/config.hpp"

#include <cstdint>

#if JOULERY_POSIX()
#include <pthread.h>
#endif
#if JOULERY_LINUX()
#include <sys/syscall.h>
#include <unistd.h>
#endif

namespace joulery {
inline namespace v1 {
namespace detail {

/// The stack pointer: objects on the calling thread's stack below it are gone; 0 if it can't be
/// read. (Leaf functions may use some bytes below it, but functions with scopes are not leaves.)
[[nodiscard]] JOULERY_INLINE std::uintptr_t stack_pointer() noexcept {
    std::uintptr_t pointer = 0;
#if JOULERY_X86_64() && defined(__GNUC__) && !defined(__ILP32__)
    asm volatile("mov %%rsp, %0" : "=r"(pointer));
#elif JOULERY_ARM64() && defined(__GNUC__) && !defined(__ILP32__)
    asm volatile("mov %0, sp" : "=r"(pointer));
#endif
    return pointer;
}

/// The calling thread's stack as allocated by the system; empty if unknown.
struct stack_range {
    std::uintptr_t low = ~std::uintptr_t{0};
    std::uintptr_t high = ~std::uintptr_t{0};

    [[nodiscard]] bool contains(std::uintptr_t address) const noexcept {
        return address >= low && address < high;
    }
    [[nodiscard]] bool contains(const void* object) const noexcept {
        return contains(reinterpret_cast<std::uintptr_t>(object));
    }

    /// Cost: on Linux's first thread it reads a file, tens of microseconds. Fails: empty.
    [[nodiscard]] static stack_range of_this_thread() noexcept {
        stack_range found;
#if JOULERY_LINUX()
        ::pthread_attr_t attributes;
        if (::pthread_getattr_np(::pthread_self(), &attributes) != 0) return found;
        void* low = nullptr;
        std::size_t size = 0;
        if (::pthread_attr_getstack(&attributes, &low, &size) == 0) {
            found.low = reinterpret_cast<std::uintptr_t>(low);
            found.high = found.low + size;
        }
        ::pthread_attr_destroy(&attributes);
#elif defined(__APPLE__)
        found.high = reinterpret_cast<std::uintptr_t>(::pthread_get_stackaddr_np(::pthread_self()));
        found.low = found.high - ::pthread_get_stacksize_np(::pthread_self());
#endif
        return found;
    }
};

/// Whether `main` runs on the calling thread; true if unknown.
[[nodiscard]] inline bool is_main_thread() noexcept {
#if JOULERY_LINUX()
    return ::syscall(SYS_gettid) == ::getpid();
#elif defined(__APPLE__)
    return ::pthread_main_np() != 0;
#else
    return true;
#endif
}

}  // namespace detail
}  // namespace v1
}  // namespace joulery
