// published_energies.hpp - energies that were shown: they never fall, and old ones become final.
// SPDX-License-Identifier: MIT
#pragma once

#include "joulery/detail/attribution/disaggregation.hpp"
#include "joulery/detail/core/list.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <utility>
#include <vector>

namespace joulery {
inline namespace v1 {
namespace detail {

/// The energy of each path of a channel, by index + 1 (0: outside all scopes): blocks of rows that
/// are final, and the figures published last.
///
/// Units: J. Thread: not synchronized; one owner. Cost: some arithmetic per path.
class published_energies {
 public:
    /// Adds the energy of earlier blocks to that of the rows since then.
    void add_committed(list<path_energy>& now) {
        for (std::size_t p = 0; p < std::min(now.size(), committed_.size()); ++p) {
            const path_energy& before = committed_[p];
            now[p].self += before.self;
            now[p].total += before.total;
            now[p].known += before.known;
            // Powers that were wrong then are wrong now: deviations add up, not variances.
            const double deviation = std::sqrt(now[p].variance) + before.variance;
            now[p].variance = deviation * deviation;
        }
    }
    /// Makes a block final: later rows correct only later rows.
    void commit(const list<path_energy>& block) {
        if (committed_.size() < block.size()) committed_.resize(block.size());
        for (std::size_t p = 0; p < block.size(); ++p) {
            committed_[p].self += block[p].self;
            committed_[p].total += block[p].total;
            committed_[p].known += block[p].known;
            committed_[p].variance += std::sqrt(block[p].variance);  // kept as a deviation
        }
    }

    /// Published energy does not fall: the excess of a path is taken from what the others have
    /// gained since. `inclusive`: paths have the same energy, and nothing is taken from others.
    /// `parent_of(row)`: its parent's row; 0: none.
    template <class ParentOf>
    void keep_monotone(list<path_energy>& now, bool inclusive, ParentOf parent_of) {
        published_.resize(now.size(), 0.0);
        double gained = 0, risen = 0;
        for (std::size_t p = 0; p < now.size(); ++p) {
            gained += now[p].self - published_[p];
            risen += std::max(now[p].self - published_[p], 0.0);
        }
        const double kept = inclusive || risen <= 0 ? 1.0 : std::max(gained, 0.0) / risen;
        totals_.assign(now.size(), 0.0);
        for (std::size_t p = now.size(); p-- > 0;) {  // children before parents
            published_[p] += std::max(now[p].self - published_[p], 0.0) * kept;
            now[p].self = published_[p];
            totals_[p] += now[p].self;
            const double moved = totals_[p] - now[p].total;
            now[p].total = totals_[p];
            now[p].variance += moved * moved;
            if (const std::size_t up = parent_of(p); up != 0) totals_[up] += totals_[p];
        }
    }

    /// Energy without children, as last published.
    [[nodiscard]] double self(std::size_t row) const noexcept {
        return row < published_.size() ? published_[row] : 0;
    }
    /// Energy with children, as last published.
    [[nodiscard]] double total(std::size_t row) const noexcept {
        return row < totals_.size() ? totals_[row] : 0;
    }

 private:
    list<path_energy> committed_;  ///< `variance` is a deviation here
    std::vector<double> published_, totals_;
};

}  // namespace detail
}  // namespace v1
}  // namespace joulery
