#include "joulery/writers/prometheus.hpp"

#include "report/golden.hpp"
#include "report/hostile.hpp"
#include "report/sample_report.hpp"

#include <doctest/doctest.h>

#include <string>

using namespace joulery;

namespace {
bool has(const std::string& text, const std::string& part) {
    return text.find(part) != std::string::npos;
}
}  // namespace

TEST_CASE("prometheus: the full sample looks as it was looked at") {
    check_golden("full.prom", to_prometheus(sample::full()));
}

TEST_CASE("prometheus: hostile names and numbers lose no scope and change nothing by locale") {
    check_hostile([](const report& r) { return to_prometheus(r); });
}

TEST_CASE("prometheus: labels are escaped, counters end in _total") {
    const std::string text = to_prometheus(sample::full());
    CHECK(has(text, "# TYPE joulery_scope_energy_joules_total counter\n"));
    CHECK(has(text,
              "joulery_scope_energy_joules_total{run=\"digits, \\\"final\\\"\",host=\"node1\","
              "scope=\"train/forward\",quality=\"estimated\"} 320\n"));
    CHECK(has(text, "\\\\x0aname,\\\"quoted\\\"\""));
}

TEST_CASE("prometheus: no more series than asked for, and the rest is added up") {
    const std::string text = to_prometheus(sample::full(), {2, false});
    CHECK(has(text,
              "joulery_scopes_without_series{run=\"digits, \\\"final\\\"\",host=\"node1\"} 3\n"));
    CHECK(has(text, "scope=\"(others)\",quality=\"partial\"} 395\n"));
    CHECK_FALSE(has(text, "scope=\"train/forward\""));
    // A parent and its children together: what each used itself, so that nothing counts twice.
    CHECK(has(to_prometheus(sample::full(), {0, false}),
              "scope=\"(others)\",quality=\"partial\"} 915\n"));
}

TEST_CASE("prometheus: scope b inside a and scope a/b are one series, which has both") {
    report r;
    r.scopes = {sample::scope("a", sample::top, 1, 1, {8, 0, 0}, 0),
                sample::scope("a/b", 0, 1, 1, {5, 0, 0}, 0),
                sample::scope("a/b", sample::top, 2, 1, {7, 0, 0}, 0)};
    const std::string text = to_prometheus(r);
    const std::string calls = "joulery_scope_calls_total{run=\"\",host=\"\",scope=\"a/b\"";
    REQUIRE(has(text, calls));
    CHECK(text.find(calls) == text.rfind(calls));
    CHECK(has(text, calls + ",quality=\"measured\"} 3\n"));
    CHECK(has(text, "scope=\"a/b\",quality=\"measured\"} 12\n"));
}

TEST_CASE("prometheus: OpenMetrics names families without _total and ends with EOF") {
    const std::string text = to_prometheus(sample::full(), {200, true});
    CHECK(has(text, "# TYPE joulery_energy_joules counter\njoulery_energy_joules_total{"));
    CHECK(text.substr(text.size() - 6) == "# EOF\n");
}
