// Finds the scopes that wait, from the processor time of whole threads.
#include "joulery/detail/attribution/busy_shares.hpp"

#include "approx.hpp"

#include <doctest/doctest.h>

#include <random>

using namespace joulery::detail;

TEST_CASE("busy shares: a waiting scope is separated from a working one on the same thread") {
    busy_shares shares;
    std::mt19937_64 random(1);
    std::uniform_real_distribution<double> even(0.02, 0.08);
    for (int look = 0; look < 20; ++look) {
        const double work = even(random), wait = even(random), half = even(random);
        const busy_term stretch[] = {{0, work}, {1, wait}, {2, half}};
        shares.add(stretch, 3, work + 0.5 * half);
    }
    CHECK(shares.of(0) == approx(1).epsilon(0.01));
    CHECK(shares.of(1) == 0);
    CHECK(shares.of(2) == approx(0.5).epsilon(0.05));
}

TEST_CASE("busy shares: a thread that loses little time to others has only busy scopes") {
    busy_shares shares;
    const busy_term stretch[] = {{0, 0.06}, {1, 0.04}};
    for (int look = 0; look < 50; ++look) shares.add(stretch, 2, 0.099);
    CHECK(shares.of(0) == 1);
    CHECK(shares.of(1) == 1);
    CHECK(shares.deviation_of(1) == 0);
}

TEST_CASE("busy shares: a scope with little data counts as busy, with a high uncertainty") {
    busy_shares shares;
    const busy_term waits[] = {{0, 0.1}};
    shares.add(waits, 1, 0);
    CHECK(shares.of(0) == 0);
    CHECK(shares.of(7) == 1);
    CHECK(shares.deviation_of(7) > 0.2);
    CHECK(shares.deviation_of(0) < 0.01);
    CHECK(shares.of(busy_shares::most_columns + 5) == 1);
}
