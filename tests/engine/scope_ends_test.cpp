// Scopes that end late, on another thread, or never.

#include "approx.hpp"
#include "engine/child_process.hpp"
#include "engine/support.hpp"
#include "joulery/joulery.hpp"

#include <doctest/doctest.h>

#include <atomic>
#include <chrono>
#include <csetjmp>
#include <cstdint>
#include <cstdlib>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <thread>
#include <utility>

using namespace joulery;
using namespace joulery::literals;
using namespace std::chrono_literals;
using engine_test::calls_of;
using engine_test::contains;
using engine_test::exact_counter;
using engine_test::in_child;
using engine_test::objects_lie_on_the_stack;
using testing::simulated_machine;

namespace {

// A meter on a machine that draws 100 W; time passes when the test says so.
struct metered_machine {
    simulated_machine machine;
    meter m{machine.options_with({exact_counter()})};
    metered_machine() {
        machine.attach(m);
        machine.draw(100_W);
    }
    void run(std::chrono::nanoseconds t) { machine.run(t); }
};

// Part of an object that one thread creates and another destroys.
struct session_object {
    scope whole;
    explicit session_object(meter& m) : whole(m, "session") {}
};

void on_another_thread(const std::function<void()>& work) { std::thread(work).join(); }

double time_of(const report& r, std::string_view path) {
    const scope_row* row = r.find(path);
    return row != nullptr ? row->time.count() : -1;
}
double joules_of(const report& r, std::string_view path) {
    const scope_row* row = r.find(path);
    return row != nullptr ? row->total.joules() : -1;
}
double own_joules_of_all(const report& r) {
    double sum = r.unscoped.joules();
    for (const scope_row& row : r.scopes) sum += row.self.joules();
    return sum;
}

}  // namespace

TEST_CASE("scope ends: a scope that outlives its thread has all its time, calls and joules") {
    metered_machine b;
    std::unique_ptr<session_object> session;
    on_another_thread([&] {
        session = std::make_unique<session_object>(b.m);
        scope part{b.m, "part"};
        b.run(5ms);
    });
    b.run(300ms);  // samples that would free the ended thread's tree
    session.reset();
    b.run(50ms);
    for (int i = 0; i < 2; ++i) {
        const report r = b.m.snapshot();
        CHECK(calls_of(r, "session") == 1);
        CHECK(calls_of(r, "session/part") == 1);
        CHECK(time_of(r, "session") == approx(0.305));
        CHECK(joules_of(r, "session") == approx(30.5).epsilon(1e-3));
        CHECK(joules_of(r, "session/part") == approx(0.5).epsilon(1e-2));
        CHECK_FALSE(contains(r.warnings, "a different thread"));
        b.run(50ms);
    }
}

TEST_CASE("scope ends: scopes of an ended thread may end in any order, also after the meter") {
    auto b = std::make_unique<metered_machine>();
    std::optional<scope> outer, inner, last;
    on_another_thread([&] {
        outer.emplace(b->m, "outer");
        inner.emplace(b->m, "inner");
        last.emplace(b->m, "last");
    });
    b->run(10ms);
    outer.reset();
    b->run(10ms);
    inner.reset();
    b->run(10ms);
    const report r = b->m.snapshot();
    CHECK(time_of(r, "outer") == approx(0.010));
    CHECK(time_of(r, "outer/inner") == approx(0.020));
    CHECK(time_of(r, "outer/inner/last") == approx(0.030));
    b->machine.detach();
    b.reset();
    last.reset();  // and touches no freed memory
}

TEST_CASE("scope ends: scopes in static objects end after main and are in the report") {
    const engine_test::folder files;
    const auto c = in_child(
        [] {
            static std::atomic<int> reads{0};
            static std::optional<scope> phase;
            options o;
            o.period = 1ms;
            channel counted = engine_test::joule_channel();
            o.backends.push_back(
                make_backend("counting", counted, [] { return static_cast<double>(++reads); }));
            start(std::move(o));
            static const scope whole{"program"};
            phase.emplace("first");
            phase.emplace("second");
            // Runs before the scopes end, long enough for an ended thread's tree to be freed.
            std::atexit([] {
                for (const int by = reads + 20; reads < by;) std::this_thread::yield();
            });
        },
        {{"JOULERY_REPORT", files.path("run.json")}});
    INFO(c.err);
    CHECK(c.exit_code == 0);
    const auto r = from_json(files.text("run.json"));
    REQUIRE(r);
    CHECK(calls_of(*r, "program") == 1);
    CHECK(calls_of(*r, "program/first") == 1);
    CHECK(calls_of(*r, "program/second") == 1);
}

