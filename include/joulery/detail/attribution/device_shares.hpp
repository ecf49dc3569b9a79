// device_shares.hpp - parts what a device used between its work and its idling.
// SPDX-License-Identifier: MIT
#pragma once

#include "joulery/detail/attribution/unmixer.hpp"
#include "joulery/detail/timing/path_table.hpp"
#include "joulery/detail/timing/thread_context.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <unordered_map>
#include <vector>

namespace joulery {
inline namespace v1 {
namespace detail {

/// The powers of one device's work, and of the device at rest, on the channels of one source.
/// Between two samples the sum is known; it is parted by what the intervals so far tell of the
/// powers, before anybody is billed: what the work did not use is left to the threads' scopes.
///
/// Thread: not synchronised; belongs to the holder of the source's `accounts`.
class device_shares {
 public:
    explicit device_shares(std::size_t channels)
        : idle_joules_(channels), seen_joules_(channels), unmixers_(channels), doubts_(channels) {}

    [[nodiscard]] double idle_joules(std::size_t c) const noexcept { return idle_joules_[c]; }
    [[nodiscard]] double idle_ticks() const noexcept { return idle_ticks_; }

    /// Parts the uncertain claims since the last settling. The variances are those of the channels'
    /// joules at its begin and its end, J^2; `note(path, channel, variance)` gets what they leave
    /// in doubt.
    template <class Note>
    void part(tree_mark& m, double tick_seconds, const std::vector<double>& at_begin,
              const std::vector<double>& at_end, Note note) {
        row_.assign(unmixer::max_columns, 0.0);
        m.for_claims([&](const path_claim& k) {
            if (!k.certain) row_[column_of(k.path)] += k.ticks * tick_seconds;
        });
        double seconds = 0;
        for (const double s : row_) seconds += s;
        if (seconds > 0) {
            seen_seconds_ += seconds;
            for (std::size_t c = 0; c < idle_joules_.size(); ++c)
                part_channel(m, c, tick_seconds, at_begin[c], at_end[c], note);
        }
        m.for_claims([&](const path_claim& k) {
            if (k.path != nullptr) return;
            idle_ticks_ += k.ticks;
            for (std::size_t c = 0; c < idle_joules_.size(); ++c) idle_joules_[c] += k.joules[c];
        });
    }

 private:
    // The first column is nobody's base; paths beyond the last one share it.
    std::size_t column_of(const path_record* path) {
        const std::size_t next = std::min(columns_.size() + 1, unmixer::max_columns - 1);
        return columns_.emplace(path, next).first->second;
    }

    template <class Note>
    void part_channel(tree_mark& m, std::size_t c, double tick_seconds, double at_begin,
                      double at_end, Note note) {
        double joules = 0;
        m.for_claims([&](const path_claim& k) { joules += k.certain ? 0 : k.joules[c]; });
        if (joules <= 0) return;
        seen_joules_[c] += joules;
        std::vector<unmixer::share> row;
        for (std::size_t i = 0; i < row_.size(); ++i)
            if (row_[i] > 0) row.push_back({i, row_[i]});
        unmixers_[c].add(row, joules, at_begin, at_end);
        if (row.size() < 2) return;
        const unmixed_powers p = unmixers_[c].solve(seen_joules_[c] / seen_seconds_);
        double sum = 0;
        for (const unmixer::share& s : row) sum += p.watts[s.column] * s.seconds;
        if (sum <= 0) return;
        m.for_claims([&](path_claim& k) {
            if (k.certain) return;
            const std::size_t column = column_of(k.path);
            const double own = k.ticks * tick_seconds;
            const double share = p.watts[column] * own / sum;
            k.joules[c] = joules * share;
            if (k.path == nullptr) return;
            // A power that is off is off in every interval: deviations add up, not variances. What
            // one power is over, the others are under.
            double off = 0;
            for (const unmixer::share& o : row) {
                const bool self = o.column == column;
                off += (self ? own * (1 - share) : o.seconds * share) *
                       std::sqrt(std::max(p.covariance(o.column, o.column), 0.0));
            }
            off *= joules / sum;
            double& doubt = doubts_[c][k.path];
            note(k.path, c, off * (off + 2 * doubt));
            doubt += off;
        });
    }

    std::vector<double> idle_joules_;
    double idle_ticks_ = 0;
    std::vector<double> seen_joules_;
    double seen_seconds_ = 0;
    std::vector<unmixer> unmixers_;
    std::vector<double> row_;  ///< seconds by column, of the interval being parted
    std::unordered_map<const path_record*, std::size_t> columns_;
    std::vector<std::unordered_map<const path_record*, double>> doubts_;  ///< J, by channel
};

}  // namespace detail
}  // namespace v1
}  // namespace joulery
