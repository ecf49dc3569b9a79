#include "joulery/detail/metering/read_schedule.hpp"

#include "approx.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <cstdint>
#include <random>

using joulery::detail::lock_step;
using joulery::detail::read_schedule;
using joulery::detail::update_tracker;

namespace {

// A counter that ticks every `period` (give or take `jitter` of it), read by a lock on a clock of
// nanoseconds; each read takes 1 us.
struct locked_counter {
    double period, jitter;
    update_tracker tracker;
    read_schedule lock;
    std::mt19937_64 random{7};
    double next_tick;
    std::uint64_t now = 1'000, reads = 0, samples = 0, caught = 0;
    bool visible = true, may_hunt = true;

    locked_counter(double p, double j, double nominal, double sample_period)
        : period(p),
          jitter(j),
          tracker(nominal),
          lock(sample_period, 100e6, true),
          next_tick(p * 0.37) {}

    // Returns how late the last sample came after a tick, in ns.
    double run_until(std::uint64_t end) {
        double late = 0;
        while (now < end) {
            bool changed = false;
            double last = 0;
            while (next_tick <= static_cast<double>(now)) {
                last = next_tick;
                changed = visible;
                next_tick +=
                    period * (1 + std::uniform_real_distribution<double>(-jitter, jitter)(random));
            }
            ++reads;
            const bool sharp = tracker.observe(now, changed);
            if (sharp) ++caught;
            const lock_step step = lock.after_read(tracker, now, sharp, 1'000, may_hunt);
            if (step.settle) {
                ++samples;
                if (sharp) late = static_cast<double>(now) - last;
            }
            REQUIRE(step.next_due > now);
            now = std::max(now + 1'000, step.next_due);
        }
        return late;
    }
};

}  // namespace

TEST_CASE("tick tracker: it learns the counter's period, whatever the driver declares") {
    locked_counter c(1'013'000, 0.002, 1'000'000, 100e6);
    c.run_until(5'000'000'000);
    CHECK(c.tracker.locked());
    CHECK(c.tracker.period() == approx(1'013'000).epsilon(1e-4));
    CHECK(c.tracker.jitter() < 0.01 * 1'013'000);
}

TEST_CASE("tick lock: samples come just after ticks, at the period that was asked for") {
    locked_counter c(1'000'000, 0.005, 1'000'000, 100e6);
    c.run_until(1'000'000'000);
    const auto samples = c.samples, reads = c.reads;
    const double late = c.run_until(11'000'000'000);
    CHECK(late < 10'000);  // within 10 us of a tick of 1 ms
    const auto more = c.samples - samples;
    CHECK(more >= 90);
    CHECK(more <= 130);
    CHECK(c.reads - reads < 100 * more);
    CHECK(c.caught > 80);
}

TEST_CASE("tick lock: where more samples are wanted, still ten ticks a second are waited for") {
    locked_counter c(1'000'000, 0.005, 1'000'000, 10e6);
    c.run_until(1'000'000'000);
    const auto samples = c.samples, reads = c.reads, caught = c.caught;
    c.run_until(11'000'000'000);
    CHECK(c.samples - samples >= 950);
    CHECK(c.samples - samples <= 1'250);
    CHECK(c.caught - caught >= 90);
    CHECK(c.caught - caught <= 150);
    CHECK(c.reads - reads < c.samples - samples + 100 * (c.caught - caught));
    CHECK(c.tracker.locked());
}

TEST_CASE("tick lock: a counter without visible ticks is left alone, sampled all the same") {
    locked_counter c(1'000'000, 0, 1'000'000, 100e6);
    c.visible = false;
    c.run_until(1'000'000'000);
    const auto samples = c.samples, reads = c.reads;
    c.run_until(21'000'000'000);
    CHECK(c.samples - samples >= 190);
    CHECK(c.reads - reads < 10 * (c.samples - samples));
    CHECK_FALSE(c.tracker.locked());
}

TEST_CASE("tick lock: while it may not hunt it just samples; then it goes on from the next tick") {
    locked_counter c(1e6, 0.001, 1e6, 100e6);
    c.run_until(2'000'000'000);
    c.may_hunt = false;
    c.run_until(2'200'000'000);  // a hunt under way ends
    const std::uint64_t reads = c.reads, samples = c.samples;
    c.run_until(4'000'000'000);
    CHECK(c.reads - reads == c.samples - samples);
    CHECK(c.reads - reads <= 19);
    CHECK(c.reads - reads >= 17);

    c.may_hunt = true;
    c.now += 300'000;  // long before a tick
    const std::uint64_t before = c.reads, caught = c.caught;
    c.run_until(4'150'000'000);
    CHECK(c.caught > caught);
    CHECK(c.reads - before < 300);  // from a margin before a tick, not over a whole period
}

TEST_CASE("tick lock: where a read is dear against the ticks, or ticks are rare, it just samples") {
    update_tracker often(20'000);
    read_schedule dear(1e6, 1e6, true);
    lock_step s = dear.after_read(often, 500, false, 5'000);
    CHECK(s.settle);
    CHECK(s.next_due == 1'000'500);
    update_tracker rare(2e6);
    read_schedule seldom(1e6, 1e6, true);
    s = seldom.after_read(rare, 500, false, 10);
    CHECK(s.settle);
    CHECK(s.next_due == 1'000'500);
    read_schedule gauge(1e6, 1e6, false);
    update_tracker visible(500'000);
    s = gauge.after_read(visible, 500, true, 10);
    CHECK(s.settle);
    CHECK(s.next_due == 1'000'500);
}

TEST_CASE("tick tracker: the age of a value is unknown before the lock and known after it") {
    update_tracker t(1'000'000);
    CHECK(t.lag(12'345) == approx(500'000));
    CHECK(t.lag_spread(12'345) == approx(1'000'000 / std::sqrt(12.0)));
    std::uint64_t at = 1'000'000;
    for (int i = 0; i < 40; ++i, at += 1'000'000) {
        (void)t.observe(at - 2'000, false);
        CHECK(t.observe(at + 2'000, true));
    }
    REQUIRE(t.locked());
    const std::uint64_t last = at - 1'000'000;
    CHECK(t.lag(last + 300'000) == approx(300'000).epsilon(0.01));
    CHECK(t.lag(last + 1'300'000) == approx(300'000).epsilon(0.01));
    CHECK(t.lag_spread(last + 300'000) < 20'000);
}

TEST_CASE("tick tracker: a change between reads far apart says nothing of when") {
    update_tracker t(1'000'000);
    CHECK_FALSE(t.observe(1'000, true));  // the first read
    CHECK_FALSE(t.observe(500'000, true));
    CHECK_FALSE(t.observe(510'000, false));
    CHECK(t.observe(520'000, true));
    CHECK(t.caught() == 1);
}
