// joulery/engine/scope_token.hpp - a scope's place, to be carried to other threads.
// Layer 6. SPDX-License-Identifier: MIT
#pragma once

#include "joulery/core/config.hpp"
#include "joulery/engine/scope_node.hpp"

#include <cstddef>
#include <memory>
#include <string_view>

namespace joulery {
inline namespace v1 {

namespace detail {
class engine;
class path_table;
}  // namespace detail

/// Stands for a scope: work on other threads joins it with a `joined_scope`. A value; it may be
/// copied, and it outlives its scope and its meter (joining does nothing then).
///
/// Thread: any, once made. Cost: made in well under a microsecond; no lock is held afterwards.
/// Fails:  of a scope that is not measured it is empty, and so are the scopes that join it.
///
///     joulery::scope s{"request"};
///     pool.run([t = s.token()] { joulery::joined_scope in{t, "decode"};  decode(); });
class live_token {
 public:
    live_token() = default;
    JOULERY_DECL explicit live_token(detail::scope_node* node);

    /// Whether there is a scope to join.
    [[nodiscard]] explicit operator bool() const noexcept { return path_ != nullptr; }

    /// For `joined_scope`: the node of `name` in the calling thread's tree, or null.
    [[nodiscard]] JOULERY_DECL detail::scope_node* node_here(std::string_view name) const;
    /// The same in a given tree of the same meter.
    [[nodiscard]] JOULERY_DECL detail::scope_node* node_in(detail::thread_tree* into,
                                                           std::string_view name) const;

    /// For what carries on the scope's path elsewhere.
    [[nodiscard]] std::shared_ptr<detail::engine> machinery() const { return engine_.lock(); }
    [[nodiscard]] const std::shared_ptr<detail::path_table>& paths() const { return paths_; }
    [[nodiscard]] detail::path_record* path() const noexcept { return path_; }

 private:
    std::weak_ptr<detail::engine> engine_;
    std::shared_ptr<detail::path_table> paths_;  // keeps `path_`
    detail::path_record* path_ = nullptr;
};

/// What `scope_token` is under `JOULERY_DISABLE`.
class disabled_token {
 public:
    constexpr disabled_token() noexcept = default;
    constexpr explicit disabled_token(std::nullptr_t) noexcept {}
    [[nodiscard]] constexpr explicit operator bool() const noexcept { return false; }
};

#ifdef JOULERY_DISABLE
using scope_token = disabled_token;
#else
using scope_token = live_token;
#endif

}  // namespace v1
}  // namespace joulery

#if JOULERY_BODIES()

#include "joulery/engine/cold_paths.hpp"
#include "joulery/engine/engine.hpp"
#include "joulery/engine/owned_tree.hpp"
#include "joulery/engine/path_table.hpp"
#include "joulery/engine/thread_trees.hpp"

namespace joulery {
inline namespace v1 {

JOULERY_DECL live_token::live_token(detail::scope_node* node) {
    if (node == nullptr) return;
    detail::owned_tree& tree = detail::tree_of(*node);
    tree.with_owner([&](detail::engine& e) {
        engine_ = e.weak_from_this();
        paths_ = tree.paths();
        path_ = node->path;
    });
}

JOULERY_DECL detail::scope_node* live_token::node_here(std::string_view name) const {
    if (path_ == nullptr) return nullptr;
    const std::shared_ptr<detail::engine> e = engine_.lock();
    if (e == nullptr || !e->is_this_process() || e->meter_id() == 0) return nullptr;
    detail::thread_trees* trees = detail::trees_of_this_thread();
    return trees != nullptr ? node_in(trees->tree_in(*e, e->meter_id()), name) : nullptr;
}

JOULERY_DECL detail::scope_node* live_token::node_in(detail::thread_tree* into,
                                                     std::string_view name) const {
    auto* tree = static_cast<detail::owned_tree*>(into);
    if (tree == nullptr || tree->paths() != paths_) return nullptr;
    detail::scope_node* found = nullptr;
    tree->with_owner([&](detail::engine& e) {
        found = tree->joined_child(*tree->current, *path_, name, 0, e.edges_of_new_paths(*tree));
    });
    return found;
}

}  // namespace v1
}  // namespace joulery

#endif
