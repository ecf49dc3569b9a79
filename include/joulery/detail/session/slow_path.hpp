// slow_path.hpp - how scopes begin off the fast path: first visits, edge reads, irregular places.
// SPDX-License-Identifier: MIT
#pragma once

#include "joulery/detail/core/catch_bad_alloc.hpp"
#include "joulery/detail/session/engine.hpp"
#include "joulery/detail/session/scope_ends.hpp"
#include "joulery/detail/session/span_links.hpp"
#include "joulery/detail/session/thread_contexts.hpp"
#include "joulery/detail/timing/library_section.hpp"
#include "joulery/detail/timing/name_key.hpp"
#include "joulery/detail/timing/path_table.hpp"
#include "joulery/detail/timing/scope_edges.hpp"
#include "joulery/detail/timing/scope_node.hpp"
#include "joulery/detail/timing/signal_context.hpp"
#include "joulery/detail/timing/thread_context.hpp"

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <string_view>

namespace joulery {
inline namespace v1 {
namespace detail {

/// Opens a node; its edge reads come first, so that their cost lies outside the scope.
inline scope_node* open_node(scope_node& n, const void* holder) noexcept {
    thread_context& tree = tree_of(n);
    std::uint32_t flags = n.flags.load(std::memory_order_relaxed);
    if ((flags & out_of_order) != 0) {
        n.flags.fetch_and(~std::uint32_t{out_of_order}, std::memory_order_relaxed);
        flags &= ~std::uint32_t{out_of_order};
    }
    if ((flags & sampled) != 0 && n.until_timed != 0) {
        --n.until_timed;
        begin_untimed(tree, n, holder);
        return &n;
    }
    if ((flags & ~std::uint32_t{ends_elsewhere | sampled}) == 0) {
        begin_call(tree, n, holder);
        return &n;
    }
    bool opened = false;
    tree.with_owner([&](engine& e) {
        edge_energy read;
        if ((flags & edge_bits) != 0) (void)catch_bad_alloc([&] { read = e.edge(n, flags); });
        const std::uint64_t now = e.clock().now();
        if ((flags & (edge_bits | recorded)) != 0)
            (void)catch_bad_alloc([&] { tree.calls.enter(n, now, read); });
        n.holder.store(holder, std::memory_order_relaxed);
        n.sampling.note_begin(n.ticks_at(now));
        n.open(now);
        opened = true;
    });
    if (!opened) return nullptr;
    tree.go_into(n);
    return &n;
}

/// The parent of a new scope with that name: the innermost open scope. But scopes that are ended by
/// other threads don't nest in one another; if they overlap they are siblings.
inline scope_node& parent_for(thread_context& tree, std::string_view name) noexcept {
    scope_node* parent = tree.current;
    if (tree.ended_elsewhere.load(std::memory_order_relaxed) == 0) return *parent;
    for (scope_node* n = parent; n != &tree.root; n = n->parent)
        if ((n->flags.load(std::memory_order_relaxed) & ends_elsewhere) != 0 &&
            std::string_view(n->name, n->name_size) == name)
            parent = n->parent;
    return *parent;
}

/// Null without memory (signal handlers must not allocate), or if scopes nest too deeply.
inline scope_node* make_child(thread_context& tree, scope_node& parent, std::string_view name,
                              std::uintptr_t sp) noexcept {
    if (signal_context::is_handler(sp)) return nullptr;
    scope_node* made = nullptr;
    const bool had_memory = catch_bad_alloc([&] {
        tree.with_owner(
            [&](engine& e) { made = tree.child(parent, name, e.edges_of_new_paths(tree)); });
    });
    if (had_memory && made == nullptr) tree.too_deep.fetch_add(1, std::memory_order_relaxed);
    return made;
}

inline scope_node* find_lane(thread_context& tree, scope_node& n, std::uintptr_t sp) noexcept {
    if (signal_context::is_handler(sp)) return nullptr;
    scope_node* lane = nullptr;
    (void)catch_bad_alloc([&] { tree.with_owner([&](engine&) { lane = tree.free_lane(n); }); });
    return lane;
}

/// Caches where the next scope of that name is found.
inline void remember(thread_cursor& tree, scope_node& parent, scope_node& child) noexcept {
    parent.hint_of(child.key()) = &child;
    if (&parent == tree.current) *tree.next = &child;
}

template <bool SetsHint>
scope_node* enter_slowly(thread_cursor* cursor, const char* name, std::size_t size,
                         const void* holder, std::uintptr_t sp) noexcept {
    const library_section inside;
    if (inside.is_nested()) return nullptr;
    thread_context* const tree = living_tree(cursor);
    if (tree == nullptr) return nullptr;
    leave_ended_scopes(*tree, holder, sp);
    const std::string_view text = path_table::fitted({name, size});
    scope_node& parent = parent_for(*tree, text);
    scope_node* n = tree->find(parent, text);
    if (n == nullptr) n = make_child(*tree, parent, text, sp);
    if (n != nullptr && n->is_open()) n = find_lane(*tree, *n, sp);
    if (n == nullptr) return nullptr;
    if (SetsHint) remember(*tree, parent, *n);
    return open_node(*n, holder);
}

inline scope_node* enter_node(scope_node* n, const void* holder) noexcept {
    const library_section inside;
    return inside.is_nested() ? nullptr : open_node(*n, holder);
}

inline void name_items(scope_node* n, const char* name) noexcept {
    const library_section inside;
    if (inside.is_nested()) return;
    (void)catch_bad_alloc([&] { tree_of(*n).name_items(*n, name != nullptr ? name : "item"); });
}

inline void plan_items(scope_node* n, double total) noexcept {
    const library_section inside;
    if (inside.is_nested()) return;
    thread_context& tree = tree_of(*n);
    tree.with_owner([&](engine& e) {
        time_entered(tree, &e);
        (void)catch_bad_alloc([&] { tree.plans.set(*n, total, e.clock().now()); });
    });
}

inline const slow_path_table* install_slow_path() noexcept {
    static constexpr slow_path_table calls{
        open_default_tree, enter_slowly<false>, enter_slowly<true>, enter_node,     leave_slowly,
        leave_timed,       name_items,          plan_items,         link_scope,     unlink_scope,
        find_task,         leave_task,          begin_span,         add_span_items, end_span};
    slow_path.store(&calls, std::memory_order_release);
    return &calls;
}

}  // namespace detail
}  // namespace v1
}  // namespace joulery
