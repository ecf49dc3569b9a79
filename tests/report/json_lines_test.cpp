#include "joulery/writers/json_lines.hpp"

#include "report/golden.hpp"
#include "report/sample_report.hpp"

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

#include <limits>
#include <string>

using namespace joulery;
using nlohmann::json;

TEST_CASE("json lines: the full sample matches the golden file") {
    check_golden("full.jsonl", to_json_line(sample::full()));
}

TEST_CASE("json lines: a missing number is null, and a run of zero length has no watts") {
    interval_report i;
    i.window = i.so_far = sample::full();
    i.window.context.duration = seconds(0);
    i.window.co2e = emissions::from_grams(std::numeric_limits<double>::infinity());
    const json line = json::parse(to_json_line(i));
    CHECK(line["co2e_g"].is_null());
    CHECK(line["watts"]["cpu0/package"] == 0);
}

TEST_CASE("json lines: names of channels and scopes may contain anything") {
    report r = sample::full();
    r.channels[0].id = r.scopes[0].path = "a \"b\"\n\\";
    const std::string text = to_json_line(r);
    CHECK(text.find('\n') == text.size() - 1);
    const json line = json::parse(text);
    CHECK(line["watts"]["a \"b\"\n\\"] == 80);
    CHECK(line["scopes"][0]["path"] == "a \"b\"\n\\");
}
