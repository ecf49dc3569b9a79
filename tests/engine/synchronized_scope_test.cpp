// Scopes that wait for pending work at their edges, on a device that works in the background.
#include "joulery/scope.hpp"

#include "approx.hpp"
#include "engine/support.hpp"
#include "joulery/span.hpp"
#include "joulery/testing/simulated_machine.hpp"
#include "joulery/units.hpp"

#include <doctest/doctest.h>

#include <chrono>
#include <memory>
#include <string>
#include <string_view>
#include <type_traits>

using namespace joulery;
using namespace joulery::literals;
using namespace std::chrono_literals;
using engine_test::exact_counter;
using testing::simulated_machine;

namespace {

// Launched work runs at 300 W only while somebody waits for it.
struct lazy_device {
    simulated_machine& machine;
    std::chrono::nanoseconds launched{0};
    int waits = 0;

    void launch(std::chrono::nanoseconds length) { launched += length; }
    int wait() {
        ++waits;
        machine.draw(300_W);
        machine.run(launched);
        machine.draw(0_W);
        launched = 0ns;
        return 0;
    }
};

}  // namespace

TEST_CASE("synchronized scopes: contain the work launched inside, and none launched before") {
    simulated_machine machine;
    meter m{machine.options_with({exact_counter()})};
    machine.attach(m);
    lazy_device gpu{machine};
    gpu.launch(100ms);
    {
        synchronized_scope s{m, "forward", [&] { return gpu.wait(); }};
        gpu.launch(50ms);
        s.add_items(4, "sample");
        CHECK(static_cast<bool>(s));
    }
    CHECK(gpu.waits == 2);
    const report r = m.snapshot();
    REQUIRE(r.find("forward") != nullptr);
    CHECK(r.find("forward")->total.joules() == approx(15).epsilon(0.001));
    CHECK(r.find("forward")->items == 4);
    CHECK(r.find("forward")->time.count() == approx(0.05));
    CHECK(r.unscoped.joules() == approx(30).epsilon(0.001));
}

TEST_CASE("synchronized scopes: accept names of any kind and a plain function") {
    static int calls = 0;
    simulated_machine machine;
    meter m{machine.options_with({exact_counter()})};
    void (*const wait)() = [] { ++calls; };
    const std::string name = "dynamic";
    { const synchronized_scope s{m, name.c_str(), wait}; }
    { const synchronized_scope s{m, std::string_view(name), wait}; }
    CHECK(calls == 4);
    CHECK(m.snapshot().find("dynamic")->calls == 2);
}

TEST_CASE("synchronized scopes: switched off, they do not wait") {
    int calls = 0;
    detail::scopes_enabled = false;
    {
        const synchronized_scope s{"off", [&] { ++calls; }};
    }
    detail::scopes_enabled = true;
    CHECK(calls == 0);
}

TEST_CASE("synchronized scopes: give a handle") {
    simulated_machine machine;
    meter m{machine.options_with({exact_counter()})};
    const synchronized_scope s{m, "owner", [] {}};
    { const task_scope in{s.handle(), "task"}; }
    CHECK(m.snapshot().find("owner/task")->calls == 1);
}

TEST_CASE("synchronized scopes: disabled at compile time, they never call the callable") {
    int calls = 0;
    {
        disabled::synchronized_scope s{"x", [&] { ++calls; }};
        s.add_items(1);
        CHECK_FALSE(static_cast<bool>(s));
    }
    CHECK(calls == 0);
}
