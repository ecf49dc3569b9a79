// thread_context.hpp - a thread's tree with what the engine needs to grow and read it.
// SPDX-License-Identifier: MIT
#pragma once

#include "joulery/detail/core/fork_guard.hpp"
#include "joulery/detail/timing/call_recorder.hpp"
#include "joulery/detail/timing/item_plans.hpp"
#include "joulery/detail/timing/node_arena.hpp"
#include "joulery/detail/timing/path_table.hpp"
#include "joulery/detail/timing/scope_node.hpp"

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <tuple>
#include <unordered_map>
#include <vector>

namespace joulery {
inline namespace v1 {
namespace detail {

class engine;
class device_shares;

/// What a path of a tree has claimed since the last settling, within one container: the innermost
/// scope that was open all the while.
struct path_claim {
    path_record* container = nullptr;  ///< null: no scope was open all the while
    path_record* path = nullptr;       ///< null: no scope at all was open
    bool certain = false;              ///< nothing else was open between the reads
    double ticks = 0;
    std::vector<double> joules;  ///< of the source's channels
};

/// A begin of a scope that was read, whose first stretch is not over.
struct led_begin {
    const path_record* path = nullptr;
    std::uint64_t at = 0;
    double age = 0;     ///< ticks, of the value that was read
    double joules = 0;  ///< the value
};

/// Where a source left a tree when it last closed the books.
struct tree_mark {
    std::uint64_t at = 0;                ///< tick of the last close
    double spread = 0;                   ///< ticks, by which the energy at that tick is in doubt
    std::vector<double> joules;          ///< of the source's channels, at that tick
    std::vector<double> power;           ///< joules per tick before the last close, by channel
    std::vector<double> power_variance;  ///< of these
    std::vector<double> power_bias;      ///< what of it is the same at every edge of the scope
    std::vector<led_begin> led;          ///< by channel
    std::vector<path_claim> claims;      ///< the first `claim_count` are since the last settling
    std::size_t claim_count = 0;
    std::uint32_t idle_claim = 0;       ///< where the last claim of no scope stands
    std::vector<double> edge_variance;  ///< J^2, by channel, of edge reads since the last settling
    bool was_alone = false;             ///< one path had all of the interval before
    std::uint64_t alone_since = 0;      ///< tick
    path_record* last_path = nullptr;   ///< who was open longest before the last close
    path_record* last_container = nullptr;  ///< what was open all the while before the last close
    bool last_certain = false;              ///< whether one path had all before it
    bool has_doubt = false;     ///< the last close was at an edge, whose doubt is not booked
    std::vector<double> doubt;  ///< J^2 by channel, of that edge alone
    std::vector<double> drift;  ///< J by channel, of the same sign for neighbouring edges
    std::shared_ptr<device_shares> shares;  ///< of a device's tree
    std::atomic<bool> ended{false};         ///< closed after the thread had ended

    /// Visits the claims since the last settling.
    template <class Visit>
    void for_claims(Visit visit) {
        for (std::size_t i = 0; i < claim_count; ++i) visit(claims[i]);
    }
    [[nodiscard]] bool is_busy() {
        bool busy = false;
        for_claims([&](const path_claim& k) { busy = busy || k.path != nullptr; });
        return busy;
    }
    [[nodiscard]] double scoped_joules(std::size_t channel) {
        double sum = 0;
        for_claims([&](const path_claim& k) {
            if (k.path != nullptr) sum += k.joules[channel];
        });
        return sum;
    }
};

/// One thread's scopes in one meter. Nodes are made by the owning thread and live as long
/// as the tree; other threads walk them without a lock. `mutex_` keeps the engine while in use.
class thread_context : public thread_cursor {
 public:
    thread_context(engine* owner, std::shared_ptr<path_table> paths, std::size_t sources,
                   std::uint32_t base_flags, call_recorder recorder,
                   std::vector<bool> device_channels = {})
        : marks(sources),
          calls(std::move(recorder)),
          owner_(owner),
          paths_(std::move(paths)),
          device_channels_(std::move(device_channels)),
          nodes_(sources) {
        root.tree = this;
        root.flags.store(base_flags, std::memory_order_relaxed);
    }

    /// The child of `parent` with that name, made if need be; null beyond `max_depth`. Call it from
    /// within `with_owner`.
    scope_node* child(scope_node& parent, std::string_view name, const char* literal,
                      std::uint32_t edge_flags) {
        if (scope_node* known = find(parent, name, literal)) return known;
        if (parent.depth >= max_depth) return nullptr;
        path_record* record = paths_->intern(parent.path, name);
        const key k{&parent, record->name};
        if (const auto at = index_.find(k); at != index_.end()) return at->second;
        scope_node& made = add_node(parent, record, literal, edge_flags);
        index_.emplace(key{&parent, made.path->name}, &made);
        return &made;
    }

    /// The child of `parent` whose path lies under another scope's, for work that joins that scope
    /// from elsewhere. A `lane` that differs is a node of its own. Call it from within
    /// `with_owner`.
    scope_node* joined_child(scope_node& parent, path_record& under, std::string_view name,
                             std::size_t lane, std::uint32_t edge_flags) {
        if (parent.depth >= max_depth) return nullptr;
        const auto place = std::make_tuple(&parent, &under, lane, std::string(name));
        if (const auto at = joined_.find(place); at != joined_.end()) return at->second;
        scope_node& made = add_node(parent, paths_->intern(&under, name), nullptr, edge_flags);
        joined_.emplace(place, &made);
        return &made;
    }
    [[nodiscard]] const std::shared_ptr<path_table>& paths() const noexcept { return paths_; }

    /// The engine is going: scopes leave the fast path, find this out and look for another tree.
    void die() {
        const std::lock_guard<std::mutex> lock(mutex_);
        owner_ = nullptr;
        root.flags.fetch_or(tree_is_dead, std::memory_order_relaxed);
        nodes_.for_each_backwards(
            [](scope_node& n) { n.flags.fetch_or(tree_is_dead, std::memory_order_relaxed); });
    }
    /// Runs `use(engine)` unless the engine has gone; it can't go meanwhile. The owning thread
    /// only. Not in a forked child, where another thread's lock may stay locked.
    template <class Use>
    void with_owner(Use use) {
        if (!is_this_process()) return;
        const std::lock_guard<std::mutex> lock(mutex_);
        if (owner_ != nullptr) use(*owner_);
    }
    /// Runs `use()` while the thread changes neither `calls` nor `plans`. Any thread.
    template <class Use>
    void while_still(Use use) {
        const std::lock_guard<std::mutex> lock(mutex_);
        use();
    }
    [[nodiscard]] bool is_dead() const noexcept {
        return (root.flags.load(std::memory_order_relaxed) & tree_is_dead) != 0;
    }
    [[nodiscard]] bool is_this_process() const noexcept { return generation_ == fork_generation(); }
    /// Whether no scope of it is open. The owning thread only.
    [[nodiscard]] bool is_idle() const noexcept { return current == &root; }
    /// Calls with another text than before name the unit of a scope's items.
    void name_items(scope_node& n, const char* name) {
        n.item_name.store(name, std::memory_order_relaxed);
        if (is_this_process()) paths_->name_items(*n.path, name);
    }

    /// Whether it holds work on a device, which is the first to be billed on the device's channels
    /// and is billed on no other.
    [[nodiscard]] bool is_device() const noexcept { return !device_channels_.empty(); }
    [[nodiscard]] bool takes(std::size_t channel) const noexcept {
        return !is_device() || device_channels_[channel];
    }
    [[nodiscard]] bool takes_any(std::size_t first, std::size_t count) const noexcept {
        for (std::size_t c = first; c < first + count; ++c)
            if (takes(c)) return true;
        return false;
    }

    /// Processor time of the thread so far, in seconds: what it waits for is not in it. Negative
    /// where it is not known.
    [[nodiscard]] double busy_seconds() const {
        return processor_time ? processor_time() : unknown_time;
    }
    static constexpr double unknown_time = -1;

    /// All nodes but the root; any thread.
    [[nodiscard]] const node_arena& nodes() const noexcept { return nodes_; }

    /// Deeper nesting is not followed: its time stays with the deepest scope.
    static constexpr std::uint32_t max_depth = 256;

    std::vector<tree_mark> marks;              ///< one a source
    std::atomic<bool> thread_ended{false};     ///< no scope of this tree opens any more
    std::atomic<std::uint64_t> edge_ticks{0};  ///< spent at edges, the books included
    std::atomic<std::uint64_t> edge_reads{0};
    std::atomic<std::uint64_t> skipped_edges{0};
    std::atomic<std::uint64_t> too_deep{0};
    std::uint64_t born = 0;                  ///< tick of its making
    std::string thread_name;                 ///< as the system has it
    std::function<double()> processor_time;  ///< of a thread that a test plays, in seconds
    call_recorder calls;  ///< change it from within `with_owner`, read it in `while_still`
    item_plans plans;     ///< likewise

 private:
    struct key {
        const scope_node* parent;
        std::string_view name;
        bool operator==(const key& o) const noexcept {
            return parent == o.parent && name == o.name;
        }
    };
    struct key_hash {
        std::size_t operator()(const key& k) const noexcept {
            return std::hash<std::string_view>()(k.name) ^
                   (reinterpret_cast<std::uintptr_t>(k.parent) * 0x9E3779B97F4A7C15u);
        }
    };

    scope_node& add_node(scope_node& parent, path_record* record, const char* literal,
                         std::uint32_t edge_flags) {
        scope_node& made = nodes_.add();
        made.parent = &parent;
        made.tree = this;
        made.depth = parent.depth + 1;
        made.path = record;
        made.literal = literal;
        made.flags.store(root.flags.load(std::memory_order_relaxed) | edge_flags,
                         std::memory_order_relaxed);
        made.next_sibling.store(parent.first_child.load(std::memory_order_relaxed),
                                std::memory_order_relaxed);
        parent.first_child.store(&made, std::memory_order_release);
        return made;
    }

    scope_node* find(scope_node& parent, std::string_view name, const char* literal) {
        if (literal != nullptr) {  // a sibling whose hint was taken: by address, no hashing
            int looked_at = 0;
            for (scope_node* n = parent.first_child.load(std::memory_order_relaxed);
                 n != nullptr && looked_at++ < 16;
                 n = n->next_sibling.load(std::memory_order_relaxed)) {
                if (n->literal == literal) return n;
            }
        }
        const auto at = index_.find(key{&parent, name});
        return at == index_.end() ? nullptr : at->second;
    }

    engine* owner_;
    const std::uint32_t generation_ = fork_generation();
    const std::shared_ptr<path_table> paths_;  // outlives the engine: names of dead trees are read
    const std::vector<bool> device_channels_;  // empty: all, of a thread
    std::mutex mutex_;
    node_arena nodes_;
    std::unordered_map<key, scope_node*, key_hash> index_;
    std::map<std::tuple<scope_node*, path_record*, std::size_t, std::string>, scope_node*> joined_;
};

}  // namespace detail
}  // namespace v1
}  // namespace joulery
