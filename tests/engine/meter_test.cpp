#include "joulery/meter.hpp"

#include "approx.hpp"
#include "joulery/backend.hpp"
#include "joulery/detail/session/engine.hpp"
#include "joulery/scope.hpp"
#include "joulery/testing/access.hpp"
#include "joulery/testing/manual_clock.hpp"
#include "joulery/testing/simulated_machine.hpp"
#include "joulery/testing/virtual_thread.hpp"

#include "engine/support.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

using namespace joulery;
using namespace joulery::literals;
using namespace std::chrono_literals;
using engine_test::exact_counter;
using testing::simulated_counter;
using testing::simulated_machine;

TEST_CASE("meter: a scope gets the energy the machine used while it was open") {
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
    CHECK(r.find("work")->total.joules() == approx(25.0).epsilon(1e-4));
    CHECK(r.find("work")->calls == 1);
    CHECK(r.find("work")->time.count() == approx(0.25));
    CHECK(r.unscoped.joules() == approx(5.0).epsilon(1e-3));
    CHECK(r.total.joules() == approx(30.0).epsilon(1e-4));
}

TEST_CASE("meter: a gauge's step is in watts; in an error bar it is the energy of one update") {
    const auto clock = std::make_shared<testing::manual_clock>();
    channel gauge;
    gauge.id = "board/power";
    gauge.kind = reading_kind::power_gauge;
    gauge.quantum = 10;  // W
    gauge.update_period = 10ms;
    options o;
    testing::access::set_clock(o, clock);
    o.backends.push_back(make_backend("board", gauge, [] { return 100.0; }));
    meter m{std::move(o)};
    const auto pass = [&] {
        for (int i = 0; i < 20; ++i) {
            clock->advance(10ms);
            (void)m.read();
        }
    };
    pass();
    {
        scope s{m, "work"};
        pass();
    }
    pass();
    const report r = m.snapshot();
    CHECK(r.channels[0].quantum_joules == approx(0.1));
    CHECK(r.find("work")->total.joules() == approx(20));
    // An update at either end is 0.3 J; steps of 10 J would make it 8 J.
    CHECK(r.find("work")->uncertainty.joules() < 2);
}

TEST_CASE("meter: a parent has its own energy and that of its nested scopes") {
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
    CHECK(forward->total.joules() == approx(45.0).epsilon(1e-3));
    CHECK(step->self.joules() == approx(45.0).epsilon(1e-3));
    CHECK(step->total.joules() == approx(90.0).epsilon(1e-3));
    CHECK(step->items == 96);
    CHECK(step->item_name == "sample");
    CHECK(step->method == "edges");
    CHECK(r.scopes[forward->parent].name == "step");
}

TEST_CASE("meter: attribution by process leaves another process's energy outside all scopes") {
    simulated_machine machine;
    options o = machine.options_with({exact_counter()});
    o.attribution = attribution::process;
    testing::access::set_process_share(
        o, [] { return 0.25; });  // the other process keeps the machine three quarters busy
    meter m{std::move(o)};
    machine.attach(m);
    machine.draw(100_W);
    {
        scope s{m, "work"};
        machine.run(1s);
    }
    const report r = m.snapshot();
    CHECK(r.find("work")->total.joules() == approx(25).epsilon(1e-3));
    CHECK(r.unscoped.joules() == approx(75).epsilon(1e-3));
    CHECK(r.total.joules() == approx(100).epsilon(1e-3));
}

TEST_CASE("meter: an idle power splits each scope's joules and changes no sum") {
    simulated_machine machine;
    options o = machine.options_with({exact_counter()});
    o.idle_power = 40_W;
    meter m{std::move(o)};
    machine.attach(m);
    machine.draw(100_W);
    {
        scope s{m, "busy"};
        machine.run(500ms);
    }
    machine.draw(30_W);
    {
        scope s{m, "waiting"};
        machine.run(500ms);
    }
    const report r = m.snapshot();
    REQUIRE(r.find("busy")->idle.has_value());
    CHECK(r.find("busy")->total.joules() == approx(50).epsilon(1e-3));
    CHECK(r.find("busy")->idle->joules() == approx(20).epsilon(1e-3));
    // Never more than the scope used in total.
    CHECK(r.find("waiting")->idle->joules() == approx(15).epsilon(1e-2));
    CHECK(r.context.idle_power->watts() == 40);
}

