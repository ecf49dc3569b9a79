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

/// Estimates the part of a stretch in which nobody was busy, from each one's busy part.
///
/// One thread's idle part is exact. Of several only the parts are known, not when they were: where
/// they have nothing to do with one another, the product of their idle parts is the part in which
/// all were idle. Whether they do is learnt from looks at chosen instants, at which it is plain
/// whether anybody was busy.
///
///     overlap both;
///     double nobody = both.idle_part({0.5, 0.5});   // 0.25
///     both.learn(true, {0.5, 0.5});                 // at the last look nobody was busy
class overlap {
 public:
    /// `busy`: each one's busy part, 0 to 1.
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
        // Nobody is busy at most while the busiest is not, and at least for what all leave.
        return std::clamp(product * ratio(), std::max(1 - sum, 0.0), 1 - most);
    }

    /// What one thread has of the time in which it is busy, where it shares each moment evenly with
    /// whoever else is busy then: the mean, by thread, and its deviation from moment to moment as a
    /// share of it. If threads have nothing to do with one another, this times their busy parts
    /// adds up to the part in which anybody is busy.
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
    /// the stretch before it. `weight`: 1, less where it follows another one closely.
    void learn(bool all_idle, const std::vector<double>& busy, double weight = 1) noexcept {
        const double expected = if_independent(busy);
        if (expected <= 0 || expected >= 1) return;
        seen_ += all_idle ? weight : 0;
        expected_ += weight * expected;
        variance_ += weight * expected * (1 - expected);
    }

    /// The ratio of something seen to what was expected, drawn to 1 where chance may be all: by as
    /// much as the ratio's variance is of its squared distance.
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
    // Gauss and Legendre's: exact for up to 16 threads.
    static constexpr double nodes[] = {0.1834346424956498, 0.5255324099163290, 0.7966664774136267,
                                       0.9602898564975363};
    static constexpr double weights[] = {0.3626837833783620, 0.3137066458778873, 0.2223810344533745,
                                         0.1012285362903763};
    [[nodiscard]] double ratio() const noexcept {
        if (!(expected_ > 0)) return 1;
        return believed(seen_ / expected_, 4 * (variance_ + 1) / (expected_ * expected_));
    }
    double seen_ = 0, expected_ = 0, variance_ = 0;  ///< looks at which all were idle
};

}  // namespace detail
}  // namespace v1
}  // namespace joulery
