// Streamed intervals add up to the report, and published figures never fall. A failure prints the
// seed; JOULERY_SEED=n runs a single program.
#include "joulery/meter.hpp"
#include "joulery/report_io.hpp"
#include "joulery/scope.hpp"
#include "joulery/span.hpp"

#include "approx.hpp"
#include "engine/child_process.hpp"
#include "engine/support.hpp"
#include "joulery/carbon/series_reader.hpp"
#include "joulery/session.hpp"
#include "joulery/testing/simulated_machine.hpp"
#include "joulery/testing/virtual_thread.hpp"
#include "joulery/units.hpp"
#include "joulery/writers/json_lines.hpp"

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

#include <atomic>
#include <chrono>
#include <cmath>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <random>
#include <sstream>
#include <stdexcept>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include <poll.h>
#include <unistd.h>

using namespace joulery;
using namespace joulery::literals;
using namespace std::chrono_literals;
using engine_test::exact_counter;
using engine_test::folder;
using engine_test::in_child;
using engine_test::metered_machine;
using nlohmann::json;
using testing::simulated_machine;
using testing::virtual_thread;

namespace {

// Below zero by more than rounding.
bool has_fallen(double x, double of) { return x < -1e-12 * (of + 1); }

void check_window(const report& w, const report& so_far) {
    const double all = so_far.total.joules();
    CHECK_FALSE(has_fallen(w.total.joules(), all));
    CHECK_FALSE(has_fallen(w.unscoped.joules(), all));
    CHECK_FALSE(has_fallen(w.co2e.grams(), so_far.co2e.grams()));
    CHECK(w.context.duration.count() >= 0);
    for (const channel_row& c : w.channels) {
        CHECK_FALSE(has_fallen(c.total.joules(), all));
        CHECK_FALSE(has_fallen(c.unscoped.joules(), all));
    }
    for (const scope_row& row : w.scopes) {
        CAPTURE(row.path);
        CHECK_FALSE(has_fallen(row.total.joules(), all));
        CHECK_FALSE(has_fallen(row.self.joules(), all));
        CHECK_FALSE(has_fallen(row.co2e.grams(), so_far.co2e.grams()));
        CHECK(row.time.count() >= 0);
        CHECK(busy_time_of(row).count() >= 0);
        CHECK(row.uncertainty.joules() >= 0);
        for (const energy e : row.by_channel) CHECK_FALSE(has_fallen(e.joules(), all));
    }
}

// Adds up the intervals.
struct sums {
    void add(const interval_report& i) {
        CHECK(i.number == ++number);
        CHECK_FALSE(was_last);
        was_last = i.is_last;
        check_window(i.window, i.so_far);
        total += i.window.total.joules();
        unscoped += i.window.unscoped.joules();
        grams += i.window.co2e.grams();
        for (const scope_row& row : i.window.scopes) {
            double* const of = scopes[row.path];
            of[0] += row.total.joules();
            of[1] += row.time.count();
            of[2] += static_cast<double>(row.calls);
            of[3] += row.items;
        }
    }
    void check_against(const report& r) {
        CHECK(was_last);
        CHECK(total == approx(r.total.joules()).epsilon(1e-12));
        CHECK(unscoped == approx(r.unscoped.joules()).epsilon(1e-9));
        CHECK(grams == approx(r.co2e.grams()).epsilon(1e-12));
        for (const scope_row& row : r.scopes) {
            const double* const of = scopes[row.path];
            CHECK(of[0] == approx(row.total.joules()).epsilon(1e-9));
            CHECK(of[1] == approx(row.time.count()).epsilon(1e-12));
            CHECK(of[2] == static_cast<double>(row.calls));
            CHECK(of[3] == approx(row.items).epsilon(1e-12));
        }
    }
    std::uint64_t number = 0;
    bool was_last = false;
    double total = 0, unscoped = 0, grams = 0;
    std::map<std::string, double[4]> scopes;
};

std::vector<json> lines_of(const std::string& text) {
    std::vector<json> all;
    std::istringstream in(text);
    for (std::string line; std::getline(in, line);) all.push_back(json::parse(line));
    return all;
}

// Waits until the file has that many lines; another thread writes them.
void await_lines(const std::string& path, int n) {
    for (int i = 0; i < 20'000; ++i) {
        std::ifstream in(path);
        int found = 0;
        for (std::string line; std::getline(in, line);) ++found;
        if (found >= n) return;
        ::poll(nullptr, 0, 1);
    }
}

void work_a_little() {
    double x = 1;
    for (int i = 0; i < 20'000; ++i) x = x * 1.0000001 + 1e-9;
    if (x == 0) std::puts("");
}

// A counter of 10 W.
std::unique_ptr<backend> ten_watts() {
    channel c;
    c.id = "cpu0/package";
    return make_backend("ten", c, [] {
        return 10 *
               std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch())
                   .count();
    });
}

}  // namespace