TEST_CASE("meter: idle power is shared in the same way as joules, under any attribution") {
    const auto run = [](attribution policy) {
        simulated_machine machine;
        options o = machine.options_with({exact_counter()});
        o.idle_power = 40_W;
        o.attribution = policy;
        testing::access::set_process_share(o, [] { return 0.25; });
        meter m{std::move(o)};
        machine.attach(m);
        machine.draw(100_W);
        testing::virtual_thread one{m}, two{m};
        {
            scope a{one, "work"}, b{two, "work"};
            machine.run(1s);
        }
        return *m.snapshot().find("work");
    };
    for (const auto& [policy, part] : {std::pair{attribution::shared, 1.0},
                                       {attribution::inclusive, 2.0},
                                       {attribution::process, 0.25}}) {
        const scope_row work = run(policy);
        CHECK(work.total.joules() == approx(100 * part).epsilon(0.01));
        CHECK(work.idle->joules() == approx(40 * part).epsilon(0.01));
    }
}

TEST_CASE("meter: two busy threads of different power get what each drew") {
    simulated_machine machine(7);
    meter m{machine.options_with({simulated_counter{}})};
    machine.attach(m);
    testing::virtual_thread one{m}, other{m};
    std::mt19937_64 random(7);
    const auto length = [&] { return std::chrono::microseconds(300 + random() % 400); };
    double truth[4] = {};
    const double watts[4] = {100, 40, 10, 60};  // a, b on one thread; c, d on the other
    int now[2] = {0, 2};
    std::chrono::microseconds left[2] = {length(), length()};
    const char* const names[] = {"a", "b", "c", "d"};
    std::optional<scope> open[2];
    open[0].emplace(one, std::string_view("a"));
    open[1].emplace(other, std::string_view("c"));
    for (int i = 0; i < 40'000; ++i) {
        const auto step = std::min(left[0], left[1]);
        machine.draw(power::from_watts(watts[now[0]] + watts[now[1]]));
        machine.run(step);
        for (int t = 0; t < 2; ++t) {
            truth[now[t]] += watts[now[t]] * seconds(step).count();
            left[t] -= step;
            if (left[t].count() > 0) continue;
            now[t] ^= 1;
            open[t].reset();
            open[t].emplace(t == 0 ? one : other, std::string_view(names[now[t]]));
            left[t] = length();
        }
    }
    open[0].reset();
    open[1].reset();
    const report r = m.snapshot();
    double sum = 0;
    for (int i = 0; i < 4; ++i) {
        const scope_row* row = r.find(names[i]);
        REQUIRE(row != nullptr);
        CAPTURE(names[i]);
        CHECK(std::abs(row->total.joules() - truth[i]) <= row->uncertainty.joules());
        CHECK(row->uncertainty.joules() <
              0.2 * r.total.joules());  // a very wide bar would cover anything
        sum += row->total.joules();
    }
    CHECK(sum + r.unscoped.joules() == approx(r.total.joules()).epsilon(1e-9));
    // Within one thread, the ratio is well known: a draws 2.5 times as much as b.
    CHECK(r.find("a")->total.joules() - r.find("b")->total.joules() ==
          approx(truth[0] - truth[1]).epsilon(0.05));
}

TEST_CASE(
    "meter: a run that ends before the counter's first update says so, a longer one does not") {
    simulated_machine machine;
    simulated_counter slow = exact_counter();
    slow.period = 10ms;
    meter m{machine.options_with({slow})};
    machine.attach(m);
    machine.draw(100_W);
    {
        const scope s{m, "work"};
        machine.run(4ms);
    }
    const report early = m.snapshot();
    CHECK(early.total == energy{});
    CHECK(early.find("work")->uncertainty.joules() >= 0.4);  // what it used, for all that is known
    REQUIRE(early.warnings.size() == 1);
    CHECK(early.warnings[0].find("did not move: it is updated every 10 ms, and the run was too "
                                 "short for that") != std::string::npos);
    machine.run(40ms);
    const report later = m.snapshot();
    CHECK(later.total > energy{});
    CHECK(later.warnings.empty());
    CHECK(later.find("work")->uncertainty.joules() < 2);
}

TEST_CASE("meter: without backends, an ended thread's tree is freed when another thread starts") {
    options o;
    o.backends = no_backends();
    meter m{std::move(o)};
    for (int i = 0; i < 3; ++i) std::thread([&] { const scope s{m, "work"}; }).join();
    auto tree = testing::access::engine_of(m).add_tree();  // of a simulated thread
    tree->thread_ended = true;
    const std::weak_ptr<detail::thread_context> left = tree;
    tree.reset();
    std::thread([&] { const scope s{m, "work"}; }).join();
    CHECK(left.expired());
    const report r = m.snapshot();
    REQUIRE(r.find("work") != nullptr);
    CHECK(r.find("work")->calls == 4);
}
