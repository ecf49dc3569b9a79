// Tasks that join a scope of another thread: by example, and over random programs. A failure prints
// the seed; JOULERY_SEED=n runs a single program.
#include "joulery/span.hpp"

#include "approx.hpp"
#include "conserved_report.hpp"
#include "engine/support.hpp"
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
#include <vector>

using namespace joulery;
using namespace joulery::literals;
using namespace std::chrono_literals;
using engine_test::exact_counter;
using engine_test::metered_machine;
using testing::simulated_machine;
using testing::virtual_thread;

namespace {

double joules_of(const report& r, std::string_view path) {
    const scope_row* row = r.find(path);
    return row != nullptr ? row->total.joules() : -1;
}

// A stack of scopes, plain ones and tasks, on a simulated thread.
struct played_thread {
    explicit played_thread(meter& m) : thread(m) {}
    ~played_thread() {
        while (!open.empty()) leave();
    }
    void leave() {
        open.pop_back();
        tokens.pop_back();
    }
    struct either {
        std::optional<scope> plain;
        std::optional<task_scope> joined;
    };
    virtual_thread thread;
    std::vector<std::unique_ptr<either>> open;
    std::vector<scope_handle> tokens;  // of the open scopes
};

class random_program {
 public:
    random_program(std::uint64_t seed, attribution policy) : random_(seed), machine_(seed) {
        testing::simulated_counter package, dram;
        dram.id = "cpu0/dram";
        dram.part = component::dram;
        options o = machine_.options_with({package, dram});
        o.attribution = policy;
        meter_ = std::make_unique<meter>(std::move(o));
        machine_.attach(*meter_);
        for (int i = 0; i < 3; ++i) threads_.push_back(std::make_unique<played_thread>(*meter_));
    }
    report run(int steps) {
        for (int i = 0; i < steps; ++i) step();
        threads_.clear();
        return meter_->snapshot();
    }

