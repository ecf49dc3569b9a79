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

/// A call that is not timed takes that part of what one that is takes (bench/scope_cost).
inline constexpr double cost_of_untimed = 0.15;

/// Seconds that the calls of a row took of their threads, at `each` a timed call.
[[nodiscard]] inline double scope_seconds(const scope_row& row, double each) noexcept {
    const auto calls = static_cast<double>(row.calls);
    const double untimed = std::min(static_cast<double>(row.untimed_calls), calls);
    return (calls - (1 - cost_of_untimed) * untimed) * each;
}

/// Writes down what the scopes of a report took, at `each` seconds a timed call, and says where it
/// is more than `budget` of the time that they measured. It names the path that is furthest beyond
/// its own share of the budget: not the one with the most calls, if those are long.
inline void add_scope_cost(report& r, double each, double budget) {
    if (!(each > 0)) return;
    const scope_row* most = nullptr;
    double measured = 0, calls = 0, cost = 0, furthest = 0;
    for (const scope_row& row : r.scopes) {
        const double own = scope_seconds(row, each);
        calls += static_cast<double>(row.calls);
        cost += own;
        if (row.parent == scope_row::no_parent) measured += row.time.count();
        const double beyond = own - budget * row.time.count();
        if (most != nullptr && beyond <= furthest) continue;
        most = &row;
        furthest = beyond;
    }
    r.overhead.scopes = seconds(cost);
    constexpr double few = 10'000;
    if (most == nullptr || calls < few || cost <= budget * measured) return;
    const double length = most->time.count() / static_cast<double>(most->calls);
    r.warnings.push_back(
        "scopes took about " + percent_text(cost / measured) +
        " of the time that they measured, more than the budget of " + percent_text(budget) + ": " +
        most->path + " has " + count_text(static_cast<double>(most->calls)) + " calls of " +
        to_text(seconds(length)) + ", and a scope takes " +
        to_text(seconds(scope_seconds(*most, each) / static_cast<double>(most->calls))) +
        "; put one scope around many of them, and their number into add_items()");
}

}  // namespace detail
}  // namespace v1
}  // namespace joulery
