// The cost of a scope, as a ratio to the tick reads that it needs, measured in turns with them so
// that a noisy machine slows both. Then the memory of a path.
//
//     scope_cost            the whole table
//     scope_cost --quick    the same with few repetitions
//     scope_cost --sampled  only scopes that are timed at some of their calls
#include "scope_cost.hpp"
#include "ticking_files.hpp"
#include "timing.hpp"

#include "joulery/detail/backends/cpu/rapl_powercap.hpp"
#include "joulery/detail/timing/thread_clock.hpp"
#include "joulery/meter.hpp"
#include "joulery/session.hpp"
#include "joulery/span.hpp"
#include "joulery/testing/fake_system.hpp"

#include <benchmark/benchmark.h>

#if __has_include(<nvtx3/nvtx3.hpp>)
#include <nvtx3/nvtx3.hpp>
#define JOULERY_BENCH_NVTX
#endif

#include <malloc.h>
#include <algorithm>
#include <array>
#include <atomic>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <future>
#include <iterator>
#include <memory>
#include <new>
#include <string>
#include <thread>
#include <utility>
#include <vector>

using namespace joulery;

namespace {

std::atomic<std::size_t> live_bytes{0};

constexpr int scopes_a_batch = 20'000;
int repetitions = 200;
int calls_before = scopes_a_batch;  ///< until a subject is steady
int times_as_many = 1;              ///< in a subject's batch as in one of tick reads

void tick_pairs(int times) {
    for (int i = 0; i < times; ++i) {
        benchmark::DoNotOptimize(ticks_now());
        benchmark::ClobberMemory();
        benchmark::DoNotOptimize(ticks_now());
        benchmark::ClobberMemory();
    }
}
void scopes(int times) {
    for (int i = 0; i < times; ++i) {
        scope s{"one"};
        benchmark::ClobberMemory();
    }
}
void nested_scopes(int times) {
    for (int i = 0; i < times / 3; ++i) {
        scope a{"outer"};
        benchmark::ClobberMemory();
        scope b{"middle"};
        benchmark::ClobberMemory();
        scope c{"inner"};
        benchmark::ClobberMemory();
    }
}
void sibling_scopes(int times) {
    for (int i = 0; i < times / 2; ++i) {
        {
            scope a{"first"};
            benchmark::ClobberMemory();
        }
        {
            scope b{"second"};
            benchmark::ClobberMemory();
        }
    }
}
void named_scopes(int times) {
    static const std::string name = "dynamic";
    for (int i = 0; i < times; ++i) {
        scope s{name};
        benchmark::ClobberMemory();
    }
}

void kept_names(int times) {
    static const scope_name name{std::string("dynamic")};
    for (int i = 0; i < times; ++i) {
        scope s{name};
        benchmark::ClobberMemory();
    }
}
// A layer of a model: sixteen operations, each with its own literal.
template <std::size_t... Op>
void layer(std::index_sequence<Op...>) {
    static const char names[][8] = {"norm_a", "attn_q", "attn_k", "attn_v", "rope_q", "rope_k",
                                    "scores", "softmx", "values", "attn_o", "add_a",  "norm_b",
                                    "ffn_up", "gate",   "ffn_dn", "add_b"};
    static_assert(sizeof...(Op) == std::size(names));
    static const std::array<scope_name, sizeof...(Op)> kept{scope_name(names[Op])...};
    const auto visit = [](const scope_name& n) {
        scope s{n};
        benchmark::ClobberMemory();
    };
    (visit(kept[Op]), ...);
}
void sixteen_siblings(int times) {
    for (int i = 0; i < times / 16; ++i) layer(std::make_index_sequence<16>());
}
void whole_layer(int times) {
    for (int i = 0; i < times / 17; ++i) {
        scope s{"layer"};
        layer(std::make_index_sequence<16>());
    }
}
// The same names in each of 32 layers.
void whole_model(int times) {
    static const std::vector<scope_name> blocks = [] {
        std::vector<scope_name> all;
        for (int i = 0; i < 32; ++i) all.emplace_back("block " + std::to_string(i));
        return all;
    }();
    for (int i = 0; i < times / 17 / 32; ++i)
        for (const scope_name& n : blocks) {
            scope s{n};
            layer(std::make_index_sequence<16>());
        }
}

void tasks(int times) {
    static thread_local const span request{"request"};
    for (int i = 0; i < times; ++i) {
        task_scope t{request, "task"};
        benchmark::ClobberMemory();
    }
}
void spans(int times) {
    for (int i = 0; i < times; ++i) {
        span request{"request"};
        benchmark::ClobberMemory();
    }
}

#ifdef JOULERY_BENCH_NVTX
void nvtx_ranges(int times) {
    for (int i = 0; i < times; ++i) {
        nvtx3::scoped_range s{"one"};
        benchmark::ClobberMemory();
    }
}
#endif

struct outcome {
    double nanoseconds, ratio;  ///< medians: of a call, and of call to base
};

// Both in turns, batch by batch; the ratio is the median of the batches' ratios.
template <class Subject, class Base>
outcome measured(Subject subject, Base base) {
    std::vector<double> times, ratios;
    subject(calls_before);
    base(scopes_a_batch);
    for (int i = 0; i < repetitions; ++i) {
        const double a = seconds_now();
        subject(scopes_a_batch * times_as_many);
        const double b = seconds_now();
        base(scopes_a_batch);
        const double c = seconds_now();
        times.push_back((b - a) * 1e9 / scopes_a_batch / times_as_many);
        ratios.push_back((b - a) / times_as_many / (c - b));
    }
    return {median(times), median(ratios)};
}

// The same on several threads at once; medians over all of them.
template <class Subject>
outcome on_threads(int count, Subject subject) {
    std::vector<outcome> all(static_cast<std::size_t>(count));
    std::vector<std::thread> threads;
    for (outcome& o : all)
        threads.emplace_back([&o, subject] { o = measured(subject, tick_pairs); });
    for (std::thread& t : threads) t.join();
    std::vector<double> times, ratios;
    for (const outcome& o : all) {
        times.push_back(o.nanoseconds);
        ratios.push_back(o.ratio);
    }
    return {median(times), median(ratios)};
}

void row(const char* what, const std::string& figure, const char* budget) {
    std::printf("| %-52s | %-26s | %-22s |\n", what, figure.c_str(), budget);
    std::fflush(stdout);
}
std::string text(const char* form, double a, double b = 0) {
    char out[96];
    std::snprintf(out, sizeof out, form, a, b);
    return out;
}
std::string ratio_text(const outcome& o) {
    return text("%.2f x (%.1f ns)", o.ratio, o.nanoseconds);
}

// For subjects that take a lock of the thread's own or allocate: does not confuse threads that wait
// for a processor with threads that wait for one another. ns per call; the mean over threads.
template <class Subject>
double processor_time(int count, Subject subject) {
    const int times = repetitions * scopes_a_batch / 4;
    std::vector<double> all(static_cast<std::size_t>(count));
    std::vector<std::thread> threads;
    for (double& own : all)
        threads.emplace_back([&own, subject, times] {
            subject(scopes_a_batch);
            const double begin = detail::thread_cpu_seconds();
            subject(times);
            own = (detail::thread_cpu_seconds() - begin) * 1e9 / times;
        });
    double sum = 0;
    for (std::size_t i = 0; i < threads.size(); ++i) {
        threads[i].join();
        sum += all[i];
    }
    return sum / count;
}
template <class Subject>
void processor_row(const char* what, Subject subject) {
    row(what, text("%.0f | %.0f ns", processor_time(1, subject), processor_time(8, subject)), "-");
}

void print_scopes() {
    const char* budget = "<= 1.25 x";
    row("scope, 1 thread, to two tick reads", ratio_text(on_threads(1, scopes)), budget);
    row("scope, 2 threads", ratio_text(on_threads(2, scopes)), budget);
    row("scope, 8 threads", ratio_text(on_threads(8, scopes)), budget);
    row("scopes nested three deep, each", ratio_text(on_threads(1, nested_scopes)), budget);
    row("siblings in turn, each", ratio_text(on_threads(1, sibling_scopes)), budget);
    row("sixteen siblings in turn, each", ratio_text(on_threads(1, sixteen_siblings)), budget);
    row("a scope_name that is kept", ratio_text(on_threads(1, kept_names)), budget);
    row("a name that is no literal", ratio_text(on_threads(1, named_scopes)), "-");
    processor_row("scope, 1 | 8 threads, processor time", scopes);
    processor_row("task_scope, 1 | 8 threads, a span each", tasks);
    processor_row("span, begun and ended, 1 | 8 threads", spans);
    set_enabled(false);
    const outcome off = measured(scopes, no_scopes);
    const outcome base = measured(no_scopes, no_scopes);
    row("switched off, more than an empty loop",
        text("%.2f ns", std::max(off.nanoseconds - base.nanoseconds, 0.0)), "<= 2 ns");
    set_enabled(true);
    row("compiled out, to an empty loop",
        text("%.2f x", measured(disabled_scopes, no_scopes).ratio), "no instruction");
}

void zone(testing::fake_system& machine, const char* folder, const char* name) {
    machine.powercap_zone(folder, name, 1'000'000);
}

// 64 threads with 1,000 paths each: the memory of a path.
void print_path_memory(testing::fake_system& machine) {
    constexpr int paths = 1'000, threads = 64;
    options o;
    if (auto opened = open_rapl_powercap(machine.root())) o.backends.push_back(*std::move(opened));
    meter m{std::move(o)};
    std::vector<std::string> names;
    for (int i = 0; i < paths; ++i) names.push_back("path " + std::to_string(i));
    std::atomic<int> ready{0};
    std::promise<void> end;
    const std::shared_future<void> done = end.get_future().share();
    const std::size_t before = live_bytes.load();
    std::vector<std::thread> workers;
    for (int t = 0; t < threads; ++t)
        workers.emplace_back([&] {
            for (const std::string& n : names) scope s{m, n};
            ++ready;
            done.wait();
        });
    while (ready.load() < threads) std::this_thread::yield();
    const double bytes = static_cast<double>(live_bytes.load() - before);
    end.set_value();
    for (std::thread& t : workers) t.join();
    row("memory of a path, a thread", text("%.0f bytes", bytes / (paths * threads)),
        "<= 1,024 bytes");
}

// Without a tool attached; with one, the tool determines the cost.
void print_others() {
#ifdef JOULERY_BENCH_NVTX
    row("a range of NVTX, no tool attached", ratio_text(on_threads(1, nvtx_ranges)), "-");
#endif
}

// Scopes this short are timed at some of their calls, once it is known how much these differ. Their
// batches take as long as those of tick reads: for the first 0.1 ms after tick reads any code that
// keeps a processor busy may be slower.
void print_sampled(options o) {
    calls_before = repetitions * 100 * scopes_a_batch / 10;
    times_as_many = 6;
    start(std::move(o));
    const char* budget = "<= 0.2 x";
    for (const int threads : {1, 2, 8})
        row(("scope, some calls timed, threads: " + std::to_string(threads)).c_str(),
            ratio_text(on_threads(threads, scopes)), budget);
    row("three deep, each", ratio_text(on_threads(1, nested_scopes)), budget);
    row("sixteen siblings in turn, each", ratio_text(on_threads(1, sixteen_siblings)), budget);
    row("sixteen in a layer, each", ratio_text(on_threads(1, whole_layer)), budget);
    calls_before *= 32;  // each path was called as often as in one layer
    row("sixteen in each of 32 layers, each", ratio_text(on_threads(1, whole_model)), budget);
    stop();
    calls_before = scopes_a_batch;
    times_as_many = 1;
}

// Each call is recorded, for its percentiles.
void print_percentiles(options o) {
    o.percentiles = true;
    start(std::move(o));
    processor_row("scope with options.percentiles, 1 | 8 threads", scopes);
    stop();
}

void print_calls() {
    scopes(1);
    const std::size_t before = live_bytes.load();
    scopes(1'000'000);
    const double grown = static_cast<double>(live_bytes.load()) - static_cast<double>(before);
    row("memory of a million calls", text("%.0f bytes", std::max(grown, 0.0)), "0 bytes");
}

}  // namespace

