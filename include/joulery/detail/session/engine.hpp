// engine.hpp - backends, trees and paths of one meter, and the operations on them.
// SPDX-License-Identifier: MIT
#pragma once

#include "joulery/detail/core/catch_bad_alloc.hpp"
#include "joulery/detail/core/config.hpp"
#include "joulery/detail/core/fork_guard.hpp"
#include "joulery/detail/metering/backend_reader.hpp"
#include "joulery/detail/metering/process_share.hpp"
#include "joulery/detail/session/metered_backend.hpp"
#include "joulery/detail/session/own_share.hpp"
#include "joulery/detail/session/path_tallies.hpp"
#include "joulery/detail/session/price_finder.hpp"
#include "joulery/detail/session/timing_policy.hpp"
#include "joulery/detail/timing/call_recorder.hpp"
#include "joulery/detail/timing/path_table.hpp"
#include "joulery/detail/timing/thread_clock.hpp"
#include "joulery/detail/timing/thread_context.hpp"
#include "joulery/detail/timing/time_source.hpp"
#include "joulery/meter.hpp"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <iterator>
#include <memory>
#include <mutex>
#include <utility>
#include <vector>

namespace joulery {
inline namespace v1 {
namespace detail {

/// The machinery of one meter. Lock order: a tree's mutex, a backend's `read_mutex`, its
/// `state_mutex`, `trees_mutex_`.
class engine : public std::enable_shared_from_this<engine> {
 public:
    engine(options& o, std::shared_ptr<time_source> clock)
        : clock_(std::move(clock)),
          policy_(o.attribution),
          budget_(o.overhead_budget),
          scope_ticks_(o.scope_ticks_ >= 0 ? o.scope_ticks_ : measured_scope_ticks(*clock_)),
          slices_a_thread_(std::min(o.record_slices, most_slices)),
          looks_at_calls_(o.percentiles),
          retired_calls_(slices_a_thread_ * threads_of_slices),
          created_at_(clock_->now()) {
        watch_for_forks();
        tick_seconds_.store(clock_->seconds_per_tick(), std::memory_order_relaxed);
        for (auto& b : o.backends) {
            if (b == nullptr || b->channels().empty()) continue;
            backends_.push_back(std::make_shared<metered_backend>(
                std::move(b), backends_.size(), channel_count_, o.period, policy_, *clock_));
            for (std::size_t c = 0; c < backends_.back()->reader.channel_count(); ++c)
                watched_ += backends_.back()->is_watched(c) ? 1u : 0u;
            crowds_ += backends_.back()->has_many() ? 1u : 0u;
            channel_count_ += backends_.back()->reader.channel_count();
            if (policy_ == attribution::process) backends_.back()->process_share = share_of(o);
        }
        if (!clock_->is_manual()) return;  // otherwise the samplers do it
        for (const auto& m : backends_) begin(*m);
    }

    [[nodiscard]] const time_source& clock() const noexcept { return *clock_; }
    /// Length of a tick as of the last sample: a relaxed load, no calibration.
    [[nodiscard]] double tick_seconds() const noexcept {
        return tick_seconds_.load(std::memory_order_relaxed);
    }
    [[nodiscard]] std::uint64_t created_at() const noexcept { return created_at_; }
    [[nodiscard]] double scope_ticks() const noexcept { return scope_ticks_; }
    [[nodiscard]] attribution policy() const noexcept { return policy_; }
    [[nodiscard]] std::size_t channel_count() const noexcept { return channel_count_; }
    [[nodiscard]] path_table& paths() noexcept { return *paths_; }
    [[nodiscard]] const list<std::shared_ptr<metered_backend>>& backends() const noexcept {
        return backends_;
    }
    /// False in a forked child, which must not touch this engine except to free it.
    [[nodiscard]] bool is_this_process() const noexcept { return generation_ == fork_generation(); }
    [[nodiscard]] double elapsed() const noexcept {
        return static_cast<double>(clock_->now() - created_at_) * tick_seconds();
    }

    /// A tree for the calling thread, or for a device with those channels. Does not wait for
    /// backends.
    std::shared_ptr<thread_context> add_tree(list<bool> device_channels = {}) {
        std::uint32_t flags = clock_->is_tick_clock() ? 0u : other_clock;
        if (slices_a_thread_ > 0 || looks_at_calls_) flags |= recorded;
        const std::uint32_t number = trees_made_.fetch_add(1, std::memory_order_relaxed) + 1;
        auto tree = std::make_shared<thread_context>(this, paths_, backends_.size(), flags,
                                                     call_recorder(number, slices_a_thread_),
                                                     std::move(device_channels));
        tree->created_at = clock_->now();
        tree->meter_id = meter_id_;
        tree->meter_engine = weak_from_this();
        tree->number = number;
        tree->clock = clock_;
        if (slices_a_thread_ == 0) tree->cost = timing_cost_of(scope_ticks_, budget_, *clock_);
        tree->exact_times = &paths_->exact_times;
        tree->has_clock = !clock_->is_manual();
        tree->thread_name = name_of_this_thread(number);
        if (backends_.empty()) retire_ended();  // no sampler will do it
        const std::lock_guard<std::mutex> lock(trees_mutex_);
        if (is_closed_) tree->shut_down();
        if (!is_closed_) trees_.push_back(tree), ++trees_version_;
        return tree;
    }

    /// The first read of a backend. Call with the backend's `read_mutex` held.
    void begin(metered_backend& m) {
        m.reader.read_counters(*clock_);
        const std::lock_guard<std::mutex> lock(m.reader.state_mutex);
        expect_looks(m);
        m.begin(*clock_, created_at_, watched_, crowds_);
    }

    /// A read by the sampler: a sample, or one of several reads around an update of a counter. Call
    /// with the backend's `read_mutex` held.
    void step(metered_backend& m) {
        const bool is_timed = !clock_->is_manual();
        const bool times_read = is_timed && m.reader.is_read_timed();
        const double begin = times_read ? thread_cpu_seconds() : 0;
        m.reader.read_counters(*clock_);
        m.cpu_at_read = is_timed ? thread_cpu_seconds() : 0;
        if (times_read) m.reader.note_processor(m.cpu_at_read - begin);
        const std::lock_guard<std::mutex> lock(m.reader.state_mutex);
        (void)accumulate(m);
        expect_looks(m);
        const std::uint64_t before = m.samples;
        m.step(share_now(m));
        m.look_at_ended();
        const bool are_few = m.shares.front().rows().recently_open() <= few_scopes;
        if (m.samples != before && (m.ended_rows() || are_few)) choose_edges(m);
        paths_->exact_times.want(m.wants_exact_times, m.needs_exact_times());
    }

    /// Reads a backend once for a report and ends all rows there, whatever the moment. Call with
    /// the backend's `read_mutex` held.
    void sample(metered_backend& m) {
        m.reader.read_counters(*clock_);
        const std::lock_guard<std::mutex> lock(m.reader.state_mutex);
        // After a failed read the row continues; the next good read brings the energy of both.
        (void)accumulate(m);
        expect_looks(m);
        if (m.reader.values_at() == 0) return;
        if (!m.shares.front().has_begun()) m.begin(*clock_, created_at_, watched_, crowds_);
        ++m.samples;
        m.end_rows(share_now(m), false);
        m.look_at_ended();
        choose_edges(m);
    }

    /// Ends rows at the last read, for a backend that hangs and can't be read again.
    void end_rows_as_read(metered_backend& m) {
        const std::lock_guard<std::mutex> lock(m.reader.state_mutex);
        if (!m.shares.front().has_begun()) return;
        expect_looks(m);
        m.end_rows(own_share(m), false);
    }

    /// Drops the contexts of ended threads once all backends have attributed their last row. Call
    /// without holding any backend's locks.
    void retire_ended() {
        const std::vector<std::shared_ptr<thread_context>> ended = attributed_trees();
        if (ended.empty()) return;
        for (const auto& t : ended) move_calls(*t, trees_mutex_, recorded_paths_);
        const std::lock_guard<std::mutex> lock(trees_mutex_);
        ++trees_version_;
        for (const auto& t : ended) t->untallied.meet(t->nodes());  // first, since it may fail
        for (const auto& t : ended) {
            const auto at = std::find(trees_.begin(), trees_.end(), t);
            if (at == trees_.end()) continue;  // another sampler was faster
            tally_context(*t, retired_, *clock_);
            retired_calls_.take(t->calls, t->thread_name);  // nothing writes to them any more
            trees_.erase(at);
        }
    }

    /// At the edge of a scope of the calling thread: reads every backend that reads this scope at
    /// its edges, so that rows end exactly there. Never waits: a backend that is busy is left to
    /// the sampler. Returns the energy counted for the scope's path up to the edge.
    edge_energy edge(scope_node& n, std::uint32_t flags) {
        auto& tree = static_cast<thread_context&>(*n.tree);
        edge_energy energy;
        std::size_t not_read = 0;
        const double seconds_per_tick = tick_seconds();
        for (const auto& m : backends_) {
            ++not_read;
            if ((flags & edge_bit(m->reader.index())) == 0) {
                if (!m->sums_any()) --not_read;
                continue;
            }
            const std::uint64_t begin = clock_->now();
            const std::unique_lock<timed_mutex> lock(m->reader.read_mutex, std::try_to_lock);
            if (!lock.owns_lock() || !edge_is_affordable(tree, m->reader.read_cost(), budget_,
                                                         begin, seconds_per_tick)) {
                tree.skipped_edges.fetch_add(1, std::memory_order_relaxed);
                continue;
            }
            m->reader.read_counters(*clock_);
            const std::lock_guard<std::mutex> lock_state(m->reader.state_mutex);
            path_record* around = nearest_entered(n.is_open() ? &n : n.parent)->path;
            const std::uint64_t read = clock_->now() - begin;
            note_edge(tree, around, read);
            if (m->reader.accumulate(seconds_per_tick) && m->shares.front().has_begun()) {
                expect_looks(*m);
                m->end_rows(own_share(*m), true);
                if (m->add_to(energy, *n.path)) --not_read;
            }
            const std::uint64_t visits = clock_->now() - begin - read;  // there may be thousands
            note_edge(tree, around, visits), note_attribution(tree, visits);
            tree.edge_reads.fetch_add(1, std::memory_order_relaxed);
        }
        energy.known = not_read == 0;
        return energy;
    }

    /// After a flagged scope has closed: a scope that is too short no longer gets edge reads.
    void reconsider_edges(scope_node& n) noexcept {
        const double mean = mean_ticks(n, clock_->now());
        const double seconds_per_tick = tick_seconds();
        for (const auto& m : backends_) {
            const std::uint32_t bit = edge_bit(m->reader.index());
            const bool first = n.calls.load(std::memory_order_relaxed) <= 1;
            if (!edges_pay(m->reader, mean, !first, budget_, seconds_per_tick, m->longest_lag()))
                n.flags.fetch_and(~bit, std::memory_order_relaxed);
        }
    }

    /// The backends to read at the edges of a path's first call, before its length is known: those
    /// that are cheap to read (at most 20 us).
    [[nodiscard]] std::uint32_t edges_of_new_paths(const thread_context& in) const noexcept {
        std::uint32_t bits = 0;
        for (const auto& m : backends_)
            if (in.takes_any(m->reader.first_channel(), m->reader.channel_count()) &&
                !m->reader.reads_wait() && m->reader.read_cost() * tick_seconds() <= 20e-6)
                bits |= edge_bit(m->reader.index());
        return bits;
    }

    /// Adds up time, calls and items of all trees by path; `by_path[i]` is that of the path with
    /// index i.
    edge_tally tally(list<path_tally>& by_path) {
        for (const auto& t : trees()) move_calls(*t, trees_mutex_, recorded_paths_);
        const std::lock_guard<std::mutex> lock(trees_mutex_);
        edge_tally sum = retired_;
        for (const auto& t : trees_) tally_context(*t, sum, *clock_);
        const std::uint64_t now = clock_->now();
        const bool has_stray_spans = paths_->has_stray_spans();
        const list<path_record*> all = paths_->all();
        by_path.reserve(all.size());
        for (path_record* r : all) {
            if (has_stray_spans) tally_spans(r->stray_spans);
            add_open_spans(r->tally, now);
            r->tally.add_seconds(tick_seconds());
            by_path.push_back(r->tally);
        }
        return sum;
    }

    /// Visits the recorded single calls of each path that has any: index, seconds, joules.
    template <class Visit>
    void for_calls(Visit visit) {
        const std::lock_guard<std::mutex> lock(trees_mutex_);
        for (const auto* r : recorded_paths_) visit(r->index, r->call_seconds, r->call_joules);
    }

    /// The prices that spans are billed at.
    [[nodiscard]] price_finder& prices() noexcept { return prices_; }
    void find_prices_if_due() { prices_.find_if_due(*clock_, created_at_, tick_seconds()); }
    void find_prices(bool read) { prices_.find(*clock_, tick_seconds(), read); }

    /// The calls that threads have recorded so far; open ones up to now.
    [[nodiscard]] call_archive recorded_calls() {
        std::unique_lock<std::mutex> lock(trees_mutex_);
        call_archive all = retired_calls_;
        const auto living = trees_;
        lock.unlock();
        all.lift_limit();
        const std::uint64_t now = clock_->now();
        for (const auto& t : living)
            t->while_still([&] {
                all.take(t->calls, t->thread_name);
                all.take_open(t->calls, t->thread_name, now);
            });
        return all;
    }

    /// Visits the plans of all threads' open scopes.
    template <class Visit>
    void for_item_plans(Visit visit) {
        for (const auto& t : trees()) t->while_still([&] { t->plans.for_open(visit); });
    }

    /// The meter's number, never reused; 0 once it has stopped.
    [[nodiscard]] std::uint64_t meter_id() const noexcept { return meter_id_; }
    void belong_to(std::uint64_t meter_id) noexcept { meter_id_ = meter_id; }

    /// Takes every tree off the fast path permanently.
    void close_down() {
        meter_id_ = 0;
        std::vector<std::shared_ptr<thread_context>> last;  // not copied, which would need memory
        {
            const std::lock_guard<std::mutex> lock(trees_mutex_);
            is_closed_ = true;
            last.swap(trees_);
            ++trees_version_;
        }
        for (const auto& t : last) t->shut_down();
        prices_.find_by(nullptr);
    }

 private:
    std::vector<std::shared_ptr<thread_context>> trees() {
        const std::lock_guard<std::mutex> lock(trees_mutex_);
        return trees_;
    }
    std::vector<std::shared_ptr<thread_context>> attributed_trees() {
        const std::lock_guard<std::mutex> lock(trees_mutex_);
        std::vector<std::shared_ptr<thread_context>> attributed;
        std::copy_if(trees_.begin(), trees_.end(), std::back_inserter(attributed),
                     [](const auto& t) { return t->is_attributed(); });
        return attributed;
    }
    // Call with the backend's `state_mutex` held.
    void expect_looks(metered_backend& m) {
        const std::uint64_t version = trees_version_.load(std::memory_order_acquire);
        if (m.states.version() != version) m.states.become(trees(), version);
        m.states.look_again();
    }

    [[nodiscard]] double time_of(std::uint64_t tick) const noexcept {
        return tick > created_at_ ? static_cast<double>(tick - created_at_) * tick_seconds() : 0;
    }

    // Adds the values of a read to the accounts; true if there were any.
    bool accumulate(metered_backend& m) {
        tick_seconds_.store(clock_->seconds_per_tick(), std::memory_order_relaxed);
        if (!m.reader.accumulate(tick_seconds())) return false;
        m.history.record(time_of(m.reader.read_at()), m.reader.joules());
        return true;
    }

    [[nodiscard]] own_share share_now(metered_backend& m) const noexcept {
        return {m, sampler_seconds(), elapsed()};
    }
    [[nodiscard]] double sampler_seconds() const noexcept {
        double sum = 0;
        for (const auto& m : backends_) sum += m->sampler_seconds;
        return sum;
    }
    // Each backend asks at its own times and so needs a share of its own.
    static std::function<double()> share_of(const options& o) {
        if (o.process_share_) return o.process_share_;
        return [s = std::make_shared<process_share>()] { return s->take(); };
    }
    // Decides which recent scopes are read at their edges and which are timed at some calls only.
    void choose_edges(metered_backend& m) {
        const std::uint64_t now = clock_->now();
        m.shares.front().rows().for_recently_open([&, lag = m.longest_lag()](scope_node& n) {
            choose_edge(n, m.reader, now, budget_, tick_seconds(), lag);
            sample_if_short(n, now);
        });
        if (!m.ended_rows()) sample_short_ones(m.states.all(), now);
    }

    const std::shared_ptr<time_source> clock_;
    const attribution policy_;
    std::size_t watched_ = 0;  ///< counters whose updates are waited for
    std::size_t crowds_ = 0;   ///< backends with many channels
    const double budget_, scope_ticks_;
    static constexpr std::size_t most_slices = 100'000'000;
    const std::size_t slices_a_thread_;
    const bool looks_at_calls_;
    std::atomic<std::uint32_t> trees_made_{0};
    /// The calls kept of ended threads: as many as this many living threads may have.
    static constexpr std::size_t threads_of_slices = 16;
    call_archive retired_calls_;
    list<path_record*> recorded_paths_;  ///< those with recorded calls; guarded like their tallies
    const std::uint64_t created_at_;
    const std::uint32_t generation_ = fork_generation();
    std::atomic<std::uint64_t> meter_id_{0};
    std::atomic<double> tick_seconds_{1e-9};
    std::size_t channel_count_ = 0;
    const std::shared_ptr<path_table> paths_ = std::make_shared<path_table>();
    price_finder prices_{paths_->rates};
    list<std::shared_ptr<metered_backend>> backends_;
    std::mutex trees_mutex_;
    std::vector<std::shared_ptr<thread_context>> trees_;
    std::atomic<std::uint64_t> trees_version_{1};  ///< changes whenever `trees_` does
    bool is_closed_ = false;
    edge_tally retired_;
};

}  // namespace detail
}  // namespace v1
}  // namespace joulery
