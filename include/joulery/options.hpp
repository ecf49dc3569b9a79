// options.hpp - what a meter can be told; nothing of it has to be.
// SPDX-License-Identifier: MIT
#pragma once

#include "joulery/attribution.hpp"
#include "joulery/backend.hpp"
#include "joulery/carbon/carbon_model.hpp"
#include "joulery/detail/timing/time_source.hpp"

#include <chrono>
#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <vector>

namespace joulery {
inline namespace v1 {

/// Settings of a meter, with the defaults that suit most programs.
///
///     options o;
///     o.run_name = "resnet-50, fp16";
///     o.reports = {"-", "run.json"};
///     joulery::start(std::move(o));
struct options {
    std::string run_name;
    std::vector<std::unique_ptr<backend>> backends;  ///< empty: what the machine has
    std::chrono::nanoseconds period{};               ///< between two samples; 0: each backend's own
    double overhead_budget = 0.01;  ///< share of a scope's time that its edge reads may take
    joulery::attribution attribution = joulery::attribution::shared;
    carbon_model carbon;
    std::vector<std::string> reports;  ///< "-" (table on stderr), "run.json", ...; written at stop
    /// Calls of scopes kept for the trace, at most that many a thread; the rest are counted. 0:
    /// none. Keeping them takes each scope off the fast path: a short one costs some 100 ns more.
    std::size_t record_slices = 0;
    /// One status line on stderr while the process-wide meter runs, where that is a terminal.
    bool live = false;
    std::shared_ptr<time_source> clock;  ///< for tests; null: the processor's tick counter
    /// What the summed channels draw when nothing runs, given or measured (`measure_idle_power`);
    /// splits each scope's joules into idle and active in the report. 0: not split.
    power idle_power;
    /// For `attribution::process`: this process's share (0 to 1) of the machine's work since the
    /// last call; empty: by processor time.
    std::function<double()> process_share;
    std::vector<std::string> warnings;  ///< for the report: what opening the backends had to say
};

}  // namespace v1
}  // namespace joulery
