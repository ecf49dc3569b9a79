// call_recorder.hpp - records single calls with their time and energy, and archives the longest.
// SPDX-License-Identifier: MIT
#pragma once

#include "joulery/detail/core/list.hpp"
#include "joulery/detail/timing/scope_node.hpp"
#include "joulery/histogram.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <map>
#include <string>

namespace joulery {
inline namespace v1 {
namespace detail {

/// Energy up to an edge at which every summed channel was read.
struct edge_energy {
    bool known = false;          ///< every summed channel was read, and its row ended there
    std::uint32_t channels = 0;  ///< changes when the set of summed channels changes
    double inside = 0;           ///< J of the path by its share of rows, children included
    double own = 0;              ///< J of everything that scopes may be billed

    /// If a path has at least this part of a row, the row's energy counts as the path's.
    static constexpr double alone = 0.95;
};

/// J between the edges of a call, as read; negative: unknown, or other scopes were active, too.
[[nodiscard]] inline double joules_between(const edge_energy& begin,
                                           const edge_energy& end) noexcept {
    if (!begin.known || !end.known || begin.channels != end.channels) return -1;
    const double inside = end.inside - begin.inside, own = end.own - begin.own;
    const bool is_alone = own > 0 && inside >= edge_energy::alone * own && inside <= own * 1.001;
    return is_alone ? inside : -1;
}

/// One call of a scope, in ticks.
struct recorded_call {
    const path_record* path = nullptr;
    std::uint32_t thread = 0;  ///< number of its tree in the meter
    std::uint64_t begin = 0;
    std::uint64_t end = 0;
    [[nodiscard]] std::uint64_t length() const noexcept { return end > begin ? end - begin : 0; }
};

/// Distribution of the time and energy of a path's single calls, as far as they were recorded.
struct call_distribution {
    path_record* path = nullptr;
    histogram seconds, joules;
};

/// The longest calls seen, at most `limit`.
class longest_calls {
 public:
    static constexpr std::size_t limit = 48;

    void add(const recorded_call& call) {
        if (calls_.size() == limit) {
            if (call.length() <= calls_.front().length()) return;
            std::pop_heap(calls_.begin(), calls_.end(), is_longer);
            calls_.pop_back();
        }
        calls_.push_back(call);
        std::push_heap(calls_.begin(), calls_.end(), is_longer);
    }
    [[nodiscard]] const list<recorded_call>& calls() const noexcept { return calls_; }

 private:
    static bool is_longer(const recorded_call& a, const recorded_call& b) noexcept {
        return a.length() > b.length();
    }
    list<recorded_call> calls_;  ///< a heap, the shortest in front
};

/// The calls of one thread that left the fast path: the first ones up to a limit, for a trace, and
/// the longest ones whatever the limit, for orientation.
///
/// Thread: not synchronized; guarded by the tree's mutex; after the end of the thread, owned by
///         whoever knows of the end.
/// Cost:   a few stores per call. Memory: 32 bytes per call up to the limit, none beyond it.
/// Fails:  never; calls beyond the limit are counted.
///
///     call_recorder r(7, 1'000);      // thread 7, a thousand calls
///     r.enter(node, now);             // node: still closed
///     r.leave(node, later);           // node: still open
class call_recorder {
 public:
    call_recorder(std::uint32_t thread, std::size_t limit) noexcept
        : thread_(thread), limit_(limit) {}

    /// Call it just before `n` opens.
    void enter(const scope_node& n, std::uint64_t now, const edge_energy& joules = {}) {
        if (open_.size() <= n.depth) open_.resize(n.depth + std::size_t{1});
        open_[n.depth] = {&n, now, n.calls.load(std::memory_order_relaxed), joules};
    }
    /// Call it just before `n` closes. A call whose begin is unknown is not recorded: it began on
    /// the fast path and was flagged later.
    void leave(const scope_node& n, std::uint64_t now, double seconds_per_tick,
               const edge_energy& joules = {}) {
        std::uint64_t begin = 0;
        edge_energy before;
        if (!find_begin(n, now, begin, before)) return;
        add(n, begin, now, seconds_per_tick, 1);
        call_distribution& calls = distributions_[n.index];
        const recorded_call call{n.path, thread_, begin, now};
        const double used = joules_between(before, joules);
        if (used >= 0) calls.joules.add(used);
        if (limit_ == 0) return;
        if (calls_.size() < limit_) {
            calls_.push_back(call);
        } else {
            ++dropped_;
        }
    }

    /// A call that stands for `times` calls.
    void add(const scope_node& n, std::uint64_t begin, std::uint64_t end, double seconds_per_tick,
             std::uint64_t times) {
        const recorded_call call{n.path, thread_, begin, end};
        longest_.add(call);
        if (distributions_.size() <= n.index) distributions_.resize(n.index + std::size_t{1});
        call_distribution& calls = distributions_[n.index];
        if (calls.path == nullptr) known_.push_back(n.index);
        calls.path = n.path;
        calls.seconds.add(static_cast<double>(call.length()) * seconds_per_tick, times);
    }

    /// Hands over the distributions since the last time, by path.
    template <class Visit>
    void drain(Visit visit) {
        for (const std::uint32_t index : known_) {
            call_distribution& s = distributions_[index];
            if (s.path == nullptr) continue;  // there was no memory for the others last time
            visit(s);
            s = call_distribution();
        }
        known_.clear();
    }

    /// Visits calls that are still open, as if they ended now.
    template <class Visit>
    void for_open(std::uint64_t now, Visit visit) const {
        for (const opening& o : open_)
            if (o.node != nullptr && o.node->is_open() && is_call_of(o, *o.node))
                visit(recorded_call{o.node->path, thread_, o.at, now});
    }
    [[nodiscard]] const list<recorded_call>& calls() const noexcept { return calls_; }
    [[nodiscard]] const longest_calls& longest() const noexcept { return longest_; }
    [[nodiscard]] std::uint64_t dropped() const noexcept { return dropped_; }
    [[nodiscard]] std::uint32_t thread() const noexcept { return thread_; }
    /// Whether calls are kept for a trace.
    [[nodiscard]] bool is_recording() const noexcept { return limit_ > 0; }

 private:
    struct opening {
        const scope_node* node = nullptr;
        std::uint64_t at = 0;
        std::uint64_t calls = 0;  ///< ended calls of the node; identifies a call
        edge_energy joules;       ///< at its begin
    };
    static bool is_call_of(const opening& o, const scope_node& n) noexcept {
        return o.node == &n && o.calls == n.calls.load(std::memory_order_acquire);
    }
    // A node's first call began when its time did.
    bool find_begin(const scope_node& n, std::uint64_t now, std::uint64_t& begin,
                    edge_energy& joules) const noexcept {
        if (n.depth < open_.size() && is_call_of(open_[n.depth], n)) {
            begin = open_[n.depth].at;
            joules = open_[n.depth].joules;
            return true;
        }
        if (n.calls.load(std::memory_order_relaxed) != 0) return false;
        begin = now - n.ticks_at(now);
        return true;
    }

    const std::uint32_t thread_;
    const std::size_t limit_;
    list<opening> open_;  ///< by depth: each open scope has its own
    list<recorded_call> calls_;
    longest_calls longest_;
    list<call_distribution> distributions_;  ///< by node
    list<std::uint32_t> known_;              ///< nodes with entries in `distributions_`
    std::uint64_t dropped_ = 0;
};

/// Collects what threads have recorded. Bounded: for a program that starts a thread per request it
/// keeps the calls of the first threads and counts the rest.
///
/// Thread: not synchronized.
///
///     call_archive all(100'000);
///     all.take(recorder, "worker");
class call_archive {
 public:
    explicit call_archive(std::size_t limit) noexcept : limit_(limit) {}

    void take(const call_recorder& from, const std::string& name) {
        const std::size_t room = limit_ - std::min(limit_, calls_.size());
        const std::size_t taken = std::min(room, from.calls().size());
        calls_.append(from.calls().begin(),
                      from.calls().begin() + static_cast<std::ptrdiff_t>(taken));
        dropped_ += from.dropped() + (from.calls().size() - taken);
        for (const recorded_call& c : from.longest().calls()) longest_.add(c);
        if (taken > 0) names_[from.thread()] = name;
        name_longest(from.thread(), name);
    }
    /// Adds the calls of a thread that are still open.
    void take_open(const call_recorder& from, const std::string& name, std::uint64_t now) {
        from.for_open(now, [&](const recorded_call& c) {
            longest_.add(c);
            if (!from.is_recording()) return;
            calls_.push_back(c);
            names_[from.thread()] = name;
        });
        name_longest(from.thread(), name);
    }

    /// For the copy that a report is made from: living threads limit their calls themselves.
    void lift_limit() noexcept { limit_ = static_cast<std::size_t>(-1); }

    [[nodiscard]] const list<recorded_call>& calls() const noexcept { return calls_; }
    [[nodiscard]] const longest_calls& longest() const noexcept { return longest_; }
    [[nodiscard]] std::uint64_t dropped() const noexcept { return dropped_; }
    /// Names by thread number, for threads that have calls here.
    [[nodiscard]] const std::map<std::uint32_t, std::string>& names() const noexcept {
        return names_;
    }

 private:
    void name_longest(std::uint32_t thread, const std::string& name) {
        for (const recorded_call& c : longest_.calls())
            if (c.thread == thread) names_[thread] = name;
        if (names_.size() > calls_.size() + 4 * longest_calls::limit) forget_names();
    }
    // Removes threads whose calls were replaced by longer ones.
    void forget_names() {
        std::map<std::uint32_t, std::string> kept;
        const auto keep = [&](const recorded_call& c) { kept[c.thread] = names_[c.thread]; };
        std::for_each(calls_.begin(), calls_.end(), keep);
        std::for_each(longest_.calls().begin(), longest_.calls().end(), keep);
        names_.swap(kept);
    }

    std::size_t limit_;
    list<recorded_call> calls_;
    longest_calls longest_;
    std::uint64_t dropped_ = 0;
    std::map<std::uint32_t, std::string> names_;
};

}  // namespace detail
}  // namespace v1
}  // namespace joulery
