// thread_context.hpp - a thread's tree, with what the engine needs to extend and read it.
// SPDX-License-Identifier: MIT
#pragma once

#include "joulery/detail/core/fork_guard.hpp"
#include "joulery/detail/core/list.hpp"
#include "joulery/detail/timing/call_recorder.hpp"
#include "joulery/detail/timing/name_indexes.hpp"
#include "joulery/detail/timing/name_key.hpp"
#include "joulery/detail/timing/node_arena.hpp"
#include "joulery/detail/timing/node_watch.hpp"
#include "joulery/detail/timing/path_table.hpp"
#include "joulery/detail/timing/scope_node.hpp"
#include "joulery/detail/timing/span_sums.hpp"
#include "joulery/detail/timing/thread_clock.hpp"
#include "joulery/detail/timing/thread_stack.hpp"
#include "joulery/detail/timing/time_source.hpp"

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <tuple>
#include <utility>

namespace joulery {
inline namespace v1 {
namespace detail {

class engine;

/// The plan of one call of a scope.
struct item_plan {
    const scope_node* node = nullptr;
    std::uint64_t calls = 0;  ///< ended calls of the node; identifies a call
    double before = 0;        ///< items of the node when the plan was made
    double total = 0;         ///< items that the call will add
    std::uint64_t at = 0;     ///< tick of the plan

    [[nodiscard]] bool is_open() const noexcept {
        return node->is_open() && node->calls.load(std::memory_order_acquire) == calls;
    }
    [[nodiscard]] double done() const noexcept {
        return node->items.load(std::memory_order_relaxed) - before;
    }
};

/// The plans of one thread's open scopes.
///
/// Thread: not synchronized; guarded by the tree's mutex.
/// Cost:   linear in the open scopes that have a plan, usually one.
///
///     item_plans plans;
///     plans.set(node, 50'000, now);
///     plans.for_open([](const item_plan& p) { show(p.done() / p.total); });
class item_plans {
 public:
    void set(const scope_node& n, double total, std::uint64_t now) {
        const auto is_over = [&](const item_plan& p) { return p.node == &n || !p.is_open(); };
        erase_from(plans_, is_over);
        plans_.push_back({&n, n.calls.load(std::memory_order_relaxed),
                          n.items.load(std::memory_order_relaxed), total, now});
    }
    template <class Visit>
    void for_open(Visit visit) const {
        for (const item_plan& p : plans_)
            if (p.is_open()) visit(p);
    }
    [[nodiscard]] std::size_t size() const noexcept { return plans_.size(); }

 private:
    list<item_plan> plans_;
};

/// One thread's scopes in one meter. Nodes are made by the owning thread and live as long as the
/// tree; other threads walk them without a lock. `mutex_` keeps the engine alive while it is in
/// use.
class thread_context : public thread_cursor, public std::enable_shared_from_this<thread_context> {
 public:
    thread_context(engine* owner, std::shared_ptr<path_table> paths, std::size_t backends,
                   std::uint32_t base_flags, call_recorder recorder,
                   list<bool> device_channels = {})
        : thread_cursor(&default_tree),
          last_rows(backends),
          calls(std::move(recorder)),
          owner_(owner),
          paths_(std::move(paths)),
          device_channels_(std::move(device_channels)) {
        root.tree = this;
        root.holder.store(reinterpret_cast<const void*>(~std::uintptr_t{0}));
        root.flags.store(base_flags, std::memory_order_relaxed);
    }

    /// The child of `parent` with that name; null: there is none yet. Owning thread only.
    [[nodiscard]] scope_node* find(const scope_node& parent, std::string_view name) const noexcept {
        return children_.find(parent, name);
    }
    /// The same, created if necessary; null beyond `max_depth`. Call it from within `with_owner`.
    /// Without memory it throws and nothing has changed.
    scope_node* child(scope_node& parent, std::string_view name, std::uint32_t edge_flags) {
        if (scope_node* known = find(parent, name)) return known;
        if (parent.depth >= max_depth) return nullptr;
        path_record* record = paths_->intern(parent.path, name);
        if (scope_node* known = find(parent, record->name)) return known;
        children_.reserve_one();
        scope_node& made = add_node(parent, record, edge_flags);
        children_.add(made);
        return &made;
    }

    /// The child of `parent` whose path lies under a path other than its parent's, for work that
    /// joins a scope from another thread; null: there is none yet. Owning thread only.
    [[nodiscard]] scope_node* find_joined(const scope_node& parent, const path_record* under,
                                          std::string_view name) const noexcept {
        return joined_.find(&parent, under, name);
    }
    /// The same, created if necessary, as by `child`.
    scope_node* joined_child(scope_node& parent, path_record* under, std::string_view name,
                             std::uint32_t edge_flags) {
        if (scope_node* known = find_joined(parent, under, name)) return known;
        if (parent.depth >= max_depth) return nullptr;
        path_record* record = paths_->intern(under, name);
        if (scope_node* known = find_joined(parent, under, record->name)) return known;
        joined_.reserve_one();
        scope_node& made = add_node(parent, record, edge_flags);
        made.sampling.never_begin();  // a task's time is its own
        joined_.add(&parent, made);
        return &made;
    }
    /// The same for a device's streams, each of which has nodes of its own.
    scope_node* joined_child_of_stream(scope_node& parent, path_record& under,
                                       std::string_view name, std::size_t stream,
                                       std::uint32_t edge_flags) {
        if (parent.depth >= max_depth) return nullptr;
        scope_node*& made =
            of_streams_[std::make_tuple(&parent, &under, stream, std::string(name))];
        if (made != nullptr) return made;
        made = &add_node(parent, paths_->intern(&under, name), edge_flags);
        made->sampling.never_begin();
        return made;
    }
    /// The counts of the spans of that name inside `under` that this thread begins or ends; null:
    /// there are none yet. Owning thread only.
    [[nodiscard]] span_sums* find_spans(const path_record* under,
                                        std::string_view name) const noexcept {
        return spans_by_path_.find(nullptr, under, name);
    }
    /// The same, created if necessary. Call it from within `with_owner`; may throw like `child`.
    span_sums& spans_of(path_record* under, std::string_view name) {
        if (span_sums* known = find_spans(under, name)) return *known;
        path_record* record = paths_->intern(under, name);
        if (span_sums* known = find_spans(under, record->name)) return *known;
        spans_by_path_.reserve_one();
        span_sums& made = spans_.emplace_back();
        made.path = record;
        spans_by_path_.add(nullptr, made);
        made.next = last_spans_.load(std::memory_order_relaxed);
        last_spans_.store(&made, std::memory_order_release);
        return made;
    }
    /// Visits them; any thread.
    template <class Visit>
    void for_spans(Visit visit) const {
        for (span_sums* s = last_spans_.load(std::memory_order_acquire); s != nullptr; s = s->next)
            visit(*s);
    }
    /// A closed node with the same path and place, created if necessary. Call it from within
    /// `with_owner`; may throw like `child`.
    scope_node* free_lane(scope_node& n) {
        scope_node* lane = &n;
        while (lane->is_open() && lane->next_lane != nullptr) lane = lane->next_lane;
        if (!lane->is_open()) return lane;
        lane->next_lane = &add_node(*n.parent, n.path, ends_elsewhere);
        lane->next_lane->sampling.never_begin();
        return lane->next_lane;
    }
    [[nodiscard]] const std::shared_ptr<path_table>& paths() const noexcept { return paths_; }

    /// The engine is shutting down: scopes leave the fast path, notice this and look for another
    /// tree.
    void shut_down() {
        const std::lock_guard<std::mutex> lock(mutex_);
        owner_ = nullptr;
        root.flags.fetch_or(tree_is_dead, std::memory_order_relaxed);
        nodes_.for_each_backwards(
            [](scope_node& n) { n.flags.fetch_or(tree_is_dead, std::memory_order_relaxed); });
    }
    /// Runs `use(engine*)`: null if the engine is gone; otherwise it stays alive during the call.
    /// Not in a forked child, where another thread's lock may stay locked.
    template <class Use>
    void locked(Use use) {
        if (!is_this_process()) return;
        const std::lock_guard<std::mutex> lock(mutex_);
        use(owner_);
    }
    /// Runs `use(engine)` unless the engine is gone.
    template <class Use>
    void with_owner(Use use) {
        locked([&](engine* e) {
            if (e != nullptr) use(*e);
        });
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
    /// The thread ends while some of its scopes are open; they end later, perhaps on another
    /// thread. Until then the tree keeps itself alive. Call it from within `locked`.
    void become_orphan(std::shared_ptr<thread_context> self) noexcept {
        orphaned_.store(true, std::memory_order_relaxed);
        keeps_itself_ = std::move(self);
        for (scope_node* n = current; n != &root; n = n->parent)
            n->flags.fetch_or(out_of_order, std::memory_order_relaxed);
    }
    /// Whether its thread ended before one of its scopes did.
    [[nodiscard]] bool is_orphan() const noexcept {
        return orphaned_.load(std::memory_order_relaxed);
    }
    /// The last scope of an orphan has ended. Destroy the returned pointer outside of `locked`.
    [[nodiscard]] std::shared_ptr<thread_context> let_go() noexcept {
        thread_ended.store(true, std::memory_order_release);
        return std::move(keeps_itself_);
    }
    /// Whether its thread has ended and every backend has attributed its last row.
    [[nodiscard]] bool is_attributed() const noexcept {
        return thread_ended.load(std::memory_order_acquire) &&
               std::all_of(last_rows.begin(), last_rows.end(),
                           [](const std::atomic<bool>& taken) { return taken.load(); });
    }
    [[nodiscard]] bool is_of_this_thread() const noexcept {
        return thread == &default_tree && !is_orphan();
    }

    [[nodiscard]] bool is_this_process() const noexcept { return generation_ == fork_generation(); }
    /// Whether none of its scopes is open. Owning thread only.
    [[nodiscard]] bool is_outside() const noexcept { return nearest_entered(current) == &root; }
    /// A call with a new text sets the unit of a scope's items.
    void name_items(scope_node& n, const char* name) {
        n.item_name.store(name, std::memory_order_relaxed);
        if (is_this_process()) paths_->name_items(*n.path, name);
    }

    /// Whether it holds work on a device. Such work is billed first on the device's channels, and
    /// on no other channels.
    [[nodiscard]] bool is_device() const noexcept { return !device_channels_.empty(); }
    [[nodiscard]] bool takes(std::size_t channel) const noexcept {
        return !is_device() || device_channels_[channel];
    }
    [[nodiscard]] bool takes_any(std::size_t first, std::size_t count) const noexcept {
        for (std::size_t c = first; c < first + count; ++c)
            if (takes(c)) return true;
        return false;
    }

    /// Processor time of the thread so far, in seconds, without the time it waits. Negative if
    /// unknown.
    [[nodiscard]] double busy_seconds() const {
        if (processor_time) return processor_time();
        const bool asks = has_clock && !thread_ended.load(std::memory_order_acquire);
        return asks ? clock_.seconds() : -1;
    }

    /// The same, for skipping unchanged nodes: asked for only if that costs less than looking at
    /// them.
    [[nodiscard]] double ran() const {
        constexpr std::size_t many = 64;
        const bool helps = nodes_.size() >= many && clock_.shows_each_run();
        return helps && !processor_time ? busy_seconds() : -1;
    }

    /// All nodes except the root; any thread.
    [[nodiscard]] const node_arena& nodes() const noexcept { return nodes_; }
    /// Whether a scope may have ended after its enclosing scope: see node_watch.
    [[nodiscard]] bool ends_in_any_order() const noexcept {
        return is_device() || ended_elsewhere.load(std::memory_order_acquire) > 0;
    }

    /// Deeper nesting is not followed: its time stays with the deepest scope.
    static constexpr std::uint32_t max_depth = 256;

    /// For each backend: whether it has attributed energy since the thread ended.
    list<std::atomic<bool>> last_rows;
    std::atomic<bool> thread_ended{false};     ///< no more scopes open in this tree
    std::atomic<std::uint64_t> edge_ticks{0};  ///< spent at edges, attribution included
    double ticks_a_scope = 0;  ///< least cost of attribution at edges; changed within `locked`
    std::atomic<std::uint64_t> edge_reads{0};
    std::atomic<std::uint64_t> skipped_edges{0};
    std::atomic<std::uint64_t> too_deep{0};
    std::atomic<std::uint64_t> ended_elsewhere{0};  ///< scopes that another thread ended
    std::atomic<std::uint64_t> abandoned{0};        ///< scopes gone without an end
    stack_range stack;             ///< of the thread; looked up when a scope's object is suspect
    std::uint64_t created_at = 0;  ///< tick of its creation
    std::string thread_name;       ///< as the system states it
    std::uint32_t number = 0;      ///< unique in its meter
    std::uint64_t meter_id = 0;    ///< of its meter
    std::weak_ptr<engine> meter_engine;  ///< for holders of the tree after its thread has ended
    std::shared_ptr<const time_source> clock;  ///< the meter's
    bool has_clock = false;  ///< whether the thread's processor time matches the meter's clock
    std::function<double()> processor_time;  ///< of a simulated thread, in seconds
    std::function<thread_use()> played_use;  ///< of a simulated thread
    call_recorder calls;                     ///< changed within `with_owner`, read in `while_still`
    item_plans plans;                        ///< likewise
    node_watch untallied;  ///< nodes to tally; guarded by the engine's mutex for trees

 private:
    scope_node& add_node(scope_node& parent, path_record* record, std::uint32_t edge_flags) {
        scope_node& made = nodes_.add();
        made.parent = &parent;
        made.tree = this;
        made.depth = static_cast<std::uint16_t>(parent.depth + 1);
        made.path = record;
        made.sampling.seed(made.index);
        made.name_size = static_cast<std::uint16_t>(record->name.size());
        made.name = record->name.c_str();
        made.place = parent.place_of(name_key::of(record->name.c_str(), record->name.size()));
        if (made.name_size <= scope_node::short_size) {
            record->name.copy(made.short_name, made.name_size);
            made.name = made.short_name;
        }
        std::uint32_t flags = root.flags.load(std::memory_order_relaxed) | edge_flags;
        if (parent.is_sampled() && (flags & ~std::uint32_t{other_clock | recorded}) == 0) {
            flags = (flags & other_clock) | sampled;
            made.sampling.note_begin(0);
        }
        made.flags.store(flags, std::memory_order_relaxed);
        made.next_sibling.store(parent.first_child.load(std::memory_order_relaxed),
                                std::memory_order_relaxed);
        parent.first_child.store(&made, std::memory_order_release);
        return made;
    }

    engine* owner_;
    std::atomic<bool> orphaned_{false};
    std::shared_ptr<thread_context> keeps_itself_;
    const thread_clock clock_;
    const std::uint32_t generation_ = fork_generation();
    const std::shared_ptr<path_table> paths_;  // outlives the engine: names of dead trees are read
    const list<bool> device_channels_;         // empty for a thread: all channels
    std::mutex mutex_;
    node_arena nodes_;
    child_index children_;
    path_index<scope_node> joined_;
    path_index<span_sums> spans_by_path_;
    std::map<std::tuple<scope_node*, path_record*, std::size_t, std::string>, scope_node*>
        of_streams_;
    std::deque<span_sums> spans_;
    std::atomic<span_sums*> last_spans_{nullptr};
};

}  // namespace detail
}  // namespace v1
}  // namespace joulery
