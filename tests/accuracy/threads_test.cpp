// How accurate joules are with several threads: waiting threads are not charged, shared energy is
// split by busy time, and error bars hold. bench/accuracy prints the whole table.
#include "accuracy/thread_conditions.hpp"
#include "sanitized.hpp"

#include <doctest/doctest.h>

#include <cstdint>
#include <map>
#include <random>
#include <string>
#include <string_view>
#include <utility>

namespace {

struct outcome {
    error_summary scopes, waiting, outside, total;
};
// A few programs of 20 s under the condition of that name; `seeds`: the first, and one beyond the
// last.
outcome outcome_of(std::string_view name,
                   std::pair<std::uint64_t, std::uint64_t> seeds = {11, is_sanitized ? 12 : 16}) {
    outcome all;
    for (const thread_condition& c : accuracy_conditions::all_threads()) {
        if (c.name != name) continue;
        for (std::uint64_t seed = seeds.first; seed < seeds.second; ++seed) {
            std::mt19937_64 random(seed);
            thread_program p = c.program(random);
            p.duration = 20;
            const thread_outcome o = thread_player(std::move(p), seed).run();
            all.scopes.add(o.scopes);
            all.waiting.add(o.waiting);
            all.outside.add(o.outside);
            all.total.add(o.total);
        }
    }
    REQUIRE(all.scopes.size() > 0);
    return all;
}

}  // namespace

TEST_CASE("threads: a scope that waits for others gets almost none of their energy") {
    for (const char* name : {"main waits for 3 workers", "barrier of 4 threads"}) {
        CAPTURE(name);
        const outcome o = outcome_of(name);
        CHECK(o.waiting.worst() <= 3);
        CHECK(o.waiting.cover() == 100);
        CHECK(o.scopes.median() <= 5);
        CHECK(o.scopes.cover() >= 90);
    }
}

TEST_CASE("threads: how phases cut out by scopes share the idle power is known to be unknown") {
    const outcome o = outcome_of("main waits for 3 workers", {6, is_sanitized ? 9 : 12});
    CHECK(o.scopes.cover() >= 90);
}

TEST_CASE("threads: whatever threads do together, error bars hold the truth") {
    const outcome o = outcome_of("any threads", {23, is_sanitized ? 27 : 43});
    CHECK(o.scopes.median() <= 10);
    CHECK(o.scopes.cover() >= 90);
    CHECK(o.waiting.cover() >= 80);
}

TEST_CASE("threads: a thread that is always in scopes hides how large the idle power is") {
    // Only the moments in which counters are read between its scopes seem to show it.
    using accuracy_conditions::kind;
    thread_program p;
    p.jitter = 0.2;
    p.threads = {
        {{kind::work, "a", 30e-3, 18}, {kind::work, "b", 8e-3, 41}, {kind::wait, "wait", 0, 0}},
        {{kind::work, "c", 22e-3, 32}, {kind::work, "d", 34e-3, 58}, {kind::wait, "wait", 0, 0}}};
    p.duration = 20;
    error_summary all;
    for (std::uint64_t seed = 1; seed < 5; ++seed) all.add(thread_player(p, seed).run().scopes);
    CHECK(all.bar_median() > 15);
    CHECK(all.cover() >= 90);
}

TEST_CASE("threads: threads with gaps share energy by their busy times") {
    for (const char* name : {"4 threads with gaps", "2 threads, half idle"}) {
        CAPTURE(name);
        const outcome o = outcome_of(name);
        CHECK(o.scopes.median() <= 2);
        CHECK(o.scopes.worst() <= 10);
        CHECK(o.scopes.cover() >= 90);
        CHECK(o.outside.median() <= 5);
        CHECK(o.total.worst() <= 1e-2);
    }
}

TEST_CASE("threads: tasks of a thread pool are separated far better than by time") {
    const outcome o = outcome_of("uneven pool of 2 threads");
    CHECK(o.scopes.median() < o.scopes.share_median() / 10);
    CHECK(o.scopes.cover() >= 90);
}

TEST_CASE("threads: other processes keep their energy, and all adds up to the machine's") {
    const outcome o = outcome_of("process, 4 threads with gaps");
    CHECK(o.scopes.median() <= 2);
    CHECK(o.scopes.cover() >= 90);
    CHECK(o.total.worst() <= 1e-2);
}

TEST_CASE("threads: inclusive scopes get all the energy used while they were open") {
    const outcome o = outcome_of("inclusive, 4 threads, 50 ms", {6, is_sanitized ? 8 : 12});
    CHECK(o.scopes.median() <= 0.5);
    CHECK(o.scopes.worst() <= 3);
    CHECK(o.scopes.cover() >= 90);
}

TEST_CASE("threads: inseparable threads share energy equally, with error bars that admit it") {
    const outcome o = outcome_of("4 threads, always busy");
    CHECK(o.scopes.median() <= o.scopes.share_median() * 1.1);
    CHECK(o.scopes.bar_median() > 30);
    CHECK(o.scopes.cover() >= 90);
}

TEST_CASE("threads: what ran beside an inclusive scope is in its error bar where it is not known") {
    using accuracy_conditions::kind;
    for (const double length : {0.5e-3, 5e-3, 50e-3}) {
        CAPTURE(length);
        // Three threads in step: each scope always runs beside the same two.
        thread_program in_step;
        const thread_step meet{kind::wait, "", 0, 0};
        for (const char* t : {"1", "2", "3"})
            in_step.threads.push_back({{kind::work, std::string("a") + t, length, 60},
                                       meet,
                                       {kind::work, std::string("b") + t, length, 5},
                                       meet});
        std::mt19937_64 random(3);
        for (thread_program p :
             {in_step, accuracy_conditions::busy_threads(3, random, length, length)}) {
            p.attribution = joulery::attribution::inclusive;
            p.duration = 10;
            error_summary all;
            for (std::uint64_t seed = 1; seed < 4; ++seed)
                all.add(thread_player(p, seed).run().scopes);
            CHECK(all.cover() >= 90);
        }
    }
}
