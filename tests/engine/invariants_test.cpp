// The five invariants over random programs: any scopes, threads, powers, counters and report times.
// Every failure prints the seed; JOULERY_SEED=n runs a single program.
#include "approx.hpp"
#include "joulery/scope.hpp"
#include "joulery/stream_scope.hpp"
#include "joulery/testing/access.hpp"
#include "joulery/testing/simulated_machine.hpp"
#include "joulery/testing/virtual_thread.hpp"
#include "sanitized.hpp"

#include <doctest/doctest.h>

#include <chrono>
#include <cmath>
#include <cstdlib>
#include <deque>
#include <map>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

using namespace joulery;
using testing::simulated_counter;
using testing::simulated_machine;
using testing::virtual_thread;

namespace {

// A stack of open scopes on a simulated thread.
struct played_thread {
    explicit played_thread(meter& m) : thread(std::make_unique<virtual_thread>(m)) {}
    std::unique_ptr<virtual_thread> thread;
    std::vector<std::unique_ptr<std::optional<scope>>> open;

    void enter(const std::string& name) {
        open.push_back(std::make_unique<std::optional<scope>>());
        open.back()->emplace(*thread, std::string_view(name));
    }
    void leave() { open.pop_back(); }
    void end() {
        while (!open.empty()) leave();
        thread.reset();
    }
};

// A GPU whose driver usually knows which process it worked for.
class shared_gpu final : public backend {
 public:
    shared_gpu(std::unique_ptr<backend> counters, std::uint64_t seed)
        : counters_(std::move(counters)), random_(seed) {}
    std::string_view name() const noexcept override { return "shared-gpu"; }
    const std::vector<channel>& channels() const noexcept override { return counters_->channels(); }
    read_status read(counter_span out) noexcept override { return counters_->read(out); }
    double process_share(std::size_t) noexcept override {
        return random_() % 6 == 0 ? unknown_share : static_cast<double>(random_() % 5) * 0.25;
    }

 private:
    std::unique_ptr<backend> counters_;
    std::mt19937_64 random_;
};

class random_program {
 public:
    /// `everything`: a third source, a gauge, and each call is recorded.
    random_program(std::uint64_t seed, attribution policy, int threads, bool everything = false)
        : random_(seed), machine_(seed) {
        simulated_counter package, core, dram, gpu;
        package.wrap_at = std::uint64_t{1} << (pick(2) == 0 ? 32 : 22);  // 262 kJ or 256 J
        core.id = "cpu0/core";
        core.parent = "cpu0/package";
        dram.id = "cpu0/dram";
        dram.part = component::dram;
        dram.quantum = 15.3e-6;
        gpu.id = "gpu/0/board";
        gpu.part = component::gpu;
        gpu.period = std::chrono::milliseconds(20);
        options o = machine_.options_with({package, core, dram});
        o.backends.push_back(std::make_unique<shared_gpu>(machine_.make_backend({gpu}), seed));
        if (everything) {
            simulated_counter gauge;
            gauge.id = "npu/0";
            gauge.part = component::npu;
            gauge.kind = reading_kind::power_gauge;
            gauge.period = std::chrono::milliseconds(10);
            o.backends.push_back(machine_.make_backend({gauge}));
            o.percentiles = true;
            o.record_slices = 10'000;
            machine_.draw(4, power::from_watts(40));
        }
        o.attribution = policy;
        testing::access::set_process_share(o, [this] { return pick(5) * 0.25; });
        o.period = std::chrono::milliseconds(5 + pick(100));
        meter_ = std::make_unique<meter>(std::move(o));
        machine_.attach(*meter_);
        for (int i = 0; i < threads; ++i) threads_.emplace_back(*meter_);
    }

    ~random_program() { all_marks_come_back(); }

    void run(int steps) {
        for (int i = 0; i < steps; ++i) step();
    }
    report end() {
        for (played_thread& t : threads_) t.end();
        all_marks_come_back();
        return meter_->snapshot();
    }
    report now() { return meter_->snapshot(); }
    simulated_machine& machine() { return machine_; }
    int pick(int n) { return static_cast<int>(random_() % static_cast<std::uint64_t>(n)); }

 private:
    void step() {
        played_thread& t =
            threads_[static_cast<std::size_t>(pick(static_cast<int>(threads_.size())))];
        switch (pick(8)) {
            case 0:
            case 1:
            case 2:
                if (t.open.size() < 5) t.enter(std::string(1, static_cast<char>('a' + pick(4))));
                break;
            case 3:
            case 4:
                if (!t.open.empty()) t.leave();
                break;
            case 5: {
                const auto counter = static_cast<std::size_t>(pick(4));
                machine_.draw(counter, power::from_watts(pick(300)));
                break;
            }
            case 6:
                if (pick(20) == 0) {  // the thread ends, another begins
                    t.end();
                    t.thread = std::make_unique<virtual_thread>(*meter_);
                }
                break;
            default:
                if (pick(2) == 0) launch(t);
                break;
        }
        for (std::deque<stream_mark>& q : queues_) come_back(q, static_cast<std::size_t>(pick(3)));
        const double us = std::pow(10.0, 1 + 3.5 * pick(1000) / 1000.0);  // 10 us .. 30 ms
        machine_.run(std::chrono::nanoseconds(static_cast<std::int64_t>(us * 1000)));
    }

