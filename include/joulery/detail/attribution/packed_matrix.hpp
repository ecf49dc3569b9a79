// packed_matrix.hpp - a dense symmetric matrix that grows: its lower half, row after row.
// SPDX-License-Identifier: MIT
#pragma once

#include <cmath>
#include <cstddef>
#include <vector>

namespace joulery {
inline namespace v1 {
namespace detail {

/// A symmetric matrix that stores only its lower half, row after row, so that a new last row moves
/// nothing. All inner loops run along rows.
///
/// Units:  the caller's. Thread: not synchronized; one owner.
/// Cost:   n (n + 1) / 2 numbers; `add_square` n^2 / 2 steps, `factor` n^3 / 6, `inverse` n^3 / 3.
/// Fails:  `factor` returns false if the matrix is not positive definite.
///
///     packed_matrix a(2);  a(0, 0) = 4;  a(1, 0) = 2;  a(1, 1) = 3;
///     if (a.factor()) a.solve(b);          // a is its Cholesky factor now, b the solution
class packed_matrix {
 public:
    explicit packed_matrix(std::size_t n = 0) { resize(n); }
    [[nodiscard]] std::size_t size() const noexcept { return n_; }
    /// Row `i` up to its diagonal.
    [[nodiscard]] double* row(std::size_t i) noexcept { return a_.data() + i * (i + 1) / 2; }
    [[nodiscard]] const double* row(std::size_t i) const noexcept {
        return a_.data() + i * (i + 1) / 2;
    }
    double& operator()(std::size_t i, std::size_t j) noexcept {
        return i >= j ? row(i)[j] : row(j)[i];
    }
    double operator()(std::size_t i, std::size_t j) const noexcept {
        return i >= j ? row(i)[j] : row(j)[i];
    }

    /// New rows and columns are 0.
    void resize(std::size_t n) {
        a_.resize(n * (n + 1) / 2, 0.0);
        n_ = n;
    }
    void clear() noexcept {
        for (double& x : a_) x = 0;
    }
    void scale(double k) noexcept {
        for (double& x : a_) x *= k;
    }
    /// Adds `k` times another matrix, which may be smaller.
    void add(const packed_matrix& other, double k) noexcept {
        for (std::size_t i = 0; i < other.a_.size(); ++i) a_[i] += k * other.a_[i];
    }
    /// Adds k u u'; `u` has as many entries as the matrix has rows.
    void add_square(const double* u, double k) noexcept {
        for (std::size_t i = 0; i < n_; ++i) add_multiple(row(i), u, k * u[i], i + 1);
    }

    /// Replaces the matrix by its Cholesky factor L, with A = L L'.
    [[nodiscard]] bool factor() {
        std::vector<double> column(n_);
        for (std::size_t k = 0; k < n_; ++k) {
            double& pivot = row(k)[k];
            if (!(pivot > 0)) return false;
            pivot = std::sqrt(pivot);
            for (std::size_t i = k + 1; i < n_; ++i) {
                double* r = row(i);
                r[k] /= pivot;
                column[i] = r[k];
                add_multiple(r + k + 1, column.data() + k + 1, -column[i], i - k);
            }
        }
        return true;
    }
    /// For a factor: replaces b by the solution of L L' x = b.
    void solve(std::vector<double>& b) const noexcept {
        for (std::size_t i = 0; i < n_; ++i) {
            const double* r = row(i);
            for (std::size_t k = 0; k < i; ++k) b[i] -= r[k] * b[k];
            b[i] /= r[i];
        }
        for (std::size_t i = n_; i-- > 0;) {
            const double* r = row(i);
            b[i] /= r[i];
            add_multiple(b.data(), r, -b[i], i);
        }
    }
    /// For a factor: the logarithm of the determinant of A.
    [[nodiscard]] double log_determinant() const noexcept {
        double sum = 0;
        for (std::size_t i = 0; i < n_; ++i) sum += std::log(row(i)[i]);
        return 2 * sum;
    }
    /// For a factor: the inverse of A.
    [[nodiscard]] packed_matrix inverse() const {
        packed_matrix lower(n_), result(n_);
        for (std::size_t i = 0; i < n_; ++i) {  // row i of the inverse of L
            const double* r = row(i);
            double* x = lower.row(i);
            for (std::size_t k = 0; k < i; ++k) add_multiple(x, lower.row(k), -r[k], k + 1);
            for (std::size_t j = 0; j < i; ++j) x[j] /= r[i];
            x[i] = 1 / r[i];
        }
        for (std::size_t k = 0; k < n_; ++k) {  // the sum of the squares of its rows
            const double* x = lower.row(k);
            for (std::size_t i = 0; i <= k; ++i) add_multiple(result.row(i), x, x[i], i + 1);
        }
        return result;
    }

 private:
    static void add_multiple(double* to, const double* from, double k, std::size_t n) noexcept {
        if (k == 0) return;
        for (std::size_t i = 0; i < n; ++i) to[i] += k * from[i];
    }

    std::size_t n_ = 0;
    std::vector<double> a_;
};

}  // namespace detail
}  // namespace v1
}  // namespace joulery
