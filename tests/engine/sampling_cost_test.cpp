// What samplers may take of a processor: waiting for updates ends where it costs too much.
#include "joulery/backend.hpp"
#include "joulery/detail/session/engine.hpp"
#include "joulery/meter.hpp"
#include "joulery/testing/access.hpp"
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

TEST_CASE("sampling cost: waiting for updates stays within its share of a core, in the long run") {
    simulated_machine machine;
    machine.reads_take(2us);
    meter m{machine.options_with({simulated_counter{}})};
    machine.attach(m);
    machine.draw(100_W);
    machine.run(20s);
    const std::uint64_t reads = machine.reads();
    machine.run(100s);
    const auto more = static_cast<double>(machine.reads() - reads);
    CHECK(more * 2e-6 < 0.002 * 100);  // what reading took; what waiting took is more
    CHECK(more > 5 * 100);
}

TEST_CASE("sampling cost: an estimate has no updates of its own, and is read once a sample") {
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
            testing::access::poll(m);
        }
        return m.snapshot().channels[0].tally.reads;
    };
    CHECK(reads(quality::estimated) <= 22);
    CHECK(reads(quality::measured) > 40);
}
