#include "joulery/writers/html.hpp"
#include "joulery/detail/report/icicle.hpp"
#include "joulery/detail/report/power_chart.hpp"

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

TEST_CASE("html: the full sample looks as it was looked at") {
    check_golden("full.html", to_html(sample::full()));
}

TEST_CASE("html: hostile names and numbers lose no scope and change nothing by locale") {
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

TEST_CASE("icicle: children that claim more than their parent share its width") {
    report r;
    r.total = sample::j(10);
    r.scopes = {sample::scope("a", sample::top, 1, 1, {10, 0, 0}, 0),
                sample::scope("a/b", 0, 1, 1, {10, 0, 0}, 0),
                sample::scope("a/c", 0, 1, 1, {30, 0, 0}, 0)};
    const std::string text = to_icicle_svg(r);
    CHECK(has(text, "data-x=\"0\" data-w=\"25\" data-level=\"2\" data-path=\"a/b\""));
    CHECK(has(text, "data-x=\"25\" data-w=\"75\" data-level=\"2\" data-path=\"a/c\""));
}

TEST_CASE("html: without energy or history there are no pictures, and the page says so") {
    CHECK(to_icicle_svg(report{}).empty());
    CHECK(to_power_svg(report{}).empty());
    CHECK(has(to_html(report{}), "No energy was measured or estimated."));
}

TEST_CASE("power chart: an unmeasured step interrupts the line") {
    const std::string text = to_power_svg(sample::full());
    std::size_t lines = 0;
    for (std::size_t at = 0; (at = text.find("<polyline", at)) != std::string::npos; ++at) ++lines;
    CHECK(lines == 4);  // three channels, one of them in two pieces
    CHECK(has(text, ">100 W</text>"));
}

TEST_CASE("power chart: the calls that are shaded are said to be the longest, not all") {
    report r = sample::full();
    CHECK(has(to_power_svg(r), "Shaded: the 2 longest calls of scopes."));
    r.history.bands.clear();
    CHECK_FALSE(has(to_power_svg(r), "Shaded"));
}

TEST_CASE("power chart: where a call and one inside it begin together, one name stands there") {
    report r = sample::full();
    r.history.bands = {{0, 0, seconds(1), seconds(10), 1}, {1, 0, seconds(1), seconds(4), 1}};
    const auto names = [&r] {
        const std::string text = to_power_svg(r);
        std::size_t n = 0;
        for (std::size_t at = 0; (at = text.find("<text x=\"4\"", at)) != std::string::npos; ++at)
            ++n;
        return n;
    };
    CHECK(names() == 1);
    r.history.bands[1].begin = seconds(6);
    CHECK(names() == 2);
}

TEST_CASE("svg numbers have no exponent and no locale") {
    CHECK(detail::svg_number(0.0005) == "0.001");
    CHECK(detail::svg_number(-12.5) == "-12.5");
    CHECK(detail::svg_number(1e-9) == "0");
    CHECK(detail::svg_number(1e300) == "0");
    CHECK(detail::svg_number(100) == "100");
}
