// Energy that threads use to read counters at scope edges is charged to no scope.
#include "joulery/backend.hpp"
#include "joulery/detail/session/timing_policy.hpp"
#include "joulery/detail/timing/thread_context.hpp"
#include "joulery/scope.hpp"
#include "joulery/testing/access.hpp"
#include "joulery/testing/manual_clock.hpp"
#include "joulery/testing/simulated_machine.hpp"
#include "joulery/testing/virtual_thread.hpp"

#include "approx.hpp"
#include "engine/support.hpp"

#include <doctest/doctest.h>

#include <chrono>
#include <cstdint>
#include <list>
#include <memory>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

using namespace joulery;
using namespace joulery::literals;
using namespace std::chrono_literals;
using engine_test::exact_counter;
using testing::simulated_counter;
using testing::simulated_machine;

namespace {

/// 40 steps of 5 ms at 100 W inside one epoch, with edge reads of 50 us each.
report epoch_of_steps(simulated_counter counter, attribution policy = attribution::shared) {
    simulated_machine machine;
    machine.reads_take(50us);
    options o = machine.options_with({std::move(counter)});
    o.overhead_budget = 0.5;
    o.attribution = policy;
    meter m{std::move(o)};
    machine.attach(m);
    machine.draw(100_W);
    machine.run(20ms);
    {
        scope epoch{m, "epoch"};
        for (int i = 0; i < 40; ++i) {
            scope step{m, "step"};
            machine.run(5ms);
        }
    }
    report r = m.snapshot();
    REQUIRE(r.overhead.edge_reads >= 40);  // steps are read once the first sample has seen them
    REQUIRE(r.overhead.edges.count() >= 40 * 50e-6);
    CHECK(r.find("epoch/step")->method == "edges");
    return r;
}

}  // namespace

TEST_CASE("edge cost: a scope and its ancestors have only the energy of the work") {
    const report r = epoch_of_steps(exact_counter());
    const scope_row &epoch = *r.find("epoch"), &step = *r.find("epoch/step");
    CHECK(step.total.joules() == approx(40 * 0.5).epsilon(1e-3));
    CHECK(epoch.total.joules() == approx(40 * 0.5).epsilon(1e-3));
    CHECK(epoch.by_channel[0] == epoch.total);
    CHECK(epoch.self.joules() < 40 * 0.5 * 1e-3);
}

TEST_CASE("edge cost: it lies outside all scopes, and the sum is unchanged") {
    const report r = epoch_of_steps(exact_counter());
    const double reading = 100 * r.overhead.edges.count();
    CHECK(r.unscoped.joules() >= reading);
    CHECK((r.find("epoch")->total + r.unscoped).joules() == approx(r.total.joules()));
    CHECK(r.channels[0].unscoped == r.unscoped);
}

TEST_CASE("edge cost: with many threads, the energy of measuring still lies outside all scopes") {
    simulated_machine machine;
    machine.reads_take(50us);
    options o = machine.options_with({exact_counter()});
    o.overhead_budget = 0.5;
    meter m{std::move(o)};
    machine.attach(m);
    machine.draw(100_W);
    std::list<testing::virtual_thread> threads;
    std::list<scope> others;
    for (int i = 0; i < 1000; ++i) others.emplace_back(threads.emplace_back(m), "other");
    for (int i = 0; i < 40; ++i) {
        scope step{m, "step"};
        machine.run(5ms);
    }
    const report r = m.snapshot();
    REQUIRE(r.overhead.edges.count() >= 40 * 50e-6);
    CHECK(r.overhead.joules.joules() - r.unscoped.joules() <= 1e-9);
}

TEST_CASE("edge cost: inclusive scopes keep all the energy used while they were open") {
    const report r = epoch_of_steps(exact_counter(), attribution::inclusive);
    CHECK(r.find("epoch")->total.joules() >= 40 * 0.5 + 0.2);
}

TEST_CASE("edge cost: a device keeps working while a thread reads") {
    simulated_counter gpu = exact_counter("gpu/board");
    gpu.part = component::gpu;
    const report r = epoch_of_steps(gpu);
    CHECK(r.find("epoch")->total.joules() >= 40 * 0.5 + 0.2);
}

TEST_CASE("edge cost: slow drivers are read by samplers and reports, never by scopes") {
    // Cheap so far, as a vendor library's gauge is between two waits.
    struct library final : backend {
        explicit library(bool waits) : waits_(waits) {
            channel c;
            c.id = waits ? "gpu/0/board" : "cpu0/package";
            channels_.push_back(c);
        }
        std::string_view name() const noexcept override { return "library"; }
        const std::vector<channel>& channels() const noexcept override { return channels_; }
        bool reads_wait() const noexcept override { return waits_; }
        read_status read(counter_span out) noexcept override {
            ++reads;
            out[0] = value_ += 1'000'000;
            return read_status::ok;
        }
        int reads = 0;

     private:
        bool waits_;
        std::uint64_t value_ = 0;
        std::vector<channel> channels_;
    };
    for (const bool waits : {true, false}) {
        CAPTURE(waits);
        auto made = std::make_unique<library>(waits);
        library& read = *made;
        const auto clock = std::make_shared<testing::manual_clock>();
        options o;
        testing::access::set_clock(o, clock);
        o.backends.push_back(std::move(made));
        meter m{std::move(o)};
        int by_scopes = 0;
        for (int i = 0; i < 20; ++i) {
            int last = 0;
            {
                const int before = read.reads;
                scope s{m, "long"};
                by_scopes += read.reads - before;
                for (int k = 0; k < 20; ++k) {
                    clock->advance(100ms);
                    testing::access::sample(m);
                }
                last = read.reads;
            }
            by_scopes += read.reads - last;
            clock->advance(100ms);
            testing::access::sample(m);
        }
        CHECK((by_scopes == 0) == waits);
        CHECK(m.snapshot().find("long")->calls == 20);
    }
}

TEST_CASE("edge cost: a read is put off if visiting the thread's scopes would exceed the budget") {
    engine_test::metered_machine b(100_W);
    {
        scope first{b.m, "first"};
        for (int i = 0; i < 1'999; ++i) scope s{b.m, "path " + std::to_string(i)};
    }
    auto& tree = static_cast<detail::thread_context&>(*testing::access::cursor_in(b.m));
    REQUIRE(tree.nodes().size() == 2'000);
    const auto affords = [&](std::uint64_t lived) {
        return detail::edge_is_affordable(tree, 1'000, 0.01, tree.created_at + lived, 1e-9);
    };
    tree.edge_ticks = 0;
    CHECK(affords(0));  // nothing is known of it yet
    detail::note_attribution(tree, 2'001 * 900);
    detail::note_attribution(tree, 2'001 * 3'000);  // once, something else ran meanwhile
    CHECK_FALSE(affords(0));                        // 1.8 ms
    CHECK_FALSE(affords(80'000'000));
    CHECK(affords(80'200'000));
}

TEST_CASE("edge cost: a first call that a sample finds open is read where it ends as well") {
    simulated_machine machine;
    simulated_counter counter = exact_counter();
    counter.period = 1ms;
    meter m{machine.options_with({std::move(counter)})};
    machine.attach(m);
    machine.draw(100_W);
    constexpr int phases = 60;  // samples find some of them shorter than is worth an edge read
    for (int i = 0; i < phases; ++i) {
        scope s{m, "phase " + std::to_string(i)};
        machine.run(37ms);
    }
    CHECK(m.snapshot().overhead.edge_reads == 2 * phases);
}
