// Scopes whose work runs later: a simulated device with queues, a timeline and its own power.
#include "joulery/stream_scope.hpp"

#include "approx.hpp"
#include "engine/support.hpp"
#include "joulery/span.hpp"
#include "joulery/testing/simulated_machine.hpp"
#include "joulery/testing/virtual_thread.hpp"
#include "joulery/units.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <deque>
#include <map>
#include <memory>
#include <mutex>
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
using std::chrono::nanoseconds;
using testing::simulated_counter;
using testing::simulated_machine;
using testing::virtual_thread;

namespace {

constexpr std::size_t cpu = 0, gpu = 1;

// A GPU with streams beside a CPU: launched work runs in order on its stream, at its own power
// above the GPU's idle power, while the host continues.
class async_machine {
 public:
    explicit async_machine(simulated_counter gpu_counter, double idle_watts, std::uint64_t seed = 1)
        : machine(seed), idle_(idle_watts) {
        simulated_counter package;
        gpu_counter.id = "gpu/GPU-1/board";
        gpu_counter.part = component::gpu;
        gpu_counter.quantum = 1e-3;
        options o = machine.options_with({package, gpu_counter});
        m = std::make_unique<meter>(std::move(o));
        machine.attach(*m);
        machine.draw(gpu, power::from_watts(idle_));
    }

    void launch(std::size_t stream, nanoseconds length, double watts) {
        queue(stream).push_back({length, watts, {}, false});
    }
    auto mark_in(std::size_t stream) {
        return [this, stream](stream_mark put) { queue(stream).push_back({0ns, 0, put, true}); };
    }
    /// The host works (or sleeps) for that time at that power; the device processes its queue.
    void host(nanoseconds length, double watts) {
        machine.draw(cpu, power::from_watts(watts));
        while (length > 0ns) length -= step(length);
    }
    void drain() {
        while (
            std::any_of(queues_.begin(), queues_.end(), [](auto& q) { return !q.second.empty(); }))
            host(1ms, 5);
    }

    simulated_machine machine;
    std::unique_ptr<meter> m;
    std::map<std::size_t, double> truth;  ///< joules by stream: its work, its idle part

 private:
    struct entry {
        nanoseconds left;
        double watts;
        stream_mark mark;
        bool is_mark;
    };
    std::deque<entry>& queue(std::size_t stream) { return queues_[stream]; }

    nanoseconds step(nanoseconds at_most) {
        double watts = idle_;
        int busy = 0;
        for (auto& [stream, q] : queues_) {
            while (!q.empty() && (q.front().is_mark || q.front().left == 0ns)) {
                const entry first = q.front();
                q.pop_front();
                if (first.is_mark) first.mark();
            }
            if (q.empty()) continue;
            at_most = std::min(at_most, q.front().left);
            watts += q.front().watts;
            ++busy;
        }
        machine.draw(gpu, power::from_watts(watts));
        machine.run(at_most);
        for (auto& [stream, q] : queues_) {
            if (q.empty()) continue;
            q.front().left -= at_most;
            truth[stream] +=
                (q.front().watts + idle_ / busy) * static_cast<double>(at_most.count()) * 1e-9;
        }
        return at_most;
    }

    const double idle_;
    std::map<std::size_t, std::deque<entry>> queues_;
};

simulated_counter nvml_like() {
    simulated_counter c;
    c.period = 20ms;
    return c;
}

double gpu_joules(const report& r, std::string_view path) {
    const scope_row* row = r.find(path);
    return row != nullptr ? row->by_channel[gpu].joules() : -1;
}
double cpu_joules(const report& r, std::string_view path) {
    const scope_row* row = r.find(path);
    return row != nullptr ? row->by_channel[cpu].joules() : -1;
}

void check_conserved_report(const report& r) {
    for (std::size_t c = 0; c < r.channels.size(); ++c) {
        double sum = r.channels[c].unscoped.joules();
        for (const scope_row& row : r.scopes)
            if (row.parent == scope_row::no_parent) sum += row.by_channel[c].joules();
        CHECK(sum == approx(r.channels[c].total.joules()).epsilon(1e-9));
    }
    for (std::size_t i = 0; i < r.scopes.size(); ++i) {
        double parts = r.scopes[i].self.joules();
        for (const scope_row& part : r.scopes)
            if (part.parent == i) parts += part.total.joules();
        CHECK(r.scopes[i].total.joules() == approx(parts).epsilon(1e-9));
        CHECK(r.scopes[i].self.joules() >= -1e-9);
    }
}

}  // namespace