TEST_CASE("intervals: come at the requested period without gaps, and the last one at the end") {
    simulated_machine machine;
    std::vector<interval_report> seen;
    {
        options o = machine.options_with({exact_counter()});
        o.interval = 1s;
        o.on_interval = [&](const interval_report& i) { seen.push_back(i); };
        meter m{std::move(o)};
        machine.attach(m);
        for (int step = 0; step < 5; ++step) {
            machine.draw(power::from_watts(100 + 50 * step));
            scope s{m, "step"};
            s.add_items(32, "sample");
            machine.run(500ms);
        }
        machine.detach();
    }
    REQUIRE(seen.size() == 3);
    CHECK(seen[0].number == 1);
    CHECK(seen[0].window.context.duration.count() == approx(1).epsilon(0.02));
    CHECK(seen[0].window.total.joules() == approx(50 + 75).epsilon(0.02));
    CHECK(seen[1].window.total.joules() == approx(100 + 125).epsilon(0.02));
    CHECK(seen[1].window.find("step")->items == approx(64).epsilon(0.6));
    CHECK(seen[1].so_far.total.joules() == approx(350).epsilon(0.02));
    CHECK_FALSE(seen[1].is_last);
    CHECK(seen[2].is_last);
    CHECK(seen[2].so_far.find("step")->calls == 5);
}

TEST_CASE("random programs: windows are never negative and add up to the report") {
    const char* const alone = std::getenv("JOULERY_SEED");
    const std::uint64_t first = alone != nullptr ? std::strtoull(alone, nullptr, 10) : 1;
    for (std::uint64_t seed = first; seed < first + (alone != nullptr ? 1 : 24); ++seed) {
        CAPTURE(seed);
        std::mt19937_64 random(seed);
        const auto pick = [&](std::size_t n) { return random() % n; };
        simulated_machine machine{seed};
        testing::simulated_counter package, dram, lagging;
        dram.id = "cpu0/dram";
        dram.part = component::dram;
        lagging.id = "gpu0/board";
        lagging.part = component::gpu;
        lagging.period = 100ms;
        lagging.lag = 50ms;
        options o = machine.options_with({package, dram, lagging});
        const bool shared = seed % 4 != 0;
        o.attribution = shared ? attribution::shared : attribution::inclusive;
        o.overhead_budget = seed % 3 == 0 ? 0.5 : 0.01;
        o.interval = std::chrono::milliseconds(20 + pick(400));
        sums all;
        o.on_interval = [&](const interval_report& i) { all.add(i); };
        auto m = std::make_unique<meter>(std::move(o));
        machine.attach(*m);
        virtual_thread a{*m}, b{*m};
        {
            scope train{a, "train"};
            for (int step = 0; step < 400; ++step) {
                machine.draw(power::from_watts(static_cast<double>(20 + pick(30))));
                const char* const name = step % 3 == 0 ? "forward" : "backward";
                std::optional<scope> other;
                if (pick(3) == 0) other.emplace(b, "load");
                scope s{a, name};
                s.add_items(2, "sample");
                machine.draw(power::from_watts(step % 3 == 0 ? 240.0 : 90.0));
                machine.run(std::chrono::microseconds(50 + pick(step < 200 ? 900 : 9000)));
                if (pick(50) == 0) (void)m->snapshot();  // of another observer
            }
        }
        machine.run(100ms);
        machine.detach();
        report last = m->snapshot();
        m.reset();
        all.check_against(last);
    }
}

namespace {

// Scopes, spans that other threads end, and their tasks, determined by a seed.
class random_threads {
 public:
    random_threads(meter& m, std::uint64_t seed) : meter_(m) {
        for (std::uint64_t t = 0; t < 3; ++t)
            threads_.emplace_back([this, s = 10 * seed + t] { play(s); });
    }
    void join() {
        for (std::thread& t : threads_) t.join();
    }

 private:
    void play(std::uint64_t seed) {
        std::mt19937_64 random(seed);
        for (int i = 0; i < 60; ++i) {
            scope s{meter_, random() % 2 == 0 ? "even" : "odd"};
            s.add_items(1, "step");
            span request{meter_, "request"};
            {
                task_scope t{request, "task"};
                work_a_little();
            }
            const std::lock_guard<std::mutex> lock(mutex_);
            if (random() % 2 == 0) handed_on_ = std::move(request);  // and ends the previous one
        }
    }
    meter& meter_;
    std::mutex mutex_;
    span handed_on_;
    std::vector<std::thread> threads_;
};

}  // namespace

