// overlap.hpp - how much of a stretch at least one of several threads spent in a scope.
// SPDX-License-Identifier: MIT
#pragma once

#include <algorithm>
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
        return std::clamp(product * seen_ / expected_, std::max(1 - sum, 0.0), 1 - most);
    }

    /// After a look at an instant that no scope chose: whether all were idle, and the busy parts of
    /// the stretch before it.
    void learn(bool all_idle, const std::vector<double>& busy) noexcept {
        const double expected = if_independent(busy);
        if (expected <= 0 || expected >= 1) return;
        seen_ += all_idle ? 1 : 0;
        expected_ += expected;
    }

 private:
    static double if_independent(const std::vector<double>& busy) noexcept {
        double product = 1;
        for (const double b : busy) product *= 1 - std::min(b, 1.0);
        return product;
    }
    // So many idle looks are taken for independent before the first.
    static constexpr double before_the_first = 10;
    double seen_ = before_the_first;
    double expected_ = before_the_first;
};

}  // namespace detail
}  // namespace v1
}  // namespace joulery
