#include "joulery/detail/session/progress_reader.hpp"

#include "approx.hpp"
#include "engine/support.hpp"
#include "joulery/scope.hpp"
#include "joulery/testing/access.hpp"
#include "joulery/testing/virtual_thread.hpp"

#include <doctest/doctest.h>

using namespace joulery;
using namespace joulery::literals;
using namespace std::chrono_literals;
using engine_test::exact_counter;
using testing::simulated_machine;
using testing::virtual_thread;

TEST_CASE("glance: shows the last samples and reads no counter") {
    simulated_machine machine;
    options o = machine.options_with({exact_counter()});
    o.carbon = carbon_model{400_g_per_kWh, 1.5};
    meter m{std::move(o)};
    machine.attach(m);
    machine.draw(100_W);
    machine.run(10s);
    machine.draw(250_W);
    machine.run(1s);
    const std::uint64_t reads = machine.reads();
    const progress_figures f = testing::access::progress(m);
    CHECK(machine.reads() == reads);
    CHECK(f.time.count() == approx(11));
    CHECK(f.now.watts() == approx(250).epsilon(1e-3));
    CHECK(f.total.joules() == approx(1250).epsilon(0.03));
    CHECK(f.co2e.grams() == approx(f.total.joules() / 3.6e6 * 1.5 * 400));
    CHECK(f.progress.path.empty());
}

TEST_CASE("glance: channels inside others are not counted twice") {
    simulated_machine machine;
    testing::simulated_counter core = exact_counter("cpu0/core");
    core.parent = "cpu0/package";
    meter m{machine.options_with({exact_counter("cpu0/package"), core})};
    machine.attach(m);
    machine.draw(100_W);
    machine.run(5s);
    const progress_figures f = testing::access::progress(m);
    CHECK(f.now.watts() == approx(100).epsilon(1e-3));
    CHECK(f.total.joules() == approx(500).epsilon(0.05));
}

TEST_CASE("glance: without counters the figures are unknown, not zero") {
    options o;
    o.backends = no_backends();
    testing::access::set_clock(o, std::make_shared<testing::manual_clock>());
    meter m{std::move(o)};
    const progress_figures f = testing::access::progress(m);
    CHECK(is_nan(f.now.watts()));
    CHECK(is_nan(f.total.joules()));
    CHECK(to_live_line(f, 80) == "n/a  n/a  n/a  0 s");
}

TEST_CASE("glance: a scope's progress is that of its current call") {
    simulated_machine machine;
    options o = machine.options_with({exact_counter()});
    o.carbon = carbon_model{360_g_per_kWh, 1.0};
    meter m{std::move(o)};
    machine.attach(m);
    machine.draw(100_W);
    for (int epoch = 0; epoch < 3; ++epoch) {
        scope train{m, "epoch"};
        train.set_total(20);
        for (int i = 0; i < (epoch < 2 ? 20 : 5); ++i) {
            machine.run(200ms);
            train.add_items(1, "sample");
        }
        if (epoch < 2) continue;
        const progress_figures f = testing::access::progress(m);
        CHECK(f.progress.path == "epoch");
        CHECK(f.progress.item_name == "sample");
        CHECK(f.progress.done == 5);
        CHECK(f.progress.total == 20);
        CHECK(f.progress.time.count() == approx(1));
        CHECK(f.progress.per_item.joules() == approx(20).epsilon(0.01));
        CHECK(f.progress.co2e_per_item.grams() == approx(0.002).epsilon(0.01));
    }
    CHECK(testing::access::progress(m).progress.path.empty());  // it has ended
    scope again{m, "epoch"};
    CHECK(testing::access::progress(m).progress.path.empty());  // and this call has stated no total
}

TEST_CASE("glance: threads that share a path share its plan, and the outermost plan is shown") {
    simulated_machine machine;
    meter m{machine.options_with({exact_counter()})};
    machine.attach(m);
    virtual_thread first{m}, second{m};
    scope a{first, "work"}, b{second, "work"};
    scope inner{first, "batch"};
    inner.set_total(8);
    CHECK(testing::access::progress(m).progress.path == "work/batch");
    a.set_total(30);
    machine.run(1s);
    b.set_total(50);
    b.set_total(70);  // the last call wins
    a.add_items(10), b.add_items(15);
    const progress_state p = testing::access::progress(m).progress;
    CHECK(p.path == "work");
    CHECK(p.total == 100);
    CHECK(p.done == 25);
    CHECK(p.time.count() == approx(1));
}

TEST_CASE("set_total: a disabled scope accepts it, too") {
    disabled::scope s{"x"};
    s.set_total(5);
    enabled::scope inert{"nobody measures"};
    inert.set_total(5);
    CHECK_FALSE(static_cast<bool>(s));
}

TEST_CASE("item plans: plans of ended calls are freed") {
    detail::item_plans plans;
    detail::scope_node nodes[50];
    for (detail::scope_node& n : nodes) {
        n.open(10);
        plans.set(n, 5, 10);
        plans.set(n, 6, 11);
        CHECK(plans.size() == 1);
        n.close(20);
    }
    int open = 0;
    plans.for_open([&](const detail::item_plan&) { ++open; });
    CHECK(open == 0);
}
