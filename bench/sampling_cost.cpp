// Processor time of the sampler, compared with a loop that wakes up and reads the same files as
// often; and the time that a report takes. Both by the number of paths.
//
//     sampling_cost            the whole table: minutes
//     sampling_cost --quick    the same with short runs
//     sampling_cost --reports  only how long reports take: seconds
//     sampling_cost --paths 10 60 100   only the sampler: so many paths, so many s, at so many Hz
#include "ticking_files.hpp"
#include "timing.hpp"

#include "joulery/detail/backends/cpu/rapl_powercap.hpp"
#include "joulery/detail/timing/thread_clock.hpp"
#include "joulery/meter.hpp"
#include "joulery/scope.hpp"
#include "joulery/testing/fake_system.hpp"

#include <benchmark/benchmark.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <future>
#include <memory>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

using namespace joulery;
using std::chrono::milliseconds;

namespace {

void row(const std::string& what, const std::string& figure, const char* budget) {
    std::printf("| %-52s | %-44s | %-14s |\n", what.c_str(), figure.c_str(), budget);
    std::fflush(stdout);
}
template <class... Figures>
std::string text(const char* form, Figures... figures) {
    char out[128];
    std::snprintf(out, sizeof out, form, figures...);
    return out;
}

// Four counters in real files whose values change every millisecond.
std::unique_ptr<backend> counters(testing::fake_system& machine) {
    auto opened = open_rapl_powercap(machine.root());
    return opened ? std::make_unique<ticking_files>(50, *std::move(opened)) : nullptr;
}
options with_counters(testing::fake_system& machine, milliseconds period) {
    options o;
    o.backends.push_back(counters(machine));
    o.period = period;
    return o;
}

// Each of `count` paths in turn on one thread, some microseconds long, ten times a second.
class busy_program {
 public:
    busy_program(meter& m, int count) : meter_(m), count_(count), thread_([this] { run(); }) {}
    busy_program(const busy_program&) = delete;
    busy_program& operator=(const busy_program&) = delete;
    ~busy_program() {
        ends_ = true;
        thread_.join();
    }
    void await_first_round() const {
        while (rounds_ == 0) std::this_thread::yield();
    }

 private:
    void run() {
        std::vector<std::string> names;
        for (int i = 0; i < count_; ++i) names.push_back("path " + std::to_string(i));
        while (!ends_) {
            const auto next = std::chrono::steady_clock::now() + milliseconds(100);
            for (const std::string& n : names) {
                scope s{meter_, n};
                const std::uint64_t begin = ticks_now();
                while (ticks_now() < begin + 5'000) benchmark::ClobberMemory();
            }
            ++rounds_;
            std::this_thread::sleep_until(next);
        }
    }
    meter& meter_;
    const int count_;
    std::atomic<bool> ends_{false};
    std::atomic<int> rounds_{0};
    std::thread thread_;
};

// Processor share of a thread that wakes up as often and reads these counters, or nothing.
double plain_loop(backend* read, milliseconds period, double length) {
    double taken = 0;
    std::thread([&] {
        std::vector<std::uint64_t> values(read != nullptr ? read->channels().size() : 0);
        for (double t = 0; t < length; t += std::chrono::duration<double>(period).count()) {
            std::this_thread::sleep_for(period);
            if (read != nullptr) read->read(counter_span(values));
        }
        taken = detail::thread_cpu_seconds();
    }).join();
    return taken / length;
}

// The loops run at the same time, so that a noisy machine slows all.
void print_sampler(testing::fake_system& machine, milliseconds period, int paths, double length) {
    meter m{with_counters(machine, period)};
    const busy_program program(m, paths);
    program.await_first_round();
    const auto files = counters(machine);
    double asleep = 0, reading = 0;
    const double begin = seconds_now();
    const self_cost before = m.snapshot().overhead;
    std::thread sleeper([&] { asleep = plain_loop(nullptr, period, length); });
    std::thread reader([&] { reading = plain_loop(files.get(), period, length); });
    sleeper.join();
    reader.join();
    const self_cost after = m.snapshot().overhead;
    const double taken = seconds_now() - begin;
    const double share = (after.sampler - before.sampler).count() / taken;
    const double attribution = (after.attribution - before.attribution).count() / taken;
    const std::string name =
        text("sampler at %d Hz, %d paths", static_cast<int>(1000 / period.count()), paths);
    const bool often = period < milliseconds(100);
    row(name, text("%.3f %% of a core (attribution %.3f %%)", 100 * share, 100 * attribution),
        often ? "-" : "<= 0.3 %");
    row("  to waking up and reading as often",
        text("%.2f x (%.3f %%, waking up %.3f %%)", share / reading, 100 * reading, 100 * asleep),
        often ? "<= 2 x" : "-");
}

void print_snapshot(testing::fake_system& machine, int paths, int threads, const char* budget,
                    bool inside = false) {
    meter m{with_counters(machine, {})};
    std::vector<std::string> names;
    for (int i = 0; i < paths; ++i) names.push_back("path " + std::to_string(i));
    std::atomic<int> ready{0};
    std::promise<void> end;
    const std::shared_future<void> done = end.get_future().share();
    std::vector<std::thread> workers;
    for (int t = 0; t < threads; ++t)
        workers.emplace_back([&] {
            std::optional<scope> around;
            if (inside) around.emplace(m, "around");
            for (const std::string& n : names) scope s{m, n};
            scope open{m, names.front()};
            ++ready;
            done.wait();
        });
    while (ready.load() < threads) std::this_thread::yield();
    std::vector<double> times, processor;
    for (int i = 0; i < 21; ++i) {
        const double begin = seconds_now(), used = detail::thread_cpu_seconds();
        benchmark::DoNotOptimize(m.snapshot());
        times.push_back((seconds_now() - begin) * 1e3);
        processor.push_back((detail::thread_cpu_seconds() - used) * 1e3);
    }
    end.set_value();
    for (std::thread& t : workers) t.join();
    row(text("snapshot(), %d paths%s x %d threads", paths, inside ? " inside one" : "", threads),
        text("%.2f ms (processor %.2f ms; first %.1f ms)", median(times), median(processor),
             times.front()),
        budget);
}

}  // namespace

int main(int argc, char** argv) {
    const std::string only = argc > 1 ? argv[1] : "";
    testing::fake_system machine;
    machine.powercap_zone("intel-rapl:0", "package-0", 1'000'000);
    machine.powercap_zone("intel-rapl:0:0", "core", 1'000'000);
    machine.powercap_zone("intel-rapl:0:1", "dram", 1'000'000);
    machine.powercap_zone("intel-rapl:1", "psys", 1'000'000);
    std::printf("| %-52s | %-44s | %-14s |\n|---|---|---|\n", "what", "measured", "budget");
    if (only == "--paths" && argc > 2)
        return print_sampler(machine, milliseconds(argc > 4 ? 1000 / std::atoi(argv[4]) : 10),
                             std::atoi(argv[2]), argc > 3 ? std::atof(argv[3]) : 20),
               0;
    if (only != "--reports")
        for (const int paths : {10, 100, 1'000, 10'000})
            for (const milliseconds period : {milliseconds(100), milliseconds(10)})
                print_sampler(machine, period, paths, only == "--quick" ? 0.3 : 20);
    for (const int paths : {10, 100, 1'000}) print_snapshot(machine, paths, 1, "-");
    print_snapshot(machine, 10'000, 1, "<= 10 ms");
    print_snapshot(machine, 10'000, 1, "<= 10 ms", true);
    print_snapshot(machine, 1'000, 64, "<= 5 ms");
}
