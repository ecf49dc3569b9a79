#define CATCH_CONFIG_ENABLE_BENCHMARKING
#define CATCH_CONFIG_RUNNER
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

int main(int argc, char** argv) {
    static joulery::meter m{fifty_watts()};
    joulery::detail::catch2_meter = &m;
    return Catch::Session().run(argc, argv);
}
