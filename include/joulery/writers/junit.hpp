// junit.hpp - a report as JUnit XML, which CI systems keep and chart.
// SPDX-License-Identifier: MIT
#pragma once

#include "joulery/detail/core/config.hpp"
#include "joulery/report.hpp"

#include <string>

namespace joulery {
inline namespace v1 {

/// One test case per scope. Its figures are lines "[[PROPERTY|joules=320]]" of its system-out,
/// where test managers look for the properties of a case; the run's figures are properties of the
/// suite, and warnings are its system-err. Valid by Jenkins' junit-10.xsd, which has no properties
/// of cases and seconds with three decimals.
///
/// Thread: any. Cost: linear in the rows. Fails: never.
///
///     write_report(r, "energy.junit.xml");   // beside the CI's other test results
[[nodiscard]] JOULERY_DECL std::string to_junit(const report& r);

}  // namespace v1
}  // namespace joulery

#ifdef JOULERY_IMPLEMENTATION

#include "joulery/detail/core/concat.hpp"
#include "joulery/detail/core/finite.hpp"
#include "joulery/detail/core/number_text.hpp"
#include "joulery/detail/report/figures.hpp"
#include "joulery/detail/report/html_text.hpp"

#include <cstddef>
#include <string_view>

namespace joulery {
inline namespace v1 {

namespace detail {

inline void junit_property(std::string& out, const char* indent, std::string_view name,
                           const std::string& value) {
    out.append(indent).append("<property name=\"").append(name).append("\" value=\"");
    out.append(markup_text(value)).append("\"/>\n");
}
inline void junit_property(std::string& out, const char* indent, std::string_view name, double x) {
    std::string text;
    append_number(text, x);
    junit_property(out, indent, name, is_nan(x) ? not_measured_text : text);
}

/// A figure of a test case, escaped so that it stays one line.
inline void junit_case_property(std::string& out, std::string_view name, const std::string& value) {
    std::string safe = markup_text(value);
    for (char& c : safe)
        if (c == ']' || c == '[') c = c == ']' ? ')' : '(';
    out.append("[[PROPERTY|").append(name).append("=").append(safe).append("]]\n");
}
inline void junit_case_property(std::string& out, std::string_view name, double x) {
    if (is_nan(x)) return;
    std::string text;
    append_number(text, x);
    junit_case_property(out, name, text);
}

/// Seconds as JUnit's schema requires them: three decimals, no exponent.
inline std::string junit_seconds(seconds t) {
    const double s = is_positive(t.count()) && t.count() < 1e12 ? t.count() : 0;
    const auto milli = static_cast<std::uint64_t>(s * 1e3 + 0.5);
    const std::string fraction = std::to_string(1000 + milli % 1000);
    return concat({milli / 1000, ".", fraction.substr(1)});
}

}  // namespace detail

JOULERY_DECL std::string to_junit(const report& report_or_none) {
    const shown_report shown(report_or_none);
    const report& r = *shown;
    const std::string count = std::to_string(r.scopes.size());
    const std::string time = detail::junit_seconds(r.context.duration);
    const std::string name = markup_text(r.context.run_name);
    std::string out = "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>\n";
    append(out, {"  <testsuite name=\"joulery ", name, "\" tests=\"", count,
                 "\" failures=\"0\" errors=\"0\" skipped=\"0\" time=\"", time, "\" hostname=\"",
                 markup_text(r.context.host), "\">\n    <properties>\n"});
    const char* indent = "      ";
    detail::junit_property(out, indent, "joules", r.total.joules());
    detail::junit_property(out, indent, "joules_outside_scopes", r.unscoped.joules());
    detail::junit_property(out, indent, "co2e_grams", r.co2e.grams());
    detail::junit_property(out, indent, "quality", quality_text(r.total, r.provenance));
    detail::junit_property(out, indent, "grid", r.context.carbon.grid.place);
    detail::junit_property(out, indent, "cpu", r.context.cpu);
    detail::junit_property(out, indent, "hardware", r.context.hardware);
    out += "    </properties>\n";
    for (const scope_row& s : r.scopes) {
        append(out, {"    <testcase classname=\"joulery.", name, "\" name=\"", markup_text(s.path),
                     "\" time=\"", detail::junit_seconds(s.time), "\">\n      <system-out>"});
        detail::junit_case_property(out, "joules", s.total.joules());
        detail::junit_case_property(out, "joules_self", s.self.joules());
        detail::junit_case_property(out, "joules_uncertainty", s.uncertainty.joules());
        detail::junit_case_property(out, "co2e_grams", s.co2e.grams());
        detail::junit_case_property(out, "calls", std::to_string(s.calls));
        detail::junit_case_property(out, "items", s.items);
        detail::junit_case_property(out, "item_name", s.item_name);
        detail::junit_case_property(out, "quality", quality_text(s.total, s.provenance));
        out += "</system-out>\n    </testcase>\n";
    }
    if (!r.warnings.empty()) {
        out += "    <system-err>";
        for (const std::string& w : r.warnings) append(out, {markup_text(w), "\n"});
        out += "</system-err>\n";
    }
    out += "  </testsuite>\n</testsuites>\n";
    return out;
}

}  // namespace v1
}  // namespace joulery

#endif
