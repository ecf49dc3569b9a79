#include "joulery/writers/trace_json.hpp"

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

TEST_CASE("trace: the full sample matches the golden file") {
    check_golden("full.trace.json", to_trace_json(sample::full()));
}

TEST_CASE("trace: hostile names and numbers lose no scope, and no locale changes a byte") {
    check_hostile([](const report& r) { return to_trace_json(r); }, 3);
}

TEST_CASE(
    "trace: has slices in microseconds with their joules, power as counters, a count of drops") {
    const std::string text = to_trace_json(sample::full());
    CHECK(has(text, "\"slices_dropped\": \"12\""));
    CHECK(has(text,
              "{\"ph\": \"X\", \"pid\": 1, \"name\": \"forward\", \"cat\": \"scope\", "
              "\"tid\": 1, \"ts\": 1e+06, \"dur\": 4e+06, \"args\": {\"path\": "
              "\"train/forward\", \"joules\": 320, \"quality\": \"estimated\"}}"));
    CHECK(has(text,
              "{\"ph\": \"C\", \"pid\": 1, \"name\": \"power cpu0/package\", \"tid\": 0, "
              "\"ts\": 0, \"args\": {\"W\": 30}}"));
    CHECK_FALSE(has(text, "null"));  // the unmeasured step is left out
}

TEST_CASE("trace: without recorded calls, the history's long calls are used") {
    report r = sample::full();
    r.slices = {};
    CHECK(has(to_trace_json(r), "\"dur\": 50000,"));
}

TEST_CASE("trace: a parent comes before its children, in whatever order they were recorded") {
    report r = sample::full();
    r.slices.slices = {{1, 0, seconds(1), seconds(4), 320},  // ended first
                       {0, 0, seconds(1), seconds(10), 840},
                       {3, 0, seconds(0.5), seconds(0.1), 1}};
    const std::string text = to_trace_json(r);
    const std::size_t early = text.find("\"path\": \"\\u003cscript"),
                      outer = text.find("\"path\": \"train\""),
                      inner = text.find("\"path\": \"train/forward\"");
    CHECK(early < outer);
    CHECK(outer < inner);
    CHECK(inner != std::string::npos);
}

TEST_CASE("trace: scopes that end together end in the same whole nanosecond, as readers require") {
    report r = sample::full();
    r.slices.slices = {{0, 0, seconds(0), seconds(2.2e-9), 1},
                       {1, 0, seconds(0.6e-9), seconds(1.6e-9), 1}};  // each rounded: 1 + 2 ns
    const std::string text = to_trace_json(r);
    CHECK(has(text, "\"ts\": 0, \"dur\": 0.002,"));
    CHECK(has(text, "\"ts\": 0.001, \"dur\": 0.001,"));
}

TEST_CASE("trace: no time is negative or beyond 64 bits of nanoseconds, as readers drop those") {
    report r = sample::full();
    r.history = {};
    r.slices.slices = {{0, 0, seconds(-1), seconds(3), 1}, {1, 0, seconds(1e300), seconds(1), 1}};
    const std::string text = to_trace_json(r);
    CHECK(has(text, "\"ts\": 0, \"dur\": 2e+06,"));
    CHECK(has(text, "\"ts\": 4e+15, \"dur\": 0,"));
}
