#include "joulery/detail/metering/channel_account.hpp"

#include "approx.hpp"

#include <doctest/doctest.h>

using namespace joulery;

namespace {
channel rapl() {
    channel c;
    c.id = "cpu0/package";
    c.part = component::cpu;
    c.wrap_at = 262'143'328'911;
    return c;
}
channel gauge() {
    channel c;
    c.id = "gpu0/board";
    c.part = component::gpu;
    c.kind = reading_kind::power_gauge;
    c.joules_per_count = 1e-3;
    return c;
}
}  // namespace

TEST_CASE("account: the first read is a baseline, whatever it holds") {
    channel_account a(rapl());
    CHECK_FALSE(a.has_baseline());
    a.take(262'000'000'000, 0);
    CHECK(a.joules() == 0);
    CHECK(a.has_baseline());
    CHECK(a.tally().reads == 1);
}

TEST_CASE("account: growth is scaled once") {
    channel_account a(rapl());
    a.take(1'000'000, 0);
    a.take(1'000'061, 0.001);
    a.take(3'500'000, 0.1);
    CHECK(a.joules() == approx(2.5).epsilon(1e-12));
}

TEST_CASE("account: two equal reads are 0 J") {
    channel_account a(rapl());
    a.take(5'000'000, 0);
    a.take(5'000'000, 60);
    CHECK(a.joules() == 0);
    CHECK(a.tally().wraps == 0);
}

TEST_CASE("account: one wrap, and of a domain whose range differs from the package's") {
    channel dram = rapl();
    dram.part = component::dram;
    dram.wrap_at = 65'712'999'628;
    channel_account package(rapl()), memory(dram);
    package.take(262'143'328'900, 0), memory.take(65'712'999'600, 0);
    package.take(10, 1), memory.take(10, 1);
    CHECK(package.joules() == approx(21e-6));
    CHECK(memory.joules() == approx(38e-6));
    CHECK(package.tally().wraps == 1);
    CHECK(memory.tally().wraps == 1);
}

TEST_CASE("account: a reset to a small value is a new baseline, tallied, nothing invented") {
    channel_account a(rapl());
    a.take(100'000'000'000, 0);
    a.take(100'050'000'000, 1);  // 50 J
    a.take(1'000, 2);            // as a wrap this would be 162 kJ in a second
    a.take(20'001'000, 3);       // 20 J
    CHECK(a.joules() == approx(70));
    CHECK(a.tally().resets == 1);
    CHECK(a.tally().wraps == 0);
    CHECK(a.tally().unmeasured_seconds == approx(1));
}

TEST_CASE("account: a transient error in the middle loses nothing") {
    channel_account a(rapl());
    a.take(1'000'000, 0);
    a.take(no_value, 1);
    a.miss();
    a.take(31'000'000, 2);
    CHECK(a.joules() == approx(30));
    CHECK(a.tally().failures == 2);
    CHECK(a.tally().reads == 2);
}

TEST_CASE("account: silent without a first value, and after three reads in a row without one") {
    channel_account a(rapl());
    CHECK(a.is_silent());
    a.take(1'000, 0);
    CHECK_FALSE(a.is_silent());
    a.miss(), a.take(no_value, 1);
    CHECK_FALSE(a.is_silent());
    a.take(2'000, 2);
    a.miss(), a.miss();
    CHECK_FALSE(a.is_silent());
    a.miss();
    CHECK(a.is_silent());
    a.take(3'000, 3);
    CHECK_FALSE(a.is_silent());
}

TEST_CASE("account: a wrap across an error is still one wrap") {
    channel_account a(rapl());
    a.take(262'143'000'000, 0);
    a.take(no_value, 1);
    a.take(1'000'000, 2);
    CHECK(a.joules() == approx(1.328911));
    CHECK(a.tally().wraps == 1);
}

TEST_CASE("account: a jump that no part can draw is not believed") {
    channel_account a(rapl());
    a.take(0, 0);
    a.take(50'000'000'000, 1);  // 50 kW of one socket
    CHECK(a.joules() == 0);
    CHECK(a.tally().resets == 1);
    a.take(50'100'000'000, 2);
    CHECK(a.joules() == approx(100));
}

TEST_CASE("account: a step may hold what two updates of the counter bring beside its own time") {
    channel c = rapl();
    c.update_period = std::chrono::milliseconds(1);
    c.max_watts = 2'000;
    channel_account a(c);
    a.take(0, 0);
    a.take(5'990'000, 0.001);  // 2 kW for 3 ms
    CHECK(a.joules() == approx(5.99));
    a.take(12'000'000, 0.002);
    CHECK(a.joules() == approx(5.99));
    CHECK(a.tally().resets == 1);
}

TEST_CASE("account: a machine that wakes from idle is believed") {
    channel_account a(rapl());
    std::uint64_t raw = 0;
    double at = 0;
    a.take(raw, at);
    for (int i = 0; i < 10; ++i) a.take(raw += 5'000'000, at += 1);  // 5 W
    a.take(raw += 450'000'000, at += 1);                             // 450 W
    CHECK(a.joules() == approx(500));
    CHECK(a.tally().resets == 0);
    CHECK(a.peak_watts() == approx(450));
}

TEST_CASE("account: a smaller value that would be far more than ever before is a reset") {
    channel small = rapl();
    small.wrap_at = 65'536'000'000;
    channel_account a(small);
    std::uint64_t raw = 65'000'000'000;
    double at = 0;
    a.take(raw, at);
    for (int i = 0; i < 10; ++i) a.take(raw += 5'000'000, at += 1);  // 5 W
    SUBCASE("as a wrap 786 W in a machine that drew 5 W") {
        a.take(300'000'000, at + 1);
        CHECK(a.joules() == approx(50));
        CHECK(a.tally().resets == 1);
    }
    SUBCASE("as a wrap 490 W, to which it may have woken") {
        a.take(4'000'000, at + 1);
        CHECK(a.joules() == approx(540));
        CHECK(a.tally().wraps == 1);
    }
}

TEST_CASE("account: a gauge is integrated by trapezoid") {
    channel_account a(gauge());
    a.expect_interval(1);
    a.take(100'000, 0);
    a.take(200'000, 1);
    a.take(200'000, 3);
    CHECK(a.joules() == approx(150 + 400));
    CHECK(a.tally().gaps == 0);
}

TEST_CASE("account: a long gap of a gauge is left out and said") {
    channel_account a(gauge());
    a.expect_interval(1);
    a.take(100'000, 0);
    a.take(100'000, 5);  // five intervals are bridged
    CHECK(a.joules() == approx(500));
    a.take(100'000, 10.5);
    CHECK(a.joules() == approx(500));
    CHECK(a.tally().gaps == 1);
    CHECK(a.tally().unmeasured_seconds == approx(5.5));
    a.take(100'000, 11.5);
    CHECK(a.joules() == approx(600));
}

TEST_CASE("account: time that goes back adds no energy to a gauge and breaks no counter") {
    channel_account power(gauge()), counter(rapl());
    power.take(100'000, 10), counter.take(0, 10);
    power.take(100'000, 9), counter.take(1'000, 9);
    CHECK(power.joules() == 0);
    CHECK(counter.joules() == approx(1e-3));
}
