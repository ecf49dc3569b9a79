// How a meter copes with misbehaving backends: no measured energy is lost, the program never stops,
// and the report says what went wrong.
#include "approx.hpp"
#include "engine/support.hpp"
#include "joulery/backend.hpp"
#include "joulery/detail/session/engine.hpp"
#include "joulery/scope.hpp"
#include "joulery/testing/access.hpp"
#include "joulery/testing/scripted_backend.hpp"

#include <doctest/doctest.h>

#include <atomic>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <future>
#include <limits>
#include <memory>
#include <mutex>
#include <stdexcept>
#include <string>
#include <thread>
#include <utility>
#include <vector>

using namespace joulery;
using namespace joulery::literals;
using namespace std::chrono_literals;
using engine_test::contains;
using engine_test::gate;
using engine_test::joule_channel;
using testing::manual_clock;
using testing::scripted_backend;

namespace {

// A meter on a manual clock with scripted backends; each `pass` is one sampling period.
struct played {
    std::shared_ptr<manual_clock> clock = std::make_shared<manual_clock>();
    options o;
    std::unique_ptr<meter> m;

    played() { testing::access::set_clock(o, clock); }
    scripted_backend& add(channel c = joule_channel()) {
        auto made = std::make_unique<scripted_backend>("scripted", std::vector<channel>{c});
        scripted_backend& b = *made;
        o.backends.push_back(std::move(made));
        return b;
    }
    void begin() {
        o.period = 100ms;
        m = std::make_unique<meter>(std::move(o));
    }
    void pass(int periods = 1) {
        for (int i = 0; i < periods; ++i) {
            clock->advance(100ms);
            testing::access::sample(*m);
        }
    }
};

// Updates too rare to wait for: one read at the beginning, one at a scope's first edge (the second
// edge is not worth one), one per period, one per report.
channel slow_channel(std::string id = "fake/counter") {
    channel c = joule_channel(std::move(id));
    c.update_period = 10s;
    return c;
}

}  // namespace

TEST_CASE("bad backend: a callable that throws or returns no amount is a failed read, not 0 J") {
    auto turn = std::make_shared<int>(0);
    played p;
    p.o.backends.push_back(make_backend("mine", slow_channel(), [turn]() -> double {
        switch ((*turn)++) {
            case 0:
                return 10;
            case 1:
                throw std::runtime_error("no");
            case 2:
                return std::numeric_limits<double>::quiet_NaN();
            case 3:
                return std::numeric_limits<double>::infinity();
            case 4:
                return -5;
            default:
                return 17;
        }
    }));
    p.begin();
    {
        scope s{*p.m, "work"};
        p.pass(5);
    }
    const report r = p.m->snapshot();
    CHECK(r.total.joules() == approx(7));
    CHECK(r.find("work")->total.joules() == approx(7));
    CHECK(r.channels[0].tally.failures == 4);
    CHECK(r.channels[0].state == "ok");
}

TEST_CASE("bad backend: a retried read loses no energy, which goes to the scopes open meanwhile") {
    played p;
    p.add(slow_channel())
        .ok({1'000'000})
        .ok({2'000'000})
        .fails(read_status::retry, 3)
        .ok({8'000'000});
    p.begin();
    p.pass();
    {
        scope s{*p.m, "work"};
        p.pass(3);
        const report during = p.m->snapshot();  // the first successful read
        CHECK(during.find("work")->total.joules() == approx(6));
    }
    const report r = p.m->snapshot();
    CHECK(r.total.joules() == approx(7));
    CHECK(r.unscoped.joules() == approx(1));
    CHECK(r.channels[0].provenance == quality::measured);
}

TEST_CASE("bad backend: energy of a stretch without a good read goes to all its scopes") {
    auto broken = std::make_shared<bool>(false);
    played p;
    p.o.backends.push_back(make_backend("mine", slow_channel(), [broken, joules = 10.0]() mutable {
        if (*broken) return std::numeric_limits<double>::quiet_NaN();
        return std::exchange(joules, 16.0);
    }));
    p.begin();
    *broken = true;
    {
        scope a{*p.m, "a"};
        p.pass(2);
    }
    scope b{*p.m, "b"};
    p.clock->advance(100ms);
    *broken = false;
    testing::access::sample(*p.m);
    const report r = p.m->snapshot();
    CHECK(r.find("a")->total.joules() == approx(4).epsilon(0.01));
    CHECK(r.find("b")->total.joules() == approx(2).epsilon(0.01));
}

