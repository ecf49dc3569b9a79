#include "joulery/detail/attribution/noise_filter.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <cstdint>
#include <random>
#include <vector>

#include "approx.hpp"

using joulery::detail::filter_row;
using joulery::detail::information;
using joulery::detail::noise_filter;
using joulery::detail::noise_model;
using joulery::detail::packed_matrix;

namespace {
struct test_row {
    double begin, length, joules, seconds[2];
    bool adjacent;
};

std::vector<test_row> random_rows(std::uint64_t seed) {
    std::mt19937_64 random(seed);
    std::uniform_real_distribution<double> even(0.1, 1);
    std::vector<test_row> rows;
    double now = 0;
    for (int k = 0; k < 8; ++k) {
        const bool adjacent = k % 3 != 0;
        if (!adjacent) now += even(random);
        const double length = even(random), part = even(random);
        rows.push_back(
            {now, length, 10 * even(random), {length * part, length * (1 - part)}, adjacent});
        now += length;
    }
    return rows;
}

constexpr double edge = 0.002, white = 0.3;

// Covariance of two rows' energies under the model, computed from its definition.
double covariance(const std::vector<test_row>& rows, std::size_t i, std::size_t j,
                  const noise_model& m) {
    const double z = rows[j].length / m.common_tau, tau2 = m.common_tau * m.common_tau;
    const double power = m.common_stddev * m.common_stddev * tau2;
    if (i == j) return power * 2 * (z - 1 + std::exp(-z)) + 2 * edge + white * rows[i].length;
    const test_row &a = rows[std::min(i, j)], &b = rows[std::max(i, j)];
    const double apart = b.begin - a.begin - a.length;
    const double both = power * std::exp(-apart / m.common_tau) *
                        (1 - std::exp(-a.length / m.common_tau)) *
                        (1 - std::exp(-b.length / m.common_tau));
    return both - (std::max(i, j) - std::min(i, j) == 1 && b.adjacent ? edge : 0.0);
}

information by_filter(const std::vector<test_row>& rows, const noise_model& m) {
    noise_filter f(m);
    double end = 0;
    for (const test_row& r : rows) {
        filter_row row;
        row.length = r.length;
        row.gap = r.adjacent ? 0 : r.begin - end;
        row.joules = r.joules;
        row.edge_variance = edge;
        row.seconds = r.seconds;
        row.columns = 2;
        f.add(row);
        end = r.begin + r.length;
    }
    return f.recent();
}
}  // namespace

TEST_CASE("noise filter: its normal equations equal those of the full covariance matrix") {
    for (const std::uint64_t seed : {1u, 2u, 3u}) {
        CAPTURE(seed);
        const std::vector<test_row> rows = random_rows(seed);
        noise_model m;
        m.white = white;
        m.common_stddev = 2;
        m.common_tau = 0.7;
        packed_matrix whole(rows.size());
        for (std::size_t i = 0; i < rows.size(); ++i)
            for (std::size_t j = 0; j <= i; ++j) whole(i, j) = covariance(rows, i, j, m);
        REQUIRE(whole.factor());
        const information found = by_filter(rows, m);
        CHECK(found.log_variance == approx(whole.log_determinant()).epsilon(1e-9));
        auto column = [&](int c) {
            std::vector<double> v;
            for (const test_row& r : rows) v.push_back(c < 2 ? r.seconds[c] : r.joules);
            return v;
        };
        auto weighted = [&](int a, int b) {
            std::vector<double> x = column(a);
            const std::vector<double> y = column(b);
            whole.solve(x);
            double sum = 0;
            for (std::size_t k = 0; k < x.size(); ++k) sum += x[k] * y[k];
            return sum;
        };
        CHECK(found.squares == approx(weighted(2, 2)).epsilon(1e-9));
        for (int a : {0, 1}) {
            CHECK(found.right[static_cast<std::size_t>(a)] == approx(weighted(a, 2)).epsilon(1e-9));
            for (int b : {0, 1})
                CHECK(found.left(static_cast<std::size_t>(a), static_cast<std::size_t>(b)) ==
                      approx(weighted(a, b)).epsilon(1e-9));
        }
    }
}

TEST_CASE("noise filter: a call's noise lasts while its scope runs and ends with it") {
    noise_model m;
    m.white = 1;
    m.call_tau = 1;
    auto last_variance = [&](double similarity) {
        noise_filter f(m);
        filter_row row;
        const double seconds = 0.01;
        row.length = 0.01;
        row.edge_variance = 1e-9;
        row.seconds = &seconds;
        row.columns = 1;
        row.similarity = similarity;
        for (int k = 0; k < 3; ++k) f.add(row);
        return f.last_variance();
    };
    const double stationary = 0.5 * 1e-4;  // of a process of variance 1/2, over 10 ms
    CHECK(last_variance(1) < 0.1 * stationary);
    CHECK(last_variance(0) > 0.9 * stationary);
}

TEST_CASE("noise filter: a lagging sensor shows earlier times") {
    noise_model m;
    m.lag = 0.1;
    noise_filter f(m);
    filter_row row;
    row.length = 0.05;
    row.edge_variance = 1;
    row.columns = 2;
    const double first[] = {0.05, 0}, second[] = {0, 0.05};
    row.seconds = first;
    for (int k = 0; k < 40; ++k) f.add(row);
    f.shift();
    f.shift();
    row.seconds = second;
    f.add(row);
    // The difference of the two columns' times is all that the last row tells: their ratio is that
    // of the still visible part of the first scope and the already visible part of the second,
    // whatever the reading errors.
    const double old = 0.1 * (1 - std::exp(-0.5)), variance = f.last_variance();
    CHECK(f.recent().left(1, 1) * variance == approx((0.05 - old) * (0.05 - old)).epsilon(1e-6));
}
