#include "joulery/detail/core/json.hpp"
#include "joulery/report_io.hpp"

#include "report/golden.hpp"
#include "report/sample_report.hpp"

#include <doctest/doctest.h>

#include <clocale>
#include <cmath>
#include <limits>
#include <random>

#if __has_include(<nlohmann/json.hpp>)
#include <nlohmann/json.hpp>
#define HAVE_NLOHMANN 1
#endif

using namespace joulery;

namespace {
failure why(std::string_view text) {
    auto r = from_json(text);
    REQUIRE_FALSE(r);
    return r.error();
}
bool has(const std::string& text, const std::string& part) {
    return text.find(part) != std::string::npos;
}
}  // namespace

TEST_CASE("json: the full sample matches the golden file") {
    check_golden("full.json", to_json(sample::full()));
}

TEST_CASE("json: a written report reads back equal in every field") {
    const report r = sample::comparable();
    const auto back = from_json(to_json(r));
    REQUIRE_MESSAGE(back, (back ? "" : back.error().reason));
    CHECK(*back == r);
    CHECK(back->scopes[2].calls == 1234567);
    CHECK(back->scopes[4].path == "evil\x1b[31m\nname,\"quoted\"");
    CHECK(back->channels[2].kind == reading_kind::power_gauge);
    CHECK(back->context.carbon.grid.place == "World");
    CHECK(*from_json(to_json(report{})) == report{});
}

TEST_CASE("json: equality detects a change in any field") {
    const report r = sample::comparable();
    report s = r;
    CHECK(s == r);
    s.scopes[1].by_channel[1] = energy::from_joules(200.0000000001);
    CHECK(s != r);
    s = r;
    s.context.carbon.grid.year = 2023;
    CHECK(s != r);
    s = r;
    s.channels[0].tally.gaps = 1;
    CHECK(s != r);
    s = r;
    s.warnings.pop_back();
    CHECK(s != r);
}

TEST_CASE("json: numbers keep every bit, in any locale") {
    const unsigned seed = 7;
    INFO("seed " << seed);
    std::setlocale(LC_ALL, "de_DE.UTF-8");
    std::mt19937_64 random(seed);
    for (int i = 0; i < 200; ++i) {
        report r = sample::comparable();
        for (scope_row& row : r.scopes) {
            row.calls = random();
            row.total = energy::from_joules(std::ldexp(static_cast<double>(random()),
                                                       static_cast<int>(random() % 2000) - 1060));
        }
        const auto back = from_json(to_json(r));
        REQUIRE(back);
        REQUIRE(*back == r);
    }
    std::setlocale(LC_ALL, "C");
}

TEST_CASE("json: NaN and infinity become null and read back as NaN") {
    report r = sample::full();
    r.total = energy::from_joules(std::numeric_limits<double>::infinity());
    r.unscoped = energy::from_joules(std::numeric_limits<double>::quiet_NaN());
    const std::string text = to_json(r);
    CHECK(has(text, "\"total_j\": null"));
    const auto back = from_json(text);
    REQUIRE(back);
    CHECK(is_nan(back->unscoped.joules()));
}

TEST_CASE("json: names may be invalid UTF-8 and can't close a script element") {
    report r = sample::full();
    r.scopes[0].path = "a\xFF</script>";
    const std::string text = to_json(r);
    CHECK_FALSE(has(text, "</script>"));
    CHECK(from_json(text)->scopes[0].path == "a\xEF\xBF\xBD</script>");
}

TEST_CASE("json: a truncated file is refused with the place where it ends") {
    const std::string text = to_json(sample::full());
    for (std::size_t n = 0; n + 2 < text.size(); n += 1 + n / 50)
        CHECK_FALSE(from_json(std::string_view(text).substr(0, n)));
    const failure f = why(std::string_view(text).substr(0, 1000));
    CHECK(f.reason == "not JSON: the text ends too early at byte 1000 of 1000");
    CHECK(has(f.remedy, "cut off"));
}

