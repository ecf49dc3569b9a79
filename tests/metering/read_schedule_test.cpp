// Reads just after a counter's updates, and the budget for waiting for them.
#include "joulery/detail/metering/read_schedule.hpp"

#include "approx.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <cstdint>
#include <random>

using joulery::detail::read_budget;
using joulery::detail::read_schedule;
using joulery::detail::read_verdict;
using joulery::detail::update_tracker;

namespace {

// A counter that updates every `period` (give or take `jitter` of it), read by a schedule on a
// clock of nanoseconds; each read takes `cost`.
struct watched_counter {
    double period, jitter, cost;
    update_tracker tracker;
    read_schedule schedule;
    std::mt19937_64 random{7};
    double next_update;
    std::uint64_t now = 1'000, reads = 0, samples = 0, dated = 0;
    bool visible = true;
    double row = 0;  ///< processor time to process a reading that ends a row

    watched_counter(double true_period, double j, double declared, double sample_period,
                    double share = 0.002, double read_cost = 1'000, double credit = 12e6)
        : period(true_period),
          jitter(j),
          cost(read_cost),
          tracker(declared),
          schedule(budget(sample_period, share, credit), 1'000, true),
          next_update(true_period * 0.37) {}

    static read_budget budget(double sample_period, double share, double credit) {
        read_budget b;
        b.sample_period = sample_period;
        b.finest_sample = 100e6;
        b.share = share;
        b.credit = credit;
        b.step_cost = 100e3;
        return b;
    }

    // Returns the delay of the last dated read after its update, in ns.
    double run_until(double end) {
        double late = 0;
        while (static_cast<double>(now) < end) {
            bool changed = false;
            double last = 0;
            while (next_update <= static_cast<double>(now)) {
                last = next_update;
                changed = visible;
                next_update +=
                    period * (1 + std::uniform_real_distribution<double>(-jitter, jitter)(random));
            }
            ++reads;
            const bool seen = tracker.observe(now, changed);
            if (seen) ++dated;
            if (seen) late = static_cast<double>(now) - last;
            const read_verdict v = schedule.after_read(tracker, now, {cost, 0, row}, seen);
            if (v.samples) ++samples;
            REQUIRE(schedule.next_due() > now);
            now = std::max(now + static_cast<std::uint64_t>(cost), schedule.next_due());
        }
        return late;
    }
};

}  // namespace

TEST_CASE("update tracker: learns the counter's period, whatever the driver states") {
    for (const double declared : {1e6, 1.1e6, 62'500.0, 16e6}) {
        CAPTURE(declared);
        watched_counter c(1'013'000, 0.002, declared, 100e6);
        c.run_until(20e9);
        CHECK(c.tracker.locked());
        CHECK(c.tracker.period() == approx(1'013'000).epsilon(1e-3));
        CHECK(c.tracker.jitter() < 0.01 * 1'013'000);
    }
}

TEST_CASE("read schedule: reads come just after updates, a few of them beside each sample") {
    watched_counter c(1e6, 0.005, 1e6, 100e6, 0.01);
    c.run_until(1e9);
    const auto samples = c.samples, reads = c.reads, dated = c.dated;
    const double late = c.run_until(11e9);
    CHECK(late < 10'000);  // within 10 us of an update of 1 ms
    const auto more = c.samples - samples;
    CHECK(more >= 90);
    CHECK(more <= 160);
    CHECK(c.dated - dated >= 3 * more);
    CHECK(c.reads - reads < 100 * (c.dated - dated));
}

TEST_CASE("read schedule: a burst ends when a read takes too long to date the next update") {
    watched_counter c(1e6, 0.005, 1e6, 100e6, 0.01);
    c.run_until(1e9);
    const auto dated = c.dated;
    while (c.dated == dated || !c.schedule.is_in_burst())
        c.run_until(static_cast<double>(c.now) + 1);
    c.cost = 10e6;  // the reading thread was preempted
    const double next = static_cast<double>(c.now);
    c.run_until(next + 1);
    CHECK(static_cast<double>(c.schedule.next_due()) > next + 1e9);
    CHECK_FALSE(c.schedule.is_in_burst());  // until then short scopes would all be timed
}

TEST_CASE("read schedule: a counter that updates once or twice per sample is still dated") {
    for (const double period : {20e6, 95e6, 100e6, 105e6, 200e6, 1e9}) {
        CAPTURE(period);
        watched_counter c(period, 0.001, 100e6, 100e6);
        c.run_until(20e9);
        CHECK(c.tracker.locked());
        CHECK(c.tracker.period() == approx(period).epsilon(1e-2));
        const auto dated = c.dated;
        c.run_until(60e9);
        CHECK(static_cast<double>(c.dated - dated) > 0.5 * 40e9 / std::max(period, 100e6));
    }
}

TEST_CASE("read schedule: 3 ms reads date 100 ms updates in wide steps, within the budget") {
    watched_counter c(100.002e6, 0.02, 100e6, 100e6, 0.005, 3e6);
    c.run_until(60e9);
    CHECK(c.tracker.locked());
    const auto reads = c.reads;
    c.run_until(360e9);
    CHECK(static_cast<double>(c.reads - reads) * 3e6 < 0.02 * 300e9);  // windows and samples
    CHECK(c.tracker.period() == approx(100.002e6).epsilon(5e-3));
}

TEST_CASE("read schedule: waiting for updates stops beyond its budget, sampling continues") {
    watched_counter c(1e6, 0.005, 1e6, 100e6, 0.0, 1'000, 0);
    c.run_until(20e9);
    CHECK(c.samples >= 190);
    CHECK(c.reads <= c.samples + 2'600);  // the first window began before anything was spent
    const auto reads = c.reads, samples = c.samples;
    c.run_until(40e9);
    CHECK(c.reads - reads == c.samples - samples);
}

TEST_CASE("read schedule: a counter without visible updates is still sampled") {
    watched_counter c(1e6, 0, 1e6, 100e6);
    c.visible = false;
    c.run_until(1e9);
    const auto samples = c.samples, reads = c.reads;
    c.run_until(21e9);
    CHECK(c.samples - samples >= 150);
    CHECK(c.reads - reads < 10 * (c.samples - samples));
    CHECK_FALSE(c.tracker.locked());
}

TEST_CASE("read schedule: samples if a read takes as long as an update, or updates can't be seen") {
    read_budget b = watched_counter::budget(1e6, 1, 1e9);
    update_tracker often(10'000);
    read_schedule slow(b, 500, true);
    CHECK(slow.after_read(often, 501, {5'000}, false).samples);
    CHECK(slow.next_due() == 1'667'167);  // reads may take 0.3 % of the time
    update_tracker visible(500'000);
    read_schedule gauge(b, 500, false);
    CHECK_FALSE(gauge.after_read(visible, 501, {10}, true).samples);  // not due yet
    CHECK(gauge.after_read(visible, 1'000'500, {10}, true).samples);
    CHECK(gauge.next_due() == 2'000'500);
}

TEST_CASE("read schedule: rows that are expensive to process become rare but never stop") {
    for (const double row : {0.0, 300e3, 3e6, 30e6}) {
        CAPTURE(row);
        watched_counter c(1e6, 0.005, 1e6, 10e6);
        c.row = row;
        c.run_until(20e9);
        const auto rows = c.samples + c.dated;
        const auto samples = c.samples;
        c.run_until(220e9);
        const double share = static_cast<double>(c.samples + c.dated - rows) * row / 200e9;
        CHECK(share < 0.007);  // samples, and the dated reads beside them
        CHECK(static_cast<double>(c.samples - samples) > 200e9 / std::max(200e6, row / 0.001));
    }
}

TEST_CASE("read schedule: gauges that load a processor or a bus are read less often") {
    update_tracker visible(500'000);
    for (const bool bus : {false, true}) {
        CAPTURE(bus);
        read_budget b = watched_counter::budget(1e6, 1, 1e9);
        b.plain_share = 0.001;
        read_schedule gauge(b, 500, false);
        const joulery::detail::read_price price{bus ? 4e6 : 3'000.0, bus ? 100.0 : 3'000.0};
        CHECK(gauge.after_read(visible, 1'000'500, price, true).samples);
        const double period = bus ? 8e6 : 3e6;  // half of the bus's time, 0.1 % of the processor's
        CHECK(gauge.sample_period() == approx(period));
        CHECK(gauge.next_due() == 1'000'500 + static_cast<std::uint64_t>(period));
    }
}

TEST_CASE("update tracker: staleness is unknown before the lock and known after it") {
    update_tracker t(1'000'000);
    CHECK(t.staleness(12'345).mean == 0);
    CHECK(t.staleness(12'345).deviation == approx(1'000'000 / std::sqrt(3.0)));
    std::uint64_t at = 1'000'000;
    for (int i = 0; i < 40; ++i, at += 1'000'000) {
        (void)t.observe(at - 2'000, false);
        CHECK(t.observe(at + 2'000, true));
    }
    REQUIRE(t.locked());
    const std::uint64_t last = at - 1'000'000;
    CHECK(t.staleness(last + 300'000).mean == approx(300'000).epsilon(0.01));
    CHECK(t.staleness(last + 1'300'000).mean == approx(300'000).epsilon(0.01));
    CHECK(t.staleness(last + 300'000).deviation < 20'000);
}

TEST_CASE("update tracker: a change between distant reads has no date") {
    update_tracker t(1'000'000);
    CHECK_FALSE(t.observe(1'000, true));  // the first read
    CHECK_FALSE(t.observe(500'000, true));
    CHECK_FALSE(t.observe(510'000, false));
    CHECK(t.observe(520'000, true));
    CHECK(t.seen() == 1);
}

TEST_CASE("update tracker: many roughly seen updates are dated better than a single one") {
    constexpr double period = 1e6, gap = 80e3;
    update_tracker t{period};
    std::mt19937_64 random{11};
    std::uniform_real_distribution<double> even(0, gap);
    double squares = 0;
    constexpr int learned = 100, all = 500;
    for (int k = 1; k <= all; ++k) {
        const double update = (k + 0.37) * period, before = update - even(random);
        t.observe(static_cast<std::uint64_t>(before), false);
        t.observe(static_cast<std::uint64_t>(before + gap), true);
        const double error = t.predicted(0) - update;
        if (k > learned) squares += error * error;
    }
    CHECK(std::sqrt(squares / (all - learned)) < 0.7 * gap / std::sqrt(12.0));
}

namespace {

// Updates of a counter every 1 ms, some of them missing or seen late.
struct shown_updates {
    static constexpr double period = 1e6;
    std::mt19937_64 random;
    update_tracker tracker;
    double update = period, last = 0;

    explicit shown_updates(std::uint64_t seed, double declared = period)
        : random(seed), tracker(declared) {}
    double up_to(double most) { return std::uniform_real_distribution<double>(0, most)(random); }

    bool read(double at, bool changed) {
        return tracker.observe(static_cast<std::uint64_t>(at), changed);
    }
    // A watched update: one read just before it and one just after it, 8 us apart.
    void see(double at) {
        read(at - 4e3, false);
        read(at + 4e3, true);
        last = at;
    }
    void lock() {
        for (int i = 0; i < 20; ++i, update += period) see(update);
        REQUIRE(tracker.locked());
    }
};

}  // namespace

TEST_CASE("update tracker: staleness is uncertain where a read may precede or follow an update") {
    shown_updates u(5);
    for (int i = 0; i < 400; ++i, u.update += u.period + u.up_to(40e3)) u.see(u.update);
    REQUIRE(u.tracker.locked());
    // The further ahead, the less is known; by half a period, every staleness is equally likely.
    const double any = u.tracker.period() / std::sqrt(12.0);
    double before = 0;
    for (const double ahead : {0.5, 30.5, 100.5, 2000.5}) {
        const auto at = static_cast<std::uint64_t>(u.tracker.predicted(ahead));
        const update_tracker::stale_time a = u.tracker.staleness(at);
        CHECK(a.mean == approx(u.tracker.period() / 2).epsilon(0.02));
        CHECK(a.deviation > before);
        CHECK(a.deviation < 1.05 * any);
        before = a.deviation;
    }
    CHECK(before > 0.95 * any);
    // At a predicted update, the value is either new or one period old.
    const auto at = static_cast<std::uint64_t>(u.tracker.predicted(5));
    const update_tracker::stale_time a = u.tracker.staleness(at);
    CHECK(a.mean == approx(u.tracker.period() / 2).epsilon(0.05));
    CHECK(a.deviation > 0.9 * u.tracker.period() / 2);
}

TEST_CASE("update tracker: a period learned while updates were skipped is corrected") {
    for (const int multiple : {2, 3, 4}) {
        CAPTURE(multiple);
        shown_updates u(7, multiple * shown_updates::period);
        for (int i = 0; i < 10; ++i, u.update += multiple * u.period) u.see(u.update);
        REQUIRE(u.tracker.period() == approx(multiple * u.period).epsilon(0.01));
        // From now on no update is skipped; reads follow the tracker, as the schedule does.
        double at = u.last;
        for (int i = 0; i < 60; ++i) {
            at = u.last + 0.9 * u.tracker.period();
            const double next = (std::floor(at / u.period) + 1) * u.period;
            u.read(at, std::floor(at / u.period) > std::floor(u.last / u.period + 0.001));
            u.see(next);
        }
        CHECK(u.tracker.period() == approx(u.period).epsilon(0.01));
    }
}

TEST_CASE("update tracker: skipped updates increase the expected staleness") {
    shown_updates u(9);
    u.lock();
    const auto half_way = [&] {
        return u.tracker.staleness(static_cast<std::uint64_t>(u.last + u.period / 2)).mean;
    };
    const double none = half_way();
    for (int i = 0; i < 2000; ++i, u.update += u.period) {
        if (i % 5 != 0) {
            u.see(u.update);
            continue;
        }
        u.read(u.update + 10e3, false);
        u.tracker.miss();
        u.read(u.update + 0.9 * u.period, false);
    }
    CHECK(half_way() - none ==
          approx(u.period / 4).epsilon(0.1));  // one in five, then one in 25...
    // An update that came slightly late, between reads, was not skipped.
    shown_updates late(9);
    late.lock();
    for (int i = 0; i < 200; ++i, late.update += late.period) {
        if (i % 10 != 0) {
            late.see(late.update);
            continue;
        }
        late.read(late.update + 10e3, false);
        late.tracker.miss();
        late.read(late.update + 0.9 * late.period, true);
    }
    const auto middle = static_cast<std::uint64_t>(late.last + 0.5 * late.period);
    CHECK(late.tracker.staleness(middle).mean == approx(late.period / 2).epsilon(0.02));
}

TEST_CASE("update tracker: the delay of late updates is learned if it varies") {
    shown_updates late(3), varied(3), steady(3);
    for (int i = 0; i < 500; ++i) {
        late.see(late.update + late.up_to(200e3));
        late.update += late.period;
        varied.see(varied.update);
        varied.update += varied.period + varied.up_to(100e3);
        steady.see(steady.update);
        steady.update += steady.period;
    }
    CHECK(late.tracker.delay() == approx(100e3).epsilon(0.2));
    CHECK(varied.tracker.delay() == 0);
    CHECK(steady.tracker.delay() < 3e3);
    CHECK(late.tracker.lateness() == approx(100e3).epsilon(0.3));
    CHECK(varied.tracker.lateness() == 0);
    CHECK(steady.tracker.lateness() == 0);
}

TEST_CASE("update tracker: updates are dated even if a read takes much of a period") {
    update_tracker t(1e6);
    double now = 0.37e6, seen = 0;
    int dated = 0;
    for (int i = 0; i < 400; ++i, now += 120e3) {
        const double updates = std::floor(now / 1e6);
        dated += t.observe(static_cast<std::uint64_t>(now), updates > seen) ? 1 : 0;
        seen = updates;
    }
    CHECK(dated > 40);
    CHECK(t.locked());
    CHECK(t.period() == approx(1e6).epsilon(0.02));
}
