// callable_intensity.hpp - an intensity that the program itself knows.
// SPDX-License-Identifier: MIT
#pragma once

#include "joulery/detail/carbon/intensity_over_time.hpp"
#include "joulery/detail/core/config.hpp"
#include "joulery/detail/core/finite.hpp"

#include <functional>
#include <memory>
#include <utility>

namespace joulery {
inline namespace v1 {

/// Asks a function for the intensity of each interval's middle.
///
/// Thread: the function is called from the sampler's thread and from those that take a snapshot; it
///         must bear that, and be quick: cache in it what comes from elsewhere.
/// Fails:  an answer that is not above zero, or an exception, counts as not known: the fallback is
///         used and `coverage` tells.
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
