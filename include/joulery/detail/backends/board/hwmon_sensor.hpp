// hwmon_sensor.hpp - one sensor of a hwmon chip, read.
// SPDX-License-Identifier: MIT
#pragma once

#include "joulery/backend.hpp"
#include "joulery/detail/backends/common/sleeping_device.hpp"
#include "joulery/detail/backends/common/watched_file.hpp"

#include <cstdint>

namespace joulery {
inline namespace v1 {
namespace detail {

/// One sensor: a file in micro-units, or a voltage (mV) and a current (mA) to be multiplied.
struct hwmon_sensor {
    watched_file amount;
    watched_file current;  ///< open: `amount` is a voltage
    bool is_product = false;
    std::uint64_t scale = 1;  ///< raw value of one unit of the file
    sleeping_device sleep;
    channel described;

    [[nodiscard]] std::uint64_t value() noexcept {
        const auto read = [this] { return value_awake(); };
        return described.kind == reading_kind::energy_counter ? sleep.counter(read)
                                                              : sleep.gauge(read);
    }
    [[nodiscard]] std::uint64_t value_awake() noexcept {
        if (!is_product) {
            std::uint64_t micro = 0;
            if (!amount.read_unsigned(micro) || micro > (std::uint64_t{1} << 53)) return no_value;
            return micro * scale;
        }
        std::int64_t millivolts = 0;
        std::int64_t milliamperes = 0;
        if (!amount.read_signed(millivolts) || !current.read_signed(milliamperes)) return no_value;
        constexpr std::int64_t most = 1'000'000'000;  // a megavolt is no reading
        if (millivolts > most || milliamperes > most) return no_value;
        // A rail at rest may show a small negative current: the sensor's offset.
        if (millivolts <= 0 || milliamperes <= 0) return 0;
        return static_cast<std::uint64_t>(millivolts * milliamperes);
    }
    [[nodiscard]] bool vanished() const noexcept {
        return amount.vanished() || (is_product && current.vanished());
    }
};

}  // namespace detail
}  // namespace v1
}  // namespace joulery
