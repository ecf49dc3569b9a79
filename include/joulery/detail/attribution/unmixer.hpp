// unmixer.hpp - finds the power of scopes that are shorter than the counter's ticks.
// SPDX-License-Identifier: MIT
//
// Between two samples the energy is the sum over scopes of (power) x (time in the interval). The
// times are known, and vary from interval to interval: a regression gives the powers. It is a
// Bayesian one: before any data every scope is taken to draw the mean power, give or take
// `prior_spread` of it. Where the data can't tell two scopes apart that is what remains, which is
// sharing by time, and the error bar says so. Nothing is ever invented.
#pragma once

#include "joulery/detail/attribution/square_matrix.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <vector>

namespace joulery {
inline namespace v1 {
namespace detail {

/// What the data say of the columns' powers.
struct unmixed_powers {
    std::vector<double> watts;  ///< one a column, never negative
    square_matrix covariance;   ///< of `watts`, W^2
    double gain = 0;            ///< how much of the prior's doubt the data removed, 0..1
};

/// The most columns that a regression has.
inline constexpr std::size_t max_unmixer_columns = 19;
using unmixer_row = std::array<double, max_unmixer_columns>;

/// Accumulated normal equations: what a linear regression needs of the rows it has seen.
struct normal_equations {
    std::array<unmixer_row, max_unmixer_columns> left{};
    std::array<unmixer_row, max_unmixer_columns> common{};  ///< errors shared by neighbours
    unmixer_row right{};
    unmixer_row before{};  ///< the row before, weighted
    double squares = 0;
    double rows = 0;

    /// A row with the variance of its error, of which `shared` is in the row before, too, with the
    /// other sign. The first `columns` count.
    void add(const unmixer_row& row, std::size_t columns, double value, double variance,
             double shared) noexcept {
        const double weight = 1 / std::max(variance, 1e-18);
        unmixer_row now{};
        for (std::size_t i = 0; i < columns; ++i) now[i] = weight * row[i];
        for (std::size_t i = 0; i < columns; ++i) {
            right[i] += now[i] * value;
            for (std::size_t j = 0; j < columns; ++j) {
                left[i][j] += now[i] * row[j];
                common[i][j] += shared * (now[i] * before[j] + before[i] * now[j]);
            }
        }
        before = now;
        squares += weight * value * value;
        rows += 1;
    }
    void halve() noexcept {
        for (auto* matrix : {&left, &common})
            for (auto& row : *matrix)
                for (double& x : row) x /= 2;
        for (double& x : right) x /= 2;
        squares /= 2;
        rows /= 2;
    }
    /// The sum of squares that powers leave unexplained.
    [[nodiscard]] double residual(const std::vector<double>& watts) const noexcept {
        double sum = squares;
        for (std::size_t i = 0; i < watts.size(); ++i) {
            sum -= 2 * right[i] * watts[i];
            for (std::size_t j = 0; j < watts.size(); ++j) sum += watts[i] * left[i][j] * watts[j];
        }
        return std::max(sum, 0.0);
    }
};

/// The regressions of one channel over the intervals seen so far. There are two: one of the
/// intervals as they are, and one of the steps from each to the next. The first is the sharper
/// while powers stay what they are; where they wander, the second knows nothing of it but what they
/// wander in a step. Each says what it leaves in doubt, and the surer one is asked.
///
/// Units:  seconds, joules, watts. Thread: not synchronised; one owner.
/// Cost:   `add` is quadratic in the columns so far, `solve` cubic (at most 19).
/// Fails:  never; with too few or too similar intervals the prior is what comes out.
///
///     unmixer u;
///     u.add({{1, 0.06}, {2, 0.04}}, 11.0, 1e-6, 1e-6);  // 60 ms of one, 40 ms of the other: 11 J
///     u.add({{1, 0.05}, {2, 0.05}}, 10.0, 1e-6, 1e-6);
///     unmixed_powers p = u.solve(10.5 / 0.1);     // about 150 W and 50 W
class unmixer {
 public:
    static constexpr std::size_t max_columns = max_unmixer_columns;
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
        unmixer_row now{};
        double seconds = 0;
        for (const share& a : row) {
            columns_ = std::max(columns_, a.column + 1);
            now[a.column] = a.seconds;
            totals_[a.column] += a.seconds;
            if (a.column != base_column) seconds += a.seconds;
        }
        total_joules_ += joules;
        levels_.add(now, columns_, joules, at_begin + at_end, at_begin);
        if (seconds > 0) add_step(now, seconds, joules, at_begin, at_end);
    }

    /// Halves the weight of all that was seen, so that a changing program is followed.
    void fade() noexcept {
        levels_.halve();
        steps_.halve();
        for (double& x : totals_) x /= 2;
        total_joules_ /= 2;
    }
    void clear() noexcept { *this = unmixer(); }
    [[nodiscard]] double intervals() const noexcept { return levels_.rows; }

    /// The powers, given the mean power of the mixture.
    [[nodiscard]] unmixed_powers solve(double mean_watts) const {
        const unmixed_powers by_levels = solve(levels_, mean_watts);
        if (steps_.rows < 2 * static_cast<double>(columns_)) return by_levels;
        normal_equations steps = steps_;
        // Steps tell differences; the sum of all tells the level.
        const double slack = sum_slack * total_joules_;
        steps.add(totals_, columns_, total_joules_, slack * slack, 0);
        unmixed_powers by_steps = solve(steps, mean_watts);
        by_steps.covariance.scale(correlated_steps);
        return doubt(by_levels) > much_surer * doubt(by_steps) ? by_steps : by_levels;
    }

 private:
    // In shares of the row's time, so that rows of different lengths compare.
    void add_step(unmixer_row now, double seconds, double joules, double at_begin, double at_end) {
        for (double& x : now) x /= seconds;
        const double watts = joules / seconds;
        if (last_seconds_ > 0) {
            unmixer_row step{};
            for (std::size_t i = 0; i < columns_; ++i) step[i] = now[i] - last_row_[i];
            const double both = 1 / seconds + 1 / last_seconds_;
            const double variance = at_end / (seconds * seconds) + at_begin * both * both +
                                    last_begin_ / (last_seconds_ * last_seconds_);
            steps_.add(step, columns_, watts - last_watts_, variance, 0);
        }
        last_row_ = now;
        last_watts_ = watts;
        last_seconds_ = seconds;
        last_begin_ = at_begin;
    }

    [[nodiscard]] unmixed_powers solve(const normal_equations& data, double mean_watts) const {
        const double spread = std::max(prior_spread * mean_watts, 1e-9);
        std::vector<bool> at_zero(columns_, false);
        unmixed_powers p = fit(data, mean_watts, spread, 1.0, at_zero);
        // What the model leaves unexplained (powers that are not constant) is noise too.
        const double freedom = data.rows - static_cast<double>(columns_);
        const double noise = freedom > 1 ? std::max(1.0, data.residual(p.watts) / freedom) : 1.0;
        if (noise > 1) p = fit(data, mean_watts, spread, noise, at_zero);
        for (std::size_t round = 0; round < columns_; ++round) {
            const std::size_t worst = most_negative(p.watts, at_zero);
            if (worst == columns_) break;
            at_zero[worst] = true;
            p = fit(data, mean_watts, spread, noise, at_zero);
        }
        double doubt = 0;
        for (std::size_t i = 0; i < columns_; ++i) {
            p.watts[i] = std::max(p.watts[i], 0.0);
            if (i != base_column) doubt += p.covariance(i, i) / (spread * spread);
        }
        p.gain = columns_ > 1 ? std::max(0.0, 1 - doubt / static_cast<double>(columns_ - 1)) : 0;
        return p;
    }

    // Posterior mean and covariance; columns `at_zero` are tied to 0 W. The covariance allows for
    // errors that neighbouring intervals have in common ("sandwich").
    [[nodiscard]] unmixed_powers fit(const normal_equations& data, double mean, double spread,
                                     double noise, const std::vector<bool>& at_zero) const {
        square_matrix precision(columns_), meat(columns_);
        std::vector<double> pull(columns_), expected(columns_, mean);
        if (columns_ > 0) expected[base_column] = 0;
        for (std::size_t i = 0; i < columns_; ++i) {
            const double sigma = i == base_column ? mean * base_spread : spread;
            const double prior = 1 / std::max(sigma * sigma, 1e-18);
            const double tie = at_zero[i] ? 1e6 * (prior + data.left[i][i] / noise) : 0;
            double explained = 0;
            for (std::size_t j = 0; j < columns_; ++j) {
                precision(i, j) = data.left[i][j] / noise;
                meat(i, j) = (data.left[i][j] - data.common[i][j]) / noise;
                explained += data.left[i][j] * expected[j];
            }
            precision(i, i) += prior + tie;
            meat(i, i) += prior + tie;
            pull[i] = (data.right[i] - explained) / noise - tie * expected[i];
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

    // Variance of all columns' joules, J^2.
    [[nodiscard]] double doubt(const unmixed_powers& p) const noexcept {
        double sum = 0;
        for (std::size_t i = 0; i < columns_; ++i)
            sum += p.covariance(i, i) * totals_[i] * totals_[i];
        return sum;
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
    static constexpr double inflation = 1.0;
    /// The base may be as much as all threads together draw, of which `mean` is one's.
    static constexpr double base_spread = 4;

    /// Steps are asked where they leave that much less of the variance.
    static constexpr double much_surer = 4;
    /// How well the sum of all is known against its parts.
    static constexpr double sum_slack = 1e-5;
    /// By how much the variance of steps exceeds what their rows say: an interval that is off by
    /// itself is in two steps, and a power that is off its mean is so for many steps together.
    /// Found by calibration on the simulated machine, where powers drift or change half-way.
    static constexpr double correlated_steps = 2.2;

    std::size_t columns_ = 0;
    normal_equations levels_, steps_;
    unmixer_row totals_{};  ///< seconds by column
    double total_joules_ = 0;
    unmixer_row last_row_{};  ///< shares of the interval before
    double last_watts_ = 0, last_seconds_ = 0, last_begin_ = 0;
};

}  // namespace detail
}  // namespace v1
}  // namespace joulery
