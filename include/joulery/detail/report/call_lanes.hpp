// call_lanes.hpp - the longest calls of a run beside its power, none over another.
// SPDX-License-Identifier: MIT
#pragma once

#include "joulery/detail/core/finite.hpp"
#include "joulery/detail/core/list.hpp"
#include "joulery/report.hpp"

#include <algorithm>
#include <cstddef>
#include <utility>
#include <vector>

namespace joulery {
inline namespace v1 {
namespace detail {

/// A call that is drawn: where, and in which of the lanes.
struct lane_call {
    const scope_slice* call = nullptr;
    double x = 0, width = 0;  ///< in percent of the picture
    std::size_t lane = 0;
};

/// The calls of a history side by side: one that overlaps another is in a lane of its own, below it
/// where it began later. Calls beyond the last lane are left out and counted.
struct call_lanes {
    static constexpr std::size_t most = 6;

    list<lane_call> calls;
    std::size_t lanes = 0;
    std::size_t left_out = 0;

    call_lanes(const report& r, seconds begin, seconds length) {
        for (const scope_slice& s : r.history.bands) {
            if (s.scope >= r.scopes.size()) continue;
            const double x = 100 * (s.begin - begin).count() / length.count();
            const double width = 100 * s.length.count() / length.count();
            if (!is_amount(x) || x > 100 || !is_positive(width) || width > 100.5) continue;
            calls.push_back({&s, x, std::min(width, 100 - x), 0});
        }
        // Of two that begin together the longer encloses the other.
        sort_stably(calls, [](const lane_call& a, const lane_call& b) {
            return a.x < b.x || (!(b.x < a.x) && a.width > b.width);
        });
        std::vector<double> ends;
        list<lane_call> kept;
        for (lane_call& c : calls) {
            while (c.lane < ends.size() && ends[c.lane] > c.x + 1e-9) ++c.lane;
            if (c.lane == most) {
                ++left_out;
                continue;
            }
            if (c.lane == ends.size()) ends.push_back(0);
            ends[c.lane] = c.x + c.width;
            kept.push_back(c);
        }
        calls = std::move(kept);
        lanes = ends.size();
    }
};

}  // namespace detail
}  // namespace v1
}  // namespace joulery
