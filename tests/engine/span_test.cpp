// Spans: requests that begin on one thread and end on any. By example, and over random programs. A
// failure prints the seed; JOULERY_SEED=n runs a single program.
#include "joulery/span.hpp"

#include "approx.hpp"
#include "conserved_report.hpp"
#include "engine/support.hpp"
#include "joulery/detail/report/figures.hpp"
#include "joulery/testing/simulated_machine.hpp"
#include "joulery/testing/virtual_thread.hpp"
#include "joulery/units.hpp"

#include <doctest/doctest.h>

#include <chrono>
#include <cmath>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <string_view>
#include <thread>
#include <type_traits>
#include <utility>
#include <vector>

using namespace joulery;
using namespace joulery::literals;
using namespace std::chrono_literals;
using engine_test::exact_counter;
using engine_test::metered_machine;
using testing::simulated_machine;
using testing::virtual_thread;

namespace {

static_assert(std::is_nothrow_move_constructible_v<span>);
static_assert(std::is_nothrow_move_assignable_v<span>);
static_assert(!std::is_copy_constructible_v<span>);

double seconds_of(const std::optional<seconds>& s) { return s ? s->count() : -1; }

bool contains(const used& u, double joules) {
    return std::fabs(u.energy.joules() - joules) <= u.uncertainty.joules();
}

}  // namespace

TEST_CASE("spans: a span has its tasks' energy, its time from begin to end, and their time") {
    metered_machine machine{10_W};
    meter& m = machine.m;
    virtual_thread worker{m};
    machine.run(500ms);
    span request{m, "request"};
    machine.run(1s);  // it waits in a queue
    machine.draw(100_W);
    {
        task_scope t{worker, request, "decode"};
        machine.run(2s);
        request.add_items(128, "token");
    }
    machine.draw(10_W);
    machine.run(1s);
    const used u = request.end();
    CHECK_FALSE(static_cast<bool>(request));
    CHECK(u.energy.joules() == approx(200).epsilon(0.02));
    CHECK(contains(u, 200));
    CHECK(u.uncertainty.joules() < 20);
    CHECK(u.time.count() == approx(4));
    CHECK(u.busy_time.count() == approx(2));
    CHECK(u.co2e.grams() > 0);
    CHECK(u.provenance == quality::derived);

    machine.run(1s);
    const report r = m.snapshot();
    const scope_row& row = *r.find("request");
    CHECK(row.calls == 1);
    CHECK(row.time.count() == approx(4));
    CHECK(seconds_of(row.busy_time) == approx(2));
    CHECK(row.total.joules() == approx(200).epsilon(0.02));
    CHECK(row.items == 128);
    CHECK(row.item_name == "token");
    CHECK(r.find("request/decode")->time.count() == approx(2));
    check_conserved_report(r);
}

TEST_CASE(
    "spans: power is per busy time, so a scope with tasks on other threads draws no kilowatts") {
    metered_machine machine{100_W};
    meter& m = machine.m;
    virtual_thread worker{m};
    scope_handle h;
    {
        scope s{m, "launch"};
        h = s.handle();
        machine.run(1ms);
    }
    {
        task_scope t{worker, h, "work"};
        machine.run(2s);
    }
    const report r = m.snapshot();
    const scope_row& row = *r.find("launch");
    CHECK(row.time.count() == approx(0.001));
    CHECK(seconds_of(row.busy_time) == approx(2.001));
    CHECK((row.total / busy_time_of(row)).watts() == approx(100).epsilon(0.02));
    CHECK(power_text(row) == "100 W");
    CHECK_FALSE(r.find("launch/work")->busy_time.has_value());
}

TEST_CASE("spans: an outer scope has a task's time once, on whichever thread it runs") {
    metered_machine machine{50_W};
    meter& m = machine.m;
    virtual_thread worker{m};
    {
        scope serve{m, "serve"};
        span request{m, "request"};
        {
            task_scope here{request, "parse"};  // inside `serve` already
            machine.run(100ms);
        }
        {
            task_scope there{worker, request, "decode"};
            machine.run(200ms);
            // For the same span on the same thread, only the outer task counts.
            task_scope inner{worker, request, "sample"};
            machine.run(50ms);
        }
    }
    const report r = m.snapshot();
    CHECK(seconds_of(r.find("serve/request")->busy_time) == approx(0.35));
    CHECK(seconds_of(r.find("serve")->busy_time) == approx(0.35 + 0.25));
    CHECK(r.find("serve/request/sample")->time.count() == approx(0.05));
    CHECK(r.find("serve/request/decode")->time.count() == approx(0.25));
}

