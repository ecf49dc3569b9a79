// pending_row.hpp - what was open since a row began, summed up until it ends.
// SPDX-License-Identifier: MIT
#pragma once

#include "joulery/detail/attribution/call_lengths.hpp"
#include "joulery/detail/attribution/open_times.hpp"
#include "joulery/detail/attribution/overlap.hpp"
#include "joulery/detail/core/list.hpp"
#include "joulery/detail/timing/path_table.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>

namespace joulery {
inline namespace v1 {
namespace detail {

/// A path's part in a row; a null path stands for the time outside all scopes.
struct row_member {
    const path_record* path = nullptr;
    std::uint32_t column = 0;
    std::uint32_t pool = 0;  ///< what it shares with; others' powers don't touch it
    double share = 0;        ///< of the row, before powers are known
    double seconds = 0;      ///< open, as the regression counts it
    calls_in_row calls;
    call_length length;          ///< in s of `seconds`
    double share_deviation = 0;  ///< of `share`, since moments are shared by several threads
    double waited = 0;           ///< s, open without a processor
};

/// A value as of the moment it was read, in J, with what is not known of it: J^2 and, of the same
/// sign at each call of a scope, J.
struct billed_value {
    double joules = 0, variance = 0, bias = 0;
    double shown = 0;  ///< W, what the sensor shows then
    [[nodiscard]] double squares() const noexcept { return variance + bias * bias; }
};

/// Paths that share a row among themselves: those of the host, or of a device.
struct pool {
    bool device = false;
    struct times {
        double ticks = 0;  ///< busy
        double turns = 0;  ///< and as a share of each moment, where several threads were busy
        double turn_deviation = 0;  ///< in `turns`: how that varies from moment to moment
        double waited = 0;          ///< ticks, open without a processor
        double unsure = 0;          ///< of `ticks`, standard deviation
        double ended = 0;           ///< calls that ended
        double cut = 0;             ///< calls that the row's begin cuts
        double open = 0;            ///< and its end, so far; below zero: it was open all along
    };
    static calls_in_row calls_of(const times& t) noexcept {
        return {t.ended + (t.open - t.cut) / 2, t.cut + std::fabs(t.open)};
    }
    list<times> of;            ///< by path index
    list<path_record*> paths;  ///< those that have any
    void add(const own_time& own, double busy, double unsure, const overlap::turn& t,
             bool row_begins) {
        path_record* path = own.node->path;
        const double open = own.ticks, ticks = open * busy;
        if (of.size() <= path->index) of.resize(path->index + 1);
        times& sum = of[path->index];
        if (sum.ticks == 0) paths.push_back(path);
        sum.ticks += ticks;
        sum.turns += ticks * t.mean;
        sum.turn_deviation += ticks * t.mean * t.deviation;
        sum.waited += open - ticks;
        sum.unsure += open * unsure;
        sum.ended += own.ended;
        if (row_begins) sum.cut += own.was_open ? 1 : 0;
        sum.open += (own.is_open ? 1 : 0) - (own.was_open && !row_begins ? 1 : 0);
    }
    void clear() {
        for (const path_record* p : paths) of[p->index] = times();
        paths.clear();
    }
};
/// A row that is under way.
struct pending_row {
    double seconds = 0, outside = 0, device_busy = 0, edges = 0;
    double busy_outside = 0;  ///< s, of all threads' processor time
    double seconds_per_tick = 0;
    bool is_exact = true;  ///< the time of every call in it was taken
    list<pool> pools;
    pool& at(std::size_t i) {
        if (pools.size() <= i) pools.resize(i + 1);
        return pools[i];
    }
    /// s, standard deviation of the busy time of all that was open.
    [[nodiscard]] double unsure_seconds() const noexcept {
        double squares = 0;
        for (const pool& p : pools)
            for (const path_record* path : p.paths)
                squares += p.of[path->index].unsure * p.of[path->index].unsure;
        return std::sqrt(squares) * seconds_per_tick;
    }
    /// The largest share that one path, or the time outside, has of it.
    [[nodiscard]] double longest_part() const noexcept {
        double longest = outside, all = outside;
        for (const pool& p : pools)
            for (const path_record* path : p.paths) {
                const double s = p.of[path->index].ticks * seconds_per_tick;
                longest = std::max(longest, s);
                all += s;
            }
        return all > 0 ? longest / all : 0;
    }
    void clear() {
        seconds = outside = device_busy = edges = busy_outside = 0;
        is_exact = true;
        for (pool& p : pools) p.clear();
    }
};

}  // namespace detail
}  // namespace v1
}  // namespace joulery
