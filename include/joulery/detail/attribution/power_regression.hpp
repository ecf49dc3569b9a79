// power_regression.hpp - the power of paths from rows of one channel's energy.
// SPDX-License-Identifier: MIT
#pragma once

#include "joulery/detail/attribution/change_finder.hpp"
#include "joulery/detail/attribution/noise_bank.hpp"
#include "joulery/detail/attribution/noise_filter.hpp"
#include "joulery/detail/attribution/packed_matrix.hpp"
#include "joulery/detail/attribution/power_estimate.hpp"
#include "joulery/detail/attribution/row_window.hpp"
#include "joulery/detail/core/list.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

namespace joulery {
inline namespace v1 {
namespace detail {

/// Splits the energy of one channel: how much power does each path draw?
///
/// Between two dated readings of a channel lies a row: its energy, and how long each path was open
/// (busy) in it. Rows differ in what was open, so a regression finds the powers:
///
///     joules = sum of (power of column) x (its seconds) + (base power) x length + noise
///
/// It is Bayesian. Before any row, every column draws the mean power, give or take 0.6 of it. If
/// rows can't separate two columns, that prior remains: energy is shared by busy time, with a
/// variance to match. The base power flows whatever runs; with one thread it can't be separated
/// from the columns' common level, which does no harm, because bills depend on contrasts between
/// columns and on sums.
///
/// The noise is learned, not assumed. A noise_model has white noise that lasts within a call,
/// scaled for each column; a common mode that drifts; the sensor's lag; and the errors of dated
/// readings, which adjacent rows share with opposite signs. About a dozen models run side by side,
/// each with a Kalman filter for what rows have in common (noise_filter); a search replaces those
/// that explain the rows worse (noise_bank). The estimate is their mean, weighted by the likelihood
/// of the rows under each. So with few rows, when any noise is possible, error bars are wide. A
/// common mode that scales powers leaves their sum undetermined; the total energy determines it.
///
/// If longer calls of a scope draw more (a batch of varying size), rows show what a longer call
/// uses beyond a shorter one, which is not the mean use of a call. So a noise_model may have an
/// exponent: the time of a call counts as its length to that power.
///
/// The window holds the last 512 to 1,024 rows. Older rows remain as a prior that fades within ten
/// minutes.
///
/// With a lag, a row's energy is not that of what ran in it. Share the energy that powers leave
/// unexplained over spans of about 100 lags, and add `late_variance` times the squared step of a
/// path's share from span to span; `white_by_column` times seconds is the noise within one.
///
/// Units:  s, J, W. Thread: not synchronized; one owner. Memory: 0.2 MB at 16 columns, 3.2 at 128.
/// Cost:   `add` takes about 15 us at 16 columns and 150 us at 128 on average, at most 0.2 and 8
///         ms; `solve` 0.2 and 4 ms.
/// Fails:  never; impossible rows are ignored. The same rows give the same bits.
///
///     power_regression r;
///     const regression_term open[] = {{0, 0.06}, {1, 0.04}};  // 60 ms of one, 40 ms of the other
///     r.add({0.1, 11.0, 1e-8, 0, open, 2});                    // 11 J in 0.1 s
///     const power_estimate& e = r.solve();                     // e.watts[0], e.watts[1]
class power_regression {
 public:
    /// `known_memory`: s, for a sensor that is known not to show the present power.
    explicit power_regression(std::size_t max_columns = 160, double known_memory = 0)
        : max_columns_(max_columns), known_memory_(known_memory) {}

    /// One more than the highest column seen.
    [[nodiscard]] std::size_t columns() const noexcept { return prior_.columns; }

    void add(const regression_row& row) {
        if (!usable(row)) return;
        take_totals(row);
        if (bank_.empty()) {
            if (!(row.joules > 0)) return;  // the scale of the powers is unknown so far
            prior_.reference = facts_.reference = prior_.mean;
            bank_.begin(prior_.channel);
        }
        if (window_.full()) shift();
        window_.add(row);
        bank_.add(window_, facts_);
        ++rows_;
        bank_.search(window_, facts_, prior_, columns() > 32 ? 12 : columns() > 8 ? 32 : 48);
    }

    /// Number of rows used so far.
    [[nodiscard]] std::size_t rows() const noexcept { return rows_; }
    [[nodiscard]] std::size_t rows_held() const noexcept { return window_.size(); }
    /// Whether the last rows are far from what the powers and the noise predict.
    [[nodiscard]] bool is_surprised() const noexcept { return bank_.surprise() > 3; }
    /// Whether powers have changed after one of these numbers of rows (ascending). Never for
    /// gauges: there, a change looks like the sensor's memory. Call it after `solve`, which finds
    /// the best noise model.
    [[nodiscard]] power_change find_change(const list<std::size_t>& after) {
        if (bank_.empty() || after.empty() || known_memory_ > 0) return {};
        list<std::size_t> places;
        for (const std::size_t n : after) places.push_back(n - std::min(n, forgotten()));
        return changes_.find(window_, facts_, best_model(), prior_, places);
    }
    [[nodiscard]] bool seems_to_lag() {
        return columns() <= 32 && probe_.lag(window_, facts_, best_model()) > some_lag;
    }
    /// Forgets the rows after that number, or those up to it.
    void keep_until(std::size_t number) {
        window_.keep_first(number - forgotten());
        rows_ = number;
        start_again();
    }
    void keep_since(std::size_t number) {
        window_.drop_first(number - forgotten());
        prior_.past = information();
        start_again();
    }

    /// Takes over from a copy of this one that has kept the last rows; the memory for rows stays.
    void continue_as(power_regression&& later) noexcept {
        window_.drop_first(window_.size() - later.window_.size());
        std::swap(window_, later.window_);
        *this = std::move(later);
    }
    /// The estimate as of the last row; valid until the next call.
    const power_estimate& solve() {
        if (estimate_.rows != rows_) average();
        return estimate_;
    }

 private:
    [[nodiscard]] bool usable(const regression_row& row) const noexcept {
        if (!usable_number(row.length) || !usable_number(row.joules) || !usable_number(row.gap) ||
            !usable_number(row.read_variance) || !usable_number(row.own_variance) ||
            row.length <= 0 || row.read_variance < 0 || row.own_variance < 0)
            return false;
        for (std::size_t i = 0; i < row.count; ++i)
            if (!usable_number(row.terms[i].seconds) || row.terms[i].seconds < 0 ||
                row.terms[i].column >= max_columns_)
                return false;
        return true;
    }
    void take_totals(const regression_row& row) {
        std::size_t n = columns();
        for (std::size_t i = 0; i < row.count; ++i)
            n = std::max<std::size_t>(n, row.terms[i].column + std::size_t{1});
        for (auto* v : {&facts_.power, &facts_.noisiness}) v->resize(n + 1, 1.0);
        facts_.lengths.resize(n + 1);
        seconds_.resize(n + 1, 0.0);
        prior_.columns = n;  // all have grown: there was memory for them
        joules_ += row.joules;
        seconds_[0] += row.length;
        for (std::size_t i = 0; i < row.count; ++i) {
            seconds_[row.terms[i].column + 1] += row.terms[i].seconds;
            facts_.lengths[row.terms[i].column + 1] = row.terms[i].length;
            open_ += row.terms[i].seconds;
        }
        find_mean();
    }
    void find_mean() {
        prior_.channel = std::max(joules_ / seconds_[0], 1e-9);
        prior_.mean = open_ > 0 ? std::max(joules_ / open_, 0.0) : prior_.channel;
    }
    void start_again() {
        joules_ = open_ = 0;
        std::fill(seconds_.begin(), seconds_.end(), 0.0);
        window_.add_up(joules_, seconds_);
        for (std::size_t i = 1; i < seconds_.size(); ++i) open_ += seconds_[i];
        find_mean();
        bank_.restart(window_, facts_);
        bank_.search(window_, facts_, prior_, 2000);  // a change has passed for noise so far
        estimate_.rows = 0;
    }
    // Rows that the window does not hold.
    [[nodiscard]] std::size_t forgotten() const noexcept { return rows_ - window_.size(); }
    [[nodiscard]] const noise_model& best_model() const noexcept {
        return bank_.members().front().filter.model();
    }
    // The older half of the window becomes the past, the recent half the older one.
    void shift() {
        if (window_.older_size() > 0) {
            const double keep = std::exp(-window_.older_seconds() / memory);
            bank_.weigh(prior_, noise_bank::max_members);
            prior_.past.resize(columns() + 1);
            prior_.past.left.scale(keep);
            for (double& x : prior_.past.right) x *= keep;
            const double all = weights();
            for (const auto& m : bank_.members())
                if (m.evidence > -20) prior_.past.add(m.filter.older(), std::exp(m.evidence) / all);
            joules_ *= keep, open_ *= keep;
            for (double& x : seconds_) x *= keep;
        }
        window_.shift();
        bank_.shift();
    }
    static constexpr double memory = 600, some_lag = 4e-3;  ///< s

    [[nodiscard]] double weights() noexcept {
        double sum = 0;
        for (std::size_t k = 0; k < bank_.solutions().size(); ++k) sum += likelihood(k);
        return sum;
    }
    // Likelihood of a member relative to the best; 0 if it is negligible.
    [[nodiscard]] double likelihood(std::size_t k) const noexcept {
        const double evidence = bank_.members()[k].evidence;
        return evidence > -6 ? std::exp(evidence) : 0;
    }

    void average() {
        const std::size_t n = columns();
        estimate_ = power_estimate();
        estimate_.watts.assign(n, prior_.reference);
        estimate_.covariance.assign(n * n, 0.0);
        estimate_.mean_watts = prior_.mean;
        bank_.weigh(prior_, n <= 64 ? noise_bank::max_members : 4);
        const double all = weights();
        list<packed_matrix> covariances;
        double wandering = 0, restless = 0, exponent = 0;
        for (std::size_t k = 0; k < bank_.solutions().size() && likelihood(k) > 0; ++k) {
            power_solution& s = bank_.solutions()[k];
            const double weight = likelihood(k) / all;
            const noise_model& m = bank_.members()[k].filter.model();
            covariances.push_back(s.factor.inverse());
            if (m.proportional) scale_to_energy(s.watts, covariances.back());
            for (std::size_t i = 0; i < n; ++i) estimate_.watts[i] += weight * s.watts[i + 1];
            estimate_.lag += weight * (m.lag + m.box / 2);
            estimate_.lag_deviation += weight * (m.lag + m.box / 2) * (m.lag + m.box / 2);
            estimate_.late_variance += weight * (m.lag + m.box / 2) * (m.lag + m.box / 2);
            exponent += weight * std::fabs(m.exponent);
            estimate_.white += weight * m.white;
            if (m.common_tau < 0.04)  // equivalent to noise of calls
                estimate_.white += weight * 2 * m.common_stddev * m.common_stddev * m.common_tau;
            estimate_.common_stddev += weight * m.common_stddev;
            if (m.common_stddev > 0) estimate_.common_tau += weight * m.common_tau;
            wandering += m.common_stddev > 0 ? weight : 0.0;
            if (m.common_tau < quick) restless += weight * m.common_stddev * m.common_stddev;
            if (m.call_tau > slow_calls) restless += weight * m.white / (2 * m.call_tau);
        }
        const double lag = estimate_.lag, between = estimate_.lag_deviation - lag * lag;
        // Rows of scopes much longer than the lag determine it to a quarter, whatever one model
        // says.
        estimate_.lag_deviation = std::sqrt(std::max(between, 0.0) + 0.06 * lag * lag);
        estimate_.late_variance *= variance_of_power();
        if (wandering > 0) estimate_.common_tau /= wandering;
        for (std::size_t k = 0; k < covariances.size(); ++k)
            add_covariance(covariances[k], bank_.solutions()[k].watts, likelihood(k) / all);
        const double few = few_rows / std::max(window_.rows_with_calls(), 1.0);
        estimate_.widened = 1 + few * few;
        const double beyond = exponent > 0 ? beyond_exponents : beyond_models;
        for (double& x : estimate_.covariance) x *= beyond;
        allow_for_long_rows();
        allow_for_memory(restless);
        for (std::size_t i = 0; i < n; ++i)
            estimate_.white_by_column.push_back(estimate_.white * facts_.noisiness[i + 1]);
        estimate_.rows = rows_;  // complete: there was memory for it
    }
    // No model fits a machine exactly: under noise of calls, of the clock, of other programs and of
    // all of these, errors were measured to be a quarter larger than the models state
    // (bench/accuracy). If power depends on calls' lengths they were another third larger.
    static constexpr double beyond_models = 1.6, beyond_exponents = 3;
    // The size of the noise must be learned from the same rows.
    static constexpr double few_rows = 12;
    // A memory that no model explains leaves nothing to separate powers by; a long and known one
    // reveals less than the model thinks. The same holds if power seems to change strongly and fast
    // (`restless`: W^2) whatever runs: that is what an unmodeled memory looks like.
    void allow_for_memory(double restless) {
        const double suspected = bank_.suspected_lag();
        const double mean = estimate_.mean_watts;
        const bool hidden = restless > 16 * variance_of_power() && restless > 0.003 * mean * mean;
        const bool unknown = hidden || suspected > 2 * estimate_.lag;
        if (suspected > 2 * estimate_.lag) {
            estimate_.lag = 1.3 * suspected;
            estimate_.lag_deviation = suspected;
            estimate_.late_variance = estimate_.lag * estimate_.lag * variance_of_power();
        }
        const double whole = std::max(estimate_.lag, known_memory_);
        const double mistrust = hidden ? 1 : std::min(whole / long_memory, 1.0);
        if (!(mistrust > 0.3)) return;
        const double kept = unknown ? 0 : whole > 2 * long_memory ? 0.5 : 1;
        const std::size_t n = columns();
        double level = 0, open = 1e-30;
        for (std::size_t i = 0; i < n; ++i) {
            level += estimate_.watts[i] * seconds_[i + 1];
            open += seconds_[i + 1];
        }
        level /= open;
        for (std::size_t i = 0; i < n; ++i) {
            const double off = estimate_.watts[i] - level;
            const double deviation =
                power_prior::relative_deviation * (unknown ? level : mistrust * off);
            estimate_.watts[i] = level + kept * off;
            estimate_.covariance[i * n + i] +=
                deviation * deviation + 0.02 * mistrust * mistrust * level * level;
        }
    }
    static constexpr double long_memory = 12e-3, quick = 80e-3, slow_calls = 15e-3;  // s

    // Short rows reveal most, and are most misleading if no model fits: a lag shorter than a call,
    // or power that depends on a call's length. If long rows alone contradict all rows, and are
    // certain of it, neither is trusted: the estimate lies between them, and its bars reach both.
    void allow_for_long_rows() {
        const std::size_t n = columns();
        const noise_model& m = bank_.members().front().filter.model();
        if (n < 2 || m.lag > 0 || m.box > 0) return;  // a known lag is already allowed for
        power_solution s = bank_.solve_long_rows(window_, facts_, prior_);
        if (s.watts.empty()) return;
        packed_matrix c = s.factor.inverse();
        if (m.proportional) scale_to_energy(s.watts, c);
        std::vector<double> off(n), along(n, 0.0);
        double open = 0, level = 0, common = 0, squares = 0;
        for (std::size_t i = 0; i < n; ++i) {
            off[i] = s.watts[i + 1] + prior_.reference - estimate_.watts[i];
            open += seconds_[i + 1];
            level += off[i] * seconds_[i + 1];
            for (std::size_t j = 0; j < n; ++j) along[i] += c(i + 1, j + 1) * seconds_[j + 1];
            common += along[i] * seconds_[i + 1];
        }
        for (std::size_t i = 0; i < n; ++i) {
            off[i] -= level / open;
            const double own = c(i + 1, i + 1) - 2 * along[i] / open + common / (open * open);
            squares += off[i] * off[i] / std::max(own, 1e-30);
        }
        if (squares < conflict * static_cast<double>(n)) return;
        for (std::size_t i = 0; i < n; ++i) {
            estimate_.watts[i] += off[i] / 2;
            for (std::size_t j = 0; j < n; ++j)
                estimate_.covariance[i * n + j] += off[i] * off[j] / 4 + c(i + 1, j + 1) / 2;
        }
    }
    static constexpr double conflict = 5;  ///< of squared differences over their variance

    // Variance of the channel's power as paths come and go, W^2.
    [[nodiscard]] double variance_of_power() const noexcept {
        double sum = 0, mean = 0, open = 0;
        for (std::size_t i = 0; i < columns(); ++i) {
            mean += estimate_.watts[i] * seconds_[i + 1];
            open += seconds_[i + 1];
        }
        if (!(open > 0)) return 0;
        for (std::size_t i = 0; i < columns(); ++i) {
            const double off = estimate_.watts[i] - mean / open;
            sum += off * off * seconds_[i + 1] / seconds_[0];
        }
        return sum;
    }
    // For a mean of models: each one's covariance, and the differences between them.
    void add_covariance(const packed_matrix& c, const std::vector<double>& watts, double weight) {
        const std::size_t n = columns();
        auto off = [&](std::size_t i) {
            return watts[i + 1] + prior_.reference - estimate_.watts[i];
        };
        for (std::size_t i = 0; i < n; ++i) {
            for (std::size_t j = 0; j <= i; ++j) {
                const double sum = weight * (c(i + 1, j + 1) + off(i) * off(j));
                estimate_.covariance[i * n + j] += sum;
                if (i != j) estimate_.covariance[j * n + i] += sum;
            }
        }
    }
    // A common mode that scales all powers has a mean of its own over the rows. The wanted powers
    // are those actually drawn, scaled by it, which explain the total energy. Their sum is certain.
    void scale_to_energy(std::vector<double>& watts, packed_matrix& covariance) const {
        const std::size_t n = columns() + 1;
        std::vector<double> along(n, 0.0), share(n);
        double explained = 0, variance = 0;
        for (std::size_t i = 0; i < n; ++i) {
            share[i] = watts[i] + (i > 0 ? prior_.reference : 0.0);
            explained += share[i] * seconds_[i];
            for (std::size_t j = 0; j < n; ++j) along[i] += covariance(i, j) * seconds_[j];
            variance += along[i] * seconds_[i];
        }
        if (!(explained > 0.1 * joules_)) return;
        const double ratio = joules_ / explained;
        for (double& x : share) x /= explained;
        for (std::size_t i = 0; i < n; ++i) {
            double* row = covariance.row(i);
            for (std::size_t j = 0; j <= i; ++j) {
                row[j] +=
                    share[i] * share[j] * variance - along[i] * share[j] - share[i] * along[j];
                row[j] *= ratio * ratio;
            }
            watts[i] = share[i] * joules_ - (i > 0 ? prior_.reference : 0.0);
        }
    }

    std::size_t max_columns_, rows_ = 0;
    double known_memory_;
    double joules_ = 0, open_ = 0;
    std::vector<double> seconds_;  ///< by column; the first is the length of all rows
    row_window window_;
    row_window::column_facts facts_;
    power_prior prior_;
    noise_bank bank_;
    change_finder changes_;
    window_probe probe_;
    power_estimate estimate_;
};

}  // namespace detail
}  // namespace v1
}  // namespace joulery
