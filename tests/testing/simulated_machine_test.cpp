// The simulated machine (sensors that lag, stall, update late or show power; noisy power) against
// figures calculated by hand.
#include "joulery/testing/simulated_machine.hpp"

#include "approx.hpp"
#include "joulery/scope.hpp"
#include "joulery/testing/virtual_thread.hpp"
#include "joulery/units.hpp"

#include <doctest/doctest.h>

#include <chrono>
#include <cmath>
#include <cstdint>
#include <vector>

using namespace joulery;
using namespace joulery::literals;
using namespace std::chrono_literals;
using testing::power_noise;
using testing::simulated_counter;
using testing::simulated_machine;

namespace {

// Updates every millisecond, in steps too small to see.
simulated_counter fine_counter() {
    simulated_counter c;
    c.jitter = 0;
    c.quantum = 1e-9;
    c.wrap_at = 0;
    return c;
}

// A machine with a single counter.
struct one_counter {
    explicit one_counter(simulated_counter c, std::uint64_t seed = 1)
        : machine(seed), source(machine.make_backend({c})) {}
    [[nodiscard]] double shown() const { return machine.shown().joules(); }
    [[nodiscard]] double truth() const { return machine.true_energy().joules(); }
    std::uint64_t raw() {
        std::uint64_t value = 0;
        CHECK(source->read(counter_span(&value, 1)) == read_status::ok);
        return value;
    }
    simulated_machine machine;
    std::unique_ptr<backend> source;
};

}  // namespace

TEST_CASE("simulated machine: a lagging sensor is late by its time constant and loses no energy") {
    simulated_counter c = fine_counter();
    c.lag = 10ms;
    one_counter t(c);
    t.machine.draw(100_W);
    t.machine.run(100ms);
    CHECK(t.shown() == approx(10));  // it has followed from the beginning
    t.machine.draw(200_W);
    t.machine.run(20ms);
    // 2 x 20 ms x 100 W more, minus the 100 W x 10 ms of the step that it still lacks.
    const double missing = 100 * 10e-3 * (1 - std::exp(-2.0));
    CHECK(t.shown() == approx(10 + 4 - missing).epsilon(1e-6));
    t.machine.run(500ms);
    CHECK(t.truth() - t.shown() == approx(1).epsilon(1e-3));
}

TEST_CASE("simulated machine: a sensor with a window sums means over the window") {
    simulated_counter c = fine_counter();
    c.period = 20ms;
    c.window = 100ms;
    one_counter t(c);
    t.machine.draw(100_W);
    t.machine.run(200ms);
    CHECK(t.shown() == approx(20));
    t.machine.draw(200_W);
    t.machine.run(40ms);  // two updates: means of 120 and 140 W
    CHECK(t.shown() == approx(20 + 0.02 * (120 + 140)).epsilon(1e-6));
}

TEST_CASE("simulated machine: a gauge shows the present watts, or the mean of its window") {
    simulated_counter c = fine_counter();
    c.kind = reading_kind::power_gauge;
    c.quantum = 1e-3;
    c.period = 10ms;
    for (const auto window : {0ms, 10ms}) {
        CAPTURE(window.count());
        c.window = window;
        one_counter t(c);
        t.machine.draw(50_W);
        t.machine.run(5ms);
        t.machine.draw(150_W);
        t.machine.run(5ms + 1ns);
        CHECK(static_cast<double>(t.raw()) * 1e-3 ==
              approx(window > 0ms ? 100 : 150).epsilon(1e-4));
    }
}

TEST_CASE("simulated machine: late updates show the energy of the update, in order") {
    simulated_counter c = fine_counter();
    c.latency = 2ms;
    one_counter t(c);
    t.machine.draw(1_W);
    double last = 0, latest = 0;
    for (int i = 0; i < 20'000; ++i) {
        t.machine.run(10us);
        CHECK(t.shown() >= last);
        CHECK(std::fabs(std::remainder(t.shown(), 1e-3)) < 1e-8);  // whole milliseconds of 1 W
        last = t.shown();
        latest = std::max(latest, t.truth() - t.shown());
    }
    CHECK(latest > 1.5e-3);
    CHECK(latest < 3.02e-3);
}

