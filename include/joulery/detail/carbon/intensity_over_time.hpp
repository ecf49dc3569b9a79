// intensity_over_time.hpp - a carbon intensity that changes while a run goes on.
// SPDX-License-Identifier: MIT
#pragma once

#include "joulery/units.hpp"

namespace joulery {
inline namespace v1 {

/// What the grid's intensity was at a moment. The meter asks for stretches of some seconds, each
/// for the energy that was used in it, so that a scope at night and one at noon differ.
///
/// Units:  g/kWh; moments are calendar time (UTC).
/// Thread: every member may be called from several threads at once.
/// Cost:   a binary search at most; no allocation, no I/O.
/// Fails:  never; outside of what is known `at` gives a fallback and `coverage` says so.
///
///     struct my_feed final : joulery::intensity_over_time {
///         carbon_intensity at(wall_time t) const noexcept override { return latest(t); }
///     };
///     options.carbon.series = std::make_shared<my_feed>();
class intensity_over_time {
 public:
    intensity_over_time() = default;
    intensity_over_time(const intensity_over_time&) = default;
    intensity_over_time& operator=(const intensity_over_time&) = default;
    virtual ~intensity_over_time() = default;

    [[nodiscard]] virtual carbon_intensity at(wall_time when) const noexcept = 0;

    /// Mean over an interval, weighted by time: what converts energy used evenly within it.
    /// Two adjacent intervals and their union agree. Here: the value in the middle.
    [[nodiscard]] virtual carbon_intensity mean(wall_time begin, wall_time end) const noexcept {
        return at(wall_time::from_unix_seconds(0.5 * (begin.unix_seconds() + end.unix_seconds())));
    }

    /// Share of the interval (0..1) for which the source knows the intensity.
    [[nodiscard]] virtual double coverage(wall_time, wall_time) const noexcept { return 1; }
};

}  // namespace v1
}  // namespace joulery
