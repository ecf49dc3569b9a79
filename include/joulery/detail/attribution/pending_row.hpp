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
    std::uint32_t pool = 0;      ///< members of a pool share energy; others' powers don't affect it
    double share = 0;            ///< of the row, before powers are known
    double seconds = 0;          ///< open, as counted by the regression
    double share_deviation = 0;  ///< of `share`, since several threads share moments
    double waited = 0;           ///< s, open without a processor
};
/// A part in a row to fit, with what is known of the calls.
struct fit_member : row_member {
    calls_in_row calls;
    call_length length;  ///< in s of `seconds`
};

/// A value as of the moment it was read, in J, with its uncertainty: a variance in J^2, and an
/// error in J that is the same at each call of a scope.
struct billed_value {
    double joules = 0, variance = 0, bias = 0;
    double shown = 0;  ///< W, what the sensor shows then
    [[nodiscard]] double squares() const noexcept { return variance + bias * bias; }
};

/// Paths that share a row among themselves: those of the host, or of a device. Thousands may be
/// open in a row, so they are kept in one line, and what concerns few of them is kept by column.
struct pool {
    struct times {
        path_record* path;  ///< one of several, in a row to fit, if they share a column
        std::uint32_t column;
        std::uint32_t key;
        double ticks = 0;           ///< busy
        double turns = 0;           ///< as a share of each moment, if several threads were busy
        double turn_deviation = 0;  ///< deviation of `turns` between moments
        double waited = 0;          ///< ticks, open without a processor
    };
    struct column_calls {
        double unsure = 0;  ///< standard deviation of the busy ticks
        double ended = 0;   ///< calls that ended
        double cut = 0;     ///< calls cut by the row's begin
        double open = 0;    ///< and by its end, so far; negative: open all along
    };
    static calls_in_row calls_of(const column_calls& c) noexcept {
        return {c.ended + (c.open - c.cut) / 2, c.cut + std::fabs(c.open)};
    }
    bool device = false;
    list<times> parts;         ///< of those with any time
    list<column_calls> calls;  ///< by column

    /// Adds to the part with that key.
    void add(const own_time& own, std::uint32_t column, std::uint32_t key, double busy,
             double unsure, const overlap::turn& t, bool row_begins) {
        const double open = own.ticks, ticks = open * busy;
        // Before the part is added: if memory runs out, no part may lack its calls.
        if (calls.size() <= column) calls.resize(column + std::size_t{1});
        times& sum = part_of(own.path, column, key);
        sum.ticks += ticks;
        sum.turns += ticks * t.mean;
        sum.turn_deviation += ticks * t.mean * t.deviation;
        sum.waited += open - ticks;
        column_calls& c = calls[column];
        c.unsure += open * unsure;
        c.ended += own.ended;
        if (row_begins) c.cut += own.was_open ? 1 : 0;
        c.open += (own.is_open ? 1 : 0) - (own.was_open && !row_begins ? 1 : 0);
    }
    void clear() {
        parts.clear();
        calls.clear();
    }

 private:
    // Places are not cleared: one from an earlier row leads to another key, or to none.
    times& part_of(path_record* path, std::uint32_t column, std::uint32_t key) {
        if (places_.size() <= key) places_.resize(key + std::size_t{1}, 0);
        std::uint32_t& place = places_[key];
        if (place >= parts.size() || parts[place].key != key) {
            place = static_cast<std::uint32_t>(parts.size());
            parts.push_back({path, column, key});
        }
        return parts[place];
    }
    list<std::uint32_t> places_;  ///< in `parts`, by key
};
/// A row in progress.
struct pending_row {
    double seconds = 0, outside = 0, device_busy = 0, edges = 0;
    double busy_outside = 0;  ///< s, of all threads' processor time
    double waiting = 0;       ///< s, in which all threads in scopes waited
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
            for (const pool::column_calls& c : p.calls) squares += c.unsure * c.unsure;
        return std::sqrt(squares) * seconds_per_tick;
    }
    /// The largest share of it that one path, or the time outside, has.
    [[nodiscard]] double longest_part() const noexcept {
        double longest = outside, all = outside;
        for (const pool& p : pools)
            for (const pool::times& t : p.parts) {
                const double s = t.ticks * seconds_per_tick;
                longest = std::max(longest, s);
                all += s;
            }
        return all > 0 ? longest / all : 0;
    }
    /// Whether each thread was in the same scope all along, or in none.
    [[nodiscard]] bool is_steady() const noexcept {
        const auto is_whole = [this](double s) {
            const double rows = s / seconds;
            return std::fabs(rows - std::round(rows)) < 0.01;
        };
        bool steady = seconds > 0 && is_whole(outside);
        for (const pool& p : pools)
            for (const pool::times& t : p.parts)
                steady = steady && is_whole((t.ticks + t.waited) * seconds_per_tick);
        return steady;
    }
    void clear() {
        seconds = outside = device_busy = edges = busy_outside = waiting = 0;
        is_exact = true;
        for (pool& p : pools) p.clear();
    }
};

}  // namespace detail
}  // namespace v1
}  // namespace joulery
