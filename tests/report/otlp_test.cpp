#include "joulery/writers/otlp.hpp"

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

TEST_CASE("otlp: the full sample matches the golden file") {
    check_golden("full.otlp.json", to_otlp_json(sample::full()));
}

TEST_CASE("otlp: hostile names and numbers lose no scope, and no locale changes a byte") {
    check_hostile([](const report& r) { return to_otlp_json(r); });
}

TEST_CASE("otlp: 64-bit times are strings in nanoseconds, channels are hw.energy") {
    const std::string text = to_otlp_json(sample::full());
    CHECK(has(text,
              "\"startTimeUnixNano\": \"1700000000000000000\", "
              "\"timeUnixNano\": \"1700000012500000000\", \"asDouble\": 320}"));
    CHECK(has(text, "{\"name\": \"hw.energy\", \"unit\": \"J\""));
}

TEST_CASE("otlp: booleans and versions have their types, and unknown values are left out") {
    const std::string text = to_otlp_json(sample::full());
    CHECK(has(text, "\"scope\": {\"name\": \"joulery\", \"version\": \"0.1.0\"}"));
    CHECK(has(text, "{\"key\": \"joulery.summed\", \"value\": {\"boolValue\": false}}"));
    CHECK(has(text, "{\"key\": \"hw.parent\", \"value\": {\"stringValue\": \"cpu0/package\"}}"));
    CHECK_FALSE(has(text, "{\"stringValue\": \"\"}"));
}
