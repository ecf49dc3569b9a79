// square_matrix.hpp - a small dense symmetric matrix.
// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <vector>

namespace joulery {
inline namespace v1 {
namespace detail {

/// A small dense symmetric matrix.
class square_matrix {
 public:
    explicit square_matrix(std::size_t n = 0) : n_(n), a_(n * n, 0.0) {}
    [[nodiscard]] std::size_t size() const noexcept { return n_; }
    double& operator()(std::size_t r, std::size_t c) noexcept { return a_[r * n_ + c]; }
    double operator()(std::size_t r, std::size_t c) const noexcept { return a_[r * n_ + c]; }
    void scale(double k) noexcept {
        for (double& x : a_) x *= k;
    }

    /// The inverse of a positive definite matrix, by Cholesky's factors.
    [[nodiscard]] square_matrix inverse() const {
        square_matrix lower(n_);
        for (std::size_t i = 0; i < n_; ++i) {
            for (std::size_t j = 0; j <= i; ++j) {
                double sum = (*this)(i, j);
                for (std::size_t k = 0; k < j; ++k) sum -= lower(i, k) * lower(j, k);
                lower(i, j) = i == j ? std::sqrt(std::max(sum, 1e-300)) : sum / lower(j, j);
            }
        }
        square_matrix result(n_);
        std::vector<double> x(n_);
        for (std::size_t column = 0; column < n_; ++column) {
            for (std::size_t i = 0; i < n_; ++i) {
                double sum = i == column ? 1.0 : 0.0;
                for (std::size_t k = 0; k < i; ++k) sum -= lower(i, k) * x[k];
                x[i] = sum / lower(i, i);
            }
            for (std::size_t i = n_; i-- > 0;) {
                double sum = x[i];
                for (std::size_t k = i + 1; k < n_; ++k) sum -= lower(k, i) * x[k];
                x[i] = sum / lower(i, i);
            }
            for (std::size_t i = 0; i < n_; ++i) result(i, column) = x[i];
        }
        return result;
    }

 private:
    std::size_t n_;
    std::vector<double> a_;
};

}  // namespace detail
}  // namespace v1
}  // namespace joulery
