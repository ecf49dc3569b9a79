// regression.hpp - how much more a call costs than in earlier runs, and how certain that is.
// SPDX-License-Identifier: MIT
#pragma once

#include "joulery/detail/core/config.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <vector>

namespace joulery {
inline namespace v1 {

/// A share written as a percentage: 10_percent.
struct percentage {
    double share;
};

namespace literals {
constexpr percentage operator""_percent(unsigned long long n) noexcept {
    return {static_cast<double>(n) / 100};
}
constexpr percentage operator""_percent(long double x) noexcept {
    return {static_cast<double>(x) / 100};
}
}  // namespace literals

namespace testing {

/// How much more than its baseline a call may cost.
///
/// A check fails if the increase is almost certainly above `allowed` and its best estimate is at
/// least `least`. It holds if the increase is almost certainly below `ceiling`. Otherwise it is
/// inconclusive.
struct tolerance {
    double allowed = 0;     ///< as a share of the baseline
    double least = 0.03;    ///< smaller increases never fail, however certain they are
    double ceiling = 0.05;  ///< increases below this are accepted
};

/// The mean of one run, and its standard error from the batches.
struct run_mean {
    double joules = 0;
    double standard_error = 0;
};

/// The number of runs that a baseline keeps.
inline constexpr std::size_t most_runs = 10;

/// How certain a verdict must be, as chances of `change_estimate`, by the number of runs in the
/// baseline. For failures: at most 1 % of checks fail without a change. For checks that hold: at
/// most 5 % hold if the cost grew by the ceiling. Found by integration over the possible results of
/// runs, for every spread from 0 to 5 % and for a noise of a run's mean from 0.1 to 1 %. With few
/// runs the limits are stricter, because the assumed spread is only a guess.
struct least_chances {
    double false_alarm, missed;

    [[nodiscard]] static constexpr least_chances of(std::size_t runs) noexcept {
        constexpr least_chances by_runs[most_runs] = {
            {0.0010, 0.0052}, {0.0011, 0.0083}, {0.0018, 0.0146}, {0.0027, 0.0206},
            {0.0036, 0.0259}, {0.0046, 0.0307}, {0.0057, 0.0354}, {0.0068, 0.0401},
            {0.0081, 0.0450}, {0.0098, 0.0500}};
        return by_runs[runs == 0 ? 0 : (runs < most_runs ? runs : most_runs) - 1];
    }
};

/// The change of a call's energy from a baseline of several runs to a new run, given the noise
/// within runs and the spread between them.
///
/// Runs of one program differ by more than their batches do: addresses, clock rates and
/// temperatures differ. That spread is unknown, the more so the fewer runs there are. At first any
/// order of magnitude is possible; the runs of the baseline then show which spreads fit (Bayes'
/// rule, on a grid). The change is judged for each spread, weighted by its probability. Spreads
/// above 5 % count as less likely the fewer runs there are, so that three runs that agree by luck
/// prove less and a large increase is found early. With ten runs nothing is assumed, and the
/// verdict is that of Student's t. Changes are logarithms internally.
///
/// Cost:   some thousand operations. Fails: `known()` is false if a mean is not positive.
///
///     change_estimate change({1.10e-3, 6e-6}, runs);
///     change.middle();                      // 0.1
///     change.chance_above(0.05);            // 0.998
class change_estimate {
 public:
    change_estimate(const run_mean& now, const std::vector<run_mean>& runs) {
        known_ = now.joules > 0 && !runs.empty();
        for (const run_mean& r : runs) known_ = known_ && r.joules > 0;
        if (!known_) return;
        const auto n = static_cast<double>(runs.size());
        double mean = 0;
        for (const run_mean& r : runs) {
            mean += std::log(r.joules) / n;
            within_ += relative_variance(r) / n;
        }
        double squares = 0;
        for (const run_mean& r : runs) {
            const double off = std::log(r.joules) - mean;
            squares += off * off;
        }
        log_change_ = std::log(now.joules) - mean;
        noisier_ = std::max(0.0, relative_variance(now) - within_);
        weigh(runs.size(), squares);
    }

    [[nodiscard]] bool known() const noexcept { return known_; }
    /// Best estimate, relative to the baseline.
    [[nodiscard]] double middle() const noexcept { return std::expm1(log_change_); }
    /// Chance that the true change is above `share`.
    [[nodiscard]] double chance_above(double share) const noexcept {
        return chance_above_log(std::log1p(share));
    }
    /// The value that the true change is below with that probability.
    [[nodiscard]] double quantile(double chance) const noexcept {
        double low = log_change_ - 8, high = log_change_ + 8;
        for (int i = 0; i < 60; ++i) {
            const double at = (low + high) / 2;
            (chance_above_log(at) > 1 - chance ? low : high) = at;
        }
        return std::expm1((low + high) / 2);
    }
    /// The relative spread between runs: the mean over its distribution, on a logarithmic scale.
    [[nodiscard]] double spread() const noexcept {
        double sum = 0;
        for (const candidate& c : candidates_) sum += c.weight * std::log(c.variance_between) / 2;
        return known_ ? std::exp(sum) : 0;
    }
    /// How many runs a baseline needs to separate this change from no change, or from `ceiling`, if
    /// the spread is as estimated; 0: more than are kept.
    [[nodiscard]] std::size_t runs_to_decide(std::size_t runs, const tolerance& t) const {
        for (std::size_t n = runs + 1; known_ && n <= most_runs; ++n) {
            change_estimate then = *this;
            const double one = spread() * spread() + within_;
            then.weigh(n, one * static_cast<double>(n - 1));
            if (then.is_decided(t)) return n;
        }
        return 0;
    }

    /// The lowest ceiling that an unchanged cost can be shown to be below, with the largest number
    /// of runs.
    [[nodiscard]] double least_ceiling() const {
        change_estimate none = *this;
        none.log_change_ = 0;
        const double one = spread() * spread() + within_;
        none.weigh(most_runs, one * static_cast<double>(most_runs - 1));
        return none.quantile(1 - least_chances::of(most_runs).missed);
    }

    /// Certainly another cost, higher or lower.
    [[nodiscard]] bool is_sure() const noexcept {
        const double chance = chance_above(0), least = least_chances::of(runs_).false_alarm;
        return known_ && std::fabs(middle()) >= tolerance{}.least &&
               (chance < least || 1 - chance < least);
    }
    /// Certainly more than `t` allows.
    [[nodiscard]] bool is_above(const tolerance& t) const noexcept {
        return middle() >= t.least &&
               1 - chance_above(t.allowed) < least_chances::of(runs_).false_alarm;
    }
    /// Certainly less than the ceiling.
    [[nodiscard]] bool is_below(const tolerance& t) const noexcept {
        return chance_above(t.ceiling) < least_chances::of(runs_).missed;
    }
    [[nodiscard]] bool is_decided(const tolerance& t) const noexcept {
        return is_above(t) || is_below(t);
    }

 private:
    struct candidate {
        double variance_between;
        double deviation;  ///< of the change
        double weight;
    };

    static double relative_variance(const run_mean& r) noexcept {
        const double share = r.standard_error / r.joules;
        return share * share;
    }
    static double normal_tail(double z) noexcept { return 0.5 * std::erfc(z / std::sqrt(2.0)); }

    [[nodiscard]] double chance_above_log(double x) const noexcept {
        double sum = 0;
        for (const candidate& c : candidates_)
            sum += c.weight * normal_tail((x - log_change_) / c.deviation);
        return sum;
    }

    // The weight of each spread: its prior probability times the likelihood of the sum of squares
    // of `n` runs around their mean. The prior gives equal weight to each step of the logarithm of
    // the total variance, which includes that of the batches.
    void weigh(std::size_t runs, double squares) {
        runs_ = runs;
        const auto n = static_cast<double>(runs);
        constexpr double least_spread = 0.001, step = 1.3, usual = 0.05;
        const auto missing_runs = static_cast<double>(most_runs - std::min(runs, most_runs));
        candidates_.clear();
        std::vector<double> logs;
        for (double spread = least_spread; spread < 1; spread *= step) {
            const double between = spread * spread, variance = between + within_;
            const double unusual = missing_runs * std::log(std::max(spread / usual, 1.0));
            logs.push_back(std::log(between / variance) - unusual -
                           (n - 1) / 2 * std::log(variance) - squares / (2 * variance));
            candidates_.push_back({between, std::sqrt(variance * (1 + 1 / n) + noisier_), 0});
        }
        const double largest = *std::max_element(logs.begin(), logs.end());
        double sum = 0;
        for (std::size_t i = 0; i < logs.size(); ++i)
            sum += candidates_[i].weight = std::exp(logs[i] - largest);
        for (candidate& c : candidates_) c.weight /= sum;
    }

    std::vector<candidate> candidates_;
    std::size_t runs_ = 0;
    double log_change_ = 0;
    double within_ = 0;   ///< relative variance of a baseline run's mean, from its batches
    double noisier_ = 0;  ///< how much larger that of the new run is
    bool known_ = false;
};

}  // namespace testing

/// JOULERY_CHECK_ENERGY_BASELINE(m, "conv", within(10_percent)): may cost up to 10 % more.
[[nodiscard]] constexpr testing::tolerance within(percentage p) noexcept {
    return {p.share, p.share, p.share};
}

}  // namespace v1
}  // namespace joulery
