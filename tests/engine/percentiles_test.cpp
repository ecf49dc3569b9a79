// Percentiles of calls: which rows have them, and that they are right.
#include "joulery/report_io.hpp"
#include "joulery/scope.hpp"
#include "joulery/span.hpp"

#include "approx.hpp"
#include "engine/support.hpp"
#include "joulery/testing/simulated_machine.hpp"
#include "joulery/testing/virtual_thread.hpp"
#include "joulery/units.hpp"

#include <doctest/doctest.h>

#include <chrono>
#include <cstdint>
#include <optional>
#include <thread>
#include <utility>
#include <vector>

using namespace joulery;
using namespace joulery::literals;
using namespace std::chrono_literals;
using engine_test::exact_counter;
using engine_test::metered_machine;
using testing::simulated_machine;
using testing::virtual_thread;

namespace {

options with_percentiles(simulated_machine& machine) {
    options o = machine.options_with({exact_counter()});
    o.percentiles = true;
    return o;
}

void call(simulated_machine& machine, meter& m, std::chrono::nanoseconds length) {
    scope s{m, "step"};
    machine.run(length);
}

}  // namespace

TEST_CASE("percentiles: on request they cover every call, on running and on ended threads") {
    metered_machine machine{with_percentiles};
    meter& m = machine.m;
    machine.draw(100_W);
    for (int i = 0; i < 50; ++i) call(machine, m, 10us);
    std::thread([&] {
        for (int i = 0; i < 49; ++i) call(machine, m, 20us);
    }).join();
    machine.run(500ms);  // the thread's tree is abandoned
    (void)m.snapshot();
    call(machine, m, 4ms);
    const report r = m.snapshot();
    const scope_row& row = *r.find("step");
    CHECK(row.call_times.count() == 100);
    CHECK(row.call_time.p50.count() == approx(10e-6).epsilon(0.02));
    CHECK(row.call_time.p90.count() == approx(20e-6).epsilon(0.02));
    CHECK(row.call_time.p99.count() == approx(20e-6).epsilon(0.02));
    CHECK(row.call_time.max.count() == approx(4e-3).epsilon(0.02));
    CHECK(row.call_energy.p50.joules() == approx(10e-6 * 100).epsilon(0.1));
    CHECK(row.call_energy.max.joules() == approx(4e-3 * 100).epsilon(0.1));
}

TEST_CASE("percentiles: a window covers its own calls, and two windows the calls of both") {
    metered_machine machine{with_percentiles};
    meter& m = machine.m;
    for (int i = 0; i < 10; ++i) call(machine, m, 10us);
    const report first = m.snapshot();
    for (int i = 0; i < 10; ++i) call(machine, m, 100us);
    const report both = m.snapshot();
    const report second = difference(both, first);
    CHECK(second.find("step")->call_time.p50.count() == approx(100e-6).epsilon(0.02));
    CHECK(both.find("step")->call_time.p50.count() == approx(10e-6).epsilon(0.02));
    CHECK(both.find("step")->call_time.p90.count() == approx(100e-6).epsilon(0.02));
    const report again = *from_json(to_json(both));
    CHECK(again.find("step")->call_times == both.find("step")->call_times);
    CHECK(again.find("step")->call_time.p90 == both.find("step")->call_time.p90);
    report elsewhere = first;
    elsewhere.context.run_id = elsewhere.context.machine = "another";
    for (run_span& run : elsewhere.runs) run.run_id = run.machine = "another";
    const report merged = merge(second, elsewhere);
    CHECK(merged.find("step")->calls == 20);
    CHECK(merged.find("step")->call_times.count() == 20);
    CHECK(merged.find("step")->call_time.p50.count() == approx(10e-6).epsilon(0.02));
    CHECK(merged.find("step")->call_time.p99.count() == approx(100e-6).epsilon(0.02));
}

TEST_CASE("percentiles: by default long scopes have them and short ones don't") {
    simulated_machine machine;
    meter m{machine.options_with({testing::simulated_counter{}})};
    machine.attach(m);
    machine.draw(100_W);
    for (int i = 0; i < 10; ++i) {
        scope s{m, "long"};
        machine.run(i == 9 ? 200ms : 100ms);
    }
    for (int i = 0; i < 3000; ++i) {
        scope s{m, "short"};
        machine.run(50us);
    }
    const report r = m.snapshot();
    CHECK(r.find("long")->call_time.p50.count() == approx(0.1).epsilon(0.02));
    CHECK(r.find("long")->call_time.max.count() == approx(0.2).epsilon(0.02));
    CHECK(r.find("long")->call_energy.p50.joules() == approx(10).epsilon(0.05));
    CHECK(r.find("short")->call_time.p50.count() == 0);
    CHECK(r.find("short")->call_energy.max == 0_J);
}

