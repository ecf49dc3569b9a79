// scope_cost.hpp - what scopes took of the threads that they are on.
// SPDX-License-Identifier: MIT
#pragma once

#include "joulery/detail/core/unit_text.hpp"
#include "joulery/detail/timing/time_source.hpp"
#include "joulery/report.hpp"

#include <algorithm>
#include <cstdint>
#include <string>

namespace joulery {
inline namespace v1 {
namespace detail {

/// What a scope takes its thread, in ticks: two reads of the tick counter, beside which its few
/// stores hardly count. Measured here and now, in about 10 us; 0 on another clock.
[[nodiscard]] inline double measured_scope_ticks(const time_source& clock) noexcept {
    if (!clock.is_tick_clock()) return 0;
    constexpr int reads = 64, batches = 8;
    std::uint64_t least = ~std::uint64_t{0};
    for (int b = 0; b < batches; ++b) {
        const std::uint64_t begin = ticks_now();
        std::uint64_t last = begin;
        for (int i = 1; i < reads; ++i) last = ticks_now();
        least = std::min(least, last - begin);
    }
    return 2 * static_cast<double>(least) / (reads - 1);
}

/// Writes down what the scopes of a report took, at `each` seconds a call, and says where it is
/// more than `budget` of the time that they measured. It names the path that is furthest beyond its
/// own share of the budget: not the one with the most calls, if those are long.
inline void add_scope_cost(report& r, double each, double budget) {
    if (!(each > 0)) return;
    const scope_row* most = nullptr;
    double measured = 0, calls = 0, furthest = 0;
    for (const scope_row& row : r.scopes) {
        calls += static_cast<double>(row.calls);
        if (row.parent == scope_row::no_parent) measured += row.time.count();
        const double beyond = static_cast<double>(row.calls) * each - budget * row.time.count();
        if (most != nullptr && beyond <= furthest) continue;
        most = &row;
        furthest = beyond;
    }
    r.overhead.scopes = seconds(calls * each);
    constexpr double few = 10'000;
    if (most == nullptr || calls < few || calls * each <= budget * measured) return;
    const double length = most->time.count() / static_cast<double>(most->calls);
    r.warnings.push_back(
        "scopes took about " + percent_text(calls * each / measured) +
        " of the time that they measured, more than the budget of " + percent_text(budget) + ": " +
        most->path + " has " + count_text(static_cast<double>(most->calls)) + " calls of " +
        to_text(seconds(length)) + ", and a scope takes " + to_text(seconds(each)) +
        "; put one scope around many of them, and their number into add_items()");
}

}  // namespace detail
}  // namespace v1
}  // namespace joulery
