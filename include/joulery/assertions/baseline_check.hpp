// baseline_check.hpp - compares a measurement with what was accepted before.
// SPDX-License-Identifier: MIT
#pragma once

#include "joulery/assertions/baseline_file.hpp"
#include "joulery/assertions/claim.hpp"
#include "joulery/assertions/measurement.hpp"
#include "joulery/assertions/statistics.hpp"
#include "joulery/assertions/verdict.hpp"
#include "joulery/channel.hpp"
#include "joulery/detail/core/unit_text.hpp"
#include "joulery/detail/session/machine_info.hpp"
#include "joulery/wall_time.hpp"

#include <cstddef>
#include <cstdlib>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace joulery {
inline namespace v1 {
namespace testing {

/// What to do with a baseline: `JOULERY_BASELINE=record` writes those that are missing, `=update`
/// all that are checked; anything else compares.
enum class baseline_mode : unsigned char { compare, record, update };

[[nodiscard]] inline baseline_mode parse_baseline_mode(std::string_view text) noexcept {
    if (text == "record") return baseline_mode::record;
    return text == "update" ? baseline_mode::update : baseline_mode::compare;
}

/// A smaller regression than this share is never a failure, however sure it is.
inline constexpr double least_regression = 0.03;

/// "cpu0/package" of every machine is one class; a GPU's model is part of it, its serial number is
/// not.
[[nodiscard]] inline std::string machine_class(std::string_view cpu, std::string channels,
                                               const std::string& devices) {
    for (std::size_t at = channels.find("/GPU-"); at != std::string::npos;
         at = channels.find("/GPU-", at)) {
        const std::size_t end = channels.find_first_of("/ ", at + 1);
        channels.erase(at, end == std::string::npos ? end : end - at);
    }
    return std::string(cpu) + ", " + channels + (devices.empty() ? "" : ", ") + devices;
}

/// Compiler and optimisation of the file that includes this.
[[nodiscard]] inline std::string build_type() {
#if defined(__clang__)
    std::string text = "clang " + std::to_string(__clang_major__);
#elif defined(__GNUC__)
    std::string text = "gcc " + std::to_string(__GNUC__);
#else
    std::string text = "other compiler";
#endif
#if defined(__OPTIMIZE__)
    text += ", optimised";
#else
    text += ", not optimised";
#endif
#if defined(NDEBUG)
    text += ", no assertions";
#endif
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
    text += ", sanitized";
#endif
    return text;
}

/// The verdict on "costs no more than it did": a regression is a difference that Welch's test on
/// the batches' means puts down to chance with less than 5 %, and that is at least `least` of the
/// old mean. A measurement whose level changed in its course can't be told.
[[nodiscard]] inline check_result judge_regression(const measurement& now,
                                                   const energy_baseline& then,
                                                   double least = least_regression) {
    const std::vector<double> samples = now.samples();
    const interval old = mean_interval(then.joules_per_call);
    const welch_result w = welch_test(samples, then.joules_per_call);
    const double change = w.difference.middle / old.middle;
    const double sure_to = w.difference.half_width() / old.middle;
    const bool worse = w.chance_above < 0.05 && change >= least;
    verdict v = worse ? verdict::fails : verdict::holds;
    if (!now.steady || !(old.middle > 0)) v = verdict::inconclusive;
    // An increase that matters could hide in the noise.
    if (v == verdict::holds && !(sure_to <= least) && change + sure_to > least)
        v = verdict::inconclusive;
    const auto joules = [](double x) { return to_text(energy::from_joules(x)); };
    std::string text = then.test + ": " +
                       detail::interval_text<energy>(now, detail::interval_of(now, energy{})) +
                       "; baseline " + joules(old.middle) + " (95 %: " + joules(old.low) + " to " +
                       joules(old.high) + ", " + std::to_string(then.joules_per_call.size()) +
                       " batches, " + then.recorded + "): " + (change >= 0 ? "+" : "") +
                       percent_text(change) + ", give or take " + percent_text(sure_to);
    if (v == verdict::fails) text += ": a regression";
    if (v == verdict::inconclusive) text += ": more than the noise can't be told";
    text += "\n  " + circumstances(now);
    if (v == verdict::fails)
        text += "\n  to do: find what became dearer, or accept it: JOULERY_BASELINE=update";
    if (v == verdict::inconclusive)
        text +=
            "\n  to do: measure for longer (measure_options::max_time, precision) on a quiet "
            "machine";
    return {v, std::move(text)};
}

namespace detail {

[[nodiscard]] inline energy_baseline baseline_of(const measurement& m, std::string test) {
    energy_baseline e;
    e.test = std::move(test);
    e.machine = machine_class(v1::detail::describe_machine().cpu, m.channel, m.devices);
    e.build = build_type();
    e.recorded = wall_time::now().to_iso8601();
    e.calls = m.calls;
    e.joules_per_call = m.samples();
    return e;
}

[[nodiscard]] inline check_result broken_file(const failure& f) {
    return {verdict::fails,
            f.reason + (f.remedy.empty() ? std::string() : "\n  to do: " + f.remedy)};
}

}  // namespace detail

/// Compares with the baseline called `test` in the file, or records it.
///
/// Fails: a file that can't be understood, or not written when asked to record, is a failure: a
///        check that is never made would stay green for ever. A missing baseline is skipped.
[[nodiscard]] inline check_result check_baseline(const measurement& m, std::string test,
                                                 const std::string& path, baseline_mode mode) {
    if (std::string why = why_unchecked(m); !why.empty()) return {verdict::skipped, std::move(why)};
    const energy_baseline now = detail::baseline_of(m, std::move(test));
    const auto all = read_baselines(path);
    if (!all) return detail::broken_file(all.error());
    const energy_baseline* then = nullptr;
    for (const energy_baseline& e : *all)
        if (e.is_of(now)) then = &e;
    if (now.joules_per_call.size() < 2)
        return {verdict::skipped, now.test + ": one batch is no sample to compare\n  " +
                                      circumstances(m) +
                                      "\n  to do: more time: measure_options::max_time"};
    if (mode == baseline_mode::update || (mode == baseline_mode::record && then == nullptr)) {
        if (const auto done = put_baseline(path, now); !done)
            return detail::broken_file(done.error());
        return {verdict::holds,
                now.test + ": recorded in " + path + ": " +
                    detail::interval_text<energy>(m, detail::interval_of(m, energy{}))};
    }
    if (then == nullptr)
        return {verdict::skipped, now.test + ": " + path + " has no baseline for this machine (" +
                                      now.machine + ") and build (" + now.build +
                                      ")\n  to do: record it: JOULERY_BASELINE=record"};
    return judge_regression(m, *then);
}

/// Next to the test: energy_baselines.json in the folder of its source file, unless
/// `JOULERY_BASELINE_FILE` names another.
[[nodiscard]] inline std::string baseline_path(const char* source_file) {
    if (const char* named = std::getenv("JOULERY_BASELINE_FILE"); named != nullptr && *named != 0)
        return named;
    return v1::detail::folder_of(source_file) + "/energy_baselines.json";
}

/// `check_baseline` as the environment asks for it.
[[nodiscard]] inline check_result check_baseline_of(const measurement& m, std::string test,
                                                    const char* source_file) {
    const char* mode = std::getenv("JOULERY_BASELINE");
    return check_baseline(m, std::move(test), baseline_path(source_file),
                          parse_baseline_mode(mode != nullptr ? mode : ""));
}

}  // namespace testing
}  // namespace v1
}  // namespace joulery
