// span_links.hpp - handles and spans: where the tasks of a scope are counted.
// SPDX-License-Identifier: MIT
#pragma once

#include "joulery/detail/core/catch_bad_alloc.hpp"
#include "joulery/detail/session/engine.hpp"
#include "joulery/detail/session/scope_ends.hpp"
#include "joulery/detail/session/thread_contexts.hpp"
#include "joulery/detail/timing/library_section.hpp"
#include "joulery/detail/timing/path_table.hpp"
#include "joulery/detail/timing/scope_edges.hpp"
#include "joulery/detail/timing/scope_node.hpp"
#include "joulery/detail/timing/signal_context.hpp"
#include "joulery/detail/timing/span_sums.hpp"
#include "joulery/detail/timing/thread_context.hpp"
#include "joulery/span.hpp"

#include <array>
#include <atomic>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string_view>
#include <utility>

namespace joulery {
inline namespace v1 {
namespace detail {

/// A scope or span as its handles know it. It keeps the tree of the thread that made it alive, and
/// so the path names; it needs the engine only when a new thread works for it. Threads that make
/// many links share nothing.
struct engine_link : scope_link {
    engine_link(std::shared_ptr<thread_context> made_in, path_record* of, bool of_a_span) noexcept
        : scope_link(of_a_span), origin(std::move(made_in)), path(of) {}
    const std::shared_ptr<thread_context> origin;  ///< keeps `path` alive
    path_record* const path;

    /// Null once the meter is gone. Increments a reference count that all threads share.
    [[nodiscard]] std::shared_ptr<engine> owner() const noexcept {
        return origin->meter_engine.lock();
    }
};

inline scope_link* link_scope(scope_node* n) noexcept {
    std::unique_ptr<engine_link> made;
    (void)catch_bad_alloc([&] {
        auto& tree = static_cast<thread_context&>(*n->tree);
        tree.with_owner([&](engine&) {
            made = std::make_unique<engine_link>(tree.shared_from_this(), n->path, false);
        });
    });
    return made.release();
}

/// The calling thread's tree in the meter of a link, created if necessary; null: it can have none.
inline thread_context* tree_of_this_thread(const engine_link& link) noexcept {
    const thread_context& origin = *link.origin;
    if (!origin.is_this_process()) return nullptr;
    thread_contexts* const trees = contexts_of_this_thread();
    if (trees == nullptr) return nullptr;
    if (thread_context* known = trees->find(origin.meter_id)) return known;
    const std::shared_ptr<engine> alive = link.owner();
    return alive != nullptr ? trees->tree_in(*alive, origin.meter_id) : nullptr;
}

inline task_place find_task(const scope_link& link, thread_cursor* into, const char* name,
                            std::size_t size) noexcept {
    const auto& owner = static_cast<const engine_link&>(link);
    const library_section inside;
    if (inside.is_nested()) return {};
    auto* tree = into != nullptr ? static_cast<thread_context*>(into) : tree_of_this_thread(owner);
    if (tree == nullptr || tree->is_dead() || tree->paths() != owner.origin->paths()) return {};
    const std::uintptr_t sp = stack_pointer();
    leave_ended_scopes(*tree, nullptr, 0);
    const std::string_view text = path_table::fitted({name, size});
    scope_node* found = tree->find_joined(*tree->current, owner.path, text);
    const auto change = [&](auto make) {
        if (signal_context::is_handler(sp)) return;
        (void)catch_bad_alloc([&] { tree->with_owner(make); });
    };
    if (found == nullptr)
        change([&](engine& e) {
            found =
                tree->joined_child(*tree->current, owner.path, text, e.edges_of_new_paths(*tree));
        });
    if (found != nullptr && found->is_open()) {  // another thread has not ended it yet
        scope_node* const busy = std::exchange(found, nullptr);
        change([&](engine&) { found = tree->free_lane(*busy); });
    }
    if (found == nullptr) return {};
    return {found, found->state.load(std::memory_order_relaxed)};
}

/// The library's own access to a handle.
struct handle_access {
    [[nodiscard]] static const engine_link* link_of(const enabled::scope_handle& h) noexcept {
        return static_cast<const engine_link*>(h.link_);
    }
};

/// A span in progress: when it began, and the time of its tasks.
struct span_link final : engine_link {
    span_link(std::shared_ptr<thread_context> made_in, path_record* of, std::uint64_t at) noexcept
        : engine_link(std::move(made_in), of, true), begun(at) {}

    /// The time of the tasks on one path.
    struct task_time {
        std::atomic<path_record*> path{nullptr};
        std::atomic<std::uint64_t> ticks{0};
    };

    /// The number of task names kept apart; the rest are combined.
    static constexpr std::size_t most_names = 6;

    /// Any thread.
    void add(path_record* task, std::uint64_t ticks) noexcept {
        for (std::size_t i = 0; i < most_names; ++i) {
            path_record* known = tasks[i].path.load(std::memory_order_relaxed);
            if (known == nullptr &&
                tasks[i].path.compare_exchange_strong(known, task, std::memory_order_relaxed))
                known = task;
            if (known != task) continue;
            tasks[i].ticks.fetch_add(ticks, std::memory_order_relaxed);
            return;
        }
        tasks[most_names].path.store(path, std::memory_order_relaxed);  // at the span's mean power
        tasks[most_names].ticks.fetch_add(ticks, std::memory_order_relaxed);
    }

    const std::uint64_t begun;
    std::array<task_time, most_names + 1> tasks;
};

inline void unlink_scope(scope_link* link) noexcept {
    if (link->is_span)
        delete static_cast<span_link*>(link);
    else
        delete static_cast<engine_link*>(link);
}
inline void release_link(scope_link* link) noexcept {
    if (link->holders.fetch_sub(1, std::memory_order_acq_rel) == 1) unlink_scope(link);
}

inline void leave_task(scope_link* span, const task_place& task, const void* holder) noexcept {
    scope_node& n = *task.node;
    thread_context& tree = tree_of(n);
    // The owning thread may reopen the node immediately, so its time is read before it is closed.
    const bool is_here = tree.is_of_this_thread();
    std::uint64_t ticks = is_here ? 0 : n.ticks_at(tree.clock->now());
    leave(&n, holder);
    if (is_here) ticks = n.ticks_at(0);
    if (ticks > task.ticks_before)
        static_cast<span_link*>(span)->add(n.path, ticks - task.ticks_before);
    release_link(span);
}

/// The sums of the calling thread's tree for spans of that name inside `under`.
inline span_sums* spans_in(thread_context& tree, path_record* under,
                           std::string_view name) noexcept {
    if (span_sums* known = tree.find_spans(under, name)) return known;
    if (signal_context::is_handler(stack_pointer())) return nullptr;
    span_sums* made = nullptr;
    (void)catch_bad_alloc([&] {
        tree.with_owner([&](engine& e) {
            made = &tree.spans_of(under, name);
            e.prices().expect_spans();
        });
    });
    return made;
}

inline scope_link* begin_span(thread_cursor* into, const scope_link* owner, const char* name,
                              std::size_t size) noexcept {
    const library_section inside;
    if (inside.is_nested()) return nullptr;
    const auto* outer = static_cast<const engine_link*>(owner);
    thread_context* tree = into != nullptr    ? living_tree(into)
                           : outer != nullptr ? tree_of_this_thread(*outer)
                                              : nullptr;
    if (tree == nullptr || tree->is_dead() || !tree->is_this_process()) return nullptr;
    if (outer != nullptr && tree->paths() != outer->origin->paths()) return nullptr;
    if (outer == nullptr) leave_ended_scopes(*tree, nullptr, 0);
    const scope_node& in = *nearest_entered(tree->current);
    path_record* const under = outer != nullptr ? outer->path : in.path;
    span_sums* const sums = spans_in(*tree, under, path_table::fitted({name, size}));
    if (sums == nullptr) return nullptr;
    std::unique_ptr<span_link> made;
    const std::uint64_t now = tree->clock->now();
    (void)catch_bad_alloc(
        [&] { made = std::make_unique<span_link>(tree->shared_from_this(), sums->path, now); });
    if (made != nullptr) sums->begin(now);
    return made.release();
}

/// The calling thread's sums for a span, wherever that began; null: it has none.
inline span_sums* sums_of_this_thread(const span_link& span) noexcept {
    thread_context* const tree = tree_of_this_thread(span);
    if (tree == nullptr || tree->is_dead()) return nullptr;
    return spans_in(*tree, span.path->parent, span.path->name);
}

inline void add_span_items(scope_link* link, double count, const char* name) noexcept {
    const library_section inside;
    if (inside.is_nested()) return;
    const auto& span = *static_cast<span_link*>(link);
    span_sums* const sums = sums_of_this_thread(span);
    if (sums == nullptr) return;
    sums->items.store(sums->items.load(std::memory_order_relaxed) + count,
                      std::memory_order_relaxed);
    if (sums->item_name == name) return;
    sums->item_name = name;
    (void)catch_bad_alloc(
        [&] { span.origin->paths()->name_items(*span.path, name != nullptr ? name : "item"); });
}

/// What a span used: the time of its tasks at the present price of each.
inline span_figures figures_of(const span_link& span, std::uint64_t now) noexcept {
    span_figures f;
    const span_rates& rates = span.origin->paths()->rates;
    const double seconds_per_tick = rates.seconds_per_tick.load(std::memory_order_relaxed);
    f.seconds = static_cast<double>(now - span.begun) * seconds_per_tick;
    double deviation = 0;
    bool all_known = true;
    for (const span_link::task_time& t : span.tasks) {
        const auto ticks = static_cast<double>(t.ticks.load(std::memory_order_relaxed));
        if (ticks <= 0) continue;
        const path_price& p = t.path.load(std::memory_order_relaxed)->price;
        double price = p.joules_per_tick.load(std::memory_order_relaxed);
        double error = p.deviation.load(std::memory_order_relaxed);
        const double found_by = p.ticks.load(std::memory_order_relaxed);
        if (price <= 0) {  // the mean price of a tick
            price = rates.joules_per_tick.load(std::memory_order_relaxed);
            error = span_rates::unknown_deviation * price;
            all_known = all_known && price > 0;
        } else if (ticks < found_by) {  // calls of one task may differ
            const double differs = span_rates::deviation_of_calls * price * (1 - ticks / found_by);
            error = std::sqrt(error * error + differs * differs);
        }
        f.joules += ticks * price;
        deviation += ticks * error;
        f.busy_seconds += ticks * seconds_per_tick;
    }
    f.deviation = deviation;
    f.grams = f.joules * rates.grams_per_joule.load(std::memory_order_relaxed);
    f.provenance = all_known ? rates.provenance.load(std::memory_order_relaxed)
                             : static_cast<unsigned char>(quality::partial);
    return f;
}

inline void note_span(const span_link& span, span_sums& sums, const span_figures& f) noexcept {
    thread_context* const tree = tree_of_this_thread(span);
    (void)catch_bad_alloc([&] {
        tree->while_still([&] {
            sums.seconds.add(f.seconds);
            if (f.joules > 0) sums.joules.add(f.joules);
        });
    });
}

inline span_figures end_span(scope_link* link) noexcept {
    const library_section inside;
    auto* const span = static_cast<span_link*>(link);
    const bool is_ours = span->origin->is_this_process() && !inside.is_nested();
    const std::uint64_t now = span->origin->clock->now();
    span_figures f;
    if (is_ours) {
        span_sums* const sums = sums_of_this_thread(*span);
        if (sums != nullptr) sums->end(now);
        if (sums == nullptr) span->origin->paths()->add_stray_end(*span->path, now);
        if (span->origin->paths()->rates.is_due(now, now - span->begun))
            if (const std::shared_ptr<engine> e = span->owner()) e->find_prices(true);
        f = figures_of(*span, now);
        if (sums != nullptr) note_span(*span, *sums, f);
    }
    release_link(link);
    return f;
}

}  // namespace detail
}  // namespace v1
}  // namespace joulery
