// joulery/engine/unmixer.hpp - finds the power of scopes that are shorter than the counter's ticks.
// Layer 6. SPDX-License-Identifier: MIT
//
// Between two samples the energy is the sum over scopes of (power) x (time in the interval). The
// times are known, and vary from interval to interval: a regression gives the powers. It is a
// Bayesian one: before any data every scope is taken to draw the mean power, give or take
// `prior_spread` of it. Where the data can't tell two scopes apart that is what remains, which is
// sharing by time, and the error bar says so. Nothing is ever invented.
#pragma once

#include <algorithm>
#include <array>
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

/// What the data say of the columns' powers.
struct unmixed_powers {
    std::vector<double> watts;  ///< one a column, never negative
    square_matrix covariance;   ///< of `watts`, W^2
    double gain = 0;            ///< how much of the prior's doubt the data removed, 0..1
};

/// Normal equations of one channel over the intervals seen so far.
///
/// Units:  seconds, joules, watts. Thread: not synchronised; one owner.
/// Cost:   `add` is quadratic in the columns that were open, `solve` cubic in all (at most 19).
/// Fails:  never; with too few or too similar intervals the prior is what comes out.
///
///     unmixer u;
///     u.add({{1, 0.06}, {2, 0.04}}, 11.0, 1e-6, 1e-6);  // 60 ms of one, 40 ms of the other: 11 J
///     u.add({{1, 0.05}, {2, 0.05}}, 10.0, 1e-6, 1e-6);
///     unmixed_powers p = u.solve(10.5 / 0.1);     // about 150 W and 50 W
class unmixer {
 public:
    static constexpr std::size_t max_columns = 19;
    /// Standard deviation of a scope's power about the mean, before any data, as a share of it:
    /// that of powers spread evenly from near nothing to twice the mean.
    static constexpr double prior_spread = 0.6;

    /// Column 0 is the machine's base: what it draws whatever runs, in intervals in which several
    /// threads were busy. Nobody expects any before the data tell.
    static constexpr std::size_t base_column = 0;

    struct share {
        std::size_t column;
        double seconds;
    };

    /// One interval: how long each column was open, its joules, and the variance of the meter's
    /// state at its begin and its end. Intervals are taken to follow one another: the end of one is
    /// the begin of the next, and its error is in both.
    void add(const std::vector<share>& row, double joules, double at_begin, double at_end) {
        const double weight = 1 / std::max(at_begin + at_end, 1e-18);
        std::array<double, max_columns> now{};
        for (const share& a : row) {
            columns_ = std::max(columns_, a.column + 1);
            now[a.column] = weight * a.seconds;
            right_[a.column] += weight * a.seconds * joules;
            for (const share& b : row) left_[a.column][b.column] += weight * a.seconds * b.seconds;
        }
        for (std::size_t i = 0; i < columns_; ++i)
            for (std::size_t j = 0; j < columns_; ++j)
                common_[i][j] += at_begin * (now[i] * before_[j] + before_[i] * now[j]);
        before_ = now;
        squares_ += weight * joules * joules;
        intervals_ += 1;
    }

    /// Halves the weight of all that was seen, so that a changing program is followed.
    void fade() noexcept {
        for (auto& row : left_)
            for (double& x : row) x /= 2;
        for (auto& row : common_)
            for (double& x : row) x /= 2;
        for (double& x : right_) x /= 2;
        squares_ /= 2;
        intervals_ /= 2;
    }
    void clear() noexcept { *this = unmixer(); }
    [[nodiscard]] double intervals() const noexcept { return intervals_; }

    /// The powers, given the mean power of the mixture.
    [[nodiscard]] unmixed_powers solve(double mean_watts) const {
        const double spread = std::max(prior_spread * mean_watts, 1e-9);
        std::vector<bool> at_zero(columns_, false);
        unmixed_powers p = fit(mean_watts, spread, 1.0, at_zero);
        // What the model leaves unexplained (powers that are not constant) is noise too.
        const double freedom = intervals_ - static_cast<double>(columns_);
        const double noise = freedom > 1 ? std::max(1.0, residual(p.watts) / freedom) : 1.0;
        if (noise > 1) p = fit(mean_watts, spread, noise, at_zero);
        for (std::size_t round = 0; round < columns_; ++round) {
            const std::size_t worst = most_negative(p.watts, at_zero);
            if (worst == columns_) break;
            at_zero[worst] = true;
            p = fit(mean_watts, spread, noise, at_zero);
        }
        double doubt = 0;
        for (std::size_t i = 0; i < columns_; ++i) {
            p.watts[i] = std::max(p.watts[i], 0.0);
            if (i != base_column) doubt += p.covariance(i, i) / (spread * spread);
        }
        p.gain = columns_ > 1 ? std::max(0.0, 1 - doubt / static_cast<double>(columns_ - 1)) : 0;
        return p;
    }

