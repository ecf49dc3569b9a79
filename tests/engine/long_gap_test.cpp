// A meter without reads for a long time: stopped, suspended or paused.
#include "engine/support.hpp"

#include "approx.hpp"
#include "joulery/testing/access.hpp"
#include "joulery/testing/manual_clock.hpp"
#include "joulery/testing/scripted_backend.hpp"

#include <doctest/doctest.h>

using namespace joulery;
using namespace std::chrono_literals;
using testing::manual_clock;
using testing::scripted_backend;

namespace {

struct stopped_program {
    explicit stopped_program(channel c, std::vector<std::uint64_t> values) {
        auto b = std::make_unique<scripted_backend>("fake", std::vector<channel>{std::move(c)});
        for (const std::uint64_t v : values) b->ok({v});
        options o;
        testing::access::set_clock(o, clock);
        o.backends.push_back(std::move(b));
        m = std::make_unique<meter>(std::move(o));
        (void)m->read();
    }
    void read_after(std::chrono::nanoseconds time) {
        clock->advance(time);
        (void)m->read();
    }
    std::shared_ptr<manual_clock> clock = std::make_shared<manual_clock>();
    std::unique_ptr<meter> m;
};

}  // namespace

TEST_CASE(
    "long gap: a counter that may have wrapped twice reports only the certain energy, as partial") {
    channel c;
    c.id = "fake/counter";
    c.part = component::cpu;
    c.max_watts = 100;
    c.wrap_at = 262'144'000;  // 262 J: wraps three times in the nine seconds that follow
    stopped_program p(c, {0, 0, 9'000'000, 219'000'000, 229'000'000, 229'000'000});
    p.read_after(100ms);
    p.read_after(10s);
    p.read_after(100ms);
    const report r = p.m->snapshot();
    CHECK(r.total.joules() == approx(229));
    CHECK(r.provenance == quality::partial);
    CHECK(r.channels[0].tally.gaps == 1);
    CHECK(r.channels[0].tally.unmeasured_seconds == approx(10));
}

TEST_CASE("long gap: a suspend is detected by the clock that keeps running meanwhile") {
    channel c;
    c.id = "fake/power";
    c.part = component::gpu;
    c.kind = reading_kind::power_gauge;
    c.update_period = 100ms;
    stopped_program p(c, {50'000'000});
    for (int i = 0; i < 10; ++i) p.read_after(100ms);
    p.clock->suspend(std::chrono::hours(8));
    for (int i = 0; i < 10; ++i) p.read_after(100ms);
    const report r = p.m->snapshot();
    CHECK(r.total.joules() == approx(1.9 * 50));
    CHECK(r.provenance == quality::partial);
    CHECK(r.channels[0].tally.gaps == 1);
}
