// The samplers' limit on processor time: waiting for updates ends when it costs too much.
#include "approx.hpp"
#include "joulery/backend.hpp"
#include "joulery/detail/session/engine.hpp"
#include "joulery/detail/timing/thread_clock.hpp"
#include "joulery/meter.hpp"
#include "joulery/report_io.hpp"
#include "joulery/scope.hpp"
#include "joulery/testing/access.hpp"
#include "joulery/testing/manual_clock.hpp"
#include "joulery/testing/scripted_backend.hpp"
#include "joulery/testing/simulated_machine.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

using namespace joulery;
using namespace joulery::literals;
using namespace std::chrono_literals;
using testing::manual_clock;
using testing::scripted_backend;
using testing::simulated_counter;
using testing::simulated_machine;

TEST_CASE("sampling cost: waiting for updates stays within its share of a core in the long run") {
    simulated_machine machine;
    machine.reads_take(2us);
    meter m{machine.options_with({simulated_counter{}})};
    machine.attach(m);
    machine.draw(100_W);
    machine.run(20s);
    const std::uint64_t reads = machine.reads();
    machine.run(100s);
    const auto more = static_cast<double>(machine.reads() - reads);
    CHECK(more * 2e-6 < 0.002 * 100);  // the cost of reading; waiting costs more
    CHECK(more > 5 * 100);
}

