// The report contains the cost of scopes, and names the scope to move if that is too high.
#include "joulery/detail/session/timing_policy.hpp"

#include "approx.hpp"
#include "engine/support.hpp"
#include "joulery/meter.hpp"
#include "joulery/scope.hpp"
#include "joulery/testing/access.hpp"
#include "joulery/testing/manual_clock.hpp"

#include <doctest/doctest.h>

#include <cstdint>
#include <memory>
#include <utility>

using namespace joulery;
using detail::add_scope_cost;
using engine_test::contains;

namespace {
// A minute of steps, with short calls inside.
report of_calls(std::uint64_t calls) {
    report r;
    scope_row step, op;
    step.name = step.path = "step";
    step.calls = 60;
    step.time = seconds(60);
    op.parent = 0;
    op.name = "op", op.path = "step/op";
    op.calls = calls;
    op.time = seconds(static_cast<double>(calls) * 100e-9);
    r.scopes = {step, op};
    return r;
}
}  // namespace

TEST_CASE("scope cost: within the budget it is a figure without a warning") {
    report r = of_calls(10'000'000);
    add_scope_cost(r, 20e-9, 0.01);
    CHECK(r.overhead.scopes.count() == approx(0.2).epsilon(1e-4));
    CHECK(r.warnings.empty());
}

TEST_CASE("scope cost: over the budget the path with the most calls is named") {
    report r = of_calls(100'000'000);
    add_scope_cost(r, 20e-9, 0.01);
    CHECK(r.overhead.scopes.count() == approx(2).epsilon(1e-4));
    REQUIRE(r.warnings.size() == 1);
    CHECK(contains(r.warnings,
                   "scopes took about 3.33 % of the time they measured, more than the budget "
                   "of 1 %: step/op has 100 M calls of 100 ns, and a scope takes 20 ns"));
}

TEST_CASE("scope cost: among several paths, the one furthest over its budget is named") {
    report r = of_calls(100'000'000);
    scope_row other = r.scopes[1];
    other.parent = scope_row::no_parent;
    other.name = other.path = "poll";  // more calls, and each takes the time of a scope
    other.calls = 150'000'000;
    other.time = seconds(300);
    r.scopes.push_back(other);
    r.scopes.push_back(r.scopes[1]);
    r.scopes[3].name = "tiny", r.scopes[3].path = "step/tiny";  // as short, and fewer
    r.scopes[3].calls = 40'000'000;
    r.scopes[3].time = seconds(4);
    add_scope_cost(r, 40e-9, 0.01);
    REQUIRE(r.warnings.size() == 1);
    CHECK(contains(r.warnings,
                   ": step/op has 100 M calls of 100 ns, and a scope takes 40 ns; put one scope "
                   "around many of them and pass their number to add_items()"));
}

TEST_CASE("scope cost: a few calls give no warning, however short") {
    report r = of_calls(100);
    r.scopes[0].time = seconds(1e-6);
    add_scope_cost(r, 20e-9, 0.01);
    CHECK(r.warnings.empty());
}

TEST_CASE("scope cost: measured only on the processor's own clock") {
    for (const bool played : {false, true}) {
        CAPTURE(played);
        options o;
        o.backends = no_backends();
        if (played) testing::access::set_clock(o, std::make_shared<testing::manual_clock>());
        meter m{std::move(o)};
        const bool ticks = !played && tick_clock_is_invariant() && !kernel_distrusts_tick_clock();
        for (int i = 0; i < 20'000; ++i) scope s{m, "short"};
        const report r = m.snapshot();
        CHECK((r.overhead.scopes.count() > 0) == ticks);
        CHECK(contains(r.warnings, "put one scope around many") == ticks);
    }
}
