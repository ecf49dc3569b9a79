// histogram.hpp - counts values on a logarithmic scale, in little memory.
// SPDX-License-Identifier: MIT
#pragma once

#include "joulery/detail/core/finite.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace joulery {
inline namespace v1 {

/// Counts values in bins 3 % wide, so a percentile is accurate to 1.6 %. Histograms of threads,
/// intervals, runs and machines can be added, and an earlier state can be subtracted.
///
/// Units:  the caller's, in steps of 1e-9: nanoseconds for seconds, nanojoules for joules. Values
///         below 64e-9 are accurate to half a step; not-a-number is not counted.
/// Thread: not synchronized. Memory: the bins between the smallest and the largest value, at most
///         15 KB; none without values.
/// Fails:  `add` and `merge` throw if there is no memory, and then change nothing.
///
///     joulery::histogram per_token;
///     per_token.add(u.energy.joules() / tokens);
///     std::cout << to_text(energy::from_joules(per_token.percentile(99)));
struct histogram {
    std::uint32_t first = 0;            ///< number of the first bin
    std::vector<std::uint64_t> counts;  ///< of the bins from there on

    void add(double value, std::uint64_t times = 1) {
        if (is_nan(value) || value < 0 || times == 0) return;
        const double steps = value * 1e9;
        count_in(steps < most ? bin_of(static_cast<std::uint64_t>(steps + 0.5)) : last_bin, times);
    }

    void merge(const histogram& other) {
        if (other.counts.empty()) return;
        reserve(other.first);
        reserve(other.first + other.counts.size() - 1);
        for (std::size_t i = 0; i < other.counts.size(); ++i)
            counts[place_of(other.first + i)] += other.counts[i];
    }

    /// Subtracts an earlier state of this histogram. Bins never go below 0.
    void subtract(const histogram& earlier) noexcept {
        for (std::size_t i = 0; i < earlier.counts.size(); ++i) {
            const std::size_t bin = std::min<std::size_t>(earlier.first + i, last_bin);
            if (bin < first || bin - first >= counts.size()) continue;
            std::uint64_t& here = counts[bin - first];
            here -= std::min(here, earlier.counts[i]);
        }
    }

    [[nodiscard]] std::uint64_t count() const noexcept {
        std::uint64_t sum = 0;
        for (const std::uint64_t c : counts) sum += c;
        return sum;
    }

    /// The value that `percent` % of the values don't exceed; 0 without values.
    [[nodiscard]] double percentile(double percent) const noexcept {
        return values_at<1>({percent})[0];
    }
    /// The same for several, in rising order.
    template <std::size_t N>
    [[nodiscard]] std::array<double, N> values_at(
        const std::array<double, N>& percents) const noexcept {
        const auto all = static_cast<double>(count());
        std::array<double, N> values{};
        double seen = 0;
        std::size_t found = 0;
        for (std::size_t i = 0; i < counts.size() && found < N; ++i) {
            seen += static_cast<double>(counts[i]);
            if (counts[i] == 0) continue;
            while (found < N && seen >= std::max(std::ceil(all * percents[found] / 100), 1.0))
                values[found++] = middle_of(first + i);
        }
        return values;
    }
    [[nodiscard]] double largest() const noexcept {
        for (std::size_t i = counts.size(); i-- > 0;)
            if (counts[i] > 0) return middle_of(first + i);
        return 0;
    }

    friend bool operator==(const histogram& a, const histogram& b) {
        return a.first == b.first && a.counts == b.counts;
    }

 private:
    static constexpr double most = 9.2e18;
    static constexpr std::size_t last_bin = 1887;  ///< of 2^63 - 1

    // 32 bins to each doubling.
    static std::size_t bin_of(std::uint64_t steps) noexcept {
        if (steps < 64) return static_cast<std::size_t>(steps);
        std::size_t shift = 0;
        for (std::uint64_t v = steps; v >= 64; v >>= 1) ++shift;
        return shift * 32 + static_cast<std::size_t>(steps >> shift);
    }
    static double middle_of(std::size_t bin) noexcept {
        bin = std::min(bin, last_bin);
        if (bin < 64) return static_cast<double>(bin) * 1e-9;
        const double mantissa = static_cast<double>(bin % 32 + 32) + 0.5;
        const std::uint64_t steps_a_bin = std::uint64_t{1} << (bin / 32 - 1);
        return (mantissa * static_cast<double>(steps_a_bin) - 0.5) * 1e-9;
    }

    void count_in(std::size_t bin, std::uint64_t times) {
        reserve(bin);
        counts[place_of(bin)] += times;
    }
    [[nodiscard]] std::size_t place_of(std::size_t bin) const noexcept {
        return std::min(bin, last_bin) - first;
    }
    void reserve(std::size_t bin) {
        bin = std::min(bin, last_bin);
        if (counts.empty()) {
            counts.resize(1);
            first = static_cast<std::uint32_t>(bin);
        } else if (bin < first) {
            counts.insert(counts.begin(), first - bin, 0);
            first = static_cast<std::uint32_t>(bin);
        } else if (bin - first >= counts.size()) {
            counts.resize(bin - first + 1);
        }
    }
};

}  // namespace v1
}  // namespace joulery
