// fork_guard.hpp - a forked child measures nothing until it calls start().
// SPDX-License-Identifier: MIT
#pragma once

#include "joulery/detail/core/config.hpp"
#include "joulery/detail/timing/scope_node.hpp"

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <new>

#if JOULERY_POSIX()
#include <pthread.h>
#endif
#if JOULERY_LINUX()
#include <sys/mman.h>
#endif

namespace joulery {
inline namespace v1 {
namespace detail {

/// Number of forks between the first process and this one. An engine remembers the number it was
/// created under. If they differ, the engine belongs to the parent: its threads do not exist here,
/// and its locks may be held forever.
JOULERY_EXPORT inline std::atomic<std::uint32_t> forks{0};
/// On a page that the kernel clears in every child, even one made without fork handlers (`_Fork`,
/// `clone`): 0 in a new child. Null if the system has no such pages.
JOULERY_EXPORT inline std::atomic<std::atomic<std::uint32_t>*> cleared_by_fork{nullptr};

/// In the child: switches scopes off and makes this thread forget its tree.
inline void note_fork() noexcept {
    if (auto* word = cleared_by_fork.load(std::memory_order_acquire)) word->store(1);
    forks.fetch_add(1, std::memory_order_release);
    scopes_enabled.store(false, std::memory_order_relaxed);
    default_tree = &no_tree;
}

[[nodiscard]] inline std::uint32_t fork_generation() noexcept {
    const auto* word = cleared_by_fork.load(std::memory_order_acquire);
    if (word != nullptr && word->load(std::memory_order_relaxed) == 0) note_fork();
    return forks.load(std::memory_order_acquire);
}

/// Registered once, with the first engine; it runs after `fork` before any of the program's own
/// code.
inline void watch_for_forks() noexcept {
#if JOULERY_POSIX()
    static const int registered = ::pthread_atfork(nullptr, nullptr, [] {
        if (cleared_by_fork.load() == nullptr) note_fork();
        (void)fork_generation();
    });
    (void)registered;
#endif
#if JOULERY_LINUX() && defined(MADV_WIPEONFORK)
    static void* const page = [] {
        constexpr std::size_t size = 4096;
        void* const made =
            ::mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
        if (made == MAP_FAILED) return static_cast<void*>(nullptr);
        if (::madvise(made, size, MADV_WIPEONFORK) != 0) return static_cast<void*>(nullptr);
        auto* const word = new (made) std::atomic<std::uint32_t>(1);
        cleared_by_fork.store(word, std::memory_order_release);
        return made;
    }();
    (void)page;
#endif
}

}  // namespace detail
}  // namespace v1
}  // namespace joulery
