// intensity_over_time.hpp - a carbon intensity that changes during a run.
// SPDX-License-Identifier: MIT
#pragma once

#include "joulery/detail/core/config.hpp"
#include "joulery/detail/core/finite.hpp"
#include "joulery/units.hpp"

#include <functional>
#include <memory>
#include <utility>

namespace joulery {
inline namespace v1 {

/// The intensity of the grid at a moment. The meter asks for intervals of some seconds, each for
/// the energy used in it, so that a scope at night and one at noon differ.
///
/// Units:  g/kWh; moments are calendar time (UTC).
/// Thread: every member may be called from several threads at once.
/// Cost:   at most a binary search; no allocation, no I/O.
/// Fails:  never; where nothing is known `at` returns a fallback and `coverage` says so.
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

    /// Mean over an interval, weighted by time: the factor for energy used evenly within it. Two
    /// adjacent intervals and their union agree. By default: the value in the middle.
    [[nodiscard]] virtual carbon_intensity mean(wall_time begin, wall_time end) const noexcept {
        return at(wall_time::from_unix_seconds(0.5 * (begin.unix_seconds() + end.unix_seconds())));
    }

    /// Share of the interval (0..1) for which the source knows the intensity.
    [[nodiscard]] virtual double coverage(wall_time, wall_time) const noexcept { return 1; }
};

/// Asks a function for the intensity of each interval's middle.
///
/// Thread: the function is called from the sampler's thread and from threads that take a snapshot;
///         it must be safe for that, and fast: let it cache values from elsewhere.
/// Fails:  an answer that is not positive, or an exception, counts as unknown: the fallback is
///         used, and `coverage` says so.
///
///     options.carbon.series = intensity_from([](wall_time t) { return my_grid(t); },
///     300_g_per_kWh);
class callable_intensity final : public intensity_over_time {
 public:
    using function = std::function<carbon_intensity(wall_time)>;

    callable_intensity(function ask, carbon_intensity fallback)
        : ask_(std::move(ask)), fallback_(fallback) {}

    [[nodiscard]] carbon_intensity at(wall_time when) const noexcept override {
        const carbon_intensity answer = asked(when);
        return usable(answer) ? answer : fallback_;
    }
    [[nodiscard]] double coverage(wall_time begin, wall_time end) const noexcept override {
        const double middle = 0.5 * (begin.unix_seconds() + end.unix_seconds());
        return usable(asked(wall_time::from_unix_seconds(middle))) ? 1 : 0;
    }

 private:
    [[nodiscard]] carbon_intensity asked(wall_time when) const noexcept {
        JOULERY_TRY {
            if (ask_) return ask_(when);
        }
        JOULERY_CATCH_ALL {}
        return {};
    }
    [[nodiscard]] static bool usable(carbon_intensity i) noexcept {
        return is_positive(i.grams_per_kwh());
    }
    function ask_;
    carbon_intensity fallback_;
};

[[nodiscard]] inline std::shared_ptr<const intensity_over_time> intensity_from(
    callable_intensity::function ask, carbon_intensity fallback) {
    return std::make_shared<const callable_intensity>(std::move(ask), fallback);
}

}  // namespace v1
}  // namespace joulery
