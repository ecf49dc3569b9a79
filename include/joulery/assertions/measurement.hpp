// measurement.hpp - settings of a measurement, and its result.
// SPDX-License-Identifier: MIT
#pragma once

#include "joulery/detail/core/finite.hpp"
#include "joulery/quality.hpp"
#include "joulery/units.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace joulery {
inline namespace v1 {

/// The time of a measurement that sets none.
inline constexpr std::chrono::nanoseconds default_max_time = std::chrono::seconds(2);

/// Settings of `measure`, with defaults that suit a unit test.
///
///     measure_options o;
///     o.precision = 0.01;  o.max_time = std::chrono::seconds(10);
///     o.baseline = [&] { prepare_input(); };    // what to leave out of the figure
///     auto m = measure([&] { prepare_input(); net.infer(x); }, o);
struct measure_options {
    double precision =
        0.02;  ///< stop at this half width of the 95 % interval, relative to the mean
    /// Stop after this time. 0: 2 s, or less if a program measures a lot (`JOULERY_ENERGY_TIME`).
    std::chrono::nanoseconds max_time{};
    std::chrono::nanoseconds warm_up{std::chrono::milliseconds(50)};
    std::chrono::nanoseconds batch_time{};  ///< 0: 20 updates of the counters, and 20 ms
    std::uint64_t batch_calls = 0;          ///< 0: as many as fit into the batch time
    std::size_t min_batches = 10;           ///< before the precision is checked

    /// Measured in turns with the code (A B A B, so that drift cancels) and subtracted, call by
    /// call.
    std::function<void()> baseline;
    /// Subtracts the idle power of the machine, measured in turns with the code.
    bool minus_idle = false;
    /// Does nothing for a while; null: sleep. For simulated clocks.
    std::function<void(std::chrono::nanoseconds)> idle;
};

/// One batch of calls between two dated readings of the counters.
struct energy_batch {
    energy used;        ///< by the whole batch, minus the baseline
    seconds time;       ///< of the whole batch
    energy resolution;  ///< uncertainty of `used` from the counters' steps (k = 2)
};

/// The result of `measure`. If nothing could be measured `failure_reason` says why, and no figure
/// is valid.
///
///     auto m = joulery::measure([&] { net.infer(x); });
///     if (!m) std::cout << m.failure_reason;
///     std::cout << to_text(m.per_call) << " a call, " << m.calls << " calls";
struct measurement {
    energy per_call;          ///< mean over all calls
    energy low, high;         ///< its 95 % confidence interval
    std::uint64_t calls = 0;  ///< measured calls, without the warm-up
    quality provenance = quality::measured;
    std::string channel;  ///< the summed channels: "cpu0/package + gpu/.../board"
    std::string devices;  ///< models of the PCI devices among the channels: "2 x 10de:2330"

    seconds time_per_call{};
    power mean_power;            ///< over the measured calls
    emissions co2e;              ///< per call, by the meter's carbon model
    double grams_per_joule = 0;  ///< of that model

    std::vector<energy_batch> batches;
    std::uint64_t calls_per_batch = 0;
    bool steady = true;                  ///< false: the level changed during the measurement
    bool precise = false;                ///< the requested precision was reached
    std::string failure_reason, remedy;  ///< why nothing could be measured, and what would help
    std::vector<std::string> notes;      ///< drift, outliers, why it ended early
    std::string disturbance;             ///< what else drew power; empty: nothing known
    bool is_net = false;                 ///< a baseline or the idle power was subtracted
    std::string mistake;                 ///< why no claim about it makes sense; empty: none

    /// Whether it succeeded.
    [[nodiscard]] explicit operator bool() const noexcept { return failure_reason.empty(); }

    /// Energy-delay product of a call, in joule-seconds.
    [[nodiscard]] double energy_delay() const noexcept {
        return per_call.joules() * time_per_call.count();
    }
    /// Joules per call, one value per batch: the samples behind the interval.
    [[nodiscard]] std::vector<double> samples() const {
        std::vector<double> x;
        for (const energy_batch& b : batches)
            x.push_back(b.used.joules() / static_cast<double>(calls_per_batch));
        return x;
    }
    /// Watts of each batch.
    [[nodiscard]] std::vector<double> power_samples() const {
        std::vector<double> x;
        for (const energy_batch& b : batches)
            if (b.time.count() > 0) x.push_back((b.used / b.time).watts());
        return x;
    }

    /// The same per item, for calls that process `items` each: JOULERY_CHECK_ENERGY(
    /// m.per_item(64), < 30_uJ). Not for zero items or fewer: every check of that fails.
    [[nodiscard]] measurement per_item(double items) const {
        measurement m = *this;
        if (!is_positive(items)) m.mistake = "per_item() of a call without items";
        const double share = 1 / items;
        m.per_call *= share;
        m.low *= share;
        m.high *= share;
        m.co2e *= share;
        m.time_per_call *= share;
        for (energy_batch& b : m.batches) {
            b.used *= share;
            b.time *= share;
            b.resolution *= share;
        }
        m.unit = "item";
        return m;
    }
    std::string unit = "call";  ///< the figures are per one of these
};

}  // namespace v1
}  // namespace joulery
