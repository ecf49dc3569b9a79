// node_watch.hpp - which scopes of a thread may have changed since the last look.
// SPDX-License-Identifier: MIT
#pragma once

#include "joulery/detail/core/config.hpp"
#include "joulery/detail/core/list.hpp"
#include "joulery/detail/timing/node_arena.hpp"
#include "joulery/detail/timing/scope_node.hpp"

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

namespace joulery {
inline namespace v1 {
namespace detail {

/// A set of small numbers, 64 per word.
class bit_set {
 public:
    void resize(std::size_t numbers) { words_.resize((numbers + 63) / 64); }
    void clear(std::size_t numbers) { words_.assign((numbers + 63) / 64, 0); }
    void add(std::size_t i) noexcept { words_[i / 64] |= std::uint64_t{1} << (i % 64); }
    void remove(std::size_t i) noexcept { words_[i / 64] &= ~(std::uint64_t{1} << (i % 64)); }
    [[nodiscard]] bool has(std::size_t i) const noexcept {
        return (words_[i / 64] >> (i % 64)) & 1;
    }

    /// Visits all numbers, the largest first, and removes each once `visit` has returned. Numbers
    /// that `visit` adds below its argument are visited, too.
    template <class Visit>
    void take_backwards(Visit visit) {
        for (std::size_t w = words_.size(); w-- > 0;)
            while (words_[w] != 0) {
                const std::size_t i = w * 64 + highest_bit(words_[w]);
                visit(i);
                remove(i);
            }
    }

 private:
    static std::size_t highest_bit(std::uint64_t word) noexcept {
        std::size_t bit = 0;
        for (std::size_t half = 32; half > 0; half /= 2)
            if ((word >> half) != 0) {
                word >>= half;
                bit += half;
            }
        return bit;
    }
    std::vector<std::uint64_t> words_;
};

/// Remembers a tree between looks, so that parts in which nothing happened are skipped.
///
/// A closed node can't change unless its parent is opened first. So nodes inside a parent that was
/// closed at the last look and has not changed since are not touched. Nodes at the top are always
/// visited, unless their thread has not run since. The hot path does nothing for this.
///
/// Thread: one looks, while another one makes and opens nodes. Cost: about 30 bytes per node; a
///         look costs two loads per node from its own memory, and a load from each node that it
///         touches.
/// Fails:  throws without memory for new nodes; the next look catches up.
///
///     node_watch watch;
///     watch.meet(tree.nodes());
///     watch.look(false, tree.ran(), [&](scope_node& n, std::size_t) { return n.is_open(); });
class node_watch {
 public:
    static constexpr std::uint32_t at_top = ~std::uint32_t{0};

    /// Adds the nodes that are new since the last call.
    void meet(const node_arena& nodes) {
        const std::size_t before = nodes_.size(), now = nodes.size();
        if (now == before) return;
        for (bit_set* set : {&due_, &open_, &has_children_, &stirred_}) set->resize(now);
        parents_.resize(now, not_known);
        last_.resize(now);
        nodes_.resize(now);
        nodes.for_each_backwards(
            [&](scope_node& n) {
                if (n.index < now) nodes_[n.index] = &n;
            },
            before);
    }

    /// Visits all nodes that have changed since the last look, those that are open and some others,
    /// the latest first; `visit(node, index)` returns whether the node is open. `all`: scopes may
    /// end in any order, so nothing is skipped. `ran`: the thread's processor time, taken before
    /// the call; negative: unknown. Returns the number of nodes touched.
    template <class Visit>
    std::size_t look(bool all, double ran, Visit visit) {
        const double before = std::exchange(ran_, -1.0);  // set again after a complete look
        std::size_t touched = 0;
        if (!all && ran >= 0 && ran == before) {
            due_ = open_;
        } else {
            for (std::size_t i = 0; i < nodes_.size(); ++i)
                if (may_have_changed(i, all)) due_.add(i);
        }
        due_.take_backwards([&](std::size_t i) {
            if (i >= ahead) JOULERY_PREFETCH(nodes_[i - ahead]);
            ++touched;
            const bool is_quiet = !has_children_.has(i) && !differs(i);
            !is_quiet&& visit(*nodes_[i], i) ? open_.add(i) : open_.remove(i);
        });
        ran_ = ran;
        return touched;
    }

    /// The number of nodes it knows, each by its index.
    [[nodiscard]] std::size_t size() const noexcept { return nodes_.size(); }
    [[nodiscard]] scope_node& node(std::size_t i) const noexcept { return *nodes_[i]; }
    /// Index of the parent of a node that was opened, or `at_top`.
    [[nodiscard]] std::uint32_t parent(std::size_t i) noexcept {
        if (parents_[i] == not_known) {
            const scope_node* up = nodes_[i]->parent;
            parents_[i] = up->parent == nullptr ? at_top : up->index;
            if (parents_[i] != at_top) has_children_.add(parents_[i]);
        }
        return parents_[i];
    }

 private:
    static constexpr std::uint32_t not_known = at_top - 1;
    static constexpr std::size_t ahead = 16;  // nodes to prefetch; long walks wait for memory
    struct moment {
        std::uint64_t state = 0, calls = 0;
    };

    // Parents are read before their children, so what is seen of a parent is older than what is
    // seen of a child. If both open in between, the parent shows it at the next look.
    bool may_have_changed(std::size_t i, bool all) noexcept {
        const bool is_new = parents_[i] == not_known;
        if (is_new && !was_ever_opened(*nodes_[i])) return false;
        const std::uint32_t up = parent(i);
        const bool due = all || is_new || up == at_top || stirred_.has(up) || open_.has(i);
        // During an untimed call scopes inside may begin and end without any visible change.
        if (due && has_children_.has(i) && (differs(i) || nodes_[i]->is_sampled()))
            stirred_.add(i);
        else
            stirred_.remove(i);
        return due;
    }
    // Until the first call only its atomics may be read: its thread may still be filling it in.
    static bool was_ever_opened(const scope_node& n) noexcept {
        return n.state.load(std::memory_order_acquire) != 0 ||
               n.calls.load(std::memory_order_acquire) != 0;
    }
    // Whether a node is open, or was opened since the last call. Ask a parent before its children.
    bool differs(std::size_t i) noexcept {
        const scope_node& n = *nodes_[i];
        moment now;
        now.state = n.state.load(std::memory_order_acquire);
        now.calls = n.calls.load(std::memory_order_acquire);
        const moment before = last_[i];
        last_[i] = now;
        return now.state != before.state || now.calls != before.calls ||
               (now.state & scope_node::open_bit) != 0;
    }

    list<scope_node*> nodes_;      ///< by index
    list<std::uint32_t> parents_;  ///< by index
    list<moment> last_;            ///< by index, as of the last call of `differs`
    bit_set due_, open_, has_children_, stirred_;
    double ran_ = -1;  ///< s, processor time of the thread when the last look began
};

}  // namespace detail
}  // namespace v1
}  // namespace joulery
