// disaggregation.hpp - one channel's energy, split among the paths that were open.
// SPDX-License-Identifier: MIT
//
// A row is the energy between two readings. It is shared by time first, and then corrected by what
// is known about the powers:
//
//     energy of p = sum over rows of  share(p) * (joules - sum over q of power(q) * time(q))
//                                   + power(p) * time(p)
//
// Rows are not kept: the sums S(p) of share * joules, X(p) of time(p) and H(p, q) of share(p) *
// time(q) are enough, so that powers that become known better later still correct earlier rows. The
// parts of a row always add up to its energy, whatever the powers; a path that was alone in its
// rows has all their energy, whatever the powers; and without known powers all are equal and energy
// is shared by time.
#pragma once

#include "joulery/detail/attribution/column_sums.hpp"
#include "joulery/detail/attribution/path_sums.hpp"
#include "joulery/detail/attribution/pending_row.hpp"
#include "joulery/detail/attribution/power_estimate.hpp"
#include "joulery/detail/core/list.hpp"
#include "joulery/detail/timing/path_table.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

namespace joulery {
inline namespace v1 {
namespace detail {

/// How a path's part in moments shared by several threads differs from its share of rows.
struct taken_turns {
    double ratio = 1;
    double deviation = 0;  ///< of the ratio, as a multiple of `row_member::share_deviation`
    double error = 0;      ///< of the ratio, in addition
};

/// Every path has the part of shared moments that its share of rows states.
struct as_shared {
    taken_turns operator()(std::size_t) const noexcept { return {}; }
};

/// The sums over rows, and the energies that they give at certain powers.
///
/// Thread: not synchronized. Cost: the square of its members' columns for a row; for energies, the
/// square of the columns for each path with children, and for each column.
class disaggregation {
 public:
    /// Allocates what `add` needs for these members. Without memory it throws, and no sum has
    /// changed.
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
        places_.resize(columns_.size(), 0);
        moved_.reserve(rows_.size());
        moves_.resize(rows_.size());
        summed_.reserve(members.size());
    }

    /// `crossed`: members of different pools also correct each other's energy.
    void add(const list<row_member>& members, double joules, bool crossed) {
        reserve(members);
        add_reserved(members, joules, crossed);
    }
    /// The same, after `reserve`: it doesn't fail.
    void add_reserved(const list<row_member>& members, double joules, bool crossed) noexcept {
        double seconds = 0;
        for (const row_member& m : members) seconds += m.seconds;
        for (const row_member& m : members) {
            path_sums& p = rows_[m.path != nullptr ? m.path->index + 1 : 0];
            p.own_noise += (1 - m.share) * (1 - m.share) * m.seconds;
            p.others_noise += m.share * m.share * (seconds - m.seconds);
            p.share += m.share * joules;
            p.weight += m.share;
            p.share_deviation += m.share_deviation;
            has_turns_ = has_turns_ || m.share_deviation > 0;
            p.waited += m.waited;
            p.alone += m.share > alone ? m.share * joules : 0;
            for (const path_record* r = m.path; r != nullptr; r = r->parent)
                rows_[r->index + 1].inside += m.share * joules;
            p.column = m.column;
        }
        if (!crossed) note_company(members, joules);
        sum_by_column(members, crossed);
        for (const row_member& m : summed_) {
            column_sums& c = columns_[m.column];
            c.weight += m.share;
            c.seconds += m.seconds;
            c.of_powers = column_sums::unknown;
            for (const row_member& q : summed_)
                if (q.pool == m.pool) c.crossed[q.column] += m.share * q.seconds;
        }
    }

    /// An error of a reading moves energy from the row before it to the row after it: variance and
    /// systematic error of its joules, J^2 and J. The latter is the same each time where scopes
    /// begin and where they end, but not elsewhere. `shown`: W; a sensor with a lag shows, after
    /// the boundary, that power times its lag of energy used before it.
    void add_boundary(const list<row_member>& before, const list<row_member>& after,
                      double variance, double bias, double shown = 0) {
        for (const row_member& m : before) move(m.path, -m.share);
        for (const row_member& m : after) move(m.path, m.share);
        for (const std::size_t p : moved_) {
            const moved_share part = std::exchange(moves_[p], moved_share());
            path_sums& r = rows_[p];
            r.random += part.in_all * part.in_all * variance;
            (part.in_all < 0 ? r.bias_at_end : r.bias_at_begin) += part.in_all * bias;
            r.owed -= part.own * shown;
            r.owed_in_all -= part.in_all * shown;
        }
        moved_.clear();
    }

    /// The reading that ended the last row may be wrong as well, and no row follows yet.
    void add_last_boundary(const list<row_member>& before, double variance,
                           list<path_energy>& all) {
        for (const row_member& m : before) move(m.path, m.share);
        for (const std::size_t p : moved_) {
            const double part = std::exchange(moves_[p], moved_share()).in_all;
            all[p].variance += part * part * variance;
        }
        moved_.clear();
    }

    /// The row of the parent path of row `p`; 0: none.
    [[nodiscard]] std::size_t parent_of(std::size_t p) const noexcept {
        return p < rows_.size() && around_[p] != not_known ? around_[p] : 0;
    }

    /// The energy of every path by row (0: outside, then paths by index + 1) at these powers.
    /// `earlier`: the powers as known earlier in the run. If they differ by more than both errors
    /// allow, powers have changed, and the energy may be wrong by the difference. `turns(index)`:
    /// the taken_turns of a path.
    template <class Turns = as_shared>
    [[nodiscard]] list<path_energy> energies(const power_estimate& powers,
                                             const power_estimate& earlier, Turns turns = {}) {
        note_powers(powers, earlier);
        explained_.resize(columns_.size());
        for (std::size_t c = 0; c < columns_.size(); ++c)
            explained_[c] = columns_[c].explained(powers_of(powers));
        const double scale = scale_of(turns);
        list<path_energy> all(rows_.size());
        list<std::uint32_t> places(rows_.size(), 0u);   // in `sums`, of paths with others inside
        list<inner_sums> sums(1);                       // the first: nothing
        for (std::size_t p = rows_.size(); p-- > 0;) {  // children before parents
            unexplained rest = beyond_powers(p);
            rest.deviation += waits_unseen * rows_[p].waited * powers.mean_watts;
            if (takes_turns(p)) {
                const taken_turns t = turns(p - 1);
                rest.deviation +=
                    (t.deviation * rows_[p].share_deviation / rows_[p].weight + t.error) *
                    std::fabs(rest.joules);
                rest.joules *= t.ratio;
                rest.joules *= scale;
            }
            const inner_sums with_inner =
                bill(all[p], p, rest, std::move(sums[places[p]]), powers, earlier);
            const std::size_t up = parent_of(p);
            if (up == 0) continue;
            if (places[up] == 0) {
                places[up] = static_cast<std::uint32_t>(sums.size());
                sums.push_back({});
            }
            sums[places[up]].add(with_inner, all[p], rows_[p].column, rest.part, columns_.size());
        }
        return all;
    }

    /// J of a path by its share of all rows so far, children included, whatever the powers.
    [[nodiscard]] double by_share(const path_record& path) const noexcept {
        return path.index + 1 < rows_.size() ? rows_[path.index + 1].inside : 0;
    }

    /// Removes the rows of an earlier copy of these sums.
    void subtract(const disaggregation& then) {
        for (std::size_t p = 0; p < then.rows_.size(); ++p) rows_[p].subtract(then.rows_[p]);
        for (std::size_t c = 0; c < then.columns_.size(); ++c) {
            column_sums& mine = columns_[c];
            const column_sums& other = then.columns_[c];
            mine.weight -= other.weight;
            mine.seconds -= other.seconds;
            for (std::size_t q = 0; q < other.crossed.size(); ++q)
                mine.crossed[q] -= other.crossed[q];
        }
        for (column_sums& c : columns_) c.of_powers = column_sums::unknown;
    }
    [[nodiscard]] std::size_t paths() const noexcept { return rows_.size(); }

    /// Starts again for the following rows.
    void clear() {
        for (path_sums& r : rows_) static_cast<block_sums&>(r) = {};
        for (column_sums& c : columns_) c = column_sums();
    }

 private:
    // What a waiting thread may have used after all, relative to the channel's mean power.
    static constexpr double waits_unseen = 2e-3;
    // A path with this share of a row counts as having it alone.
    static constexpr double alone = 0.95;

    // A path that has all energy while it is open, and was open in a part of the row, has more or
    // less than that part: it is not known what other threads did meanwhile.
    void note_company(const list<row_member>& members, double joules) noexcept {
        bool is_alone = true;
        for (const row_member& m : members) is_alone = is_alone && m.pool == members.front().pool;
        if (is_alone) return;
        for (const row_member& m : members)
            if (m.path != nullptr) move(m.path, m.share);
        for (const std::size_t p : moved_) {
            const double part = std::exchange(moves_[p], moved_share()).in_all;
            rows_[p].company += unknown_company * std::sqrt(std::fabs(part * (1 - part))) * joules;
        }
        moved_.clear();
    }
    // Deviation of what other threads draw, relative to all that is drawn.
    static constexpr double unknown_company = 0.3;

    // Members of the same column and pool are combined, because thousands may share a column. Those
    // of a pool follow one another.
    void sum_by_column(const list<row_member>& members, bool crossed) {
        summed_.clear();
        for (const row_member& m : members) {
            const std::uint32_t pool = crossed ? 0 : m.pool;
            std::uint32_t& place = places_[m.column];
            if (place < summed_.size() && summed_[place].column == m.column &&
                summed_[place].pool == pool) {
                summed_[place].share += m.share;
                summed_[place].seconds += m.seconds;
            } else {
                place = static_cast<std::uint32_t>(summed_.size());
                summed_.push_back(m);
                summed_.back().pool = pool;
            }
        }
    }
    std::size_t row_of(const path_record* path) {
        const std::size_t row = path != nullptr ? path->index + 1 : 0;
        if (row >= rows_.size()) {
            around_.resize(row + 1, not_known);
            rows_.resize(row + 1);
        }
        for (; path != nullptr && around_[path->index + 1] == not_known; path = path->parent)
            around_[path->index + 1] =
                static_cast<std::uint32_t>(path->parent != nullptr ? path->parent->index + 1 : 0);
        return row;
    }
    // How energy that goes from the row before a boundary to the one after it is shared.
    struct moved_share {
        double own = 0, in_all = 0;  ///< `in_all`: with children
        bool is_listed = false;
    };
    void move(const path_record* path, double share) {
        const std::size_t end = row_of(path);
        if (moves_.size() < rows_.size()) moves_.resize(rows_.size());
        moves_[end].own += share;
        for (std::size_t row = end;; row = around_[row]) {
            moved_share& m = moves_[row];
            if (!std::exchange(m.is_listed, true)) moved_.push_back(row);
            m.in_all += share;
            if (row == 0 || around_[row] == 0) return;
        }
    }

    // Paths that share a column share the powers' corrections in proportion to their energy.
    [[nodiscard]] double part_of_column(const path_sums& row) const noexcept {
        const double all = columns_.empty() ? 0 : columns_[row.column].weight;
        return all > 0 ? row.weight / all : 0;
    }

    // Energy that no power explains goes by share, corrected for which threads took turns.
    struct unexplained {
        double joules = 0, deviation = 0;
        double part = 0;  ///< of its column
    };
    [[nodiscard]] unexplained beyond_powers(std::size_t p) const noexcept {
        const double part = part_of_column(rows_[p]);
        return {rows_[p].share - explained_[rows_[p].column] * part, 0, part};
    }
    [[nodiscard]] bool takes_turns(std::size_t p) const noexcept {
        return p > 0 && rows_[p].share_deviation > 0;
    }
    // The correction leaves the sum as it is.
    template <class Turns>
    [[nodiscard]] double scale_of(Turns turns) const {
        if (!has_turns_) return 1;
        double as_shared = 0, as_taken = 0;
        for (std::size_t p = 1; p < rows_.size(); ++p) {
            if (!takes_turns(p)) continue;
            const double joules = beyond_powers(p).joules;
            as_shared += joules;
            as_taken += joules * turns(p - 1).ratio;
        }
        return as_shared * as_taken > 0 ? as_shared / as_taken : 1;
    }

    // The energy and its variance of row `p`, with what is inside it.
    inner_sums bill(path_energy& e, std::size_t p, const unexplained& rest, inner_sums inside,
                    const power_estimate& powers, const power_estimate& earlier) {
        const powers_of known(powers), before(earlier);
        const path_sums& r = rows_[p];
        const double part = rest.part, late = powers.lag_deviation * r.owed_in_all;
        e.self = rest.joules + part * columns_[r.column].seconds * known.watts(r.column) +
                 powers.lag * r.owed;
        e.total = inside.total + e.self;
        e.known = inside.known + r.alone;
        // How much paths of one column differ is unknown.
        if (part > 0 && part < 1 - 1e-9) inside.lumped += 0.6 * r.share * (1 - part);
        inside.deviation += rest.deviation;
        // Energy of a call beyond its scope's mean went by share to all that were open.
        inside.noise += r.own_noise * known.noise(r.column) + r.others_noise * known.noise();
        e.variance = r.random + r.bias_at_begin * r.bias_at_begin + r.bias_at_end * r.bias_at_end +
                     inside.lumped * inside.lumped + inside.deviation * inside.deviation +
                     late * late + r.company * r.company + inside.noise;
        if (!inside.parts.empty()) {
            inside.parts[r.column] += part;
            e.variance += of_parts(inside.parts, known, before);
        } else if (part > 0) {
            e.variance += part * part * of_column(r.column, known, before);
        }
        return inside;
    }
    // The variance of these parts of columns from the powers. Thousands of paths may share a
    // column, so what depends on one alone is computed once.
    double of_parts(const std::vector<double>& parts, const powers_of& known,
                    const powers_of& before) {
        std::size_t first = 0, last = parts.size();
        while (first < last && parts[first] == 0) ++first;
        while (last > first + 1 && parts[last - 1] == 0) --last;
        if (first == last) return 0;
        if (first + 1 == last) return parts[first] * parts[first] * of_column(first, known, before);
        slopes_.clear();
        for (std::size_t c = first; c < last; ++c)
            if (parts[c] != 0) columns_[c].add_slopes(c, parts[c], slopes_);
        return variance_of(slopes_, known, before);
    }
    // The variance of a whole column from its powers; unchanged until either changes.
    double of_column(std::size_t column, const powers_of& known, const powers_of& before) {
        column_sums& c = columns_[column];
        if (c.of_powers < 0) {
            slopes_.clear();
            c.add_slopes(column, 1, slopes_);
            c.of_powers = variance_of(slopes_, known, before);
        }
        return c.of_powers;
    }
    // Powers without a number count as new. A column without a known power uses the mean, which
    // changes with each row.
    void note_powers(const power_estimate& powers, const power_estimate& earlier) noexcept {
        const bool are_same = powers.number != 0 && powers.number == powers_number_ &&
                              earlier.number == earlier_number_ &&
                              columns_.size() <= powers.watts.size();
        powers_number_ = powers.number;
        earlier_number_ = earlier.number;
        if (are_same) return;
        for (column_sums& c : columns_) c.of_powers = column_sums::unknown;
    }
    list<column_sums> columns_;
    static constexpr std::uint32_t not_known = ~std::uint32_t{0};
    list<std::uint32_t> around_;  ///< by row: that of the parent path; 0: none
    bool has_turns_ = false;      ///< whether threads shared any moment
    list<path_sums> rows_;        ///< 0 is outside all scopes, then paths by index + 1
    std::uint64_t powers_number_ = 0, earlier_number_ = 0;  ///< those that `of_powers` is based on
    std::vector<double> explained_;                         ///< J per weight, by column
    std::vector<double> slopes_;                            ///< of some columns
    std::vector<std::size_t> moved_;                        ///< rows that have one of `moves_`
    list<moved_share> moves_;                               ///< at one boundary, by row
    list<row_member> summed_;                               ///< of one row
    list<std::uint32_t> places_;                            ///< in `summed_`, by column
};

}  // namespace detail
}  // namespace v1
}  // namespace joulery
