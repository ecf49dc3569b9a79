// environment.hpp - the JOULERY_* variables, read once at start and never needed.
// SPDX-License-Identifier: MIT
#pragma once

#include "joulery/detail/carbon/carbon_from_environment.hpp"
#include "joulery/detail/core/unit_text.hpp"
#include "joulery/options.hpp"

#include <chrono>
#include <cstddef>
#include <cstdlib>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace joulery {
inline namespace v1 {
namespace detail {

/// What the environment says beyond `options`.
struct environment {
    bool off = false;                   ///< JOULERY=off: nothing is measured
    std::vector<std::string> backends;  ///< JOULERY_BACKENDS=rapl-perf,nvml; empty: not stated
    std::string system_root;            ///< JOULERY_SYSROOT: a fake machine in a folder
};

/// The parts of a comma-separated list, blanks around them removed, empty ones left out.
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

/// Calls a thread that a trace holds where nobody said how many: some 10 MB of trace.
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
        o.warnings.push_back("JOULERY_LIVE=" + text + " is not understood: say 1 or 0. " +
                             (o.live ? "The line stays on" : "There is no live line"));
    }
}

/// Applies the variables to `o`. `get` gives a variable's text, "" where it is unset. A value that
/// can't be understood is named in `o.warnings`, and what was there before stays.
template <class Get>
[[nodiscard]] environment apply_environment(options& o, Get get) {
    environment e;
    const std::string power_switch = get("JOULERY");
    if (power_switch == "off" || power_switch == "0") {
        e.off = true;
    } else if (!power_switch.empty() && power_switch != "on" && power_switch != "1") {
        o.warnings.push_back("JOULERY=" + power_switch +
                             " is not understood: say on or off. It stays on");
    }
    e.backends = split_list(get("JOULERY_BACKENDS"));
    e.system_root = get("JOULERY_SYSROOT");
    for (std::string& target : split_list(get("JOULERY_REPORT")))
        o.reports.push_back(std::move(target));
    if (o.record_slices == 0 && has_trace(o.reports)) o.record_slices = slices_of_a_trace;
    apply_live(o, get("JOULERY_LIVE"));
    if (const std::string text = get("JOULERY_PERIOD"); !text.empty()) {
        std::chrono::nanoseconds period{};
        if (parse_duration(text, period) && period.count() > 0) {
            o.period = period;
        } else {
            o.warnings.push_back("JOULERY_PERIOD=" + text +
                                 " is not understood: say it like 10ms or 1s. Each backend keeps "
                                 "its own period");
        }
    }
    for (std::string& w : carbon_from_environment(o.carbon, get("JOULERY_REGION"),
                                                  get("JOULERY_INTENSITY"), get("JOULERY_PUE")))
        o.warnings.push_back(std::move(w));
    return e;
}

/// `apply_environment` with the process's own variables.
[[nodiscard]] inline environment apply_environment(options& o) {
    return apply_environment(o, [](const char* name) {
        const char* text = std::getenv(name);
        return std::string(text != nullptr ? text : "");
    });
}

}  // namespace detail
}  // namespace v1
}  // namespace joulery
