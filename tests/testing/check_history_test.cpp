#include "joulery/assertions/check_history.hpp"

#include "joulery/assertions/check_log.hpp"

#include <doctest/doctest.h>

#include <string>
#include <vector>

using namespace joulery;
using namespace joulery::testing;

namespace {

past_check past(const std::string& time, verdict v, double value,
                const std::string& name = "conv3x3") {
    past_check c;
    c.time = time;
    c.name = name;
    c.outcome = v;
    c.value = value;
    c.unit = "J/call";
    c.message = "1 < 2\n  to do: nothing";
    return c;
}

}  // namespace

TEST_CASE("check history: what the log writes reads back") {
    const check_result r = {verdict::fails, "a \"message\"", "conv", {2e-3, 1e-3, 3e-3}, "J/call"};
    const std::string line =
        testing::detail::to_json_line(r, verdict::fails, {"m, < 2_mJ", "a.cpp", 3});
    const auto all = read_checks(line + "\n" + line);
    REQUIRE(all);
    REQUIRE(all->size() == 2);
    CHECK(all->front().name == "conv");
    CHECK(all->front().outcome == verdict::fails);
    CHECK(all->front().value == 2e-3);
    CHECK(all->front().unit == "J/call");
    CHECK(all->front().message == "a \"message\"");
    CHECK(read_checks(line + line.substr(0, 40))->size() == 1);  // a program was killed there
    const auto broken = read_checks(line + "{}\n" + line);
    REQUIRE_FALSE(broken);
    CHECK(broken.error().reason.find("line 2 is no energy check: schema") == 0);
    CHECK(read_checks("[\n").error().reason.find("line 1 is no energy check: not JSON") == 0);
}

TEST_CASE(
    "check history: one row per check, by time, with the change from the first run to the last") {
    const auto series =
        by_name({past("2026-03", verdict::fails, 3e-3), past("2026-01", verdict::holds, 2e-3),
                 past("2026-02", verdict::inconclusive, 2.2e-3),
                 past("2026-01", verdict::holds, 1e-3, "gemm")});
    REQUIRE(series.size() == 2);
    const std::string table = history_table(series);
    const std::string row =
        table.substr(table.find("conv3x3"), table.find("gemm") - table.find("conv3x3"));
    CHECK(row.find("2 mJ/call") < row.find("3 mJ/call"));
    CHECK(row.find("+50 %") != std::string::npos);
    const std::string svg = history_svg(series);
    CHECK(svg.find("points=\"260,33 420,28.6 580,11 \"") != std::string::npos);
    CHECK(svg.find("<rect x=\"577\" y=\"8\" width=\"6\"") != std::string::npos);  // failed
    CHECK(svg.find("<circle cx=\"420\" cy=\"28.6\"") != std::string::npos);
    CHECK(svg.find("<circle") == svg.rfind("<circle"));  // passed checks have no mark
    const std::string name = "a name that is wider than the column for it";
    const std::string wide = history_svg(by_name({past("2026-01", verdict::holds, 1, name)}));
    CHECK(wide.find(">a name that is wider than the col\xE2\x80\xA6<title>" + name) !=
          std::string::npos);
}

TEST_CASE("check history: a check that was never measured has no figures") {
    past_check skipped = past("2026-01", verdict::skipped, 0, "a < b & c");
    skipped.unit.clear();
    const auto series = by_name({skipped});
    CHECK(history_table(series).find(" - ") != std::string::npos);
    CHECK(history_svg(series).find("a &lt; b &amp; c") != std::string::npos);
}

TEST_CASE("check history: JUnit shows all four verdicts") {
    const std::string xml = checks_to_junit(
        {past("1", verdict::holds, 2e-3), past("1", verdict::fails, 2e-3),
         past("1", verdict::inconclusive, 2e-3), past("1", verdict::skipped, 2e-3)});
    CHECK(xml.find("tests=\"4\" failures=\"1\" errors=\"0\" skipped=\"1\"") != std::string::npos);
    for (const char* v : {"holds", "fails", "inconclusive", "skipped"})
        CHECK(xml.find("[[PROPERTY|verdict=" + std::string(v) + "]]") != std::string::npos);
    CHECK(xml.find("<failure message=\"1 &lt; 2\">1 &lt; 2\n  to do: nothing</failure>") !=
          std::string::npos);
    CHECK(xml.find("<skipped message=\"1 &lt; 2\">1 &lt; 2") != std::string::npos);
    CHECK(xml.find("[[PROPERTY|J/call=0.002]]") != std::string::npos);
}
