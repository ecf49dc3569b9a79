// scope_links.hpp - what a scope_handle holds, and the nodes of the tasks that work for its scope.
// SPDX-License-Identifier: MIT
#pragma once

#include "joulery/detail/core/catch_bad_alloc.hpp"
#include "joulery/detail/session/engine.hpp"
#include "joulery/detail/session/scope_ends.hpp"
#include "joulery/detail/session/thread_contexts.hpp"
#include "joulery/detail/timing/path_table.hpp"
#include "joulery/detail/timing/scope_node.hpp"
#include "joulery/detail/timing/thread_context.hpp"
#include "joulery/span.hpp"

#include <cstddef>
#include <memory>
#include <string_view>

namespace joulery {
inline namespace v1 {
namespace detail {

/// A scope as its handles know it: its path, and the engine for as long as that lives.
struct engine_link : scope_link {
    std::weak_ptr<engine> owner;
    std::shared_ptr<path_table> paths;  ///< keeps `path`
    path_record* path = nullptr;
};

inline scope_link* link_scope(scope_node* n) noexcept {
    std::unique_ptr<engine_link> made;
    (void)catch_bad_alloc([&] {
        auto& tree = static_cast<thread_context&>(*n->tree);
        tree.with_owner([&](engine& e) {
            made = std::make_unique<engine_link>();
            made->owner = e.weak_from_this();
            made->paths = tree.paths();
            made->path = n->path;
        });
    });
    return made.release();
}

inline void unlink_scope(scope_link* link) noexcept { delete static_cast<engine_link*>(link); }

inline scope_node* find_linked(const scope_link& link, thread_cursor* into, const char* name,
                               std::size_t size) noexcept {
    const auto& owner = static_cast<const engine_link&>(link);
    scope_node* found = nullptr;
    (void)catch_bad_alloc([&] {
        const std::shared_ptr<engine> alive = owner.owner.lock();
        if (into == nullptr) {
            if (alive == nullptr || !alive->is_this_process() || alive->meter_id() == 0) return;
            thread_contexts* trees = contexts_of_this_thread();
            if (trees != nullptr) into = trees->tree_in(*alive, alive->meter_id());
        }
        auto* tree = static_cast<thread_context*>(into);
        if (tree == nullptr || tree->paths() != owner.paths) return;
        settle(*tree, nullptr, 0);
        tree->with_owner([&](engine& e) {
            found = tree->joined_child(*tree->current, *owner.path, {name, size}, 0,
                                       e.edges_of_new_paths(*tree));
        });
    });
    return found;
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
