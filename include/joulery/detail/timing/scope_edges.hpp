// scope_edges.hpp - how a scope begins and ends: the hot path.
// SPDX-License-Identifier: MIT
#pragma once

#include "joulery/detail/core/config.hpp"
#include "joulery/detail/core/environment_variable.hpp"
#include "joulery/detail/timing/scope_node.hpp"
#include "joulery/detail/timing/thread_stack.hpp"
#include "joulery/detail/timing/tick_clock.hpp"

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <string_view>

namespace joulery {
inline namespace v1 {
namespace detail {

/// Whether a weak function has a body in this program.
template <class Function>
[[nodiscard]] bool is_linked(Function* f) noexcept {
    Function* const volatile known = f;  // the compiler would assume that it is not null
    return known != nullptr;
}

/// An instrumented library in a program without the implementation: silent, unless a report was
/// requested.
JOULERY_NOINLINE inline void say_once_that_nothing_measures() noexcept {
    static std::atomic<bool> said{false};
    if (said.exchange(true, std::memory_order_relaxed)) return;
    const char* wanted = environment_variable("JOULERY_REPORT");
    if (wanted != nullptr && *wanted != '\0')
        std::fputs(
            "joulery: JOULERY_REPORT is set, but nothing is measured: no file of this program "
            "defines JOULERY_IMPLEMENTATION before it includes <joulery/joulery.hpp>\n",
            stderr);
}

// The calling thread has no tree yet, or lost it. If a meter of the program's own came first, the
// slow path exists and the process-wide meter does not.
JOULERY_NOINLINE inline thread_cursor* open_tree() noexcept {
    if (inside_library) return nullptr;
    if (const slow_path_table* calls = slow_path.load(std::memory_order_acquire))
        if (thread_cursor* tree = calls->open_default()) return tree;
#if defined(__GNUC__) && !defined(_WIN32)
    if (is_linked(&first_tree)) return first_tree();
    say_once_that_nothing_measures();
#endif
    return nullptr;
}

/// This thread's tree in the process-wide meter; null: scopes do nothing.
[[nodiscard]] JOULERY_INLINE thread_cursor* process_tree() noexcept {
    if (JOULERY_UNLIKELY(!scopes_enabled.load(std::memory_order_relaxed))) return nullptr;
    thread_cursor* tree = default_tree;
    return JOULERY_UNLIKELY(tree == nullptr) ? open_tree() : tree;
}

/// Whether the scope object that opened `n` is gone without having ended (`longjmp`), now that a
/// scope begins at `holder`: it was at the same address, or lies below the stack in use. Until the
/// stack's end is known `stack_low` is 0, and every object below is suspect.
[[nodiscard]] JOULERY_INLINE bool is_abandoned(const scope_node& n, const thread_cursor& tree,
                                               const void* holder, std::uintptr_t sp) noexcept {
    const auto before = reinterpret_cast<std::uintptr_t>(n.holder.load(std::memory_order_relaxed));
    // The usual case: the object of an enclosing scope has a higher address.
    if (before > reinterpret_cast<std::uintptr_t>(holder)) return false;
    return before == reinterpret_cast<std::uintptr_t>(holder) ||
           (before < sp && before >= tree.stack_low);
}

JOULERY_INLINE void begin_call(thread_cursor& tree, scope_node& n, const void* holder) noexcept {
    const std::uint64_t now = ticks_now();
    tree.current = &n;
    n.holder.store(holder, std::memory_order_relaxed);
    n.open(now);
}

/// A call that is counted but not timed: the enclosing scope stays the innermost open one.
JOULERY_INLINE void begin_untimed(thread_cursor& tree, scope_node& n, const void* holder) noexcept {
    tree.current = &n;
    n.holder.store(holder, std::memory_order_relaxed);
}

/// The child with that key, if another one was expected; `nobody`: no hint knows it.
[[nodiscard]] JOULERY_NOINLINE inline scope_node* hinted_child(scope_node& parent,
                                                               std::uint64_t key) noexcept {
    scope_node* const child = parent.hint_of(key);
    if (child == nullptr || child->key != key) return &scope_node::nobody;
    if (parent.last_child != &scope_node::nobody) parent.last_child->follower = child;
    return child;
}

/// Opens a scope found earlier by the key of its name; most follow the same sibling as last time.
/// Null: it is not measured.
template <class Text>
[[nodiscard]] JOULERY_INLINE scope_node* enter_by_key(thread_cursor* tree, std::uint64_t key,
                                                      const void* holder, Text text) noexcept {
    scope_node* const parent = tree->current;
    scope_node* node = parent->expected;
    if (JOULERY_UNLIKELY(node->key != key)) node = hinted_child(*parent, key);
    const std::uint32_t flags = node->flags.load(std::memory_order_relaxed);
    const bool is_gone = is_abandoned(*parent, *tree, holder, stack_pointer());
    if (!JOULERY_UNLIKELY(flags != 0 || is_gone)) {
        begin_call(*tree, *node, holder);
    } else if ((flags & ~std::uint32_t{sampled}) != 0 || is_gone) {
        return slow_path.load(std::memory_order_acquire)
            ->enter_text(tree, text().data(), text().size(), holder, stack_pointer());
    } else if (--node->until_timed != 0) {
        begin_untimed(*tree, *node, holder);
    } else {
        begin_call(*tree, *node, holder);
    }
    parent->last_child = node;
    parent->expected = node->follower;
    return node;
}
[[nodiscard]] JOULERY_INLINE scope_node* enter_text(thread_cursor* tree, const char* text,
                                                    std::size_t size, std::uint64_t key,
                                                    const void* holder) noexcept {
    return enter_by_key(tree, key, holder, [=] { return std::string_view(text, size); });
}
/// Named by an array; for a literal the compiler computes the key. Without a tree nothing is
/// measured.
template <std::size_t N>
[[nodiscard]] JOULERY_INLINE scope_node* enter(thread_cursor* tree, const char (&name)[N],
                                               const void* holder) noexcept {
    if (tree == nullptr) return nullptr;
    if (JOULERY_UNLIKELY(name[N - 1] != '\0'))
        return slow_path.load(std::memory_order_acquire)
            ->enter_text(tree, name, N, holder, stack_pointer());
    return enter_by_key(tree, name_key::of(name), holder,
                        [&name] { return std::string_view(name, N - 1); });
}
[[nodiscard]] JOULERY_INLINE scope_node* enter(thread_cursor* tree, std::string_view name,
                                               const void* holder) noexcept {
    if (tree == nullptr) return nullptr;
    return slow_path.load(std::memory_order_acquire)
        ->enter(tree, name.data(), name.size(), holder, stack_pointer());
}
[[nodiscard]] JOULERY_INLINE scope_node* enter(scope_node* found, const void* holder) noexcept {
    return found == nullptr ? nullptr
                            : slow_path.load(std::memory_order_acquire)->enter_node(found, holder);
}

/// Closes a scope: the fast way on its own thread and if it is the innermost, else the slow way.
JOULERY_INLINE void leave(scope_node* node, const void* holder) noexcept {
    thread_cursor* const tree = node->tree;
    const std::uint32_t flags = node->flags.load(std::memory_order_relaxed);
    // The thread is compared first: another thread must not read `current`.
    if (JOULERY_UNLIKELY(tree->thread != &default_tree || tree->current != node ||
                         (flags & ~std::uint32_t{sampled}) != 0)) {
        slow_path.load(std::memory_order_acquire)->leave(node, holder, stack_pointer());
        return;
    }
    if (JOULERY_UNLIKELY(flags != 0)) {
        if (node->is_open()) {
            slow_path.load(std::memory_order_acquire)->leave_timed(node, ticks_now());
            return;
        }
        node->count_call();
    } else {
        node->close(ticks_now());
    }
    tree->current = node->parent;
}

}  // namespace detail
}  // namespace v1
}  // namespace joulery
