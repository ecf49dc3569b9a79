#include "joulery/writers/html.hpp"
#include "joulery/detail/report/icicle.hpp"
#include "joulery/detail/report/power_chart.hpp"

#include "report/golden.hpp"
#include "report/hostile.hpp"
#include "report/sample_report.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <random>
#include <set>
#include <string>
#include <utility>
#include <vector>

using namespace joulery;

namespace {
bool has(const std::string& text, const std::string& part) {
    return text.find(part) != std::string::npos;
}
std::size_t count(const std::string& text, const std::string& part) {
    std::size_t n = 0;
    for (std::size_t at = 0; (at = text.find(part, at)) != std::string::npos; ++at) ++n;
    return n;
}
}  // namespace

TEST_CASE("html: the full sample matches the golden file") {
    check_golden("full.html", to_html(sample::full()));
}

TEST_CASE("html: hostile names and numbers lose no scope, and no locale changes a byte") {
    check_hostile([](const report& r) { return to_html(r); });
}

TEST_CASE("html: a scope called <script> is text") {
    const std::string text = to_html(sample::full());
    CHECK_FALSE(has(text, "<script>alert"));
    CHECK(has(text, "&lt;script&gt;alert(&#39;1 &amp; 2&#39;)&lt;/script&gt;"));
}

TEST_CASE("html: the page loads nothing") {
    const std::string text = to_html(sample::full());
    CHECK(has(text, "default-src 'none'"));
    for (const char* outside : {"http://", "https://", "src=\"", "@import", "url("})
        CHECK_FALSE(has(text, outside));
}

TEST_CASE("icicle: widths are shares of the whole run, children inside their parent") {
    const std::string text = to_icicle_svg(sample::full());
    CHECK(has(text, "data-x=\"0\" data-w=\"80\" data-level=\"1\" data-path=\"train\""));
    CHECK(has(text, "data-w=\"30.476\" data-level=\"2\" data-path=\"train/forward\""));
    CHECK(has(text,
              "data-x=\"87.143\" data-w=\"12.857\" data-level=\"1\" "
              "data-path=\"outside all scopes\""));
}

TEST_CASE("icicle: children whose sum exceeds their parent share its width") {
    report r;
    r.total = sample::j(10);
    r.scopes = {sample::scope("a", sample::top, 1, 1, {10, 0, 0}, 0),
                sample::scope("a/b", 0, 1, 1, {10, 0, 0}, 0),
                sample::scope("a/c", 0, 1, 1, {30, 0, 0}, 0)};
    const std::string text = to_icicle_svg(r);
    CHECK(has(text, "data-x=\"0\" data-w=\"25\" data-level=\"2\" data-path=\"a/b\""));
    CHECK(has(text, "data-x=\"25\" data-w=\"75\" data-level=\"2\" data-path=\"a/c\""));
}

TEST_CASE("icicle: below a single scope with everything inside, its parts have different colors") {
    report r;
    r.scopes = {sample::scope("run", sample::top, 1, 1, {10, 0, 0}, 0),
                sample::scope("run/a", 0, 1, 1, {4, 0, 0}, 0),
                sample::scope("run/a/x", 1, 1, 1, {4, 0, 0}, 4),
                sample::scope("run/b", 0, 1, 1, {6, 0, 0}, 6)};
    using hues = std::vector<std::size_t>;
    CHECK(detail::row_hues(scope_tree(r)) == hues{0, 0, 0, 1});
    r.scopes.push_back(sample::scope("other", sample::top, 1, 1, {1, 0, 0}, 1));
    CHECK(detail::row_hues(scope_tree(r)) == hues{0, 0, 0, 0, 1});
}

TEST_CASE("html: without energy or history there are no pictures, and the page says so") {
    CHECK(to_icicle_svg(report{}).empty());
    CHECK(to_power_svg(report{}).empty());
    CHECK(has(to_html(report{}), "No energy was measured or estimated."));
}

