#include "joulery/writers/speedscope.hpp"

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

TEST_CASE("speedscope: the full sample matches the golden file") {
    check_golden("full.speedscope.json", to_speedscope(sample::full()));
}

TEST_CASE("speedscope: hostile names and numbers lose no scope, and no locale changes a byte") {
    check_hostile([](const report& r) { return to_speedscope(r); });
}

TEST_CASE("speedscope: weights are joules and add up to the end value") {
    const std::string text = to_speedscope(sample::full());
    CHECK(has(text, "\"endValue\": 1050,"));
    CHECK(has(text, "\"weights\": [40, 320, 480, 43, 32, 135]"));
    CHECK(has(text, "\"samples\": [\n[0],\n[0,1],\n[0,2],\n[3],\n[4],\n[5]]"));
}

TEST_CASE("speedscope: energies whose sum overflows still have an end value") {
    report r;
    r.scopes = {sample::scope("a", sample::top, 1, 1, {1, 0, 0}, 1e308),
                sample::scope("b", sample::top, 1, 1, {1, 0, 0}, 1e308)};
    CHECK(to_speedscope(r).find("\"endValue\": 1.7976931348623157e+308") != std::string::npos);
}

TEST_CASE("speedscope: scopes with the same name are one frame, wherever they are") {
    report r;
    r.scopes = {sample::scope("a", sample::top, 1, 1, {3, 0, 0}, 1),
                sample::scope("a/step", 0, 1, 1, {2, 0, 0}, 2),
                sample::scope("b", sample::top, 1, 1, {5, 0, 0}, 1),
                sample::scope("b/step", 2, 1, 1, {4, 0, 0}, 4)};
    const std::string text = to_speedscope(r);
    CHECK(has(text,
              "[\n{\"name\": \"a\"},\n{\"name\": \"step\"},\n{\"name\": \"b\"},\n"
              "{\"name\": \"(outside all scopes)\"}]}"));
    CHECK(has(text, "\"samples\": [\n[0],\n[0,1],\n[2],\n[2,1],\n[3]]"));
}
