// What threads use while they read counters at the edges of scopes is billed to no scope.
#include "joulery/scope.hpp"
#include "joulery/testing/simulated_machine.hpp"
#include "joulery/testing/virtual_thread.hpp"

#include "approx.hpp"
#include "engine/support.hpp"

#include <doctest/doctest.h>

#include <chrono>
#include <list>
#include <utility>

using namespace joulery;
using namespace joulery::literals;
using namespace std::chrono_literals;
using engine_test::exact_counter;
using testing::simulated_counter;
using testing::simulated_machine;

namespace {

/// 40 steps of 5 ms at 100 W inside one epoch, with reads at edges that take 50 us each.
report epoch_of_steps(simulated_counter counter, attribution policy = attribution::shared) {
    simulated_machine machine;
    machine.reads_take(50us);
    options o = machine.options_with({std::move(counter)});
    o.overhead_budget = 0.5;
    o.attribution = policy;
    meter m{std::move(o)};
    machine.attach(m);
    machine.draw(100_W);
    machine.run(20ms);
    {
        scope epoch{m, "epoch"};
        for (int i = 0; i < 40; ++i) {
            scope step{m, "step"};
            machine.run(5ms);
        }
    }
    report r = m.snapshot();
    REQUIRE(r.overhead.edge_reads >= 40);  // steps are read once the first sample has shown them
    REQUIRE(r.overhead.edges.count() >= 40 * 50e-6);
    CHECK(r.find("epoch/step")->method == "edges");
    return r;
}

}  // namespace

TEST_CASE("edge cost: a scope and those around it have the joules of the work alone") {
    const report r = epoch_of_steps(exact_counter());
    const scope_row &epoch = *r.find("epoch"), &step = *r.find("epoch/step");
    CHECK(step.total.joules() == approx(40 * 0.5).epsilon(1e-3));
    CHECK(epoch.total.joules() == approx(40 * 0.5).epsilon(1e-3));
    CHECK(epoch.by_channel[0] == epoch.total);
    CHECK(epoch.self.joules() < 40 * 0.5 * 1e-3);
}

TEST_CASE("edge cost: it lies outside all scopes, and the sum stays") {
    const report r = epoch_of_steps(exact_counter());
    const double reading = 100 * r.overhead.edges.count();
    CHECK(r.unscoped.joules() >= reading);
    CHECK((r.find("epoch")->total + r.unscoped).joules() == approx(r.total.joules()));
    CHECK(r.channels[0].unscoped == r.unscoped);
}

TEST_CASE(
    "edge cost: where many threads share the machine, measuring has no more than lies outside") {
    simulated_machine machine;
    machine.reads_take(50us);
    options o = machine.options_with({exact_counter()});
    o.overhead_budget = 0.5;
    meter m{std::move(o)};
    machine.attach(m);
    machine.draw(100_W);
    std::list<testing::virtual_thread> threads;
    std::list<scope> others;
    for (int i = 0; i < 1000; ++i) others.emplace_back(threads.emplace_back(m), "other");
    for (int i = 0; i < 40; ++i) {
        scope step{m, "step"};
        machine.run(5ms);
    }
    const report r = m.snapshot();
    REQUIRE(r.overhead.edges.count() >= 40 * 50e-6);
    CHECK(r.overhead.joules.joules() - r.unscoped.joules() <= 1e-9);
}

TEST_CASE("edge cost: inclusive scopes keep all that was used while they were open") {
    const report r = epoch_of_steps(exact_counter(), attribution::inclusive);
    CHECK(r.find("epoch")->total.joules() >= 40 * 0.5 + 0.2);
}

TEST_CASE("edge cost: a device goes on working while a thread reads") {
    simulated_counter gpu = exact_counter("gpu/board");
    gpu.part = component::gpu;
    const report r = epoch_of_steps(gpu);
    CHECK(r.find("epoch")->total.joules() >= 40 * 0.5 + 0.2);
}