TEST_CASE("sampling cost: an estimate, without updates of its own, is read once a sample") {
    const auto reads = [](quality provenance) {
        channel c;
        c.id = "machine/estimate";
        c.update_period = 10ms;
        c.provenance = provenance;
        auto made = std::make_unique<scripted_backend>("fake", std::vector<channel>{c});
        for (std::uint64_t i = 0; i < 4'000; ++i) made->ok({i / 3});
        options o;
        const auto clock = std::make_shared<manual_clock>();
        testing::access::set_clock(o, clock);
        o.backends.push_back(std::move(made));
        meter m{std::move(o)};
        for (int i = 0; i < 2'000; ++i) {
            clock->advance(1ms);
            testing::access::sample(m);
        }
        return m.snapshot().channels[0].tally.reads;
    };
    CHECK(reads(quality::estimated) <= 22);
    CHECK(reads(quality::measured) > 40);
}

TEST_CASE("sampling cost: of hundreds of gauges, those that tell most end a row at a sample") {
    std::vector<channel> gauges(300);
    std::vector<std::uint64_t> watts;
    for (std::size_t i = 0; i < gauges.size(); ++i) {
        gauges[i].id = "rail/" + std::to_string(i);
        gauges[i].part = component::soc;
        gauges[i].kind = reading_kind::power_gauge;
        gauges[i].joules_per_count = 1;
        gauges[i].update_period = 10ms;
        watts.push_back(i % 100 == 0 ? 50 : 1);  // three draw 50 W, the others 1 W
    }
    auto made = std::make_unique<scripted_backend>("fake", gauges);
    made->ok(watts);
    options o;
    const auto clock = std::make_shared<manual_clock>();
    testing::access::set_clock(o, clock);
    o.backends.push_back(std::move(made));
    meter m{std::move(o)};
    const auto& source = *testing::access::engine_of(m).backends()[0];
    std::vector<unsigned> rows(gauges.size());
    std::vector<double> joules(gauges.size());
    const std::size_t most = 6;
    scope s{m, "work"};
    for (int i = 0; i < 500; ++i) {
        clock->advance(20ms);
        testing::access::sample(m);
        std::size_t ended = 0;
        for (std::size_t c = 0; c < rows.size(); ++c)
            if (source.shares[c].joules() > std::exchange(joules[c], source.shares[c].joules()))
                ++ended, ++rows[c];
        CHECK(ended <= most);
    }
    CHECK(rows[0] > 200);  // the others take turns
    CHECK(*std::min_element(rows.begin(), rows.end()) >= 5);
    const report r = m.snapshot();  // and nothing is lost
    CHECK(r.total.joules() == approx(10 * (3 * 50 + 297)));
    CHECK(r.find("work")->total.joules() == approx(r.total.joules()).epsilon(1e-3));
}

TEST_CASE("sampling cost: the report says what reading each backend cost") {
    channel c;
    c.id = "gpu/0/board";
    options o;
    const auto clock = std::make_shared<manual_clock>();
    testing::access::set_clock(o, clock);
    for (const char* name : {"nvml", "rapl-powercap", "nvml"}) {
        auto made = std::make_unique<scripted_backend>(name, std::vector<channel>{c});
        for (std::uint64_t i = 0; i < 100; ++i)
            made->stalls([clock, name] { clock->advance(*name == 'n' ? 3ms : 2us); }).ok({i});
        c.id += "-next";
        o.backends.push_back(std::move(made));
    }
    meter m{std::move(o)};
    for (int i = 0; i < 4; ++i) (void)m.read();
    const report r = m.snapshot();
    REQUIRE(r.overhead.reading.size() == 2);
    const reading_cost& nvml = r.overhead.reading[0];
    CHECK(nvml.backend == "nvml");
    CHECK(nvml.reads == 2 * r.overhead.reading[1].reads);
    CHECK(nvml.time.count() == approx(3e-3 * static_cast<double>(nvml.reads)));
    CHECK(nvml.longest.count() == approx(3e-3));
    const std::string text = to_text(r);
    CHECK(text.find("nvml: 3 ms a read, 3 ms at most") != std::string::npos);
    CHECK(text.find("rapl-powercap: ") == std::string::npos);  // does not matter
}

TEST_CASE("sampling cost: processing readings is counted separately from reading") {
    // Takes processor time on purpose, and reports it.
    struct busy_counter final : backend {
        std::string_view name() const noexcept override { return "busy"; }
        const std::vector<channel>& channels() const noexcept override { return channels_; }
        read_status read(counter_span out) noexcept override {
            const double begin = detail::thread_cpu_seconds();
            while (detail::thread_cpu_seconds() < begin + 200e-6) out[0] = ++count_;
            const std::lock_guard<std::mutex> lock(mutex);
            reading += 200e-6;
            if (++reads == 30) enough.notify_all();
            return read_status::ok;
        }
        std::vector<channel> channels_ = std::vector<channel>(1);
        std::uint64_t count_ = 0;
        std::mutex mutex;
        std::condition_variable enough;
        double reading = 0;
        int reads = 0;
    };
    options o;
    o.backends.push_back(std::make_unique<busy_counter>());
    auto& counter = static_cast<busy_counter&>(*o.backends[0]);
    o.period = 1ms;
    meter m{std::move(o)};
    std::unique_lock<std::mutex> lock(counter.mutex);
    counter.enough.wait(lock, [&] { return counter.reads >= 30; });
    const double reading = counter.reading - 3 * 200e-6;  // the last one may not be in the sums yet
    lock.unlock();
    const self_cost cost = m.snapshot().overhead;
    CHECK(cost.attribution.count() > 0);
    CHECK(cost.attribution.count() <= cost.sampler.count() - reading + 200e-6);
}

namespace {

// While it is read, the device keeps drawing.
struct slow_counter final : backend {
    slow_counter(channel of, std::function<double()> joules)
        : channels_{std::move(of)}, joules_(std::move(joules)) {}
    std::string_view name() const noexcept override { return "slow"; }
    const std::vector<channel>& channels() const noexcept override { return channels_; }
    read_status read(counter_span out) noexcept override {
        out[0] = static_cast<std::uint64_t>(joules_() * 1e3);
        return read_status::ok;
    }
    std::vector<channel> channels_;
    std::function<double()> joules_;
};

// A program beside a counter that is too slow to be dated: a read takes half an update period.
struct program_of_a_slow_counter {
    explicit program_of_a_slow_counter(std::chrono::microseconds update = 100ms)
        : m(with_counter(update)) {}
    void pass(std::chrono::microseconds time) {
        clock->advance(time);
        joules += watts * std::chrono::duration<double>(time).count();
    }
    [[nodiscard]] options with_counter(std::chrono::microseconds update) {
        channel c;
        c.id = "gpu/0/board";
        c.part = component::gpu;
        c.update_period = update;
        c.joules_per_count = 1e-3;
        options o;
        testing::access::set_clock(o, clock);
        o.backends.push_back(std::make_unique<slow_counter>(c, [this, update] {
            pass(update / 2);
            return joules;
        }));
        return o;
    }
    void work(const char* name, double draw) {
        scope s{m, name};
        watts = draw;
        for (int i = 0; i < 3'000; ++i) {
            pass(10ms);
            testing::access::sample(m);
        }
    }

    const std::shared_ptr<manual_clock> clock = std::make_shared<manual_clock>();
    double joules = 0, watts = 100;
    meter m;
};

}  // namespace

TEST_CASE("sampling cost: a counter too slow to be dated still ends a row every few seconds") {
    program_of_a_slow_counter p;
    p.work("light", 100);
    p.work("heavy", 300);
    const report r = p.m.snapshot();
    CHECK(r.find("light")->total.joules() == approx(3'000).epsilon(0.15));
    CHECK(r.find("heavy")->total.joules() == approx(9'000).epsilon(0.15));
}

TEST_CASE("sampling cost: rows that are expensive to process are rare") {
    for (const double row_seconds : {0.0, 20e-3}) {  // the time for tens of thousands of scopes
        CAPTURE(row_seconds);
        program_of_a_slow_counter p(10ms);
        detail::metered_backend& source = *testing::access::engine_of(p.m).backends()[0];
        scope s{p.m, "work"};
        int rows = 0;
        double billed = 0;
        std::uint64_t read = 0;
        for (int i = 0; i < 6'000; ++i) {
            p.pass(10ms);
            testing::access::sample(p.m);
            if (std::exchange(read, source.reader.read_at()) == source.reader.read_at()) continue;
            source.note_sampled(row_seconds);
            rows += std::exchange(billed, source.shares[0].joules()) != billed ? 1 : 0;
        }
        const double most = 0.001 * 60 + 20e-3 + row_seconds;
        if (row_seconds > 0) CHECK(rows * row_seconds <= most);
        CHECK(rows >= (row_seconds > 0 ? 3 : 15));
        const double joules = p.joules;
        CHECK(p.m.snapshot().find("work")->total.joules() == approx(joules).epsilon(0.01));
    }
}

TEST_CASE("sampling cost: expensive rows do not slow down the reads of a gauge") {
    struct gauge final : backend {
        explicit gauge(const double* watts) : watts_(watts) {
            channels_[0].part = component::gpu;
            channels_[0].kind = reading_kind::power_gauge;
            channels_[0].joules_per_count = 1;
            channels_[0].update_period = 10ms;
        }
        std::string_view name() const noexcept override { return "gauge"; }
        const std::vector<channel>& channels() const noexcept override { return channels_; }
        read_status read(counter_span out) noexcept override {
            out[0] = static_cast<std::uint64_t>(*watts_);
            return read_status::ok;
        }
        std::vector<channel> channels_ = std::vector<channel>(1);
        const double* watts_;
    };
    const auto clock = std::make_shared<manual_clock>();
    double watts = 100, joules = 0, billed = 0;
    options o;
    testing::access::set_clock(o, clock);
    o.backends.push_back(std::make_unique<gauge>(&watts));
    meter m{std::move(o)};
    detail::metered_backend& source = *testing::access::engine_of(m).backends()[0];
    int rows = 0;
    scope s{m, "work"};
    for (int i = 0; i < 6'000; ++i) {
        watts = i / 150 % 2 == 0 ? 100 : 500;  // one and a half seconds each
        clock->advance(10ms);
        joules += watts * 10e-3;
        const std::uint64_t before = source.reader.read_at();
        testing::access::sample(m);
        if (source.reader.read_at() != before) source.note_sampled(20e-3);
        rows += std::exchange(billed, source.shares[0].joules()) != billed ? 1 : 0;
    }
    CHECK(rows >= 5);
    CHECK(rows <= (0.003 * 60 + 20e-3) / 20e-3 + 2);
    const report r = m.snapshot();
    CHECK(r.total.joules() == approx(joules).epsilon(0.04));
    CHECK(r.find("work")->total.joules() == approx(r.total.joules()).epsilon(1e-6));
}