 private:
    // Posterior mean and covariance; columns `at_zero` are tied to 0 W. The covariance allows for
    // errors that neighbouring intervals have in common ("sandwich").
    [[nodiscard]] unmixed_powers fit(double mean, double spread, double noise,
                                     const std::vector<bool>& at_zero) const {
        square_matrix precision(columns_), meat(columns_);
        std::vector<double> pull(columns_), expected(columns_, mean);
        if (columns_ > 0) expected[base_column] = 0;
        for (std::size_t i = 0; i < columns_; ++i) {
            const double sigma = i == base_column ? mean * base_spread : spread;
            const double prior = 1 / std::max(sigma * sigma, 1e-18);
            const double tie = at_zero[i] ? 1e6 * (prior + left_[i][i] / noise) : 0;
            double explained = 0;
            for (std::size_t j = 0; j < columns_; ++j) {
                precision(i, j) = left_[i][j] / noise;
                meat(i, j) = (left_[i][j] - common_[i][j]) / noise;
                explained += left_[i][j] * expected[j];
            }
            precision(i, i) += prior + tie;
            meat(i, i) += prior + tie;
            pull[i] = (right_[i] - explained) / noise - tie * expected[i];
        }
        unmixed_powers p;
        const square_matrix bread = precision.inverse();
        p.covariance = sandwich(bread, meat);
        p.covariance.scale(inflation);
        p.watts = expected;
        for (std::size_t i = 0; i < columns_; ++i)
            for (std::size_t j = 0; j < columns_; ++j) p.watts[i] += bread(i, j) * pull[j];
        return p;
    }

    static square_matrix sandwich(const square_matrix& bread, const square_matrix& meat) {
        const std::size_t n = bread.size();
        square_matrix half(n), whole(n);
        for (std::size_t i = 0; i < n; ++i)
            for (std::size_t j = 0; j < n; ++j)
                for (std::size_t k = 0; k < n; ++k) half(i, j) += bread(i, k) * meat(k, j);
        for (std::size_t i = 0; i < n; ++i)
            for (std::size_t j = 0; j < n; ++j)
                for (std::size_t k = 0; k < n; ++k) whole(i, j) += half(i, k) * bread(k, j);
        return whole;
    }

    [[nodiscard]] double residual(const std::vector<double>& watts) const {
        double sum = squares_;
        for (std::size_t i = 0; i < columns_; ++i) {
            sum -= 2 * right_[i] * watts[i];
            for (std::size_t j = 0; j < columns_; ++j) sum += watts[i] * left_[i][j] * watts[j];
        }
        return std::max(sum, 0.0);
    }

    [[nodiscard]] std::size_t most_negative(const std::vector<double>& watts,
                                            const std::vector<bool>& at_zero) const {
        std::size_t worst = columns_;
        for (std::size_t i = 0; i < columns_; ++i)
            if (!at_zero[i] && watts[i] < 0 && (worst == columns_ || watts[i] < watts[worst]))
                worst = i;
        return worst;
    }

    /// By how much the variance of regressed powers exceeds the computed one (ticks come in
    /// patterns that follow the scopes'): found by calibration on the simulated machine,
    /// bench/accuracy.
    static constexpr double inflation = 1.15;
    /// The base may be as much as all threads together draw, of which `mean` is one's.
    static constexpr double base_spread = 4;

    std::size_t columns_ = 0;
    std::array<std::array<double, max_columns>, max_columns> common_{};  ///< shared by neighbours
    std::array<double, max_columns> before_{};  ///< the interval before, weighted
    std::array<std::array<double, max_columns>, max_columns> left_{};
    std::array<double, max_columns> right_{};
    double squares_ = 0;
    double intervals_ = 0;
};

}  // namespace detail
}  // namespace v1
}  // namespace joulery
