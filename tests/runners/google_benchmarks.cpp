#include "joulery/integration/google_benchmark.hpp"
#include "runners/clock_meter.hpp"

#include <benchmark/benchmark.h>

#include <chrono>

namespace {

void spin(std::chrono::microseconds time) {
    const auto end = std::chrono::steady_clock::now() + time;
    while (std::chrono::steady_clock::now() < end) {
    }
}

void loop(benchmark::State& state) {
    for (auto _ : state) spin(std::chrono::microseconds(200));
    state.SetItemsProcessed(state.iterations() * 4);
}
BENCHMARK(loop)->MinTime(0.1)->UseRealTime();
BENCHMARK(loop)->Name("fixed")->Iterations(300)->UseRealTime();
BENCHMARK(loop)->Name("threads")->Threads(2)->MinTime(0.1)->UseRealTime();
BENCHMARK(loop)->Name("repeated")->Repetitions(3)->Iterations(200)->UseRealTime();

void watched(benchmark::State& state) {
    spin(std::chrono::milliseconds(200));  // a setup as long as the loop
    joulery::benchmark_energy watch{state};
    for (auto _ : state) spin(std::chrono::microseconds(200));
    state.SetItemsProcessed(state.iterations() * 4);
}
BENCHMARK(watched)->Iterations(500)->UseRealTime();
BENCHMARK(watched)->Name("watched_threads")->Threads(2)->Iterations(300)->UseRealTime();

void broken(benchmark::State& state) { state.SkipWithError("no such thing"); }
BENCHMARK(broken);

}  // namespace

int main(int argc, char** argv) {
    joulery::meter m{fifty_watts()};
    return joulery::run_benchmarks(argc, argv, m);
}
