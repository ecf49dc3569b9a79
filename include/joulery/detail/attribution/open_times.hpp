// open_times.hpp - how long each scope was open in a stretch of time, thread by thread.
// SPDX-License-Identifier: MIT
#pragma once

#include "joulery/detail/timing/path_table.hpp"
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

/// How long a scope was open without an open child, in ticks; 0 where it always had one.
struct own_time {
    scope_node* node;
    double ticks;
};

/// One thread's part in a stretch, or one device's.
struct context_stretch {
    std::shared_ptr<thread_context> context;  ///< kept, since its nodes are named below
    std::vector<own_time> own;
    std::vector<double>
        lanes;         ///< ticks in scopes at the top: one figure; of a device one a stream
    double busy = -1;  ///< share of the time since the look before that the thread had a
                       ///< processor; negative: not known, or the only thread
    scope_node* innermost = nullptr;  ///< the scope that is open as the stretch ends, or none
    double tail = 0;  ///< ticks up to the end since the thread last changed scopes, about
};

/// Looks at the scopes of all threads at one instant and says what grew since the last look.
///
/// Thread: one caller at a time. Cost: a load a node of every thread. Each reader of a counter has
/// one of its own, since each looks at its own instants.
///
///     open_times times;
///     times.look(contexts, begin, takes_all);            // the stretch begins
///     times.look(contexts, end, takes_all);              // and ends
///     for (const context_stretch& c : times.stretches()) ...
class open_times {
 public:
    /// Looks at the contexts that `takes(context)` allows, as of tick `at`. `seconds_per_tick`: 0
    /// where threads' processor time does not matter.
    template <class Takes>
    void look(const std::vector<std::shared_ptr<thread_context>>& contexts, std::uint64_t at,
              double seconds_per_tick, Takes takes) {
        ++looks_;
        count_ = 0;
        seconds_per_tick_ = contexts.size() > 1 ? seconds_per_tick : 0;
        for (const auto& c : contexts) {
            if (!takes(*c)) continue;
            if (count_ == stretches_.size()) stretches_.emplace_back();
            stretches_[count_].context = c;
            measure(*c, at, stretches_[count_++]);
        }
        if (marks_.size() > count_) forget_gone();
    }

    [[nodiscard]] std::size_t count() const noexcept { return count_; }
    [[nodiscard]] const context_stretch& operator[](std::size_t i) const noexcept {
        return stretches_[i];
    }
    [[nodiscard]] context_stretch& operator[](std::size_t i) noexcept { return stretches_[i]; }

 private:
    struct marks {
        std::vector<std::uint64_t> seen;   ///< ticks at the last look, by node
        std::vector<std::uint64_t> calls;  ///< likewise, twice the calls ended; odd: open
        std::uint64_t look = 0;
        std::uint64_t at = 0;  ///< of the last look
        double busy = -1;      ///< s, processor time as of `busy_at`
        std::uint64_t busy_at = 0;
    };

