// scope.hpp - marks a phase of a program; its energy is in the report.
// SPDX-License-Identifier: MIT
#pragma once

#include "joulery/detail/core/config.hpp"
#include "joulery/detail/timing/scope_node.hpp"
#include "joulery/detail/timing/tick_clock.hpp"

#include <cstddef>
#include <string_view>
#include <type_traits>

namespace joulery {
inline namespace v1 {

namespace detail {
/// Pointers to characters and buffers that may change; not literals.
template <class T, class Plain = std::remove_reference_t<T>>
inline constexpr bool is_c_string =
    (std::is_same_v<std::decay_t<T>, const char*> ||
     std::is_same_v<std::decay_t<T>, char*>)&&(std::is_pointer_v<Plain> ||
                                               !std::is_const_v<std::remove_extent_t<Plain>>);

[[nodiscard]] inline std::string_view view_of(const char* name) noexcept {
    return name != nullptr ? std::string_view(name) : std::string_view("(null)");
}

// The calling thread has no tree yet, or lost it. Where a meter of the program's own came first,
// the cold paths are there and the process-wide meter is not.
JOULERY_NOINLINE inline thread_cursor* open_tree() noexcept {
    if (const slow_path_table* calls = cold.load(std::memory_order_acquire))
        if (thread_cursor* tree = calls->open_default()) return tree;
#if defined(__GNUC__) && !defined(_WIN32)
    thread_cursor* (*const volatile first)() noexcept = &first_tree;  // null if nobody defines it
    return first != nullptr ? first() : nullptr;
#else
    return nullptr;
#endif
}
}  // namespace detail

class live_handle;
class disabled_handle;

/// A phase of the program: from here to the end of the enclosing block.
///
/// Units:  the report gives joules, grams of CO2e and seconds by path; paths nest with '/'.
/// Thread: belongs to the thread that made it; any number of threads at once.
/// Cost:   two reads of the tick counter and a few stores to the thread's own memory; no lock,
///         system call or allocation once a path was visited. A name that is no literal costs a
///         look-up more. A scope long enough to pay for it reads the counters at its edges.
/// Fails:  never; without a meter, after `stop()` and in a forked child it does nothing.
///
///     { joulery::scope s{"train/step"};
///       forward(); backward();
///       s.add_items(32, "sample"); }
class live_scope {
 public:
    /// A string literal or another array that lives as long as the program: the fast path.
    template <std::size_t N>
    explicit live_scope(const char (&literal)[N]) noexcept {
        open(detail::default_tree, literal);
    }
    /// Any other string; copied at its first visit, looked up by content.
    template <class Text, std::enable_if_t<detail::is_c_string<Text>, int> = 0>
    explicit live_scope(Text&& name) noexcept : live_scope(detail::view_of(name)) {}
    explicit live_scope(std::string_view name) noexcept { open(detail::default_tree, name); }

    /// In a meter of your own instead of the process-wide one.
    template <class Meter, std::size_t N>
    live_scope(Meter& meter, const char (&literal)[N]) noexcept {
        detail::thread_cursor* tree = meter.cursor_of_this_thread();
        if (tree != nullptr) enter(tree, literal);
    }
    template <class Meter, class Text, std::enable_if_t<detail::is_c_string<Text>, int> = 0>
    live_scope(Meter& meter, Text&& name) noexcept : live_scope(meter, detail::view_of(name)) {}
    template <class Meter>
    live_scope(Meter& meter, std::string_view name) noexcept {
        detail::thread_cursor* tree = meter.cursor_of_this_thread();
        if (tree != nullptr) enter(tree, name);
    }

    live_scope(const live_scope&) = delete;
    live_scope& operator=(const live_scope&) = delete;
    static void* operator new(std::size_t) = delete;
    static void* operator new[](std::size_t) = delete;

    ~live_scope() {
        detail::scope_node* node = node_;
        if (JOULERY_UNLIKELY(node == nullptr)) return;
        detail::thread_cursor* tree = node->tree;
        if (JOULERY_UNLIKELY(node->flags.load(std::memory_order_relaxed) != 0 ||
                             tree->current != node)) {
            detail::cold.load(std::memory_order_acquire)->leave(node);
            return;
        }
        node->close(ticks_now());
        tree->current = node->parent;
    }

    /// Adds functional units to this scope: the report gives joules per `item_name`. May be called
    /// any number of times; `item_name` should be a literal and the same throughout a path.
    void add_items(double count, const char* item_name = "item") noexcept {
        if (node_ == nullptr) return;
        node_->items.store(node_->items.load(std::memory_order_relaxed) + count,
                           std::memory_order_relaxed);
        if (JOULERY_UNLIKELY(node_->item_name.load(std::memory_order_relaxed) != item_name))
            detail::cold.load(std::memory_order_acquire)->name_items(node_, item_name);
    }

    /// How many items this scope will have in all by its end, counted from now on: the live line
    /// (`options.live`) then shows how far it is and what it will have cost. Not for hot paths: it
    /// takes a lock of the thread's own.
    void set_total(double count) noexcept {
        if (node_ != nullptr)
            detail::cold.load(std::memory_order_acquire)->plan_items(node_, count);
    }

    /// Whether this scope is being measured.
    [[nodiscard]] explicit operator bool() const noexcept { return node_ != nullptr; }

    /// With which other threads join this scope; include "joulery/task_scope.hpp".
    template <class Token = live_handle>
    [[nodiscard]] Token handle() const noexcept {
        return Token(node_);
    }

 protected:
    /// For scopes that find their place in another way. Null: does nothing.
    explicit live_scope(detail::scope_node* found) noexcept {
        if (found != nullptr) enter(found);
    }

 private:
    template <class Name>
    JOULERY_INLINE void open(detail::thread_cursor* tree, const Name& name) noexcept {
        if (JOULERY_UNLIKELY(!detail::scopes_enabled.load(std::memory_order_relaxed))) return;
        if (JOULERY_UNLIKELY(tree == nullptr)) {
            tree = detail::open_tree();
            if (tree == nullptr) return;
        }
        enter(tree, name);
    }

    template <std::size_t N>
    JOULERY_INLINE void enter(detail::thread_cursor* tree, const char (&literal)[N]) noexcept {
        detail::scope_node* parent = tree->current;
        const auto& hint = detail::scope_node::hint_of(*parent, literal);
        detail::scope_node* node = hint.child;
        if (JOULERY_UNLIKELY(hint.literal != literal)) {
            node = detail::cold.load(std::memory_order_acquire)
                       ->find_child(parent, literal, N - 1, true);
            if (node == nullptr) return;
        }
        enter(node);
    }
    void enter(detail::thread_cursor* tree, std::string_view name) noexcept {
        detail::scope_node* node = detail::cold.load(std::memory_order_acquire)
                                       ->find_child(tree->current, name.data(), name.size(), false);
        if (node != nullptr) enter(node);
    }
    JOULERY_INLINE void enter(detail::scope_node* node) noexcept {
        if (JOULERY_UNLIKELY(node->flags.load(std::memory_order_relaxed) != 0)) {
            node_ = detail::cold.load(std::memory_order_acquire)->enter(node);
            return;
        }
        node->tree->current = node;
        node_ = node;
        node->open(ticks_now());
    }

    detail::scope_node* node_ = nullptr;
};

/// What `scope` is under `JOULERY_DISABLE`: a type of its own with the same interface and no code,
/// so that files compiled with and without the switch mix in one program.
class disabled_scope {
 public:
    template <class Name>
    constexpr explicit disabled_scope(Name&&) noexcept {}
    template <class Meter, class Name>
    constexpr disabled_scope(Meter&, Name&&) noexcept {}
    disabled_scope(const disabled_scope&) = delete;
    disabled_scope& operator=(const disabled_scope&) = delete;
    static void* operator new(std::size_t) = delete;
    static void* operator new[](std::size_t) = delete;
    ~disabled_scope() {}  // user-provided, so that an unused one raises no warning
    constexpr void add_items(double, const char* = "item") const noexcept {}
    constexpr void set_total(double) const noexcept {}
    [[nodiscard]] constexpr explicit operator bool() const noexcept { return false; }
    template <class Token = disabled_handle>
    [[nodiscard]] constexpr Token handle() const noexcept {
        return Token(nullptr);
    }
};

#ifdef JOULERY_DISABLE
using scope = disabled_scope;
#else
using scope = live_scope;
#endif

}  // namespace v1
}  // namespace joulery
