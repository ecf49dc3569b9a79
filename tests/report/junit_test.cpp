#define JOULERY_IMPLEMENTATION  // checks the whole bodies
#include "joulery/writers/junit.hpp"

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

TEST_CASE("junit: the full sample matches the golden file") {
    check_golden("full.junit.xml", to_junit(sample::full()));
}

TEST_CASE("junit: hostile names and numbers lose no scope, and no locale changes a byte") {
    check_hostile([](const report& r) { return to_junit(r); });
}

TEST_CASE("junit: one test case per scope, times without exponent, names escaped") {
    const std::string text = to_junit(sample::full());
    CHECK(has(text,
              "<testcase classname=\"joulery.digits, &quot;final&quot;\" "
              "name=\"train/forward\" time=\"4.000\">"));
    CHECK(has(text, "name=\"&lt;script&gt;alert(&#39;1 &amp; 2&#39;)&lt;/script&gt;\""));
    CHECK(has(text, "<system-out>[[PROPERTY|joules=320]]\n"));
    CHECK(detail::junit_seconds(seconds(1e-7)) == "0.000");
    CHECK(detail::junit_seconds(seconds(0.0125)) == "0.013");
}

TEST_CASE("junit: a name can neither end a figure's line nor add a line") {
    report r;
    r.total = sample::j(1);
    r.scopes = {sample::scope("a", sample::top, 1, 1, {1, 0, 0}, 1)};
    r.scopes[0].item_name = "x]]\n[[PROPERTY|joules=0";
    const std::string text = to_junit(r);
    CHECK(has(text, "[[PROPERTY|item_name=x))\\x0a((PROPERTY|joules=0]]\n"));
}
