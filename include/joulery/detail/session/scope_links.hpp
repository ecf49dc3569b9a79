// scope_links.hpp - what a handle holds, and where the tasks that work for its scope go.
// SPDX-License-Identifier: MIT
#pragma once

#include "joulery/detail/core/catch_bad_alloc.hpp"
#include "joulery/detail/session/engine.hpp"
#include "joulery/detail/session/scope_ends.hpp"
#include "joulery/detail/session/thread_contexts.hpp"
#include "joulery/detail/timing/library_section.hpp"
#include "joulery/detail/timing/path_table.hpp"
#include "joulery/detail/timing/scope_node.hpp"
#include "joulery/detail/timing/signal_context.hpp"
#include "joulery/detail/timing/thread_context.hpp"
#include "joulery/span.hpp"

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>
#include <utility>

namespace joulery {
inline namespace v1 {
namespace detail {

/// A scope or a span as its handles know it. It keeps the tree of the thread that made it, and so
/// the names of paths; the engine is asked for only where a thread is new to it. Threads that make
/// many links share nothing.
struct engine_link : scope_link {
    engine_link(std::shared_ptr<thread_context> made_in, path_record* of, bool of_a_span) noexcept
        : scope_link(of_a_span), origin(std::move(made_in)), path(of) {}
    const std::shared_ptr<thread_context> origin;  ///< keeps `path`
    path_record* const path;

    /// Null once the meter has gone. It counts a reference that all threads share.
    [[nodiscard]] std::shared_ptr<engine> owner() const noexcept {
        return origin->meter_engine.lock();
    }
};

inline scope_link* link_scope(scope_node* n) noexcept {
    std::unique_ptr<engine_link> made;
    (void)catch_bad_alloc([&] {
        auto& tree = static_cast<thread_context&>(*n->tree);
        tree.with_owner([&](engine&) {
            made = std::make_unique<engine_link>(tree.shared_from_this(), n->path, false);
        });
    });
    return made.release();
}

/// The calling thread's tree in the meter of a link, made if need be; null: it can have none.
inline thread_context* tree_of_this_thread(const engine_link& link) noexcept {
    const thread_context& origin = *link.origin;
    if (!origin.is_this_process()) return nullptr;
    thread_contexts* const trees = contexts_of_this_thread();
    if (trees == nullptr) return nullptr;
    if (thread_context* known = trees->find(origin.meter_id)) return known;
    const std::shared_ptr<engine> alive = link.owner();
    return alive != nullptr ? trees->tree_in(*alive, origin.meter_id) : nullptr;
}

inline task_place find_task(const scope_link& link, thread_cursor* into, const char* name,
                            std::size_t size) noexcept {
    const auto& owner = static_cast<const engine_link&>(link);
    const library_section inside;
    if (inside.is_nested()) return {};
    auto* tree = into != nullptr ? static_cast<thread_context*>(into) : tree_of_this_thread(owner);
    if (tree == nullptr || tree->is_dead() || tree->paths() != owner.origin->paths()) return {};
    const std::uintptr_t sp = stack_pointer();
    leave_ended_scopes(*tree, nullptr, 0);
    const std::string_view text = path_table::fitted({name, size});
    scope_node* found = tree->find_joined(*tree->current, owner.path, text);
    const auto change = [&](auto make) {
        if (signal_context::is_handler(sp)) return;
        (void)catch_bad_alloc([&] { tree->with_owner(make); });
    };
    if (found == nullptr)
        change([&](engine& e) {
            found =
                tree->joined_child(*tree->current, owner.path, text, e.edges_of_new_paths(*tree));
        });
    if (found != nullptr && found->is_open()) {  // another thread has yet to end it
        scope_node* const busy = std::exchange(found, nullptr);
        change([&](engine&) { found = tree->free_lane(*busy); });
    }
    if (found == nullptr) return {};
    return {found, found->state.load(std::memory_order_relaxed)};
}

/// What the library itself reads of a handle.
struct handle_access {
    [[nodiscard]] static const engine_link* link_of(const enabled::scope_handle& h) noexcept {
        return static_cast<const engine_link*>(h.link_);
    }
};

}  // namespace detail
}  // namespace v1
}  // namespace joulery