 private:
    std::size_t pick(std::size_t n) { return random_() % n; }
    void step() {
        played_thread& t = *threads_[pick(threads_.size())];
        const std::string name(1, static_cast<char>('a' + pick(3)));
        const std::size_t what = pick(8);
        if (what < 2 && t.open.size() < 4) {
            t.open.push_back(std::make_unique<played_thread::either>());
            t.open.back()->plain.emplace(t.thread, std::string_view(name));
            t.tokens.push_back(t.open.back()->plain->handle());
            kept_.push_back(t.tokens.back());
        } else if (what < 4 && t.open.size() < 4 && !kept_.empty()) {
            const scope_handle& owner =
                kept_[kept_.size() - 1 - pick(std::min<std::size_t>(kept_.size(), 5))];
            t.open.push_back(std::make_unique<played_thread::either>());
            t.open.back()->joined.emplace(t.thread, owner, "task-" + name);
            t.tokens.push_back(t.open.back()->joined->handle());
        } else if (what < 7) {
            if (!t.open.empty()) t.leave();
        } else {
            machine_.draw(pick(2), power::from_watts(static_cast<double>(pick(300))));
        }
        machine_.run(std::chrono::microseconds(10 + (pick(3) == 0 ? pick(30'000) : pick(900))));
    }

    std::mt19937_64 random_;
    simulated_machine machine_;
    std::unique_ptr<meter> meter_;
    std::vector<scope_handle> kept_;  // also of scopes that have ended
    std::vector<std::unique_ptr<played_thread>> threads_;
};

}  // namespace

// A request of 100 ms alone and 300 ms with a task that joined it, at these powers.
report owner_and_task(power alone, power together) {
    metered_machine machine;
    meter& m = machine.m;
    virtual_thread worker{m};
    worker.busy(false);  // it waits for work
    machine.draw(alone);
    {
        scope s{m, "request"};
        const scope_handle t = s.handle();
        machine.run(100ms);
        worker.busy(true);
        task_scope in{worker, t, "decode"};
        machine.draw(together);
        machine.run(200ms);
        {
            scope inner{worker, "attention"};
            machine.run(100ms);
        }
        worker.busy(false);
    }
    machine.draw(alone);
    machine.run(100ms);
    return m.snapshot();
}

TEST_CASE("task scopes: a task's energy belongs to the owner, in a row below it") {
    const report r = owner_and_task(100_W, 200_W);  // each draws 100 W
    CHECK(joules_of(r, "request") == approx(70).epsilon(0.01));
    CHECK(joules_of(r, "request/decode") == approx(30).epsilon(0.01));
    CHECK(joules_of(r, "request/decode/attention") == approx(10).epsilon(0.01));
    CHECK(r.find("request")->time.count() == approx(0.4));
    CHECK(r.find("request/decode")->time.count() == approx(0.3));
    CHECK(r.find("decode") == nullptr);
    CHECK(r.unscoped.joules() == approx(10).epsilon(0.05));
}

TEST_CASE("task scopes: a task that adds no power gets between zero and its share of the time") {
    const report r = owner_and_task(100_W, 100_W);
    CHECK(joules_of(r, "request") == approx(40).epsilon(0.01));
    const scope_row& decode = *r.find("request/decode");
    // Half of 30 J by time, zero by added power: the error bar covers both.
    CHECK(std::abs(decode.total.joules() - 7.5) <= 7.5);
    CHECK(decode.uncertainty.joules() > 7.5 / 2);
    CHECK(joules_of(r, "request/decode/attention") ==
          approx(decode.total.joules() / 3).epsilon(0.01));
}

TEST_CASE("task scopes: a task joins while its thread is in another scope, which gets none of it") {
    metered_machine machine{100_W};
    meter& m = machine.m;
    virtual_thread worker{m};
    scope_handle t;
    {
        scope s{m, "request"};
        t = s.handle();
        machine.run(1ms);
    }
    {
        scope loop{worker, "loop"};
        machine.run(400ms);
        {
            task_scope in{worker, t, "task"};
            machine.run(400ms);
        }
    }
    const report r = m.snapshot();
    CHECK(joules_of(r, "loop") == approx(40).epsilon(0.02));
    CHECK(joules_of(r, "request/task") == approx(40).epsilon(0.02));
    CHECK(joules_of(r, "request") == approx(40.1).epsilon(0.02));
    check_conserved_report(r);
}

TEST_CASE("task scopes: short tasks inside a worker's long scope are separated from it by power") {
    simulated_machine machine;
    meter m{machine.options_with({testing::simulated_counter{}})};
    machine.attach(m);
    virtual_thread worker{m};
    scope_handle t;
    {
        scope s{m, "request"};
        t = s.handle();
    }
    std::mt19937_64 random(7);
    double idle = 0, busy = 0;
    {
        scope loop{worker, "loop"};
        for (int i = 0; i < 8000; ++i) {
            const auto us = static_cast<std::int64_t>(50 + random() % 500);
            if (i % 2 == 0) {
                machine.draw(50_W);
                machine.run(std::chrono::microseconds(us));
                idle += 50e-6 * static_cast<double>(us);
            } else {
                task_scope in{worker, t, "task"};
                machine.draw(250_W);
                machine.run(std::chrono::microseconds(us));
                busy += 250e-6 * static_cast<double>(us);
            }
        }
    }
    const report r = m.snapshot();
    check_conserved_report(r);
    CHECK(joules_of(r, "request") == approx(busy).epsilon(0.1));
    CHECK(joules_of(r, "loop") == approx(idle).epsilon(0.2));
}

TEST_CASE("task scopes: a plain scope and a task of the same name are two rows") {
    metered_machine machine;
    meter& m = machine.m;
    scope_handle t;
    {
        scope s{m, "owner"};
        t = s.handle();
    }
    for (int i = 0; i < 3; ++i) {
        {
            task_scope in{t, "task"};
            machine.run(1ms);
        }
        {
            scope plain{m, "task"};
            machine.run(1ms);
        }
    }
    const report r = m.snapshot();
    CHECK(r.find("owner/task")->calls == 3);
    CHECK(r.find("task")->calls == 3);
}

TEST_CASE("task scopes: a worker may join after the owner's scope and its thread have ended") {
    metered_machine machine{50_W};
    meter& m = machine.m;
    scope_handle t;
    std::thread([&] {
        scope s{m, "request"};
        t = s.handle();
    }).join();
    machine.run(300ms);  // the owner's tree is abandoned
    std::thread([&] {
        task_scope in{t, "late"};
        in.add_items(2, "token");
        machine.run(200ms);
    }).join();
    const report r = m.snapshot();
    CHECK(joules_of(r, "request/late") == approx(10).epsilon(0.01));
    CHECK(r.find("request/late")->items == 2);
}

TEST_CASE("task scopes: an empty handle, another meter's and a dead meter's open nothing") {
    simulated_machine machine;
    meter other{machine.options_with({exact_counter()})};
    virtual_thread elsewhere{other};
    scope_handle t;
    CHECK_FALSE(static_cast<bool>(task_scope(t, "task")));
    {
        meter m{machine.options_with({exact_counter()})};
        scope s{m, "owner"};
        t = s.handle();
        CHECK(static_cast<bool>(t));
        CHECK_FALSE(static_cast<bool>(task_scope(elsewhere, t, "task")));
    }
    CHECK_FALSE(static_cast<bool>(task_scope(t, "task")));
    CHECK(other.snapshot().scopes.empty());
}

TEST_CASE("task scopes: with scopes switched off, a task opens nothing") {
    simulated_machine machine;
    meter m{machine.options_with({exact_counter()})};
    scope s{m, "owner"};
    const scope_handle t = s.handle();
    detail::scopes_enabled = false;
    CHECK_FALSE(static_cast<bool>(task_scope(t, "task")));
    detail::scopes_enabled = true;
    CHECK(static_cast<bool>(task_scope(t, "task")));
}

TEST_CASE(
    "task scopes: disabled at compile time, handles and tasks are empty with the same interface") {
    disabled::scope s{"owner"};
    const auto t = s.handle();
    static_assert(std::is_same_v<decltype(t), const disabled::scope_handle>);
    disabled::task_scope in{t, "task"};
    in.add_items(1);
    CHECK_FALSE(static_cast<bool>(in));
    CHECK_FALSE(static_cast<bool>(in.handle()));
}

TEST_CASE("random programs of tasks: energy is conserved and parts make up the whole") {
    const char* const alone = std::getenv("JOULERY_SEED");
    const std::uint64_t first = alone != nullptr ? std::strtoull(alone, nullptr, 10) : 1;
    for (std::uint64_t seed = first; seed < first + (alone != nullptr ? 1 : 60); ++seed) {
        CAPTURE(seed);
        const bool shared = seed % 4 != 0;
        random_program p(seed, shared ? attribution::shared : attribution::inclusive);
        check_conserved_report(p.run(400), !shared);
    }
}