TEST_CASE("bad backend: a device that is lost keeps its energy, is flagged, and may come back") {
    played p;
    p.add(slow_channel())
        .ok({0})
        .ok({0})
        .ok({5'000'000})
        .vanishes(3)
        .ok({9'000'000})
        .ok({9'500'000});
    p.begin();
    {
        scope s{*p.m, "work"};
        p.pass(3);
        const report gone = p.m->snapshot();
        CHECK(gone.channels[0].state == "gone");
        CHECK(gone.channels[0].provenance == quality::partial);
        CHECK(gone.provenance == quality::partial);
        CHECK(gone.total.joules() == approx(5));
        CHECK(gone.find("work")->total.joules() == approx(5));
        CHECK(contains(gone.warnings, "fake/counter is partial: its device went away"));
        p.pass(2);
    }
    const report back = p.m->snapshot();
    CHECK(back.channels[0].state == "ok");
    CHECK(back.total.joules() == approx(9.5));
}

TEST_CASE("bad backend: a backend that gives up is not read again, and the others go on") {
    played p;
    scripted_backend& dead =
        p.add(slow_channel("dead")).ok({0}).ok({0}).ok({3'000'000}).fails(read_status::fatal);
    p.add(slow_channel("alive")).grows(1'000'000, 20);
    p.begin();
    {
        scope s{*p.m, "work"};
        p.pass(6);
    }
    const report r = p.m->snapshot();
    CHECK(dead.reads() == 4);
    CHECK(r.find_channel("dead")->state == "failed");
    CHECK(r.find_channel("dead")->total.joules() == approx(3));
    CHECK(r.find_channel("alive")->total.joules() == approx(8));
    CHECK(r.find("work")->by_channel[0].joules() == approx(3));
    CHECK(r.find("work")->by_channel[1].joules() + r.unscoped.joules() == approx(8));
    CHECK(contains(r.warnings, "dead is partial: its backend gave up"));
}

TEST_CASE("bad backend: a backend that never gives a value is silent, not 0 J") {
    played p;
    p.add();  // without a script, every read is a retry
    p.begin();
    p.pass(3);
    const report r = p.m->snapshot();
    CHECK(r.channels[0].state == "silent");
    CHECK(r.provenance == quality::partial);
    CHECK(contains(r.warnings, "it never gave a value"));
}

TEST_CASE("bad backend: a silent channel has no power, not 0 W, and its neighbor keeps its own") {
    played p;
    auto made = std::make_unique<scripted_backend>(
        "scripted", std::vector<channel>{slow_channel("alive"), slow_channel("silent")});
    for (std::uint64_t i = 0; i < 10; ++i) made->ok({i * 1'000'000, no_value});
    p.o.backends.push_back(std::move(made));
    p.begin();
    p.pass(3);
    const report r = p.m->snapshot();
    CHECK(r.find_channel("silent")->state == "silent");
    REQUIRE(r.history.watts.size() == 2);
    REQUIRE(r.history.watts[1].size() >= 3);
    CHECK(r.history.watts[0][1] == approx(10));
    for (const double w : r.history.watts[1]) CHECK(is_nan(w));
}

TEST_CASE(
    "bad backend: backends may have no channels, be null or listed twice, or name bad parents") {
    played p;
    p.o.backends.push_back(nullptr);
    p.o.backends.push_back(std::make_unique<scripted_backend>("empty", std::vector<channel>{}));
    channel orphan = joule_channel("orphan"), a = joule_channel("a"), c = joule_channel("b");
    orphan.parent = "nobody";
    a.parent = "b";
    c.parent = "a";
    for (const channel& ch : {joule_channel("twice"), joule_channel("twice"), orphan, a, c})
        p.add(ch).ok({0}).ok({1'000'000});
    p.begin();
    p.pass(2);
    const report r = p.m->snapshot();
    REQUIRE(r.channels.size() == 5);
    CHECK(r.channels[0].summed);
    CHECK_FALSE(r.channels[1].summed);
    CHECK(r.channels[1].exclusion_reason == "same counter as the first twice");
    CHECK(r.channels[2].summed);
    CHECK(r.find_channel("a")->summed != r.find_channel("b")->summed);  // a cycle counts once
    CHECK(r.total.joules() == approx(3));
    CHECK(contains(r.warnings, "orphan names a parent that does not exist: nobody"));
    CHECK(contains(r.warnings, "contains itself by its parents"));
}

