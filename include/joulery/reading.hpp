// reading.hpp - the state of a meter at one moment, and what lies between two.
// SPDX-License-Identifier: MIT
#pragma once

#include "joulery/quality.hpp"
#include "joulery/units.hpp"

#include <algorithm>
#include <cstddef>
#include <utility>
#include <vector>

namespace joulery {
inline namespace v1 {

/// What a meter counted between two readings.
class reading_difference {
 public:
    reading_difference(std::vector<energy> by_channel, std::vector<bool> summed, seconds time,
                       quality provenance)
        : by_channel_(std::move(by_channel)),
          summed_(std::move(summed)),
          time_(time),
          provenance_(provenance) {}

    /// Sum over the channels that are roots of the domain tree.
    [[nodiscard]] energy total() const noexcept {
        energy sum;
        for (std::size_t i = 0; i < by_channel_.size(); ++i)
            if (summed_[i]) sum += by_channel_[i];
        return sum;
    }
    /// Joules of each channel, in the order of the meter's channels.
    [[nodiscard]] const std::vector<energy>& by_channel() const noexcept { return by_channel_; }
    [[nodiscard]] seconds time() const noexcept { return time_; }
    /// Total over time; 0 W where no time passed.
    [[nodiscard]] power mean_power() const noexcept {
        return time_.count() > 0 ? total() / time_ : power{};
    }
    [[nodiscard]] quality provenance() const noexcept { return provenance_; }

 private:
    std::vector<energy> by_channel_;
    std::vector<bool> summed_;
    seconds time_;
    quality provenance_;
};

/// The state of a meter's channels at one moment: a point, of which only differences mean
/// something.
///
///     reading a = m.read();
///     work();
///     energy e = (m.read() - a).total();
class reading {
 public:
    reading() = default;
    reading(std::vector<double> joules, std::vector<bool> summed, double at_seconds,
            quality provenance)
        : joules_(std::move(joules)),
          summed_(std::move(summed)),
          at_seconds_(at_seconds),
          provenance_(provenance) {}

    /// Readings of different meters differ by nothing: the channels both have are compared in
    /// order.
    friend reading_difference operator-(const reading& later, const reading& earlier) {
        const std::size_t n = std::min(later.joules_.size(), earlier.joules_.size());
        std::vector<energy> by_channel(n);
        for (std::size_t i = 0; i < n; ++i)
            by_channel[i] = energy::from_joules(later.joules_[i] - earlier.joules_[i]);
        return {std::move(by_channel),
                std::vector<bool>(later.summed_.begin(),
                                  later.summed_.begin() + static_cast<std::ptrdiff_t>(n)),
                seconds(later.at_seconds_ - earlier.at_seconds_),
                worse_of(later.provenance_, earlier.provenance_)};
    }

 private:
    std::vector<double> joules_;
    std::vector<bool> summed_;
    double at_seconds_ = 0;
    quality provenance_ = quality::measured;
};

}  // namespace v1
}  // namespace joulery
