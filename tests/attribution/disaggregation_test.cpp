// A channel's energy is first split by time, then corrected by the estimated powers.
#include "joulery/detail/attribution/disaggregation.hpp"

#include "joulery/detail/attribution/past_sums.hpp"

#include "approx.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <cstddef>
#include <cstdint>
#include <random>
#include <vector>

using namespace joulery::detail;

namespace {

struct paths {
    path_table table;
    path_record* train = table.intern(nullptr, "train");
    path_record* forward = table.intern(train, "forward");
    path_record* load = table.intern(nullptr, "load");
};

power_estimate powers(std::vector<double> watts, double deviation) {
    power_estimate e;
    const std::size_t n = watts.size();
    e.watts = watts;
    e.covariance.assign(n * n, 0.0);
    for (std::size_t i = 0; i < n; ++i) e.covariance[i * n + i] = deviation * deviation;
    e.mean_watts = 100;
    return e;
}
row_member member(const path_record* p, std::uint32_t column, double share, double seconds) {
    row_member m;
    m.path = p;
    m.column = column;
    m.share = share;
    m.seconds = seconds;
    return m;
}
std::size_t row(const path_record* p) { return p->index + 1; }

}  // namespace

TEST_CASE("disaggregation: equal powers split the energy by time") {
    const paths p;
    disaggregation d;
    d.add({member(p.forward, 2, 0.25, 0.25), member(p.load, 3, 0.75, 0.75)}, 80, true);
    const auto e = d.energies(powers({100, 100, 100, 100}, 0), {});
    CHECK(e[row(p.forward)].self == approx(20));
    CHECK(e[row(p.load)].self == approx(60));
    CHECK(e[row(p.train)].total == approx(20));
}

TEST_CASE("disaggregation: different powers move energy between scopes and keep the sum") {
    std::mt19937_64 random(11);
    MESSAGE("seed 11");
    std::uniform_real_distribution<double> unit(0, 1);
    const paths p;
    disaggregation d;
    double all = 0, truth = 0;
    for (int i = 0; i < 200; ++i) {
        const double a = unit(random), joules = 40 * a + 160 * (1 - a);
        d.add({member(p.forward, 2, a, a), member(p.load, 3, 1 - a, 1 - a)}, joules, true);
        all += joules;
        truth += 40 * a;
    }
    for (const auto& watts : {std::vector<double>{0, 0, 40, 160}, {0, 0, 7, 1000}}) {
        const auto e = d.energies(powers(watts, 0), {});
        CHECK(e[row(p.forward)].self + e[row(p.load)].self == approx(all));
    }
    CHECK(d.energies(powers({0, 0, 40, 160}, 0), {})[row(p.forward)].self == approx(truth));
}

TEST_CASE("disaggregation: a scope alone in a row gets its energy, whatever the powers") {
    const paths p;
    disaggregation d;
    d.add({member(p.load, 3, 1, 2)}, 500, true);
    const auto e = d.energies(powers({0, 0, 10, 20}, 50), {});
    CHECK(e[row(p.load)].self == approx(500));
    CHECK(e[row(p.load)].known == approx(500));
    CHECK(e[row(p.load)].variance == 0);
}

TEST_CASE("disaggregation: uncertain powers widen the error bars of scopes that share rows") {
    const paths p;
    disaggregation d;
    d.add({member(p.forward, 2, 0.5, 1), member(p.load, 3, 0.5, 1)}, 200, true);
    const auto e = d.energies(powers({100, 100, 100, 100}, 60), {});
    // Half a second of each power's deviation, on either side.
    CHECK(std::sqrt(e[row(p.load)].variance) == approx(0.5 * 60 * std::sqrt(2.0)));
    CHECK(std::sqrt(e[row(p.train)].variance) == approx(0.5 * 60 * std::sqrt(2.0)));
}

TEST_CASE("disaggregation: the parent of all scopes in a row has an exact sum") {
    paths p;
    path_record* backward = p.table.intern(p.train, "backward");
    disaggregation d;
    d.add({member(p.forward, 2, 0.5, 1), member(backward, 3, 0.5, 1)}, 200, true);
    const auto e = d.energies(powers({100, 100, 100, 100}, 60), {});
    CHECK(e[row(p.train)].total == approx(200));
    CHECK(e[row(p.train)].variance == approx(0));
    CHECK(e[row(p.forward)].variance > 0);
}

TEST_CASE("disaggregation: a wrong reading moves energy only between the two rows beside it") {
    const paths p;
    disaggregation d;
    const list<row_member> first{member(p.load, 3, 1, 1)}, second{member(p.forward, 2, 1, 1)};
    d.add(first, 100, true);
    d.add(second, 50, true);
    d.add_boundary(first, second, 4, 0);
    const auto e = d.energies(powers({0, 0, 50, 100}, 0), {});
    CHECK(e[row(p.load)].variance == approx(4));
    CHECK(e[row(p.train)].variance == approx(4));
    d.add_boundary(first, first, 4, 0);  // inside one scope it changes nothing
    CHECK(d.energies(powers({0, 0, 50, 100}, 0), {})[row(p.load)].variance == approx(4));
}

