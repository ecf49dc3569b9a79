#include "joulery/detail/session/history_builder.hpp"

#include "approx.hpp"
#include "engine/support.hpp"
#include "joulery/scope.hpp"
#include "joulery/testing/access.hpp"
#include "joulery/testing/virtual_thread.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <string>
#include <thread>
#include <vector>

using namespace joulery;
using namespace joulery::literals;
using namespace std::chrono_literals;
using engine_test::exact_counter;
using testing::simulated_machine;
using testing::virtual_thread;

namespace {

/// The calls of one path, ordered by begin.
std::vector<scope_slice> calls_of(const report& r, const std::vector<scope_slice>& from,
                                  const std::string& path) {
    std::vector<scope_slice> found;
    for (const scope_slice& s : from)
        if (s.scope < r.scopes.size() && r.scopes[s.scope].path == path) found.push_back(s);
    std::sort(found.begin(), found.end(),
              [](const scope_slice& a, const scope_slice& b) { return a.begin < b.begin; });
    return found;
}

bool close_to(seconds t, double expected) { return std::fabs(t.count() - expected) < 1e-6; }

}  // namespace

TEST_CASE("history: the report has each channel's power over time") {
    simulated_machine machine;
    meter m{machine.options_with({exact_counter("cpu0/package"), exact_counter("cpu0/dram")})};
    machine.attach(m);
    machine.draw(0, 100_W), machine.draw(1, 10_W);
    machine.run(2s);
    machine.draw(0, 300_W);
    machine.run(2s);
    const report r = m.snapshot();
    REQUIRE(r.history.watts.size() == 2);
    CHECK(r.history.step.count() == approx(0.08));
    REQUIRE(r.history.watts[0].size() == 50);
    REQUIRE(r.history.watts[1].size() == 50);
    CHECK(r.history.watts[0][3] == approx(100).epsilon(1e-3));
    CHECK(r.history.watts[0][40] == approx(300).epsilon(1e-3));
    CHECK(r.history.watts[1][40] == approx(10).epsilon(1e-3));
    double joules = 0;
    for (const double w : r.history.watts[0]) joules += w * r.history.step.count();
    CHECK(joules == approx(800).epsilon(2e-3));
}

