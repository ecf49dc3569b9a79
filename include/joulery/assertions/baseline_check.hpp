// baseline_check.hpp - compares a measurement with earlier accepted runs.
// SPDX-License-Identifier: MIT
#pragma once

#include "joulery/assertions/baseline_file.hpp"
#include "joulery/assertions/build_key.hpp"
#include "joulery/assertions/claim.hpp"
#include "joulery/assertions/measurement.hpp"
#include "joulery/assertions/regression.hpp"
#include "joulery/assertions/statistics.hpp"
#include "joulery/detail/core/environment_variable.hpp"
#include "joulery/detail/core/unit_text.hpp"
#include "joulery/detail/session/machine_info.hpp"
#include "joulery/units.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdlib>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace joulery {
inline namespace v1 {
namespace testing {

/// What to do with a baseline. `JOULERY_BASELINE=record` records missing baselines and compares
/// with the others. `=update` adds a run to each baseline that is checked, and starts it again if
/// the cost has clearly changed. Anything else compares only.
enum class baseline_mode : unsigned char { compare, record, update };

[[nodiscard]] inline baseline_mode parse_baseline_mode(std::string_view text) noexcept {
    if (text == "record") return baseline_mode::record;
    return text == "update" ? baseline_mode::update : baseline_mode::compare;
}

/// "cpu0/package" is one class on every machine; a GPU's class includes its model but not its
/// serial number.
[[nodiscard]] inline std::string machine_class(std::string_view cpu, std::string channels,
                                               const std::string& devices) {
    for (std::size_t at = channels.find("/GPU-"); at != std::string::npos;
         at = channels.find("/GPU-", at)) {
        const std::size_t end = channels.find_first_of("/ ", at + 1);
        channels.erase(at, end == std::string::npos ? end : end - at);
    }
    return std::string(cpu) + ", " + channels + (devices.empty() ? "" : ", ") + devices;
}

namespace detail {

[[nodiscard]] inline run_mean mean_of(const measurement& m) {
    const std::vector<double> samples = m.samples();
    const auto n = static_cast<double>(samples.size());
    double counters = 0;  // resolution of the counters, for a whole batch; k = 2
    for (const energy_batch& b : m.batches) counters = std::max(counters, b.resolution.joules());
    const double least = counters / 2 / static_cast<double>(m.calls_per_batch) / std::sqrt(n);
    return {m.per_call.joules(), std::max(std::sqrt(variance(samples) / n), least)};
}

[[nodiscard]] inline std::string signed_percent(double share) {
    return (share >= 0 ? "+" : "") + percent_text(share);
}

[[nodiscard]] inline std::string describe_baseline(const energy_baseline& then,
                                                   const change_estimate& change) {
    double mean_joules = 0;
    const std::size_t n = then.runs.size();
    for (const baseline_run& r : then.runs) mean_joules += r.mean.joules / static_cast<double>(n);
    std::string text = "baseline " + to_text(energy::from_joules(mean_joules)) + " (";
    text += n == 1 ? "one run: the spread between runs is unknown, up to 5 % is allowed for"
                   : std::to_string(n) + " runs that differ by " + percent_text(change.spread());
    return text + ", " + then.runs.back().recorded + ")";
}

[[nodiscard]] inline std::string regression_advice(verdict v, const change_estimate& change,
                                                   std::size_t runs, const tolerance& t) {
    if (v == verdict::fails)
        return "\n  to do: find the regression, or accept the cost: JOULERY_BASELINE=update";
    if (v != verdict::inconclusive) return "";
    const std::size_t needed = change.runs_to_decide(runs, t);
    if (needed > 0)
        return "\n  to do: a baseline of " + std::to_string(needed) + " runs would decide it, " +
               std::to_string(needed - runs) + " more: JOULERY_BASELINE=update";
    return "\n  to do: with this spread no baseline can decide it; within(" +
           percent_text(std::ceil(change.least_ceiling() * 100) / 100) +
           ") could be decided, and uses_less_than() compares two pieces of code in turns, "
           "whatever "
           "the spread";
}

}  // namespace detail

/// The verdict on "costs no more than before" (`change_estimate`, `tolerance`). It is inconclusive
/// if the level changed during the measurement, and a failure is inconclusive if something else
/// drew power.
[[nodiscard]] inline check_result judge_regression(const measurement& now,
                                                   const energy_baseline& then,
                                                   const tolerance& limit = {}) {
    const change_estimate change(detail::mean_of(now), then.means());
    std::string text = then.test + ": " +
                       detail::interval_text<energy>(now, detail::interval_of(now, energy{})) +
                       "; ";
    if (!change.known())
        return {verdict::inconclusive,
                text + "no positive energy to compare\n  " + circumstances(now)};
    verdict v = verdict::inconclusive;
    if (change.is_below(limit)) v = verdict::holds;
    if (change.is_above(limit)) v = verdict::fails;
    const bool is_decided = v != verdict::inconclusive;
    v = now.steady ? trusted(v, now, v == verdict::fails) : verdict::inconclusive;
    text += detail::describe_baseline(then, change) + ": " +
            detail::signed_percent(change.middle()) +
            " (90 %: " + detail::signed_percent(change.quantile(0.05)) + " to " +
            detail::signed_percent(change.quantile(0.95)) + ")";
    if (v == verdict::fails) text += ": a regression";
    if (!is_decided)
        text += ": neither clearly above " + percent_text(limit.allowed) + " nor clearly below " +
                percent_text(limit.ceiling);
    text += "\n  " + circumstances(now);
    if (is_decided && v == verdict::inconclusive)
        text += "\n  to do: run again on a quiet machine at a fixed clock rate";
    else
        text += detail::regression_advice(v, change, then.runs.size(), limit);
    if (v == verdict::fails && lacks_flags(then.build))
        text +=
            "\n  note: the compiler's flags are unknown (define JOULERY_BUILD_FLAGS): another -O "
            "level would look the same";
    return {v,
            std::move(text),
            {},
            detail::interval_of(now, energy{}),
            detail::unit_name(now, energy{})};
}

namespace detail {

[[nodiscard]] inline energy_baseline baseline_of(const measurement& m, std::string test,
                                                 std::string build) {
    energy_baseline e;
    e.test = std::move(test);
    e.machine = machine_class(v1::detail::describe_machine().cpu, m.channel, m.devices);
    e.build = std::move(build);
    e.runs.push_back({wall_time::now().to_iso8601(), m.calls, mean_of(m)});
    return e;
}

[[nodiscard]] inline check_result broken_file(const failure& f) {
    return {verdict::fails,
            f.reason + (f.remedy.empty() ? std::string() : "\n  to do: " + f.remedy)};
}

/// Why a measurement can't be added to a baseline; empty if it can.
[[nodiscard]] inline std::string why_not_recorded(const measurement& m) {
    if (!m.disturbance.empty()) return m.disturbance;
    return m.steady ? "" : "the level changed while it was measured";
}

[[nodiscard]] inline check_result record(const measurement& m, const energy_baseline& now,
                                         const energy_baseline* then, const std::string& path) {
    if (std::string why = why_not_recorded(m); !why.empty())
        return {verdict::inconclusive, now.test + ": not recorded: " + why + "\n  " +
                                           circumstances(m) +
                                           "\n  to do: run again on a quiet machine"};
    const bool anew =
        then != nullptr && change_estimate(now.runs.back().mean, then->means()).is_sure();
    if (const auto done = add_run(path, now, anew); !done) return broken_file(done.error());
    const std::size_t runs =
        then == nullptr || anew ? 1 : std::min(then->runs.size() + 1, most_runs);
    return {verdict::holds, now.test + ": recorded in " + path + " (run " + std::to_string(runs) +
                                " of " + std::to_string(most_runs) +
                                (anew ? ", restarted: " : ": ") +
                                interval_text<energy>(m, interval_of(m, energy{})) + ")"};
}

}  // namespace detail

/// Where the baseline file is, and what to do with it.
struct baseline_place {
    std::string file;
    std::string build;
    baseline_mode mode = baseline_mode::compare;
};

namespace detail {

[[nodiscard]] inline check_result compare_or_record(const measurement& m, const baseline_place& at,
                                                    const std::string& test,
                                                    const tolerance& limit) {
    if (!m.mistake.empty()) return mistaken(m.mistake);
    if (std::string why = why_unchecked(m); !why.empty()) return {verdict::skipped, std::move(why)};
    if (m.batches.size() < 2)
        return {verdict::skipped, test + ": one batch is not enough to compare\n  " +
                                      circumstances(m) +
                                      "\n  to do: more time: measure_options::max_time"};
    const energy_baseline now = baseline_of(m, test, at.build);
    const auto all = read_baselines(at.file);
    if (!all) return broken_file(all.error());
    const energy_baseline* then = nullptr;
    for (const energy_baseline& e : *all)
        if (e.is_of(now)) then = &e;
    if (at.mode == baseline_mode::update || (at.mode == baseline_mode::record && then == nullptr))
        return record(m, now, then, at.file);
    if (then == nullptr)
        return {verdict::skipped, test + ": " + at.file + " has no baseline for this machine (" +
                                      now.machine + ") and build (" + now.build +
                                      ")\n  to do: record it: JOULERY_BASELINE=record"};
    return judge_regression(m, *then, limit);
}

}  // namespace detail

/// Compares with the baseline called `test` in the file, or adds to it.
///
/// Fails:  if the file can't be parsed, or can't be written when recording, the check fails: a
///         check that never runs would stay green forever. A missing baseline is skipped.
[[nodiscard]] inline check_result check_baseline(const measurement& m, const baseline_place& at,
                                                 std::string test, const tolerance& limit = {}) {
    check_result r = detail::compare_or_record(m, at, test, limit);
    r.name = std::move(test);
    return r;
}

/// The file chosen by the environment: energy_baselines.json in the folder of the test's source
/// file, unless `JOULERY_BASELINE_FILE` names another. `JOULERY_BASELINE` says whether to record or
/// update.
[[nodiscard]] inline baseline_place baseline_place_of(const char* source_file, std::string build) {
    const char* named = joulery::detail::environment_variable("JOULERY_BASELINE_FILE");
    const char* mode = joulery::detail::environment_variable("JOULERY_BASELINE");
    return {named != nullptr && *named != 0
                ? std::string(named)
                : v1::detail::folder_of(source_file) + "/energy_baselines.json",
            std::move(build), parse_baseline_mode(mode != nullptr ? mode : "")};
}

}  // namespace testing
}  // namespace v1
}  // namespace joulery
