// signal_context.hpp - whether the calling thread is in a signal handler.
// SPDX-License-Identifier: MIT
#pragma once

#include "joulery/detail/core/config.hpp"
#include "joulery/detail/timing/thread_stack.hpp"

#include <cstddef>
#include <cstdint>

#if JOULERY_LINUX()
#include <signal.h>
#include <sys/auxv.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <unistd.h>
#endif

namespace joulery {
inline namespace v1 {
namespace detail {

/// Recognizes a handler by the return address that the kernel puts on the stack for it. Checked
/// before memory is allocated, which a handler must not do because it may have interrupted the
/// allocator.
///
/// Thread: any, in handlers too: only system calls. Cost: two system calls; a handled signal that
/// is blocked costs a few more. Fails: returns false on unknown systems, and in a handler that
/// leaves its own signal unblocked (SA_NODEFER).
///
///     if (signal_context::is_handler(stack_pointer())) return nullptr;
class signal_context {
 public:
    /// `sp`: a stack pointer of the caller.
    [[nodiscard]] static bool is_handler(std::uintptr_t sp) noexcept {
#if JOULERY_LINUX() && (JOULERY_X86_64() || JOULERY_ARM64())
        ::stack_t other{};
        if (::sigaltstack(nullptr, &other) == 0 && (other.ss_flags & SS_ONSTACK) != 0) return true;
        ::sigset_t blocked;
        if (::pthread_sigmask(SIG_BLOCK, nullptr, &blocked) != 0) return false;
        for (int signal = 1; signal < 65; ++signal) {
            const std::uintptr_t address =
                ::sigismember(&blocked, signal) == 1 ? return_address(signal) : 0;
            if (address != 0) return is_on_stack(address, sp);
        }
#endif
        (void)sp;
        return false;
    }

 private:
#if JOULERY_LINUX() && (JOULERY_X86_64() || JOULERY_ARM64())
    // The kernel's layout; the C library's own struct hides the restorer.
    struct kernel_action {
        std::uintptr_t handler;
        unsigned long flags;
        std::uintptr_t restorer;
        std::uint64_t mask;
    };
    static constexpr unsigned long has_restorer = 0x04000000;

    // The return address of that signal's handler, usually the same for all handlers of a process.
    // 0: there is none.
    static std::uintptr_t return_address(int signal) noexcept {
        kernel_action action{};
        if (::syscall(SYS_rt_sigaction, signal, nullptr, &action, sizeof action.mask) != 0)
            return 0;
        if (action.handler <= 1) return 0;  // default, ignored
        if ((action.flags & has_restorer) != 0) return action.restorer;
        return ::getauxval(AT_SYSINFO_EHDR);  // inside the kernel's vDSO
    }
    static constexpr std::uintptr_t size_of_vdso = 8192;

    // Searches the stack that a handler may have used. The kernel does the reading, because the
    // stack may end earlier.
    static bool is_on_stack(std::uintptr_t address, std::uintptr_t sp) noexcept {
        constexpr std::size_t size = 64 * 1024;
        const bool is_vdso = address == ::getauxval(AT_SYSINFO_EHDR);
        std::uintptr_t words[512];
        const std::uintptr_t begin = sp & ~std::uintptr_t{sizeof words - 1};
        for (std::uintptr_t from = begin; from < begin + size; from += sizeof words) {
            ::iovec into{words, sizeof words};
            ::iovec source{reinterpret_cast<void*>(from), sizeof words};
            const ::ssize_t got = ::process_vm_readv(::getpid(), &into, 1, &source, 1, 0);
            if (got != static_cast<::ssize_t>(sizeof words)) return false;
            for (std::size_t i = from < sp ? (sp - from) / sizeof *words : 0; i < 512; ++i)
                if (is_vdso ? words[i] - address < size_of_vdso : words[i] == address) return true;
        }
        return false;
    }
#endif
};

}  // namespace detail
}  // namespace v1
}  // namespace joulery