TEST_CASE("random threads: windows and differences of snapshots add up to the report") {
    const char* const alone = std::getenv("JOULERY_SEED");
    const std::uint64_t first = alone != nullptr ? std::strtoull(alone, nullptr, 10) : 1;
    for (std::uint64_t seed = first; seed < first + (alone != nullptr ? 1 : 5); ++seed) {
        CAPTURE(seed);
        std::vector<interval_report> known;
        report before, whole;
        double looked = 0;
        {
            options o;
            o.backends.push_back(ten_watts());
            o.interval = 2ms;
            o.on_interval = [&](const interval_report& i) { known.push_back(i); };
            meter m{std::move(o)};
            random_threads threads{m, seed};
            before = m.snapshot();
            looked = before.total.joules();
            for (int i = 0; i < 20; ++i) {
                whole = m.snapshot();
                const report window = difference(whole, before);
                check_window(window, whole);
                looked += window.total.joules();
                before = whole;
            }
            threads.join();
        }
        CHECK(looked == approx(whole.total.joules()).epsilon(1e-12));
        sums all;
        for (const interval_report& i : known) all.add(i);
        REQUIRE(known.size() >= 2);
        const report& last = known.back().so_far;
        all.check_against(last);
        CHECK(engine_test::calls_of(last, "even") + engine_test::calls_of(last, "odd") == 180);
    }
}

TEST_CASE("intervals: whenever a run ends, its last interval is its latest") {
    for (int run = 0; run < 150; ++run) {
        CAPTURE(run);
        std::vector<double> ends;
        std::atomic<int> calls{0};
        {
            options o;
            o.backends.push_back(ten_watts());
            o.interval = 20us;  // so that one is always about to end
            o.on_interval = [&](const interval_report& i) {
                ends.push_back(i.so_far.context.duration.count());
                ++calls;
            };
            meter m{std::move(o)};
            while (calls < 2) std::this_thread::yield();
            for (int i = 0; i < run % 10; ++i) work_a_little();
        }
        for (std::size_t i = 1; i < ends.size(); ++i) CHECK(ends[i] >= ends[i - 1]);
    }
}

TEST_CASE("intervals: an hour of requests, 360 windows and 3,000 spans, adds up to the report") {
    const int count = 3000;  // requests of 1.2 s on average
    simulated_machine machine{11};
    testing::simulated_counter inlet;
    inlet.period = 100ms;
    sums all;
    options o = machine.options_with({inlet});
    o.interval = 10s;
    double known = 0;
    o.on_interval = [&](const interval_report& i) { all.add(i); };
    auto m = std::make_unique<meter>(std::move(o));
    machine.attach(*m);
    virtual_thread workers[]{virtual_thread{*m}, virtual_thread{*m}};
    std::mt19937_64 random(11);
    for (int i = 0; i < count; ++i) {
        span request{*m, "request"};
        for (const char* const task : {"prefill", "decode"}) {
            task_scope t{workers[random() % 2], request, task};
            machine.draw(power::from_watts(task[0] == 'p' ? 220.0 : 110.0));
            machine.run(std::chrono::milliseconds(50 + random() % 800));
        }
        request.add_items(64, "token");
        known += request.end().energy.joules();
        machine.draw(40_W);
        machine.run(std::chrono::milliseconds(random() % 600));
    }
    const report r = m->snapshot();
    machine.detach();
    m.reset();
    all.check_against(r);
    CHECK(r.context.duration.count() > 3400.0 / 3000 * count);
    CHECK(all.number > static_cast<std::size_t>(count) * 340 / 3000);
    CHECK(r.find("request")->items == count * 64);
    CHECK(r.find("request")->call_energy.p99 > r.find("request")->call_energy.p50);
    // What spans reported at their ends equals the report's sum.
    CHECK(known == approx(r.find("request")->total.joules()).epsilon(0.03));
}