TEST_CASE(
    "percentiles: calls read at their edges have their own energy, whatever the others used") {
    simulated_machine machine;
    testing::simulated_counter dram, core;
    dram.id = "cpu0/dram";
    dram.part = component::dram;
    core.id = "cpu0/core";  // a part of the package, which must not count again
    core.parent = "cpu0/package";
    meter m{machine.options_with({testing::simulated_counter{}, dram, core})};
    machine.attach(m);
    for (int i = 0; i < 20; ++i) {
        machine.draw(0, power::from_watts(i % 2 == 0 ? 100 : 300));
        machine.draw(1, power::from_watts(10));
        machine.draw(2, power::from_watts(i % 2 == 0 ? 60 : 200));
        scope s{m, "long"};
        for (const char* part : {"one", "other"}) {
            scope inside{m, part};
            machine.run(50ms);
        }
    }
    const report r = m.snapshot();
    const scope_row& row = *r.find("long");
    CHECK(row.call_method == "edges");
    CHECK(row.call_energies.count() >= 19);
    CHECK(row.call_energy.p50.joules() == approx(11).epsilon(0.05));
    CHECK(row.call_energy.p90.joules() == approx(31).epsilon(0.05));
    double sum = 0;
    for (int i = 0; i < 20; ++i) sum += row.call_energies.percentile(5 * i + 2);
    CHECK(sum == approx(row.total.joules()).epsilon(0.05));
    const report again = *from_json(to_json(r));
    CHECK(again.find("long")->call_method == "edges");
    CHECK(again.find("long")->call_energy.p90 == row.call_energy.p90);
}

TEST_CASE("percentiles: if another thread works as well, a call has its time at its row's power") {
    simulated_machine machine;
    meter m{machine.options_with({testing::simulated_counter{}})};
    machine.attach(m);
    machine.draw(100_W);
    virtual_thread a{m}, b{m};
    scope beside{b, "beside"};
    for (int i = 0; i < 20; ++i) {
        scope s{a, "long"};
        machine.run(i % 4 == 0 ? 200ms : 100ms);
    }
    const report r = m.snapshot();
    const scope_row& row = *r.find("long");
    CHECK(row.call_energies.count() <= 1);
    CHECK(row.call_method == "time");
    const double watts = row.total.joules() / row.time.count();
    CHECK(row.call_energy.p50.joules() == approx(0.1 * watts).epsilon(0.02));
    CHECK(row.call_energy.max.joules() == approx(0.2 * watts).epsilon(0.02));
}

TEST_CASE("percentiles: calls include the energy of tasks on other threads, on average") {
    simulated_machine machine;
    options o = machine.options_with({testing::simulated_counter{}});
    o.percentiles = true;
    meter m{std::move(o)};
    machine.attach(m);
    machine.draw(100_W);
    virtual_thread worker{m};
    for (int i = 0; i < 500; ++i) {
        scope s{m, "owner"};
        task_scope t{worker, s.handle(), "task"};
        machine.run(20us);
    }
    const report r = m.snapshot();
    const scope_row& row = *r.find("owner");
    CHECK(row.call_method == "time");
    CHECK(row.total.joules() == approx(500 * 2e-3).epsilon(0.1));
    CHECK(row.call_energy.p50.joules() == approx(2e-3).epsilon(0.1));
}

TEST_CASE("percentiles: spans always have them, with each span's own energy") {
    metered_machine machine{100_W};
    meter& m = machine.m;
    virtual_thread worker{m};
    {
        task_scope warm{worker, span{m, "warm"}, "up"};
        machine.run(1s);
    }
    for (int i = 0; i < 100; ++i) {
        span request{m, "request"};
        machine.run(1ms);  // it waits
        const auto length = i % 10 == 0 ? 5ms : 1ms;
        task_scope t{worker, request, "work"};
        machine.run(length);
    }
    machine.run(1ms);
    const report r = m.snapshot();
    const scope_row& row = *r.find("request");
    CHECK(row.call_times.count() == 100);
    CHECK(row.call_time.p50.count() == approx(2e-3).epsilon(0.03));
    CHECK(row.call_time.p99.count() == approx(6e-3).epsilon(0.03));
    CHECK(row.call_energies.count() >= 99);
    CHECK(row.call_energy.p50.joules() == approx(0.1).epsilon(0.1));
    CHECK(row.call_energy.p99.joules() == approx(0.5).epsilon(0.1));
    CHECK(row.call_method == "tasks");
}

TEST_CASE("percentiles: unknown where too many calls were not timed") {
    scope_row row;
    row.calls = 200;
    for (int i = 0; i < 197; ++i) row.call_times.add(1e-3);
    set_percentiles(row);
    CHECK(row.call_time.p50.count() == 0);
    row.call_times.add(1e-3);
    set_percentiles(row);
    CHECK(row.call_time.p50.count() == approx(1e-3).epsilon(0.02));
}
