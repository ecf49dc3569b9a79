// scope_ends.hpp - how scopes end off the fast path: late, elsewhere, out of order, or not at all.
// SPDX-License-Identifier: MIT
#pragma once

#include "joulery/detail/core/catch_bad_alloc.hpp"
#include "joulery/detail/session/engine.hpp"
#include "joulery/detail/session/timing_policy.hpp"
#include "joulery/detail/timing/library_section.hpp"
#include "joulery/detail/timing/scope_edges.hpp"
#include "joulery/detail/timing/scope_node.hpp"
#include "joulery/detail/timing/thread_context.hpp"
#include "joulery/detail/timing/thread_stack.hpp"

#include <atomic>
#include <cstdint>
#include <memory>

namespace joulery {
inline namespace v1 {
namespace detail {

inline thread_context& tree_of(scope_node& n) noexcept {
    return static_cast<thread_context&>(*n.tree);
}
inline std::uint64_t now_of(const engine* e) noexcept {
    return e != nullptr ? e->clock().now() : ticks_now();
}

/// Times every call of a scope again. Owning thread only.
inline void stop_sampling(scope_node& n) noexcept {
    n.add_ticks(n.sampling.take_pending(n.calls.load(std::memory_order_relaxed), n.tree->cost));
    n.sampling.stop();
    n.until_timed = 0;
    const std::uint32_t base = n.tree->root.flags.load(std::memory_order_relaxed) & recorded;
    if (base != 0) n.flags.fetch_or(base, std::memory_order_relaxed);
    n.flags.fetch_and(~std::uint32_t{sampled}, std::memory_order_relaxed);
}
/// The scope has ended, but scopes inside it may not have: until it begins again it must not be
/// mistaken for one in an untimed call.
inline void let_inner_ones_be(scope_node& n) noexcept {
    n.flags.fetch_or(out_of_order, std::memory_order_relaxed);
    stop_sampling(n);
}
/// Something irregular happened: the thread's current scopes are all timed from now on and end by
/// the slow path, so that what follows can rely on open scopes.
inline void time_entered(thread_context& tree, const engine* e) noexcept {
    for (scope_node* n = tree.current; n != &tree.root; n = n->parent) {
        if (!n->is_sampled()) continue;
        let_inner_ones_be(*n);
        if (!n->is_open()) n->open(now_of(e));
    }
}
/// Subtracts the time of a fully timed scope from the enclosing calls that stand for others; if
/// those are not timed, this is what is known of them.
inline void take_out_of_estimates(const scope_node& n, std::uint64_t ticks,
                                  std::uint64_t now) noexcept {
    for (scope_node* p = n.parent; p->is_sampled() && p->sampling.is_drawn(); p = p->parent) {
        p->sampling.take_out(ticks);
        if (p->is_open()) continue;
        p->add_ticks(ticks);
        p->sampling.note_added(p->calls.load(std::memory_order_relaxed), ticks, now);
    }
}
/// An untimed call that goes on for long is timed from the earliest moment at which that was
/// visible, the end of a timed scope inside it.
inline void time_what_goes_on(scope_node& inside, std::uint64_t now) noexcept {
    constexpr double long_calls = 64;  // in units of the length from which every call is timed
    for (scope_node* n = inside.parent; n->is_untimed(); n = n->parent) {
        const std::uint64_t since =
            n->sampling.stirs_since(n->calls.load(std::memory_order_relaxed), now);
        if (static_cast<double>(now - since) < long_calls * n->tree->cost.worth_timing) continue;
        stop_sampling(*n);
        n->open(since + n->sampling.added());
    }
}
/// The processor time that the thread has lost so far. It is asked for only if no call of any
/// sampled scope was timed for so long that the cost does not matter: much of the lost time was
/// then in the other calls.
inline double lost_by(thread_context& tree, std::uint64_t now) noexcept {
    constexpr double long_unseen = 32;  // in units of the length from which every call is timed
    if (tree.thread != &default_tree) return 0;  // ended by another thread: it stands for itself
    if (tree.lost.was_away(now, long_unseen * tree.cost.worth_timing)) {
        if (tree.played_use)
            tree.lost.look(now, tree.played_use());
        else if (tree.has_clock)
            tree.lost.look(now, use_of_this_thread());
    }
    return tree.lost.ticks();
}
/// What the sampler does sooner or later: while a scope inside a sampled one is timed at every
/// call, that is most of the cost of both.
inline void sample_those_inside(scope_node& n, std::uint64_t now) noexcept {
    constexpr int most = 32;
    int left = most;
    for (scope_node* c = n.first_child.load(std::memory_order_relaxed); c != nullptr && left > 0;
         c = c->next_sibling.load(std::memory_order_relaxed), --left)
        if (!c->is_sampled() && !c->is_open()) sample_if_short(*c, now);
}
/// Ends a timed call and, if it is one of a sample, adds the calls it stands for.
inline void close_timed(scope_node& n, std::uint64_t now) noexcept {
    sampled_calls& sampling = n.sampling;
    const std::uint64_t ticks = n.ticks_at(now), length = sampling.length_at(ticks);
    const bool is_drawn = sampling.is_drawn();
    // A call that is timed like all others stands for itself, so nothing is asked for it.
    const double lost = n.is_sampled() ? lost_by(tree_of(n), now) : n.tree->lost.ticks();
    const std::uint64_t all =
        is_drawn ? sampling.stand_for(length, n.tree->cost, sampling.lost_at(now, length, lost))
                 : length;
    const std::uint64_t more = all - length;
    sampling.note_end(now, length, lost);
    n.close(now + more);
    time_what_goes_on(n, now);
    if (!is_drawn) take_out_of_estimates(n, length, now);
    if (!n.is_sampled()) return sampling.stop();
    const std::uint32_t next = sampling.draw(n.calls.load(std::memory_order_relaxed), ticks + more,
                                             n.tree->cost, n.tree->exact_times->are_wanted());
    n.until_timed = next > 0 ? static_cast<std::int32_t>(next - 1) : 0;
    if (next > 1) n.tree->has_samples.store(true, std::memory_order_relaxed);
    if (next == 0 && !n.parent->is_sampled()) stop_sampling(n);
    if (next > 0 && sampling.looks_around()) sample_those_inside(n, now);
}

/// Scopes around the innermost open ones have ended: the open ones must leave by the slow path,
/// which finds the place in the tree again. Call it from within `locked`.
inline void find_place(thread_context& tree) noexcept {
    scope_node* const place = nearest_entered(tree.current);
    if (place != tree.current) tree.go_into(*place);
    for (scope_node* n = tree.current; n != &tree.root; n = n->parent)
        if (n->parent != &tree.root && !n->parent->is_entered())
            n->flags.fetch_or(out_of_order, std::memory_order_relaxed);
}

/// Closes scopes of this thread whose objects are gone although they never ended, because `longjmp`
/// skipped them. `holder`: the object of a scope that begins; `sp`: the lowest address of the stack
/// in use. Call it from within `locked`.
inline void close_abandoned(thread_context& tree, engine* e, const void* holder,
                            std::uintptr_t sp) noexcept {
    time_entered(tree, e);
    if (tree.stack_low == 0) {
        tree.stack = stack_range::of_this_thread();
        tree.stack_low = tree.stack.low;
    }
    // On another stack (a fiber's, a signal handler's) the thread's own stack is still in use below
    // `sp`.
    if (!tree.stack.contains(sp)) sp = 0;
    for (scope_node* n = tree.current; n != &tree.root; n = n->parent) {
        const void* const object = n->holder.load(std::memory_order_relaxed);
        const bool is_gone = object == holder || (reinterpret_cast<std::uintptr_t>(object) < sp &&
                                                  tree.stack.contains(object));
        if (!is_gone || !n->is_open()) continue;
        close_timed(*n, now_of(e));
        let_inner_ones_be(*n);
        tree.abandoned.fetch_add(1, std::memory_order_relaxed);
    }
    find_place(tree);
}

/// Before a scope begins: leaves scopes that other threads ended or that were abandoned.
inline void leave_ended_scopes(thread_context& tree, const void* holder,
                               std::uintptr_t sp) noexcept {
    const scope_node& n = *tree.current;
    if (&n == &tree.root) return;
    if (n.is_entered() && !is_abandoned(n, tree, holder, sp)) return;
    tree.locked([&](engine* e) { close_abandoned(tree, e, holder, sp); });
}

/// Whether a sampled scope's timed call is recorded, as often as it stands for.
[[nodiscard]] inline bool records_samples(const scope_node& n) noexcept {
    return n.is_sampled() && (n.tree->root.flags.load(std::memory_order_relaxed) & recorded) != 0;
}
inline void record_sample(thread_context& tree, engine& e, const scope_node& n,
                          std::uint64_t now) noexcept {
    const std::uint64_t begin = now - n.sampling.length_at(n.ticks_at(now));
    const std::uint32_t times = n.sampling.is_drawn() ? n.sampling.gap() : 1;
    (void)catch_bad_alloc([&] { tree.calls.add(n, begin, now, e.tick_seconds(), times); });
}

/// Closes a node and does what its flags ask for. Call it from within `locked`.
inline void close_node(thread_context& tree, engine* e, scope_node& n) noexcept {
    const std::uint32_t flags = n.flags.load(std::memory_order_relaxed);
    edge_energy read;
    if (e != nullptr && (flags & edge_bits) != 0)
        (void)catch_bad_alloc([&] { read = e->edge(n, flags); });
    const std::uint64_t now = now_of(e);
    if (e != nullptr && (flags & (edge_bits | recorded)) != 0)
        (void)catch_bad_alloc([&] { tree.calls.leave(n, now, e->tick_seconds(), read); });
    if (e != nullptr && (flags & (edge_bits | recorded)) == 0 && records_samples(n))
        record_sample(tree, *e, n, now);
    close_timed(n, now);
    if (e != nullptr && (flags & edge_bits) != 0) e->reconsider_edges(n);
}

/// Ends a scope on its own thread. Scopes inside it that are still open end later, out of order,
/// unless they were abandoned.
inline void leave_here(thread_context& tree, scope_node& n, std::uintptr_t sp) noexcept {
    tree.locked([&](engine* e) {
        if (tree.current != &n) close_abandoned(tree, e, nullptr, sp);
        if (n.is_open()) {
            close_node(tree, e, n);
        } else {
            n.count_call();
        }
        if (tree.current == &n) {
            n.flags.fetch_and(~std::uint32_t{out_of_order}, std::memory_order_relaxed);
            tree.go_past(n);
        } else {
            let_inner_ones_be(n);
        }
        find_place(tree);
    });
}

/// Ends a scope on a thread other than its own. The owner notices at its next scope: this scope and
/// its children are flagged.
inline void leave_elsewhere(thread_context& tree, scope_node& n) noexcept {
    std::shared_ptr<thread_context> last;
    tree.locked([&](engine* e) {
        let_inner_ones_be(n);
        if (n.is_open()) {
            close_node(tree, e, n);
        } else {
            n.count_call();
        }
        if (tree.is_orphan()) {
            find_place(tree);
            if (tree.current == &tree.root) last = tree.let_go();
            return;
        }
        tree.ended_elsewhere.fetch_add(1, std::memory_order_relaxed);
        n.flags.fetch_or(out_of_order | ends_elsewhere, std::memory_order_relaxed);
        for (scope_node* c = n.first_child.load(std::memory_order_acquire); c != nullptr;
             c = c->next_sibling.load(std::memory_order_relaxed))
            c->flags.fetch_or(out_of_order, std::memory_order_relaxed);
    });
}

inline void leave_timed(scope_node* n, std::uint64_t now) noexcept {
    thread_context& tree = tree_of(*n);
    tree.go_past(*n);
    const library_section inside;
    if (!inside.is_nested() && records_samples(*n))
        tree.with_owner([&](engine& e) { record_sample(tree, e, *n, now); });
    close_timed(*n, now);
}

inline void leave_slowly(scope_node* n, const void* holder, std::uintptr_t sp) noexcept {
    thread_context& tree = tree_of(*n);
    const library_section inside;
    if (inside.is_nested() || !tree.is_this_process()) {  // the parent may have held its locks
        if (n->is_open()) {
            n->sampling.stop();
            n->close(tree.clock != nullptr ? tree.clock->now() : ticks_now());
        } else if (n->is_untimed()) {
            n->count_call();
        }
        if (tree.current == n) tree.go_past(*n);
        return;
    }
    if (n->holder.load(std::memory_order_relaxed) != holder) return;
    if (!n->is_entered()) return;
    if (tree.is_of_this_thread()) {
        leave_here(tree, *n, sp);
    } else {
        leave_elsewhere(tree, *n);
    }
}

/// The calling thread ends. Objects on its stack are gone; `exit` leaves those of `main` alive.
inline void end_thread(const std::shared_ptr<thread_context>& tree) noexcept {
    const library_section inside;
    tree->locked([&](engine* e) { time_entered(*tree, e); });
    const bool stack_goes = nearest_entered(tree->current) != &tree->root && !is_main_thread();
    const stack_range stack = stack_goes ? stack_range::of_this_thread() : stack_range();
    tree->locked([&](engine* e) {
        for (scope_node* n = tree->current; n != &tree->root; n = n->parent)
            if (n->is_open() && stack.contains(n->holder.load(std::memory_order_relaxed)))
                close_timed(*n, now_of(e)), let_inner_ones_be(*n);
        find_place(*tree);
        if (tree->current == &tree->root) {
            tree->thread_ended.store(true, std::memory_order_release);
        } else {
            tree->become_orphan(tree);
        }
    });
}

}  // namespace detail
}  // namespace v1
}  // namespace joulery