TEST_CASE("history: sources with different periods share one grid") {
    simulated_machine machine;
    options o = machine.options_with({exact_counter("cpu0/package")});
    testing::simulated_counter wrapping = exact_counter("gpu0/board");
    wrapping.quantum = 1e-3;
    wrapping.wrap_at = 1u << 20;  // must be read every few milliseconds
    o.backends.push_back(machine.make_backend({wrapping}));
    meter m{std::move(o)};
    machine.attach(m);
    machine.draw(50_W);
    machine.run(4s);
    const report r = m.snapshot();
    REQUIRE(r.history.watts.size() == 2);
    REQUIRE(r.history.watts[0].size() == r.history.watts[1].size());
    CHECK(r.history.watts[0].size() <= 1'024);
    CHECK(r.history.watts[0][20] == approx(50).epsilon(1e-3));
    CHECK(r.history.watts[1][20] == approx(50).epsilon(2e-2));
}

TEST_CASE("history: ends with the last sample") {
    simulated_machine machine;
    meter m{machine.options_with({exact_counter()})};
    machine.attach(m);
    machine.draw(100_W);
    machine.run(1s);
    machine.detach();  // it is no longer read
    machine.run(9s);
    detail::engine& e = testing::access::engine_of(m);
    report r;
    r.channels.resize(1);
    detail::history_builder(e, {}, r).build();
    REQUIRE(r.history.watts.size() == 1);
    CHECK(r.history.watts[0].size() == 13);  // 1 s of 80 ms steps, not 10 s
}

TEST_CASE("history: long calls appear as bands by default") {
    simulated_machine machine;
    meter m{machine.options_with({exact_counter()})};
    machine.attach(m);
    machine.draw(100_W);
    machine.run(500ms);
    {
        scope train{m, "train"};
        for (int i = 0; i < 3; ++i) {
            scope step{m, "step"};
            machine.run(1s);
        }
        scope last{m, "save"};
        machine.run(1ms);
    }
    const report r = m.snapshot();
    CHECK(r.slices.slices.empty());
    const auto train = calls_of(r, r.history.bands, "train");
    REQUIRE(train.size() == 1);
    CHECK(close_to(train[0].begin, 0.5));
    CHECK(close_to(train[0].length, 3.001));
    CHECK(is_nan(train[0].joules));
    const auto steps = calls_of(r, r.history.bands, "train/step");
    REQUIRE(steps.size() == 3);
    CHECK(close_to(steps[2].begin, 2.5));
    CHECK(r.scopes[r.history.bands[0].scope].path == "train");  // parents first
    CHECK(calls_of(r, r.history.bands, "train/save").empty());  // too short to be seen
    REQUIRE(r.slices.threads.size() == 1);
    CHECK(r.slices.threads[0].find(" 1") != std::string::npos);
}

TEST_CASE("slices: every call is recorded with its thread, open ones up to now") {
    simulated_machine machine;
    options o = machine.options_with({exact_counter()});
    o.record_slices = 1'000;
    meter m{std::move(o)};
    machine.attach(m);
    machine.draw(100_W);
    virtual_thread worker{m};
    scope outer{m, "outer"};
    machine.run(10ms);
    for (int i = 0; i < 5; ++i) {
        scope work{worker, "work"};
        machine.run(1ms);
    }
    scope inner{m, "inner"};
    machine.run(2ms);
    const report r = m.snapshot();
    CHECK(r.slices.slices.size() == 7);
    CHECK(r.slices.dropped == 0);
    const auto work = calls_of(r, r.slices.slices, "work");
    REQUIRE(work.size() == 5);
    for (std::size_t i = 0; i < 5; ++i) {
        CHECK(close_to(work[i].begin, 0.010 + 0.001 * static_cast<double>(i)));
        CHECK(close_to(work[i].length, 0.001));
    }
    const auto open = calls_of(r, r.slices.slices, "outer/inner");
    REQUIRE(open.size() == 1);
    CHECK(close_to(open[0].begin, 0.015));
    CHECK(close_to(open[0].length, 0.002));
    REQUIRE(r.slices.threads.size() == 2);
    CHECK(work[0].thread != open[0].thread);
    CHECK(r.slices.threads[work[0].thread].find(" 1") != std::string::npos);
    CHECK(r.slices.threads[open[0].thread].find(" 2") != std::string::npos);
}

TEST_CASE("slices: excess calls are counted, and the longest calls remain bands") {
    simulated_machine machine;
    options o = machine.options_with({exact_counter()});
    o.record_slices = 10;
    meter m{std::move(o)};
    machine.attach(m);
    for (int i = 0; i < 25; ++i) {
        scope s{m, "call"};
        machine.run(i == 20 ? 50ms : 1ms);
    }
    const report r = m.snapshot();
    CHECK(r.slices.slices.size() == 10);
    CHECK(r.slices.dropped == 15);
    const auto bands = calls_of(r, r.history.bands, "call");
    const auto longest = std::max_element(
        bands.begin(), bands.end(),
        [](const scope_slice& a, const scope_slice& b) { return a.length < b.length; });
    REQUIRE(longest != bands.end());
    CHECK(close_to(longest->begin, 0.020));
    CHECK(close_to(longest->length, 0.050));
}

TEST_CASE("slices: those of ended threads are kept, up to a limit") {
    simulated_machine machine;
    options o = machine.options_with({exact_counter()});
    o.record_slices = 2;  // 32 in all from ended threads
    meter m{std::move(o)};
    machine.attach(m);
    for (int i = 0; i < 40; ++i) {
        virtual_thread worker{m};
        scope s{worker, "request"};
        machine.run(1ms);
    }
    machine.run(1s);
    (void)m.snapshot();
    const report r = m.snapshot();
    CHECK(r.slices.slices.size() == 32);
    CHECK(r.slices.dropped == 8);
    CHECK(r.find("request")->calls == 40);
}

TEST_CASE("slices: off, a scope without edge reads stays on the fast path") {
    options o;
    o.backends = no_backends();
    meter fast{std::move(o)};
    { scope s{fast, "work"}; }
    const detail::scope_node* node = testing::access::cursor_in(fast)->root.first_child.load();
    REQUIRE(node != nullptr);
    CHECK(node->flags.load() == (testing::access::engine_of(fast).clock().is_tick_clock()
                                     ? 0u
                                     : std::uint32_t{detail::other_clock}));
    CHECK(fast.snapshot().slices.slices.empty());
    options recording;
    recording.backends = no_backends();
    recording.record_slices = 100;
    meter slow{std::move(recording)};
    { scope s{slow, "work"}; }
    CHECK((testing::access::cursor_in(slow)->root.first_child.load()->flags.load() &
           detail::recorded) != 0);
    CHECK(slow.snapshot().slices.slices.size() == 1);
}

TEST_CASE("slices: many threads record while reports are made") {
    options o;
    o.backends = no_backends();
    o.record_slices = 300;
    meter m{std::move(o)};
    std::vector<std::thread> threads;
    for (int t = 0; t < 4; ++t)
        threads.emplace_back([&] {
            for (int i = 0; i < 400; ++i) {
                scope outer{m, "outer"};
                scope inner{m, "inner"};
            }
        });
    for (int i = 0; i < 20; ++i) (void)m.snapshot();
    for (std::thread& t : threads) t.join();
    const report r = m.snapshot();
    CHECK(r.slices.slices.size() == 4 * 300);
    CHECK(r.slices.dropped == 4 * 500);
    CHECK(r.find("outer/inner")->calls == 1'600);
}
