// Which scopes of a long report a table shows.
#include "joulery/detail/report/shown_rows.hpp"

#include "approx.hpp"
#include "report/sample_report.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cstddef>
#include <random>
#include <string>
#include <vector>

using namespace joulery;

namespace {

/// `groups` outermost scopes with `each` scopes inside, in order of rising energy.
report wide(int groups, int each) {
    report r;
    for (int g = 0; g < groups; ++g) {
        const std::size_t at = r.scopes.size();
        r.scopes.push_back(sample::scope("g" + std::to_string(g), sample::top, 1, 1, {0, 0, 0}, 0));
        for (int i = 0; i < each; ++i) {
            const double joules = 1 + g + 0.001 * i;
            r.scopes.push_back(sample::scope("g" + std::to_string(g) + "/s" + std::to_string(i), at,
                                             1, 1, {joules, 0, 0}, joules));
            r.scopes[at].total += r.scopes.back().total;
        }
        r.total += r.scopes[at].total;
    }
    return r;
}

}  // namespace

TEST_CASE(
    "shown rows: 252 scopes in six groups show every group, the most expensive one expanded") {
    const report r = wide(6, 41);
    const scope_tree tree(r);
    const detail::list<shown_row> rows = shown_rows(r, tree, 60);
    std::vector<std::size_t> opened(6, 0);
    std::size_t tops = 0, scopes = 0;
    for (const shown_row& row : rows) {
        if (row.scope == scope_tree::none) continue;
        ++scopes;
        if (row.level == 0) ++tops;
        if (row.level == 1) ++opened[tree.parent[row.scope] / 42];
    }
    CHECK(tops == 6);
    CHECK(scopes == 60);
    CHECK(opened == std::vector<std::size_t>{0, 0, 0, 0, 13, 41});
}

TEST_CASE("shown rows: omitted scopes are one line with their number and joules") {
    const report r = wide(1, 100);
    const scope_tree tree(r);
    const detail::list<shown_row> rows = shown_rows(r, tree, 60);
    REQUIRE(rows.size() == 61);
    CHECK(rows.back().scope == scope_tree::none);
    CHECK(rows.back().left_out == 41);
    CHECK(rows.back().level == 1);
    double cheapest = 0;  // s0 to s40
    for (int i = 0; i < 41; ++i) cheapest += 1 + 0.001 * i;
    CHECK(rows.back().total.joules() == approx(cheapest));
    CHECK(left_out_text(rows.back()) == "(41 more)");
}

TEST_CASE("shown rows: too many outermost scopes show the most expensive and a line for the rest") {
    const report r = wide(100, 1);
    const detail::list<shown_row> rows = shown_rows(r, scope_tree(r), 10);
    REQUIRE(rows.size() == 11);
    CHECK(r.scopes[rows[0].scope].name == "g90");
    CHECK(rows.back().left_out == 90);
}

TEST_CASE("shown rows: in any tree, every joule of an expanded scope is visible") {
    const unsigned seed = std::random_device{}();
    CAPTURE(seed);
    std::mt19937 random(seed);
    for (int round = 0; round < 300; ++round) {
        report r;
        const std::size_t n = random() % 80;
        for (std::size_t i = 0; i < n; ++i) {
            const std::size_t parent = i > 0 && random() % 4 != 0 ? random() % i : sample::top;
            r.scopes.push_back(sample::scope("s" + std::to_string(i), parent, 1, 1, {0, 0, 0}, 0));
            r.scopes.back().self = r.scopes.back().total =
                sample::j(1 + static_cast<double>(random() % 1000));
        }
        for (std::size_t i = n; i-- > 0;)
            if (r.scopes[i].parent != sample::top)
                r.scopes[r.scopes[i].parent].total += r.scopes[i].total;
        const scope_tree tree(r);
        const std::size_t at_most = 1 + random() % 60;
        const detail::list<shown_row> rows = shown_rows(r, tree, at_most);
        // The lines of one group: its scopes and the line for the rest of them.
        std::vector<double> inside(n, 0);
        double outermost = 0;
        std::vector<std::size_t> path;
        std::size_t shown = 0;
        for (const shown_row& row : rows) {
            path.resize(row.level);
            const bool is_scope = row.scope != scope_tree::none;
            const double joules = (is_scope ? r.scopes[row.scope].total : row.total).joules();
            (path.empty() ? outermost : inside[path.back()]) += joules;
            if (is_scope) {
                REQUIRE(tree.parent[row.scope] == (path.empty() ? scope_tree::none : path.back()));
                path.push_back(row.scope);
                ++shown;
            } else {
                REQUIRE(row.left_out > 1);
            }
        }
        double all = 0;
        for (std::size_t i = 0; i < n; ++i) {
            if (tree.parent[i] == scope_tree::none) all += r.scopes[i].total.joules();
            if (inside[i] > 0)
                REQUIRE(inside[i] == approx((r.scopes[i].total - r.scopes[i].self).joules()));
        }
        REQUIRE(outermost == approx(all));
        REQUIRE(shown >= std::min(n, at_most));
        REQUIRE(shown_rows(r, tree, 0).size() == n);
    }
}
