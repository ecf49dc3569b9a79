#include "joulery/writers/prometheus.hpp"

#include "report/golden.hpp"
#include "report/hostile.hpp"
#include "report/sample_report.hpp"

#include <doctest/doctest.h>

#include <sstream>
#include <string>

using namespace joulery;

namespace {
bool has(const std::string& text, const std::string& part) {
    return text.find(part) != std::string::npos;
}
// The first line that contains both.
std::string line_with(const std::string& text, const std::string& a, const std::string& b) {
    std::istringstream in(text);
    for (std::string line; std::getline(in, line);)
        if (has(line, a) && has(line, b)) return line;
    return {};
}
}  // namespace

TEST_CASE("prometheus: the full sample matches the golden file") {
    check_golden("full.prom", to_prometheus(sample::full()));
}

TEST_CASE("prometheus: hostile names and numbers lose no scope, and no locale changes a byte") {
    check_hostile([](const report& r) { return to_prometheus(r); });
}

TEST_CASE("prometheus: labels are escaped, counters end in _total") {
    const std::string text = to_prometheus(sample::full());
    CHECK(has(text, "# TYPE joulery_scope_energy_joules_total counter\n"));
    CHECK(has(text,
              "joulery_scope_energy_joules_total{run=\"digits, "
              "\\\"final\\\"\",process=\"\",host=\"node1\","
              "scope=\"train/forward\"} 320\n"));
    CHECK(has(text, "\\\\x0aname,\\\"quoted\\\"\""));
}

TEST_CASE("prometheus: at most the requested number of series, with the rest added up") {
    const std::string text = to_prometheus(sample::full(), {2, false});
    CHECK(has(text,
              "joulery_scopes_without_series{run=\"digits, "
              "\\\"final\\\"\",process=\"\",host=\"node1\"} 3\n"));
    CHECK(has(text, "scope=\"(others)\"} 555\n"));
    const std::string calls = line_with(text, "joulery_scope_calls_total{", "(others)");
    CHECK(has(calls, "} 1234570"));
    CHECK(has(text, "scope=\"train/forward\""));
    // A parent and its children together: each has its own energy, so that nothing counts twice.
    CHECK(has(to_prometheus(sample::full(), {0, false}), "scope=\"(others)\"} 915\n"));
}

TEST_CASE("prometheus: scope b inside a and scope a/b are one series with both energies") {
    report r;
    r.scopes = {sample::scope("a", sample::top, 1, 1, {8, 0, 0}, 0),
                sample::scope("a/b", 0, 1, 1, {5, 0, 0}, 0),
                sample::scope("a/b", sample::top, 2, 1, {7, 0, 0}, 0)};
    const std::string text = to_prometheus(r);
    const std::string calls =
        "joulery_scope_calls_total{run=\"\",process=\"\",host=\"\",scope=\"a/b\"";
    REQUIRE(has(text, calls));
    CHECK(text.find(calls) == text.rfind(calls));
    CHECK(has(text, calls + "} 3\n"));
    CHECK(has(text, "scope=\"a/b\"} 12\n"));
    r.scopes[1].call_times.add(0.5);
    r.scopes[2].call_times.add(0.25, 2);
    for (scope_row& row : r.scopes) set_percentiles(row);
    const std::string both = to_prometheus(r);
    CHECK(has(line_with(both, "joulery_scope_call_seconds_count{", "a/b"), "} 3"));
    CHECK(has(line_with(both, "joulery_scope_call_joules_count{", "a/b"), "} 3"));
}

TEST_CASE("prometheus: a counter read by two backends is one series of each metric") {
    report r = sample::full();
    const std::string once = to_prometheus(r);
    channel_row again = r.channels[0];
    again.backend = "rapl-perf";
    again.summed = false;
    r.channels.push_back(again);
    CHECK(to_prometheus(r) == once);
}

TEST_CASE("prometheus: OpenMetrics names families without _total and ends with EOF") {
    const std::string text = to_prometheus(sample::full(), {200, true});
    CHECK(has(text, "# TYPE joulery_energy_joules counter\njoulery_energy_joules_total{"));
    CHECK(text.substr(text.size() - 6) == "# EOF\n");
}

TEST_CASE("prometheus: two processes of one run on one host have separate series") {
    report r = sample::full();
    r.context.machine = "m";
    r.context.run_id = "m/4711/1/2026-01-01";
    CHECK(has(to_prometheus(r), ",process=\"4711\",host=\"node1\"} 1050\n"));
}

TEST_CASE("prometheus: quality is a metric, so labels stay the same when a value goes missing") {
    report before = sample::full(), after = sample::full();
    after.provenance = quality::partial;
    for (scope_row& row : after.scopes) row.provenance = quality::partial;
    for (channel_row& c : after.channels) c.provenance = quality::partial;
    const auto names = [](const std::string& text) {
        std::string all;
        for (std::size_t at = 0; at < text.size(); at = text.find('\n', at) + 1) {
            const std::string line = text.substr(at, text.find('\n', at) - at);
            if (line[0] != '#') all += line.substr(0, line.rfind(' ')) + "\n";
        }
        return all;
    };
    CHECK(names(to_prometheus(before)) == names(to_prometheus(after)));
    CHECK(has(to_prometheus(before), "joulery_quality{"));
    CHECK(has(to_prometheus(after), "\"} 3\n"));
}

TEST_CASE("prometheus: percentiles of calls are summaries, if they are known") {
    report r;
    scope_row row = sample::scope("request", sample::top, 100, 1, {50, 0, 0}, 0);
    for (int i = 0; i < 100; ++i) row.call_times.add(i < 50 ? 1e-3 : 8e-3);
    set_percentiles(row);
    r.scopes = {row};
    const std::string text = to_prometheus(r);
    CHECK(has(text, "# TYPE joulery_scope_call_seconds summary\n"));
    CHECK(has(text, "scope=\"request\",quantile=\"0.99\"} 0.008"));
    CHECK(has(text,
              "joulery_scope_call_joules_count{run=\"\",process=\"\",host=\"\",scope=\"request\"} "
              "100\n"));
    report unknown = sample::full();
    for (scope_row& s : unknown.scopes) s.call_time = {}, s.call_energy = {};
    CHECK_FALSE(has(to_prometheus(unknown), "quantile"));
}