TEST_CASE("power chart: an unmeasured step interrupts the line") {
    const std::string text = to_power_svg(sample::full());
    CHECK(count(text, "<polyline") == 4);  // three channels, one of them in two pieces
    CHECK(count(text, "<polyline class=\"hue0 dash0\" data-series=\"0\"") == 2);
    CHECK(count(text, "<polyline class=\"hue1 dash1 contained\" data-series=\"1\"") == 1);
}

TEST_CASE("power chart: up to sixty-four lines all look different") {
    report r = sample::full();
    while (r.channels.size() < 64) {
        r.channels.push_back(r.channels[2]);
        r.history.watts.push_back(r.history.watts[2]);
    }
    std::set<std::string> looks;
    const std::string text = to_power_svg(r);
    for (std::size_t at = 0;
         (at = text.find("<line x1=\"0\" x2=\"34\"", at)) != std::string::npos;) {
        const std::size_t begin = text.find("class=\"", at) + 7;
        const std::string look = text.substr(begin, 11);
        CHECK(looks.insert(look).second);
        at = begin;
    }
    CHECK(looks.size() == 64);
}

TEST_CASE("power chart: a line hidden by another is announced") {
    report r = sample::full();
    CHECK_FALSE(has(to_power_svg(r), "runs on the line"));
    r.history.watts[2] = r.history.watts[0];
    CHECK(has(to_power_svg(r),
              "<bdi>estimate/disk</bdi> (runs on the line of <bdi>cpu0/package</bdi>)"));
}

TEST_CASE("power chart: overlapping calls have separate lanes, and the picture grows") {
    report r = sample::full();
    const auto call = [](std::size_t scope, double begin, double length) {
        return scope_slice{scope, 0, seconds(begin), seconds(length), 1};
    };
    const auto in_lane = [&r](int lane) {
        return count(to_power_svg(r), "y=\"" + std::to_string(22 * lane) + "\" height=\"20\"");
    };
    r.history.bands = {call(0, 1, 4), call(1, 5, 4)};  // one after the other
    CHECK(in_lane(0) == 2);
    CHECK(in_lane(1) == 0);
    CHECK(has(to_power_svg(r), "<svg class=\"power\" height=\"284\""));
    r.history.bands = {call(1, 1, 4), call(0, 1, 10), call(2, 6, 4)};  // two inside the longest
    CHECK(in_lane(0) == 1);
    CHECK(in_lane(1) == 2);
    CHECK(has(to_power_svg(r), "<svg class=\"power\" height=\"306\""));
    CHECK(has(to_power_svg(r), "the 3 longest calls of scopes."));
    r.history.bands.assign(9, call(0, 1, 10));
    CHECK(has(to_power_svg(r), "the 6 longest calls of scopes; 3 more overlap with these."));
    r.history.bands.clear();
    CHECK_FALSE(has(to_power_svg(r), "longest calls"));
}

TEST_CASE("axis: watts are round and in one unit, and none is above the picture") {
    const auto texts = [](const detail::list<detail::axis_tick>& ticks) {
        std::string out;
        for (const detail::axis_tick& t : ticks) out += t.text + ", ";
        return out;
    };
    CHECK(texts(detail::power_ticks(930)) == "0 W, 200 W, 400 W, 600 W, 800 W, 1000 W, ");
    CHECK(texts(detail::power_ticks(1100)) == "0 kW, 0.5 kW, 1 kW, 1.5 kW, ");
    CHECK(texts(detail::power_ticks(0.031)) == "0 mW, 10 mW, 20 mW, 30 mW, 40 mW, ");
    CHECK(detail::power_ticks(0).empty());
    CHECK(texts(detail::time_ticks(0, 3600)) == "0 min, 15 min, 30 min, 45 min, 60 min, ");
    CHECK(texts(detail::time_ticks(0, 12.5)) == "0 s, 5 s, 10 s, ");
    CHECK(texts(detail::time_ticks(3, 20)) == "5 s, 10 s, 15 s, 20 s, ");
    CHECK(texts(detail::time_ticks(0, 0.42)) == "0 ms, 100 ms, 200 ms, 300 ms, 400 ms, ");
    CHECK(texts(detail::time_ticks(0, 30 * 3600)) == "0 h, 6 h, 12 h, 18 h, 24 h, 30 h, ");
    CHECK(detail::time_ticks(0, -1).empty());
}

