// mpi.hpp - one report for all ranks of an MPI program.
// SPDX-License-Identifier: MIT
#pragma once

// Declares nothing without MPI's header (compile with mpicxx).
#if defined(__has_include)
#if __has_include(<mpi.h>)

#include "joulery/detail/core/config.hpp"
#include "joulery/detail/report/merge.hpp"
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

/// A separate communicator, so that messages of the program and of the library don't mix.
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
        return failure{who + " did not arrive", ""};
    std::string text(static_cast<std::size_t>(size), '\0');
    if (MPI_Recv(text.data(), size, MPI_CHAR, rank, 0, comm, MPI_STATUS_IGNORE) != MPI_SUCCESS)
        return failure{who + " did not arrive", ""};
    result<report> r = from_json(text);
    if (!r) return failure{who + ": " + r.error().reason, r.error().remedy};
    return r;
}

}  // namespace detail

/// Gathers the reports of all ranks at rank 0 and merges them. Ranks on one node read the same
/// counters, so a node's energy counts once; nodes add up.
///
/// Collective: every rank of `comm` calls it, after MPI_Init and before MPI_Finalize. Rank 0 gets
/// the merged report, the others get their own back.
/// Cost:   one message per rank; memory on rank 0 for one report at a time and the merged one.
/// Fails:  if a rank's report does not arrive or can't be read, the merged report lacks it, with a
///         warning. If MPI gives no communicator, every rank gets a failure.
///
///     result<report> all = gather_reports(joulery::snapshot(), MPI_COMM_WORLD);
///     if (rank == 0 && all) write_report(*all, "run.html");
[[nodiscard]] inline result<report> gather_reports(const report& mine, MPI_Comm comm) {
    const detail::private_communicator reports_only(comm);
    int rank = 0, count = 1;
    if (reports_only.get() == MPI_COMM_NULL ||
        MPI_Comm_rank(reports_only.get(), &rank) != MPI_SUCCESS ||
        MPI_Comm_size(reports_only.get(), &count) != MPI_SUCCESS)
        return failure{"reports not gathered: MPI gives no communicator",
                       "call it between MPI_Init and MPI_Finalize, on every rank"};
    if (rank != 0) {
        std::string text = to_json(mine);
        // A report larger than MPI can send is not sent; rank 0 then reports it as missing.
        if (text.size() > static_cast<std::size_t>(std::numeric_limits<int>::max())) text.clear();
        MPI_Send(text.data(), static_cast<int>(text.size()), MPI_CHAR, 0, 0, reports_only.get());
        return mine;
    }
    report_merger all;
    all.add(mine);
    std::vector<std::string> missing;
    for (int from = 1; from < count; ++from) {
        const result<report> r = detail::receive_report(from, reports_only.get());
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
