// steadiness.hpp - whether samples taken one after the other are of one level.
// SPDX-License-Identifier: MIT
#pragma once

#include "joulery/assertions/statistics.hpp"

#include <cmath>
#include <cstddef>
#include <vector>

namespace joulery {
inline namespace v1 {
namespace testing {

/// What a series of batches shows besides its mean: a change of level in its course (a throttling
/// processor, a neighbour that came), and single batches far off.
///
///     steadiness s = judge_steadiness({1.00, 1.01, 0.99, 1.00, 1.20, 1.21, 1.19, 1.20});
///     // s.steady == false, s.change_at == 4, s.change == 0.2
struct steadiness {
    bool steady = true;
    std::size_t change_at = 0;  ///< first sample of the new level
    double change = 0;          ///< of the level, as a share of the level before
    std::size_t outliers = 0;
};

/// Fewer samples than this on a side make no level.
inline constexpr std::size_t smallest_level = 3;
/// A smaller change than this share is not worth a word.
inline constexpr double smallest_change = 0.02;

namespace detail {

/// Chance that two parts of one level differ as much. Both have one spread, pooled: that of three
/// samples alone is too often near nothing by luck.
[[nodiscard]] inline double chance_of_one_level(const std::vector<double>& a,
                                                const std::vector<double>& b) {
    const auto n = static_cast<double>(a.size()), m = static_cast<double>(b.size());
    const double apart = std::fabs(mean(a) - mean(b));
    const double spread = (variance(a) * (n - 1) + variance(b) * (m - 1)) / (n + m - 2);
    if (!(spread > 0)) return apart > 0 ? 0 : 1;
    return 2 * student_t_tail(apart / std::sqrt(spread * (1 / n + 1 / m)), n + m - 2);
}

/// The split that is the least credible by chance, if it is incredible even as the best of so many.
inline void find_change(const std::vector<double>& x, steadiness& s) {
    if (x.size() < 2 * smallest_level) return;
    double least = 0.001 / static_cast<double>(x.size() - 2 * smallest_level + 1);
    double largest = 0;
    for (std::size_t k = smallest_level; k + smallest_level <= x.size(); ++k) {
        const auto cut = x.begin() + static_cast<std::ptrdiff_t>(k);
        const std::vector<double> before(x.begin(), cut), after(cut, x.end());
        const double level = mean(before);
        const double change = level != 0 ? (mean(after) - level) / std::fabs(level) : 0;
        const double chance = chance_of_one_level(before, after);
        const bool likelier = chance < least || (chance == least && std::fabs(change) > largest);
        if (std::fabs(change) < smallest_change || !likelier) continue;
        least = chance;
        largest = std::fabs(change);
        s.steady = false;
        s.change_at = k;
        s.change = change;
    }
}

}  // namespace detail

/// Cost: quadratic in the number of samples, which are some ten to a hundred.
[[nodiscard]] inline steadiness judge_steadiness(const std::vector<double>& x) {
    steadiness s;
    detail::find_change(x, s);
    if (!s.steady || x.size() < 5) return s;
    const double middle = median(x);
    const double far = std::fmax(5 * robust_deviation(x), smallest_change * std::fabs(middle));
    for (const double v : x)
        if (std::fabs(v - middle) > far) ++s.outliers;
    return s;
}

}  // namespace testing
}  // namespace v1
}  // namespace joulery
