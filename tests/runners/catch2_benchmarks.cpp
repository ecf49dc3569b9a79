#define CATCH_CONFIG_ENABLE_BENCHMARKING
#include <catch2/catch.hpp>
//
#include "joulery/integration/catch2_benchmark.hpp"
#include "runners/clock_meter.hpp"

#include <chrono>

using joulery::catch2_energy_listener;
CATCH_REGISTER_LISTENER(catch2_energy_listener)

TEST_CASE("spinning") {
    BENCHMARK("half a millisecond") {
        const auto end = std::chrono::steady_clock::now() + std::chrono::microseconds(500);
        int turns = 0;
        while (std::chrono::steady_clock::now() < end) ++turns;
        return turns;
    };
}

namespace {

joulery::meter fifty_watt_meter{fifty_watts()};
const bool is_used = (joulery::detail::catch2_meter = &fifty_watt_meter) != nullptr;

}  // namespace