void* operator new(std::size_t size) {
    void* const made = std::malloc(size);
    if (made == nullptr) std::abort();
    live_bytes.fetch_add(::malloc_usable_size(made), std::memory_order_relaxed);
    return made;
}
void* operator new(std::size_t size, std::align_val_t alignment) {
    void* made = nullptr;
    if (::posix_memalign(&made, static_cast<std::size_t>(alignment), size) != 0) std::abort();
    live_bytes.fetch_add(::malloc_usable_size(made), std::memory_order_relaxed);
    return made;
}
void operator delete(void* p, std::align_val_t) noexcept { operator delete(p); }
void operator delete(void* p, std::size_t, std::align_val_t) noexcept { operator delete(p); }
void operator delete(void* p) noexcept {
    if (p == nullptr) return;
    live_bytes.fetch_sub(::malloc_usable_size(p), std::memory_order_relaxed);
    std::free(p);
}
void operator delete(void* p, std::size_t) noexcept { operator delete(p); }

int main(int argc, char** argv) {
    const bool quick = argc > 1 && std::strcmp(argv[1], "--quick") == 0;
    if (quick) repetitions = 5;
    testing::fake_system machine;
    zone(machine, "intel-rapl:0", "package-0");
    zone(machine, "intel-rapl:0:0", "core");
    zone(machine, "intel-rapl:0:1", "dram");
    zone(machine, "intel-rapl:1", "psys");
    const auto metered = [&machine](double budget) {
        options o;
        if (auto opened = open_rapl_powercap(machine.root()))
            o.backends.push_back(std::make_unique<ticking_files>(100, *std::move(opened)));
        o.period = std::chrono::milliseconds(10);
        o.overhead_budget = budget;
        return o;
    };
    std::printf("| %-52s | %-26s | %-22s |\n|---|---|---|\n", "what", "measured (median)",
                "budget");
    if (argc > 1 && std::strcmp(argv[1], "--sampled") == 0)
        return print_sampled(metered(0.01)), print_others(), 0;
    constexpr double any = 1e9;  // every call is timed
    start(metered(any));
    print_scopes();
    print_calls();
    stop();
    print_sampled(metered(0.01));
    print_others();
    print_percentiles(metered(any));
    print_path_memory(machine);
}
