// measurement.hpp - how to measure a piece of code, and what it costs a call.
// SPDX-License-Identifier: MIT
#pragma once

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

/// What a measurement may take that says nothing else.
inline constexpr std::chrono::nanoseconds default_max_time = std::chrono::seconds(2);

/// Settings of `measure`, with defaults that suit a unit test.
///
///     measure_options o;
///     o.precision = 0.01;  o.max_time = std::chrono::seconds(10);
///     o.baseline = [&] { prepare_input(); };    // what to leave out of the figure
///     auto m = measure([&] { prepare_input(); net.infer(x); }, o);
struct measure_options {
    double precision = 0.02;  ///< half the 95 % interval, as a share of the mean: then it is enough
    /// Then it has to do. 0: 2 s, or less where a program measures a lot (`JOULERY_ENERGY_TIME`).
    std::chrono::nanoseconds max_time{};
    std::chrono::nanoseconds warm_up{std::chrono::milliseconds(50)};
    std::chrono::nanoseconds batch_time{};  ///< 0: 20 updates of the counters, and 20 ms
    std::uint64_t batch_calls = 0;          ///< 0: as many as fill the batch time
    std::size_t min_batches = 10;           ///< before the precision is believed

    /// Measured in turns with the code (A B A B, so that drift cancels) and taken off, call by
    /// call.
    std::function<void()> baseline;
    /// Takes off what the machine draws when it does nothing, measured in turns with the code.
    bool minus_idle = false;
    /// How to do nothing for a while; null: sleep. For clocks that only a test moves.
    std::function<void(std::chrono::nanoseconds)> idle;
};

/// One batch of calls between two dated readings of the counters.
struct energy_batch {
    energy used;        ///< by the whole batch, the baseline's share taken off
    seconds time;       ///< that the whole batch took
    energy resolution;  ///< how far the counters' steps may put `used` off (k = 2)
};

/// The result of `measure`. Where nothing could be measured `failure_reason` says so, and no figure
/// means anything.
///
///     auto m = joulery::measure([&] { net.infer(x); });
///     if (!m) std::cout << m.failure_reason;
///     std::cout << to_text(m.per_call) << " a call, " << m.calls << " calls";
struct measurement {
    energy per_call;          ///< mean over all calls
    energy low, high;         ///< 95 % interval of that mean
    std::uint64_t calls = 0;  ///< that were measured; those of the warm-up are not among them
    quality provenance = quality::measured;
    std::string channel;  ///< what was added up: "cpu0/package + gpu/.../board"
    std::string devices;  ///< models of the PCI devices among the channels: "2 x 10de:2330"

    seconds time_per_call{};
    power mean_power;            ///< over the measured calls
    emissions co2e;              ///< per call, by the meter's carbon model
    double grams_per_joule = 0;  ///< of that model

    std::vector<energy_batch> batches;
    std::uint64_t calls_per_batch = 0;
    bool steady = true;                  ///< false: the level changed while it was measured
    bool precise = false;                ///< the interval became as narrow as was asked for
    std::string failure_reason, remedy;  ///< why nothing could be measured and what would change it
    std::vector<std::string> notes;      ///< drift, outliers, what cut the measurement short
    std::string disturbance;             ///< what else drew power meanwhile; empty: nothing known
    bool is_net = false;                 ///< something was taken off: a baseline, the idle machine

    /// Whether there is a figure.
    [[nodiscard]] explicit operator bool() const noexcept { return failure_reason.empty(); }

    /// Energy-delay product of a call, in joule-seconds.
    [[nodiscard]] double energy_delay() const noexcept {
        return per_call.joules() * time_per_call.count();
    }
    /// Joules of each call, a value a batch: the samples behind the interval.
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

    /// The same by item, for calls that work on `items` each: JOULERY_CHECK_ENERGY(
    /// m.per_item(64), < 30_uJ).
    [[nodiscard]] measurement per_item(double items) const {
        measurement m = *this;
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
    std::string unit = "call";  ///< what the figures are for one of
};

}  // namespace v1
}  // namespace joulery
