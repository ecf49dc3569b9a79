// row_builder.hpp - which paths were open in a row of a channel's energy, and for how long.
// SPDX-License-Identifier: MIT
#pragma once

#include "joulery/detail/attribution/disaggregation.hpp"
#include "joulery/detail/attribution/open_times.hpp"
#include "joulery/detail/attribution/overlap.hpp"
#include "joulery/detail/timing/thread_context.hpp"
#include "joulery/quality.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <vector>

namespace joulery {
inline namespace v1 {
namespace detail {

/// What a channel is to attribution.
struct channel_traits {
    attribution policy = attribution::shared;
    bool follows_processors = true;  ///< threads that wait don't use its energy
    bool tells_scopes_apart = true;  ///< false: an estimate, which does not depend on who runs
    double quantum = 0;              ///< J
    double seconds_per_tick = 1e-9;
    std::size_t index = 0;  ///< among all channels of the meter
};

// What was open, summed up until a row ends.
struct pool {
    bool device = false;
    std::vector<double> ticks;        ///< by path index
    std::vector<path_record*> paths;  ///< those that have any
    void add(path_record* path, double t) {
        if (ticks.size() <= path->index) ticks.resize(path->index + 1, 0.0);
        if (ticks[path->index] == 0) paths.push_back(path);
        ticks[path->index] += t;
    }
    void clear() {
        for (const path_record* p : paths) ticks[p->index] = 0;
        paths.clear();
    }
};
struct pending_row {
    double seconds = 0, outside = 0, device_busy = 0, edges = 0;
    double seconds_per_tick = 0;
    std::vector<pool> pools;
    pool& at(std::size_t i) {
        if (pools.size() <= i) pools.resize(i + 1);
        return pools[i];
    }
    void clear() {
        seconds = outside = device_busy = edges = 0;
        for (pool& p : pools) p.clear();
    }
};

/// Adds up who was open between looks, for the two rows that are under way: the one to fit and the
/// one to bill. Time goes to the innermost scope of each thread; where several threads share
/// processors it is weighed by how much of it they had one, so that who waits is not billed.
///
/// Thread: belongs to the holder of its source's `accounts`. Cost: a load a node a look.
class row_builder {
 public:
    using contexts = std::vector<std::shared_ptr<thread_context>>;
    static constexpr std::size_t most_columns = 160;
    static constexpr std::uint32_t outside_column = 0, rest_column = 1;

    explicit row_builder(const channel_traits& traits) : traits_(traits) {}

    void look(const contexts& all, std::uint64_t at) {
        const double tick = traits_.follows_processors ? traits_.seconds_per_tick : 0;
        times_.look(all, at, tick, [&](const thread_context& c) { return c.takes(traits_.index); });
    }

    /// Visits the scopes that were open before the last look.
    template <class Visit>
    void for_lately_open(Visit visit) const {
        for (std::size_t i = 0; i < times_.count(); ++i)
            for (const own_time& t : times_[i].own) visit(*t.node);
    }
    [[nodiscard]] pending_row& to_fit() noexcept { return to_fit_; }
    [[nodiscard]] pending_row& to_bill() noexcept { return to_bill_; }
    [[nodiscard]] const pending_row& to_bill() const noexcept { return to_bill_; }

    // Adds what the last look saw to both rows under way.
    void add_stretch(double seconds, bool at_edge) {
        if (!(seconds > 0)) return;
        const double ticks = seconds / traits_.seconds_per_tick;
        std::vector<double>& host = host_parts_;
        std::vector<double>& lanes = device_parts_;
        host.clear();
        lanes.clear();
        bool host_open = false, device_open = false;
        for (std::size_t i = 0; i < times_.count(); ++i) {
            const context_stretch& c = times_[i];
            const bool device = c.context->is_device();
            for (const double t : c.lanes)
                if (t > 0) (device ? lanes : host).push_back(t / ticks);
            (device ? device_open : host_open) |= c.open_at_end;
        }
        note_busy();
        const double at_edges = take_edges_out(host.size()) * traits_.seconds_per_tick;
        const double host_idle = host_overlap_.idle_part(host);
        const double device_busy = 1 - device_overlap_.idle_part(lanes);
        if (!at_edge) {
            host_overlap_.learn(!host_open, host);
            device_overlap_.learn(!device_open, lanes);
        }
        for (pending_row* row : {&to_fit_, &to_bill_}) {
            row->seconds += seconds;
            row->seconds_per_tick = traits_.seconds_per_tick;
            row->outside += std::min(seconds * host_idle + at_edges, seconds);
            row->device_busy += seconds * device_busy;
            for (std::size_t i = 0; i < times_.count(); ++i) add_own(*row, i);
        }
    }
    // Each path's share of the row, and its time as the regression counts it.
    void members(const pending_row& row, std::vector<row_member>& out) {
        out.clear();
        const double busy = row.seconds > 0 ? row.device_busy / row.seconds : 0;
        const double idle = row.seconds > 0 ? row.outside / row.seconds : 1;
        std::uint32_t number = 0;
        bool has_device = false;
        for (const pool& p : row.pools) has_device = has_device || (p.device && !p.paths.empty());
        const double left = has_device ? 1 - busy : 1;
        for (const pool& p : row.pools) {
            if (!p.paths.empty())
                add_pool(p, number, row, p.device ? busy : left, idle, has_device, out);
            ++number;
        }
        // Outside is what the pools leave; all that a row holds is somebody's.
        double assigned = 0;
        for (const row_member& m : out) assigned += m.share;
        const bool apart = traits_.policy == attribution::inclusive;
        const double outside = apart ? left * idle : std::max(1 - assigned, 0.0);
        if (outside > 0)
            out.push_back({nullptr, outside_column, 1, outside, outside * row.seconds});
    }
    [[nodiscard]] std::uint32_t known_column(const path_record* path) const noexcept {
        if (path == nullptr) return outside_column;
        if (path->index >= columns_.size() || columns_[path->index] == 0) return most_columns;
        return columns_[path->index];
    }

    // The largest share that one path, or the time outside, has of a row.
    [[nodiscard]] static double longest_part(const pending_row& row) noexcept {
        double longest = row.outside, all = row.outside;
        for (const pool& p : row.pools)
            for (const path_record* path : p.paths) {
                const double s = p.ticks[path->index] * row.seconds_per_tick;
                longest = std::max(longest, s);
                all += s;
            }
        return all > 0 ? longest / all : 0;
    }

 private:
    // The time in which threads read counters at the edges of scopes is nobody's: it is taken out
    // of the scopes that were innermost meanwhile. Returns it in ticks, of all threads that run.
    double take_edges_out(std::size_t threads) {
        if (!traits_.follows_processors || traits_.policy == attribution::inclusive) return 0;
        double taken = 0;
        for (std::size_t i = 0; i < times_.count(); ++i) {
            if (times_[i].context->is_device()) continue;
            for (own_time& t : times_[i].own) {
                path_record& p = *t.node->path;
                const auto ticks = static_cast<double>(p.edge_ticks.load());
                if (ticks == 0) continue;
                if (edges_seen_.size() <= p.index) edges_seen_.resize(p.index + 1, 0.0);
                const double part = std::min(ticks - edges_seen_[p.index], t.ticks);
                edges_seen_[p.index] += part;
                t.ticks -= part;
                taken += part;
            }
        }
        to_bill_.edges += taken * traits_.seconds_per_tick /
                          static_cast<double>(std::max<std::size_t>(threads, 1));
        return taken / static_cast<double>(std::max<std::size_t>(threads, 1));
    }
    void note_busy() {
        for (std::size_t i = 0; i < times_.count(); ++i) {
            const context_stretch& c = times_[i];
            if (c.busy < 0 || c.context->is_device()) continue;
            for (const own_time& t : c.own) {
                const std::size_t p = t.node->path->index;
                if (busy_.size() <= p) busy_.resize(p + 1);
                busy_[p].open += t.ticks;
                busy_[p].busy += t.ticks * c.busy;
            }
        }
    }
    void add_own(pending_row& row, std::size_t i) {
        const context_stretch& c = times_[i];
        if (c.own.empty()) return;
        const bool device = c.context->is_device();
        // Host threads share one pool, but by `inclusive`, where each has all it was open for.
        const bool apart = traits_.policy == attribution::inclusive && &row == &to_bill_;
        pool& into = row.at(device ? 0 : apart ? 1 + i : 1);
        into.device = device;
        for (const own_time& t : c.own) {
            if (t.ticks <= 0) continue;
            path_record* path = t.node->path;
            into.add(path, t.ticks * (device ? 1.0 : busy_weight(*path, c.busy)));
        }
    }

    // How much of its open time a path had a processor, where several threads share one. It is the
    // mean so far, so that the regression sees one power for it.
    [[nodiscard]] double busy_weight(const path_record& path, double busy) const noexcept {
        if (busy < 0) return 1;
        const busy_time& sum = busy_[path.index];
        return std::max(sum.busy / std::max(sum.open, 1.0), least_weight);
    }
    struct busy_time {
        double open = 0, busy = 0;  ///< ticks
    };
    static constexpr double least_weight = 1e-3;  // who only waits still takes turns

    void add_pool(const pool& p, std::uint32_t number, const pending_row& row, double part,
                  double idle, bool has_device, std::vector<row_member>& out) {
        double all = 0;
        for (const path_record* path : p.paths) all += p.ticks[path->index];
        if (!(all > 0)) return;
        const bool apart = traits_.policy == attribution::inclusive && !p.device;
        const double ticks = row.seconds / traits_.seconds_per_tick;
        for (path_record* path : p.paths) {
            const double own = p.ticks[path->index];
            row_member m;
            m.path = path;
            m.column = column_of(path);
            m.pool = number;
            m.share = p.device ? part * own / all
                      : apart  ? part * own / ticks
                               : part * (1 - idle) * own / all;
            // Host threads have a share of a device only while it does nothing that is marked.
            m.seconds =
                !p.device && has_device ? m.share * row.seconds : own * traits_.seconds_per_tick;
            out.push_back(m);
        }
    }

    std::uint32_t column_of(const path_record* path) {
        if (columns_.size() <= path->index) columns_.resize(path->index + 1, 0);
        std::uint32_t& c = columns_[path->index];
        if (c == 0) c = next_column_ < most_columns ? next_column_++ : rest_column;
        return c;
    }
    const channel_traits traits_;
    open_times times_;
    overlap host_overlap_, device_overlap_;
    std::vector<double> host_parts_, device_parts_;
    pending_row to_fit_, to_bill_;
    std::vector<std::uint32_t> columns_;  ///< by path index; 0: none yet
    std::uint32_t next_column_ = 2;
    std::vector<busy_time> busy_;     ///< by path index
    std::vector<double> edges_seen_;  ///< ticks at edges that were taken out, by path index
};

}  // namespace detail
}  // namespace v1
}  // namespace joulery
