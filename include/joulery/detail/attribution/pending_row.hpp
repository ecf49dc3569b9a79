// pending_row.hpp - what was open since a row began, added up until it ends.
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

/// A path's part in a row; a null path is the time outside all scopes.
struct row_member {
    const path_record* path = nullptr;
    std::uint32_t column = 0;
    std::uint32_t pool = 0;  ///< members of a pool share energy; others' powers don't affect it
    double share = 0;        ///< of the row, before powers are known
    double seconds = 0;      ///< open, as counted by the regression
    calls_in_row calls;
    call_length length;          ///< in s of `seconds`
    double share_deviation = 0;  ///< of `share`, since several threads share moments
    double waited = 0;           ///< s, open without a processor
};

/// A value as of the moment it was read, in J, with its uncertainty: a variance in J^2, and an
/// error in J that is the same at each call of a scope.
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
        double turns = 0;  ///< as a share of each moment, if several threads were busy
        double turn_deviation = 0;  ///< deviation of `turns` between moments
        double waited = 0;          ///< ticks, open without a processor
        double unsure = 0;          ///< standard deviation of `ticks`
        double ended = 0;           ///< calls that ended
        double cut = 0;             ///< calls cut by the row's begin
        double open = 0;            ///< and by its end, so far; negative: open all along
    };
    static calls_in_row calls_of(const times& t) noexcept {
        return {t.ended + (t.open - t.cut) / 2, t.cut + std::fabs(t.open)};
    }
    list<times> of;            ///< by path index
    list<path_record*> paths;  ///< those with any time
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
/// A row in progress.
struct pending_row {
    double seconds = 0, outside = 0, device_busy = 0, edges = 0;
    double busy_outside = 0;  ///< s, of all threads' processor time
    double seconds_per_tick = 0;
    bool is_exact = true;  ///< every call in it was timed
    list<pool> pools;
    pool& at(std::size_t i) {
        if (pools.size() <= i) pools.resize(i + 1);
        return pools[i];
    }
    /// s, standard deviation of the busy time of everything that was open.
    [[nodiscard]] double unsure_seconds() const noexcept {
        double squares = 0;
        for (const pool& p : pools)
            for (const path_record* path : p.paths)
                squares += p.of[path->index].unsure * p.of[path->index].unsure;
        return std::sqrt(squares) * seconds_per_tick;
    }
    /// The largest share of it that one path, or the time outside, has.
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
