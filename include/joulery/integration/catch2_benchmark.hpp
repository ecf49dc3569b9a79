// catch2_benchmark.hpp - joules of every Catch2 BENCHMARK.
// SPDX-License-Identifier: MIT
//
// In one source file, after Catch2 (version 2 with CATCH_CONFIG_ENABLE_BENCHMARKING, or 3):
//     using joulery::catch2_energy_listener;
//     CATCH_REGISTER_LISTENER(catch2_energy_listener)
// prints one line per BENCHMARK: joules per run, watts, grams of CO2e.
#pragma once

#if defined(CATCH_VERSION_MAJOR)

#include "joulery/assertions/measuring_meter.hpp"
#include "joulery/detail/core/config.hpp"
#include "joulery/detail/core/unit_text.hpp"
#include "joulery/meter.hpp"

#include <chrono>
#include <cstdio>
#include <memory>
#include <string>

namespace joulery {
inline namespace v1 {

namespace detail {

#if CATCH_VERSION_MAJOR >= 3
using catch2_listener = Catch::EventListenerBase;
#else
using catch2_listener = Catch::TestEventListenerBase;
#endif

/// The listener's meter if it is not the machine's, for tests.
inline meter* catch2_meter = nullptr;

}  // namespace detail

/// Records the joules while a benchmark takes its samples; Catch2's analysis afterwards is not
/// counted.
class catch2_energy_listener : public detail::catch2_listener {
 public:
    using detail::catch2_listener::catch2_listener;

    void benchmarkStarting(const Catch::BenchmarkInfo& info) override {
        name_ = info.name;
        if (timeline_ == nullptr)
            timeline_ = std::make_unique<testing::energy_timeline>(
                detail::catch2_meter != nullptr ? *detail::catch2_meter
                                                : testing::measuring_meter());
        begin_ = testing::energy_timeline::clock::now();
    }
    void benchmarkEnded(const Catch::BenchmarkStats<>& stats) override {
        using time = std::chrono::duration<double, std::nano>;
        time total{};
        double runs = 0;
        for (const auto& sample : stats.samples) {
            total += time(sample.count()) * static_cast<double>(stats.info.iterations);
            runs += static_cast<double>(stats.info.iterations);
        }
        meter& m = timeline_->source();
        const auto length =
            std::chrono::duration_cast<testing::energy_timeline::clock::duration>(total);
        if (m.channels().empty() || runs <= 0 || length.count() <= 0) {
            std::printf("energy of %s: not measured\n", name_.c_str());
            return;
        }
        const energy used = timeline_->between(begin_, begin_ + length);
        std::printf("energy of %s: %s a run, %s, %s a run, %s\n", name_.c_str(),
                    to_text(used / runs).c_str(), to_text(used / length).c_str(),
                    to_text(m.settings().carbon.of(used) / runs).c_str(),
                    std::string(to_text(timeline_->provenance())).c_str());
    }

 private:
    std::unique_ptr<testing::energy_timeline> timeline_;
    testing::energy_timeline::clock::time_point begin_;
    std::string name_;
};

}  // namespace v1
}  // namespace joulery

#endif