TEST_CASE("spans: open spans are in a snapshot, with the time so far") {
    metered_machine machine;
    meter& m = machine.m;
    span a{m, "request"};
    machine.run(100ms);
    span b{m, "request"};
    machine.run(50ms);
    (void)a.end();
    machine.run(50ms);
    const report r = m.snapshot();
    CHECK(r.find("request")->calls == 2);
    CHECK(r.find("request")->time.count() == approx(0.15 + 0.1));
    CHECK(seconds_of(r.find("request")->busy_time) == approx(0));
}

TEST_CASE("spans: a span begins on one thread, works on a second and ends on a third") {
    metered_machine machine{50_W};
    meter& m = machine.m;
    span request;
    std::thread([&] { request = span{m, "request"}; }).join();
    machine.run(300ms);  // the first thread's tree is abandoned
    std::thread([&] {
        task_scope t{request, "work"};
        machine.run(200ms);
    }).join();
    used u;
    std::thread([&, r = std::move(request)]() mutable { u = r.end(); }).join();
    CHECK(u.energy.joules() == approx(10).epsilon(0.05));
    CHECK(u.time.count() == approx(0.5));
    machine.run(300ms);
    const report r = m.snapshot();
    CHECK(r.find("request")->calls == 1);
    CHECK(r.find("request")->time.count() == approx(0.5));
    CHECK(r.find("request/work")->total.joules() == approx(10).epsilon(0.02));
    check_conserved_report(r);
}

TEST_CASE("spans: a span may be inside a span, and a copy of its handle may outlive it") {
    metered_machine machine{80_W};
    meter& m = machine.m;
    span outer{m, "batch"};
    span inner{outer, "request"};
    const scope_handle late = inner.handle();
    {
        task_scope t{inner, "work"};
        machine.run(100ms);
    }
    (void)inner.end();
    {
        task_scope t{late, "log"};
        machine.run(50ms);
    }
    const used u = outer.end();
    CHECK(u.busy_time.count() == 0);  // the tasks were another span's
    const report r = m.snapshot();
    CHECK(r.find("batch/request/work")->total.joules() == approx(8).epsilon(0.02));
    CHECK(r.find("batch/request/log")->total.joules() == approx(4).epsilon(0.02));
    CHECK(seconds_of(r.find("batch")->busy_time) == approx(0.15));
    check_conserved_report(r);
}

TEST_CASE("spans: a request's energy is separated by its tasks, within the error bar") {
    int covered = 0, all = 0;
    double sum = 0, truth = 0;
    for (std::uint64_t seed = 1; seed <= 6; ++seed) {
        CAPTURE(seed);
        simulated_machine machine{seed};
        meter m{machine.options_with({testing::simulated_counter{}})};
        machine.attach(m);
        virtual_thread worker{m};
        std::mt19937_64 random(seed);
        for (int i = 0; i < 600; ++i) {
            span request{m, "request"};
            double joules = 0;
            const auto play = [&](const char* task, double watts) {
                const auto us = static_cast<std::int64_t>(200 + random() % 3000);
                task_scope t{worker, request, task};
                machine.draw(power::from_watts(watts));
                machine.run(std::chrono::microseconds(us));
                joules += watts * 1e-6 * static_cast<double>(us);
            };
            play("prefill", 240);
            play("decode", 90);
            machine.draw(30_W);
            machine.run(500us);
            const used u = request.end();
            if (i < 300) continue;  // little is known yet
            ++all;
            covered += contains(u, joules) ? 1 : 0;
            sum += u.energy.joules();
            truth += joules;
        }
    }
    CHECK(covered >= all * 9 / 10);
    CHECK(sum == approx(truth).epsilon(0.05));
}

TEST_CASE("spans: the error bar covers the variation between calls of a task") {
    metered_machine machine;
    meter& m = machine.m;
    virtual_thread worker{m};
    int covered = 0;
    for (int i = 0; i < 400; ++i) {
        const double watts = i % 2 == 0 ? 92 : 108;
        span request{m, "request"};
        {
            task_scope t{worker, request, "decode"};
            machine.draw(power::from_watts(watts));
            machine.run(300us);
        }
        machine.draw(30_W);
        machine.run(700us);
        const used u = request.end();
        if (i >= 200) covered += contains(u, watts * 300e-6) ? 1 : 0;
    }
    CHECK(covered >= 180);
}

TEST_CASE("spans: an unknown task gets the average power of tasks, with an error bar") {
    metered_machine machine{100_W};
    meter& m = machine.m;
    machine.reads_take(10ms);  // too long to look again for a span of 5 ms
    {
        span known{m, "request"};
        task_scope t{known, "known"};
        machine.run(3s);
    }
    machine.draw(40_W);
    span request{m, "request"};
    {
        task_scope t{request, "new"};
        machine.run(5ms);
    }
    const used u = request.end();
    CHECK(u.energy.joules() == approx(0.5).epsilon(0.1));
    CHECK(contains(u, 0.2));
}

