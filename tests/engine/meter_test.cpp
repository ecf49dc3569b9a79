#include "joulery/engine/meter.hpp"

#include "joulery/scope.hpp"
#include "joulery/testing/simulated_machine.hpp"

#include <doctest/doctest.h>

#include <chrono>
#include <string>
#include <thread>
#include <vector>

using namespace joulery;
using namespace joulery::literals;
using namespace std::chrono_literals;
using testing::simulated_counter;
using testing::simulated_machine;

namespace {

simulated_counter exact_counter() {
    simulated_counter c;
    c.period = 1us;  // ticks so often that it shows the truth
    c.jitter = 0;
    c.quantum = 1e-9;
    c.wrap_at = 0;
    return c;
}

}  // namespace

TEST_CASE("meter: a scope gets what the machine drew while it was open") {
    simulated_machine machine;
    meter m{machine.options_with({exact_counter()})};
    machine.attach(m);
    machine.draw(100_W);
    machine.run(30ms);
    {
        scope s{m, "work"};
        machine.run(250ms);
    }
    machine.run(20ms);
    const report r = m.snapshot();
    REQUIRE(r.find("work") != nullptr);
    CHECK(r.find("work")->total.joules() == doctest::Approx(25.0).epsilon(1e-4));
    CHECK(r.find("work")->calls == 1);
    CHECK(r.find("work")->time.count() == doctest::Approx(0.25));
    CHECK(r.unscoped.joules() == doctest::Approx(5.0).epsilon(1e-3));
    CHECK(r.total.joules() == doctest::Approx(30.0).epsilon(1e-4));
}

TEST_CASE("meter: nested scopes give a parent its own joules and its children's") {
    simulated_machine machine;
    meter m{machine.options_with({exact_counter()})};
    machine.attach(m);
    machine.draw(100_W);
    for (int i = 0; i < 3; ++i) {
        scope step{m, "step"};
        step.add_items(32, "sample");
        machine.run(100ms);
        {
            scope forward{m, "forward"};
            machine.draw(300_W);
            machine.run(50ms);
        }
        machine.draw(100_W);
        machine.run(50ms);
    }
    const report r = m.snapshot();
    const scope_row* step = r.find("step");
    const scope_row* forward = r.find("step/forward");
    REQUIRE(step != nullptr);
    REQUIRE(forward != nullptr);
    CHECK(forward->total.joules() == doctest::Approx(45.0).epsilon(1e-3));
    CHECK(step->self.joules() == doctest::Approx(45.0).epsilon(1e-3));
    CHECK(step->total.joules() == doctest::Approx(90.0).epsilon(1e-3));
    CHECK(step->items == 96);
    CHECK(step->item_name == "sample");
    CHECK(step->method == "edges");
    CHECK(forward->depth == 1);
}