TEST_CASE("simulated machine: skipped updates and stalls are caught up by the next update") {
    simulated_counter skips = fine_counter(), stalls = fine_counter();
    skips.skipped = 0.5;
    stalls.stall = 100ms;
    stalls.stall_gap = 400ms;
    for (const simulated_counter& c : {skips, stalls}) {
        one_counter t(c);
        t.machine.draw(1_W);
        int changes = 0;
        double last = 0, longest = 0;
        for (int i = 0; i < 10'000; ++i) {
            t.machine.run(1ms);
            changes += t.shown() > last ? 1 : 0;
            longest = std::max(longest, t.truth() - t.shown());
            last = t.shown();
        }
        CAPTURE(changes);
        CAPTURE(longest);
        CHECK(last > 9.89);
        if (c.skipped > 0) {
            CHECK(std::abs(changes - 5'000) < 300);
            CHECK(longest < 0.05);
        } else {
            CHECK(std::abs(changes - 8'000) < 400);
            CHECK(longest == approx(0.1).epsilon(0.03));
        }
    }
}

TEST_CASE("simulated machine: a channel declares the requested period") {
    simulated_counter c = fine_counter();
    c.period = 16ms;
    c.declared_period = 1ms;
    c.phase = 4ms;
    one_counter t(c);
    CHECK(t.source->channels()[0].update_period == 1ms);
    t.machine.draw(1_W);
    t.machine.run(19ms);
    CHECK(t.shown() == 0);
    t.machine.run(2ms);
    CHECK(t.shown() == approx(0.02).epsilon(1e-3));
}

TEST_CASE("simulated machine: slow noise has the requested standard deviation and memory") {
    one_counter t(fine_counter());
    power_noise n;
    n.relative = 0.1;
    n.memory = 10ms;
    t.machine.disturb(n);
    t.machine.draw(100_W);
    std::vector<double> watts;
    double last = 0;
    for (int i = 0; i < 20'000; ++i) {
        t.machine.run(1ms);
        watts.push_back((t.truth() - last) * 1e3);
        last = t.truth();
    }
    double mean = 0, variance = 0, product = 0;
    for (const double w : watts) mean += w / static_cast<double>(watts.size());
    for (std::size_t i = 10; i < watts.size(); ++i) {
        variance += (watts[i] - mean) * (watts[i] - mean);
        product += (watts[i] - mean) * (watts[i - 10] - mean);
    }
    CHECK(mean == approx(100).epsilon(0.02));
    CHECK(std::sqrt(variance / static_cast<double>(watts.size())) == approx(10).epsilon(0.1));
    CHECK(product / variance == approx(std::exp(-1.0)).epsilon(0.15));  // 10 ms later
}

TEST_CASE("simulated machine: bursts add power half the time, and a step changes it for good") {
    one_counter t(fine_counter());
    power_noise bursts, turbo;
    bursts.burst_least = 20_W, bursts.burst_most = 40_W, bursts.burst = 50ms;
    turbo.step_at = 5s;
    turbo.step_factor = 0.7;
    t.machine.disturb(turbo);
    t.machine.draw(100_W);
    t.machine.run(5s);
    CHECK(t.truth() == approx(500));
    t.machine.disturb(bursts);
    t.machine.run(20s);
    CHECK(t.truth() == approx(500 + 20 * (70 + 15)).epsilon(0.02));
}

TEST_CASE("simulated machine: noise affects only its counter, and power is never negative") {
    simulated_machine machine(3);
    simulated_counter a = fine_counter(), b = fine_counter();
    b.id = "cpu0/dram";
    const auto source = machine.make_backend({a, b});
    power_noise n;
    n.wander = 50_W;
    n.counter = 1;
    machine.disturb(n);
    machine.draw(1_W);
    double last = 0;
    for (int i = 0; i < 1'000; ++i) {
        machine.run(10ms);
        CHECK(machine.true_energy(1).joules() >= last);
        last = machine.true_energy(1).joules();
    }
    CHECK(machine.true_energy(0).joules() == approx(10));
    CHECK(last > 15);  // the mean of the positive values is 20 W
}

TEST_CASE("simulated machine: a virtual thread uses a processor unless it waits") {
    simulated_machine machine;
    meter m{machine.options_with({simulated_counter{}})};
    machine.attach(m);
    testing::virtual_thread worker{m};
    machine.run(30ms);
    CHECK(worker.busy_seconds() == approx(0.03));
    worker.busy(false);
    machine.run(50ms);
    worker.busy(false);
    CHECK(worker.busy_seconds() == approx(0.03));
    worker.busy(true);
    machine.run(20ms);
    CHECK(worker.busy_seconds() == approx(0.05));
}