TEST_CASE("bad backend: long processing after a read is not a hanging read") {
    options o;
    o.period = 1ms;
    int joules = 0;
    o.backends.push_back(make_backend("slow", slow_channel("slow"),
                                      [&joules] { return static_cast<double>(++joules); }));
    meter m(std::move(o));
    auto& reader = testing::access::engine_of(m).backends().front()->reader;
    std::unique_lock<detail::timed_mutex> busy(reader.read_mutex);
    const int before = joules;
    auto made = std::async(std::launch::async, [&m] { return m.snapshot(); });
    // Longer than a report waits for a hanging read.
    CHECK(made.wait_for(250ms) == std::future_status::timeout);
    busy.unlock();
    const report r = made.get();
    CHECK_FALSE(contains(r.warnings, "has been stuck in a read"));
    CHECK(r.find_channel("slow")->tally.reads > static_cast<std::uint64_t>(before));
}

TEST_CASE("bad backend: a hanging read blocks no report, no scope, no other backend and no end") {
    // Shared with the backend, as its thread may leave the gate after the test has ended.
    const auto door = std::make_shared<gate>();
    std::atomic<int> others{0};
    channel quick = joule_channel("stuck");
    quick.update_period = 1ms;
    auto stuck = std::make_unique<scripted_backend>("stuck", std::vector<channel>{quick});
    stuck->ok({0}).ok({4'000'000}).stalls([door] { door->wait(); }).ok({5'000'000});
    options o;
    o.period = 1ms;
    o.backends.push_back(std::move(stuck));
    o.backends.push_back(make_backend("quick", slow_channel("quick"),
                                      [&others] { return static_cast<double>(++others); }));
    auto m = std::make_unique<meter>(std::move(o));
    door->await_arrivals(1);  // the third read, after 4 J
    const int before = others.load();
    std::thread worker([&m] {
        for (int i = 0; i < 1'000; ++i) {
            scope s{*m, "work"};
            scope t{*m, "part"};
        }
    });
    worker.join();
    while (others.load() < before + 10) std::this_thread::yield();  // the other sampler continues
    report r = m->snapshot();
    CHECK(contains(r.warnings, "backend stuck has been stuck in a read for"));
    // What it counts meanwhile is missing, so its figures are not called measured for long.
    for (int i = 0; i < 50 && r.find_channel("stuck")->state == "ok"; ++i) r = m->snapshot();
    CHECK(contains(r.warnings, "channel stuck is partial: it no longer gives a value"));
    CHECK(r.find("work/part")->provenance == quality::partial);
    CHECK(r.find_channel("quick")->provenance == quality::measured);
    CHECK(r.find_channel("stuck")->total.joules() == approx(4));
    CHECK(r.find_channel("quick")->total.joules() >= 10);
    CHECK(r.find("work/part")->calls == 1'000);
    const reading a = m->read();
    CHECK((m->read() - a).by_channel()[1].joules() >= 1);
    m.reset();  // returns although the read still hangs; its thread keeps what it needs
    door->open();
}

TEST_CASE("bad backend: a hanging first read delays neither the constructor nor scopes") {
    gate door;
    auto stuck =
        std::make_unique<scripted_backend>("stuck", std::vector<channel>{slow_channel("stuck")});
    stuck->stalls([&door] { door.wait(); }).ok({7'000'000}).ok({9'000'000});
    std::atomic<int> others{0};
    options o;
    o.period = 1ms;
    o.backends.push_back(std::move(stuck));
    o.backends.push_back(make_backend("quick", slow_channel("quick"),
                                      [&others] { return static_cast<double>(++others); }));
    meter m(std::move(o));  // while the gate is closed
    { scope s{m, "work"}; }
    while (others.load() < 10) std::this_thread::yield();
    const report before = m.snapshot();
    CHECK(before.find("work")->calls == 1);
    CHECK(before.find_channel("stuck")->total == energy{});
    CHECK(before.find_channel("quick")->total.joules() >= 8);
    door.open();
    // The read that hung is the baseline; only later energy counts.
    while (m.snapshot().find_channel("stuck")->total.joules() < 1) std::this_thread::yield();
    CHECK(m.snapshot().find_channel("stuck")->total == energy::from_joules(2));
}
