// What the library does for a program grows in proportion to its paths: reads at edges, samples and
// reports. The test counts executed basic blocks, which tests/CMakeLists.txt makes the compiler
// report: four times the paths may take five times the blocks, not sixteen times.
#define JOULERY_IMPLEMENTATION
#include "joulery/joulery.hpp"

#include "joulery/testing/virtual_thread.hpp"

#include "engine/support.hpp"

#include <doctest/doctest.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <list>
#include <optional>
#include <string>
#include <vector>

#include "work_counter.hpp"

using namespace joulery;
using namespace joulery::literals;
using namespace std::chrono_literals;

namespace {

template <class Run>
double blocks(const Run& run) {
    const std::uint64_t before = work_counter::blocks();
    run();
    return static_cast<double>(work_counter::blocks() - before);
}

// A program whose steps are read at their edges, each with short phases of as many paths inside.
struct program_of_steps : engine_test::metered_machine {
    explicit program_of_steps(std::size_t phases)
        : metered_machine([](testing::simulated_machine& machine) {
              testing::simulated_counter counter = engine_test::exact_counter();
              counter.period = 1ms;
              options o = machine.options_with({counter});
              o.overhead_budget = 0.5;
              return o;
          }) {
        draw(100_W);
        for (std::size_t i = 0; i < phases; ++i) names.emplace_back("phase " + std::to_string(i));
        for (int i = 0; i < 5; ++i) run_step();
    }
    /// The blocks that its end takes.
    double run_step() {
        std::optional<scope> step(std::in_place, m, "step");
        for (const scope_name& n : names) {
            scope s{m, n};
            run(100us);
        }
        return blocks([&] { step.reset(); });
    }
    std::vector<scope_name> names;
};

struct costs {
    double work, report;  ///< `work`: at an edge, or in 100 ms
};
costs costs_with(std::size_t phases) {
    program_of_steps program(phases);
    const std::uint64_t reads = program.m.snapshot().overhead.edge_reads;
    costs c{};
    c.work = program.run_step();
    REQUIRE(program.m.snapshot().overhead.edge_reads > reads);
    c.report = blocks([&] { (void)program.m.snapshot(); });
    return c;
}

}  // namespace

TEST_CASE("linear cost: the end of a scope and a report take time in proportion to the paths") {
    const costs small = costs_with(300), large = costs_with(1'200);
    REQUIRE(small.work > 300);  // the counter works
    CHECK(large.work / small.work < 5);
    CHECK(large.report / small.report < 5);
}

TEST_CASE("linear cost: a report takes little more for paths inside a scope than for others") {
    double of_report[2];
    for (const bool inside : {false, true}) {
        engine_test::metered_machine b([](testing::simulated_machine& machine) {
            std::vector<testing::simulated_counter> counters;
            for (int i = 0; i < 8; ++i)
                counters.push_back(engine_test::exact_counter("cpu" + std::to_string(i)));
            return machine.options_with(counters);
        });
        b.draw(100_W);
        std::optional<scope> around;
        if (inside) around.emplace(b.m, "around");
        for (int i = 0; i < 600; ++i) {
            scope s{b.m, "phase " + std::to_string(i)};
            b.run(100us);
        }
        (void)b.m.snapshot();
        of_report[inside] = blocks([&] { (void)b.m.snapshot(); });
    }
    CHECK(of_report[true] < 1.6 * of_report[false]);
}

TEST_CASE("linear cost: a sample and a report take time in proportion to the threads") {
    const auto costs_with_threads = [](int count) {
        engine_test::metered_machine b(100_W);
        std::list<testing::virtual_thread> threads;
        std::list<scope> scopes;
        for (int i = 0; i < count; ++i) {
            testing::virtual_thread& t = threads.emplace_back(b.m);
            scopes.emplace_back(t, "worker");
            scopes.emplace_back(t, "phase " + std::to_string(i % 20));
        }
        b.run(1s);
        costs c{};
        c.work = blocks([&] { b.run(100ms); });
        c.report = blocks([&] { (void)b.m.snapshot(); });
        while (!scopes.empty()) scopes.pop_back();
        return c;
    };
    const costs small = costs_with_threads(100), large = costs_with_threads(400);
    CHECK(large.work / small.work < 5);
    CHECK(large.report / small.report < 5);
}
