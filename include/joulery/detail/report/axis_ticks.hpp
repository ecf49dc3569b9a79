// axis_ticks.hpp - round values along an axis, all in one unit.
// SPDX-License-Identifier: MIT
#pragma once

#include "joulery/detail/core/concat.hpp"
#include "joulery/detail/core/finite.hpp"
#include "joulery/detail/core/list.hpp"
#include "joulery/detail/core/unit_text.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <string>
#include <string_view>

namespace joulery {
inline namespace v1 {
namespace detail {

/// A place on an axis and what stands there.
struct axis_tick {
    double at = 0;  ///< in the axis' own unit: watts, seconds
    std::string text;
};

/// The next of 1, 2, 5 times a power of ten.
inline double round_step(double x) noexcept {
    if (!is_positive(x) || x > 1e300) return 0;
    const double unit = std::pow(10, std::floor(std::log10(x)));
    for (const double step : {1.0, 2.0, 5.0})
        if (x <= step * unit * (1 + 1e-9)) return step * unit;
    return 10 * unit;
}

/// From 0 to the first round value at or above `peak`, in three to six steps, all with the prefix
/// that suits the last.
///
///     power_ticks(930);   // 0 W, 200 W, ..., 1000 W
[[nodiscard]] inline list<axis_tick> power_ticks(double peak) {
    const double step = round_step(peak / 5);
    list<axis_tick> out;
    if (!is_positive(step)) return out;
    const int last = static_cast<int>(std::ceil(peak / step - 1e-9));
    const double top = step * last;
    static constexpr std::string_view prefixes[] = {"n", "u", "m", "", "k", "M", "G"};
    const double leading = std::floor(std::log10(top * (1 - 1e-9)) / 3);  // 1000 W, not 1 kW
    const int group = std::min(3, std::max(-3, static_cast<int>(leading)));
    const double scale = std::pow(10, 3 * group);
    for (int i = 0; i <= last; ++i)
        out.push_back(
            {step * i, concat({plain_text(step * i / scale, ""), " ", prefixes[group + 3], "W"})});
    return out;
}

/// Round times within a stretch, three to six of them, all in the unit that suits its length.
///
///     time_ticks(0, 3600);   // 0 min, 15 min, ..., 60 min
[[nodiscard]] inline list<axis_tick> time_ticks(double begin, double length) {
    struct unit {
        double seconds;
        std::string_view name;
        double until;  ///< the longest stretch it is for, in seconds
        double steps[6];
    };
    static constexpr unit units[] = {
        {1e-9, "ns", 1e-6, {}},
        {1e-6, "us", 1e-3, {}},
        {1e-3, "ms", 2, {}},
        {1, "s", 150, {1, 2, 5, 10, 15, 30}},
        {60, "min", 9000, {1, 2, 5, 10, 15, 30}},
        {3600, "h", 4 * 86400.0, {1, 2, 3, 6, 12, 24}},
        {86400, "d", 1e300, {}},
    };
    list<axis_tick> out;
    if (!is_positive(length) || !is_finite(begin)) return out;
    const unit* chosen = units;
    while (length > chosen->until) ++chosen;
    const double least = length / chosen->seconds / 5;
    double step = round_step(least);
    for (const double s : chosen->steps)
        if (s > 0 && s >= least) {
            step = s;
            break;
        }
    if (!is_positive(step)) return out;
    const double first = std::ceil(begin / chosen->seconds / step - 1e-9);
    for (double i = first; out.size() < 8; ++i) {
        const double at = i * step * chosen->seconds;
        if (at > begin + length * (1 + 1e-9)) break;
        out.push_back({at, plain_text(i * step, chosen->name)});
    }
    return out;
}

}  // namespace detail
}  // namespace v1
}  // namespace joulery