TEST_CASE("intervals: published rows do not fall when a counter becomes distrusted") {
    simulated_machine machine;
    testing::simulated_counter card = exact_counter("card"), package = exact_counter("package");
    package.parent = "card";
    sums all;
    options o = machine.options_with({card, package});
    o.interval = 250ms;
    o.on_interval = [&](const interval_report& i) { all.add(i); };
    auto m = std::make_unique<meter>(std::move(o));
    machine.attach(*m);
    const auto phase = [&](const char* name, double card_watts, double package_watts) {
        scope s{*m, name};
        machine.draw(0, power::from_watts(card_watts));
        machine.draw(1, power::from_watts(package_watts));
        machine.run(400ms);
    };
    phase("a", 50, 20);  // 20 J from the total, 8 J from the part
    phase("b", 10, 30);
    CHECK(m->snapshot().find_channel("card")->summed);
    phase("c", 10, 30);
    phase("d", 0, 60);
    phase("e", 0, 60);
    const report r = m->snapshot();
    CHECK_FALSE(r.find_channel("card")->summed);  // 28 J against 80 J
    machine.detach();
    m.reset();
    all.check_against(r);
    double sum = r.unscoped.joules();
    for (const scope_row& row : r.scopes) sum += row.self.joules();
    CHECK(sum == approx(r.total.joules()).epsilon(1e-9));
}

namespace {

// A clock whose ticks turn out to be shorter than assumed.
class learning_clock final : public time_source {
 public:
    std::uint64_t now() const noexcept override { return now_.load(); }
    double seconds_per_tick() const noexcept override { return length_.load(); }
    std::string_view name() const noexcept override { return "learning"; }
    bool is_manual() const noexcept override { return true; }
    double suspended_seconds() const noexcept override { return 0; }
    void advance(std::uint64_t by) { now_ += by; }
    void learn(double length) { length_ = length; }

 private:
    std::atomic<std::uint64_t> now_{1};
    std::atomic<double> length_{1.001e-9};
};

}  // namespace