TEST_CASE("json: a newer version is refused by name") {
    CHECK(has(why(R"({"schema": "joulery-report", "schema_version": 2})").reason,
              "schema_version 2, this library reads up to 1; use a newer joulery"));
}

TEST_CASE("json: a wrong type is refused with its place") {
    CHECK(has(why("").reason, "ends too early at byte 0 of 0"));
    CHECK(has(why("[]").reason, "an object was expected"));
    CHECK(has(why("{}").reason, "\"schema\": \"joulery-report\" is missing"));
    CHECK(has(why(R"({"schema": "joulery-report"})").reason, "schema_version"));
    const std::string head = R"({"schema": "joulery-report", "schema_version": 1, )";
    CHECK(why(head + R"("total_j": "1"})").reason ==
          "not a joulery report: total_j: a number was expected, found a string at byte 61");
    CHECK(has(why(head + R"("scopes": [{}, {"calls": -1}]})").reason, "scopes.1.calls: "));
    CHECK(has(why(head + R"("quality": "good"})").reason, "\"good\" is not one of the known"));
    CHECK(has(why(head + R"("total_j": 1e999})").reason, "1e999 is out of range"));
    CHECK(has(why(head + R"("total_j": 1} x)").reason, "something follows"));
}

TEST_CASE("json: unknown members are skipped, missing ones keep their defaults") {
    const auto r = from_json(
        R"({"schema":"joulery-report","schema_version":1,"new":[{"a":[1,2,{"b":null}]}],"total_j":3})");
    REQUIRE(r);
    CHECK(r->total.joules() == 3);
    CHECK(r->context.carbon.pue == 1.0);
}

TEST_CASE("json parser: refuses what RFC 8259 doesn't allow") {
    for (const char* text :
         {"01",          "1.",     ".5",         "+1",    "1e",        "tru",
          "nul",         "[1,]",   "{\"a\":1,}", "{a:1}", "'a'",       "\"\\x\"",
          "\"\\u12g4\"", "\"\n\"", "[1 2]",      "1 2",   "{\"a\" 1}", "{\"a\":1,\"a\":2}",
          "NaN",         "-",      "\"",         "[",     "{"}) {
        CAPTURE(text);
        CHECK_FALSE(parse_json(text));
    }
    CHECK(parse_json("[1, -2.5e-3, \"\\u00e9\\ud83d\\udd25\\/\", {}, [], null, true]"));
    CHECK(parse_json("\"\\ud83d\\udd25\"")->text == "\xF0\x9F\x94\xA5");
    CHECK(parse_json("\"\\ud83dx\"")->text == "\xEF\xBF\xBDx");
}

TEST_CASE("json parser: deep nesting is refused and never overflows the stack") {
    CHECK(has(parse_json(std::string(1000000, '[')).error().reason, "nested too deeply"));
    CHECK(parse_json(std::string(60, '[') + std::string(60, ']')));
}

#ifdef HAVE_NLOHMANN
TEST_CASE("json: another parser reads the same values") {
    const auto v = nlohmann::json::parse(to_json(sample::full()));
    CHECK(v["schema"] == "joulery-report");
    CHECK(v["scopes"][3]["path"] == "<script>alert('1 & 2')</script>");
    CHECK(v["scopes"][1]["total_j"] == 320.0);
    CHECK(v["runs"][0]["end_unix_s"] == 1700000012.5);
}
#endif

TEST_CASE("json: invalid UTF-8 bytes are replaced anywhere in a string") {
    for (const char* text : {"\"\xFF\"", "\"abc\xFF\"", "\"\xC3\\n\"", "\"a\xE2\x82 b\""}) {
        const auto v = parse_json(text);
        REQUIRE(v);
        CHECK(v->text.find("\xEF\xBF\xBD") != std::string::npos);
        CHECK(v->text == valid_utf8(v->text));
    }
    CHECK(parse_json("\"\xC3\xBC, \\u00fc\"")->text == "\xC3\xBC, \xC3\xBC");
}
