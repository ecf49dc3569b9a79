// cleanest_start.hpp - finds the start time with the lowest carbon intensity for a run.
// SPDX-License-Identifier: MIT
#pragma once

#include "joulery/detail/carbon/intensity_series.hpp"
#include "joulery/detail/core/config.hpp"
#include "joulery/result.hpp"
#include "joulery/units.hpp"

namespace joulery {
inline namespace v1 {

/// A start time, and the mean intensity of a run that begins then.
struct start_choice {
    wall_time begin;
    carbon_intensity mean;
};

/// Among the beginnings of the series' steps, the start from which `duration` has the lowest mean
/// intensity. Only periods that the series covers in full count. Linear in the number of steps.
[[nodiscard]] JOULERY_DECL result<start_choice> cleanest_start(const intensity_series& series,
                                                               seconds duration);

}  // namespace v1
}  // namespace joulery

#ifdef JOULERY_IMPLEMENTATION

namespace joulery {
inline namespace v1 {

JOULERY_DECL result<start_choice> cleanest_start(const intensity_series& series, seconds duration) {
    result<start_choice> best{failure{"the series covers no period as long as the run",
                                      "give a longer series, without gaps"}};
    for (const intensity_step& s : series.steps()) {
        const auto begin = wall_time::from_unix_seconds(s.begin);
        const auto end = wall_time::from_unix_seconds(s.begin + duration.count());
        if (series.coverage(begin, end) < 1 - 1e-9) continue;
        const carbon_intensity mean = series.mean(begin, end);
        if (!best || mean < best->mean) best = start_choice{begin, mean};
    }
    return best;
}

}  // namespace v1
}  // namespace joulery

#endif
