// joulery/engine/books.hpp - shares the energy between two reads out over the scopes that were open.
// Layer 6. SPDX-License-Identifier: MIT
//
// `close` runs at every read of a source: the energy since the last close is claimed by the nodes of
// a tree, each in proportion to the time it was open without an open child. `settle` runs when the
// sampler has closed all trees: claims that together exceed what the source counted are scaled down,
// and what nobody claimed is unscoped. So energy is conserved whatever the scopes do.
#pragma once

#include "joulery/engine/attribution.hpp"
#include "joulery/engine/energy_source.hpp"
#include "joulery/engine/owned_tree.hpp"
#include "joulery/engine/path_table.hpp"

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

namespace joulery {
inline namespace v1 {
namespace detail {

/// The books of one source. Belongs to the holder of the source's `accounts`.
class books {
 public:
    books(const energy_source& source, std::uint64_t now)
        : source_(source),
          settled_(source.channel_count()),
          settled_at_(now),
          unscoped_(source.channel_count()) {
        for (const channel& c : source.channels())
            quanta_.push_back(c.quantum > 0 ? c.quantum : c.joules_per_count);
    }

    /// Joules of each channel that no scope was open for, as of the last settling.
    [[nodiscard]] const std::vector<double>& unscoped() const noexcept { return unscoped_; }

    /// Shares the energy since the tree's last close over its nodes.
    void close(owned_tree& tree, std::uint64_t now) {
        tree_mark& m = tree.marks[source_.index()];
        open_ticks_.clear();
        if (m.joules.empty()) open_account(m);
        if (now <= m.at) return;
        const std::vector<double>& joules = source_.joules();
        interval_.length = static_cast<double>(now - m.at);
        interval_.now = now;
        interval_.delta.resize(joules.size());
        for (std::size_t c = 0; c < joules.size(); ++c) interval_.delta[c] = joules[c] - m.joules[c];
        m.at = now;
        m.joules = joules;
        double top = 0;
        for_children(tree.root, [&](scope_node& n) { top += measure(n); });
        // A node read a moment after `now` may show a little more than the interval: scale it back.
        const double scale = 1 / std::max(top, interval_.length);
        for (const open_time& t : open_ticks_) claim(t, scale, m);
    }

    /// The nodes of the tree last closed that were open since its close before.
    template <class Visit>
    void for_lately_open(Visit visit) const {
        for (const open_time& t : open_ticks_) visit(*t.node);
    }

    /// Turns the claims of all trees since the last settling into joules of their paths.
    void settle(const std::vector<std::shared_ptr<owned_tree>>& trees, attribution policy,
                std::uint64_t now) {
        settled_at_ = now;
        const std::vector<double>& joules = source_.joules();
        for (std::size_t c = 0; c < joules.size(); ++c) {
            const double used = joules[c] - settled_[c];
            settled_[c] = joules[c];
            double claimed = 0;
            for (const auto& t : trees) claimed += claims_of(*t, c);
            const bool scaled = policy != attribution::inclusive && claimed > used && claimed > 0;
            const double factor = scaled ? used / claimed : 1.0;
            for (const auto& t : trees) pay(*t, c, factor);
            unscoped_[c] += scaled ? 0.0 : std::max(used - claimed, 0.0);
        }
        for (const auto& t : trees) t->marks[source_.index()].dirty.clear();
    }

    /// The uncertainty of an edge read: the counter was up to one update old, and has a smallest step.
    void note_edge(scope_node& node, const std::vector<double>& mean_watts) noexcept {
        if (node.path == nullptr) return;
        for (std::size_t c = 0; c < quanta_.size(); ++c) {
            const double lag = update_seconds(c) * mean_watts[c];
            node.path->energies[source_.first_channel() + c].variance +=
                (lag * lag + quanta_[c] * quanta_[c]) / 12;  // uniform within one step
        }
        node.path->edge_reads = true;
    }

 private:
    struct open_time {
        scope_node* node;
        double ticks;     ///< open in the interval, children included
        double children;  ///< of it, in children
    };
    struct interval {
        std::uint64_t now = 0;
        double length = 0;          ///< ticks
        std::vector<double> delta;  ///< joules by channel
    };

    // A tree made since the last settling shares in what was used since then: it was closed before.
    void open_account(tree_mark& m) const {
        m.at = settled_at_;
        m.joules = settled_;
        m.claimed.assign(settled_.size(), 0.0);
    }
    [[nodiscard]] double claims_of(const owned_tree& tree, std::size_t c) const {
        const tree_mark& m = tree.marks[source_.index()];
        return m.claimed.empty() ? 0.0 : m.claimed[c];
    }

    template <class Visit>
    static void for_children(const scope_node& parent, Visit visit) {
        for (scope_node* n = parent.first_child.load(std::memory_order_acquire); n != nullptr;
             n = n->next_sibling.load(std::memory_order_acquire))
            visit(*n);
    }

    // First pass: how long each node was open since it was last seen, in preorder. A closed node
    // without new ticks has no child that could have any.
    double measure(scope_node& n) {
        source_mark& seen = n.marks[source_.index()];
        const bool open = n.is_open();
        const std::uint64_t ticks = n.ticks_at(interval_.now);
        if (!open && ticks == seen.seen) return 0;
        const auto grown = static_cast<std::int64_t>(ticks - seen.seen);
        if (grown > 0) seen.seen = ticks;
        const std::size_t mine = open_ticks_.size();
        open_ticks_.push_back({&n, grown > 0 ? static_cast<double>(grown) : 0.0, 0});
        double children = 0;
        for_children(n, [&](scope_node& child) { children += measure(child); });
        open_time& t = open_ticks_[mine];
        t.children = children;
        t.ticks = std::max(t.ticks, children);
        return t.ticks;
    }

    // Second pass: a node's own time earns its share; its whole time tells how sure that share is.
    void claim(const open_time& t, double scale, tree_mark& m) {
        const double own = (t.ticks - t.children) * scale;
        const double open = t.ticks * scale;
        // Where it was open for part of the interval only, its power may have differed from the
        // mean by as much as the mean itself.
        const double doubt = open * (1 - open);
        path_record& path = *t.node->path;
        if (doubt > 1e-9) path.time_shares = true;
        bool clean = true;
        for (std::size_t c = 0; c < interval_.delta.size(); ++c) {
            double& claims = t.node->claims[source_.first_channel() + c];
            clean = clean && claims == 0;
            claims += interval_.delta[c] * own;
            m.claimed[c] += interval_.delta[c] * own;
            path.energies[source_.first_channel() + c].bias += interval_.delta[c] * doubt;
        }
        if (clean && own > 0) m.dirty.push_back(t.node);
    }

    // A node may stand in `dirty` twice if its claims were 0 J; the second time finds nothing.
    void pay(owned_tree& tree, std::size_t c, double factor) {
        tree_mark& m = tree.marks[source_.index()];
        const std::size_t at = source_.first_channel() + c;
        for (scope_node* n : m.dirty) {
            const double joules = n->claims[at] * factor;
            n->claims[at] = 0;
            n->path->energies[at].self += joules;
            for (const scope_node* up = n; up->path != nullptr; up = up->parent)
                up->path->energies[at].total += joules;
        }
        if (!m.claimed.empty()) m.claimed[c] = 0;
    }

    [[nodiscard]] double update_seconds(std::size_t c) const {
        return std::chrono::duration<double>(source_.channels()[c].update_period).count();
    }

    const energy_source& source_;
    std::vector<double> settled_;  ///< joules by channel at the last settling
    std::uint64_t settled_at_;     ///< tick of the last settling
    std::vector<double> unscoped_;
    std::vector<double> quanta_;
    interval interval_;
    std::vector<open_time> open_ticks_;  ///< nodes open in the interval, parents first
};

}  // namespace detail
}  // namespace v1
}  // namespace joulery
