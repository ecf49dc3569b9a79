// measure_options.hpp - how long and how exactly to measure a piece of code.
// SPDX-License-Identifier: MIT
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>

namespace joulery {
inline namespace v1 {

/// Settings of `measure`, with defaults that suit a unit test.
///
///     measure_options o;
///     o.precision = 0.01;  o.max_time = std::chrono::seconds(10);
///     o.baseline = [&] { prepare_input(); };    // what to leave out of the figure
///     auto m = measure([&] { prepare_input(); net.infer(x); }, o);
struct measure_options {
    double precision = 0.02;  ///< half the 95 % interval, as a share of the mean: then it is enough
    std::chrono::nanoseconds max_time{std::chrono::seconds(2)};  ///< then it has to do
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

}  // namespace v1
}  // namespace joulery
