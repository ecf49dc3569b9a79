#include "joulery/accounting/compare.hpp"

#include "approx.hpp"

#include <doctest/doctest.h>

#include <string>
#include <type_traits>
#include <utility>

using namespace joulery;

namespace {

scope_row row(std::string path, double joules, double uncertainty, double items = 0) {
    scope_row r;
    r.name = path;
    r.path = std::move(path);
    r.total = energy::from_joules(joules);
    r.uncertainty = energy::from_joules(uncertainty);
    r.items = items;
    r.item_name = items > 0 ? "token" : "";
    return r;
}

report of(std::vector<scope_row> rows) {
    report r;
    r.scopes = std::move(rows);
    return r;
}

comparison_verdict verdict(double a, double ua, double b, double ub) {
    const report x = of({row("s", a, ua)}), y = of({row("s", b, ub)});
    return compare(x, y).scopes.at(0).verdict;
}

}  // namespace

// It keeps pointers to its arguments, which must outlive it.
template <class A, class B, class = void>
constexpr bool takes = false;
template <class A, class B>
constexpr bool takes<A, B, std::void_t<decltype(compare(std::declval<A>(), std::declval<B>()))>> =
    true;
static_assert(takes<const report&, const report&> && !takes<report, const report&> &&
              !takes<const report&, report> && !takes<report, report>);

TEST_CASE("compare: error bars decide whether a difference is real") {
    CHECK(verdict(100, 3, 90, 4) == comparison_verdict::lower);  // gap 10, bars 5
    CHECK(verdict(90, 3, 100, 4) == comparison_verdict::higher);
    CHECK(verdict(100, 3, 96, 4) == comparison_verdict::none);
    CHECK(verdict(100, 3, 95, 4) == comparison_verdict::none);  // exactly at the bars
    CHECK(verdict(100, 3, 94.99, 4) == comparison_verdict::lower);
}

TEST_CASE("compare: without an error bar, no difference is called real") {
    CHECK(verdict(100, 0, 50, 1) == comparison_verdict::not_comparable);
    CHECK(verdict(100, 1, 0, 1) == comparison_verdict::not_comparable);
}

TEST_CASE("compare: scopes with the same item name are compared per item") {
    const report a = of({row("serve", 100, 2, 10)}), b = of({row("serve", 150, 3, 30)});
    const auto c = compare(a, b);
    CHECK(c.scopes[0].per_item);
    CHECK(c.scopes[0].ratio == approx(0.5));
    CHECK(c.scopes[0].uncertainty == approx(0.5 * 0.028284).epsilon(1e-3));
    CHECK(c.scopes[0].verdict == comparison_verdict::lower);
    report other = b;
    other.scopes[0].item_name = "request";
    CHECK(compare(a, other).scopes[0].verdict == comparison_verdict::not_comparable);
}

TEST_CASE("compare: scopes in only one report are shown as such") {
    const report a = of({row("x", 1, 1), row("y", 1, 1)}), b = of({row("y", 1, 1), row("z", 1, 1)});
    const auto c = compare(a, b);
    REQUIRE(c.scopes.size() == 3);
    CHECK(c.scopes[0].verdict == comparison_verdict::only_in_a);
    CHECK(c.scopes[1].verdict == comparison_verdict::none);
    CHECK(c.scopes[2].verdict == comparison_verdict::only_in_b);
}

TEST_CASE("compare: factors with different definitions are noted") {
    report a = of({row("s", 100, 1)}), b = of({row("s", 90, 1)});
    b.context.carbon.grid.boundary = "direct";
    b.context.cpu = "other";
    const auto c = compare(a, b);
    REQUIRE(c.notes.size() == 2);
    CHECK(c.notes[1] ==
          "CO2e is defined differently: lifecycle/production/average/location and "
          "direct/production/average/location");
    const std::string text = to_text(c);
    CHECK(text.find("0.9 +- 0.013, lower") != std::string::npos);
    CHECK(text.find("100 J | 90 J") != std::string::npos);
}

TEST_CASE("compare: the table cuts no figure and no name") {
    scope_row wide = row("train/epoch/step/forward/attention", 123, 1);
    wide.co2e = emissions::from_grams(0.0012345);
    wide.time = seconds(0.802);
    const report a = of({wide}), b = of({wide});
    const std::string text = to_text(compare(a, b));
    CHECK(text.find("train/epoch/step/forward/attention  123 J | 123 J") != std::string::npos);
    CHECK(text.find("1.23 mg | 1.23 mg  802 ms | 802 ms  1 +- 0.011, no difference") !=
          std::string::npos);
}