    // Work on one of two streams, whose marks come back in later steps.
    void launch(played_thread& t) {
        const auto number = static_cast<std::size_t>(pick(2));
        const auto mark = [&](stream_mark m) { queues_[number].push_back(m); };
        stream_scope s{*t.thread, streams_[number], "launch", mark, mark};
    }
    void all_marks_come_back() {
        for (std::deque<stream_mark>& q : queues_) come_back(q, q.size());
    }
    static void come_back(std::deque<stream_mark>& queue, std::size_t marks) {
        for (; marks > 0 && !queue.empty(); --marks) {
            queue.front()();
            queue.pop_front();
        }
    }

    std::mt19937_64 random_;
    simulated_machine machine_;
    device_timeline device_;
    device_stream streams_[2] = {device_stream{device_}, device_stream{device_}};
    std::deque<stream_mark> queues_[2];
    std::unique_ptr<meter> meter_;
    std::vector<played_thread> threads_;
};

std::size_t parent_of(const report& r, std::size_t row) {
    return r.scopes[row].parent < row ? r.scopes[row].parent : row;
}

void check_conservation(const report& r) {
    for (std::size_t c = 0; c < r.channels.size(); ++c) {
        double scoped = 0;
        for (const scope_row& row : r.scopes)
            if (row.parent == scope_row::no_parent) scoped += row.by_channel[c].joules();
        const double total = r.channels[c].total.joules();
        CHECK(scoped + r.channels[c].unscoped.joules() == approx(total).epsilon(1e-9).scale(1));
    }
    double self = 0;
    for (const scope_row& row : r.scopes) self += row.self.joules();
    CHECK(self + r.unscoped.joules() == approx(r.total.joules()).epsilon(1e-9).scale(1));
}

void check_containment(const report& r) {
    for (std::size_t i = 0; i < r.scopes.size(); ++i) {
        CHECK(r.scopes[i].self.joules() >= -1e-9);
        const std::size_t up = parent_of(r, i);
        if (up == i) continue;
        CHECK(r.scopes[i].total.joules() <= r.scopes[up].total.joules() + 1e-9);
        for (std::size_t c = 0; c < r.channels.size(); ++c)
            CHECK(r.scopes[i].by_channel[c].joules() <= r.scopes[up].by_channel[c].joules() + 1e-9);
    }
}

template <class Body>
void for_seeds(int count, Body body) {
    const char* one = std::getenv("JOULERY_SEED");
    const std::uint64_t first = one != nullptr ? std::strtoull(one, nullptr, 10) : 1;
    const int programs = one != nullptr ? 1 : (is_sanitized ? count / 4 : count);
    const std::uint64_t last = first + static_cast<std::uint64_t>(programs) - 1;
    for (std::uint64_t seed = first; seed <= last; ++seed) {
        CAPTURE(seed);
        body(seed);
    }
}

}  // namespace

TEST_CASE("conservation: all scopes and the rest add up to the machine's energy, with one thread") {
    for_seeds(40, [](std::uint64_t seed) {
        random_program p(seed, attribution::shared, 1);
        p.run(400);
        const report r = p.end();
        REQUIRE(r.total.joules() > 1);
        check_conservation(r);
        check_containment(r);
        // The counters wrapped and were read up to one update late; the total is the true one.
        const std::pair<std::size_t, double> roots[] = {{0, 0.75}, {2, 0.75}, {3, 6.5}};
        for (const auto& root : roots) {  // 300 W during an update, plus a quantum
            const auto [c, most] = root;
            INFO("channel ", root.first);
            CHECK(std::abs(r.channels[c].total.joules() - p.machine().true_energy(c).joules()) <
                  most);
        }
    });
}

TEST_CASE(
    "conservation: all scopes and the rest add up to the machine's energy, with many threads") {
    for_seeds(40, [](std::uint64_t seed) {
        random_program p(seed, attribution::shared, 1 + static_cast<int>(seed % 6));
        p.run(400);
        const report r = p.end();
        check_conservation(r);
        check_containment(r);
    });
}

