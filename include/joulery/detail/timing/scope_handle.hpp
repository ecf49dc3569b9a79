// scope_handle.hpp - a scope's place, to be carried to other threads.
// SPDX-License-Identifier: MIT
#pragma once

#include "joulery/detail/core/config.hpp"
#include "joulery/detail/timing/scope_node.hpp"

#include <cstddef>
#include <memory>
#include <string_view>

namespace joulery {
inline namespace v1 {

namespace detail {
class engine;
class path_table;
}  // namespace detail

/// Stands for a scope: work on other threads joins it with a `task_scope`. A value; it may be
/// copied, and it outlives its scope and its meter (joining does nothing then).
///
/// Thread: any, once made. Cost: made in well under a microsecond; no lock is held afterwards.
/// Fails:  of a scope that is not measured it is empty, and so are the scopes that join it.
///
///     joulery::scope s{"request"};
///     pool.run([t = s.handle()] { joulery::task_scope in{t, "decode"};  decode(); });
class live_handle {
 public:
    live_handle() = default;
    JOULERY_DECL explicit live_handle(detail::scope_node* node);

    /// Whether there is a scope to join.
    [[nodiscard]] explicit operator bool() const noexcept { return path_ != nullptr; }

    /// For `task_scope`: the node of `name` in the calling thread's tree, or null.
    [[nodiscard]] JOULERY_DECL detail::scope_node* node_here(std::string_view name) const;
    /// The same in a given tree of the same meter.
    [[nodiscard]] JOULERY_DECL detail::scope_node* node_in(detail::thread_cursor* into,
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

/// What `scope_handle` is under `JOULERY_DISABLE`.
class disabled_handle {
 public:
    constexpr disabled_handle() noexcept = default;
    constexpr explicit disabled_handle(std::nullptr_t) noexcept {}
    [[nodiscard]] constexpr explicit operator bool() const noexcept { return false; }
};

#ifdef JOULERY_DISABLE
using scope_handle = disabled_handle;
#else
using scope_handle = live_handle;
#endif

}  // namespace v1
}  // namespace joulery

#ifdef JOULERY_IMPLEMENTATION

#include "joulery/detail/session/engine.hpp"
#include "joulery/detail/session/slow_path.hpp"
#include "joulery/detail/timing/path_table.hpp"
#include "joulery/detail/timing/thread_context.hpp"
#include "joulery/detail/timing/thread_contexts.hpp"

namespace joulery {
inline namespace v1 {

JOULERY_DECL live_handle::live_handle(detail::scope_node* node) {
    if (node == nullptr) return;
    detail::thread_context& tree = detail::tree_of(*node);
    tree.with_owner([&](detail::engine& e) {
        engine_ = e.weak_from_this();
        paths_ = tree.paths();
        path_ = node->path;
    });
}

JOULERY_DECL detail::scope_node* live_handle::node_here(std::string_view name) const {
    if (path_ == nullptr) return nullptr;
    const std::shared_ptr<detail::engine> e = engine_.lock();
    if (e == nullptr || !e->is_this_process() || e->meter_id() == 0) return nullptr;
    detail::thread_contexts* trees = detail::contexts_of_this_thread();
    return trees != nullptr ? node_in(trees->tree_in(*e, e->meter_id()), name) : nullptr;
}

JOULERY_DECL detail::scope_node* live_handle::node_in(detail::thread_cursor* into,
                                                      std::string_view name) const {
    auto* tree = static_cast<detail::thread_context*>(into);
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
