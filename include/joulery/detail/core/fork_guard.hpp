// fork_guard.hpp - a forked child measures nothing until it says start() itself.
// SPDX-License-Identifier: MIT
#pragma once

#include "joulery/detail/core/config.hpp"
#include "joulery/detail/timing/scope_node.hpp"

#include <atomic>
#include <cstdint>

#if JOULERY_POSIX()
#include <pthread.h>
#endif

namespace joulery {
inline namespace v1 {
namespace detail {

/// How many forks lie between the first process and this one. An engine remembers the number it was
/// made under; where they differ it belongs to the parent, its threads are not here, and its locks
/// may be held for ever.
JOULERY_EXPORT inline std::atomic<std::uint32_t> forks{0};

[[nodiscard]] inline std::uint32_t fork_generation() noexcept {
    return forks.load(std::memory_order_acquire);
}

/// In the child: scopes are switched off and this thread forgets its tree, before any of the
/// program's own code runs. Registered once, with the first engine.
inline void watch_for_forks() noexcept {
#if JOULERY_POSIX()
    static const int registered = ::pthread_atfork(nullptr, nullptr, [] {
        forks.fetch_add(1, std::memory_order_release);
        scopes_enabled.store(false, std::memory_order_relaxed);
        default_tree = nullptr;
    });
    (void)registered;
#endif
}

}  // namespace detail
}  // namespace v1
}  // namespace joulery
