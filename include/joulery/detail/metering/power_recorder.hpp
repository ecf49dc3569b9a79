// power_recorder.hpp - power over time in bounded memory, however long the run.
// SPDX-License-Identifier: MIT
//
// Energy and the time it was counted over are kept in equal steps on a grid that begins with the
// run. When there are too many steps, neighboring steps are joined and all become twice as long.
// Step lengths are the finest one times a power of two, so that the series of several backends,
// each sampled at its own moments, fit one grid.
#pragma once

#include "joulery/detail/core/finite.hpp"
#include "joulery/detail/core/list.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <vector>

namespace joulery {
inline namespace v1 {
namespace detail {

/// The power of one backend's channels over time.
///
/// Units:  seconds since the start of the run, joules since any start, watts.
/// Thread: not synchronized; guarded by the backend's `state_mutex`.
/// Cost:   a record adds to the steps since the previous one, usually one or two; memory is
///         `capacity` numbers per channel, constant over a month.
/// Fails:  never; a record that comes sooner than half a sample after the last one is merged with
///         the next, because the counter's update would look like a power peak.
///
///     power_recorder r(1, 0.1, 0.0);             // one channel, sampled every 100 ms
///     r.record(0.1, {5.0});                      // 50 W
///     r.watts(0, r.level(), r.step_count());     // {50, 50}: two steps of 80 ms
class power_recorder {
 public:
    static constexpr double finest_step = 0.01;     ///< seconds
    static constexpr std::size_t capacity = 1'024;  ///< steps

    power_recorder(std::size_t channels, double period, double at)
        : at_(at),
          shortest_(std::max(finest_step, period) / 2),
          last_(channels, 0.0),
          latest_(channels, not_a_number()),
          joules_(channels) {
        while (step_of(level_ + 1) <= period && level_ < 20) ++level_;
    }

    /// Records the backend's joules by channel at `at`.
    void record(double at, const std::vector<double>& joules) {
        const double length = at - at_;
        if (!is_finite(length) || length < shortest_ || length >= longest) return;
        while (at >= step_of(level_) * static_cast<double>(capacity)) join_neighbors();
        const double step = step_of(level_);
        const auto end = static_cast<std::size_t>(at / step);
        grow(end + 1);
        for (auto i = static_cast<std::size_t>(at_ / step); i <= end; ++i) {
            const double from = std::max(at_, static_cast<double>(i) * step);
            const double covered = std::min(at, static_cast<double>(i + 1) * step) - from;
            if (covered <= 0) continue;
            covered_[i] += covered;
            for (std::size_t c = 0; c < joules_.size(); ++c)
                joules_[c][i] += (joules[c] - last_[c]) * (covered / length);
        }
        for (std::size_t c = 0; c < joules_.size(); ++c) {
            latest_[c] = (joules[c] - last_[c]) / length;
            last_[c] = joules[c];
        }
        at_ = at;
    }

    /// Power between the last two records; not-a-number before there are two.
    [[nodiscard]] double latest_watts(std::size_t channel) const noexcept {
        return latest_[channel];
    }
    /// The time of the last record.
    [[nodiscard]] double end() const noexcept { return at_; }
    /// Length of a step: the finest one, doubled this many times.
    [[nodiscard]] int level() const noexcept { return level_; }
    [[nodiscard]] static double step_of(int level) noexcept {
        return std::ldexp(finest_step, level);
    }
    [[nodiscard]] std::size_t step_count() const noexcept { return covered_.size(); }

    /// Mean power of a channel in each of `count` steps of that level; not-a-number for steps in
    /// which nothing was measured.
    [[nodiscard]] std::vector<double> watts(std::size_t channel, int level,
                                            std::size_t count) const {
        std::vector<double> out;
        out.reserve(count);
        for (std::size_t i = 0; i < count; ++i) out.push_back(mean(channel, level, i));
        return out;
    }

 private:
    [[nodiscard]] double mean(std::size_t channel, int level, std::size_t i) const {
        const int finer = level - level_;
        const std::size_t first = finer > 0 ? i << finer : i >> -finer;
        const std::size_t end = finer > 0 ? (i + 1) << finer : first + 1;
        double joules = 0, covered = 0;
        for (std::size_t k = first; k < std::min(end, covered_.size()); ++k) {
            joules += joules_[channel][k];
            covered += covered_[k];
        }
        if (covered > 0) return joules / covered;
        return not_a_number();
    }

    void join_neighbors() {
        join(covered_);
        for (auto& of_channel : joules_) join(of_channel);
        ++level_;
    }
    static void join(std::vector<double>& steps) {
        for (std::size_t i = 0; i < steps.size(); i += 2)
            steps[i / 2] = steps[i] + (i + 1 < steps.size() ? steps[i + 1] : 0.0);
        steps.resize((steps.size() + 1) / 2);
    }
    void grow(std::size_t count) {
        if (count <= covered_.size()) return;
        for (auto& of_channel : joules_) of_channel.resize(count);
        covered_.resize(count);  // last, since it may fail
    }

    static constexpr double longest = 1e9;  ///< seconds; larger times are errors

    double at_;
    double shortest_;  ///< between two records, seconds
    int level_ = 0;
    std::vector<double> last_;                 ///< joules at the last record, by channel
    std::vector<double> latest_;               ///< watts up to the last record
    std::vector<double> covered_;              ///< measured seconds, by step
    std::vector<std::vector<double>> joules_;  ///< by channel and step
};

}  // namespace detail
}  // namespace v1
}  // namespace joulery
