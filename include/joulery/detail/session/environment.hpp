// environment.hpp - the JOULERY_* environment variables.
// SPDX-License-Identifier: MIT
#pragma once

#include "joulery/carbon/carbon_for.hpp"
#include "joulery/carbon/carbon_model.hpp"
#include "joulery/detail/core/concat.hpp"
#include "joulery/detail/core/edit_distance.hpp"
#include "joulery/detail/core/environment_variable.hpp"
#include "joulery/detail/core/number_text.hpp"
#include "joulery/detail/core/unit_text.hpp"
#include "joulery/meter.hpp"

#include <chrono>
#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace joulery {
inline namespace v1 {

/// Applies the values of JOULERY_REGION, JOULERY_INTENSITY (g/kWh) and JOULERY_PUE to a model; an
/// empty string changes nothing. A stated intensity overrides the region's, and a stated PUE that
/// of a cloud region; the region still sets the place and the water figures.
///
/// Returns: a warning for each value that can't be parsed (with the value used instead and, for a
/// region, the closest names), and for each that is absurd but used.
/// Thread:  any. Cost: microseconds, once at start.
///
///     carbon_model m;
///     for (auto& w : carbon_from_environment(m, "FR", "", "1.1")) std::cerr << w << '\n';
[[nodiscard]] inline std::vector<std::string> carbon_from_environment(carbon_model& model,
                                                                      std::string_view region,
                                                                      std::string_view intensity,
                                                                      std::string_view pue) {
    std::vector<std::string> warnings;
    const auto kept = [&](std::string what) { warnings.push_back(std::move(what)); };
    if (!trimmed(region).empty()) {
        auto found = carbon_for(trimmed(region));
        if (found) {
            found->market = std::move(model.market);
            found->embodied = std::move(model.embodied);
            if (model.pue_source != no_pue_stated) found->overhead(model.pue, model.pue_source);
            model = *std::move(found);
        } else {
            kept(concat({"JOULERY_REGION: ", found.error().reason, ". Kept: ", model.grid.place,
                         "; to change it, ", found.error().remedy}));
        }
    }
    const auto number = [&](const char* name, std::string_view text, double least, bool inclusive,
                            const std::string& instead) -> std::optional<double> {
        if (trimmed(text).empty()) return std::nullopt;
        const auto value = parse_decimal(text);
        if (value && (*value > least || (inclusive && *value == least))) return value;
        kept(concat({name, ": '", text, "' is not a number ",
                     (inclusive ? "of at least " : "above "), (least > 0 ? "1" : "0"),
                     ". Kept: ", instead}));
        return std::nullopt;
    };
    if (const auto g = number("JOULERY_INTENSITY", intensity, 0, false,
                              concat({model.grid.place, "; expected g/kWh, for instance 56"}))) {
        const std::string place = model.grid.assumed ? "as stated" : model.grid.place;
        const std::string country = model.grid.country;
        model.intensity(carbon_intensity::from_grams_per_kwh(*g));
        model.grid.place = place;
        model.grid.country = country;
        model.grid.source = "stated by the user (JOULERY_INTENSITY)";
    }
    if (const auto p =
            number("JOULERY_PUE", pue, 1, true, concat({model.pue_source, "; for instance 1.1"})))
        model.overhead(*p, "stated by the user (JOULERY_PUE)");
    for (std::string& w : model.sanitize()) warnings.push_back(std::move(w));
    return warnings;
}

namespace detail {

/// Settings from the environment that are not part of `options`.
struct environment {
    bool off = false;                   ///< JOULERY=off: nothing is measured
    std::vector<std::string> backends;  ///< JOULERY_BACKENDS=rapl-perf,nvml; empty: not stated
    std::string system_root;            ///< JOULERY_SYSROOT: a fake machine in a folder
};

/// The items of a comma-separated list, trimmed, without empty ones.
[[nodiscard]] inline std::vector<std::string> split_list(std::string_view text) {
    std::vector<std::string> parts;
    while (!text.empty()) {
        const std::size_t comma = text.find(',');
        std::string_view part = text.substr(0, comma);
        while (!part.empty() && part.front() == ' ') part.remove_prefix(1);
        while (!part.empty() && part.back() == ' ') part.remove_suffix(1);
        if (!part.empty()) parts.emplace_back(part);
        text.remove_prefix(comma == std::string_view::npos ? text.size() : comma + 1);
    }
    return parts;
}

/// Calls per thread in a trace if nobody set a number: about 10 MB of trace.
inline constexpr std::size_t slices_of_a_trace = 65'536;

/// Whether one of the report files is a trace.
[[nodiscard]] inline bool has_trace(const std::vector<std::string>& reports) noexcept {
    constexpr std::string_view ending = ".trace.json";
    for (const std::string& r : reports)
        if (r.size() > ending.size() &&
            r.compare(r.size() - ending.size(), ending.size(), ending) == 0)
            return true;
    return false;
}

/// JOULERY_LIVE into `o.live`.
inline void apply_live(options& o, const std::string& text) {
    if (text == "1" || text == "on") {
        o.live = true;
    } else if (text == "0" || text == "off") {
        o.live = false;
    } else if (!text.empty()) {
        o.warnings.push_back("JOULERY_LIVE=" + text + " is not understood: use 1 or 0. " +
                             (o.live ? "The line stays on" : "There is no progress line"));
    }
}

/// JOULERY_ATTRIBUTION into `o.attribution`.
inline void apply_attribution(options& o, const std::string& text) {
    if (text.empty()) return;
    for (const attribution a : {attribution::shared, attribution::inclusive, attribution::process})
        if (text == to_text(a)) {
            o.attribution = a;
            return;
        }
    o.warnings.push_back(concat({"JOULERY_ATTRIBUTION=", text,
                                 " is not understood: use shared, inclusive or process. It stays ",
                                 to_text(o.attribution)}));
}

/// Applies JOULERY_PERIOD and JOULERY_CHECKPOINT to `o`; "" is unset.
inline void apply_times(options& o, const std::string& period, const std::string& checkpoint) {
    std::chrono::nanoseconds time{};
    if (parse_duration(period, time) && time.count() > 0)
        o.period = time;
    else if (!period.empty())
        o.warnings.push_back("JOULERY_PERIOD=" + period +
                             " is not understood: write 10ms or 1s. Each backend keeps its "
                             "own period");
    if (parse_duration(checkpoint, time))
        o.checkpoint = time;
    else if (!checkpoint.empty())
        o.warnings.push_back("JOULERY_CHECKPOINT=" + checkpoint +
                             " is not understood: write 10s, or 0 for never. Files are kept "
                             "up to date every " +
                             to_text(o.checkpoint));
}

/// Applies the variables to `o`. `get` returns a variable's text, "" if it is unset. A value that
/// can't be parsed is reported in `o.warnings`, and the setting stays as it was.
template <class Get>
[[nodiscard]] environment apply_environment(options& o, Get get) {
    environment e;
    const std::string power_switch = get("JOULERY");
    if (power_switch == "off" || power_switch == "0") {
        e.off = true;
    } else if (!power_switch.empty() && power_switch != "on" && power_switch != "1") {
        o.warnings.push_back("JOULERY=" + power_switch +
                             " is not understood: use on or off. Measuring stays on");
    }
    e.backends = split_list(get("JOULERY_BACKENDS"));
    e.system_root = get("JOULERY_SYSROOT");
    for (std::string& target : split_list(get("JOULERY_REPORT")))
        o.reports.push_back(std::move(target));
    if (o.record_slices == 0 && has_trace(o.reports)) o.record_slices = slices_of_a_trace;
    apply_live(o, get("JOULERY_LIVE"));
    apply_attribution(o, get("JOULERY_ATTRIBUTION"));
    apply_times(o, get("JOULERY_PERIOD"), get("JOULERY_CHECKPOINT"));
    for (std::string& w : carbon_from_environment(o.carbon, get("JOULERY_REGION"),
                                                  get("JOULERY_INTENSITY"), get("JOULERY_PUE")))
        o.warnings.push_back(std::move(w));
    return e;
}

/// The variable that was probably meant by one that nothing reads; "" for one that is read, or that
/// resembles none.
[[nodiscard]] inline std::string_view meant_variable(std::string_view name) noexcept {
    constexpr std::string_view prefix = "JOULERY_";
    constexpr std::string_view known[] = {
        "REPORT",        "REGION",      "INTENSITY",      "PUE",        "BACKENDS", "PERIOD",
        "CHECKPOINT",    "LIVE",        "ATTRIBUTION",    "SYSROOT",    "BASELINE", "BASELINE_FILE",
        "ENERGY_STRICT", "ENERGY_TIME", "ENERGY_RESULTS", "ENERGY_LOCK"};
    if (name.substr(0, prefix.size()) != prefix) return {};
    name.remove_prefix(prefix.size());
    std::string_view nearest;
    std::size_t least = name.size() > 4 ? 2 : 1;
    for (const std::string_view k : known) {
        if (k == name) return {};
        const std::size_t distance = edit_distance(name, k);
        if (distance > least || (distance == least && !nearest.empty())) continue;
        least = distance;
        nearest = k;
    }
    return nearest;
}

/// `apply_environment` with the process's own variables; with none if the process has more rights
/// than its user.
[[nodiscard]] inline environment apply_environment(options& o) {
    if (is_ignored_variable("JOULERY_REPORT"))
        o.warnings.emplace_back(
            "JOULERY_REPORT is ignored, and the whole environment with it: this program has more "
            "rights than its user. Name its reports in options.reports");
    for_variables("JOULERY_", [&](std::string_view name) {
        if (const std::string_view meant = meant_variable(name); !meant.empty())
            o.warnings.push_back(
                concat({name, " is set, but nothing reads it: JOULERY_", meant, " is meant?"}));
    });
    return apply_environment(o, [](const char* name) {
        const char* text = environment_variable(name);
        return std::string(text != nullptr ? text : "");
    });
}

}  // namespace detail
}  // namespace v1
}  // namespace joulery
