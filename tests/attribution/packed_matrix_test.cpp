#include "joulery/detail/attribution/packed_matrix.hpp"

#include <doctest/doctest.h>

#include <cstdint>
#include <random>

#include "approx.hpp"

using joulery::detail::packed_matrix;

namespace {
// A positive definite matrix: the sum of squares of random vectors.
packed_matrix random_matrix(std::size_t n, std::uint64_t seed) {
    std::mt19937_64 random(seed);
    std::normal_distribution<double> normal;
    packed_matrix a(n);
    std::vector<double> u(n);
    for (std::size_t k = 0; k < n + 3; ++k) {
        for (double& x : u) x = normal(random);
        a.add_square(u.data(), 0.5 + static_cast<double>(k));
    }
    return a;
}
double product(const packed_matrix& a, const packed_matrix& b, std::size_t i, std::size_t j) {
    double sum = 0;
    for (std::size_t k = 0; k < a.size(); ++k) sum += a(i, k) * b(k, j);
    return sum;
}
}  // namespace

TEST_CASE("packed matrix: a matrix times its inverse is the identity") {
    for (const std::uint64_t seed : {1u, 2u, 3u}) {
        CAPTURE(seed);
        for (const std::size_t n : {1u, 2u, 7u, 20u}) {
            const packed_matrix a = random_matrix(n, seed);
            packed_matrix factor = a;
            REQUIRE(factor.factor());
            const packed_matrix inverse = factor.inverse();
            for (std::size_t i = 0; i < n; ++i)
                for (std::size_t j = 0; j < n; ++j)
                    CHECK(product(a, inverse, i, j) + 1 ==
                          approx(i == j ? 2.0 : 1.0).epsilon(1e-9));
        }
    }
}

TEST_CASE("packed matrix: the factor solves equations") {
    const packed_matrix a = random_matrix(9, 4);
    std::vector<double> x(9), b(9, 0.0);
    for (std::size_t i = 0; i < 9; ++i) x[i] = static_cast<double>(i) - 3.5;
    for (std::size_t i = 0; i < 9; ++i)
        for (std::size_t j = 0; j < 9; ++j) b[i] += a(i, j) * x[j];
    packed_matrix factor = a;
    REQUIRE(factor.factor());
    factor.solve(b);
    for (std::size_t i = 0; i < 9; ++i) CHECK(b[i] == approx(x[i]).epsilon(1e-9));
}

TEST_CASE("packed matrix: the determinant of a known matrix is right") {
    packed_matrix a(2);
    a(0, 0) = 4;
    a(1, 0) = 2;
    a(1, 1) = 3;
    REQUIRE(a.factor());
    CHECK(a.log_determinant() == approx(std::log(8.0)));
}

TEST_CASE("packed matrix: a matrix that is not positive definite has no factor") {
    packed_matrix a(2);
    a(0, 0) = 1;
    a(1, 0) = 2;
    a(1, 1) = 1;
    CHECK_FALSE(a.factor());
}

TEST_CASE("packed matrix: growing keeps the entries") {
    packed_matrix a = random_matrix(3, 5);
    const packed_matrix before = a;
    a.resize(5);
    for (std::size_t i = 0; i < 5; ++i)
        for (std::size_t j = 0; j <= i; ++j) CHECK(a(i, j) == (i < 3 ? before(i, j) : 0.0));
}
