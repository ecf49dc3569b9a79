// node_watch.hpp - which scopes of a thread may have changed since somebody looked last.
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

/// A set of small numbers, 64 a word.
class bit_set {
 public:
    void resize(std::size_t numbers) { words_.resize((numbers + 63) / 64); }
    void clear(std::size_t numbers) { words_.assign((numbers + 63) / 64, 0); }
    void add(std::size_t i) noexcept { words_[i / 64] |= std::uint64_t{1} << (i % 64); }
    void remove(std::size_t i) noexcept { words_[i / 64] &= ~(std::uint64_t{1} << (i % 64)); }
    [[nodiscard]] bool has(std::size_t i) const noexcept {
        return (words_[i / 64] >> (i % 64)) & 1;
    }

    /// Visits all, the largest first, and removes each once `visit` has returned. What that adds
    /// below the number that it is called with is visited, too.
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

/// Remembers a tree from look to look, so that parts in which nothing has happened are left out.
///
/// A closed node can't change unless the node around it is opened first. So what lies inside a node
/// that was closed at the last look, and has not changed since, is not touched. Nodes at the top
/// are always looked at, unless their thread has not run since. The hot path does nothing for it.
///
/// Thread: one looks, while another one makes and opens nodes. Cost: some 30 bytes a node; a look
///         costs two loads a node from memory of its own, and a load from each node that it
///         touches.
/// Fails:  throws where there is no memory for new nodes; the next look then makes up for it.
///
///     node_watch watch;
///     watch.meet(tree.nodes());
///     watch.look(false, tree.ran(), [&](scope_node& n, std::size_t) { return n.is_open(); });
class node_watch {
 public:
    static constexpr std::uint32_t at_top = ~std::uint32_t{0};

    /// Takes in the nodes that were made since.
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
    /// the last made first; `visit(node, index)` tells whether it found the node open. `all`:
    /// scopes may end in any order, and nothing is left out. `ran`: processor time of the thread,
    /// asked before; negative: not known. Returns how many nodes it has touched.
    template <class Visit>
    std::size_t look(bool all, double ran, Visit visit) {
        const double before = std::exchange(ran_, -1.0);  // known again when this has been whole
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

    /// How many nodes it has met, each known by its index.
    [[nodiscard]] std::size_t size() const noexcept { return nodes_.size(); }
    [[nodiscard]] scope_node& node(std::size_t i) const noexcept { return *nodes_[i]; }
    /// Index of the node around a node that was opened, or `at_top`.
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
    static constexpr std::size_t ahead = 16;  // nodes; a walk over many waits for memory
    struct moment {
        std::uint64_t state = 0, calls = 0;
    };

    // Parents come before their children, so that what is seen of a parent is older than what is
    // seen of a child: who opens both in between is seen by the parent the next time.
    bool may_have_changed(std::size_t i, bool all) noexcept {
        const bool is_new = parents_[i] == not_known;
        if (is_new && !was_ever_opened(*nodes_[i])) return false;
        const std::uint32_t up = parent(i);
        const bool due = all || is_new || up == at_top || stirred_.has(up) || open_.has(i);
        // In a call that is not timed scopes inside may begin and end, and it does not show.
        if (due && has_children_.has(i) && (differs(i) || nodes_[i]->is_sampled()))
            stirred_.add(i);
        else
            stirred_.remove(i);
        return due;
    }
    // Until then only its atomics may be read: its thread may still be at work on it.
    static bool was_ever_opened(const scope_node& n) noexcept {
        return n.state.load(std::memory_order_acquire) != 0 ||
               n.calls.load(std::memory_order_acquire) != 0;
    }
    // Whether a node is open, or has been since this was asked last: of one that has others inside,
    // before these are looked at.
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
    list<std::uint32_t> parents_;  ///< likewise
    list<moment> last_;            ///< likewise, as it was when `differs` looked
    bit_set due_, open_, has_children_, stirred_;
    double ran_ = -1;  ///< s, processor time of the thread when the last look began
};

}  // namespace detail
}  // namespace v1
}  // namespace joulery