TEST_CASE("axis: for any peak, three to six steps reach it, with at most one step to spare") {
    const unsigned seed = std::random_device{}();
    CAPTURE(seed);
    std::mt19937 random(seed);
    for (int i = 0; i < 2000; ++i) {
        const double peak = std::pow(10, std::uniform_real_distribution<>(-6, 9)(random));
        CAPTURE(peak);
        const auto ticks = detail::power_ticks(peak);
        REQUIRE(ticks.size() >= 3);
        REQUIRE(ticks.size() <= 6);
        REQUIRE(ticks.back().at >= peak * (1 - 1e-6));
        REQUIRE(ticks[ticks.size() - 2].at < peak);
        const auto times = detail::time_ticks(0, peak);
        REQUIRE(times.size() >= 2);
        REQUIRE(times.size() <= 8);
        const std::string unit = times[0].text.substr(times[0].text.find(' '));
        for (const auto& t : times) REQUIRE(t.text.substr(t.text.find(' ')) == unit);
        REQUIRE(times.back().at <= peak * (1 + 1e-6));
    }
}

TEST_CASE("html: names keep their own text direction, figures keep their units") {
    report r = sample::full();
    r.scopes[0].name = r.scopes[0].path = "\xD7\xA9\xD7\x9C";
    CHECK(has(to_html(r), "<bdi>\xD7\xA9\xD7\x9C</bdi></th>"));
    CHECK(has(to_html(r), "<span><bdi>\xD7\xA9\xD7\x9C</bdi> ~840&nbsp;J</span>"));
    CHECK(html_figure("12.3 uJ") == "12.3&nbsp;\xC2\xB5J");
    CHECK(html_figure("1 us of CO2e") ==
          "1&nbsp;\xC2\xB5s of CO\xE2\x82\x82"
          "e");
    CHECK(html_figure("2 users") == "2&nbsp;users");
    CHECK(html_figure("<5 %") == "&lt;5&nbsp;%");
}

TEST_CASE("html: a long table begins with the expensive rows and still has all of them") {
    report r = sample::full();
    for (int i = 0; i < 100; ++i)
        r.scopes.push_back(
            sample::scope("train/s" + std::to_string(i), 0, 1, 1, {0.01, 0, 0}, 0.01));
    const std::string text = to_html(r);
    CHECK(has(text, ">Show all 105 scopes</button>"));
    CHECK(count(text, "<tr class=\"more\" data-path=") == 45);
    CHECK(count(text, "<tr class=\"rest\">") == 1);
    CHECK(has(text, "(45 more)</th>"));
    CHECK_FALSE(has(to_html(sample::full()), "unfold\" type"));
}

TEST_CASE("svg: numbers have no exponent and no locale") {
    CHECK(detail::svg_number(0.0005) == "0.001");
    CHECK(detail::svg_number(-12.5) == "-12.5");
    CHECK(detail::svg_number(1e-9) == "0");
    CHECK(detail::svg_number(1e300) == "0");
    CHECK(detail::svg_number(100) == "100");
}

TEST_CASE("html: a page of very many scopes lays out the first and shows the rest on request") {
    const auto rows_of = [](std::size_t scopes) {
        report r = sample::full();
        while (r.scopes.size() < scopes)
            r.scopes.push_back(sample::scope("train/s" + std::to_string(r.scopes.size()), 0, 1, 1,
                                             {0.01, 0, 0}, 0.01));
        const std::string text = to_html(r);
        const std::size_t behind = std::min(text.find("<noscript id=\"all-scopes\">"), text.size());
        return std::pair{count(text.substr(0, behind), "<tr data-path="),
                         count(text.substr(behind), "<tr data-path=")};
    };
    CHECK(rows_of(1000).second == 0);
    const auto [laid_out, all] = rows_of(1001);
    CHECK(laid_out <= 60);
    CHECK(laid_out >= 50);
    CHECK(all == 1001);
}
