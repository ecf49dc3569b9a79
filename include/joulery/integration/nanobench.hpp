// nanobench.hpp - joules next to nanobench's times.
// SPDX-License-Identifier: MIT
//
// Works with any nanobench since 4.0; it is not included here. In place of
//     ankerl::nanobench::Bench().run("name", f);
// write
//     joulery::run_with_energy(ankerl::nanobench::Bench(), "name", f);
#pragma once

#include "joulery/assertions/measure.hpp"
#include "joulery/detail/core/number_text.hpp"
#include "joulery/detail/core/unit_text.hpp"
#include "joulery/meter.hpp"
#include "joulery/quality.hpp"

#include <ostream>
#include <string>
#include <utility>

namespace joulery {
inline namespace v1 {

namespace detail {

inline std::string context_number(double x) {
    std::string text;
    append_number(text, x);
    return text;
}

/// A row below nanobench's Markdown table, whose columns are ns/op, op/s, err%, total, benchmark.
inline std::string energy_row(const measurement& m, const std::string& name) {
    if (!m) return "| not measured | | | | `" + name + "` energy: " + m.failure_reason;
    const double half = (m.high - m.low).joules() / 2;
    return "| " + to_text(m.per_call) + "/op | " + to_text(m.mean_power) + " | " +
           percent_text(m.per_call.joules() > 0 ? half / m.per_call.joules() : 0) + " | " +
           to_text(m.co2e) + "/op | `" + name + "` energy, " + std::string(to_text(m.provenance));
}

}  // namespace detail

/// Measures the energy of `fn`, then lets nanobench measure its time. The figures become variables
/// of the result's context, for nanobench's templates: `{{context(joules_per_op)}}`, `joules_low`,
/// `joules_high`, `joules_per_item` (with `Bench::batch`), `watts`, `grams_co2e_per_op`,
/// `energy_provenance`. A row under nanobench's table shows them: joules per operation, watts, half
/// the 95 % confidence interval, grams of CO2e, the name.
///
/// Fails: without a counter `energy_provenance` says why and the figures are empty.
template <class Bench, class Callable>
measurement run_with_energy(meter& on, Bench&& bench, const std::string& name, Callable&& fn,
                            const measure_options& o = {}) {
    measurement m = measure(on, fn, o);
    const auto set = [&](const char* variable, double value) {
        bench.context(variable, m ? detail::context_number(value) : std::string());
    };
    set("joules_per_op", m.per_call.joules());
    set("joules_low", m.low.joules());
    set("joules_high", m.high.joules());
    set("joules_per_item", m.per_call.joules() / bench.batch());
    set("watts", m.mean_power.watts());
    set("grams_co2e_per_op", m.co2e.grams());
    bench.context("energy_provenance", m ? std::string(to_text(m.provenance)) : m.failure_reason);
    bench.run(name, std::forward<Callable>(fn));
    if (std::ostream* out = bench.output()) *out << detail::energy_row(m, name) << std::endl;
    return m;
}
template <class Bench, class Callable>
measurement run_with_energy(Bench&& bench, const std::string& name, Callable&& fn,
                            const measure_options& o = {}) {
    return run_with_energy(testing::measuring_meter(), bench, name, fn, o);
}

}  // namespace v1
}  // namespace joulery
