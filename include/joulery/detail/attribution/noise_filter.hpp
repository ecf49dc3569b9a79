// noise_filter.hpp - what rows of one channel say about powers under a given kind of noise.
// SPDX-License-Identifier: MIT
#pragma once

#include "joulery/detail/attribution/packed_matrix.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <vector>

namespace joulery {
inline namespace v1 {
namespace detail {

/// One hypothesis of how a channel's energy departs from (powers) x (times).
///
/// - White noise: calls of one scope differ among themselves. Its variance grows with time. Within
///   a call it has a memory, `call_tau`, which ends when another scope runs.
/// - The common mode: an Ornstein-Uhlenbeck process with memory `common_tau` that all scopes share
///   (clock, temperature, other programs). It adds power or, if `proportional`, scales the power of
///   whatever runs.
/// - Lag: the sensor shows an exponential mean over the last `lag` seconds, or the plain mean over
///   the last `box` seconds; for the latter, rows are prepared.
/// - The exponent: calls that are longer than others of their scope may draw more power; rows are
///   prepared for that, too.
///   prepared for, too.
struct noise_model {
    double white = 0;          ///< W^2 s: variance of energy, J^2, a second
    double call_tau = 0;       ///< s
    double common_stddev = 0;  ///< W
    double common_tau = 1;     ///< s
    bool proportional = false;
    double lag = 0;        ///< s
    double box = 0;        ///< s: instead, the sensor shows the plain mean over this time
    double lag_error = 0;  ///< W: error of the lagged power where a row ends
    double exponent = 0;   ///< a call's power is proportional to its length to this power
};

/// A row, prepared for all hypotheses.
struct filter_row {
    double length = 0, gap = 0;           ///< s
    double joules = 0;                    ///< beyond what the reference power explains
    double edge_variance = 0;             ///< J^2: of the reading at one end
    double own_variance = 0;              ///< J^2: of what rows next to it don't share
    double noisiness = 1;                 ///< white noise of what was open; 1 on average
    double relative_power = 1;            ///< of what was open; 1 on average
    double similarity = 1;                ///< 0..1: how much of it was open in the previous row
    double variety = 0;                   ///< 0..1: 0 if one column was open all the time
    const double* seconds = nullptr;      ///< open, by column
    const double* open_at_end = nullptr;  ///< threads in it at the row's end, by column
    double tail = 0;                      ///< s up to the row's end for which that was so
    double excess = 0;  ///< s by which calls are longer than usual, weighted by relative power
    std::size_t columns = 0;
};

/// The normal equations of a regression, and the sums that its likelihood needs.
struct information {
    packed_matrix left;         ///< sum of x x' / variance
    std::vector<double> right;  ///< sum of x y / variance
    double squares = 0;         ///< sum of y^2 / variance
    double log_variance = 0;    ///< sum of the logarithms of the variances
    std::size_t rows = 0;

    void resize(std::size_t n) {
        if (left.size() >= n) return;
        right.resize(n, 0.0);
        left.resize(n);  // last, since it may fail
    }
    void clear() noexcept {
        left.clear();
        std::fill(right.begin(), right.end(), 0.0);
        squares = log_variance = 0;
        rows = 0;
    }
    void add(const information& other, double k) noexcept {
        left.add(other.left, k);
        for (std::size_t i = 0; i < other.right.size(); ++i) right[i] += k * other.right[i];
        squares += k * other.squares;
        log_variance += k * other.log_variance;
        rows += other.rows;
    }
};

/// A Kalman filter beside the regression. Its states are the common mode, the noise of the current
/// call and, at the end of the last row, the errors of the reading and of the lagged power, both of
/// which appear in the next row with opposite sign. All depend linearly on the unknown powers: each
/// value carries its derivative by every column, so that innovations (what a row adds to what
/// earlier rows predict) are linear in the powers, too, and give normal equations.
///
/// Units:  s, J, W. Thread: not synchronized; one owner. Cost: n^2 / 2 + 8 n steps per row.
/// Fails:  never; the caller passes finite rows of positive length.
///
///     noise_filter f(noise_model{1e-3});
///     f.add(row);                        // f.recent() has the normal equations so far
class noise_filter {
 public:
    explicit noise_filter(const noise_model& model) : model_(model) {
        use_[common] = model.common_stddev > 0;
        use_[edge] = true;
        use_[sensor] = model.lag > 0;
        use_[call] = model.call_tau > 0;
        common_variance_ = model.common_stddev * model.common_stddev;
        if (use_[call]) call_variance_ = model.white / (2 * model.call_tau);
    }

    [[nodiscard]] const noise_model& model() const noexcept { return model_; }
    /// Equations of the rows since the last `shift`, and of those between the last two.
    [[nodiscard]] const information& recent() const noexcept { return recent_; }
    [[nodiscard]] const information& older() const noexcept { return older_; }
    /// Recent rows become older ones; the older ones are dropped.
    void shift() {
        std::swap(recent_, older_);
        recent_.clear();
        recent_.resize(older_.left.size());
    }
    /// The innovation of the last row in standard deviations if a single column draws 1 W; and its
    /// variance, J^2.
    [[nodiscard]] double last_deviation() const noexcept { return last_deviation_; }
    /// The same with those powers; 0 while some power is unknown.
    [[nodiscard]] double deviation_from(const std::vector<double>& watts) const noexcept {
        if (watts.size() < innovation_.size()) return 0;
        double expected = 0;
        for (std::size_t i = 0; i < innovation_.size(); ++i) expected += innovation_[i] * watts[i];
        return (last_joules_ - expected) / std::sqrt(last_variance_);
    }
    [[nodiscard]] double last_variance() const noexcept { return last_variance_; }

    void add(const filter_row& row) {
        resize(row.columns);
        begin_row(row);
        const double* seconds = use_[sensor] ? lagged(row) : row.seconds;
        const transition t = transition_of(row);
        double with[states], gain[states], variance = t.noise;
        for (int i = 0; i < states; ++i) {
            with[i] = 0;
            for (int j = 0; j < states; ++j) with[i] += covariance_[i][j] * t.seen[j];
            variance += t.seen[i] * with[i];
        }
        variance = std::max(variance, smallest);
        double y = row.joules;
        for (int i = 0; i < states; ++i) {
            gain[i] = (t.keep[i] * with[i] + t.shared[i]) / variance;
            y -= t.seen[i] * value_[i];
        }
        innovate(row.columns, seconds, t, gain);
        for (int i = 0; i < states; ++i) {
            value_[i] = t.keep[i] * value_[i] + gain[i] * y;
            for (int j = 0; j < states; ++j)
                covariance_[i][j] =
                    t.keep[i] * t.keep[j] * covariance_[i][j] - gain[i] * gain[j] * variance;
            covariance_[i][i] = std::max(covariance_[i][i] + t.fresh[i], 0.0);
        }
        last_variance_ = variance;
        last_joules_ = y;
        last_deviation_ = (y - innovation_[0]) / std::sqrt(variance);
        accumulate(row.columns, y, variance);
    }

 private:
    enum state { common, edge, sensor, call, states };

    /// From the state at a row's begin to that at its end, and the states' part in the row's
    /// energy.
    struct transition {
        double keep[states] = {};    ///< of each state's value
        double fresh[states] = {};   ///< variance of what is added to it
        double seen[states] = {};    ///< of the value at the begin, in the row's energy
        double shared[states] = {};  ///< covariance of what is added and the row's energy
        double noise = 0;            ///< J^2: variance of the row's energy, given the begin
    };

    void resize(std::size_t n) {
        recent_.resize(n);
        older_.resize(n);
        if (innovation_.size() >= n) return;
        for (int i = 0; i < states; ++i)
            if (use_[i]) by_column_[i].resize(n, 0.0);
        for (auto* v : {&lagged_, &shown_, &innovation_}) v->resize(n, 0.0);
    }

    // Moves the state from the end of the last row to the begin of this one.
    void begin_row(const filter_row& row) {
        const bool first = !started_;
        started_ = true;
        if (first || row.gap > 0) {
            const double gap = first ? 1e9 : row.gap;
            fade(common, std::exp(-gap / model_.common_tau), common_variance_);
            fade(edge, 0, edge_variance(row));
            const double old = use_[sensor] ? std::exp(-gap / model_.lag) : 0;
            const double error = model_.lag * model_.lag_error;
            fade(sensor, old, error * error);
            if (use_[sensor])
                for (std::size_t i = 0; i < row.columns; ++i)
                    shown_[i] = old * shown_[i] + (1 - old) * row.seconds[i] / row.length;
        }
        const double same = first ? 0 : row.similarity;
        if (use_[call]) fade(call, same * std::exp(-row.gap / model_.call_tau), call_variance_);
    }
    void fade(state i, double keep, double stationary) noexcept {
        if (!use_[i]) return;
        value_[i] *= keep;
        for (double& x : by_column_[i]) x *= keep;
        for (int j = 0; j < states; ++j) covariance_[i][j] *= keep, covariance_[j][i] *= keep;
        covariance_[i][i] += (1 - keep * keep) * stationary;
    }

    [[nodiscard]] transition transition_of(const filter_row& row) const noexcept {
        transition t;
        if (use_[common])
            take_process(t, common, row.length, model_.common_tau, common_variance_,
                         model_.proportional ? row.relative_power : 1);
        if (use_[call])
            take_process(t, call, row.length, model_.call_tau, call_variance_,
                         std::sqrt(row.noisiness));
        else
            t.noise += model_.white * row.noisiness * row.length;
        t.seen[edge] = -1;
        t.fresh[edge] = t.shared[edge] = edge_variance(row);
        t.noise += edge_variance(row) + row.own_variance;
        if (use_[sensor]) {
            const double moved = -std::expm1(-row.length / model_.lag);
            const double error =
                model_.lag * model_.lag_error * moved * moved * std::exp(-row.tail / model_.lag);
            const double variance = error * error * std::max(row.variety, 0.003);
            t.keep[sensor] = 1 - moved;
            t.seen[sensor] = moved;
            t.fresh[sensor] = variance;
            t.shared[sensor] = -variance;
            t.noise += variance;
        }
        return t;
    }
    [[nodiscard]] double edge_variance(const filter_row& row) const noexcept {
        const double late = model_.lag_error * std::min(model_.box, row.length);
        return row.edge_variance + late * late * std::max(row.variety, 0.003);
    }
    // An Ornstein-Uhlenbeck process; the row contains its integral times `factor`.
    static void take_process(transition& t, state i, double length, double tau, double variance,
                             double factor) noexcept {
        const double z = length / tau, left = -std::expm1(-z), keep = 1 - left;
        t.keep[i] = keep;
        t.fresh[i] = variance * left * (1 + keep);
        t.seen[i] = factor * tau * left;
        t.shared[i] = factor * variance * tau * left * left;
        const double integral = z < 1e-3 ? 2.0 / 3 * z * z * z : 2 * z - 3 + keep * (4 - keep);
        t.noise += factor * factor * variance * tau * tau * integral;
    }

    // The times that the sensor shows. Columns are assumed to be spread evenly over the row, except
    // for its tail, in which the open ones are known.
    [[nodiscard]] const double* lagged(const filter_row& row) noexcept {
        const double head = row.length - row.tail;
        const double moved = -std::expm1(-head / model_.lag);
        const double moved_in_tail = -std::expm1(-row.tail / model_.lag);
        const double inverse = head > 1e-3 * row.length ? 1 / head : 0;
        for (std::size_t i = 0; i < row.columns; ++i) {
            const double in_tail = row.tail > 0 ? row.open_at_end[i] : 0;
            const double mean = std::max(row.seconds[i] - row.tail * in_tail, 0.0) * inverse;
            double now = shown_[i];
            if (inverse > 0) now += (mean - now) * moved;
            now += (in_tail - now) * moved_in_tail;
            lagged_[i] = row.seconds[i] - model_.lag * (now - shown_[i]);
            shown_[i] = now;
        }
        return lagged_.data();
    }

    void innovate(std::size_t n, const double* seconds, const transition& t,
                  const double* gain) noexcept {
        for (std::size_t i = 0; i < n; ++i) innovation_[i] = seconds[i];
        for (int s = 0; s < states; ++s)
            if (use_[s])
                for (std::size_t i = 0; i < n; ++i) innovation_[i] -= t.seen[s] * by_column_[s][i];
        for (int s = 0; s < states; ++s)
            if (use_[s])
                for (std::size_t i = 0; i < n; ++i)
                    by_column_[s][i] = t.keep[s] * by_column_[s][i] + gain[s] * innovation_[i];
    }
    void accumulate(std::size_t n, double y, double variance) noexcept {
        const double inverse = 1 / variance;
        recent_.left.add_square(innovation_.data(), inverse);
        for (std::size_t i = 0; i < n; ++i) recent_.right[i] += inverse * y * innovation_[i];
        recent_.squares += inverse * y * y;
        recent_.log_variance += std::log(variance);
        ++recent_.rows;
    }

    static constexpr double smallest = 1e-24;  ///< J^2

    noise_model model_;
    bool use_[states] = {}, started_ = false;
    double common_variance_ = 0, call_variance_ = 0;  ///< W^2
    information recent_, older_;
    double value_[states] = {}, covariance_[states][states] = {};
    std::vector<double> by_column_[states];  ///< derivatives of the values by power
    std::vector<double> innovation_, lagged_, shown_;
    double last_deviation_ = 0, last_variance_ = 0, last_joules_ = 0;
};

}  // namespace detail
}  // namespace v1
}  // namespace joulery
