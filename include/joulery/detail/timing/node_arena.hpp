// node_arena.hpp - the nodes of a tree, side by side in memory.
// SPDX-License-Identifier: MIT
#pragma once

#include "joulery/detail/core/list.hpp"
#include "joulery/detail/timing/scope_node.hpp"

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <memory>
#include <utility>

namespace joulery {
inline namespace v1 {
namespace detail {

/// Nodes in order of creation, a parent before its children. They never move. They are contiguous,
/// so that a walk over thousands of quiet nodes runs at memory bandwidth rather than cache-miss
/// latency.
///
/// Thread: one adds while any may walk; a walk sees all nodes that existed when it began. It may
/// see one that is still being filled in: until the node's first call only its atomics may be read.
class node_arena {
 public:
    /// A new node; its index is the number of earlier nodes.
    scope_node& add() {
        block* into = blocks_.empty() ? nullptr : blocks_.back().get();
        std::size_t made = into != nullptr ? into->made.load(std::memory_order_relaxed) : 0;
        if (into == nullptr || made == into->size) {
            into = add_block();
            made = 0;
        }
        scope_node& n = into->nodes[made];
        n.index = static_cast<std::uint32_t>(made_.load(std::memory_order_relaxed));
        into->made.store(made + 1, std::memory_order_release);
        made_.store(n.index + 1, std::memory_order_release);
        return n;
    }

    /// The number of nodes.
    [[nodiscard]] std::size_t size() const noexcept {
        return made_.load(std::memory_order_acquire);
    }

    /// Visits the latest first, so that children are visited before parents and a child's time
    /// never exceeds its parent's. `from`: the smallest index to visit.
    template <class Visit>
    void for_each_backwards(Visit visit, std::size_t from = 0) const {
        for (block* b = last_.load(std::memory_order_acquire); b != nullptr; b = b->before)
            for (std::size_t i = b->made.load(std::memory_order_acquire); i-- > 0;) {
                if (b->nodes[i].index < from) return;
                visit(b->nodes[i]);
            }
    }

 private:
    struct block {
        block(std::size_t n, block* previous)
            : size(n), nodes(new scope_node[n]), before(previous) {}
        const std::size_t size;
        const std::unique_ptr<scope_node[]> nodes;
        block* const before;
        std::atomic<std::size_t> made{0};
    };

    block* add_block() {
        block* before = blocks_.empty() ? nullptr : blocks_.back().get();
        const std::size_t size =
            before == nullptr ? 4 : std::min<std::size_t>(before->size * 2, 64);
        blocks_.push_back(std::make_unique<block>(size, before));
        last_.store(blocks_.back().get(), std::memory_order_release);
        return blocks_.back().get();
    }

    std::atomic<std::size_t> made_{0};
    list<std::unique_ptr<block>> blocks_;
    std::atomic<block*> last_{nullptr};
};

}  // namespace detail
}  // namespace v1
}  // namespace joulery
