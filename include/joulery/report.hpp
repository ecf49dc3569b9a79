// report.hpp - what a run cost, as plain data; every writer prints this.
// SPDX-License-Identifier: MIT
#pragma once

#include "joulery/backend.hpp"
#include "joulery/carbon/carbon_model.hpp"
#include "joulery/detail/core/list.hpp"
#include "joulery/detail/metering/channel_account.hpp"
#include "joulery/histogram.hpp"
#include "joulery/quality.hpp"
#include "joulery/units.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace joulery {
inline namespace v1 {

/// One call of a scope on one thread.
struct scope_slice {
    std::size_t scope = 0;     ///< index of its row in `report::scopes`
    std::uint64_t thread = 0;  ///< index in `slice_record::threads`
    seconds begin{0};          ///< since the start of the run
    seconds length{0};
    double joules = 0;  ///< not-a-number if the energy of a single call is unknown
};

/// Power over time in equal steps, one series per channel. Memory is bounded: when it is full,
/// pairs of steps are joined and `step` doubles.
struct power_history {
    seconds begin{0};                        ///< of the first step, since the start of the run
    seconds step{0};                         ///< length of a step; 0: no history was kept
    std::vector<std::vector<double>> watts;  ///< by channel, mean of each step; NaN: unmeasured
    std::vector<scope_slice> bands;          ///< the longest calls, for orientation; bounded
};

/// Single calls, recorded only on request; bounded, and calls that don't fit are counted.
struct slice_record {
    std::vector<std::string> threads;  ///< their names; may be empty
    std::vector<scope_slice> slices;   ///< in any order
    std::uint64_t dropped = 0;         ///< calls that did not fit
};

/// The conditions of a run; figures can't be compared without them.
struct run_context {
    std::string run_name;       ///< as the user named it; may be empty
    std::string run_id;         ///< unique to the run: machine, process and start
    std::string machine;        ///< identifies the machine: one machine's energy is counted once
    std::string host;           ///< host name
    std::string cpu;            ///< processor name as the system gives it
    std::string hardware;       ///< "2 x AMD EPYC 9554, 3 x NVIDIA H100 80GB HBM3"
    std::string os;             ///< operating system and kernel
    unsigned logical_cpus = 0;  ///< hardware threads
    std::string library;        ///< "joulery 0.1.0"
    std::string clock;          ///< "tsc", "cntvct", "steady", "manual"
    std::string attribution;    ///< "shared", "inclusive", "process"
    wall_time started;          ///< a label; durations come from the monotonic clock
    seconds duration{0};        ///< from start to this report
    std::optional<power> idle_power;  ///< of the summed channels, where it was stated
    carbon_model carbon;              ///< what turned joules into CO2e
};

/// The hardware of a run, or at least its processor.
[[nodiscard]] inline const std::string& hardware_of(const run_context& c) noexcept {
    return c.hardware.empty() ? c.cpu : c.hardware;
}

/// One channel: what it is, what it read, and whether it is part of the total.
struct channel_row {
    std::string id;       ///< "cpu0/package"; if several machines are merged "node1:cpu0/package"
    std::string machine;  ///< in reports of several machines; "": the context's machine
    std::string backend;
    std::string model;  ///< product name: "NVIDIA H100 80GB HBM3"; may be empty
    component part = component::other;
    reading_kind kind = reading_kind::energy_counter;
    quality provenance = quality::measured;  ///< `partial` where something is missing
    std::string parent;                      ///< id of the containing channel; "" for a root
    bool summed = true;                      ///< part of `report::total`
    std::string exclusion_reason;            ///< if not summed: what contains it
    energy total;                            ///< since the start of the run
    energy unscoped;                         ///< part of `total` outside all scopes
    double quantum_joules = 0;               ///< smallest step
    seconds update_period{0};                ///< of the hardware, as declared
    double relative_error = 0;         ///< stated error of the sensor (fraction); 0: not stated
    bool locked = false;               ///< updates are predicted: samples are taken just after them
    seconds observed_period{0};        ///< between two updates; if not locked, as declared
    seconds observed_jitter{0};        ///< standard deviation of that
    seconds timestamp_uncertainty{0};  ///< how late the last sample may have come after its update
    channel_tally tally;               ///< reads, wraps, resets, failures, gaps
    std::string state = "ok";  ///< "ok", "silent" (no value, or no longer), "gone", "failed"
};

/// How a figure is distributed over the calls of a scope; all zero if unknown.
template <class T>
struct percentiles {
    T p50{}, p90{}, p99{}, max{};
};

/// One scope in the tree, summed over all its calls and threads. A row is identified by its name
/// and its parent. Its path is for display, and two rows may have the same one: a scope "a/b", and
/// a scope "b" in a scope "a".
struct scope_row {
    static constexpr std::size_t no_parent = ~std::size_t{0};

    std::size_t parent = no_parent;  ///< index in `report::scopes` of the row that encloses it
    std::string name;                ///< "forward"; as the program gave it
    std::string path;                ///< "train/step/forward"
    std::uint64_t calls = 0;         ///< times it was entered
    /// Calls, out of `calls`, that were not timed because the scope is short; the timed calls stand
    /// for them.
    std::uint64_t untimed_calls = 0;
    seconds time{0};              ///< spent inside, summed over threads; of spans, begin to end
    seconds time_uncertainty{0};  ///< k = 2, of `time`, if some calls were not timed
    /// Time that threads spent in it, including its tasks on other threads; empty: same as `time`.
    std::optional<seconds> busy_time;
    energy total;                    ///< of the summed channels, children included
    energy self;                     ///< `total` less what the children used
    std::vector<energy> by_channel;  ///< total by channel, in the order of `report::channels`
    std::optional<energy> idle;      ///< part of `total` that the idle machine would have used
    energy uncertainty;              ///< k = 2, of `total`; without the sensor's own error
    emissions co2e;                  ///< of `total`
    double items = 0;                ///< added by `scope::add_items`
    std::string item_name;           ///< "sample", "token"; "" where no items were added
    quality provenance = quality::measured;
    std::string method;  ///< how the joules were found: "edges", "regression", "share"
    /// Over single calls: for spans, for long scopes, and for all with `options.percentiles`.
    percentiles<seconds> call_time;
    percentiles<energy> call_energy;
    /// How the energies of single calls were found. "edges": the counters were read at both ends
    /// and nothing else was running. "time": each call's time at the mean power of the row, which
    /// is the best possible for short calls. "tasks": for spans, the times of their tasks at the
    /// tasks' powers. "": `call_energy` is unknown.
    std::string call_method;
    histogram call_times;     ///< s; `call_time` is made from it
    histogram call_energies;  ///< J, for spans and calls read at their edges
};

/// The time during which a scope's energy was used: the time of all threads that worked for it.
[[nodiscard]] inline seconds busy_time_of(const scope_row& row) {
    return row.busy_time.value_or(row.time);
}

/// Whether a histogram has all calls of a row, to within 1 %; open calls are not in it yet.
[[nodiscard]] inline bool has_calls_of(const scope_row& row, const histogram& h) {
    const std::uint64_t known = h.count();
    return known > 0 && static_cast<double>(known) >= 0.99 * static_cast<double>(row.calls);
}

/// Sets the percentiles of a row from its histograms; they are unknown if more than 1 % of its
/// calls are missing. `call_method` stays "tasks" if it was.
inline void set_percentiles(scope_row& row) {
    row.call_time = {};
    row.call_energy = {};
    const bool of_spans = row.call_method == "tasks";
    if (!of_spans) row.call_method.clear();
    if (!has_calls_of(row, row.call_times)) return;
    const auto fill = [](const histogram& h, auto make) {
        const auto at = h.values_at<3>({50, 90, 99});
        return percentiles<decltype(make(0.0))>{make(at[0]), make(at[1]), make(at[2]),
                                                make(h.largest())};
    };
    row.call_time = fill(row.call_times, [](double s) { return seconds(s); });
    if (has_calls_of(row, row.call_energies)) {
        row.call_energy = fill(row.call_energies, energy::from_joules);
        if (!of_spans) row.call_method = "edges";
    } else if (!of_spans && row.time.count() > 0) {
        const double watts = row.total.joules() / row.time.count();
        row.call_energy =
            fill(row.call_times, [&](double time) { return energy::from_joules(time * watts); });
        row.call_method = "time";
    }
}

/// The histogram behind `call_energy`.
[[nodiscard]] inline const histogram& energies_of_calls(const scope_row& row) {
    return row.call_method == "time" ? row.call_times : row.call_energies;
}

/// What reading one backend cost; backends with the same name (several GPUs) are added up.
struct reading_cost {
    std::string backend;
    std::uint64_t reads = 0;  ///< by its samplers, at edges and for reports
    seconds time{0};          ///< spent in reads, waiting included
    seconds longest{0};       ///< of a single read
    seconds sampler{0};       ///< processor time of its samplers: reading and attribution
};

/// What the measurement itself cost.
struct self_cost {
    seconds sampler{0};  ///< processor time of the sampler threads and of checkpoints
    /// Part of `sampler` spent on attributing the energy to scopes; the rest is waking up and
    /// reading.
    seconds attribution{0};
    seconds edges{0};  ///< time of the scopes' own threads spent reading counters
    /// Approximate time that threads spent beginning and ending scopes: calls times the cost of two
    /// tick reads on this machine. Not included in the shares.
    seconds scopes{0};
    double share_of_wall = 0;         ///< (sampler + edges) / duration
    double share_of_cpu = 0;          ///< (sampler + edges) / processor time of the process
    std::uint64_t samples = 0;        ///< reads by the sampler
    std::uint64_t edge_reads = 0;     ///< reads at the edges of scopes
    std::uint64_t skipped_edges = 0;  ///< edges left to the sampler: busy, or over the budget
    energy joules;  ///< of sampler and edges, at the mean power of a busy processor
    std::vector<reading_cost> reading;  ///< by backend
};

/// One run, as needed for merging reports: when, where, and what each channel read.
struct run_span {
    std::string run_id;
    std::string machine;
    std::string host;  ///< prefix of its channels in merged reports; "": the context's host
    double begin = 0;  ///< seconds since 1970 (UTC)
    double end = 0;
    std::vector<energy>
        by_channel;  ///< of the machine's channels, in the order of `report::channels`
};

/// The result of a run, or of several merged. Plain data.
///
///     joulery::report r = joulery::snapshot();
///     if (auto* row = r.find("train/step")) std::cout << row->total.joules() << " J\n";
///     std::cout << to_text(r);
struct report {
    run_context context;
    std::vector<channel_row> channels;
    std::vector<scope_row> scopes;  ///< parents before their children, siblings as first visited
    energy total;                   ///< sum of the summed channels since the start
    energy unscoped;                ///< part of `total` outside all scopes
    emissions co2e;                 ///< of `total`
    quality provenance = quality::partial;  ///< the worst of the summed channels; partial if none
    self_cost overhead;
    std::vector<std::string> warnings;
    std::vector<run_span> runs;  ///< the runs in this report: one, unless merged
    power_history history;       ///< empty unless kept; merging drops it
    slice_record slices;         ///< empty unless recorded; merging drops it

    /// The first row with that path, or null. Linear in the number of rows.
    [[nodiscard]] const scope_row* find(std::string_view path) const noexcept {
        for (const scope_row& row : scopes)
            if (row.path == path) return &row;
        return nullptr;
    }
    /// The row of a channel, or null.
    [[nodiscard]] const channel_row* find_channel(std::string_view id) const noexcept {
        for (const channel_row& row : channels)
            if (row.id == id) return &row;
        return nullptr;
    }
};

/// One interval of a run, for programs that report while they run. The windows of a run add up to
/// its report, and no figure in them is negative: later corrections change only later windows.
struct interval_report {
    std::uint64_t number = 0;  ///< 1 for the first
    report window;             ///< of this interval alone, as from `difference`
    report so_far;             ///< of the run up to the end of the interval
    bool is_last = false;      ///< the last interval of the run
};

}  // namespace v1
}  // namespace joulery
