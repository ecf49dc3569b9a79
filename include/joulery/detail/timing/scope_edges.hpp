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
    thread_cursor* const tree = default_tree;
    return JOULERY_UNLIKELY(!tree->is_a_tree()) ? open_tree() : tree;
}

/// Whether the scope object that opened `n` is gone without having ended (`longjmp`), now that a
/// scope begins at `holder`: it was at the same address, or lies below the stack in use. Until the
/// stack's end is known `stack_low` is 0, and every object below is suspect.
[[nodiscard]] JOULERY_INLINE bool is_abandoned(const scope_node& n, const thread_cursor& tree,
                                               const void* holder, std::uintptr_t sp) noexcept {
    const auto before = reinterpret_cast<std::uintptr_t>(n.holder.load(std::memory_order_relaxed));
    const auto here = reinterpret_cast<std::uintptr_t>(holder);
    // Usually not: the object of an enclosing scope has a higher address.
    if (JOULERY_UNLIKELY(before <= here))
        return before == here || (before < sp && before >= tree.stack_low);
    return false;
}

JOULERY_INLINE void begin_call(thread_cursor& tree, scope_node& n, const void* holder) noexcept {
    const std::uint64_t now = ticks_now();
    tree.go_into(n);
    n.holder.store(holder, std::memory_order_relaxed);
    n.open(now);
}

/// A call that is counted but not timed: the enclosing scope stays the innermost open one.
JOULERY_INLINE void begin_untimed(thread_cursor& tree, scope_node& n, const void* holder) noexcept {
    tree.go_into(n);
    n.holder.store(holder, std::memory_order_relaxed);
}

// An untimed call costs mainly branches. So several conditions share one, and the usual case comes
// first.

/// Opens `n` if it is the scope in question, a child of the innermost one, and nothing asks for a
/// slow path. Null: it is not open.
[[nodiscard]] JOULERY_INLINE scope_node* enter_if_ready(thread_cursor& tree, scope_node& n,
                                                        std::uint64_t key, const void* holder,
                                                        std::uintptr_t sp) noexcept {
    const scope_node& parent = *tree.current;
    const std::uint32_t flags = n.flags.load(std::memory_order_relaxed);
    if (JOULERY_UNLIKELY(((n.place ^ parent.place_of(key)) | (flags & ~std::uint32_t{sampled})) !=
                         0))
        return nullptr;
    if (JOULERY_UNLIKELY(is_abandoned(parent, tree, holder, sp))) return nullptr;
    if (JOULERY_UNLIKELY(--n.until_timed < 0)) {
        n.until_timed = 0;
        begin_call(tree, n, holder);
    } else {
        begin_untimed(tree, n, holder);
    }
    return &n;
}

// Holders are not const here: GCC takes a scope that is const, whose constructor passes itself on,
// for something that is read before it is initialized.

/// Opens a scope that was not expected here, perhaps the first of its thread, and expects it next
/// time. Null: it is not measured.
[[nodiscard]] JOULERY_NOINLINE inline scope_node* enter_another(thread_cursor* tree,
                                                                std::string_view text,
                                                                std::uint64_t key, void* holder,
                                                                std::uintptr_t sp) noexcept {
    if (!tree->is_a_tree() && (tree = open_tree()) == nullptr) return nullptr;
    scope_node** const place = tree->next;
    scope_node* const known = tree->current->hint_of(key);
    if (known != nullptr && enter_if_ready(*tree, *known, key, holder, sp) != nullptr)
        return *place = known;
    return slow_path.load(std::memory_order_acquire)
        ->enter_text(tree, text.data(), text.size(), holder, sp);
}

/// A text with its key.
struct keyed_text {
    std::string_view characters;
    std::uint64_t number;
    [[nodiscard]] JOULERY_INLINE std::string_view text() const noexcept { return characters; }
    [[nodiscard]] JOULERY_INLINE std::uint64_t key() const noexcept { return number; }
};
/// For a literal the compiler computes the key. An array without a NUL is all of its characters.
template <std::size_t N>
[[nodiscard]] JOULERY_INLINE keyed_text keyed(const char (&name)[N]) noexcept {
    if (JOULERY_UNLIKELY(name[N - 1] != '\0')) return {{name, N}, name_key::of(name, N)};
    return {{name, N - 1}, name_key::of(name)};
}

/// Opens a scope whose name knows its key; most scopes follow the same one as last time. Null: it
/// is not measured.
template <class Name>
[[nodiscard]] JOULERY_INLINE scope_node* enter_in(thread_cursor& tree, const Name& name,
                                                  void* holder) noexcept {
    if (scope_node* n = enter_if_ready(tree, **tree.next, name.key(), holder, stack_pointer()))
        return n;
    return enter_another(&tree, name.text(), name.key(), holder, stack_pointer());
}
/// The same in a meter of the program's own; null: nothing can be measured.
template <class Name>
[[nodiscard]] JOULERY_INLINE scope_node* enter(thread_cursor* tree, const Name& name,
                                               void* holder) noexcept {
    return tree == nullptr ? nullptr : enter_in(*tree, name, holder);
}
/// The same in the process-wide meter.
template <class Name>
[[nodiscard]] JOULERY_INLINE scope_node* enter_default(const Name& name, void* holder) noexcept {
    if (JOULERY_UNLIKELY(!scopes_enabled.load(std::memory_order_relaxed))) return nullptr;
    return enter_in(*default_tree, name, holder);
}
/// Opens a scope whose name is looked up by content.
[[nodiscard]] JOULERY_INLINE scope_node* enter_by_text(thread_cursor* tree, std::string_view name,
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
    thread_cursor* tree = default_tree;
    bool is_innermost = tree->current == node;
    if (JOULERY_UNLIKELY(!is_innermost)) {
        tree = node->tree;  // another meter's; if it is another thread's, `current` can't be read
        is_innermost = tree->thread == &default_tree && tree->current == node;
    }
    const std::uint32_t flags = node->flags.load(std::memory_order_relaxed);
    if (JOULERY_UNLIKELY(!is_innermost || (flags & ~std::uint32_t{sampled}) != 0)) {
        slow_path.load(std::memory_order_acquire)->leave(node, holder, stack_pointer());
        return;
    }
    if (JOULERY_UNLIKELY(node->is_open())) {
        const std::uint64_t now = ticks_now();
        if (JOULERY_UNLIKELY(flags != 0)) {
            slow_path.load(std::memory_order_acquire)->leave_timed(node, now);
            return;
        }
        node->close(now);
    } else {
        node->count_call();
    }
    tree->go_past(*node);
}

}  // namespace detail
}  // namespace v1
}  // namespace joulery
