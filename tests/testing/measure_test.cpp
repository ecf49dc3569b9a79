#include "joulery/assertions/measure.hpp"
#include "joulery/backend.hpp"

#include "approx.hpp"
#include "joulery/assertions/compare_calls.hpp"
#include "joulery/testing/access.hpp"
#include "joulery/testing/scripted_backend.hpp"
#include "testing/simulated_kernel.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <chrono>
#include <memory>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>

using namespace joulery;
using namespace joulery::literals;
using namespace std::chrono_literals;
using testing::simulated_counter;

namespace {

bool has_note(const measurement& m, const char* words) {
    for (const std::string& n : m.notes)
        if (n.find(words) != std::string::npos) return true;
    return false;
}

}  // namespace

TEST_CASE("measure: the energy of a call is its power times its time") {
    measured_machine sim;
    const measurement m = measure(sim.m, [&] { sim.work(100, 300us); });
    REQUIRE(m);
    CHECK(m.per_call.joules() == approx(0.030).epsilon(0.001));
    CHECK(m.low.joules() <= 0.030);
    CHECK(m.high.joules() >= 0.030);
    CHECK((m.high - m.low).joules() < 0.030 * 0.005);
    CHECK(m.time_per_call.count() == approx(300e-6).epsilon(0.001));
    CHECK(m.mean_power.watts() == approx(100).epsilon(0.001));
    CHECK(m.energy_delay() == approx(0.030 * 300e-6).epsilon(0.002));
    CHECK(m.provenance == quality::measured);
    CHECK(m.channel == "cpu0/package");
    CHECK(m.precise);
    CHECK(m.steady);
    CHECK(m.batches.size() == 10);
    CHECK(m.calls == m.calls_per_batch * 10);
    CHECK(m.notes.empty());
}

TEST_CASE("measure: one batch is accurate to a fraction of one counter update") {
    // A batch of 20 updates of 1 ms each: unaligned edges would be off by up to 5 %.
    measured_machine sim;
    measure_options o;
    o.batch_time = 20ms;
    const measurement m = measure(
        sim.m, [&] { sim.work(100, 777us); }, o);
    REQUIRE(m);
    for (const energy_batch& b : m.batches) {
        const double joules = b.used.joules() / static_cast<double>(m.calls_per_batch);
        CHECK(joules == approx(0.0777).epsilon(0.003));
        CHECK(b.resolution.joules() < 0.005);
    }
}

TEST_CASE("measure: the wait for an update is outside the measured interval") {
    // The wait draws 1000 W, the code 10 W: any part of the wait inside would show.
    measured_machine sim;
    const auto code = [&] {
        sim.machine.draw(10_W);
        sim.machine.run(2ms);
        sim.machine.draw(1000_W);
    };
    measure_options o;
    o.batch_time = 200ms;
    const measurement m = measure(sim.m, code, o);
    REQUIRE(m);
    CHECK(m.per_call.joules() == approx(0.020).epsilon(0.03));
}

TEST_CASE("measure: a baseline is measured in alternation and subtracted call by call") {
    measured_machine sim;
    measure_options o;
    o.baseline = [&] { sim.work(50, 200us); };
    const auto code = [&] {
        sim.work(50, 200us);
        sim.work(100, 300us);
    };
    const measurement m = measure(sim.m, code, o);
    // The last update is in the middle of a call; the rest is estimated by the batch's mean power.
    CHECK(m.per_call.joules() == approx(0.030).epsilon(0.005));
    CHECK(m.time_per_call.count() == approx(300e-6).epsilon(0.002));
}

TEST_CASE("measure: idle power is subtracted on request") {
    measured_machine sim;
    measure_options o = sim.idles_here();
    o.minus_idle = true;
    const measurement m = measure(
        sim.m, [&] { sim.work(100, 300us); }, o);
    CHECK(m.per_call.joules() == approx(0.024).epsilon(0.002));
    CHECK(m.mean_power.watts() == approx(80).epsilon(0.002));
}

TEST_CASE("measure: drift cancels in an alternating comparison") {
    measured_machine sim;
    double heat = 1;  // the power rises by a quarter during the test
    const auto a = [&] { sim.work(100 * heat, 1ms), heat += 1e-4; };
    const auto b = [&] { sim.work(50 * heat, 1ms), heat += 1e-4; };
    const call_comparison c = compare_calls(sim.m, a, b);
    CHECK(c.ratio.middle == approx(2).epsilon(0.005));
    CHECK(c.ratio.high - c.ratio.low < 0.01);
    CHECK(c.a.per_call.joules() > 0.102);
}

