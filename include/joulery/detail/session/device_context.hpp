// device_context.hpp - a device's scopes in one meter, opened and closed by marks.
// SPDX-License-Identifier: MIT
#pragma once

#include "joulery/backend.hpp"
#include "joulery/detail/core/list.hpp"
#include "joulery/detail/session/engine.hpp"
#include "joulery/detail/timing/path_table.hpp"
#include "joulery/detail/timing/scope_node.hpp"
#include "joulery/detail/timing/thread_context.hpp"

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <utility>

namespace joulery {
inline namespace v1 {
namespace detail {

/// The scopes of one device. All streams of the device share a tree, and each stream nests
/// separately. Work that overlaps on several streams shares the device's joules by time.
///
/// Thread: any; the marks of one stream arrive one after another.
class device_context {
 public:
    /// Null if no channel belongs to the device.
    static std::shared_ptr<device_context> make(engine& e, std::string_view channels) {
        list<bool> own;
        bool any = false;
        for (const auto& m : e.backends()) {
            for (const channel& c : m->reader.channels()) {
                const bool device = c.part == component::gpu || c.part == component::npu;
                own.push_back(device && c.id.compare(0, channels.size(), channels) == 0);
                any = any || own.back();
            }
        }
        return any ? std::make_shared<device_context>(e.add_tree(std::move(own))) : nullptr;
    }
    explicit device_context(std::shared_ptr<thread_context> tree) : tree_(std::move(tree)) {}
    device_context(const device_context&) = delete;
    device_context& operator=(const device_context&) = delete;
    ~device_context() { tree_->thread_ended.store(true, std::memory_order_release); }

    [[nodiscard]] bool is_in(const path_table& paths) const noexcept {
        return tree_->paths().get() == &paths && !tree_->is_dead();
    }

    /// A stream begins work that belongs to `owner`. Null: not measured.
    [[nodiscard]] scope_node* begin(std::size_t stream, path_record& owner) noexcept {
        if (!tree_->is_this_process()) return nullptr;  // a forked child may find it locked
        const std::lock_guard<std::mutex> lock(mutex_);
        scope_node* opened = nullptr;
        tree_->with_owner([&](engine& e) {
            scope_node*& innermost = innermost_[stream];
            scope_node& parent = innermost != nullptr ? *innermost : tree_->root;
            scope_node* n = tree_->joined_child_of_stream(parent, owner, row_name, stream,
                                                          e.edges_of_new_paths(*tree_));
            if (n == nullptr) return;
            const std::uint32_t flags = n->flags.load(std::memory_order_relaxed);
            if ((flags & edge_bits) != 0) e.edge(*n, flags);
            n->open(e.clock().now());
            opened = innermost = n;
        });
        return opened;
    }

    /// The stream has finished `n`, and also any work that began inside it and did not end.
    void end(std::size_t stream, scope_node& n) noexcept {
        if (!tree_->is_this_process()) return;
        const std::lock_guard<std::mutex> lock(mutex_);
        tree_->with_owner([&](engine& e) {
            if (!n.is_open()) return;
            const std::uint32_t flags = n.flags.load(std::memory_order_relaxed);
            if ((flags & edge_bits) != 0) e.edge(n, flags);
            const std::uint64_t now = e.clock().now();
            scope_node* inner = innermost_[stream];
            for (; inner != nullptr && inner != &n; inner = inner->parent) inner->close(now);
            n.close(now);
            innermost_[stream] = n.parent != &tree_->root ? n.parent : nullptr;
            if ((flags & edge_bits) != 0) e.reconsider_edges(n);
        });
    }

    /// Name of the row below a scope that holds the scope's work on the device.
    static constexpr std::string_view row_name = "device";

 private:
    const std::shared_ptr<thread_context> tree_;
    std::mutex mutex_;                              // its holder acts as the tree's owning thread
    std::map<std::size_t, scope_node*> innermost_;  // by stream
};

}  // namespace detail
}  // namespace v1
}  // namespace joulery
