// Without memory, scopes are not measured and the program continues.
#include "joulery/backend.hpp"
#include "joulery/detail/session/engine.hpp"
#include "joulery/macros.hpp"
#include "joulery/meter.hpp"
#include "joulery/scope.hpp"
#include "joulery/session.hpp"
#include "joulery/testing/simulated_machine.hpp"

#include "approx.hpp"
#include "engine/child_process.hpp"
#include "engine/support.hpp"

#include <doctest/doctest.h>

#include <atomic>
#include <chrono>
#include <cstdlib>
#include <new>
#include <string>
#include <string_view>
#include <thread>
#include <utility>

using namespace joulery;
using namespace joulery::literals;
using namespace std::chrono_literals;
using engine_test::in_child;
using testing::simulated_machine;

namespace {

thread_local bool none_here = false;      // this thread gets no memory
std::atomic<bool> none_elsewhere{false};  // only the main thread does
thread_local bool is_main = false;
std::atomic<int> refused{0};

/// Runs `work` without memory. `work` can't use doctest macros, which allocate.
template <class Work>
void without_memory(Work work) {
    none_here = true;
    work();
    none_here = false;
}

}  // namespace

// Not inlined, or the compiler would report a mismatch of new and delete.
__attribute__((noinline)) void* operator new(std::size_t size) {
    if (none_here || (none_elsewhere && !is_main)) {
        ++refused;
        throw std::bad_alloc();
    }
    if (void* p = std::malloc(size == 0 ? 1 : size)) return p;
    throw std::bad_alloc();
}
// As in the standard library; a sanitizer would use its own.
__attribute__((noinline)) void* operator new(std::size_t size, const std::nothrow_t&) noexcept {
    try {
        return operator new(size);
    } catch (...) {
        return nullptr;
    }
}
__attribute__((noinline)) void operator delete(void* p) noexcept { std::free(p); }
__attribute__((noinline)) void operator delete(void* p, std::size_t) noexcept { std::free(p); }

// Must be the first case: in a child of a process that had a meter, scopes wait for start().
TEST_CASE(
    "out of memory: if the first scope of a process gets none, a later one starts the meter") {
    const engine_test::child_result c = in_child(
        [] {
            without_memory([] { JOULERY_SCOPE("early"); });
            options o;
            without_memory([&] { start(std::move(o)); });
            { JOULERY_SCOPE("late"); }
            const report r = snapshot();
            if (r.find("late") == nullptr || r.find("late")->calls != 1) std::_Exit(3);
            if (r.find("early") != nullptr) std::_Exit(4);
        },
        {{"JOULERY_BACKENDS", "estimate"}});
    CHECK(c.exit_code == 0);
}

TEST_CASE("out of memory: a missing report is announced once") {
    const engine_test::child_result c = in_child(
        [] {
            without_memory([] {
                { JOULERY_SCOPE("first"); }
                { JOULERY_SCOPE("second"); }
            });
            std::_Exit(0);
        },
        {{"JOULERY_REPORT", "/nonexistent/run.json"}});
    CHECK(c.err == "joulery: no report so far: there was no memory to start\n");
}

TEST_CASE("out of memory: a scope with a new name is not measured, a known one is") {
    simulated_machine machine;
    options o = machine.options_with({engine_test::exact_counter()});
    o.record_slices = 100;  // the call is kept or not
    meter m{std::move(o)};
    machine.attach(m);
    machine.draw(100_W);
    { scope known{m, "known"}; }
    const int before = refused;
    without_memory([&] {
        scope known{m, "known"};
        scope fresh{m, "never seen"};
        known.set_total(10);
        known.add_items(1, "sample");
    });
    CHECK(refused > before);
    {
        scope known{m, "known"};
        machine.run(100ms);
    }
    const report r = m.snapshot();
    REQUIRE(r.find("known") != nullptr);
    CHECK(r.find("known")->calls == 3);
    CHECK(r.find("known")->total.joules() == approx(10).epsilon(0.001));
    CHECK((r.find("known")->total + r.unscoped).joules() <= r.total.joules() * (1 + 1e-9));
}

TEST_CASE("out of memory: the report is empty and partial, and the next one is complete") {
    simulated_machine machine;
    meter m{machine.options_with({engine_test::exact_counter()})};
    machine.attach(m);
    machine.draw(100_W);
    {
        scope s{m, "work"};
        machine.run(100ms);
    }
    report none;
    without_memory([&] { none = m.snapshot(); });
    CHECK(none.provenance == quality::partial);
    CHECK(none.scopes.empty());
    const report whole = m.snapshot();
    REQUIRE(whole.find("work") != nullptr);
    CHECK(whole.find("work")->calls == 1);
    CHECK(whole.total.joules() == approx(10).epsilon(0.001));
}

TEST_CASE("out of memory: a sampler recovers after a while without memory") {
    is_main = true;
    options o;
    o.period = 1ms;
    std::atomic<int> reads{0};
    channel c;
    c.id = "cpu0/package";
    c.max_watts = 1e9;  // one joule per read, however fast they follow
    o.backends.push_back(make_backend("counting", c, [&] { return static_cast<double>(++reads); }));
    meter m{std::move(o)};
    scope s{m, "work"};
    const int before = refused;
    none_elsewhere = true;
    while (refused < before + 20) std::this_thread::yield();
    none_elsewhere = false;
    const int by_now = reads;
    while (reads < by_now + 20) std::this_thread::yield();
    const report r = m.snapshot();
    is_main = false;
    CHECK(r.total.joules() >= by_now);
}