TEST_CASE("measure: a step of power in the middle widens the interval to cover both levels") {
    measured_machine sim;
    int batches = 0;
    measure_options o;
    o.batch_calls = 20;
    o.warm_up = 0ns;
    const auto code = [&] { sim.work(++batches <= 20 * 6 + 1 ? 100 : 120, 1ms); };
    const measurement m = measure(sim.m, code, o);
    CHECK_FALSE(m.steady);
    CHECK(m.low.joules() <= 0.1002);
    CHECK(m.high.joules() >= 0.1198);
    CHECK(has_note(m, "the level changed by 20 % at batch 6"));
}

TEST_CASE("measure: code that exceeds the time limit runs once") {
    measured_machine sim;
    int calls = 0;
    const measurement m = measure(sim.m, [&] { ++calls, sim.work(100, 600s); });
    CHECK(calls == 1);
    CHECK(m.calls == 1);
    CHECK(m.per_call.joules() == approx(60'000).epsilon(1e-6));
    CHECK(m.low < m.per_call);
    CHECK(has_note(m, "only one call"));
}

TEST_CASE("measure: takes the permitted time, however long a call is") {
    for (const auto period : {1ms, 20ms, 100ms})
        for (const auto call : {10us, 700us, 30'000us, 110'000us, 300'000us, 650'000us}) {
            CAPTURE(period.count());
            CAPTURE(call.count());
            simulated_counter counter;
            counter.period = period;
            measured_machine sim({counter});
            measure_options o;
            o.max_time = 700ms;
            o.precision = 0;  // never enough
            const auto took = [&](auto&& what) {
                const double began = testing::access::engine_of(sim.m).elapsed();
                what();
                return testing::access::engine_of(sim.m).elapsed() - began;
            };
            const auto code = [&] { sim.work(100, call); };
            const double edges = 4 * testing::counter_edges::longest_wait;
            CHECK(took([&] { REQUIRE(measure(sim.m, code, o)); }) <= 0.7 + edges);
            const double twice = std::chrono::duration<double>(call).count() * 2;
            CHECK(took([&] { REQUIRE(compare_calls(sim.m, code, code, o).a); }) <=
                  std::max(0.7, twice) + 2 * edges);
        }
}

TEST_CASE("measure: all long calls count, including the first") {
    measured_machine sim;
    measure_options o;
    o.max_time = 700ms;
    int calls = 0;
    const measurement m = measure(
        sim.m, [&] { ++calls, sim.work(100, 200ms); }, o);
    CHECK(m.batches.size() == 3);
    CHECK(calls == 3);
    const call_comparison c = compare_calls(
        sim.m, [&] { sim.work(100, 150ms); }, [&] { sim.work(100, 1ms); }, o);
    CHECK(c.a.batches.size() == c.b.batches.size());
}

TEST_CASE("measure: code of zero length on a stopped clock is reported") {
    measured_machine sim;
    const measurement m = measure(sim.m, [] {});
    CHECK_FALSE(m);
    CHECK(m.failure_reason == "the code takes no time on the meter's clock");
}

TEST_CASE("measure: code of zero length is measured on a real clock") {
    options o;
    const auto start = std::chrono::steady_clock::now();
    channel c;
    c.id = "test/clock";
    o.backends.push_back(make_backend("clock", c, [start] {
        return 50 * std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    }));
    meter on{std::move(o)};
    measure_options brief;
    brief.max_time = 100ms;
    const measurement m = measure(
        on, [] {}, brief);
    REQUIRE(m);
    CHECK(m.calls > 10'000);
    CHECK(m.mean_power.watts() == approx(50).epsilon(0.1));
}

TEST_CASE(
    "measure: an exception of the code passes through, and the next measurement is unaffected") {
    measured_machine sim;
    CHECK_THROWS_WITH_AS(measure(sim.m, [&] { throw std::runtime_error("no input"); }), "no input",
                         std::runtime_error);
    int calls = 0;
    CHECK_THROWS(measure(sim.m, [&] {
        sim.work(100, 1ms);
        if (++calls == 30) throw 7;
    }));
    const measurement m = measure(sim.m, [&] { sim.work(100, 1ms); });
    CHECK(m.per_call.joules() == approx(0.1).epsilon(0.002));
    CHECK(m.notes.empty());
}

TEST_CASE("measure: a nested measurement is reported in both") {
    measured_machine sim;
    measurement inner;
    measure_options few;
    few.min_batches = 3;
    few.batch_calls = 1;
    few.warm_up = 0ns;
    const measurement outer = measure(
        sim.m,
        [&] {
            inner = measure(
                sim.m, [&] { sim.work(100, 20ms); }, few);
        },
        few);
    REQUIRE(outer);
    CHECK(inner.per_call.joules() == approx(2).epsilon(0.002));
    CHECK(inner.disturbance == "another measurement ran at the same time; its energy is included");
    CHECK(outer.disturbance == inner.disturbance);
}

TEST_CASE("measure: threads started by the code are included in its energy") {
    measured_machine sim;
    const auto code = [&] { std::thread([&] { sim.work(100, 5ms); }).join(); };
    CHECK(measure(sim.m, code).per_call.joules() == approx(0.5).epsilon(0.002));
}

TEST_CASE("measure: without a counter the code runs once and the reason is given") {
    options o;
    o.backends = no_backends();
    o.warnings = {"rapl-powercap: permission denied"};
    meter none{std::move(o)};
    int calls = 0;
    const measurement m = measure(none, [&] { return ++calls; });
    CHECK(calls == 1);
    CHECK_FALSE(m);
    CHECK(m.failure_reason == "no energy counter can be read; rapl-powercap: permission denied");
}

TEST_CASE("measure: a counter that stands still gives no measurement") {
    options o;
    channel c;
    c.id = "stuck";
    auto stuck = std::make_unique<testing::scripted_backend>("stuck", std::vector<channel>{c});
    stuck->ok({1000});
    o.backends.push_back(std::move(stuck));
    measured_machine sim;
    testing::access::set_clock(o, sim.machine.shared_clock());
    meter on{std::move(o)};
    const measurement m = measure(on, [&] { sim.work(100, 1ms); });
    CHECK_FALSE(m);
    CHECK(m.failure_reason == "the counters did not move while the code ran: stuck");
}

TEST_CASE("measure: a device lost meanwhile makes the measurement partial") {
    options o;
    channel c;
    c.id = "leaves";
    auto leaves = std::make_unique<testing::scripted_backend>("leaves", std::vector<channel>{c});
    leaves->grows(1'000'000, 20).vanishes();
    o.backends.push_back(std::move(leaves));
    measured_machine sim;
    testing::access::set_clock(o, sim.machine.shared_clock());
    meter on{std::move(o)};
    const measurement m = measure(on, [&] { sim.work(100, 1ms); });
    CHECK(m.provenance == quality::partial);
    CHECK(has_note(m, "leaves could not be read at the end"));
}

TEST_CASE("measure: only the roots of the domain tree are summed") {
    simulated_counter package, core;
    core.id = "cpu0/core";
    core.parent = "cpu0/package";
    measured_machine sim({package, core});
    const measurement m = measure(sim.m, [&] { sim.work(100, 1ms); });
    CHECK(m.channel == "cpu0/package");
    CHECK(m.per_call.joules() == approx(0.1).epsilon(0.002));
}

TEST_CASE("measure: counters with different periods are each dated by their own updates") {
    simulated_counter package, board;
    board.id = "gpu/board";
    board.part = component::gpu;
    board.period = 20ms;
    board.quantum = 1e-3;
    measured_machine sim({package, board});  // both see the same power
    measure_options o;
    o.max_time = 20s;
    const measurement m = measure(
        sim.m, [&] { sim.work(100, 1ms); }, o);
    CHECK(m.channel == "cpu0/package + gpu/board");
    CHECK(m.per_call.joules() == approx(0.2).epsilon(0.005));
}

TEST_CASE("measure: a result per item is the result per call divided by the items") {
    measured_machine sim;
    const measurement m = measure(sim.m, [&] { sim.work(64, 1ms); }).per_item(64);
    CHECK(m.per_call.joules() == approx(0.001).epsilon(0.002));
    CHECK(m.time_per_call.count() == approx(1e-3 / 64).epsilon(0.002));
    CHECK(m.mean_power.watts() == approx(64).epsilon(0.002));
    CHECK(m.samples().front() == approx(0.001).epsilon(0.005));
}

TEST_CASE("measure: emissions use the meter's carbon model") {
    testing::simulated_machine machine;
    options o = machine.options_with({simulated_counter{}});
    o.carbon = carbon_model{360_g_per_kWh, 1.5};  // 0.1 mg a joule, within a factor of 1.5
    meter on{std::move(o)};
    machine.attach(on);
    machine.reads_take(2us);
    machine.draw(100_W);
    CHECK(measure(on, [&] { machine.run(1ms); }).co2e.grams() ==
          approx(0.1 * 150e-6).epsilon(0.002));
}
