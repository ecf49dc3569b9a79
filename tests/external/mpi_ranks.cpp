// tests/external/mpi_ranks.cpp - ranks on one machine that all read the same 100 W counter.
//
//     mpicxx -std=c++17 -Iinclude tests/external/mpi_ranks.cpp -o mpi_ranks -pthread -ldl
//     mpirun -np 4 mpi_ranks
#include "joulery/backend.hpp"
#include "joulery/integration/mpi.hpp"
#include "joulery/meter.hpp"
#include "joulery/scope.hpp"

#include <mpi.h>

#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstdlib>

using namespace joulery;

namespace {

constexpr double watts = 100;

// CLOCK_MONOTONIC is the same for all processes of a machine: a counter that they share.
double joules_so_far() {
    return watts *
           std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch())
               .count();
}

void work() {
    volatile double sum = 0;
    for (int i = 1; i < 30'000'000; ++i) sum = sum + 1.0 / i;
}

void expect(bool condition, const char* what) {
    if (condition) return;
    std::printf("FAILED: %s\n", what);
    MPI_Abort(MPI_COMM_WORLD, 1);
}

}  // namespace

int main(int argc, char** argv) {
    MPI_Init(&argc, &argv);
    int rank = 0, count = 0;
    MPI_Comm_rank(MPI_COMM_WORLD, &rank);
    MPI_Comm_size(MPI_COMM_WORLD, &count);
    {
        options o;
        channel c;
        c.id = "node/psu";
        c.part = component::platform;
        c.joules_per_count = 1e-6;
        o.backends.push_back(make_backend("shared", c, joules_so_far));
        meter m(std::move(o));
        MPI_Barrier(MPI_COMM_WORLD);
        {
            scope s(m, "work");
            s.add_items(10, "sample");
            work();
        }
        MPI_Barrier(MPI_COMM_WORLD);
        const report mine = m.snapshot();
        const result<report> all = gather_reports(mine, MPI_COMM_WORLD);
        expect(static_cast<bool>(all), "the reports are gathered");
        expect(rank == 0 || all->total == mine.total, "other ranks keep their own report");
        if (rank == 0) {
            double summed = 0;
            for (const run_span& run : all->runs) summed += run.by_channel[0].joules();
            const double mean = (all->total / all->context.duration).watts();
            std::printf("%zu runs, %.1f J read by all together, %.1f J used, %.1f W\n",
                        all->runs.size(), summed, all->total.joules(), mean);
            expect(all->runs.size() == static_cast<std::size_t>(count), "every rank is in");
            expect(all->channels.size() == 1, "one machine, one channel");
            expect(std::fabs(mean - watts) < 0.2 * watts, "the machine's power is counted once");
            expect(summed > 0.8 * count * all->total.joules(), "each rank read nearly all of it");
            const scope_row* row = all->find("work");
            expect(row != nullptr && row->calls == static_cast<std::uint64_t>(count),
                   "calls of all ranks add up");
            expect(row != nullptr && row->items == 10.0 * count, "items of all ranks add up");
            expect(row != nullptr && std::fabs((row->self + all->unscoped - all->total).joules()) <
                                         1e-6 * all->total.joules(),
                   "scopes + unscoped = total");
            std::puts("passed: four ranks of one machine count it once");
        }
    }
    MPI_Finalize();
}
