// fields.hpp - the fields of a report, listed once for writing, reading, comparing.
// SPDX-License-Identifier: MIT
#pragma once

#include "joulery/report.hpp"

#include <cstddef>
#include <optional>
#include <type_traits>

namespace joulery {
inline namespace v1 {

/// `fields<T>::visit(f)` calls `f(name, &T::member)` for every field of a part of a report. The
/// names are those of the JSON schema and include the unit. Fields that are not listed here are
/// neither written nor compared.
///
///     fields<scope_row>::visit([&](const char* name, auto member) { show(name, row.*member); });
template <class T>
struct fields;

/// True for the parts of a report that have listed fields.
template <class T, class = void>
struct has_fields : std::false_type {};
template <class T>
struct has_fields<T, std::void_t<decltype(sizeof(fields<T>))>> : std::true_type {};

template <>
struct fields<grid_factor> {
    template <class F>
    static void visit(F&& f) {
        f("intensity_g_per_kwh", &grid_factor::intensity);
        f("place", &grid_factor::place);
        f("year", &grid_factor::year);
        f("boundary", &grid_factor::boundary);
        f("accounting", &grid_factor::accounting);
        f("kind", &grid_factor::kind);
        f("method", &grid_factor::method);
        f("source", &grid_factor::source);
        f("country", &grid_factor::country);
        f("assumed", &grid_factor::assumed);
    }
};

template <>
struct fields<water_factors> {
    template <class F>
    static void visit(F&& f) {
        f("site_l_per_kwh", &water_factors::site);
        f("off_site_l_per_kwh", &water_factors::off_site);
        f("site_source", &water_factors::site_source);
        f("off_site_source", &water_factors::off_site_source);
    }
};

template <>
struct fields<embodied_rate> {
    template <class F>
    static void visit(F&& f) {
        f("per_hour_g", &embodied_rate::per_hour);
        f("source", &embodied_rate::source);
    }
};

template <>
struct fields<carbon_model> {
    template <class F>
    static void visit(F&& f) {
        f("grid", &carbon_model::grid);
        f("pue", &carbon_model::pue);
        f("pue_source", &carbon_model::pue_source);
        f("market", &carbon_model::market);
        f("alternatives", &carbon_model::alternatives);
        f("water", &carbon_model::water);
        f("embodied", &carbon_model::embodied);
    }
};

template <>
struct fields<run_context> {
    template <class F>
    static void visit(F&& f) {
        f("run_name", &run_context::run_name);
        f("run_id", &run_context::run_id);
        f("machine", &run_context::machine);
        f("host", &run_context::host);
        f("cpu", &run_context::cpu);
        f("hardware", &run_context::hardware);
        f("os", &run_context::os);
        f("logical_cpus", &run_context::logical_cpus);
        f("library", &run_context::library);
        f("clock", &run_context::clock);
        f("attribution", &run_context::attribution);
        f("started_unix_s", &run_context::started);
        f("duration_s", &run_context::duration);
        f("idle_power_w", &run_context::idle_power);
        f("carbon", &run_context::carbon);
    }
};

template <>
struct fields<channel_tally> {
    template <class F>
    static void visit(F&& f) {
        f("reads", &channel_tally::reads);
        f("wraps", &channel_tally::wraps);
        f("resets", &channel_tally::resets);
        f("outliers", &channel_tally::outliers);
        f("failures", &channel_tally::failures);
        f("gaps", &channel_tally::gaps);
        f("unmeasured_s", &channel_tally::unmeasured_seconds);
    }
};

template <>
struct fields<channel_row> {
    template <class F>
    static void visit(F&& f) {
        f("id", &channel_row::id);
        f("machine", &channel_row::machine);
        f("backend", &channel_row::backend);
        f("model", &channel_row::model);
        f("part", &channel_row::part);
        f("kind", &channel_row::kind);
        f("quality", &channel_row::provenance);
        f("parent", &channel_row::parent);
        f("summed", &channel_row::summed);
        f("exclusion_reason", &channel_row::exclusion_reason);
        f("total_j", &channel_row::total);
        f("unscoped_j", &channel_row::unscoped);
        f("quantum_j", &channel_row::quantum_joules);
        f("update_period_s", &channel_row::update_period);
        f("locked", &channel_row::locked);
        f("observed_period_s", &channel_row::observed_period);
        f("observed_jitter_s", &channel_row::observed_jitter);
        f("timestamp_uncertainty_s", &channel_row::timestamp_uncertainty);
        f("relative_error", &channel_row::relative_error);
        f("tally", &channel_row::tally);
        f("state", &channel_row::state);
    }
};

template <>
struct fields<scope_row> {
    template <class F>
    static void visit(F&& f) {
        f("parent", &scope_row::parent);
        f("name", &scope_row::name);
        f("path", &scope_row::path);
        f("calls", &scope_row::calls);
        f("untimed_calls", &scope_row::untimed_calls);
        f("time_s", &scope_row::time);
        f("time_uncertainty_s", &scope_row::time_uncertainty);
        f("busy_time_s", &scope_row::busy_time);
        f("total_j", &scope_row::total);
        f("self_j", &scope_row::self);
        f("by_channel_j", &scope_row::by_channel);
        f("idle_j", &scope_row::idle);
        f("uncertainty_j", &scope_row::uncertainty);
        f("co2e_g", &scope_row::co2e);
        f("items", &scope_row::items);
        f("item_name", &scope_row::item_name);
        f("quality", &scope_row::provenance);
        f("method", &scope_row::method);
        f("call_time_s", &scope_row::call_time);
        f("call_energy_j", &scope_row::call_energy);
        f("call_method", &scope_row::call_method);
        f("call_times", &scope_row::call_times);
        f("call_energies", &scope_row::call_energies);
    }
};

template <>
struct fields<histogram> {
    template <class F>
    static void visit(F&& f) {
        f("first", &histogram::first);
        f("counts", &histogram::counts);
    }
};

template <class T>
struct fields<percentiles<T>> {
    template <class F>
    static void visit(F&& f) {
        f("p50", &percentiles<T>::p50);
        f("p90", &percentiles<T>::p90);
        f("p99", &percentiles<T>::p99);
        f("max", &percentiles<T>::max);
    }
};

template <>
struct fields<self_cost> {
    template <class F>
    static void visit(F&& f) {
        f("sampler_s", &self_cost::sampler);
        f("attribution_s", &self_cost::attribution);
        f("edges_s", &self_cost::edges);
        f("scopes_s", &self_cost::scopes);
        f("share_of_wall", &self_cost::share_of_wall);
        f("share_of_cpu", &self_cost::share_of_cpu);
        f("samples", &self_cost::samples);
        f("edge_reads", &self_cost::edge_reads);
        f("skipped_edges", &self_cost::skipped_edges);
        f("joules", &self_cost::joules);
        f("reading", &self_cost::reading);
    }
};

template <>
struct fields<reading_cost> {
    template <class F>
    static void visit(F&& f) {
        f("backend", &reading_cost::backend);
        f("reads", &reading_cost::reads);
        f("time_s", &reading_cost::time);
        f("longest_s", &reading_cost::longest);
        f("sampler_s", &reading_cost::sampler);
    }
};

template <>
struct fields<run_span> {
    template <class F>
    static void visit(F&& f) {
        f("run_id", &run_span::run_id);
        f("machine", &run_span::machine);
        f("host", &run_span::host);
        f("begin_unix_s", &run_span::begin);
        f("end_unix_s", &run_span::end);
        f("by_channel_j", &run_span::by_channel);
    }
};

template <>
struct fields<scope_slice> {
    template <class F>
    static void visit(F&& f) {
        f("scope", &scope_slice::scope);
        f("thread", &scope_slice::thread);
        f("begin_s", &scope_slice::begin);
        f("length_s", &scope_slice::length);
        f("joules", &scope_slice::joules);
    }
};

template <>
struct fields<power_history> {
    template <class F>
    static void visit(F&& f) {
        f("begin_s", &power_history::begin);
        f("step_s", &power_history::step);
        f("watts", &power_history::watts);
        f("bands", &power_history::bands);
    }
};

template <>
struct fields<slice_record> {
    template <class F>
    static void visit(F&& f) {
        f("threads", &slice_record::threads);
        f("slices", &slice_record::slices);
        f("dropped", &slice_record::dropped);
    }
};

template <>
struct fields<report> {
    template <class F>
    static void visit(F&& f) {
        f("context", &report::context);
        f("total_j", &report::total);
        f("unscoped_j", &report::unscoped);
        f("co2e_g", &report::co2e);
        f("quality", &report::provenance);
        f("channels", &report::channels);
        f("scopes", &report::scopes);
        f("overhead", &report::overhead);
        f("warnings", &report::warnings);
        f("runs", &report::runs);
        f("history", &report::history);
        f("slices", &report::slices);
    }
};

namespace detail {

template <class T>
bool same_value(const std::vector<T>& a, const std::vector<T>& b);
template <class T>
bool same_value(const std::optional<T>& a, const std::optional<T>& b);

template <class T>
bool same_value(const T& a, const T& b) {
    if constexpr (has_fields<T>::value) {
        bool same = true;
        fields<T>::visit(
            [&](const char*, auto member) { same = same && same_value(a.*member, b.*member); });
        return same;
    } else {
        return a == b;
    }
}

template <class T>
bool same_value(const std::vector<T>& a, const std::vector<T>& b) {
    if (a.size() != b.size()) return false;
    for (std::size_t i = 0; i < a.size(); ++i)
        if (!same_value(a[i], b[i])) return false;
    return true;
}

template <class T>
bool same_value(const std::optional<T>& a, const std::optional<T>& b) {
    return a.has_value() == b.has_value() && (!a || same_value(*a, *b));
}

}  // namespace detail

}  // namespace v1
}  // namespace joulery