TEST_CASE("scope ends: a scope ended by another thread is over, and nothing nests in it later") {
    metered_machine b;
    std::optional<scope> request;
    request.emplace(b.m, "request");
    b.run(1ms);
    on_another_thread([&] { request.reset(); });
    b.run(1ms);
    for (int i = 0; i < 2; ++i) {
        scope next{b.m, "next"};
        b.run(1ms);
    }
    const report r = b.m.snapshot();
    CHECK(r.scopes.size() == 2);
    CHECK(time_of(r, "request") == approx(0.001));
    CHECK(joules_of(r, "request") == approx(0.1).epsilon(1e-2));
    CHECK(calls_of(r, "next") == 2);
    CHECK(contains(r.warnings, "1 scopes ended on a different thread"));
}

TEST_CASE("scope ends: inner scopes continue when another thread ends their parent") {
    metered_machine b;
    std::optional<scope> outer;
    outer.emplace(b.m, "outer");
    {
        scope inner{b.m, "inner"};
        b.run(1ms);
        on_another_thread([&] { outer.reset(); });
        b.run(1ms);
        scope innermost{b.m, "innermost"};
        b.run(1ms);
    }
    { scope next{b.m, "next"}; }
    const report r = b.m.snapshot();
    CHECK(time_of(r, "outer") == approx(0.001));
    CHECK(time_of(r, "outer/inner") == approx(0.003));
    CHECK(time_of(r, "outer/inner/innermost") == approx(0.001));
    CHECK(calls_of(r, "next") == 1);
    CHECK(own_joules_of_all(r) == approx(r.total.joules()));
}

TEST_CASE("scope ends: requests ended by other threads are siblings and share the energy") {
    metered_machine b;
    std::deque<std::optional<scope>> in_flight;
    constexpr int requests = 60;
    for (int i = 0; i < requests; ++i) {
        in_flight.emplace_back();
        in_flight.back().emplace(b.m, "request");
        b.run(1ms);
        if (in_flight.size() == 3) {
            on_another_thread([&] { in_flight.front().reset(); });
            in_flight.pop_front();
        }
    }
    in_flight.clear();
    const report r = b.m.snapshot();
    CHECK(calls_of(r, "request") >= requests - 3);  // three before the first end
    CHECK(r.scopes.size() <= 3);
    std::uint64_t calls = 0;
    for (const scope_row& row : r.scopes) calls += row.calls;
    CHECK(calls == requests);
    CHECK(own_joules_of_all(r) == approx(r.total.joules()));
    CHECK(r.find("request")->time.count() == approx(0.003 * requests).epsilon(0.1));
}

namespace {

std::jmp_buf back;

[[gnu::noinline]] void fail_inside_a_scope(metered_machine& b) {
    scope risky{b.m, "risky"};
    b.run(1ms);
    std::longjmp(back, 1);
}
[[gnu::noinline]] void try_something(metered_machine& b) {
    if (setjmp(back) == 0) fail_inside_a_scope(b);
}

}  // namespace

TEST_CASE("scope ends: scopes skipped by longjmp are closed when the next scope begins") {
    if (!objects_lie_on_the_stack()) return;
    metered_machine b;
    try_something(b);
    {
        scope next{b.m, "next"};
        b.run(1ms);
    }
    const report r = b.m.snapshot();
    CHECK(r.scopes.size() == 2);
    CHECK(calls_of(r, "risky") == 1);
    CHECK(time_of(r, "risky") == approx(0.001));
    CHECK(calls_of(r, "next") == 1);
    CHECK(contains(r.warnings, "1 scopes were left without an end (longjmp)"));
}

TEST_CASE("scope ends: scopes skipped by longjmp are closed when their parent ends") {
    if (!objects_lie_on_the_stack()) return;
    metered_machine b;
    {
        scope outer{b.m, "outer"};
        try_something(b);
        b.run(1ms);
    }
    b.run(10ms);
    const report r = b.m.snapshot();
    CHECK(time_of(r, "outer/risky") == approx(0.002));
    CHECK(time_of(r, "outer") == approx(0.002));
}

TEST_CASE("scope ends: a thousand longjmps build no nesting") {
    if (!objects_lie_on_the_stack()) return;
    metered_machine b;
    for (int i = 0; i < 1'000; ++i) try_something(b);
    { scope next{b.m, "next"}; }
    const report r = b.m.snapshot();
    CHECK(r.scopes.size() == 2);
    CHECK(calls_of(r, "risky") == 1'000);
    CHECK(calls_of(r, "next") == 1);
}

TEST_CASE("scope ends: a thread that ends with abandoned scopes leaves them closed") {
    if (!objects_lie_on_the_stack()) return;
    metered_machine b;
    on_another_thread([&] { try_something(b); });
    b.run(10ms);
    CHECK(time_of(b.m.snapshot(), "risky") == approx(0.001));
}

TEST_CASE("scope ends: scopes held in heap objects contain those on the stack") {
    metered_machine b;
    const auto session = std::make_unique<session_object>(b.m);
    for (int i = 0; i < 2; ++i) {
        scope part{b.m, "part"};
        b.run(1ms);
    }
    const report r = b.m.snapshot();
    CHECK(calls_of(r, "session/part") == 2);
    CHECK(r.warnings.empty());
}
