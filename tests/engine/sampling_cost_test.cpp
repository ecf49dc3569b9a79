// What samplers may take of a processor: waiting for ticks ends where it costs too much.
#include "joulery/detail/session/engine.hpp"
#include "joulery/make_backend.hpp"
#include "joulery/meter.hpp"
#include "joulery/testing/manual_clock.hpp"
#include "joulery/testing/scripted_backend.hpp"
#include "joulery/testing/simulated_machine.hpp"

#include <doctest/doctest.h>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <mutex>
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

namespace {

/// Reads by the sampler for each of its samples, while `time` passes.
double reads_a_sample(meter& m, simulated_machine& machine, std::chrono::nanoseconds time) {
    detail::metered_source& source = *m.machinery().sources()[0];
    const auto reads = [&] { return source.source.account(0).tally().reads; };
    const std::uint64_t reads_before = reads(), samples_before = source.samples;
    machine.run(time);
    REQUIRE(source.samples > samples_before);
    return static_cast<double>(reads() - reads_before) /
           static_cast<double>(source.samples - samples_before);
}

}  // namespace

TEST_CASE("sampling cost: samplers that have spent their share wait for no tick till time pays") {
    simulated_machine machine;
    meter m{machine.options_with({simulated_counter{}})};
    machine.attach(m);
    machine.draw(100_W);
    CHECK(reads_a_sample(m, machine, 3s) > 5);  // several around each tick
    std::atomic<double>& spent = m.machinery().sources()[0]->hunting_seconds;
    spent = 0.015;  // 0.2 % of 5 s, and 5 ms
    machine.run(200ms);
    CHECK(reads_a_sample(m, machine, 1s) == 1);
    machine.run(1s);
    CHECK(reads_a_sample(m, machine, 1s) > 5);
}

TEST_CASE("sampling cost: what a sampler's thread uses while it waits for ticks is counted") {
    channel c;
    c.id = "cpu0/package";
    c.update_period = 1ms;
    options o;
    o.backends.push_back(make_backend("ticking", c, [] {  // one joule a millisecond
        const auto now = std::chrono::steady_clock::now().time_since_epoch();
        return static_cast<double>(
            std::chrono::duration_cast<std::chrono::milliseconds>(now).count());
    }));
    meter m{std::move(o)};
    detail::metered_source& source = *m.machinery().sources()[0];
    for (bool seen = false; !seen; std::this_thread::yield()) {
        const std::lock_guard<detail::timed_mutex> between_reads(source.source.reading);
        CHECK(source.hunting_seconds <= source.sampler_seconds);
        seen = source.hunting_seconds > 0 && source.source.account(0).tally().reads > 50;
    }
}

TEST_CASE("sampling cost: an estimate has no ticks of its own, and is read once a sample") {
    const auto reads = [](quality provenance) {
        channel c;
        c.id = "machine/estimate";
        c.update_period = 10ms;
        c.provenance = provenance;
        auto made = std::make_unique<scripted_backend>("fake", std::vector<channel>{c});
        for (std::uint64_t i = 0; i < 4'000; ++i) made->ok({i / 3});
        options o;
        const auto clock = std::make_shared<manual_clock>();
        o.clock = clock;
        o.backends.push_back(std::move(made));
        meter m{std::move(o)};
        for (int i = 0; i < 2'000; ++i) {
            clock->advance(1ms);
            m.poll();
        }
        return m.snapshot().channels[0].tally.reads;
    };
    CHECK(reads(quality::estimated) <= 22);
    CHECK(reads(quality::measured) > 40);
}
