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

TEST_CASE("account: the first read is a baseline, whatever its value") {
    channel_account a(rapl());
    CHECK_FALSE(a.has_baseline());
    a.take(262'000'000'000, 0);
    CHECK(a.joules() == 0);
    CHECK(a.has_baseline());
    CHECK(a.tally().reads == 1);
}

TEST_CASE("account: an increment is scaled once") {
    channel_account a(rapl());
    a.take(1'000'000, 0);
    a.take(1'000'061, 0.001);
    a.take(3'500'000, 0.1);
    CHECK(a.joules() == approx(2.5).epsilon(1e-12));
}

TEST_CASE("account: two equal reads add 0 J") {
    channel_account a(rapl());
    a.take(5'000'000, 0);
    a.take(5'000'000, 60);
    CHECK(a.joules() == 0);
    CHECK(a.tally().wraps == 0);
}

TEST_CASE(
    "account: a wrap is counted once, also where a domain's range differs from its package's") {
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

TEST_CASE(
    "account: a reset to a small value starts a new baseline, is counted, and adds no energy") {
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

TEST_CASE("account: a transient error between two reads loses no energy") {
    channel_account a(rapl());
    a.take(1'000'000, 0);
    a.take(no_value, 1);
    a.miss();
    a.take(31'000'000, 2);
    CHECK(a.joules() == approx(30));
    CHECK(a.tally().failures == 2);
    CHECK(a.tally().reads == 2);
}

TEST_CASE("account: is silent without a first value, and after three failed reads in a row") {
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

TEST_CASE("account: a wrap during an error is still one wrap") {
    channel_account a(rapl());
    a.take(262'143'000'000, 0);
    a.take(no_value, 1);
    a.take(1'000'000, 2);
    CHECK(a.joules() == approx(1.328911));
    CHECK(a.tally().wraps == 1);
}

TEST_CASE("account: a jump that no part can draw is rejected") {
    channel_account a(rapl());
    a.take(0, 0);
    a.take(50'000'000'000, 1);  // 50 kW of one socket
    CHECK(a.joules() == 0);
    CHECK(a.tally().resets == 1);
    a.take(50'100'000'000, 2);
    CHECK(a.joules() == approx(100));
}

TEST_CASE("account: a step may include two updates of the counter on top of its own time") {
    channel c = rapl();
    c.update_period = std::chrono::milliseconds(1);
    c.max_watts = 2'000;
    channel_account a(c);
    a.take(0, 0);
    a.take(5'990'000, 0.001);  // 2 kW for 3 ms
    CHECK(a.joules() == approx(5.99));
    std::uint64_t raw = 5'990'000;
    double at = 0.001;
    for (int i = 0; i < 50; ++i) a.take(raw += 6'000'000, at += 0.001);  // 6 kW
    CHECK(a.joules() < 5.99 + 2'000 * 1.5 * 0.006);  // a late update is granted once
    CHECK(a.tally().resets > 40);
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

TEST_CASE("account: a drop is a reset if a wrap would mean far more power than ever before") {
    channel small = rapl();
    small.wrap_at = 65'536'000'000;
    channel_account a(small);
    std::uint64_t raw = 65'000'000'000;
    double at = 0;
    a.take(raw, at);
    for (int i = 0; i < 10; ++i) a.take(raw += 5'000'000, at += 1);  // 5 W
    SUBCASE("as a wrap, 786 W in a machine that drew 5 W") {
        a.take(300'000'000, at + 1);
        CHECK(a.joules() == approx(50));
        CHECK(a.tally().resets == 1);
    }
    SUBCASE("as a wrap, 490 W, a plausible wake-up") {
        a.take(4'000'000, at + 1);
        CHECK(a.joules() == approx(540));
        CHECK(a.tally().wraps == 1);
    }
}

TEST_CASE("account: a gauge is integrated by the trapezoidal rule") {
    channel_account a(gauge());
    a.expect_interval(1);
    a.take(100'000, 0);
    a.take(200'000, 1);
    a.take(200'000, 3);
    CHECK(a.joules() == approx(150 + 400));
    CHECK(a.tally().gaps == 0);
}

TEST_CASE("account: a long gap of a gauge is left out and reported") {
    channel_account a(gauge());
    a.expect_interval(1);
    a.take(100'000, 0);
    a.take(100'000, 5);  // gaps of up to five intervals are bridged
    CHECK(a.joules() == approx(500));
    a.take(100'000, 10.5);
    CHECK(a.joules() == approx(500));
    CHECK(a.tally().gaps == 1);
    CHECK(a.tally().unmeasured_seconds == approx(5.5));
    a.take(100'000, 11.5);
    CHECK(a.joules() == approx(600));
}

TEST_CASE("account: time going backward adds no energy to a gauge and breaks no counter") {
    channel_account power(gauge()), counter(rapl());
    power.take(100'000, 10), counter.take(0, 10);
    power.take(100'000, 9), counter.take(1'000, 9);
    CHECK(power.joules() == 0);
    CHECK(counter.joules() == approx(1e-3));
}

TEST_CASE("account: power that stays above the device's stated limit is never counted") {
    channel xe = rapl();
    xe.part = component::gpu;
    xe.max_watts = 328;
    for (const double watts : {1'200.0, 3'868.0}) {
        channel_account a(xe);
        for (int i = 0; i <= 100; ++i)
            a.take(static_cast<std::uint64_t>(watts * 1e5) * unsigned(i), 0.1 * i);
        CHECK(a.joules() <= 328 * 10);
        CHECK(a.joules() < 100);
        CHECK(a.tally().resets > 40);
    }
}

TEST_CASE("account: a value that jumps and comes back is an outlier and loses no energy") {
    channel gpu = rapl();
    gpu.part = component::gpu;
    gpu.wrap_at = 0;
    channel_account a(gpu);
    std::uint64_t raw = 500'000'000;
    SUBCASE("900 J too high for one read") {
        for (int i = 0; i <= 10; ++i) a.take((raw += 35'000'000) + (i == 3 ? 900'000'000 : 0), i);
        CHECK(a.tally().resets == 0);  // some GPUs draw as much
    }
    SUBCASE("9000 J too high for one read") {
        for (int i = 0; i <= 10; ++i) a.take((raw += 35'000'000) + (i == 3 ? 9'000'000'000 : 0), i);
        CHECK(a.tally().resets == 0);
    }
    SUBCASE("zero for one read") {
        for (int i = 0; i <= 10; ++i)
            a.take(i == 3 ? (raw += 35'000'000, 0) : raw += 35'000'000, i);
        CHECK(a.tally().resets == 0);
    }
    SUBCASE("twice in a row") {
        for (int i = 0; i <= 10; ++i)
            a.take((raw += 35'000'000) + (i == 3 || i == 4 ? 90'000'000'000u * unsigned(i) : 0), i);
    }
    CHECK(a.joules() == approx(350));
    CHECK(a.tally().outliers == 1);
}

TEST_CASE("account: a processor that counts 700 J too much on every fifth read") {
    channel_account a(rapl());
    std::uint64_t raw = 1'000'000;
    for (int i = 0; i <= 6; ++i) a.take((raw += 15'000'000) + (i % 5 == 2 ? 700'000'000 : 0), i);
    CHECK(a.joules() == approx(90));
}

TEST_CASE("account: a jump that stays is a gap, and its energy is not counted later either") {
    channel gpu = rapl();
    gpu.part = component::gpu;
    channel_account a(gpu);
    std::uint64_t raw = 1'000'000;
    for (int i = 0; i <= 100; ++i) {
        if (i == 5) raw += 90'000'000'000;
        a.take(raw += 35'000'000, i);
    }
    CHECK(a.joules() == approx(99 * 35));
    CHECK(a.tally().resets == 1);
    CHECK(a.tally().outliers == 0);
    CHECK(a.tally().unmeasured_seconds == approx(1));
}

TEST_CASE("account: unusually high power is counted once the next value confirms it") {
    channel_account a(rapl());
    a.take(0, 0);
    a.take(600'000'000, 1);  // 600 W, more than any socket known
    CHECK(a.joules() == 0);
    CHECK(a.tally().resets == 0);
    a.take(1'200'000'000, 2);
    a.take(1'210'000'000, 3);
    CHECK(a.joules() == approx(1'210));
}

TEST_CASE("account: a counter that stood still may catch up by what that time allows") {
    channel c = rapl();
    c.max_watts = 100;
    channel_account a(c);
    for (int i = 0; i <= 10; ++i) a.take(0, 0.1 * i);
    a.take(95'000'000, 1.1);  // 95 J in 1.1 s, in one step
    CHECK(a.joules() == approx(95));
    CHECK(a.tally().resets == 0);
}

TEST_CASE("account: in a gap that may hide two wraps, only the certain energy is counted") {
    channel c = rapl();
    c.wrap_at = 200'000'000;  // 200 J
    c.max_watts = 100;
    channel_account a(c);
    a.take(0, 0);
    a.take(9'000'000, 0.1);
    a.take(9'000'000 + 81'000'000, 10.1);  // 81 J, or 281 J, ...: stopped for ten seconds
    CHECK(a.joules() == approx(90));
    CHECK(a.tally().gaps == 1);
    CHECK(a.tally().unmeasured_seconds == approx(10));
    a.take(95'000'000, 10.2);
    CHECK(a.tally().gaps == 1);
}

TEST_CASE("account: a suspend is a gap for gauges and counters") {
    channel_account counter(rapl()), power(gauge());
    power.expect_interval(1);
    for (int i = 0; i <= 10; ++i) {
        counter.take(10'000'000u * unsigned(i), i, i < 5 ? 3'000 : 4'000);
        power.take(10'000, i, i < 5 ? 3'000 : 4'000);
    }
    CHECK(counter.joules() == approx(100));
    CHECK(power.joules() == approx(90));
    CHECK(counter.tally().gaps == 1);
    CHECK(power.tally().gaps == 1);
    CHECK(power.tally().unmeasured_seconds == approx(1'001));
}

TEST_CASE("account: an implausibly high gauge value is rejected") {
    channel c = gauge();
    c.joules_per_count = 1e-6;
    SUBCASE("an error value") { c.part = component::platform; }
    SUBCASE("more than the device's limit") { c.max_watts = 95; }
    channel_account a(c);
    a.expect_interval(1);
    for (int i = 0; i <= 10; ++i) a.take(i == 4 ? 4'294'967'295'000'000 : 50'000'000, i);
    CHECK(a.joules() == approx(500));
    CHECK(a.tally().resets == 1);
    channel_account always(c);
    for (int i = 0; i <= 10; ++i)
        always.take(c.max_watts > 0 ? 752'000'000 : 4'294'967'295'000'000, i);
    CHECK(always.joules() == 0);
    CHECK(always.is_silent());
}

TEST_CASE("account: a whole machine never draws 0 W") {
    channel c = gauge();
    channel_account card(c);
    c.part = component::platform;
    channel_account machine(c);
    for (int i = 0; i <= 10; ++i) card.take(0, i), machine.take(0, i);
    CHECK(machine.is_silent());
    CHECK_FALSE(card.is_silent());
}