TEST_CASE("spans: the first span of a program has its energy, however short it is") {
    metered_machine machine{70_W};
    meter& m = machine.m;
    span request{m, "request"};
    {
        task_scope t{request, "work"};
        machine.run(3ms);
    }
    const used u = request.end();
    CHECK(u.energy.joules() == approx(0.21).epsilon(0.01));
    CHECK(u.provenance == quality::derived);
}

TEST_CASE("spans: without a counter, a span has times and its energy is marked as not measured") {
    simulated_machine machine;
    options o;
    testing::access::set_clock(o, machine.shared_clock());
    o.backends = no_backends();
    meter m{std::move(o)};
    span request{m, "request"};
    {
        task_scope t{request, "work"};
        machine.run(1s);
    }
    const used u = request.end();
    CHECK(u.provenance == quality::partial);
    CHECK(u.energy.joules() == 0);
    CHECK(u.busy_time.count() == approx(1));
}

TEST_CASE("spans: energy from an estimate is an estimate, with its uncertainty") {
    simulated_machine machine;
    testing::simulated_counter model = exact_counter();
    model.provenance = quality::estimated;
    model.relative_error = 0.4;
    meter m{machine.options_with({model})};
    machine.attach(m);
    machine.draw(100_W);
    span request{m, "request"};
    {
        task_scope t{request, "work"};
        machine.run(1s);
    }
    const used u = request.end();
    CHECK(u.provenance == quality::estimated);
    CHECK(u.uncertainty.joules() == approx(40).epsilon(0.05));
}

TEST_CASE("spans: of many task names, the excess ones get the span's mean power") {
    metered_machine machine{100_W};
    meter& m = machine.m;
    span request{m, "request"};
    for (int i = 0; i < 20; ++i) {
        task_scope t{request, "task " + std::to_string(i)};
        machine.run(100ms);
    }
    const used u = request.end();
    CHECK(u.busy_time.count() == approx(2));
    CHECK(u.energy.joules() == approx(200).epsilon(0.05));
}

TEST_CASE("spans: an exception ends the span and its tasks while it unwinds") {
    metered_machine machine{100_W};
    meter& m = machine.m;
    try {
        span request{m, "request"};
        task_scope t{request, "work"};
        machine.run(100ms);
        throw 1;
    } catch (int) {
    }
    machine.run(1s);
    const report r = m.snapshot();
    CHECK(r.find("request")->time.count() == approx(0.1));
    CHECK(r.find("request/work")->calls == 1);
    CHECK(r.find("request")->total.joules() == approx(10).epsilon(0.02));
}

TEST_CASE("spans: assigning to a span ends the old one") {
    metered_machine machine;
    meter& m = machine.m;
    span request{m, "a"};
    machine.run(100ms);
    request = span{m, "b"};
    machine.run(100ms);
    span& same = request;
    request = std::move(same);  // self-assignment ends nothing
    machine.run(100ms);
    (void)request.end();
    machine.run(100ms);
    const report r = m.snapshot();
    CHECK(r.find("a")->time.count() == approx(0.1));
    CHECK(r.find("b")->time.count() == approx(0.2));
}

TEST_CASE("spans: a task ended by another thread still belongs to the span") {
    metered_machine machine{100_W};
    meter& m = machine.m;
    span request{m, "request"};
    auto t = std::make_unique<std::optional<task_scope>>();
    t->emplace(request, "work");
    machine.run(100ms);
    std::thread([&] { t->reset(); }).join();
    t->emplace(request, "work");
    machine.run(50ms);
    t->reset();
    const used u = request.end();
    CHECK(u.busy_time.count() == approx(0.15));
    const report r = m.snapshot();
    CHECK(r.find("request/work")->calls == 2);
    CHECK(r.find("request/work")->time.count() == approx(0.15));
    check_conserved_report(r);
}

TEST_CASE("spans: an empty span, a dead meter's and a disabled one do nothing") {
    CHECK(span{}.end().provenance == quality::partial);
    simulated_machine machine;
    span left;
    {
        meter m{machine.options_with({exact_counter()})};
        machine.attach(m);
        machine.draw(100_W);
        left = span{m, "request"};
        task_scope t{left, "work"};
        machine.run(100ms);
        machine.detach();
    }
    CHECK_FALSE(static_cast<bool>(task_scope(left, "work")));
    CHECK_FALSE(static_cast<bool>(span(left, "inside")));
    left.add_items(1);
    CHECK(left.end().time.count() == approx(0.1));

    meter other{machine.options_with({exact_counter()})};
    virtual_thread elsewhere{other};
    meter m{machine.options_with({exact_counter()})};
    span request{m, "request"};
    CHECK_FALSE(static_cast<bool>(task_scope(elsewhere, request, "work")));
    detail::scopes_enabled = false;
    CHECK_FALSE(static_cast<bool>(task_scope(request, "work")));
    CHECK_FALSE(static_cast<bool>(span(request, "inside")));
    detail::scopes_enabled = true;

    disabled::span off{"request"};
    disabled::span moved{std::move(off)};
    const disabled::task_scope in{moved, "task"};
    CHECK_FALSE(static_cast<bool>(in));
    CHECK_FALSE(static_cast<bool>(moved.handle()));
    CHECK(moved.end().busy_time.count() == 0);
}

