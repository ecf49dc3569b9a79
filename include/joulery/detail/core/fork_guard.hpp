// fork_guard.hpp - a forked child measures nothing until it says start() itself.
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

/// How many forks lie between the first process and this one. An engine remembers the number it was
/// made under; where they differ it belongs to the parent, its threads are not here, and its locks
/// may be held for ever.
JOULERY_EXPORT inline std::atomic<std::uint32_t> forks{0};
/// On a page that the kernel clears in every child, also in those that no handler hears of
/// (`_Fork`, `clone`): 0 in a new child. Null where there is no such page.
JOULERY_EXPORT inline std::atomic<std::atomic<std::uint32_t>*> cleared_by_fork{nullptr};

/// In the child: scopes are switched off and this thread forgets its tree.
inline void note_fork() noexcept {
    if (auto* word = cleared_by_fork.load(std::memory_order_acquire)) word->store(1);
    forks.fetch_add(1, std::memory_order_release);
    scopes_enabled.store(false, std::memory_order_relaxed);
    default_tree = nullptr;
}

[[nodiscard]] inline std::uint32_t fork_generation() noexcept {
    const auto* word = cleared_by_fork.load(std::memory_order_acquire);
    if (word != nullptr && word->load(std::memory_order_relaxed) == 0) note_fork();
    return forks.load(std::memory_order_acquire);
}

/// Registered once, with the first engine; after `fork` this comes before any of the program's own
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
