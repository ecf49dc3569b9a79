#include "joulery/writers/folded.hpp"

#include "report/golden.hpp"
#include "report/hostile.hpp"
#include "report/sample_report.hpp"

#include <doctest/doctest.h>

#include <string>

using namespace joulery;

TEST_CASE("folded: the full sample matches the golden file") {
    check_golden("full.folded", to_folded(sample::full()));
}

TEST_CASE("folded: hostile names and numbers lose no scope, and no locale changes a byte") {
    check_hostile([](const report& r) { return to_folded(r); });
}

TEST_CASE("folded: one line a scope with its own microjoules, separators in names replaced") {
    report r;
    r.scopes = {sample::scope("a;b", sample::top, 1, 1, {3, 0, 0}, 1),
                sample::scope("a;b/c d", 0, 1, 1, {2, 0, 0}, 2)};
    r.unscoped = sample::j(0.5);
    CHECK(to_folded(r) == "a:b 1000000\na:b;c d 2000000\n(outside all scopes) 500000\n");
}

TEST_CASE("folded: negative and absurd energies are clamped to what the format can express") {
    report r;
    r.scopes = {sample::scope("a", sample::top, 1, 1, {3, 0, 0}, -1),
                sample::scope("b", sample::top, 1, 1, {3, 0, 0}, 1e300)};
    CHECK(to_folded(r) == "a 0\nb 18446744073709551615\n(outside all scopes) 0\n");
}
