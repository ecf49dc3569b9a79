// row_builder.hpp - which paths were open in a row of a channel's energy, and for how long.
// SPDX-License-Identifier: MIT
#pragma once

#include "joulery/detail/attribution/busy_shares.hpp"
#include "joulery/detail/attribution/call_lengths.hpp"
#include "joulery/detail/attribution/channel_traits.hpp"
#include "joulery/detail/attribution/disaggregation.hpp"
#include "joulery/detail/attribution/open_times.hpp"
#include "joulery/detail/attribution/overlap.hpp"
#include "joulery/detail/attribution/pending_row.hpp"
#include "joulery/detail/attribution/thread_gaps.hpp"
#include "joulery/detail/attribution/turns_seen.hpp"
#include "joulery/detail/core/list.hpp"
#include "joulery/detail/timing/thread_context.hpp"
#include "joulery/quality.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

namespace joulery {
inline namespace v1 {
namespace detail {

/// Adds up what was open between looks, for the two rows in progress: the one to fit and the one to
/// bill. Time goes to the innermost scope of each thread. If several threads share processors it is
/// weighted by how much of it they had one, so that waiting threads are not billed.
///
/// Thread: call with the backend's `state_mutex` held. Cost: see open_times.
class row_builder {
 public:
    static constexpr std::size_t most_columns = 160;
    static constexpr std::uint32_t outside_column = 0, rest_column = 1;

    explicit row_builder(const channel_traits& traits) : traits_(traits) {}

    void look(scope_states& all, std::uint64_t at) {
        const double tick = traits_.follows_processors ? traits_.seconds_per_tick : 0;
        times_.look(all, at, tick, [&](const thread_context& c) { return c.takes(traits_.index); });
    }

    /// Visits the scopes that were open before the last look.
    template <class Visit>
    void for_recently_open(Visit visit) const {
        for (std::size_t i = 0; i < times_.count(); ++i)
            for (const own_time& t : times_[i].own) visit(*t.node);
    }
    [[nodiscard]] std::size_t recently_open() const noexcept {
        std::size_t sum = 0;
        for (std::size_t i = 0; i < times_.count(); ++i) sum += times_[i].own.size();
        return sum;
    }
    [[nodiscard]] const pending_row& to_fit() const noexcept { return to_fit_; }
    void begin_row_to_fit() noexcept {
        to_fit_.clear();
        gaps_.begin_row();
    }
    [[nodiscard]] pending_row& to_bill() noexcept { return to_bill_; }
    [[nodiscard]] const pending_row& to_bill() const noexcept { return to_bill_; }

    // Adds the last look to both rows.
    void add_stretch(double seconds, bool at_edge) {
        if (!(seconds > 0)) return;
        const double ticks = seconds / traits_.seconds_per_tick;
        host_.clear(), device_.clear();
        for (std::size_t i = 0; i < times_.count(); ++i) {
            const context_stretch& c = times_[i];
            lanes& into = c.context->is_device() ? device_ : host_;
            for (const double t : c.lanes)
                if (t > 0) into.parts.push_back(t / ticks);
            into.is_open |= c.innermost != nullptr;
            to_fit_.is_exact = to_fit_.is_exact && c.is_exact;
        }
        learn_busy_shares(ticks);
        const double at_edges = take_edges_out(host_.parts.size()) * traits_.seconds_per_tick;
        const double host_idle = host_.both.idle_part(host_.parts);
        const double device_busy = 1 - device_.both.idle_part(device_.parts);
        note_tail(ticks);
        find_turns(ticks);
        const double waiting = waiting_part(host_idle);
        learn_overlaps(std::min(seconds / a_new_look, 1.0), ticks, at_edge);
        for (pending_row* row : {&to_fit_, &to_bill_}) {
            const bool begins = !(row->seconds > 0);
            row->seconds += seconds;
            row->seconds_per_tick = traits_.seconds_per_tick;
            const double reading = row == &to_bill_ ? at_edges : 0;
            row->outside += std::min(seconds * host_idle + reading, seconds);
            row->waiting += seconds * waiting;
            row->busy_outside += busy_outside_ * traits_.seconds_per_tick;
            row->device_busy += seconds * device_busy;
            for (std::size_t i = 0; i < times_.count(); ++i) add_own(*row, i, begins);
        }
    }
    // Each path's share of the row to bill, and its time as counted by the regression.
    void members_to_bill(list<row_member>& out) {
        out.clear();
        for_members(to_bill_, [&](const row_member& m, const calls_in_row& calls) {
            if (m.column > rest_column) (void)lengths_.learn(m.column, m.seconds, calls);
            out.push_back(m);
        });
    }
    // The same for the row to fit, by column. Returns s between scopes that count as in them.
    double members_to_fit(list<fit_member>& out) {
        out.clear();
        for_members(to_fit_, [&](const row_member& m, const calls_in_row& calls) {
            fit_member f{m, calls, {}};
            if (m.column > rest_column) f.length = lengths_.learn(m.column, m.seconds, calls);
            out.push_back(f);
        });
        return gaps_.fill(out, traits_.seconds_per_tick, outside_column);
    }
    [[nodiscard]] std::uint32_t known_column(const path_record* path) const noexcept {
        if (path == nullptr) return outside_column;
        if (path->index >= columns_.size() || columns_[path->index] == 0) return most_columns;
        return columns_[path->index];
    }

    /// What paths have of the moments that several threads share.
    [[nodiscard]] const turns_seen& turns() const noexcept { return turns_; }

    /// s for which the open scopes have been open.
    [[nodiscard]] double tail() const noexcept { return tail_ * traits_.seconds_per_tick; }
    /// Visits the columns that threads have open, and the fraction of a thread in each.
    template <class Visit>
    void for_open_now(Visit visit) {
        bool any = false;
        for (std::size_t i = 0; i < times_.count(); ++i) {
            const context_stretch& c = times_[i];
            if (c.innermost == nullptr || c.context->is_device()) continue;
            any = true;
            visit(column_of(c.innermost->path), busy_weight(c, *c.innermost->path));
        }
        if (!any) visit(outside_column, 1.0);
    }
    /// Ticks that the threads of a path, without its children, spent on reads at edges.
    [[nodiscard]] double edge_ticks(std::size_t path_index) const noexcept {
        return path_index < edges_seen_.size() ? edges_seen_[path_index] : 0;
    }

 private:
    // Subtracts the time in which threads read counters at edges from the scopes that were
    // innermost then; it is billed to nobody. Returns it in ticks, over all running threads.
    double take_edges_out(std::size_t threads) {
        if (!traits_.follows_processors || traits_.policy == attribution::inclusive) return 0;
        double taken = 0;
        for (std::size_t i = 0; i < times_.count(); ++i) {
            if (times_[i].context->is_device()) continue;
            for (own_time& t : times_[i].own) {
                path_record& p = *t.path;
                const auto ticks = static_cast<double>(p.edge_ticks.load());
                if (ticks == 0) continue;
                if (edges_seen_.size() <= p.index) edges_seen_.resize(p.index + 1, 0.0);
                const double part = std::min(ticks - edges_seen_[p.index], t.ticks);
                edges_seen_[p.index] += part;
                t.ticks -= part;
                t.at_edges = part;
                taken += part;
            }
        }
        to_bill_.edges += taken * traits_.seconds_per_tick /
                          static_cast<double>(std::max<std::size_t>(threads, 1));
        return taken / static_cast<double>(std::max<std::size_t>(threads, 1));
    }
    // The time since a thread last changed scopes.
    void note_tail(double ticks) {
        double tail = ticks;
        for (std::size_t i = 0; i < times_.count(); ++i)
            if (!times_[i].context->is_device()) tail = std::min(tail, times_[i].tail);
        tail_ = tail < 0.999 * ticks ? tail : tail_ + ticks;
    }
    // Learns which scopes wait, from threads' processor times.
    void learn_busy_shares(double ticks) {
        std::size_t hosts = 0;
        for (std::size_t i = 0; i < times_.count(); ++i) {
            const context_stretch& c = times_[i];
            if (c.context->is_device()) continue;
            ++hosts;
            if (c.busy < 0) continue;
            terms_.clear();
            double left = ticks;
            for (const own_time& t : c.own) {
                terms_.push_back({columns_for(*t.path), t.ticks});
                left -= t.ticks;
            }
            terms_.push_back({outside_of(c), std::max(left, 0.0)});
            for (busy_term& t : terms_) t.seconds *= traits_.seconds_per_tick;
            shares_.add(terms_.data(), terms_.size(), c.busy * ticks * traits_.seconds_per_tick);
        }
        has_one_thread_ = hosts < 2;
    }
    // Threads differ in what they do outside all scopes.
    [[nodiscard]] static std::size_t outside_of(const context_stretch& c) noexcept {
        return c.context->number % 32;
    }
    std::size_t columns_for(path_record& path) { return 30 + column_of(&path); }

    // How each context shares moments in which it is busy, and the busy time outside all scopes.
    void find_turns(double ticks) {
        host_.busy.assign(times_.count(), 0.0);
        device_.busy.assign(times_.count(), 0.0);
        busy_outside_ = 0;
        for (std::size_t i = 0; i < times_.count(); ++i) {
            const context_stretch& c = times_[i];
            const bool device = c.context->is_device();
            double inside = 0;
            thread_gaps::longest_scope longest;
            for (const own_time& t : c.own) {
                inside += t.ticks + t.at_edges;
                (device ? device_ : host_).busy[i] += t.ticks * busy_weight(c, *t.path) / ticks;
                if (t.ticks > longest.ticks)
                    longest = {t.ticks, busy_weight(c, *t.path), column_of(t.path)};
            }
            if (device) continue;
            const double outside =
                std::max(ticks - inside, 0.0) * (c.busy < 0 ? 1.0 : shares_.of(outside_of(c)));
            busy_outside_ += outside;
            if (!has_one_thread_) gaps_.add(c, ticks, inside, outside, longest);
        }
        overlap::turns(host_.busy, host_.turns);
        overlap::turns(device_.busy, device_.turns);
    }
    void add_own(pending_row& row, std::size_t i, bool begins) {
        const context_stretch& c = times_[i];
        if (c.own.empty()) return;
        const bool device = c.context->is_device();
        // Host threads share one pool, except under `inclusive`, where each has all energy while it
        // was open.
        const bool inclusive = traits_.policy == attribution::inclusive && &row == &to_bill_;
        pool& into = row.at(device ? 0 : inclusive ? 1 + i : 1);
        into.device = device;
        for (own_time t : c.own) {
            // A thread that reads counters draws power as well: a row to fit must not look as if
            // a scope had drawn more while it was not open.
            if (&row == &to_fit_) t.ticks += t.at_edges;
            if (t.ticks <= 0) continue;
            path_record& path = *t.path;
            const bool is_known = c.busy >= 0 && !device;
            const double unsure = is_known ? shares_.deviation_of(columns_for(path)) : 0;
            const std::uint32_t column = column_of(&path);
            const auto key = &row == &to_fit_ ? column : static_cast<std::uint32_t>(path.index);
            into.add(t, column, key, busy_weight(c, path), unsure,
                     device ? (c.lanes.size() > 1 ? a_stream : overlap::turn()) : host_.turns[i],
                     begins);
        }
    }

    // The part of the stretch in which scopes were open and no thread of them had a processor.
    [[nodiscard]] double waiting_part(double outside) const noexcept {
        if (has_one_thread_ || traits_.policy == attribution::inclusive) return 0;
        return std::max(waits_.idle_part(host_.busy) - outside, 0.0);
    }
    // Looks show which scopes are open together. `weight`: less for looks that follow each other
    // closely. Scopes choose when they begin and end (`chosen`), so those moments are not
    // representative, and stretches they cut out reveal nothing.
    void learn_overlaps(double weight, double ticks, bool chosen) {
        double all = 0, most = 0;
        for (std::size_t i = 0; i < times_.count(); ++i) {
            all += busy_now(times_[i]);
            most = std::max(most, busy_now(times_[i]));
        }
        if (!chosen) waits_.learn(most <= 0.5, host_.busy, weight);
        const bool cut_out = std::exchange(was_chosen_, chosen) || chosen;
        if (!cut_out) host_.learn(weight), device_.learn(weight);
        for (std::size_t i = 0; i < times_.count(); ++i) {
            const context_stretch& c = times_[i];
            const double own = busy_now(c);
            const overlap::turn& t = host_.turns[i];
            if (cut_out && times_.count() > 1 && !c.context->is_device())
                for (const own_time& o : c.own)
                    turns_.cut_out(o.path->index, weight * o.ticks / ticks);
            else if (!cut_out && own > least_weight)
                turns_.look(c.innermost->path->index, weight, 1 / (1 + std::max(all - own, 0.0)),
                            t.mean, t.mean * t.deviation);
        }
    }
    [[nodiscard]] double busy_now(const context_stretch& c) {
        if (c.innermost == nullptr || c.context->is_device()) return 0;
        return busy_weight(c, *c.innermost->path);
    }
    static constexpr double a_new_look = 20e-3;  // s
    // Which streams of a device run together is unknown.
    static constexpr overlap::turn a_stream{1, 0.1};

    // How much of its open time a path had a processor, if several threads share one.
    [[nodiscard]] double busy_weight(const context_stretch& c, path_record& path) {
        if (c.busy < 0 || c.context->is_device()) return 1;
        return std::max(shares_.of(columns_for(path)), least_weight);
    }
    static constexpr double least_weight = 1e-3;  // even a thread that only waits takes turns

    template <class Visit>
    void for_members(const pending_row& row, Visit visit) {
        const double busy = row.seconds > 0 ? row.device_busy / row.seconds : 0;
        const double outside_share = row.seconds > 0 ? row.outside / row.seconds : 1;
        std::uint32_t number = 0;
        bool has_device = false;
        for (const pool& p : row.pools) has_device = has_device || (p.device && !p.parts.empty());
        const double left = has_device ? 1 - busy : 1;
        double assigned = 0;
        for (const pool& p : row.pools) {
            const double part = p.device ? busy : left;
            assigned += for_pool(p, number++, row, part, outside_share, has_device, visit);
        }
        // The time outside is what the pools leave; a row's energy is always assigned completely.
        const bool inclusive = traits_.policy == attribution::inclusive;
        const double outside = inclusive ? left * outside_share : std::max(1 - assigned, 0.0);
        if (outside > 0) {
            const bool one = has_device || has_one_thread_;
            row_member m;
            m.column = outside_column;
            m.pool = 1;
            m.share = outside;
            m.seconds = one ? outside * row.seconds : row.busy_outside;
            visit(m, calls_in_row());
        }
    }
    // Returns the pool's share of the row.
    template <class Visit>
    double for_pool(const pool& p, std::uint32_t number, const pending_row& row, double part,
                    double outside_share, bool has_device, Visit& visit) {
        double all = 0, waited = 0, assigned = 0;
        for (const pool::times& own : p.parts) all += own.turns, waited += own.waited;
        if (!(all > 0)) return 0;
        // While all threads wait, the base power is theirs.
        const double wait = waited > 0 && !p.device && row.seconds > 0
                                ? std::min(row.waiting / row.seconds, 1 - outside_share)
                                : 0;
        const double work = 1 - outside_share - wait;
        const bool inclusive = traits_.policy == attribution::inclusive && !p.device;
        const double ticks = row.seconds / traits_.seconds_per_tick;
        for (const pool::times& own : p.parts) {
            row_member m;
            m.path = own.path;
            m.column = own.column;
            m.pool = number;
            m.share = p.device    ? part * own.turns / all
                      : inclusive ? part * own.ticks / ticks
                                  : part * work * own.turns / all;
            m.share_deviation = inclusive ? 0 : m.share * own.turn_deviation / own.turns;
            if (wait > 0) {
                const double moments = std::sqrt(wait * work), mine = own.waited / waited;
                m.share += part * wait * mine;
                m.share_deviation += part * moments * std::fabs(mine - own.turns / all);
            }
            m.waited = own.waited * traits_.seconds_per_tick;
            // Host threads have a share of a device only while no marked work runs on it.
            m.seconds = !p.device && has_device ? m.share * row.seconds
                                                : own.ticks * traits_.seconds_per_tick;
            assigned += m.share;
            visit(m, pool::calls_of(p.calls[own.column]));
        }
        return assigned;
    }

    std::uint32_t column_of(const path_record* path) {
        if (columns_.size() <= path->index) columns_.resize(path->index + 1, 0);
        std::uint32_t& c = columns_[path->index];
        if (c == 0) c = next_column_ < most_columns ? next_column_++ : rest_column;
        return c;
    }
    const channel_traits traits_;
    // The shares of all threads together, or of a device's streams.
    struct lanes {
        overlap both;
        std::vector<double> parts;  ///< of the stretch, in scopes, for each
        std::vector<double> busy;   ///< by context: part of the stretch busy in scopes
        list<overlap::turn> turns;
        bool is_open = false;
        void clear() {
            parts.clear();
            is_open = false;
        }
        void learn(double weight) { both.learn(!is_open, parts, weight); }
    };
    open_times times_;
    lanes host_, device_;
    overlap waits_{0.5};  ///< of threads without a processor
    busy_shares shares_;
    list<busy_term> terms_;
    double tail_ = 0;          ///< ticks since a thread last changed scopes
    double busy_outside_ = 0;  ///< ticks, of the last stretch
    bool has_one_thread_ = true;
    bool was_chosen_ = false;  ///< by a scope: the end of the last stretch
    turns_seen turns_;
    call_lengths lengths_;
    thread_gaps gaps_;
    pending_row to_fit_, to_bill_;
    list<std::uint32_t> columns_;  ///< by path index; 0: none so far
    std::uint32_t next_column_ = 2;
    std::vector<double> edges_seen_;  ///< subtracted edge ticks, by path index
};

}  // namespace detail
}  // namespace v1
}  // namespace joulery
