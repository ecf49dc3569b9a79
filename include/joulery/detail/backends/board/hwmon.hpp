// hwmon.hpp - energy and power sensors of known chips, through Linux's hwmon class.
// SPDX-License-Identifier: MIT
//
// Tested on fake trees only. i915 and xe accumulate their 32-bit counter only when it is read, so
// it must be read at least once a minute.
#pragma once

#include "joulery/detail/backends/board/hwmon_discovery.hpp"
#include "joulery/detail/core/concat.hpp"
#include "joulery/detail/core/list.hpp"
#include "joulery/detail/metering/registry.hpp"

#include <algorithm>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace joulery {
inline namespace v1 {

/// Reads the sensors that `hwmon_discovery.hpp` recognizes.
///
/// Units:  microjoules (energy) and microwatts (power).
/// Thread: reads must not overlap. Cost: one or two preads per sensor; 100 us each on an I2C bus.
/// Fails:  a sensor without a value gets `no_value`; if there is none at all: `retry`, or `gone` if
///         the files are gone. A sleeping card is not woken: it draws 0 W.
///
///     auto sensors = open_hwmon(system_root{});
class hwmon final : public backend {
 public:
    hwmon(detail::list<detail::hwmon_sensor> sensors, const std::string& note)
        : sensors_(std::move(sensors)) {
        for (const detail::hwmon_sensor& s : sensors_) {
            channels_.push_back(s.described);
            if (s.sleep.may_sleep()) note_.add(s.described.id, s.sleep.was_asleep());
        }
        note_.finish(note);
    }

    [[nodiscard]] std::string_view name() const noexcept override { return "hwmon"; }
    [[nodiscard]] const std::vector<channel>& channels() const noexcept override {
        return channels_;
    }
    [[nodiscard]] std::string_view note() const noexcept override { return note_.text(); }

    read_status read(counter_span out) noexcept override {
        const std::size_t n = std::min(out.size(), sensors_.size());
        std::size_t good = 0;
        std::size_t gone = 0;
        for (std::size_t i = 0; i < n; ++i) {
            out[i] = sensors_[i].value();
            if (sensors_[i].sleep.was_asleep()) note_.see();
            if (out[i] != no_value) ++good;
            if (out[i] == no_value && sensors_[i].vanished()) ++gone;
        }
        if (good > 0) return read_status::ok;
        return gone == n ? read_status::gone : read_status::retry;
    }

 private:
    detail::list<detail::hwmon_sensor> sensors_;
    std::vector<channel> channels_;
    detail::sleep_note note_;
};

[[nodiscard]] inline opened_backend open_hwmon(const system_root& root,
                                               std::shared_ptr<const time_source> clock) {
    detail::hwmon_finder finder(root, std::move(clock));
    finder.look();
    if (finder.sensors().empty())
        return failure{concat({"/sys/class/hwmon: no known energy or power sensor",
                               (finder.note().empty() ? "" : concat({" (", finder.note(), ")"}))}),
                       {}};
    return std::unique_ptr<backend>(
        std::make_unique<hwmon>(std::move(finder.sensors()), finder.note()));
}
[[nodiscard]] inline opened_backend open_hwmon(const system_root& root) {
    return open_hwmon(root, std::make_shared<steady_time>());
}

}  // namespace v1
}  // namespace joulery