TEST_CASE("stream scopes: have the device's work, even if the host's part ended long before") {
    async_machine a{nvml_like(), 50};
    device_timeline device;
    device_stream stream{device};
    const auto mark = a.mark_in(0);
    for (int i = 0; i < 20; ++i) {
        {
            stream_scope s{*a.m, stream, "step", mark, mark};
            a.launch(0, 400ms, 300);
            a.host(10ms, 80);
        }
        a.host(600ms, 5);
    }
    const report r = a.m->snapshot();
    check_conserved_report(r);
    CHECK(a.truth[0] == approx(20 * 0.4 * 350));
    CHECK(gpu_joules(r, "step/device") == approx(a.truth[0]).epsilon(0.03));
    CHECK(cpu_joules(r, "step/device") == 0);
    CHECK(r.find("step/device")->calls == 20);
    CHECK(r.find("step/device")->time.count() == approx(8));
    CHECK(r.find("step")->time.count() == approx(0.2));
    CHECK(cpu_joules(r, "step") == approx(20 * 0.01 * 80).epsilon(0.1));
}

TEST_CASE("stream scopes: short work on a slow counter is separated from idle power") {
    async_machine a{nvml_like(), 60};
    device_timeline device;
    device_stream stream{device};
    const auto mark = a.mark_in(0);
    std::mt19937_64 random(3);
    for (int i = 0; i < 3000; ++i) {
        {
            stream_scope s{*a.m, stream, "kernel", mark, mark};
            a.launch(0, std::chrono::microseconds(1000 + random() % 4000), 300);
            a.host(100us, 50);
        }
        a.host(std::chrono::microseconds(6000 + random() % 4000), 5);
    }
    const report r = a.m->snapshot();
    check_conserved_report(r);
    CHECK(gpu_joules(r, "kernel/device") == approx(a.truth[0]).epsilon(0.03));
    CHECK(std::abs(gpu_joules(r, "kernel/device") - a.truth[0]) <
          r.find("kernel/device")->uncertainty.joules());
}

TEST_CASE("stream scopes: overlapping host scopes take none of the device's work") {
    async_machine a{nvml_like(), 50};
    device_timeline device{"gpu/GPU-1"};
    device_stream stream{device};
    virtual_thread loader{*a.m};
    const auto mark = a.mark_in(0);
    {
        scope train{*a.m, "train"};
        scope load{loader, "load"};
        for (int i = 0; i < 20; ++i) {
            {
                stream_scope s{*a.m, stream, "forward", mark, mark};
                a.launch(0, 400ms, 250);
            }
            a.host(700ms, 60);
        }
    }
    const report r = a.m->snapshot();
    check_conserved_report(r);
    CHECK(gpu_joules(r, "train/forward/device") == approx(a.truth[0]).epsilon(0.03));
    // The busy threads get the device's idle energy, and all of the CPU's.
    const double idle = 20 * 0.3 * 50;
    CHECK(gpu_joules(r, "train") + gpu_joules(r, "load") ==
          approx(a.truth[0] + idle).epsilon(0.01));
    CHECK(cpu_joules(r, "train") + cpu_joules(r, "load") == approx(14 * 60).epsilon(0.01));
}

// Returns the true work of both streams and the reported one, by stream.
std::vector<double> run_two_streams(nanoseconds unit, int rounds, int lead) {
    async_machine a{nvml_like(), 40};
    device_timeline device;
    device_stream one{device}, two{device};
    const auto mark_one = a.mark_in(1), mark_two = a.mark_in(2);
    for (int i = 0; i < rounds; ++i) {
        {
            stream_scope s{*a.m, one, "left", mark_one, mark_one};
            a.launch(1, 60 * unit, 200);
        }
        a.host((lead + i % 20) * unit, 10);
        {
            stream_scope s{*a.m, two, "right", mark_two, mark_two};
            a.launch(2, 60 * unit, 100);
        }
        a.host((100 + i % 7) * unit, 10);
    }
    a.drain();
    const report r = a.m->snapshot();
    check_conserved_report(r);
    return {a.truth[1], gpu_joules(r, "left/device"), a.truth[2], gpu_joules(r, "right/device")};
}

TEST_CASE("stream scopes: two alternating streams have their own work, long or short") {
    for (const auto& work : {std::pair{nanoseconds(10ms), 20}, {nanoseconds(100us), 2000}}) {
        const auto unit = work.first;
        const auto rounds = work.second;
        CAPTURE(rounds);
        const std::vector<double> joules = run_two_streams(unit, rounds, 60);
        CHECK(joules[1] == approx(joules[0]).epsilon(0.03));
        CHECK(joules[3] == approx(joules[2]).epsilon(0.03));
    }
}

TEST_CASE("stream scopes: two overlapping streams add up to the device's work") {
    const std::vector<double> joules = run_two_streams(10ms, 20, 20);
    CHECK(joules[1] + joules[3] == approx(joules[0] + joules[2]).epsilon(0.03));
    // Where they overlap, they share by time: the more power-hungry one gets too little.
    CHECK(joules[1] < joules[0]);
    CHECK(joules[3] > joules[2]);
}

