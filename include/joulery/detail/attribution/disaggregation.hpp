// disaggregation.hpp - one channel's energy, split among the paths that were open.
// SPDX-License-Identifier: MIT
//
// A row is the energy between two readings. It is shared by time first, and then corrected by what
// is known of the powers:
//
//     energy of p = sum over rows of  share(p) * (joules - sum over q of power(q) * time(q))
//                                   + power(p) * time(p)
//
// Rows are not kept: the sums S(p) of share * joules, X(p) of time(p) and H(p, q) of
// share(p) * time(q) are all that is needed, so that powers which are known better later on correct
// what was measured before. The parts of a row always add up to its energy, whatever the powers; a
// path that was alone in its rows has all their energy, whatever the powers; and where no power is
// known, all are equal and energy is shared by time.
#pragma once

#include "joulery/detail/attribution/pending_row.hpp"
#include "joulery/detail/attribution/power_regression.hpp"
#include "joulery/detail/core/list.hpp"
#include "joulery/detail/timing/path_table.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

namespace joulery {
inline namespace v1 {
namespace detail {

/// How a path's part in moments that several threads share differs from what its share of rows
/// says.
struct taken_turns {
    double ratio = 1;
    double deviation = 0;  ///< of the ratio, as a multiple of `row_member::share_deviation`
    double error = 0;      ///< of the ratio, besides
};

/// Every path has of shared moments what its share of rows says.
struct as_shared {
    taken_turns operator()(std::size_t) const noexcept { return {}; }
};

/// What a path has of a channel.
struct path_energy {
    double self = 0;      ///< J, outside its children
    double total = 0;     ///< J, children included
    double variance = 0;  ///< of `total`, J^2
    double known = 0;     ///< of `total`, J that no power decides: it was alone in its rows
};

/// The sums over rows, and the energies that they give with certain powers.
///
/// Thread: not synchronised. Cost: a row costs the square of its members' columns; energies cost
/// the square of the columns for each path that has others inside, and for each column.
class disaggregation {
 public:
    /// Takes the memory that these members need, so that they can be added without. Where there is
    /// none it throws, and no sum has changed.
    void reserve(const list<row_member>& members) {
        std::size_t columns = 0;
        for (const row_member& m : members) {
            (void)row_of(m.path);
            columns = std::max<std::size_t>(columns, m.column + std::size_t{1});
        }
        if (columns_.size() < columns) columns_.resize(columns);
        for (const row_member& m : members) {
            std::vector<double>& crossed = columns_[m.column].crossed;
            if (crossed.size() < columns) crossed.resize(columns);
        }
        moved_.reserve(share_.size());
        summed_.reserve(members.size());
    }

    /// `crossed`: members of different pools correct each other's energy, too.
    void add(const list<row_member>& members, double joules, bool crossed) {
        reserve(members);
        double seconds = 0;
        for (const row_member& m : members) seconds += m.seconds;
        for (const row_member& m : members) {
            const std::size_t p = row_of(m.path);
            own_noise_[p] += (1 - m.share) * (1 - m.share) * m.seconds;
            others_noise_[p] += m.share * m.share * (seconds - m.seconds);
            share_[p] += m.share * joules;
            weight_[p] += m.share;
            share_deviation_[p] += m.share_deviation;
            waited_[p] += m.waited;
            alone_[p] += m.share > alone ? m.share * joules : 0;
            for (const path_record* r = m.path; r != nullptr; r = r->parent)
                inside_[r->index + 1] += m.share * joules;
            column_[p] = m.column;
        }
        sum_by_column(members, crossed);
        for (const row_member& m : summed_) {
            column_sums& c = columns_[m.column];
            c.weight += m.share;
            c.seconds += m.seconds;
            for (const row_member& q : summed_)
                if (q.pool == m.pool) c.crossed[q.column] += m.share * q.seconds;
        }
    }

    /// A reading that is off moves energy from the row before it to the row after it: variance and
    /// systematic error of its joules, J^2 and J. Where scopes begin the latter is alike each time,
    /// and where they end; between the two it is not. `shown`: W; a sensor that lags shows that
    /// many joules a second of its lag after the boundary which were used before.
    void add_boundary(const list<row_member>& before, const list<row_member>& after,
                      double variance, double bias, double shown = 0) {
        for (const row_member& m : before) {
            move(m.path, -m.share);
            owed_[row_of(m.path)] += m.share * shown;
        }
        for (const row_member& m : after) {
            move(m.path, m.share);
            owed_[row_of(m.path)] -= m.share * shown;
        }
        for (const std::size_t p : moved_) {
            const double part = std::exchange(moved_by_[p], 0.0);
            random_[p] += part * part * variance;
            (part < 0 ? bias_at_end_ : bias_at_begin_)[p] += part * bias;
            owed_in_all_[p] -= part * shown;
        }
        moved_.clear();
    }

    /// The reading that ended the last row may be off as well, and no row follows yet.
    void add_last_boundary(const list<row_member>& before, double variance,
                           list<path_energy>& all) {
        for (const row_member& m : before) move(m.path, m.share);
        for (const std::size_t p : moved_) {
            const double part = std::exchange(moved_by_[p], 0.0);
            all[p].variance += part * part * variance;
        }
        moved_.clear();
    }

    /// The row of the path around that of row `p`; 0: none.
    [[nodiscard]] std::size_t parent_of(std::size_t p) const noexcept {
        const path_record* r = p < records_.size() ? records_[p] : nullptr;
        return r != nullptr && r->parent != nullptr ? r->parent->index + 1 : 0;
    }

    /// What every path has by row (0: outside, then paths by index + 1) at these powers.
    /// `earlier`: what the powers were believed to be earlier in the run. Where that differs by
    /// more than both could err, powers have changed, and the energy may be off by the difference.
    /// `turns(index)`: the taken_turns of a path.
    template <class Turns = as_shared>
    [[nodiscard]] list<path_energy> energies(const power_estimate& powers,
                                             const power_estimate& earlier,
                                             Turns turns = {}) const {
        list<path_energy> all(share_.size());
        const powers_of known(powers), before(earlier);
        std::vector<double> explained(columns_.size());
        for (std::size_t c = 0; c < columns_.size(); ++c)
            explained[c] = columns_[c].explained(known);
        // What no power explains goes by share, put right by who took turns with whom.
        std::vector<double> beyond(share_.size()), deviations(share_.size(), 0.0);
        double as_shared = 0, as_taken = 0;
        for (std::size_t p = 0; p < share_.size(); ++p) {
            beyond[p] = share_[p] - explained[column_[p]] * part_of_column(p);
            deviations[p] = waits_unseen * waited_[p] * powers.mean_watts;
            if (p == 0 || !(share_deviation_[p] > 0)) continue;
            const taken_turns t = turns(p - 1);
            deviations[p] +=
                (t.deviation * share_deviation_[p] / weight_[p] + t.error) * std::fabs(beyond[p]);
            as_shared += beyond[p];
            beyond[p] *= t.ratio;
            as_taken += beyond[p];
        }
        const double scale = as_shared * as_taken > 0 ? as_shared / as_taken : 1;
        for (std::size_t p = 0; p < share_.size(); ++p) {
            if (p > 0 && share_deviation_[p] > 0) beyond[p] *= scale;
            const column_sums& c = columns_[column_[p]];
            all[p].self = beyond[p] + part_of_column(p) * c.seconds * known.watts(column_[p]) +
                          powers.lag * owed_[p];
            all[p].known = alone_[p];
        }
        add_variances(all, known, before, deviations);
        for (std::size_t p = 0; p < share_.size(); ++p) {
            const double late = powers.lag_deviation * owed_in_all_[p];
            all[p].variance += late * late;
        }
        return all;
    }

    /// J of a path by its share of all rows so far, whatever the powers, children included.
    [[nodiscard]] double by_share(const path_record& path) const noexcept {
        return path.index + 1 < inside_.size() ? inside_[path.index + 1] : 0;
    }

    /// Starts anew, for the rows to come.
    void clear() {
        for (std::vector<double>* sums : sums_by_row()) std::fill(sums->begin(), sums->end(), 0.0);
        for (column_sums& c : columns_) c = column_sums();
    }

 private:
    // What a waiting thread may have used after all, of the channel's mean power.
    static constexpr double waits_unseen = 2e-3;
    // With so large a share of a row a path has it for itself.
    static constexpr double alone = 0.95;

    // Powers by column, with a prior for columns that the regression has not met.
    class powers_of {
     public:
        explicit powers_of(const power_estimate& e) : estimate_(e) {}
        [[nodiscard]] bool has_any() const noexcept { return !estimate_.watts.empty(); }
        [[nodiscard]] bool has(std::size_t c) const noexcept { return c < estimate_.watts.size(); }
        [[nodiscard]] double watts(std::size_t c) const noexcept {
            return c < estimate_.watts.size() ? estimate_.watts[c] : estimate_.mean_watts;
        }
        /// Of a sum of powers, each times its slope.
        [[nodiscard]] double variance(const std::vector<double>& slopes) const noexcept {
            const std::size_t n = std::min(estimate_.watts.size(), slopes.size());
            double sum = 0;
            for (std::size_t a = 0; a < n; ++a) {
                if (slopes[a] == 0) continue;
                const double* row = estimate_.covariance.data() + a * estimate_.watts.size();
                sum += slopes[a] * (2 * dot(row, slopes.data(), a) + row[a] * slopes[a]);
            }
            const double deviation = unknown_spread * estimate_.mean_watts;
            for (std::size_t a = n; a < slopes.size(); ++a)
                sum += slopes[a] * slopes[a] * deviation * deviation;
            return std::max(sum, 0.0);
        }
        /// W^2 s: by how much calls of a column differ among themselves, and those of all.
        [[nodiscard]] double noise(std::size_t c) const noexcept {
            return c < estimate_.white_by_column.size() ? estimate_.white_by_column[c] : noise();
        }
        [[nodiscard]] double noise() const noexcept { return estimate_.white; }

     private:
        // Four sums at a time, since a processor adds several at once.
        static double dot(const double* x, const double* y, std::size_t n) noexcept {
            double sums[4] = {};
            std::size_t i = 0;
            for (; i + 4 <= n; i += 4)
                for (std::size_t k = 0; k < 4; ++k) sums[k] += x[i + k] * y[i + k];
            for (; i < n; ++i) sums[0] += x[i] * y[i];
            return (sums[0] + sums[1]) + (sums[2] + sums[3]);
        }
        static constexpr double unknown_spread = 0.6;  // of the mean: what scopes' powers differ by
        const power_estimate& estimate_;
    };

    struct column_sums {
        double weight = 0, seconds = 0;
        std::vector<double> crossed;  ///< share of this column times seconds of another
        /// What powers explain of the rows that it has a share of, by share.
        [[nodiscard]] double explained(const powers_of& known) const {
            double sum = 0;
            for (std::size_t q = 0; q < crossed.size(); ++q) sum += crossed[q] * known.watts(q);
            return sum;
        }
        /// Adds `part` of how the energy of column `self` depends on each power.
        void add_slopes(std::size_t self, double part, std::vector<double>& to) const {
            if (to.size() < crossed.size()) to.resize(crossed.size());
            if (to.size() <= self) to.resize(self + 1);
            to[self] += part * seconds;
            for (std::size_t q = 0; q < crossed.size(); ++q) to[q] -= part * crossed[q];
        }
    };

    // Members of one column in one pool as one: thousands may share a column.
    void sum_by_column(const list<row_member>& members, bool crossed) {
        summed_.assign(members.begin(), members.end());
        if (crossed)
            for (row_member& m : summed_) m.pool = 0;
        std::sort(summed_.begin(), summed_.end(), [](const row_member& a, const row_member& b) {
            return a.column != b.column ? a.column < b.column : a.pool < b.pool;
        });
        std::size_t kept = 0;
        for (const row_member& m : summed_) {
            row_member* last = kept > 0 ? &summed_[kept - 1] : nullptr;
            if (last != nullptr && last->column == m.column && last->pool == m.pool) {
                last->share += m.share;
                last->seconds += m.seconds;
            } else {
                summed_[kept++] = m;
            }
        }
        summed_.resize(kept);
    }
    std::size_t row_of(const path_record* path) {
        const std::size_t row = path != nullptr ? path->index + 1 : 0;
        if (row >= share_.size()) {
            const std::size_t n = row + 1;
            column_.resize(n, 0);
            records_.resize(n, nullptr);
            moved_by_.resize(n, 0.0);
            inside_.resize(n, 0.0);
            // By the size of the last one it is known that all have grown: there may be no memory.
            for (std::vector<double>* sums : sums_by_row()) sums->resize(n, 0.0);
        }
        for (; path != nullptr && records_[path->index + 1] != path; path = path->parent)
            records_[path->index + 1] = path;
        return row;
    }
    std::array<std::vector<double>*, 12> sums_by_row() noexcept {
        return {&weight_,       &share_deviation_, &waited_,
                &alone_,        &own_noise_,       &owed_,
                &others_noise_, &random_,          &bias_at_begin_,
                &bias_at_end_,  &owed_in_all_,     &share_};
    }
    void move(const path_record* path, double share) {
        for (;; path = path->parent) {
            const std::size_t row = row_of(path);
            if (moved_by_[row] == 0) moved_.push_back(row);
            moved_by_[row] += share;
            if (path == nullptr || path->parent == nullptr) return;
        }
    }

    // Several paths that share a column share what powers move by what they have.
    [[nodiscard]] double part_of_column(std::size_t row) const noexcept {
        const double all = columns_.empty() ? 0 : columns_[column_[row]].weight;
        return all > 0 ? weight_[row] / all : 0;
    }

    void add_variances(list<path_energy>& all, const powers_of& known, const powers_of& before,
                       std::vector<double>& deviations) const {
        list<std::vector<double>> slopes(share_.size());
        std::vector<double> lumped(share_.size(), 0.0), noises(share_.size(), 0.0);
        std::vector<double> by_column(columns_.size(), -1.0);
        for (std::size_t p = share_.size(); p-- > 0;) {  // children before their parents
            const double part = part_of_column(p);
            // How paths of one column differ is not known at all.
            if (part > 0 && part < 1 - 1e-9) lumped[p] += 0.6 * share_[p] * (1 - part);
            all[p].total += all[p].self;
            all[p].variance = random_[p] + bias_at_begin_[p] * bias_at_begin_[p] +
                              bias_at_end_[p] * bias_at_end_[p] + lumped[p] * lumped[p] +
                              deviations[p] * deviations[p];
            // What a call used beyond its scope's mean went by share to all that were open.
            noises[p] += own_noise_[p] * known.noise(column_[p]) + others_noise_[p] * known.noise();
            all[p].variance += noises[p];
            const std::size_t up = parent_of(p);
            // Of paths that have no others inside, thousands may share a column: what depends on
            // its powers is found once for all of them.
            const bool is_leaf = slopes[p].empty();
            if (is_leaf && part > 0)
                all[p].variance += part * part * of_column(column_[p], known, before, by_column);
            if (part > 0 && (up != 0 || !is_leaf))
                columns_[column_[p]].add_slopes(column_[p], part, slopes[p]);
            if (!is_leaf) all[p].variance += variance_of(slopes[p], known, before);
            if (up == 0) continue;
            all[up].total += all[p].total;
            all[up].known += all[p].known;
            lumped[up] += lumped[p];
            deviations[up] += deviations[p];
            noises[up] += noises[p];
            std::vector<double>& to = slopes[up];
            if (to.size() < slopes[p].size()) to.resize(slopes[p].size());
            for (std::size_t q = 0; q < slopes[p].size(); ++q) to[q] += slopes[p][q];
            slopes[p] = {};
        }
    }
    // The variance that all of a column has from its powers.
    double of_column(std::size_t column, const powers_of& known, const powers_of& before,
                     std::vector<double>& found) const {
        double& value = found[column];
        if (value >= 0) return value;
        std::vector<double> slopes;
        columns_[column].add_slopes(column, 1, slopes);
        return value = variance_of(slopes, known, before);
    }
    // What the powers' errors make of it, and what is off where powers have changed in the run.
    static double variance_of(const std::vector<double>& slopes, const powers_of& known,
                              const powers_of& before) {
        const double variance = known.variance(slopes);
        if (!before.has_any()) return variance;
        double moved = 0;
        for (std::size_t a = 0; a < slopes.size(); ++a)
            if (before.has(a)) moved += slopes[a] * (known.watts(a) - before.watts(a));
        if (moved * moved <= deviations_of_change * variance) return variance;
        const bool changed =
            moved * moved > deviations_of_change * (variance + before.variance(slopes));
        return variance + (changed ? moved * moved : 0);
    }
    static constexpr double deviations_of_change = 9;  // squared: three

    list<column_sums> columns_;
    // By row: 0 is outside all scopes, then paths by their index + 1.
    std::vector<double> share_, weight_, share_deviation_, waited_, alone_;
    std::vector<double> own_noise_, others_noise_;  ///< s that white noise of powers counts for
    std::vector<double> random_, bias_at_begin_, bias_at_end_;  ///< of totals
    std::vector<double> owed_, owed_in_all_;  ///< W: joules a second of lag; children included
    list<std::uint32_t> column_;
    list<const path_record*> records_;
    std::vector<double> moved_by_;
    std::vector<double> inside_;  ///< J by share, children included, of all times
    std::vector<std::size_t> moved_;
    list<row_member> summed_;  ///< of one row
};

}  // namespace detail
}  // namespace v1
}  // namespace joulery