TEST_CASE("intervals: published times do not shrink when ticks turn out to be shorter") {
    auto clock = std::make_shared<learning_clock>();
    options o;
    testing::access::set_clock(o, clock);
    o.backends.push_back(std::make_unique<engine_test::joule_a_read>());
    meter m{std::move(o)};
    {
        scope s{m, "a"};
        clock->advance(10'000'000'000);
    }
    const report before = m.snapshot();
    clock->learn(1e-9);
    clock->advance(1000);
    testing::access::sample(m);
    const report after = m.snapshot();
    CHECK(after.find("a")->time >= before.find("a")->time);
    CHECK(after.find("a")->time.count() == approx(10).epsilon(0.002));
}

TEST_CASE("intervals: a callback that throws loses only its own call, and the report says so") {
    simulated_machine machine;
    int calls = 0;
    options o = machine.options_with({exact_counter()});
    o.interval = 100ms;
    o.on_interval = [&](const interval_report&) {
        if (++calls % 2 == 0) throw std::runtime_error("no");
    };
    meter m{std::move(o)};
    machine.attach(m);
    machine.run(1s);
    CHECK(calls >= 9);
    CHECK(engine_test::contains(m.snapshot().warnings, "options.on_interval threw"));
}

TEST_CASE(
    "intervals: a callback that blocks delays no scope, no report and not the end of the run") {
    auto held = std::make_shared<engine_test::gate>();
    auto calls = std::make_shared<std::atomic<int>>(0);
    {
        options o;
        o.backends.push_back(ten_watts());
        o.interval = 1ms;
        o.on_interval = [held, calls](const interval_report&) {
            ++*calls;
            held->wait();
        };
        meter m{std::move(o)};
        held->await_arrivals(1);
        for (int i = 0; i < 100; ++i) scope s{m, "a"};
        CHECK(engine_test::calls_of(m.snapshot(), "a") == 100);
    }
    CHECK(*calls == 1);
    held->open();
}

TEST_CASE("intervals: a user's own meter calls back from a library thread, and at the end") {
    std::atomic<int> calls{0}, last{0};
    std::atomic<bool> elsewhere{true};
    const auto here = std::this_thread::get_id();
    {
        options o;
        o.backends.push_back(ten_watts());
        o.interval = 1ms;
        o.on_interval = [&](const interval_report& i) {
            ++calls;
            if (i.is_last) ++last;
            if (std::this_thread::get_id() == here) elsewhere = false;
        };
        meter m{std::move(o)};
        while (calls < 3) work_a_little();
    }
    CHECK(last == 1);
    CHECK(elsewhere);
}

TEST_CASE("intervals: a JSON line has its interval's figures and no inner newline") {
    metered_machine machine{100_W};
    meter& m = machine.m;
    const report before = m.snapshot();
    {
        scope s{m, "tr\"ain\n"};
        s.add_items(8, "sample");
        machine.run(2s);
    }
    { scope quiet{m, "quiet"}; }
    interval_report i;
    i.number = 7;
    i.so_far = m.snapshot();
    i.window = difference(i.so_far, before);
    const std::string text = to_json_line(i);
    CHECK(text.find('\n') == text.size() - 1);
    const json line = json::parse(text);
    CHECK(line["interval"] == 7);
    CHECK(line["last"] == false);
    CHECK(line["energy_j"].get<double>() == approx(200).epsilon(0.01));
    CHECK(line["watts"]["cpu0/package"].get<double>() == approx(100).epsilon(0.01));
    CHECK(line["scopes"].size() == 2);
    CHECK(line["scopes"][0]["path"] == "tr\"ain\n");
    CHECK(line["scopes"][0]["items"] == 8);
    CHECK(line["scopes"][0]["item"] == "sample");
    CHECK(line["scopes"][0]["seconds"].get<double>() == approx(2));
    CHECK_FALSE(line["scopes"][1].contains("items"));
    // Figures from outside the window do not appear in the next one.
    const json next =
        json::parse(to_json_line({8, difference(i.so_far, i.so_far), i.so_far, true}));
    CHECK(next["scopes"].empty());
}

TEST_CASE("JOULERY_REPORT=run.steps.jsonl: the lines of a run add up to its report") {
    if (!engine_test::child_may_start_threads) return;
    const folder f;
    const auto ended = in_child(
        [&] {
            options o;
            o.backends.push_back(ten_watts());
            o.interval = 10ms;
            start(std::move(o));
            for (int i = 0; i < 50; ++i) {
                scope s{"step"};
                s.add_items(1, "sample");
                work_a_little();
            }
            await_lines(f.path("run.steps.jsonl"), 3);
        },
        {{"JOULERY_REPORT", f.path("run.steps.jsonl") + "," + f.path("run.json")}});
    CHECK(ended.exit_code == 0);
    CHECK(ended.err == "");
    const std::vector<json> lines = lines_of(f.text("run.steps.jsonl"));
    const json whole = json::parse(f.text("run.json"));
    REQUIRE(lines.size() >= 4);
    double sum = 0, items = 0, scoped = 0, end = lines[0]["begin_unix_s"].get<double>();
    for (const json& line : lines) {
        CHECK(std::fabs(line["begin_unix_s"].get<double>() - end) < 1e-3);
        end = line["end_unix_s"].get<double>();
        sum += line["energy_j"].get<double>();
        CHECK(line["run"] == whole["context"]["run_id"]);
        for (const json& s : line["scopes"]) {
            items += s.value("items", 0.0);
            scoped += s["energy_j"].get<double>();
        }
    }
    CHECK(sum == approx(whole["total_j"].get<double>()).epsilon(1e-12));
    CHECK(items == 50);
    CHECK(scoped == approx(whole["scopes"][0]["total_j"].get<double>()).epsilon(1e-9));
    CHECK(lines.back()["last"] == true);
    CHECK(lines.back()["so_far_j"] == whole["total_j"]);
}

TEST_CASE(
    "JOULERY_REPORT=run.steps.jsonl: a killed run leaves whole lines, and the next one appends") {
    if (!engine_test::child_may_start_threads) return;
    const folder f;
    const auto run = [&](bool dies) {
        return in_child(
            [&, dies] {
                options o;
                o.backends.push_back(ten_watts());
                o.interval = 5ms;
                start(std::move(o));
                scope s{"step"};
                await_lines(f.path("run.steps.jsonl"), dies ? 3 : 6);
                if (dies) std::raise(SIGKILL);
            },
            {{"JOULERY_REPORT", f.path("run.steps.jsonl")}});
    };
    CHECK(run(true).exit_code == 128 + SIGKILL);
    const std::vector<json> lines = lines_of(f.text("run.steps.jsonl"));
    CHECK(lines.size() >= 3);
    CHECK(lines.back()["last"] == false);
    {
        std::ofstream torn(f.path("run.steps.jsonl"), std::ios::app);
        torn << "{\"run\":\"cut off";
    }
    CHECK(run(false).exit_code == 0);
    std::istringstream in(f.text("run.steps.jsonl"));
    std::size_t whole = 0, broken = 0, firsts = 0;
    std::string last_run;
    for (std::string line; std::getline(in, line);) {
        const json parsed = json::parse(line, nullptr, false);
        ++(parsed.is_discarded() ? broken : whole);
        if (parsed.is_discarded()) continue;
        last_run = parsed["run"].get<std::string>();
        firsts += parsed["interval"] == 1 ? 1 : 0;
    }
    CHECK(broken == 1);
    CHECK(whole > lines.size());
    CHECK(firsts == 2);  // the new run's first line is not joined to the torn one
    CHECK(last_run != lines.front()["run"].get<std::string>());
}
