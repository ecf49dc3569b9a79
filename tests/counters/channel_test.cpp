#include "joulery/backend.hpp"

#include "approx.hpp"

#include <doctest/doctest.h>

using namespace joulery;

TEST_CASE("channel: the smallest step in joules, of a counter and of one update of a gauge") {
    channel c;
    c.joules_per_count = 1e-6;
    CHECK(smallest_joules(c) == 1e-6);
    c.quantum = 61e-6;
    CHECK(smallest_joules(c) == 61e-6);
    c.kind = reading_kind::power_gauge;
    c.quantum = 1;  // watts
    c.update_period = std::chrono::milliseconds(10);
    CHECK(smallest_joules(c) == approx(0.01));
    c.quantum = 0;
    CHECK(smallest_joules(c) == approx(1e-8));
}

TEST_CASE("channel: the power limit of a part is twice the most its kind draws") {
    channel c;
    c.part = component::cpu;
    CHECK(max_plausible_watts(c) == 2'000);
    c.part = component::platform;
    CHECK(max_plausible_watts(c) == 50'000);
    c.max_watts = 1'400;
    CHECK(max_plausible_watts(c) == 1'400);
}
