// overlap.hpp - how much of a stretch at least one of several threads spent in a scope.
// SPDX-License-Identifier: MIT
#pragma once

#include "joulery/detail/core/list.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <vector>

namespace joulery {
inline namespace v1 {
namespace detail {

/// Estimates the part of a stretch in which nobody was busy, from each thread's busy part.
///
/// For one thread the idle part is exact. For several, only the parts are known and not when they
/// were. If the threads are independent, all of them were idle for the product of their idle parts.
/// Whether they are independent is learned from looks at chosen instants, which show whether
/// anybody was busy.
///
///     overlap both;
///     double nobody = both.idle_part({0.5, 0.5});   // 0.25
///     both.learn(true, {0.5, 0.5});                 // at the last look nobody was busy
class overlap {
 public:
    /// Threads count as independent unless looks contradict it beyond chance; or, with
    /// `idle_looks`, as if they had been seen idle that often in as many looks as that takes.
    explicit overlap(double idle_looks = 0) : idle_looks_(idle_looks) {}

    /// `busy`: the busy part of each thread, 0 to 1.
    [[nodiscard]] double idle_part(const std::vector<double>& busy) const noexcept {
        double most = 0, sum = 0;
        std::size_t some = 0;
        for (const double b : busy) {
            const double part = std::min(b, 1.0);
            most = std::max(most, part);
            sum += part;
            some += part > 0 ? 1u : 0u;
        }
        const double product = if_independent(busy);
        if (some < 2) return product;
        // At most the idle part of the busiest, and at least what the sum of all leaves.
        return std::clamp(product * ratio(), std::max(1 - sum, 0.0), 1 - most);
    }

    /// What one thread gets of its busy time if it shares each moment evenly with the other busy
    /// threads: the mean, by thread, and its deviation between moments as a share of it. For
    /// independent threads, this times their busy parts adds up to the part in which anybody is
    /// busy.
    struct turn {
        double mean = 1, deviation = 0;
    };
    static void turns(const std::vector<double>& busy, list<turn>& out) {
        out.assign(busy.size(), turn());
        if (busy.size() < 2) return;
        double expected = 0, variance = 0;
        for (turn& t : out) t.mean = 0;
        for (const double b : busy) {
            const double part = std::min(b, 1.0);
            expected += part;
            variance += part * (1 - part);
        }
        // The mean of 1 / (1 + others) is the integral of the product of (1 - b + b x).
        for (std::size_t k = 0; k < 8; ++k) {
            const double x = k < 4 ? 0.5 - nodes[k] / 2 : 0.5 + nodes[k - 4] / 2;
            double product = weights[k % 4] / 2;
            for (const double b : busy) product *= 1 - std::min(b, 1.0) * (1 - x);
            for (std::size_t i = 0; i < busy.size(); ++i)
                out[i].mean += product / (1 - std::min(busy[i], 1.0) * (1 - x));
        }
        for (std::size_t i = 0; i < busy.size(); ++i) {
            const double own = std::min(busy[i], 1.0);
            const double others = std::max(variance - own * (1 - own), 0.0);
            out[i].deviation = std::sqrt(others) / (1 + std::max(expected - own, 0.0));
        }
    }

    /// After a look at an instant that no scope chose: whether all were idle, and the busy parts of
    /// the stretch before it. `weight`: 1, or less if it follows another one closely.
    void learn(bool all_idle, const std::vector<double>& busy, double weight = 1) noexcept {
        const double expected = if_independent(busy);
        if (expected <= 0 || expected >= 1) return;
        seen_ += all_idle ? weight : 0;
        expected_ += weight * expected;
        variance_ += weight * expected * (1 - expected);
    }

    /// The ratio of an observation to its expectation, shrunk towards 1 if it may be chance: by the
    /// ratio of its variance to its squared distance from 1.
    [[nodiscard]] static double believed(double ratio, double variance) noexcept {
        const double off = ratio - 1;
        return off * off > variance ? 1 + off * (1 - variance / (off * off)) : 1;
    }

 private:
    static double if_independent(const std::vector<double>& busy) noexcept {
        double product = 1;
        for (const double b : busy) product *= 1 - std::min(b, 1.0);
        return product;
    }
    // Gauss-Legendre quadrature: exact for up to 16 threads.
    static constexpr double nodes[] = {0.1834346424956498, 0.5255324099163290, 0.7966664774136267,
                                       0.9602898564975363};
    static constexpr double weights[] = {0.3626837833783620, 0.3137066458778873, 0.2223810344533745,
                                         0.1012285362903763};
    [[nodiscard]] double ratio() const noexcept {
        if (!(expected_ > 0)) return 1;
        if (idle_looks_ > 0) return (seen_ + idle_looks_) / (expected_ + idle_looks_);
        return believed(seen_ / expected_, 4 * (variance_ + 1) / (expected_ * expected_));
    }
    double idle_looks_;
    double seen_ = 0, expected_ = 0, variance_ = 0;  ///< looks at which all were idle
};

}  // namespace detail
}  // namespace v1
}  // namespace joulery
