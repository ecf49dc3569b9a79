// slow_path.hpp - what scopes do off the fast path: first visits, edges, endings.
// SPDX-License-Identifier: MIT
#pragma once

#include "joulery/detail/core/catch_bad_alloc.hpp"
#include "joulery/detail/session/engine.hpp"
#include "joulery/detail/timing/scope_node.hpp"
#include "joulery/detail/timing/thread_context.hpp"

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

namespace joulery {
inline namespace v1 {
namespace detail {

inline thread_context& tree_of(scope_node& n) noexcept {
    return static_cast<thread_context&>(*n.tree);
}

/// How the process-wide meter gives the calling thread a tree; installed by process_meter.hpp.
JOULERY_EXPORT inline std::atomic<thread_cursor* (*)() noexcept> default_tree_opener{nullptr};

inline thread_cursor* open_default_tree() noexcept {
    const auto opener = default_tree_opener.load(std::memory_order_acquire);
    return opener != nullptr ? opener() : nullptr;
}

/// Finds or makes the child of `parent`; null where there is no memory for it. In a tree whose
/// meter has stopped the child is looked for at the top of the thread's new tree instead.
inline scope_node* find_child(scope_node* parent, const char* name, std::size_t size,
                              bool is_literal) noexcept {
    thread_context* tree = &tree_of(*parent);
    if (tree->is_dead()) {
        default_tree = nullptr;
        tree = static_cast<thread_context*>(open_default_tree());
        if (tree == nullptr) return nullptr;
        parent = tree->current;
    }
    scope_node* made = nullptr;
    const bool had_memory = catch_bad_alloc([&] {
        tree->with_owner([&](engine& e) {
            made = tree->child(*parent, {name, size}, is_literal ? name : nullptr,
                               e.edges_of_new_paths(*tree));
        });
    });
    if (!had_memory) return nullptr;
    if (made == nullptr) {
        tree->too_deep.fetch_add(1, std::memory_order_relaxed);
    } else if (is_literal) {
        scope_node::hint_of(*parent, name) = {name, made};
    }
    return made;
}

/// Opens a flagged node, its edge reads first, so that their cost lies outside of it.
inline scope_node* enter_flagged(scope_node* n) noexcept {
    thread_context* tree = &tree_of(*n);
    if (tree->is_dead()) {
        std::string name;  // a copy: the dead tree may go with its paths meanwhile
        if (!catch_bad_alloc([&] { name = n->path->name; })) return nullptr;
        n = find_child(n->parent, name.data(), name.size(), false);
        if (n == nullptr) return nullptr;
        tree = &tree_of(*n);
    }
    bool opened = false;
    tree->with_owner([&](engine& e) {
        const std::uint32_t flags = n->flags.load(std::memory_order_relaxed);
        if ((flags & edge_bits) != 0) (void)catch_bad_alloc([&] { e.edge(*n, flags); });
        const std::uint64_t now = e.clock().now();
        if ((flags & (edge_bits | recorded)) != 0)
            (void)catch_bad_alloc([&] { tree->calls.enter(*n, now); });
        n->open(now);
        opened = true;
    });
    if (!opened) return nullptr;
    tree->current = n;
    return n;
}

/// Closes a flagged node, or one that ends before a scope inside it.
inline void leave_flagged(scope_node* n) noexcept {
    thread_context& tree = tree_of(*n);
    if (tree.current != n) {
        for (scope_node* inner = tree.current; inner != nullptr && inner != n;
             inner = inner->parent)
            inner->flags.fetch_or(out_of_order, std::memory_order_relaxed);
    }
    bool closed = false;
    tree.with_owner([&](engine& e) {
        const std::uint32_t flags = n->flags.load(std::memory_order_relaxed);
        if ((flags & edge_bits) != 0) (void)catch_bad_alloc([&] { e.edge(*n, flags); });
        const std::uint64_t now = e.clock().now();
        if ((flags & (edge_bits | recorded)) != 0)
            (void)catch_bad_alloc([&] { tree.calls.leave(*n, now); });
        n->close(now);
        closed = true;
        if ((flags & edge_bits) != 0) e.reconsider_edges(*n);
    });
    if (!closed) n->close(ticks_now());  // nobody reads it any more
    n->flags.fetch_and(~std::uint32_t{out_of_order}, std::memory_order_relaxed);
    tree.current = nearest_open(tree.current);
}

inline void name_items(scope_node* n, const char* name) noexcept {
    (void)catch_bad_alloc([&] { tree_of(*n).name_items(*n, name != nullptr ? name : "item"); });
}

inline void plan_items(scope_node* n, double total) noexcept {
    thread_context& tree = tree_of(*n);
    tree.with_owner([&](engine& e) {
        (void)catch_bad_alloc([&] { tree.plans.set(*n, total, e.clock().now()); });
    });
}

inline const slow_path_table* install_slow_path() noexcept {
    static constexpr slow_path_table calls{open_default_tree, find_child, enter_flagged,
                                           leave_flagged,     name_items, plan_items};
    cold.store(&calls, std::memory_order_release);
    return &calls;
}

}  // namespace detail
}  // namespace v1
}  // namespace joulery