TEST_CASE("stream scopes: nested work is in the outer total once, not twice") {
    async_machine a{nvml_like(), 0};
    device_timeline device;
    device_stream stream{device};
    const auto mark = a.mark_in(0);
    for (int i = 0; i < 10; ++i) {
        {
            stream_scope step{*a.m, stream, "step", mark, mark};
            a.launch(0, 400ms, 100);
            {
                stream_scope s{*a.m, stream, "backward", mark, mark};
                a.launch(0, 400ms, 300);
            }
            a.host(1ms, 10);
        }
        a.host(900ms, 1);
    }
    const report r = a.m->snapshot();
    check_conserved_report(r);
    CHECK(gpu_joules(r, "step/backward/device") == approx(1200).epsilon(0.03));
    CHECK(gpu_joules(r, "step/device") == approx(400).epsilon(0.03));
    CHECK(gpu_joules(r, "step") == approx(1600).epsilon(0.03));
}

TEST_CASE("stream scopes: marks that come back after everything has ended do no harm") {
    async_machine a{nvml_like(), 10};
    {
        device_timeline device;
        device_stream stream{device};
        const auto mark = a.mark_in(0);
        stream_scope s{*a.m, stream, "late", mark, mark};
        a.launch(0, 100ms, 100);
    }
    a.host(50ms, 1);
    const report r = a.m->snapshot();
    CHECK(r.find("late/device")->calls == 1);
    a.machine.detach();
    a.m.reset();
    a.drain();
}

TEST_CASE("stream scopes: a mark may fail to enter the stream") {
    async_machine a{nvml_like(), 10};
    device_timeline device;
    device_stream stream{device};
    bool works = false;
    const auto mark = a.mark_in(0);
    const auto fails = [&](stream_mark put) {
        if (works) mark(put);
        return works;
    };
    SUBCASE("at the begin: only the host's part remains") {
        { stream_scope s{*a.m, stream, "x", fails, mark}; }
        a.host(10ms, 1);
        const report r = a.m->snapshot();
        CHECK(r.find("x")->calls == 1);
        CHECK(r.find("x/device") == nullptr);
    }
    SUBCASE("at the end: the device's part ends with the host's") {
        {
            stream_scope s{*a.m, stream, "x", mark, fails};
            a.host(10ms, 1);
        }
        a.host(50ms, 1);
        CHECK(a.m->snapshot().find("x/device")->time.count() == approx(0.01));
    }
}

TEST_CASE("stream scopes: without a channel of the device, only the host's part is measured") {
    simulated_machine machine;
    meter m{machine.options_with({simulated_counter{}})};
    machine.attach(m);
    device_timeline device;
    device_stream stream{device};
    int marks = 0;
    const auto mark = [&](stream_mark) { ++marks; };
    { stream_scope s{m, stream, "x", mark, mark}; }
    CHECK(marks == 0);
    CHECK(m.snapshot().find("x")->calls == 1);
}

TEST_CASE(
    "stream scopes: marks come back on another thread while scopes open and reports are made") {
    std::vector<std::unique_ptr<backend>> backends;
    backends.push_back(std::make_unique<engine_test::joule_a_read>("gpu/fake"));
    const_cast<channel&>(backends[0]->channels()[0]).part = component::gpu;
    options o;
    o.backends = std::move(backends);
    o.period = 1ms;
    meter m{std::move(o)};
    device_timeline device;
    device_stream stream{device};
    std::mutex mutex;
    std::deque<stream_mark> queue;
    std::atomic<bool> done{false};
    std::thread driver([&] {
        while (true) {
            const bool last = done;
            std::deque<stream_mark> taken;
            {
                const std::lock_guard<std::mutex> lock(mutex);
                taken.swap(queue);
            }
            for (const stream_mark& mark : taken) mark();
            if (last && taken.empty()) return;
            std::this_thread::yield();
        }
    });
    const auto mark = [&](stream_mark put) {
        const std::lock_guard<std::mutex> lock(mutex);
        queue.push_back(put);
    };
    for (int i = 0; i < 2000; ++i) {
        stream_scope outer{m, stream, "outer", mark, mark};
        stream_scope inner{m, stream, "inner", mark, mark};
        if (i % 500 == 0) check_conserved_report(m.snapshot());
    }
    done = true;
    driver.join();
    const report r = m.snapshot();
    CHECK(r.find("outer/device")->calls == 2000);
    CHECK(r.find("outer/inner/device")->calls == 2000);
}

TEST_CASE("stream scopes: disabled at compile time, they put no mark into the stream") {
    int marks = 0;
    device_timeline device;
    device_stream stream{device};
    const auto mark = [&](stream_mark) { ++marks; };
    {
        disabled::stream_scope s{stream, "x", mark, mark};
        s.add_items(1);
        CHECK_FALSE(static_cast<bool>(s));
    }
    CHECK(marks == 0);
}
