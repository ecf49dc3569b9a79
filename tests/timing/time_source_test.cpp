#include "joulery/detail/timing/time_source.hpp"

#include "approx.hpp"
#include "joulery/detail/timing/tick_clock.hpp"
#include "joulery/testing/manual_clock.hpp"

#include <doctest/doctest.h>

#include <chrono>
#include <cmath>
#include <cstdint>

using namespace joulery;
using namespace std::chrono_literals;

namespace {

// Seconds that `clock` counts while steady_clock counts `length` seconds.
double ratio_to_steady(const time_source& clock, std::chrono::nanoseconds length) {
    const auto begin = std::chrono::steady_clock::now();
    const std::uint64_t ticks = clock.now();
    auto end = begin;
    while (end - begin < length) end = std::chrono::steady_clock::now();
    const std::uint64_t counted = clock.now() - ticks;
    return static_cast<double>(counted) * clock.seconds_per_tick() /
           std::chrono::duration<double>(end - begin).count();
}

double best_ratio(const time_source& clock) {  // the best of a few, as the thread may be preempted
    double best = 0;
    for (int i = 0; i < 20; ++i) {
        const double r = ratio_to_steady(clock, 5ms);
        if (std::abs(r - 1) < std::abs(best - 1)) best = r;
    }
    return best;
}

}  // namespace

TEST_CASE("tick time: its seconds agree with steady_clock") {
    const tick_time clock;
    CHECK(best_ratio(clock) == approx(1).epsilon(0.01));
    CHECK(clock.is_tick_clock());
    CHECK_FALSE(clock.is_manual());
    CHECK(clock.seconds_per_tick() > 1e-11);  // 100 GHz
    CHECK(clock.seconds_per_tick() <= 1e-6);  // 1 MHz
}

TEST_CASE("steady time: counts nanoseconds of steady_clock") {
    const steady_time clock;
    CHECK(best_ratio(clock) == approx(1).epsilon(0.01));
    CHECK(clock.seconds_per_tick() == 1e-9);
    CHECK(clock.name() == "steady");
    CHECK_FALSE(clock.is_tick_clock());
}

TEST_CASE("tick clock: never goes backward on a thread") {
    std::uint64_t last = ticks_now();
    for (int i = 0; i < 100'000; ++i) {
        const std::uint64_t now = ticks_now();
        CHECK_MESSAGE(now >= last, "went backward");
        last = now;
    }
}

TEST_CASE("manual clock: advances on request and never goes backward") {
    testing::manual_clock clock;
    const std::uint64_t begin = clock.now();
    CHECK(begin > 0);
    CHECK(clock.now() == begin);
    clock.advance(3ms);
    CHECK(clock.now() == begin + 3'000'000);
    clock.advance_to(begin);
    CHECK(clock.now() == begin + 3'000'000);
    clock.advance_to(begin + 5'000'000);
    CHECK(clock.now() == begin + 5'000'000);
    CHECK(clock.is_manual());
    CHECK(clock.seconds_per_tick() == 1e-9);
}