TEST_CASE("conservation: with a hundred threads, three sources and each call recorded, sums hold") {
    for_seeds(4, [](std::uint64_t seed) {
        for (const attribution policy : {attribution::shared, attribution::process}) {
            random_program p(seed, policy, 100, true);
            p.run(1'500);
            const report early = p.now();
            check_conservation(early);
            p.run(1'500);
            const report r = p.end();
            REQUIRE(r.channels.size() == 5);
            check_conservation(r);
            check_containment(r);
            for (const scope_row& before : early.scopes) {
                const scope_row* now = r.find(before.path);
                REQUIRE(now != nullptr);
                CHECK(now->calls >= before.calls);
                CHECK(now->total.joules() >= before.total.joules() - 1e-9);
            }
        }
    });
}

TEST_CASE("conservation: reports inside open scopes keep the sums and lose nothing") {
    for_seeds(20, [](std::uint64_t seed) {
        random_program p(seed, attribution::shared, 3);
        std::map<std::string, double> time_before;
        double total_before = 0;
        for (int part = 0; part < 8; ++part) {
            p.run(60);
            const report r = p.now();
            check_conservation(r);
            check_containment(r);
            CHECK(r.total.joules() >= total_before - 1e-9);
            total_before = r.total.joules();
            for (const scope_row& row : r.scopes) {
                // Disaggregated energy may be revised as powers become known; time never is.
                CHECK(row.time.count() >= time_before[row.path] - 1e-12);
                time_before[row.path] = row.time.count();
            }
        }
    });
}

TEST_CASE("conservation: by process, other processes' energy is outside all scopes and sums hold") {
    for_seeds(20, [](std::uint64_t seed) {
        random_program p(seed, attribution::process, 1 + static_cast<int>(seed % 3));
        p.run(400);
        const report r = p.end();
        REQUIRE(r.total.joules() > 1);
        check_conservation(r);
        check_containment(r);
    });
}

TEST_CASE("conservation: the random programs use every method of finding energy") {
    std::map<std::string, int> methods;
    int edge_reads = 0, device_rows = 0;
    for_seeds(10, [&](std::uint64_t seed) {
        random_program p(seed, attribution::shared, 2);
        p.run(400);
        const report r = p.end();
        edge_reads += r.overhead.edge_reads > 0 ? 1 : 0;
        for (const scope_row& row : r.scopes) {
            ++methods[row.method];
            if (row.path.find("launch/device") != std::string::npos &&
                row.by_channel[3].joules() > 0)
                ++device_rows;
        }
    });
    CHECK(methods["edges"] > 0);
    CHECK(methods["regression"] > 0);
    CHECK(methods["share"] > 0);
    CHECK(edge_reads > 0);
    CHECK(device_rows > 0);
}

TEST_CASE(
    "conservation: inclusive attribution gives each thread everything, children within parents") {
    for_seeds(20, [](std::uint64_t seed) {
        random_program p(seed, attribution::inclusive, 3);
        p.run(300);
        check_containment(p.end());
    });
}

TEST_CASE("conservation: splitting a scope into two adjacent ones keeps the sum") {
    simulated_counter continuous;
    continuous.period = std::chrono::microseconds(1);
    continuous.quantum = 1e-6;
    continuous.jitter = 0;
    const auto joules_of_work = [&](bool split, std::uint64_t seed) {
        std::mt19937_64 random(seed);
        simulated_machine machine(seed);
        options o = machine.options_with({continuous});
        meter m{std::move(o)};
        machine.attach(m);
        const auto some_time = [&] {
            return std::chrono::microseconds(20'000 + static_cast<int>(random() % 30'000));
        };
        for (int i = 0; i < 30; ++i) {
            machine.draw(power::from_watts(static_cast<double>(random() % 300)));
            machine.run(some_time());
            const auto first = some_time(), second = some_time();
            if (split) {
                {
                    scope s{m, "work"};
                    machine.run(first);
                }
                {
                    scope s{m, "work"};
                    machine.run(second);
                }
            } else {
                scope s{m, "work"};
                machine.run(first + second);
            }
        }
        return *m.snapshot().find("work");
    };
    for_seeds(10, [&](std::uint64_t seed) {
        // Each run estimates the powers anew: the sums agree within their error bars.
        const scope_row whole = joules_of_work(false, seed), parts = joules_of_work(true, seed);
        CHECK(std::abs((parts.total - whole.total).joules()) <=
              (parts.uncertainty + whole.uncertainty).joules() + 1e-9 * whole.total.joules());
        CHECK(parts.total.joules() == approx(whole.total.joules()).epsilon(0.05));
        CHECK(whole.total.joules() > 10);
    });
}

TEST_CASE("conservation: memory grows with paths, not with calls") {
    simulated_machine machine;
    meter m{machine.options_with({simulated_counter{}})};
    machine.attach(m);
    const auto call = [&](int times) {
        for (int i = 0; i < times; ++i) {
            scope a{m, "a"};
            scope b{m, "b"};
        }
    };
    call(1);
    const std::size_t paths = testing::access::engine_of(m).paths().all().size();
    call(100'000);
    machine.run(std::chrono::milliseconds(1));
    CHECK(testing::access::engine_of(m).paths().all().size() == paths);
    CHECK(m.snapshot().find("a/b")->calls == 100'001);
}