    void measure(thread_context& context, std::uint64_t at, context_stretch& into) {
        into.own.clear();
        into.lanes.clear();
        into.innermost = nullptr;
        std::uint64_t ends = 0;  // of calls of the innermost, since the last look
        bool was_open = false;
        const std::size_t nodes = context.nodes().size();
        marks& m = marks_[context.number];
        m.look = looks_;
        if (m.calls.size() < nodes) m.seen.resize(nodes, 0), m.calls.resize(nodes, 0);
        // Without memory a look may have broken off: what it left belongs to nobody.
        if (std::exchange(is_measuring_, true)) std::fill(inside_.begin(), inside_.end(), 0.0);
        if (inside_.size() < nodes) inside_.resize(nodes, 0.0);
        const bool device = context.is_device();
        if (!device) into.lanes.push_back(0);
        into.busy = device || seconds_per_tick_ <= 0 ? -1 : busy_share(context, at, m);
        // Children come before their parents, so that a child's time never exceeds its parent's.
        context.nodes().for_each_backwards([&](scope_node& n) {
            if (n.index >= nodes) return;  // made meanwhile: the next look sees it
            const std::uint64_t state = n.state.load(std::memory_order_acquire);
            const std::uint64_t ticks = scope_node::ticks_in(state, at);
            const bool open = (state & scope_node::open_bit) != 0;
            std::uint64_t& seen = m.seen[n.index];
            if (!open && ticks == seen && inside_[n.index] == 0) return;
            const std::uint64_t calls =
                2 * n.calls.load(std::memory_order_relaxed) + (open ? 1 : 0);
            const std::uint64_t before = std::exchange(m.calls[n.index], calls);
            if (open && into.innermost == nullptr) {
                into.innermost = &n;
                ends = calls / 2 - before / 2;
                was_open = before % 2 == 1;
            }
            add(n, ticks, seen, device, into);
        });
        is_measuring_ = false;
        const std::uint64_t since = std::exchange(m.at, at);
        const double stretch = since != 0 && at > since ? static_cast<double>(at - since) : 0;
        if (!device && stretch > 0) leave_late_ends(stretch, m, into);
        note_tail(stretch, ends, was_open, into);
    }
    // One call that began in the stretch is as old as its time; of several nothing is known.
    static void note_tail(double stretch, std::uint64_t ends, bool was_open,
                          context_stretch& into) {
        into.tail = 0;
        if (into.innermost == nullptr) {
            if (into.own.empty()) into.tail = stretch;
        } else if (ends == 0) {
            for (const own_time& t : into.own)
                if (t.node == into.innermost) into.tail = was_open ? stretch : t.ticks;
        }
    }
    // A look is often as of a moment that has just passed. What a scope was open after it, until it
    // ended, belongs to the next stretch: a thread is never in scopes for longer than time passes.
    static void leave_late_ends(double stretch, marks& m, context_stretch& into) {
        const double late = into.lanes[0] - stretch;
        if (!(late >= 1)) return;
        own_time* most = nullptr;
        for (own_time& t : into.own)
            if (most == nullptr || t.ticks > most->ticks) most = &t;
        if (most == nullptr || most->ticks < late) return;
        most->ticks -= late;
        into.lanes[0] -= late;
        const auto ticks = static_cast<std::uint64_t>(late);
        for (const scope_node* n = most->node; n != nullptr && n->parent != nullptr; n = n->parent)
            if (!n->is_open()) m.seen[n->index] -= std::min(ticks, m.seen[n->index]);
    }

    double busy_share(const thread_context& context, std::uint64_t at, marks& m) const {
        const double busy = context.busy_seconds();
        const double before = std::exchange(m.busy, busy);
        const std::uint64_t since = std::exchange(m.busy_at, at);
        if (before < 0 || busy < 0 || at <= since) return busy < 0 ? -1 : 1;
        const double seconds = static_cast<double>(at - since) * seconds_per_tick_;
        return std::clamp((busy - before) / seconds, 0.0, 1.0);
    }

    void add(scope_node& n, std::uint64_t ticks, std::uint64_t& seen, bool device,
             context_stretch& into) {
        const auto grown = static_cast<std::int64_t>(ticks - seen);
        if (grown > 0) seen = ticks;
        const double children = inside_[n.index];
        inside_[n.index] = 0;
        const double whole = std::max(grown > 0 ? static_cast<double>(grown) : 0.0, children);
        into.own.push_back({&n, whole - children});
        if (whole <= 0) return;
        if (n.parent->parent != nullptr) {
            inside_[n.parent->index] += whole;
        } else if (device) {
            into.lanes.push_back(whole);
        } else {
            into.lanes[0] += whole;
        }
    }

    void forget_gone() {
        for (auto at = marks_.begin(); at != marks_.end();)
            at = at->second.look == looks_ ? std::next(at) : marks_.erase(at);
    }

    std::unordered_map<std::uint32_t, marks> marks_;  ///< by the context's number
    std::vector<double> inside_;  ///< ticks in children, by node of the context being measured
    bool is_measuring_ = false;
    std::vector<context_stretch> stretches_;
    std::size_t count_ = 0;
    std::uint64_t looks_ = 0;
    double seconds_per_tick_ = 0;
};

}  // namespace detail
}  // namespace v1
}  // namespace joulery
