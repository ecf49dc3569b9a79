#include "joulery/detail/attribution/books.hpp"

#include "approx.hpp"
#include "engine/support.hpp"
#include "joulery/scope.hpp"
#include "joulery/testing/virtual_thread.hpp"

#include <doctest/doctest.h>

#include <chrono>
#include <cmath>
#include <memory>
#include <random>
#include <string_view>
#include <utility>

using namespace joulery;
using namespace joulery::literals;
using namespace std::chrono_literals;
using engine_test::exact_counter;
using testing::simulated_counter;
using testing::simulated_machine;
using testing::virtual_thread;

namespace {

struct two_threads {
    simulated_machine machine;
    std::unique_ptr<meter> m;
    explicit two_threads(attribution policy, simulated_counter counter = exact_counter()) {
        options o = machine.options_with({counter});
        o.attribution = policy;
        o.period = 10ms;
        m = std::make_unique<meter>(std::move(o));
        machine.attach(*m);
        machine.draw(100_W);
    }
};

double joules(const report& r, std::string_view path) {
    const scope_row* row = r.find(path);
    return row != nullptr ? row->total.joules() : -1;
}

}  // namespace

TEST_CASE("books: a scope read at both edges has exactly what was counted between them") {
    simulated_machine machine;
    meter m{machine.options_with({exact_counter()})};
    machine.attach(m);
    double before = 0, truth = 0;
    for (int i = 0; i < 7; ++i) {
        machine.draw(power::from_watts(50 + 37 * i));
        machine.run(std::chrono::microseconds(3'333 + 211 * i));  // between two samples
        before = machine.shown().joules();
        {
            scope s{m, "work"};
            machine.draw(power::from_watts(300 - 20 * i));
            machine.run(std::chrono::microseconds(41'003 + 1'017 * i));
            truth += machine.shown().joules() - before;
        }
    }
    const report r = m.snapshot();
    CHECK(truth > 50);
    CHECK(joules(r, "work") == approx(truth).epsilon(1e-6));
    CHECK(r.find("work")->method == "edges");
    CHECK(r.overhead.edge_reads == 14);
    CHECK(r.unscoped.joules() == approx(r.total.joules() - truth).epsilon(1e-6));
}

TEST_CASE("books: two threads share what the machine used; inclusively each has all of it") {
    for (const attribution policy : {attribution::shared, attribution::inclusive}) {
        two_threads t(policy);
        virtual_thread one{*t.m}, two{*t.m};
        {
            scope a{one, "a"}, b{two, "b"};
            t.machine.run(1s);
        }
        const report r = t.m->snapshot();
        const double each = policy == attribution::shared ? 50 : 100;
        CHECK(joules(r, "a") == approx(each).epsilon(1e-3));
        CHECK(joules(r, "b") == approx(each).epsilon(1e-3));
        CHECK(r.total.joules() == approx(100).epsilon(1e-3));
        CHECK(r.unscoped.joules() == approx(0).scale(1).epsilon(1e-6));
    }
}

TEST_CASE("books: a thread that begins late shares only what was used from then on") {
    two_threads t(attribution::shared);
    virtual_thread one{*t.m};
    scope a{one, "a"};
    t.machine.run(1s);
    {
        virtual_thread two{*t.m};
        scope b{two, "b"};
        t.machine.run(1s);
    }
    t.machine.run(1s);
    const report r = t.m->snapshot();
    CHECK(joules(r, "a") == approx(250).epsilon(0.01));
    CHECK(joules(r, "b") == approx(50).epsilon(0.02));
    CHECK(r.find("b")->calls == 1);  // its thread has ended
    CHECK(r.total.joules() == approx(300).epsilon(1e-3));
}

TEST_CASE("books: a thread outside all scopes takes nothing from the others") {
    two_threads t(attribution::shared);
    virtual_thread one{*t.m}, idle{*t.m};
    { scope warm{idle, "warm"}; }
    scope a{one, "a"};
    t.machine.run(1s);
    CHECK(joules(t.m->snapshot(), "a") == approx(100).epsilon(1e-3));
}

TEST_CASE("books: short scopes of a slow counter are told apart by their powers") {
    simulated_machine machine(11);
    machine.reads_take(1us);
    meter m{machine.options_with({simulated_counter{}})};
    machine.attach(m);
    std::mt19937_64 random(5);
    std::uniform_real_distribution<double> length(50, 350);
    double low = 0, high = 0;
    while (machine.clock().seconds() < 20) {
        for (const bool hot : {true, false}) {
            machine.draw(hot ? 150_W : 50_W);
            const double before = machine.true_energy().joules();
            {
                scope s{m, hot ? "hot" : "cold"};
                machine.run(
                    std::chrono::nanoseconds(static_cast<std::int64_t>(length(random) * 1e3)));
            }
            (hot ? high : low) += machine.true_energy().joules() - before;
        }
    }
    const report r = m.snapshot();
    CHECK(joules(r, "hot") == approx(high).epsilon(0.05));  // sharing by time: 33 % off
    CHECK(joules(r, "cold") == approx(low).epsilon(0.15));
    CHECK(r.find("hot")->method == "unmixed");
    CHECK(std::abs(joules(r, "hot") - high) <= 2 * r.find("hot")->uncertainty.joules());
    CHECK(r.find("hot")->uncertainty.joules() < 0.1 * high);
}

TEST_CASE("books: scopes that take even turns keep their sum, and the bar shows the doubt") {
    simulated_machine machine(11);
    machine.reads_take(1us);
    meter m{machine.options_with({simulated_counter{}})};
    machine.attach(m);
    while (machine.clock().seconds() < 5) {  // in every interval half and half, but for its ends
        for (const bool hot : {true, false}) {
            machine.draw(hot ? 150_W : 50_W);
            scope s{m, hot ? "hot" : "cold"};
            machine.run(5us);
        }
    }
    const report r = m.snapshot();
    CHECK(joules(r, "hot") + joules(r, "cold") + r.unscoped.joules() == approx(r.total.joules()));
    CHECK(r.total.joules() == approx(500).epsilon(0.001));
    CHECK(joules(r, "hot") >= 245);  // between a share by time, 250 J, and the truth, 375 J
    CHECK(joules(r, "hot") <= 380);
    CHECK(r.find("hot")->uncertainty.joules() > 20);
    CHECK(std::abs(joules(r, "hot") - 375) <= r.find("hot")->uncertainty.joules());
}

TEST_CASE("books: a long scope over a slow counter is its own, however often it is sampled") {
    simulated_machine machine;
    simulated_counter slow;
    slow.period = 10ms;
    slow.jitter = 0.4;  // never locked
    meter m{machine.options_with({slow})};
    machine.attach(m);
    machine.draw(100_W);
    {
        scope s{m, "work"};
        machine.run(1s);
    }
    machine.run(1s);
    CHECK(m.snapshot().find("work")->method == "edges");
}
