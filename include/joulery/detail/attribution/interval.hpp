// interval.hpp - which scopes of a tree were open between two reads, and how long.
// SPDX-License-Identifier: MIT
#pragma once

#include "joulery/detail/timing/path_table.hpp"
#include "joulery/detail/timing/scope_node.hpp"
#include "joulery/detail/timing/thread_context.hpp"

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace joulery {
inline namespace v1 {
namespace detail {

/// A node's part in an interval, in ticks.
struct open_time {
    scope_node* node;
    double ticks;     ///< open, children included
    double children;  ///< of it, in children
    [[nodiscard]] double own() const noexcept { return ticks - children; }
};

/// The nodes of a tree that were open since they were last looked at. Filled anew for each
/// interval; its room is kept.
class interval {
 public:
    explicit interval(std::size_t source) : source_(source) {}

    /// Looks at all nodes of a tree as of `now`, which is `length` ticks after the last look.
    void measure(thread_context& tree, std::uint64_t now, double length) {
        now_ = now;
        length_ = length;
        nodes_.clear();
        tree.nodes().for_each_backwards([this](scope_node& n) { look_at(n); });
        add_up();
        std::reverse(nodes_.begin(), nodes_.end());
        // A node read a moment after `now` may show a little more than the interval.
        whole_ = std::max(top_, length_);
    }
    void clear() noexcept { nodes_.clear(); }

    [[nodiscard]] const std::vector<open_time>& nodes() const noexcept { return nodes_; }
    [[nodiscard]] std::uint64_t now() const noexcept { return now_; }
    [[nodiscard]] double length() const noexcept { return length_; }
    /// The share of the interval that `ticks` of its nodes are.
    [[nodiscard]] double share(double ticks) const noexcept { return ticks / whole_; }
    /// The share in which no scope was open.
    [[nodiscard]] double idle() const noexcept { return std::max(1 - top_ / whole_, 0.0); }

    /// The innermost path that was open all the while; null: none.
    [[nodiscard]] path_record* container() const noexcept {
        path_record* path = nullptr;
        for (const open_time& t : nodes_)
            if (share(t.ticks) >= 1 - least_share) path = t.node->path;
        return path;
    }
    /// How many paths (and no scope, as one) had time of their own.
    [[nodiscard]] std::size_t parts() const noexcept {
        std::size_t n = idle() > least_share ? 1u : 0u;
        for (const open_time& t : nodes_) n += share(t.own()) > least_share ? 1u : 0u;
        return n;
    }
    /// Who was open longest without an open child; null: no scope.
    [[nodiscard]] path_record* busiest() const noexcept {
        path_record* path = nullptr;
        double longest = idle() * whole_;
        for (const open_time& t : nodes_) {
            if (t.own() <= longest) continue;
            longest = t.own();
            path = t.node->path;
        }
        return path;
    }

    /// Less of an interval than this is rounding.
    static constexpr double least_share = 1e-9;

 private:
    void look_at(scope_node& n) {
        source_mark& mark = n.marks[source_];
        const std::uint64_t state = n.state.load(std::memory_order_acquire);
        const std::uint64_t ticks = scope_node::ticks_in(state, now_);
        if ((state & scope_node::open_bit) == 0 && ticks == mark.seen) return;
        const auto grown = static_cast<std::int64_t>(ticks - mark.seen);
        if (grown > 0) mark.seen = ticks;
        mark.place = static_cast<std::uint32_t>(nodes_.size());
        nodes_.push_back({&n, grown > 0 ? static_cast<double>(grown) : 0.0, 0});
    }

    // Children come first: what each was open is part of the nearest scope around it that was, too.
    // That is its parent, but where an enclosing scope ended before it.
    void add_up() {
        top_ = 0;
        for (open_time& t : nodes_) {
            t.ticks = std::max(t.ticks, t.children);
            open_time* around = nullptr;
            for (scope_node* p = t.node->parent; p->parent != nullptr && around == nullptr;
                 p = p->parent)
                around = find(*p);
            (around != nullptr ? around->children : top_) += t.ticks;
        }
    }
    open_time* find(const scope_node& n) noexcept {
        const std::size_t place = n.marks[source_].place;
        return place < nodes_.size() && nodes_[place].node == &n ? &nodes_[place] : nullptr;
    }

    const std::size_t source_;
    std::uint64_t now_ = 0;
    double length_ = 0;
    double top_ = 0;                ///< ticks in scopes at the top
    double whole_ = 1;              ///< ticks that make up the interval
    std::vector<open_time> nodes_;  ///< parents first
};

}  // namespace detail
}  // namespace v1
}  // namespace joulery
