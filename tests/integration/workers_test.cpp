// Threads without scopes: the energy of a pool's workers belongs to the scope that waits for them.
#include "joulery/backend.hpp"
#include "joulery/meter.hpp"
#include "joulery/scope.hpp"

#include <doctest/doctest.h>

#include <chrono>
#include <ctime>
#include <thread>
#include <utility>
#include <vector>

using namespace joulery;
using namespace std::chrono_literals;

namespace {

double seconds_of(clockid_t clock) {
    ::timespec t{};
    ::clock_gettime(clock, &t);
    return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_nsec) * 1e-9;
}

/// A counter of 1 W for each busy thread of this process.
meter meter_of_processor_time() {
    channel c;
    c.id = "cpu0/package";
    options o;
    o.period = 1ms;
    o.backends.push_back(
        make_backend("processor time", c, [] { return seconds_of(CLOCK_PROCESS_CPUTIME_ID); }));
    return meter{std::move(o)};
}

void work_for(double processor_seconds) {
    const double end = seconds_of(CLOCK_THREAD_CPUTIME_ID) + processor_seconds;
    while (seconds_of(CLOCK_THREAD_CPUTIME_ID) < end) {
    }
}

constexpr int workers = 4;
constexpr double each = 0.03;  // processor seconds, and joules

/// The joules of a scope around `parallel_work`, and of the whole process meanwhile.
template <class Work>
void check_that_the_waiting_scope_has_it(Work parallel_work) {
    meter m = meter_of_processor_time();
    {
        scope s{m, "parallel"};
        parallel_work();
    }
    const report r = m.snapshot();
    const scope_row* row = r.find("parallel");
    REQUIRE(row != nullptr);
    // Its own thread uses at most a quarter.
    CHECK(row->total.joules() >= 0.7 * workers * each);
    CHECK((row->total + r.unscoped).joules() <= r.total.joules() * (1 + 1e-9));
    CHECK(r.scopes.size() == 1);
}

}  // namespace

TEST_CASE("workers: a scope that waits for threads without scopes gets their joules") {
    check_that_the_waiting_scope_has_it([] {
        std::vector<std::thread> pool;
        for (int i = 0; i < workers; ++i) pool.emplace_back([] { work_for(each); });
        for (std::thread& t : pool) t.join();
    });
}

#if defined(_OPENMP)
TEST_CASE("workers: a scope around an OpenMP loop gets the joules of the whole team") {
    check_that_the_waiting_scope_has_it([] {
#pragma omp parallel for num_threads(workers) schedule(static, 1)
        for (int i = 0; i < workers; ++i) work_for(each);
    });
}
#endif