namespace {

// Requests that wait, are processed by any of three threads, by two at once, and end anywhere.
class random_server {
 public:
    explicit random_server(std::uint64_t seed) : random_(seed), machine_(seed) {
        meter_ = std::make_unique<meter>(machine_.options_with({exact_counter()}));
        machine_.attach(*meter_);
        for (int i = 0; i < 3; ++i) threads_.push_back(std::make_unique<thread>(*meter_));
    }
    void run(int steps) {
        for (int i = 0; i < steps; ++i) step();
        for (auto& t : threads_)
            while (!t->open.empty()) t->open.pop_back();
        for (request& q : requests_) end(q);
        requests_.clear();
    }
    report snapshot() { return meter_->snapshot(); }
    double busy = 0, waited = 0;  ///< seconds, of all spans
    std::uint64_t ended = 0;

 private:
    struct thread {
        explicit thread(meter& m) : played(m) {}
        virtual_thread played;
        std::vector<std::unique_ptr<std::optional<task_scope>>> open;
    };
    struct request {
        span handle;
        double begun;
    };
    std::size_t pick(std::size_t n) { return random_() % n; }
    double now() { return static_cast<double>(machine_.clock().now()) * 1e-9; }
    void end(request& q) {
        const double length = now() - q.begun;
        const used u = q.handle.end();
        CHECK(u.time.count() == approx(length).epsilon(1e-6));
        busy += u.busy_time.count();
        waited += length;
        ++ended;
    }
    void step() {
        thread& t = *threads_[pick(threads_.size())];
        const std::size_t what = pick(8);
        if (what == 0 || requests_.empty()) {
            const std::string name(1, static_cast<char>('a' + pick(2)));
            requests_.push_back({span{t.played, name}, now()});
        } else if (what < 4 && t.open.size() < 3) {
            const span& s = requests_[pick(requests_.size())].handle;
            const std::string name(1, static_cast<char>('x' + pick(3)));
            t.open.push_back(std::make_unique<std::optional<task_scope>>());
            t.open.back()->emplace(t.played, s, name);
        } else if (what < 6) {
            if (!t.open.empty()) t.open.pop_back();
        } else if (what == 6 && is_outside()) {
            const std::size_t i = pick(requests_.size());
            end(requests_[i]);
            requests_.erase(requests_.begin() + static_cast<std::ptrdiff_t>(i));
        } else {
            machine_.draw(power::from_watts(static_cast<double>(pick(300))));
        }
        machine_.run(std::chrono::microseconds(10 + (pick(3) == 0 ? pick(30'000) : pick(900))));
    }
    // A task open at the end of its span would be missing in the span's result.
    bool is_outside() const {
        for (const auto& t : threads_)
            if (!t->open.empty()) return false;
        return true;
    }

    std::mt19937_64 random_;
    simulated_machine machine_;
    std::unique_ptr<meter> meter_;
    std::vector<std::unique_ptr<thread>> threads_;
    std::vector<request> requests_;
};

}  // namespace

TEST_CASE("random servers: rows are exact, and spans add up to them") {
    const char* const alone = std::getenv("JOULERY_SEED");
    const std::uint64_t first = alone != nullptr ? std::strtoull(alone, nullptr, 10) : 1;
    for (std::uint64_t seed = first; seed < first + (alone != nullptr ? 1 : 25); ++seed) {
        CAPTURE(seed);
        random_server server(seed);
        server.run(300);
        const report r = server.snapshot();
        check_conserved_report(r);
        double time = 0, tasks = 0;
        std::uint64_t calls = 0;
        for (const scope_row& row : r.scopes) {
            const bool is_span = row.name == "a" || row.name == "b";
            if (is_span) {
                time += row.time.count();
                calls += row.calls;
            } else {
                tasks += row.time.count();
            }
        }
        CHECK(calls == server.ended);
        CHECK(time == approx(server.waited).epsilon(1e-9));
        CHECK(tasks == approx(server.busy).epsilon(1e-9));
    }
}
