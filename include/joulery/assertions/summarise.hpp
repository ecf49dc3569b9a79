// summarise.hpp - from batches to a measurement: mean, interval, what was odd.
// SPDX-License-Identifier: MIT
#pragma once

#include "joulery/assertions/measurement.hpp"
#include "joulery/assertions/statistics.hpp"
#include "joulery/assertions/steadiness.hpp"
#include "joulery/detail/core/unit_text.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <string>
#include <vector>

namespace joulery {
inline namespace v1 {
namespace testing {

namespace detail {

/// Half of the interval: by the spread of the samples, and never less than the counters resolve.
/// One sample has no spread; for it the counters speak alone.
[[nodiscard]] inline interval sure_interval(const std::vector<double>& samples, double resolution) {
    interval i = mean_interval(samples);
    const double least = resolution / std::sqrt(static_cast<double>(samples.size()));
    const double half = samples.size() < 2 ? least : std::max(i.half_width(), least);
    return {i.middle, i.middle - half, i.middle + half};
}

inline void note_what_was_odd(measurement& m, const steadiness& s) {
    const std::size_t n = m.batches.size();
    m.steady = s.steady;
    if (!s.steady)
        m.notes.push_back("the level changed by " + percent_text(s.change) + " at batch " +
                          std::to_string(s.change_at + 1) + " of " + std::to_string(n) +
                          " (a processor that throttles, a neighbour that came or left); the "
                          "interval covers both levels");
    if (s.outliers > 0)
        m.notes.push_back(std::to_string(s.outliers) + " of " + std::to_string(n) +
                          " batches lie far from the others (other work on the machine); they are "
                          "counted in");
    if (n == 1)
        m.notes.emplace_back(m.calls == 1 ? "one call only: how much calls differ is not known"
                                          : "one batch only: how much batches differ is not known");
}

}  // namespace detail

/// Fills in what follows from `m.batches` and `m.calls_per_batch`.
///
/// Where the level changed in the course of it, the interval reaches over the levels before and
/// after: which of the two is the true cost, nobody knows.
inline void summarise(measurement& m) {
    if (m.batches.empty() || m.calls_per_batch == 0) return;
    const std::vector<double> samples = m.samples();
    double resolution = 0;
    energy used;
    seconds time{};
    for (const energy_batch& b : m.batches) {
        resolution = std::max(resolution, b.resolution.joules());
        used += b.used;
        time += b.time;
    }
    const auto calls = static_cast<double>(m.calls_per_batch);
    m.calls = m.calls_per_batch * m.batches.size();
    interval i = detail::sure_interval(samples, resolution / calls);
    const steadiness s = judge_steadiness(samples);
    if (!s.steady) {
        const auto cut = samples.begin() + static_cast<std::ptrdiff_t>(s.change_at);
        const interval first = detail::sure_interval({samples.begin(), cut}, resolution / calls);
        const interval then = detail::sure_interval({cut, samples.end()}, resolution / calls);
        i.low = std::min(first.low, then.low);
        i.high = std::max(first.high, then.high);
    }
    m.per_call = energy::from_joules(i.middle);
    m.low = energy::from_joules(i.low);
    m.high = energy::from_joules(i.high);
    m.time_per_call = time / static_cast<double>(m.calls);
    m.mean_power = time.count() > 0 ? used / time : power{};
    m.co2e = emissions::from_grams(m.grams_per_joule * i.middle);
    detail::note_what_was_odd(m, s);
}

}  // namespace testing
}  // namespace v1
}  // namespace joulery
