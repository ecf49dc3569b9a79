// mpi.hpp - one report of all the ranks of an MPI program.
// SPDX-License-Identifier: MIT
#pragma once

// Without MPI's header (compile with mpicxx) there is nothing here to declare.
#if defined(__has_include)
#if __has_include(<mpi.h>)

#include "joulery/detail/core/config.hpp"
#include "joulery/detail/report/report_merger.hpp"
#include "joulery/report.hpp"
#include "joulery/report_io.hpp"
#include "joulery/result.hpp"

#include <mpi.h>

#include <limits>
#include <string>
#include <vector>

namespace joulery {
inline namespace v1 {

namespace detail {

/// A communicator of our own, so that no message of the program's is taken for ours.
class private_communicator {
 public:
    explicit private_communicator(MPI_Comm from) {
        if (MPI_Comm_dup(from, &comm_) != MPI_SUCCESS) comm_ = MPI_COMM_NULL;
    }
    private_communicator(const private_communicator&) = delete;
    private_communicator& operator=(const private_communicator&) = delete;
    ~private_communicator() {
        if (comm_ != MPI_COMM_NULL) MPI_Comm_free(&comm_);
    }
    [[nodiscard]] MPI_Comm get() const noexcept { return comm_; }

 private:
    MPI_Comm comm_ = MPI_COMM_NULL;
};

inline result<report> receive_report(int rank, MPI_Comm comm) {
    const std::string who = "the report of rank " + std::to_string(rank);
    MPI_Status status;
    int size = 0;
    if (MPI_Probe(rank, 0, comm, &status) != MPI_SUCCESS ||
        MPI_Get_count(&status, MPI_CHAR, &size) != MPI_SUCCESS || size < 0)
        return failure{who + " did not come", ""};
    std::string text(static_cast<std::size_t>(size), '\0');
    if (MPI_Recv(text.data(), size, MPI_CHAR, rank, 0, comm, MPI_STATUS_IGNORE) != MPI_SUCCESS)
        return failure{who + " did not come", ""};
    result<report> r = from_json(text);
    if (!r) return failure{who + ": " + r.error().reason, r.error().remedy};
    return r;
}

}  // namespace detail

/// Gathers what every rank measured at rank 0 and merges it: ranks of one node read the same
/// counters, so their node's energy is counted once; nodes add up.
///
/// Collective: every rank of `comm` calls it, after MPI_Init and before MPI_Finalize. Rank 0 gets
/// the merged report, the others their own back.
/// Cost:  one message a rank; memory on rank 0 for one report at a time and the merged one.
/// Fails: a rank's report that does not come or can't be read is missing in the merged one, which
///        says so in its warnings. No communicator to be had: every rank gets a failure.
///
///     result<report> all = gather_reports(joulery::snapshot(), MPI_COMM_WORLD);
///     if (rank == 0 && all) write_report(*all, "run.html");
[[nodiscard]] inline result<report> gather_reports(const report& mine, MPI_Comm comm) {
    const detail::private_communicator ours(comm);
    int rank = 0, count = 1;
    if (ours.get() == MPI_COMM_NULL || MPI_Comm_rank(ours.get(), &rank) != MPI_SUCCESS ||
        MPI_Comm_size(ours.get(), &count) != MPI_SUCCESS)
        return failure{"reports not gathered: MPI gives no communicator",
                       "call it between MPI_Init and MPI_Finalize, on every rank"};
    if (rank != 0) {
        std::string text = to_json(mine);
        // More than MPI can count can't be sent; rank 0 reports what it then finds.
        if (text.size() > static_cast<std::size_t>(std::numeric_limits<int>::max())) text.clear();
        MPI_Send(text.data(), static_cast<int>(text.size()), MPI_CHAR, 0, 0, ours.get());
        return mine;
    }
    report_merger all;
    all.add(mine);
    std::vector<std::string> missing;
    for (int from = 1; from < count; ++from) {
        const result<report> r = detail::receive_report(from, ours.get());
        if (r) {
            all.add(*r);
        } else {
            missing.push_back(r.error().reason + "; it is missing here");
        }
    }
    report merged = all.finish();
    merged.warnings.insert(merged.warnings.end(), missing.begin(), missing.end());
    return merged;
}

}  // namespace v1
}  // namespace joulery

#endif
#endif
