// mixture.hpp - joules known only as a sum, and how they are parted among scopes.
// SPDX-License-Identifier: MIT
#pragma once

#include "joulery/detail/attribution/unmixer.hpp"
#include "joulery/detail/timing/path_table.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <memory>
#include <unordered_map>
#include <utility>
#include <vector>

namespace joulery {
inline namespace v1 {
namespace detail {

/// A path's part in a mixture: its time, and what sharing by time gave it so far.
struct mixture_part {
    double seconds = 0;
    std::vector<double> shared;  ///< joules by channel
};

/// What was used inside one container while several of its scopes ran in turn. The sum is known;
/// the parts are shares by time until powers are known better.
using mixture = std::unordered_map<path_record*, mixture_part>;

/// What parting a mixture by power instead of time moves to (or from) a path.
struct correction {
    path_record* path;             ///< null: no scope
    std::vector<double> self;      ///< joules by channel
    std::vector<double> total;     ///< joules by channel, children included
    std::vector<double> variance;  ///< of `total` by channel, J^2, after the correction
};

/// All mixtures of one source since they were last parted, and the regressions that part them.
///
/// Memory: grows with the paths that share a container. Thread: not synchronised; one owner.
class mixtures {
 public:
    explicit mixtures(std::size_t channels)
        : channels_(channels), contended_(std::make_unique<path_record>()), unmixers_(channels) {}

    /// Joules `by_channel` that sharing by time gave `path` (null: no scope) within `container`.
    void add(path_record* container, path_record* path, double seconds,
             const std::vector<double>& by_channel) {
        mixture_part& part = parts_[container][path];
        part.seconds += seconds;
        part.shared.resize(channels_);
        for (std::size_t c = 0; c < channels_; ++c) part.shared[c] += by_channel[c];
        row_seconds_[column_of(path)] += seconds;
        row_joules_.resize(channels_);
        for (std::size_t c = 0; c < channels_; ++c) row_joules_[c] += by_channel[c];
    }

    /// Several threads were busy for `seconds` of the interval: its parts are `contended()`.
    void note_contention(double seconds, double thread_seconds) noexcept {
        row_seconds_[unmixer::base_column] += seconds;
        contended_seconds_ += seconds;
        contended_thread_seconds_ += thread_seconds;
    }
    /// The container of what several threads used at once.
    [[nodiscard]] path_record* contended() noexcept { return contended_.get(); }

    /// Ends an interval: what was added since the last one is a row of the regression. The
    /// variances are those of the channels' joules at its begin and its end.
    void end_interval(const std::vector<double>& at_begin, const std::vector<double>& at_end) {
        std::vector<unmixer::share> row;
        for (std::size_t i = 0; i < unmixer::max_columns; ++i)
            if (row_seconds_[i] > 0) row.push_back({i, row_seconds_[i]});
        if (!row.empty())
            for (std::size_t c = 0; c < channels_; ++c)
                unmixers_[c].add(row, row_joules_[c], at_begin[c], at_end[c]);
        std::fill(std::begin(row_seconds_), std::end(row_seconds_), 0.0);
        row_joules_.assign(channels_, 0.0);
        intervals_ += row.empty() ? 0u : 1u;
        intervals_seen_ += row.empty() ? 0u : 1u;
    }
    /// Intervals since the last `start_anew`.
    [[nodiscard]] std::size_t intervals() const noexcept { return intervals_; }

    /// What parting by power moves, as far as is known by now. Within a container the corrections
    /// cancel, so that its sum stays.
    [[nodiscard]] std::vector<correction> part() const {
        std::vector<correction> all;
        std::vector<unmixed_powers> powers;
        std::vector<double> means;
        for (std::size_t c = 0; c < channels_; ++c) {
            const auto [joules, seconds] = sums(c);
            means.push_back(seconds > 0 ? std::max(joules, 0.0) / seconds : 0);
            powers.push_back(unmixers_[c].solve(means.back()));
        }
        for (const auto& [container, mix] : parts_) {
            const std::vector<family> families = families_of(container, mix);
            for (const family& f : families) all.push_back(blank(f.path));
            correction* into = all.data() + (all.size() - families.size());
            for (std::size_t c = 0; c < channels_; ++c)
                part_one(c, container, mix, families, powers[c], means[c], into);
        }
        return all;
    }
    /// What the regression knows of a path's power, W, as of the last `refresh`; 0: nothing.
    [[nodiscard]] double watts_of(path_record* path, std::size_t c) const {
        const auto at = columns_.find(path);
        if (at == columns_.end() || !knows(c)) return 0;
        return at->second < powers_[c].size() ? powers_[c][at->second] : 0;
    }
    [[nodiscard]] bool knows(std::size_t c) const noexcept { return c < powers_.size(); }
    /// Solves for the powers anew where much has been added since the last time.
    void refresh() {
        if (intervals_seen_ < next_refresh_) return;
        next_refresh_ = intervals_seen_ + std::min<std::size_t>(intervals_seen_ / 2 + 4, 32);
        powers_.resize(channels_);
        for (std::size_t c = 0; c < channels_; ++c) {
            const auto [joules, seconds] = sums(c);
            if (seconds <= 0) continue;
            powers_[c] = unmixers_[c].solve(std::max(joules, 0.0) / seconds).watts;
        }
    }

    /// How much the regression of the channel with the most joules could tell apart, 0..1.
    [[nodiscard]] double gain() const {
        double best = -1, told = 0;
        for (std::size_t c = 0; c < channels_; ++c) {
            const auto [joules, seconds] = sums(c);
            if (joules <= best || seconds <= 0) continue;
            best = joules;
            told = unmixers_[c].solve(joules / seconds).gain;
        }
        return told;
    }

    /// After the corrections were booked: new mixtures, with what was learnt at half its weight.
    void start_anew() {
        parts_.clear();
        intervals_ = 0;
        contended_seconds_ = contended_thread_seconds_ = 0;
        for (unmixer& u : unmixers_) u.fade();
        if (columns_.size() < unmixer::max_columns - 2) return;
        powers_.clear();
        columns_.clear();  // other scopes may be the busy ones by now
        for (unmixer& u : unmixers_) u.clear();
    }

 private:
    // Paths beyond the last column share it.
    std::size_t column_of(path_record* path) {
        const auto at = columns_.find(path);
        if (at != columns_.end()) return at->second;
        const std::size_t next = std::min(columns_.size() + 1, unmixer::max_columns - 1);
        if (columns_.size() < 4096) columns_.emplace(path, next);
        return next;
    }
    [[nodiscard]] std::size_t known_column(path_record* path) const {
        const auto at = columns_.find(path);
        return at != columns_.end() ? at->second : unmixer::max_columns - 1;
    }

    [[nodiscard]] std::pair<double, double> sums(std::size_t c) const {
        double joules = 0, seconds = 0;
        for (const auto& [container, mix] : parts_)
            for (const auto& [path, p] : mix) {
                joules += p.shared[c];
                seconds += p.seconds;
            }
        return {joules, seconds};
    }

    // A path of a container with all its descendants that are in the mixture.
    struct family {
        path_record* path;
        std::vector<path_record*> members;
    };
    static std::vector<family> families_of(path_record* container, const mixture& mix) {
        std::vector<family> all;
        std::unordered_map<path_record*, std::size_t> place;
        const auto enroll = [&](path_record* head, path_record* member) {
            const auto [at, made] = place.emplace(head, all.size());
            if (made) all.push_back({head, {}});
            all[at->second].members.push_back(member);
        };
        for (const auto& [path, part] : mix) {
            if (path == nullptr) enroll(nullptr, nullptr);
            for (path_record* up = path; up != nullptr && up != container; up = up->parent)
                enroll(up, path);
            if (path != nullptr && path == container) enroll(path, path);
        }
        return all;
    }

    [[nodiscard]] correction blank(path_record* path) const {
        const std::vector<double> zeros(channels_);
        return {path, zeros, zeros, zeros};
    }

    void part_one(std::size_t c, path_record* container, const mixture& mix,
                  const std::vector<family>& families, const unmixed_powers& powers, double mean,
                  correction* into) const {
        const std::size_t n = powers.watts.size();
        // What the machine draws whatever runs is shared by time among the threads.
        const bool several =
            container == contended_.get() && contended_thread_seconds_ > 0 && n > 0;
        const double base = several ? powers.watts[unmixer::base_column] * contended_seconds_ /
                                          contended_thread_seconds_
                                    : 0;
        const auto watts = [&](path_record* p) {
            const std::size_t column = known_column(p);
            return base + (column < n ? powers.watts[column] : mean);
        };
        double sum = 0, weights = 0;
        std::vector<double> seconds(n);
        for (const auto& [path, p] : mix) {
            sum += p.shared[c];
            weights += watts(path) * p.seconds;
            if (const std::size_t column = known_column(path); column < n)
                seconds[column] += p.seconds;
        }
        if (weights <= 0) return;
        for (const family& f : families) {
            double share = 0, shared = 0;
            std::vector<double> slope(n);
            for (path_record* member : f.members) {
                const mixture_part& p = mix.at(member);
                share += watts(member) * p.seconds / weights;
                shared += p.shared[c];
                if (const std::size_t column = known_column(member); column < n)
                    slope[column] += p.seconds;
                if (member == f.path)
                    into->self[c] = sum * watts(member) * p.seconds / weights - p.shared[c];
            }
            for (std::size_t j = 0; j < n; ++j) slope[j] -= share * seconds[j];
            if (f.path != container || container == nullptr) {  // a container keeps its sum
                into->total[c] = sum * share - shared;
                into->variance[c] =
                    quadratic(powers.covariance, slope) * (sum / weights) * (sum / weights);
            }
            ++into;
        }
    }

    // d(share) = sum over columns j of slope_j dP_j / weights.
    [[nodiscard]] static double quadratic(const square_matrix& covariance,
                                          const std::vector<double>& slope) {
        double sum = 0;
        for (std::size_t a = 0; a < slope.size(); ++a)
            for (std::size_t b = 0; b < slope.size(); ++b)
                sum += slope[a] * covariance(a, b) * slope[b];
        return std::max(sum, 0.0);
    }

    std::size_t channels_;
    std::unique_ptr<path_record> contended_;
    double contended_seconds_ = 0;
    double contended_thread_seconds_ = 0;
    std::vector<unmixer> unmixers_;
    std::unordered_map<path_record*, mixture> parts_;  ///< by container
    std::unordered_map<path_record*, std::size_t> columns_;
    double row_seconds_[unmixer::max_columns] = {};
    std::vector<double> row_joules_;
    std::size_t intervals_ = 0;
    std::size_t intervals_seen_ = 0, next_refresh_ = 4;
    std::vector<std::vector<double>> powers_;  ///< by channel and column
};

}  // namespace detail
}  // namespace v1
}  // namespace joulery
