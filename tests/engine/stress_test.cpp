// Everything at once on real threads: scopes, reports, reads, the switch, ending threads, an ending
// meter. Most valuable under the thread sanitizer; without it, checks that counts are exact.
#include "joulery/session.hpp"

#include "approx.hpp"
#include "engine/support.hpp"
#include "joulery/backend.hpp"
#include "joulery/macros.hpp"

#include <doctest/doctest.h>

#include <atomic>
#include <memory>
#include <string>
#include <thread>
#include <vector>

using namespace joulery;
using namespace std::chrono_literals;

namespace {

options fast_sampling() {
    options o;
    o.period = 200us;
    channel fine = engine_test::joule_channel("fine");
    fine.update_period = 1us;  // so that edges are read
    auto count = std::make_shared<double>(0);
    o.backends.push_back(make_backend("fine", fine, [count] { return *count += 0.001; }));
    o.backends.push_back(std::make_unique<engine_test::joule_a_read>("coarse"));
    return o;
}

void some_scopes(meter& m, int times) {
    for (int i = 0; i < times; ++i) {
        scope a{m, "a"};
        a.add_items(1, "item");
        scope b{m, i % 3 == 0 ? "b" : "c"};
        scope c{m, "deep"};
    }
}

double self_sum(const report& r) {
    double sum = r.unscoped.joules();
    for (const scope_row& row : r.scopes) sum += row.self.joules();
    return sum;
}

}  // namespace

TEST_CASE("stress: reports and reads while threads start, end and open new paths") {
    meter m{fast_sampling()};
    std::atomic<bool> done{false};
    std::thread reporter([&] {
        while (!done.load()) {
            const report r = m.snapshot();
            CHECK(self_sum(r) == approx(r.total.joules()).epsilon(1e-6));
            for (const scope_row& row : r.scopes)
                CHECK(row.time.count() <= 4 * r.context.duration.count());  // four workers
        }
    });
    std::thread reader([&] {
        for (reading before = m.read(); !done.load();) {
            const reading now = m.read();
            CHECK((now - before).by_channel()[1].joules() >= 1);  // 1 J a read
            before = now;
        }
    });
    for (int round = 0; round < 20; ++round) {
        std::vector<std::thread> workers;
        for (int t = 0; t < 4; ++t)
            workers.emplace_back([&, round, t] {
                some_scopes(m, 500);
                scope fresh{m, "round " + std::to_string(round) + '.' + std::to_string(t)};
                scope inner{m, "inner"};
            });
        for (std::thread& w : workers) w.join();
    }
    done = true;
    reporter.join();
    reader.join();
    const report r = m.snapshot();
    REQUIRE(r.find("a") != nullptr);
    CHECK(r.find("a")->calls == 40'000);
    CHECK(r.find("a")->items == 40'000);
    CHECK(r.find("a/b/deep")->calls == 20 * 4 * 167);
    CHECK(r.find("a/c/deep")->calls == 20 * 4 * 333);
    CHECK(r.find("round 19.3/inner")->calls == 1);
    CHECK(r.scopes.size() == 5 + 2 * 80);
}

TEST_CASE("stress: the session is started, stopped, switched and read while scopes run") {
    std::atomic<bool> done{false};
    std::vector<std::thread> workers;
    for (int t = 0; t < 3; ++t)
        workers.emplace_back([&] {
            while (!done.load()) {
                JOULERY_SCOPE("outer");
                scope inner{std::string("inner")};
                inner.add_items(1);
                scope deep{"deep"};
            }
        });
    workers.emplace_back([&] {
        while (!done.load()) {
            set_enabled(false);
            set_enabled(true);
        }
    });
    workers.emplace_back([&] {
        while (!done.load()) (void)snapshot();
    });
    for (int round = 0; round < 20; ++round) {
        start(fast_sampling());
        for (int i = 0; i < 5; ++i) (void)snapshot();
        stop();
        (void)snapshot();
    }
    done = true;
    for (std::thread& w : workers) w.join();
    set_enabled(true);
    start(fast_sampling());
    { JOULERY_SCOPE("outer"); }
    const report r = snapshot();
    REQUIRE(r.find("outer") != nullptr);
    CHECK(r.find("outer")->calls == 1);
    stop();
}

TEST_CASE("stress: a thread that used other meters meanwhile finds the session again") {
    start(fast_sampling());
    std::atomic<int> turn{0};
    std::thread worker([&] {
        { JOULERY_SCOPE("worker"); }
        turn = 1;
        while (turn.load() != 2) std::this_thread::yield();
        meter own{fast_sampling()};  // its first scope here frees the trees of dead meters
        { scope s{own, "own"}; }
        turn = 3;
        while (turn.load() != 4) std::this_thread::yield();
        { JOULERY_SCOPE("again"); }
    });
    while (turn.load() != 1) std::this_thread::yield();
    stop();
    turn = 2;
    while (turn.load() != 3) std::this_thread::yield();
    start(fast_sampling());
    turn = 4;
    worker.join();
    const report r = snapshot();
    REQUIRE(r.find("again") != nullptr);
    CHECK(r.find("again")->calls == 1);
    stop();
}
