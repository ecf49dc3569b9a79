// path_tallies.hpp - adds up calls, time and items of threads by path.
// SPDX-License-Identifier: MIT
#pragma once

#include "joulery/detail/core/list.hpp"
#include "joulery/detail/timing/call_recorder.hpp"
#include "joulery/detail/timing/path_table.hpp"
#include "joulery/detail/timing/scope_node.hpp"
#include "joulery/detail/timing/span_sums.hpp"
#include "joulery/detail/timing/thread_context.hpp"
#include "joulery/detail/timing/time_source.hpp"
#include "joulery/histogram.hpp"

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <mutex>
#include <utility>

namespace joulery {
inline namespace v1 {
namespace detail {

/// Cost of edge reads and counts of irregular scopes, over living and ended threads.
struct edge_tally {
    std::uint64_t ticks = 0, reads = 0, skipped = 0;
    std::uint64_t too_deep = 0, ended_elsewhere = 0, abandoned = 0;  ///< scopes
};

/// Records the time that an edge read took on a thread; `around`: the path it happened in.
inline void note_edge(thread_context& tree, path_record* around, std::uint64_t ticks) noexcept {
    tree.edge_ticks.fetch_add(ticks, std::memory_order_relaxed);
    if (around != nullptr) around->edge_ticks.fetch_add(ticks, std::memory_order_relaxed);
}

/// Moves a thread's recorded calls to their paths, which `tallies` guards, and lists those paths in
/// `recorded`. `tallies` is locked only after the thread's own lock is released.
inline void move_calls(thread_context& t, std::mutex& tallies, list<path_record*>& recorded) {
    list<call_distribution> calls;
    t.while_still([&] {
        t.calls.drain([&](call_distribution& s) { calls.push_back(std::move(s)); });
        t.for_spans([&](span_sums& s) {
            if (s.seconds.counts.empty()) return;
            calls.push_back({s.path, std::exchange(s.seconds, {}), std::exchange(s.joules, {})});
        });
    });
    const std::lock_guard<std::mutex> lock(tallies);
    for (const call_distribution& c : calls) {
        if (c.path->call_seconds.counts.empty() && !c.seconds.counts.empty())
            recorded.push_back(c.path);
        c.path->call_seconds.merge(c.seconds);
        c.path->call_joules.merge(c.joules);
    }
}

inline void add_growth(std::uint64_t& sum, std::uint64_t& tallied, std::uint64_t now) noexcept {
    if (now <= tallied) return;
    sum += now - tallied;
    tallied = now;
}

// Work that joined a path from another thread counts for that path and the paths around it, except
// those that are open around it on its own thread and those that other such work on its thread
// already counts for.
inline void add_task_time(const scope_node& n, std::uint64_t ticks) noexcept {
    path_record* const above = n.path->parent;
    if (ticks == 0 || n.parent->path == above) return;
    for (path_record* p = above; p != nullptr; p = p->parent) {
        for (const scope_node* m = n.parent; m->parent != nullptr; m = m->parent)
            if (encloses(p, m->path)) return;  // also for all paths around it
        p->tally.task_ticks += ticks;
    }
}

inline void add_ticks(scope_node& n, bool device, std::uint64_t ticks) noexcept {
    const std::uint64_t before = n.tallied_ticks;
    add_growth(n.path->tally.ticks, n.tallied_ticks, ticks);
    n.parent->tallied_inside += n.tallied_ticks - before;
    if (!device) add_task_time(n, n.tallied_ticks - before);
}

// Calls are read before the state: a call missed here is seen next time, and none is counted twice.
// The clock is read after the state, so that an open scope shows no less time than scopes that just
// ended inside it. Returns whether the node is open.
inline bool tally_node(scope_node& n, bool device, const time_source& clock,
                       list<scope_node*>& with_samples) {
    const std::uint64_t ends = n.calls.load(std::memory_order_acquire);
    const std::uint64_t state = n.state.load(std::memory_order_acquire);
    const bool open = (state & scope_node::open_bit) != 0;
    const bool lacks = n.tallied_inside > n.tallied_ticks;  // it is in an untimed call
    if (!open && !lacks && ends == n.tallied_ends) return false;
    const std::uint64_t now = open ? clock.now() : 0;
    const double items = n.items.load(std::memory_order_relaxed);
    const bool has_samples = n.sampling.untimed() > 0;
    if (has_samples) with_samples.push_back(&n);
    n.tallied_ends = open ? ~std::uint64_t{0} : ends;  // an open node is visited again
    // Scopes inside give a lower bound; `tally_samples` adds the rest.
    add_ticks(n, device, has_samples ? n.tallied_inside : scope_node::ticks_in(state, now));
    add_growth(n.path->tally.calls, n.tallied_calls, ends + (open ? 1 : 0));
    n.path->tally.items += items - n.tallied_items;
    n.tallied_items = items;
    return open;
}

// Scopes with estimated time come after all others: they can't have taken more than the enclosing
// scope has left. The excess waits until the enclosing scope has more.
inline void tally_samples(scope_node& n, bool device, const time_source& clock) noexcept {
    const std::uint64_t estimate = n.ticks_at(clock.now());
    std::uint64_t ticks = estimate;
    if (n.parent->parent != nullptr) {
        const std::uint64_t around = n.parent->tallied_ticks, inside = n.parent->tallied_inside;
        ticks = std::min(ticks, n.tallied_ticks + (around > inside ? around - inside : 0));
    }
    path_tally& sum = n.path->tally;
    add_ticks(n, device, ticks);
    // Calls since the last timed one are not in the ticks yet.
    const std::uint64_t calls = n.calls.load(std::memory_order_relaxed);
    const std::uint64_t before = n.sampling.calls_before();
    const std::uint64_t pending =
        calls > before && (n.flags.load(std::memory_order_relaxed) & sampled) != 0 ? calls - before
                                                                                   : 0;
    add_growth(sum.untimed, n.tallied_untimed, n.sampling.untimed() + pending);
    const double mean = calls > 0 ? static_cast<double>(ticks) / static_cast<double>(calls) : 0;
    const double missing =
        static_cast<double>(pending) * mean + static_cast<double>(estimate - ticks);
    const double variance = n.sampling.variance() + missing * missing;
    sum.variance += variance - n.tallied_variance;
    n.tallied_variance = variance;
}

inline void tally_spans(span_sums& s) noexcept {
    path_tally& sum = s.path->tally;
    const span_counts now = s.load();
    sum.spans.add_growth(now, s.tallied);
    s.tallied = now;
    const double items = s.items.load(std::memory_order_relaxed);
    sum.items += items - s.tallied_items;
    s.tallied_items = items;
}
// Published time never falls.
inline void add_open_spans(path_tally& t, std::uint64_t now) noexcept {
    const std::int64_t ticks = t.spans.ticks_at(now);
    if (ticks > 0) t.span_ticks = std::max(t.span_ticks, static_cast<std::uint64_t>(ticks));
}

inline void tally_context(thread_context& t, edge_tally& sum, const time_source& clock) {
    const bool device = t.is_device();
    list<scope_node*> with_samples;
    const double ran = t.ran();
    t.untallied.meet(t.nodes());
    t.untallied.look(t.ends_in_any_order(), ran, [&](scope_node& n, std::size_t) {
        return tally_node(n, device, clock, with_samples);
    });
    for (std::size_t i = with_samples.size(); i-- > 0;)  // parents first
        tally_samples(*with_samples[i], device, clock);
    t.for_spans(tally_spans);
    sum.ticks += t.edge_ticks.load(std::memory_order_relaxed);
    sum.reads += t.edge_reads.load(std::memory_order_relaxed);
    sum.skipped += t.skipped_edges.load(std::memory_order_relaxed);
    sum.too_deep += t.too_deep.load(std::memory_order_relaxed);
    sum.ended_elsewhere += t.ended_elsewhere.load(std::memory_order_relaxed);
    sum.abandoned += t.abandoned.load(std::memory_order_relaxed);
}

}  // namespace detail
}  // namespace v1
}  // namespace joulery
