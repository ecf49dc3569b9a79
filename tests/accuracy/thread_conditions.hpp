// The conditions for the accuracy goals of programs with several threads or device streams.
#pragma once

#include "accuracy/figures.hpp"
#include "accuracy/played_threads.hpp"

#include <chrono>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <random>
#include <string>
#include <utility>
#include <vector>

/// Which of a run's figures a row reports.
enum class thread_figures { scopes, waiting, outside, total };

struct thread_condition {
    std::string name;
    std::function<thread_program(std::mt19937_64&)> program;
    std::vector<std::pair<thread_figures, accuracy_goal>> rows;
    std::vector<double> durations{20, 100, 300};
};

namespace accuracy_conditions {

using kind = thread_step::kind;

inline double between(double least, double most, std::mt19937_64& random) {
    return std::uniform_real_distribution<double>(least, most)(random);
}
// A number of threads, each alternating between two scopes of its own; with `pauses` outside all
// scopes of up to `pause` of a scope's length.
inline thread_program busy_threads(int threads, std::mt19937_64& random, double length = 5e-3,
                                   double pause = 0) {
    thread_program p;
    for (int t = 0; t < threads; ++t) {
        std::vector<thread_step> steps;
        for (const char* name : {"a", "b"}) {
            const double seconds = length * between(0.5, 1.5, random);
            const std::string scope = name + std::to_string(t);
            steps.push_back({kind::work, scope, seconds, between(5, 60, random)});
            if (pause > 0) steps.push_back({kind::pause, "", pause * between(0.5, 1.5, random)});
        }
        p.threads.push_back(std::move(steps));
    }
    return p;
}

// Rounds of tasks of three kinds for two threads, which wait outside all scopes.
inline thread_program uneven_pool(std::mt19937_64& random) {
    thread_program p;
    const auto task = [&](const char* name, double seconds) {
        return thread_step{kind::work, name, seconds, between(5, 60, random)};
    };
    const thread_step a = task("a", 8e-3), b = task("b", 3e-3), c = task("c", 15e-3);
    const thread_step wait{kind::wait, "", 0, 0};
    p.threads = {{a, b, wait, c, wait}, {c, wait, b, b, wait}};
    return p;
}

// The main thread prepares, then waits in its own scope for three workers.
inline thread_program main_waits(std::mt19937_64& random) {
    thread_program p;
    const thread_step hidden{kind::wait, "", 0, 0};
    p.threads.push_back({{kind::work, "prepare", 2e-3, between(5, 30, random)},
                         hidden,
                         {kind::wait, "wait", 0, 0}});
    for (int t = 0; t < 3; ++t) {
        std::vector<thread_step> steps{hidden};
        for (const char* name : {"load", "compute"})
            steps.push_back({kind::work, name + std::to_string(t), between(2e-3, 10e-3, random),
                             between(5, 60, random)});
        steps.push_back(hidden);
        p.threads.push_back(std::move(steps));
    }
    return p;
}

// Four threads work for different times, then wait in a scope for the last of them.
inline thread_program barrier(std::mt19937_64& random) {
    thread_program p;
    p.jitter = 0.5;
    for (int t = 0; t < 4; ++t)
        p.threads.push_back({{kind::work, "work" + std::to_string(t), between(4e-3, 8e-3, random),
                              between(5, 60, random)},
                             {kind::wait, "barrier", 0, 0}});
    return p;
}

// Two to six threads with one to four scopes each, of any length, some of the same name; they pause
// outside all scopes, and may wait for each other once or twice a round, in a scope or not.
inline thread_program any_threads(std::mt19937_64& random) {
    const auto one_of = [&](unsigned n) { return static_cast<int>(random() % n); };
    thread_program p;
    p.jitter = between(0.05, 0.5, random);
    const double length = 1e-3 * std::exp(between(std::log(0.3), std::log(60.0), random));
    const int threads = 2 + one_of(5), meetings = one_of(3);
    double shared[4];
    for (double& watts : shared) watts = between(5, 60, random);
    for (int t = 0; t < threads; ++t) {
        std::vector<thread_step> steps;
        const auto meet = [&] {
            steps.push_back({kind::wait, one_of(2) == 0 ? "wait" : "", 0, 0});
        };
        const int count = 1 + one_of(4);
        for (int i = 0; i < count; ++i) {
            const double seconds = length * between(0.3, 3, random);
            const bool pauses = i > 0 && one_of(5) == 0, is_shared = one_of(4) == 0;
            const double watts = is_shared ? shared[i] : between(5, 60, random);
            const std::string scope = "abcd"[i] + (is_shared ? "" : std::to_string(t));
            if (pauses)
                steps.push_back({kind::pause, "", seconds});
            else
                steps.push_back({kind::work, scope, seconds, watts});
            if (i == 0 && meetings == 2) meet();
        }
        if (meetings > 0) meet();
        p.threads.push_back(std::move(steps));
    }
    return p;
}

// Streams of a device on a counter of 20 ms.
inline thread_program streams(int count, double length, std::mt19937_64& random) {
    thread_program p = busy_threads(count, random, length, length / 4);
    p.on_device = true;
    joulery::testing::simulated_counter board;
    board.id = "gpu/0/board";
    board.part = joulery::component::gpu;
    board.period = std::chrono::milliseconds(20);
    board.quantum = 1e-3;
    p.machine.counters = {board};
    return p;
}

// An estimate of a constant power, on a machine with two busy threads.
inline thread_program flat_estimate(std::mt19937_64& random) {
    thread_program p = busy_threads(2, random);
    for (auto& steps : p.threads) {
        steps.resize(1);
        steps[0].watts = 0;
    }
    joulery::testing::simulated_counter estimate;
    estimate.provenance = joulery::quality::estimated;
    estimate.relative_error = 0.3;
    estimate.period = std::chrono::milliseconds(10);
    p.machine.counters = {estimate};
    return p;
}

inline std::vector<thread_condition> all_threads() {
    accuracy_goal sharing, exact, waiting, outside, edges;
    sharing.as_good_as_sharing = edges.as_good_as_edges = true;
    exact.worst = 1e-3;
    waiting.worst = 3;
    outside.median = 5;
    const auto scopes = thread_figures::scopes;
    std::vector<thread_condition> list;
    for (const int n : {2, 4, 8})
        list.push_back({std::to_string(n) + " threads, always busy",
                        [n](auto& random) { return busy_threads(n, random); },
                        {{scopes, sharing}}});
    list.push_back({"4 threads with gaps",
                    [](auto& random) { return busy_threads(4, random, 5e-3, 5e-3); },
                    {{scopes, sharing}, {thread_figures::total, exact}}});
    list.push_back({"uneven pool of 2 threads", uneven_pool, {{scopes, sharing}}});
    list.push_back({"main waits for 3 workers",
                    main_waits,
                    {{scopes, sharing}, {thread_figures::waiting, waiting}}});
    list.push_back(
        {"barrier of 4 threads", barrier, {{scopes, sharing}, {thread_figures::waiting, waiting}}});
    list.push_back({"any threads", any_threads, {{scopes, sharing}}});
    list.push_back({"2 threads, half idle",
                    [](auto& random) { return busy_threads(2, random, 5e-3, 5e-3); },
                    {{scopes, sharing}, {thread_figures::outside, outside}},
                    {20}});
    list.push_back({"inclusive, 4 threads, 50 ms",
                    [](auto& random) {
                        thread_program p = busy_threads(4, random, 50e-3, 50e-3);
                        p.attribution = joulery::attribution::inclusive;
                        return p;
                    },
                    {{scopes, edges}},
                    {20}});
    for (const int n : {2, 4})
        list.push_back({"process, " + std::to_string(n) + " threads with gaps",
                        [n](auto& random) {
                            thread_program p = busy_threads(n, random, 5e-3, 2e-3);
                            p.attribution = joulery::attribution::process;
                            p.process_share = between(0.6, 0.9, random);
                            return p;
                        },
                        {{scopes, sharing}, {thread_figures::total, exact}},
                        {20}});
    for (const double ms : {0.5, 5.0, 50.0}) {
        char name[64];
        std::snprintf(name, sizeof name, "3 streams that overlap, %g ms", ms);
        list.push_back({name,
                        [ms](auto& random) { return streams(3, ms * 1e-3, random); },
                        {{scopes, sharing}},
                        {20}});
    }
    list.push_back({"estimate, 2 threads together", flat_estimate, {{scopes, sharing}}, {20}});
    return list;
}

}  // namespace accuracy_conditions
