// check_history.hpp - energy checks of many runs, from results files, as table, SVG and JUnit.
// SPDX-License-Identifier: MIT
#pragma once

#include "joulery/assertions/claim.hpp"
#include "joulery/detail/core/json.hpp"
#include "joulery/detail/core/number_text.hpp"
#include "joulery/detail/core/unit_text.hpp"
#include "joulery/detail/core/utf8.hpp"
#include "joulery/detail/report/html_text.hpp"
#include "joulery/detail/report/text_grid.hpp"
#include "joulery/result.hpp"
#include "joulery/units.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdio>
#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace joulery {
inline namespace v1 {
namespace testing {

/// A line of a results file (`JOULERY_ENERGY_RESULTS`).
struct past_check {
    std::string time, name, file, unit, message;
    verdict outcome = verdict::skipped;
    double value = 0;  ///< in `unit`; unused if `unit` is empty
};

namespace detail {

[[nodiscard]] inline std::string text_member(const json_value& from, std::string_view name) {
    const json_value* v = from.find(name);
    return v != nullptr && v->kind == json_value::type::string ? v->text : std::string();
}

[[nodiscard]] inline bool take_check(const json_value& from, past_check& out) {
    if (text_member(from, "schema") != "joulery-checks") return false;
    const std::string outcome = text_member(from, "verdict");
    bool known = false;
    for (unsigned v = 0; v < 4; ++v)
        if (outcome == to_text(static_cast<verdict>(v))) {
            out.outcome = static_cast<verdict>(v);
            known = true;
        }
    out.time = text_member(from, "time");
    out.name = text_member(from, "name");
    out.file = text_member(from, "file");
    out.message = text_member(from, "message");
    const json_value* value = from.find("value");
    if (value != nullptr && parse_number(value->text, out.value))
        out.unit = text_member(from, "unit");
    return known && !out.name.empty();
}

}  // namespace detail

/// Reads results files, separate or concatenated. A truncated last line is ignored.
///
/// Fails:  names the line that is not a check.
[[nodiscard]] inline result<std::vector<past_check>> read_checks(std::string_view text) {
    std::vector<past_check> all;
    for (std::size_t number = 1; !text.empty(); ++number) {
        const std::size_t end = text.find('\n');
        const std::string_view line = text.substr(0, end);
        text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
        if (line.find_first_not_of(" \r") == std::string_view::npos) continue;
        const result<json_value> parsed = parse_json(line);
        past_check c;
        if (parsed && detail::take_check(*parsed, c)) {
            all.push_back(std::move(c));
        } else if (end != std::string_view::npos) {
            return failure{
                "line " + std::to_string(number) + " is no energy check: " +
                    (parsed ? "schema, name or verdict is missing" : parsed.error().reason),
                "name files that JOULERY_ENERGY_RESULTS wrote"};
        }
    }
    return all;
}

/// The checks of one name and unit, oldest first.
struct check_series {
    std::string name, unit;
    std::vector<past_check> checks;

    [[nodiscard]] std::vector<past_check> measured() const {
        std::vector<past_check> some;
        for (const past_check& c : checks)
            if (!c.unit.empty()) some.push_back(c);
        return some;
    }
};

[[nodiscard]] inline std::vector<check_series> by_name(std::vector<past_check> all) {
    std::stable_sort(all.begin(), all.end(),
                     [](const past_check& a, const past_check& b) { return a.time < b.time; });
    std::map<std::string, check_series> found;
    for (past_check& c : all) {
        check_series& s = found[c.name];
        s.name = c.name;
        if (!c.unit.empty()) s.unit = c.unit;
        s.checks.push_back(std::move(c));
    }
    std::vector<check_series> out;
    for (auto& [name, s] : found) out.push_back(std::move(s));
    return out;
}

/// "2.13 mJ/call", "45 W", "63 %".
[[nodiscard]] inline std::string value_text(double x, const std::string& unit) {
    if (unit == "W") return to_text(power::from_watts(x));
    if (unit == "ratio") return percent_text(x);
    const std::string per = unit.size() > 1 ? unit.substr(1) : "";
    if (!unit.empty() && unit[0] == 'g') return to_text(emissions::from_grams(x)) + per;
    return to_text(energy::from_joules(x)) + per;
}

namespace detail {

[[nodiscard]] inline std::string change_text(const std::vector<past_check>& m) {
    if (m.size() < 2 || !(m.front().value > 0)) return "-";
    const double change = m.back().value / m.front().value - 1;
    return (change > 0 ? "+" : "") + percent_text(change);
}

}  // namespace detail

/// One row per check: first and last value, the change, and the verdicts of its runs.
[[nodiscard]] inline std::string history_table(const std::vector<check_series>& all,
                                               std::size_t width = 120) {
    text_grid grid({{"check", 0, true},
                    {"runs", 1},
                    {"first", 2},
                    {"last", 5},
                    {"change", 4},
                    {"held", 3},
                    {"failed", 3},
                    {"inconclusive", 3},
                    {"skipped", 3}});
    for (const check_series& s : all) {
        unsigned counts[4] = {};
        for (const past_check& c : s.checks) ++counts[static_cast<unsigned>(c.outcome)];
        const std::vector<past_check> m = s.measured();
        const bool some = !m.empty();
        std::vector<std::string> cells = {s.name, std::to_string(s.checks.size()),
                                          some ? value_text(m.front().value, s.unit) : "-",
                                          some ? value_text(m.back().value, s.unit) : "-",
                                          detail::change_text(m)};
        for (const unsigned n : counts) cells.push_back(std::to_string(n));
        grid.add(std::move(cells), counts[1] > 0 ? text_style::warning : text_style::plain);
    }
    return grid.render(width, false);
}

namespace detail {

/// Positions and sizes in `history_svg`, in pixels.
struct svg_layout {
    int names = 260, chart = 320, values = 140, row = 34;
    std::size_t name_columns = 34;  ///< of a wide sans-serif font
};

/// Shortened to the width of the column; the full name is shown under the pointer.
[[nodiscard]] inline std::string svg_text(int x, int y, std::string_view text,
                                          std::size_t columns = 100) {
    return "<text x=\"" + std::to_string(x) + "\" y=\"" + std::to_string(y) + "\">" +
           markup_text(shortened(text, columns)) + "<title>" + markup_text(text) +
           "</title></text>\n";
}

/// A square for a failure, a dot for an inconclusive check.
[[nodiscard]] inline std::string svg_symbol(const past_check& c, double x, double y) {
    if (c.outcome == verdict::fails)
        return "<rect x=\"" + v1::detail::svg_number(x - 3) + "\" y=\"" +
               v1::detail::svg_number(y - 3) + "\" width=\"6\" height=\"6\" fill=\"#c62828\"/>\n";
    return "<circle cx=\"" + v1::detail::svg_number(x) + "\" cy=\"" + v1::detail::svg_number(y) +
           "\" r=\"3\" fill=\"#f9a825\"/>\n";
}

/// The line of one check, scaled from its smallest to its largest value, with a symbol for each run
/// that did not hold.
[[nodiscard]] inline std::string svg_line(const std::vector<past_check>& m, const svg_layout& at,
                                          int top) {
    const auto less = [](const past_check& a, const past_check& b) { return a.value < b.value; };
    const auto [least, most] = std::minmax_element(m.begin(), m.end(), less);
    std::string line, symbols;
    for (std::size_t i = 0; i < m.size(); ++i) {
        const double range = most->value - least->value;
        const double share = range > 0 ? (m[i].value - least->value) / range : 0.5;
        const double along =
            m.size() > 1 ? static_cast<double>(i) / static_cast<double>(m.size() - 1) : 0.5;
        const double x = at.names + at.chart * along;
        const double y = top + at.row - 6 - share * (at.row - 12);
        line += v1::detail::svg_number(x) + "," + v1::detail::svg_number(y) + " ";
        if (m[i].outcome != verdict::holds) symbols += svg_symbol(m[i], x, y);
    }
    return "<polyline fill=\"none\" stroke=\"#1565c0\" points=\"" + line + "\"/>\n" + symbols;
}

}  // namespace detail

/// A line for each check over its runs, each scaled from its smallest to its largest value; a red
/// square for a failure, a yellow dot for an inconclusive run. For a page or a CI summary; needs no
/// script.
[[nodiscard]] inline std::string history_svg(const std::vector<check_series>& all) {
    const detail::svg_layout at;
    std::string out = "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"" +
                      std::to_string(at.names + at.chart + at.values) + "\" height=\"" +
                      std::to_string(at.row * static_cast<int>(all.size()) + 10) +
                      "\" font-family=\"sans-serif\" font-size=\"12\">\n<rect width=\"100%\" "
                      "height=\"100%\" fill=\"#fff\"/>\n";  // on dark pages too
    int top = 5;
    for (const check_series& s : all) {
        const std::vector<past_check> m = s.measured();
        out +=
            detail::svg_text(4, top + 20, s.name, at.name_columns) + detail::svg_line(m, at, top);
        if (!m.empty())
            out += detail::svg_text(at.names + at.chart + 10, top + 20,
                                    value_text(m.back().value, s.unit));
        top += at.row;
    }
    return out + "</svg>\n";
}

namespace detail {

/// Keeps each property on one line.
[[nodiscard]] inline std::string markup_lines(std::string_view text) {
    std::string out;
    while (!text.empty()) {
        const std::size_t end = std::min(text.find('\n'), text.size());
        out += markup_text(text.substr(0, end));
        text.remove_prefix(std::min(end + 1, text.size()));
        if (!text.empty()) out += "\n";
    }
    return out;
}

/// A figure of a test case, in the text form that test managers look for:
/// "[[PROPERTY|verdict=holds]]".
[[nodiscard]] inline std::string junit_property(std::string_view name, const std::string& value) {
    std::string safe = markup_text(value);
    for (char& c : safe)
        if (c == '[' || c == ']') c = c == '[' ? '(' : ')';
    return "[[PROPERTY|" + std::string(name) + "=" + safe + "]]\n";
}

[[nodiscard]] inline std::string junit_case(const past_check& c) {
    std::string out = "    <testcase classname=\"energy\" name=\"" + markup_text(c.name) + "\">\n";
    const std::string text = markup_lines(c.message);
    const bool failed = c.outcome == verdict::fails, skipped = c.outcome == verdict::skipped;
    if (failed || skipped) {
        const std::string element = failed ? "failure" : "skipped";
        out += "      <" + element + " message=\"" +
               markup_text(c.message.substr(0, c.message.find('\n'))) + "\">" + text + "</" +
               element + ">\n";
    }
    out += "      <system-out>" + junit_property("verdict", std::string(to_text(c.outcome))) +
           junit_property("file", c.file);
    if (!c.unit.empty()) {
        std::string number;
        append_number(number, c.value);
        out += junit_property(c.unit, number);
    }
    return out + text + "</system-out>\n    </testcase>\n";
}

}  // namespace detail

/// The checks as JUnit XML, one test case each, for test frameworks whose own XML has no
/// inconclusive or skipped checks (doctest). Valid by Jenkins' junit-10.xsd, which has no
/// properties of cases.
[[nodiscard]] inline std::string checks_to_junit(const std::vector<past_check>& all) {
    unsigned counts[4] = {};
    std::string cases;
    for (const past_check& c : all) {
        ++counts[static_cast<unsigned>(c.outcome)];
        cases += detail::junit_case(c);
    }
    return "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites>\n  <testsuite name=\"energy\" "
           "tests=\"" +
           std::to_string(all.size()) + "\" failures=\"" + std::to_string(counts[1]) +
           "\" errors=\"0\" skipped=\"" + std::to_string(counts[3]) + "\">\n" + cases +
           "  </testsuite>\n</testsuites>\n";
}

}  // namespace testing
}  // namespace v1
}  // namespace joulery