TEST_CASE("disaggregation: errors common to all edges add linearly, not in quadrature") {
    const paths p;
    disaggregation d;
    const list<row_member> a{member(p.load, 3, 1, 1)}, b{member(p.forward, 2, 1, 1)};
    d.add(a, 100, true);
    d.add(b, 50, true);
    for (int i = 0; i < 100; ++i) d.add_boundary(a, b, 0, 0.5);
    CHECK(std::sqrt(d.energies(powers({0, 0, 50, 100}, 0), {})[row(p.load)].variance) ==
          approx(50));
}

TEST_CASE(
    "disaggregation: paths that share a column are split by time, with error bars that admit it") {
    const paths p;
    disaggregation d;
    d.add(
        {member(p.forward, 1, 0.2, 0.2), member(p.load, 1, 0.6, 0.6), member(nullptr, 0, 0.2, 0.2)},
        100, true);
    const auto e = d.energies(powers({10, 110}, 0), {});
    CHECK(e[0].self + e[row(p.forward)].self + e[row(p.load)].self == approx(100));
    CHECK(e[row(p.load)].self == approx(3 * e[row(p.forward)].self));
    CHECK(std::sqrt(e[row(p.forward)].variance) > 0.3 * e[row(p.forward)].self);
}

TEST_CASE("disaggregation: earlier, different power estimates widen the error bars") {
    const paths p;
    disaggregation d;
    d.add({member(p.forward, 2, 0.5, 1), member(p.load, 3, 0.5, 1)}, 200, true);
    const power_estimate now = powers({0, 0, 150, 50}, 1);
    const auto bar = [&](const power_estimate& earlier) {
        return std::sqrt(d.energies(now, earlier)[row(p.load)].variance);
    };
    CHECK(bar(now) < 1);
    CHECK(bar(powers({0, 0, 149, 51}, 1)) < 1);  // by the possible error of both
    CHECK(bar(powers({0, 0, 50, 150}, 1)) == approx(100).epsilon(0.01));
}

TEST_CASE("disaggregation: the sums up to a moment can be subtracted, leaving what came later") {
    const paths p;
    disaggregation d, later;
    d.add({member(p.forward, 2, 0.25, 1), member(p.load, 3, 0.75, 3)}, 80, true);
    d.add_boundary({}, {member(p.forward, 2, 1, 1)}, 4, 2);
    const disaggregation then = d;
    for (disaggregation* x : {&d, &later}) {
        x->add({member(p.forward, 2, 0.5, 1), member(nullptr, 4, 0.5, 1)}, 50, true);
        x->add_boundary({member(p.forward, 2, 1, 1)}, {}, 9, 1, 30);
    }
    d.subtract(then);
    power_estimate e = powers({100, 100, 50, 70, 200}, 10);
    e.lag = 0.1;
    const auto left = d.energies(e, {}), alone = later.energies(e, {});
    for (const std::size_t r : {std::size_t{0}, row(p.train), row(p.forward)}) {
        CHECK(left[r].total == approx(alone[r].total));
        CHECK(left[r].variance == approx(alone[r].variance));
        CHECK(left[r].known == approx(alone[r].known));
    }
    CHECK(left[row(p.load)].total == approx(0));
}

TEST_CASE("past sums: moments are dense near the present, and a span gets what was added in it") {
    const paths p;
    past_sums past;
    disaggregation sums;
    for (std::size_t rows = 4; rows <= 2000; rows += 4) {
        sums.add({member(p.load, 3, 1, 1)}, 1, true);
        past.note(rows, static_cast<double>(rows), sums);
    }
    const auto& at = past.rows();
    REQUIRE(at.size() > 4);
    CHECK(at.size() <= 12);
    CHECK(at.back() == 2000);
    CHECK(at.back() - at[at.size() - 2] <= 32);
    CHECK(at[1] - at[0] > at.back() - at[at.size() - 2]);
    for (std::size_t i = 1; i < at.size(); ++i) {
        CHECK(past.seconds(i) == static_cast<double>(at[i]));
        const auto e = past.added_in(i, i, sums).energies(powers({1, 1, 1, 1}, 0), {});
        CHECK(e[row(p.load)].total == approx(static_cast<double>(at[i] - at[i - 1]) / 4));
    }
    past.clear(2000);
    CHECK(past.rows().empty());
    past.note(2015, 0, sums);
    CHECK(past.rows().empty());
    past.note(2016, 0, sums);
    CHECK(past.rows().size() == 1);
}
