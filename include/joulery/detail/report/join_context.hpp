// join_context.hpp - merges the conditions of two runs.
// SPDX-License-Identifier: MIT
#pragma once

#include "joulery/detail/core/list.hpp"
#include "joulery/detail/report/fields.hpp"
#include "joulery/report.hpp"

#include <algorithm>
#include <string>

namespace joulery {
inline namespace v1 {

/// The value of a field in which merged runs differ.
inline constexpr const char* mixed = "mixed";

/// `mine` if both are the same, "mixed" otherwise.
inline void join_text(std::string& mine, const std::string& other) {
    if (mine != other) mine = mixed;
}

/// Like `join_text`, but an empty text is ignored.
inline void join_stated(std::string& mine, const std::string& other) {
    if (mine.empty()) mine = other;
    if (!other.empty()) join_text(mine, other);
}

/// If the runs' factors differ, the merged run has no single factor: place and source become
/// "mixed", and `report_merger` states the resulting intensity.
inline void join_carbon(carbon_model& mine, const carbon_model& other) {
    if (detail::same_value(mine, other)) return;
    grid_factor& g = mine.grid;
    if (!detail::same_value(g, other.grid)) {
        if (g.year != other.grid.year) g.year = 0;
        g.assumed = g.assumed || other.grid.assumed;
        join_text(g.boundary, other.grid.boundary);
        join_text(g.accounting, other.grid.accounting);
        join_text(g.kind, other.grid.kind);
        join_text(g.method, other.grid.method);
        join_text(g.source, other.grid.source);
    }
    if (mine.pue != other.pue) {
        mine.pue = 1.0;
        mine.pue_source = "mixed, contained in the intensity";
    } else {
        join_text(mine.pue_source, other.pue_source);
    }
    g.place = mixed;
    // A mix keeps nothing that is specific to one place, contract or machine.
    mine.series.reset();
    mine.alternatives.clear();
    if (!detail::same_value(mine.market, other.market)) mine.market.reset();
    if (!detail::same_value(mine.water, other.water)) mine.water = {};
    if (!detail::same_value(mine.embodied, other.embodied)) mine.embodied = {};
    join_text(g.country, other.grid.country);
}

/// Reduces `mine` to what it has in common with `other`. The start is the earlier one; the caller
/// computes the duration, since it knows which times overlap.
inline void join_context(run_context& mine, const run_context& other) {
    join_text(mine.run_name, other.run_name);
    join_text(mine.run_id, other.run_id);
    join_text(mine.machine, other.machine);
    join_text(mine.host, other.host);
    join_text(mine.cpu, other.cpu);
    join_text(mine.hardware, other.hardware);
    join_text(mine.os, other.os);
    join_text(mine.library, other.library);
    join_text(mine.clock, other.clock);
    join_text(mine.attribution, other.attribution);
    if (mine.logical_cpus != other.logical_cpus) mine.logical_cpus = 0;
    mine.started = std::min(mine.started, other.started);
    join_carbon(mine.carbon, other.carbon);
}

/// Adds the cost of reading a backend to the known one.
inline void join_reading(std::vector<reading_cost>& mine, const reading_cost& other) {
    auto at =
        find_in(mine, [&](const reading_cost& known) { return known.backend == other.backend; });
    if (at == mine.end()) return mine.push_back(other);
    at->reads += other.reads;
    at->time += other.time;
    at->longest = std::max(at->longest, other.longest);
    at->sampler += other.sampler;
}

/// Adds up the cost of measuring; the share of processor time is that of both together. The caller
/// computes the share of wall time.
inline void join_overhead(self_cost& mine, const self_cost& other) {
    const auto spent = [](const self_cost& c) { return (c.sampler + c.edges).count(); };
    const auto processor_time = [&](const self_cost& c) {
        return c.share_of_cpu > 0 ? spent(c) / c.share_of_cpu : 0.0;
    };
    const double both = processor_time(mine) + processor_time(other);
    mine.share_of_cpu = both > 0 ? (spent(mine) + spent(other)) / both : 0.0;
    mine.sampler += other.sampler;
    mine.attribution += other.attribution;
    mine.edges += other.edges;
    mine.scopes += other.scopes;
    mine.samples += other.samples;
    mine.edge_reads += other.edge_reads;
    mine.skipped_edges += other.skipped_edges;
    mine.joules += other.joules;
    for (const reading_cost& c : other.reading) join_reading(mine.reading, c);
}

/// Joins the descriptions of a channel from two runs; the caller joins the energies.
inline void join_channel(channel_row& mine, const channel_row& other) {
    static constexpr const char* by_severity[] = {"ok", "silent", "failed", "gone"};
    const auto severity = [](const std::string& state) {
        return std::find(std::begin(by_severity), std::end(by_severity), state) - by_severity;
    };
    if (severity(other.state) > severity(mine.state)) mine.state = other.state;
    mine.provenance = worse_of(mine.provenance, other.provenance);
    join_text(mine.backend, other.backend);
    join_text(mine.model, other.model);
    mine.quantum_joules = std::max(mine.quantum_joules, other.quantum_joules);
    mine.update_period = std::max(mine.update_period, other.update_period);
    mine.locked = mine.locked && other.locked;
    mine.observed_period = std::max(mine.observed_period, other.observed_period);
    mine.observed_jitter = std::max(mine.observed_jitter, other.observed_jitter);
    mine.timestamp_uncertainty = std::max(mine.timestamp_uncertainty, other.timestamp_uncertainty);
    mine.relative_error = std::max(mine.relative_error, other.relative_error);
    mine.tally.reads += other.tally.reads;
    mine.tally.wraps += other.tally.wraps;
    mine.tally.resets += other.tally.resets;
    mine.tally.outliers += other.tally.outliers;
    mine.tally.failures += other.tally.failures;
    mine.tally.gaps += other.tally.gaps;
    mine.tally.unmeasured_seconds += other.tally.unmeasured_seconds;
}

}  // namespace v1
}  // namespace joulery
