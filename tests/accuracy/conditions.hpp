// The conditions for the accuracy goals: scopes that take turns on one thread, with one property
// (or all) of real machines added.
#pragma once

#include "accuracy/figures.hpp"
#include "accuracy/simulated_program.hpp"

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <string>
#include <utility>
#include <vector>

/// One condition. Unless `change` says otherwise: 4 scopes of 20 to 300 W whose lengths vary by a
/// fifth, for 20 s, on one counter like RAPL's.
struct accuracy_condition {
    std::string name;
    accuracy_goal goal;
    std::function<void(simulated_program&)> change;
    std::vector<double> lengths{50e-6, 500e-6, 5e-3, 50e-3};  // of scopes, seconds
    int scopes = 4;
    double duration = 20;

    [[nodiscard]] simulated_program program(std::uint64_t seed, double length) const {
        simulated_program p = random_program(seed, scopes, length, 0.2, duration);
        if (change) change(p);
        return p;
    }
};

namespace accuracy_conditions {

using joulery::component;
using joulery::power;
using joulery::reading_kind;
using joulery::testing::power_noise;
using joulery::testing::simulated_counter;
using std::chrono::duration_cast;
using std::chrono::microseconds;
using std::chrono::milliseconds;
using std::chrono::nanoseconds;
using condition_list = std::vector<accuracy_condition>;

constexpr double none = accuracy_goal::none;
inline accuracy_goal within(double median, double worst, double cover = 90) {
    return {median, worst, cover, false, false};
}
inline accuracy_goal as_good_as_sharing() { return {none, none, 90, true, false}; }

inline simulated_counter counter_of(nanoseconds period, double quantum = 1.0 / 16384) {
    simulated_counter c;
    c.period = period;
    c.quantum = quantum;
    return c;
}
inline simulated_counter named(simulated_counter c, const char* id, component part) {
    c.id = id;
    c.part = part;
    return c;
}
inline std::function<void(simulated_program&)> on(simulated_counter c) {
    return [c](simulated_program& p) { p.machine.counters = {c}; };
}
inline std::function<void(simulated_program&)> under(power_noise n) {
    return [n](simulated_program& p) { p.machine.noises.push_back(n); };
}

inline power_noise slow(double relative, nanoseconds memory) {
    power_noise n;
    n.relative = relative;
    n.memory = memory;
    return n;
}
inline power_noise bursts() {
    power_noise n;
    n.burst_least = power::from_watts(10);
    n.burst_most = power::from_watts(100);
    n.burst = milliseconds(200);
    return n;
}
inline power_noise wander() {
    power_noise n;
    n.wander = power::from_watts(5);
    n.memory = std::chrono::seconds(2);
    return n;
}
// A third less power in the second half.
inline power_noise turbo_end(double duration) {
    power_noise n;
    n.step_at = nanoseconds(static_cast<std::int64_t>(duration / 2 * 1e9));
    n.step_factor = 0.7;
    return n;
}

/// Several channels, their periods, what reading them costs.
inline void add_channels(condition_list& list) {
    const simulated_counter socket0 = counter_of(milliseconds(1));
    const simulated_counter socket1 = named(socket0, "cpu1/package", component::cpu);
    simulated_counter dram = named(socket0, "cpu0/dram", component::dram);
    dram.phase = microseconds(400);
    const auto many = [](std::vector<simulated_counter> c, std::vector<double> parts) {
        return [c, parts](simulated_program& p) {
            p.machine.counters = c;
            p.machine.parts = parts;
        };
    };
    const accuracy_goal goal = within(0.5, 10);
    list.push_back({"constant power", within(0.1, 1), {}});
    list.push_back({"two sockets alike", goal, many({socket0, socket1}, {0.5, 0.5})});
    list.push_back({"dram of its own phase", goal, many({socket0, dram}, {0.85, 0.15})});
    const simulated_counter board =
        named(counter_of(milliseconds(16), 1e-3), "gpu/0/board", component::gpu);
    list.push_back({"16 ms beside 1 ms", goal, many({socket0, board}, {0.5, 0.5})});
    list.push_back({"four channels", goal,
                    many({socket0, socket1, dram, named(dram, "cpu1/dram", component::dram)},
                         {0.4, 0.4, 0.1, 0.1})});
    list.push_back({"reads of 120 us", goal,
                    [](simulated_program& p) { p.machine.read_cost = microseconds(120); }});
    for (const int ms : {2, 10})
        list.push_back(
            {"sampled each " + std::to_string(ms) + " ms", goal,
             [ms](simulated_program& p) { p.machine.sample_period = milliseconds(ms); }});
    for (const int ms : {16, 95, 100, 105, 200})
        list.push_back(
            {"counter of " + std::to_string(ms) + " ms", goal, on(counter_of(milliseconds(ms)))});
    list.push_back({"counter of 1 s", goal, on(counter_of(milliseconds(1000))), {50e-3}});
    simulated_counter wrong = counter_of(milliseconds(16));
    wrong.declared_period = milliseconds(1);
    list.push_back({"1 ms declared, 16 ms true", goal, on(wrong)});
    list.push_back({"32 scopes", within(1, 10), {}, {50e-6, 500e-6, 5e-3, 50e-3}, 32});
    list.push_back({"128 scopes", within(1, 10), {}, {50e-6, 500e-6, 5e-3}, 128});
}

/// Varying power.
inline void add_noises(condition_list& list) {
    const double calls[][4] = {{1, 0.3, 5, 0}, {5, 1, 10, 0}, {20, 3, 30, 0}};
    for (const auto& c : calls)
        list.push_back({"call noise " + std::to_string(static_cast<int>(c[0])) + " %",
                        within(c[1], c[2]),
                        [noise = c[0] / 100](simulated_program& p) { p.call_noise = noise; }});
    const accuracy_goal goal = within(2, 25);
    const std::pair<const char*, milliseconds> memories[] = {{"10 ms", milliseconds(10)},
                                                             {"0.1 s", milliseconds(100)},
                                                             {"1 s", milliseconds(1000)},
                                                             {"10 s", milliseconds(10000)}};
    for (const auto& [text, memory] : memories)
        list.push_back({std::string("slow noise 10 % of ") + text, goal, under(slow(0.1, memory))});
    list.push_back({"another program's bursts", goal, under(bursts())});
    list.push_back({"turbo ends", goal, under(turbo_end(20))});
    list.push_back({"idle power wanders", goal, under(wander())});
    list.push_back(
        {"two scopes swap powers", goal, [](simulated_program& p) { p.swap_at = 0.65; }});
    list.push_back(
        {"all noises together", goal, [](simulated_program& p) {
             p.call_noise = 0.05;
             p.machine.noises = {slow(0.05, milliseconds(1000)), bursts(), wander(), turbo_end(20)};
         }});
    for (const double power : {1.0, 0.5})
        list.push_back({power == 1 ? "power as a call's length" : "power as the root of length",
                        within(3, 20, 85),
                        [power](simulated_program& p) { p.power_of_length = power; }});
}

/// Sensors with a memory, with delays, and with lost updates.
inline void add_sensors(condition_list& list) {
    const accuracy_goal goal = within(3, none), honest = as_good_as_sharing();
    for (const int ms : {2, 10, 50}) {
        simulated_counter c = counter_of(milliseconds(1));
        c.lag = milliseconds(ms);
        list.push_back({"lag of " + std::to_string(ms) + " ms",
                        ms < 50 ? goal : honest,
                        on(c),
                        {500e-6, 5e-3, 50e-3}});
    }
    for (const int us : {200, 500, 2000}) {
        simulated_counter c = counter_of(milliseconds(1));
        c.latency = microseconds(us);
        list.push_back(
            {"late by 0 to " + std::to_string(us) + " us", us < 2000 ? goal : honest, on(c)});
    }
    simulated_counter skips = counter_of(milliseconds(1)), stalls = skips, nvml, gauge;
    skips.skipped = 0.1;
    list.push_back({"a tenth of the updates skipped", goal, on(skips)});
    stalls.stall = milliseconds(100);
    stalls.stall_gap = std::chrono::seconds(2);
    list.push_back({"stalls of 100 ms", goal, on(stalls)});
    nvml = named(counter_of(milliseconds(20), 1e-3), "gpu/0/board", component::gpu);
    for (const int ms : {25, 100}) {
        nvml.window = milliseconds(ms);
        list.push_back({"NVML-like, mean of " + std::to_string(ms) + " ms", honest, on(nvml)});
    }
    gauge = named(counter_of(milliseconds(20), 1e-3), "gpu/0/board", component::gpu);
    gauge.kind = reading_kind::power_gauge;
    list.push_back({"gauge of the moment, 20 ms", honest, on(gauge)});
    gauge.window = milliseconds(20);
    list.push_back({"gauge of means, 20 ms", honest, on(gauge)});
}

/// Runs that end before much is known.
inline void add_short_runs(condition_list& list) {
    const auto noisy = [](simulated_program& p) {
        p.call_noise = 0.05;
        p.machine.noises = {slow(0.05, milliseconds(1000))};
    };
    const std::vector<double> lengths{50e-6, 500e-6, 5e-3};
    list.push_back({"0.2 s in all", as_good_as_sharing(), {}, lengths, 4, 0.2});
    list.push_back({"0.2 s in all, noise", as_good_as_sharing(), noisy, lengths, 4, 0.2});
    list.push_back({"1 s in all, noise", within(5, none), noisy, lengths, 4, 1});
}

inline condition_list all() {
    condition_list list;
    add_channels(list);
    add_noises(list);
    add_sensors(list);
    add_short_runs(list);
    return list;
}

}  // namespace accuracy_conditions
