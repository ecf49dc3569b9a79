// open_times.hpp - how long each scope was open in a stretch of time, thread by thread.
// SPDX-License-Identifier: MIT
#pragma once

#include "joulery/detail/attribution/scope_states.hpp"
#include "joulery/detail/core/list.hpp"
#include "joulery/detail/timing/node_watch.hpp"
#include "joulery/detail/timing/scope_node.hpp"
#include "joulery/detail/timing/thread_context.hpp"

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <iterator>
#include <memory>
#include <unordered_map>
#include <utility>
#include <vector>

namespace joulery {
inline namespace v1 {
namespace detail {

/// How long a scope was open without an open child, in ticks; 0 if it always had one.
struct own_time {
    scope_node* node;
    path_record* path;  ///< the node's
    double ticks;
    double ended = 0;       ///< calls that ended in it
    bool was_open = false;  ///< when the stretch began
    bool is_open = false;   ///< when it ends
    double at_edges = 0;    ///< ticks of reads at edges; not part of `ticks`
};

/// The part of one thread, or one device, in a stretch.
struct context_stretch {
    std::shared_ptr<thread_context> context;  ///< keeps the nodes below alive
    list<own_time> own;
    std::vector<double>
        lanes;         ///< ticks in top-level scopes: one figure; for a device one per stream
    double busy = -1;  ///< share of the time since the look before that the thread had a
                       ///< processor; negative: not known, or the only thread
    scope_node* innermost = nullptr;  ///< the scope open as the stretch ends, or none
    bool is_exact = true;             ///< every call in it was timed
    double tail = 0;  ///< ticks from the thread's last change of scopes to the end, approximately
};

/// Measures, for all threads at one instant, how long which scopes were open since the last call.
///
/// Thread: one caller at a time. Cost: some loads for each scope that was open since. Each reader
/// of a counter has its own, because each looks at its own instants.
///
///     open_times times;
///     times.look(states, begin, tick, takes_all);            // the stretch begins
///     times.look(states, end, tick, takes_all);              // and ends
///     for (std::size_t i = 0; i < times.count(); ++i) ... times[i]
class open_times {
 public:
    /// Looks at the contexts that `takes(context)` accepts, as of tick `at`. `seconds_per_tick`: 0
    /// if threads' processor time does not matter.
    template <class Takes>
    void look(scope_states& states, std::uint64_t at, double seconds_per_tick, Takes takes) {
        ++looks_;
        count_ = 0;
        const list<context_states*>& now = states.now();
        seconds_per_tick_ = now.size() > 1 ? seconds_per_tick : 0;
        for (context_states* c : now) {
            if (!takes(*c->context)) continue;
            if (count_ == stretches_.size()) stretches_.emplace_back();
            stretches_[count_].context = c->context;
            measure(*c, states.number(), at, stretches_[count_++]);
        }
        if (last_looks_.size() > count_) forget_gone();
    }

    [[nodiscard]] std::size_t count() const noexcept { return count_; }
    [[nodiscard]] const context_stretch& operator[](std::size_t i) const noexcept {
        return stretches_[i];
    }
    [[nodiscard]] context_stretch& operator[](std::size_t i) noexcept { return stretches_[i]; }

 private:
    struct sampled_look {
        double ahead = 0;           ///< ticks counted for scopes inside beyond its own
        std::uint64_t untimed = 0;  ///< calls in the ticks without having been timed
        bool is_behind = false;     ///< some calls are not in the ticks yet
    };
    struct last_look {
        std::vector<std::uint64_t> seen;   ///< ticks at the last look, by node
        std::vector<std::uint64_t> calls;  ///< by node: twice the calls ended; odd: open
        list<sampled_look> samples;        ///< by node; empty while every call is timed
        bit_set again;                     ///< nodes to visit even if unchanged
        std::uint64_t changes = 0;         ///< number of the states looked at last
        std::uint64_t look = 0;
        std::uint64_t at = 0;  ///< of the last look
        double busy = -1;      ///< s, processor time as of `busy_at`
        std::uint64_t busy_at = 0;
    };

    void measure(context_states& states, std::uint64_t number, std::uint64_t at,
                 context_stretch& into) {
        into.own.clear();
        into.lanes.clear();
        into.innermost = nullptr;
        into.is_exact = true;
        std::uint64_t ends = 0;  // calls of the innermost scope ended since the last look
        bool was_open = false;
        last_look& m = last_looks_[states.context->number];
        m.look = looks_;
        choose_due(states, m);
        const bool device = states.context->is_device();
        if (!device) into.lanes.push_back(0);
        into.busy = device || seconds_per_tick_ <= 0 ? -1 : busy_share(states, at, m);
        // Children come before their parents, so that a child's time never exceeds its parent's.
        due_.take_backwards([&](std::size_t i) {
            const std::uint64_t ticks = scope_node::ticks_in(states.state(i), at);
            const bool open = (states.state(i) & scope_node::open_bit) != 0;
            if (!m.samples.empty()) note_samples(states.node(i), m.samples[i], into);
            if (!open && ticks == m.seen[i] && inside_[i] == 0) return;
            const std::uint64_t calls = 2 * states.calls(i) + (open ? 1 : 0);
            const std::uint64_t before = std::exchange(m.calls[i], calls);
            if (open && into.innermost == nullptr) {
                into.innermost = &states.node(i);
                ends = calls / 2 - before / 2;
                was_open = before % 2 == 1;
            }
            add(states, i, ticks, m, device, into);
            own_time& own = into.own.back();
            own.ended = static_cast<double>(calls / 2) - static_cast<double>(before / 2);
            own.was_open = before % 2 == 1;
            own.is_open = open;
            if (open || ticks != m.seen[i]) again_.add(i);
        });
        is_measuring_ = false;
        std::swap(m.again, again_);
        m.changes = number;
        const std::uint64_t since = std::exchange(m.at, at);
        const double stretch = since != 0 && at > since ? static_cast<double>(at - since) : 0;
        if (!device && stretch > 0) leave_late_ends(states, stretch, m, into);
        note_tail(stretch, ends, was_open, into);
    }
    // Nodes that changed since, that were open, or that were left incomplete at the last look.
    void choose_due(context_states& states, last_look& m) {
        const std::size_t nodes = states.size();
        if (m.calls.size() < nodes) m.seen.resize(nodes, 0), m.calls.resize(nodes, 0);
        if (states.context->has_samples.load(std::memory_order_relaxed)) m.samples.resize(nodes);
        m.again.resize(nodes);
        again_.clear(nodes);
        // Without memory, a look may have been interrupted: clear what it left.
        if (std::exchange(is_measuring_, true)) std::fill(inside_.begin(), inside_.end(), 0.0);
        if (inside_.size() < nodes) inside_.resize(nodes, 0.0);
        due_ = m.again;
        states.add_changed(m.changes, due_);
    }
    // A single call that began in the stretch, with none inside it, is as old as its time. All else
    // is unknown.
    static void note_tail(double stretch, std::uint64_t ends, bool was_open,
                          context_stretch& into) {
        into.tail = 0;
        if (into.innermost == nullptr) {
            if (into.own.empty()) into.tail = stretch;
        } else if (ends == 0) {
            for (const own_time& t : into.own) {
                if (t.node == into.innermost) into.tail = was_open ? stretch : t.ticks;
                // Since when none inside it ran is unknown; an untimed call may be running now.
                if (t.node->parent == into.innermost || t.node->sampling.untimed() > 0)
                    return void(into.tail = 0);
            }
        }
    }
    // A look is often as of a moment that has just passed. Time that a scope was open after that
    // moment belongs to the next stretch: a thread is never in scopes for longer than time passes.
    static void leave_late_ends(context_states& states, double stretch, last_look& m,
                                context_stretch& into) {
        const double late = into.lanes[0] - stretch;
        if (!(late >= 1)) return;
        own_time* most = nullptr;
        for (own_time& t : into.own)
            if (most == nullptr || t.ticks > most->ticks) most = &t;
        if (most == nullptr || most->ticks < late) return;
        most->ticks -= late;
        into.lanes[0] -= late;
        const auto ticks = static_cast<std::uint64_t>(late);
        for (std::uint32_t i = most->node->index; i != node_watch::at_top; i = states.parent(i)) {
            if ((states.state(i) & scope_node::open_bit) != 0) continue;
            m.seen[i] -= std::min(ticks, m.seen[i]);
            m.again.add(i);
        }
    }

    double busy_share(context_states& states, std::uint64_t at, last_look& m) const {
        const double busy = states.busy_seconds();
        const double before = std::exchange(m.busy, busy);
        const std::uint64_t since = std::exchange(m.busy_at, at);
        if (before < 0 || busy < 0 || at <= since) return busy < 0 ? -1 : 1;
        const double seconds = static_cast<double>(at - since) * seconds_per_tick_;
        return std::clamp((busy - before) / seconds, 0.0, 1.0);
    }

    void add(context_states& states, std::size_t i, std::uint64_t ticks, last_look& m, bool device,
             context_stretch& into) {
        const auto growth = static_cast<std::int64_t>(ticks - m.seen[i]);
        if (growth > 0) m.seen[i] = ticks;
        const double children = std::exchange(inside_[i], 0.0);
        double grown = growth > 0 ? static_cast<double>(growth) : 0;
        if (!m.samples.empty()) grown = less_what_was_ahead(m.samples[i], grown, children);
        const double whole = std::max(grown, children);
        into.own.push_back({&states.node(i), states.path(i), whole - children});
        if (whole <= 0) return;
        if (const std::uint32_t up = states.parent(i); up != node_watch::at_top) {
            inside_[up] += whole;
            due_.add(up);
        } else if (device) {
            into.lanes.push_back(whole);
        } else {
            into.lanes[0] += whole;
        }
    }

    // Scopes timed at some calls may have been counted as longer than their parent. The difference
    // is subtracted from later growth.
    static double less_what_was_ahead(sampled_look& m, double grown, double children) noexcept {
        const double left = grown - m.ahead;
        m.ahead = std::max(children - left, 0.0);
        return left;
    }
    // A scope's time in a stretch is exact if no call was left out of it and none of an earlier
    // stretch was added; one call may be in progress.
    static void note_samples(const scope_node& n, sampled_look& m, context_stretch& into) noexcept {
        const std::uint64_t untimed = n.sampling.untimed();
        const bool is_sampled = (n.flags.load(std::memory_order_relaxed) & sampled) != 0;
        const bool is_behind =
            is_sampled && n.calls.load(std::memory_order_relaxed) > n.sampling.calls_before() + 1;
        if (is_behind || m.is_behind || untimed != m.untimed) into.is_exact = false;
        m.untimed = untimed;
        m.is_behind = is_behind;
    }

    void forget_gone() {
        for (auto at = last_looks_.begin(); at != last_looks_.end();)
            at = at->second.look == looks_ ? std::next(at) : last_looks_.erase(at);
    }

    std::unordered_map<std::uint32_t, last_look> last_looks_;  ///< by context number
    // For the context being measured, by node: ticks in children, and nodes to visit.
    std::vector<double> inside_;
    bit_set due_, again_;
    bool is_measuring_ = false;
    list<context_stretch> stretches_;
    std::size_t count_ = 0;
    std::uint64_t looks_ = 0;
    double seconds_per_tick_ = 0;
};

}  // namespace detail
}  // namespace v1
}  // namespace joulery
