#include "joulery/detail/attribution/fit_terms.hpp"

#include "approx.hpp"

#include <doctest/doctest.h>

#include <cstddef>
#include <cstdint>

using namespace joulery::detail;

namespace {

fit_member member(std::uint32_t column, double seconds) {
    fit_member m;
    m.column = column;
    m.seconds = seconds;
    m.length.usual = 1e-3;
    return m;
}
double seconds_of(const fit_terms& terms, std::uint32_t column) {
    regression_row row;
    terms.give_to(row);
    for (std::size_t i = 0; i < row.count; ++i)
        if (row.terms[i].column == column) return row.terms[i].seconds;
    return 0;
}

}  // namespace

TEST_CASE("fit terms: paths that share a column are one term without a usual call length") {
    fit_terms terms;
    list<fit_member> members;
    for (const std::uint32_t column : {2u, 3u, 2u}) members.push_back(member(column, 0.5));
    terms.begin(members);
    regression_row row;
    terms.give_to(row);
    REQUIRE(row.count == 2);
    CHECK(row.terms[0].seconds == approx(1));
    CHECK(row.terms[0].length.usual == 0);
    CHECK(row.terms[1].length.usual == 1e-3);
}

TEST_CASE("fit terms: energy that a delayed counter has not shown yet goes to the next row") {
    fit_terms terms;
    list<fit_member> members;
    members.push_back(member(2, 0.6));
    members.push_back(member(3, 0.4));
    terms.begin(members);
    terms.add_open(3, 1);
    terms.move_late(0.1, 0.3);
    CHECK(seconds_of(terms, 2) == approx(0.6));
    CHECK(seconds_of(terms, 3) == approx(0.3));

    members.clear();
    members.push_back(member(2, 1));  // the other scope was not open in it
    terms.begin(members);
    terms.add_open(2, 1);
    terms.move_late(0.1, 0.02);  // before that, the running path is unknown
    CHECK(seconds_of(terms, 3) == approx(0.1));
    CHECK(seconds_of(terms, 2) == approx(0.98));

    terms.begin(members);
    terms.move_late(0, 1);
    CHECK(seconds_of(terms, 2) == approx(1.02));
    terms.begin(members);
    terms.move_late(0, 1);
    CHECK(seconds_of(terms, 2) == approx(1));
}
