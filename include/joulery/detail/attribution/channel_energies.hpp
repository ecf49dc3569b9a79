// channel_energies.hpp - what one channel's rows add up to, and each path's energy from it.
// SPDX-License-Identifier: MIT
#pragma once

#include "joulery/detail/attribution/channel_traits.hpp"
#include "joulery/detail/attribution/disaggregation.hpp"
#include "joulery/detail/attribution/past_sums.hpp"
#include "joulery/detail/attribution/power_regression.hpp"
#include "joulery/detail/attribution/published_energies.hpp"
#include "joulery/detail/attribution/row_builder.hpp"
#include "joulery/detail/metering/backend_reader.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

namespace joulery {
inline namespace v1 {
namespace detail {

/// Rows to fit reveal the powers, rows to bill add up, and together they give each path's energy.
///
/// Better estimates of the powers correct earlier bills. After five minutes, and where powers
/// change, the rows so far become final.
///
/// Thread: call with the backend's `state_mutex` held. Cost: see power_regression and
/// disaggregation; looking for a change takes about as long as solving for the powers. Fails: if
/// memory runs out it throws std::bad_alloc, with no energy lost or billed twice.
///
///     channel_energies e(traits);
///     e.fit(row, delay);
///     e.reserve(members), e.bill(members, joules), e.end_row(seconds);
///     e.of_paths(mean_power, rows, members, variance);   // by index + 1; 0: outside all scopes
class channel_energies {
 public:
    explicit channel_energies(const channel_traits& traits)
        : traits_(traits), regression_(row_builder::most_columns, traits.known_memory) {}

    /// `delay`: s by which the values that end the row are late.
    void fit(const regression_row& row, double delay) {
        late_.add(std::max(delay, traits_.known_memory), std::min(row.tail, row.length));
        regression_.add(row);
        is_stale_ = true;
    }
    /// Allocates what `bill` needs for these members.
    void reserve(const list<row_member>& members) { sums_.reserve(members); }
    void bill(const list<row_member>& members, double joules) noexcept {
        sums_.add_reserved(members, joules, traits_.policy != attribution::inclusive);
    }
    /// Same as `disaggregation::add_boundary`.
    void add_boundary(const list<row_member>& before, const list<row_member>& after,
                      double variance, double bias, double shown) {
        sums_.add_boundary(before, after, variance, bias, shown);
    }
    /// The row that was billed is complete, and took so many seconds.
    void end_row(double seconds) {
        seconds_ += seconds;
        seconds_in_all_ += seconds;
        if (regression_.columns() <= most_columns)
            past_.note(regression_.rows(), seconds_, sums_);
        else
            past_.clear(regression_.rows());
    }

    /// Solves for the powers when it is time to: at growing intervals, and as soon as rows look
    /// unlike those before. `mean_power`: W of the channel.
    void keep_up(double mean_power, const row_builder& rows) {
        const bool may_tell =
            regression_.rows() >= solved_row_ + few_rows && regression_.columns() <= most_columns;
        if (may_tell && (change_is_likely_ || regression_.is_surprised()))
            (void)powers(mean_power, rows);
        if (seconds_in_all_ < next_solution_) return;
        (void)powers(mean_power, rows);
        if (seconds_in_all_ >= 2 * candidate_at_) {  // a quarter to a half of the run ago
            power_estimate now = powers_;
            earlier_ = std::exchange(candidate_, std::move(now));
            candidate_at_ = seconds_in_all_;
        }
        next_solution_ = seconds_in_all_ + std::clamp(seconds_in_all_ / 4, 0.2, 10.0);
    }
    /// The powers by all rows so far.
    const power_estimate& powers(double mean_power, const row_builder& rows) {
        if (is_stale_ || powers_.watts.empty()) {
            if (traits_.separates_scopes && regression_.columns() > 0) {
                power_estimate solved = regression_.solve();  // completely, or not at all
                if (find_change(rows)) solved = regression_.solve();
                powers_ = std::move(solved);
                powers_.number = ++solutions_;
                solved_row_ = regression_.rows();
            }
            is_stale_ = false;
        }
        powers_.mean_watts = mean_power;
        return powers_;
    }
    /// Relative error of energy that is split by powers, because values may be late.
    [[nodiscard]] double error() const noexcept {
        return std::max(traits_.model_error, late_.error());
    }
    /// The powers of the last call of `powers`.
    [[nodiscard]] const power_estimate& last_powers() const noexcept { return powers_; }

    /// The energy of each path, by index + 1; 0 is outside all scopes. `last`: members of the row
    /// that was billed last; its end is uncertain by `variance`, in J^2. `mean_power`: W.
    list<path_energy> of_paths(double mean_power, const row_builder& rows,
                               const list<row_member>& last, double variance) {
        (void)powers(mean_power, rows);
        list<path_energy> now = energies(sums_, powers_, rows);
        sums_.add_last_boundary(last, variance, now);
        published_.add_committed(now);
        // The energy used by reads at its edges was subtracted from a path at the mean power.
        for (std::size_t i = 1; i < now.size(); ++i) {
            const double taken = rows.edge_ticks(i - 1) * traits_.seconds_per_tick;
            const double wrong = mean_power * taken;  // all of it may be another power
            now[i].variance += wrong * wrong;
        }
        return now;
    }
    /// Turns `now` into the energies that reports show, which never decrease.
    void publish(list<path_energy>& now, const row_builder& rows) {
        published_.keep_monotone(now, traits_.policy == attribution::inclusive,
                                 [this](std::size_t row) { return sums_.parent_of(row); });
        if (seconds_ <= seconds_a_block) return;
        published_.commit(energies(sums_, powers_, rows));
        sums_.clear();
        seconds_ = 0;
        past_.clear(regression_.rows());
    }
    [[nodiscard]] const published_energies& published() const noexcept { return published_; }
    /// J of a path by its share of the rows so far, children included, independent of powers.
    [[nodiscard]] double by_share(const path_record& p) const noexcept { return sums_.by_share(p); }

 private:
    static constexpr double seconds_a_block = 300;
    static constexpr std::size_t few_rows = 13, most_columns = 64;

    // At these powers; the variance includes that of late values.
    list<path_energy> energies(disaggregation& sums, const power_estimate& powers,
                               const row_builder& rows) {
        list<path_energy> now = sums.energies(
            powers, earlier_, [&rows](std::size_t path) { return rows.turns()(path); });
        const double late = error();
        if (!(late > 0)) return now;
        double all = 0;
        for (const path_energy& e : now) all += e.self;
        // An error of the powers moves energy between a path and the others.
        for (path_energy& e : now) {
            const double others = all > 0 ? 1 - e.total / all : 1;
            const double known = traits_.known_memory > 0 ? 0 : e.known;  // a gauge is late as well
            const double wrong = late * std::max(e.total - known, 0.0) * std::max(others, 0.0);
            e.variance += wrong * wrong;
        }
        return now;
    }
    // If powers have changed, the rows before the change are billed at the old powers and become
    // final, and the new powers come from the rows since.
    [[nodiscard]] bool find_change(const row_builder& rows) {
        if (regression_.rows() < next_search_) return false;
        const power_change found = regression_.find_change(past_.rows());
        change_is_likely_ = found.is_likely;
        if (!found.found) return false;
        const std::size_t since = past_.rows()[found.place];
        power_regression before = regression_, after = regression_;
        before.keep_until(since);
        after.keep_since(since);
        if (before.seems_to_lag() || after.seems_to_lag()) {
            next_search_ = regression_.rows() * 5 / 4;
            change_is_likely_ = false;
            return false;
        }
        before.keep_until(last_row_before(found.place));
        after.keep_since(first_row_after(found.place));
        power_estimate old = before.solve(), now = after.solve();
        old.number = ++solutions_;
        now.number = ++solutions_;
        disaggregation& then = past_.sums(found.place);
        list<path_energy> block = energies(then, old, rows);
        // The change may have come sooner or later.
        add_difference(past_.added_in(found.first, found.place, sums_), old, now, rows, block);
        add_difference(past_.added_in(found.place + 1, found.last + 1, sums_), old, now, rows,
                       block);
        published_.commit(block);  // nothing below allocates
        sums_.subtract(then);
        seconds_ -= past_.seconds(found.place);
        past_.clear(since);
        regression_.continue_as(std::move(after));
        earlier_ = candidate_ = power_estimate();
        return true;
    }
    // The change lies somewhere between the places next to the one found. A few rows on the wrong
    // side of it would spoil the powers and the noise there, so neither side learns from those.
    [[nodiscard]] std::size_t last_row_before(std::size_t place) const {
        const std::size_t rows = place > 0 ? past_.rows()[place - 1] : 0;
        const std::size_t begin = regression_.rows() - regression_.rows_held();
        return rows >= begin + few_rows ? rows : past_.rows()[place];
    }
    [[nodiscard]] std::size_t first_row_after(std::size_t place) const {
        const bool has_next = place + 1 < past_.rows().size();
        const std::size_t rows = has_next ? past_.rows()[place + 1] : regression_.rows();
        return rows + few_rows <= regression_.rows() ? rows : past_.rows()[place];
    }
    // Rows near the change may belong to either side of it.
    void add_difference(disaggregation part, const power_estimate& old, const power_estimate& now,
                        const row_builder& rows, list<path_energy>& block) {
        const list<path_energy> a = energies(part, old, rows), b = energies(part, now, rows);
        for (std::size_t p = 0; p < block.size() && p < a.size(); ++p) {
            const double off = a[p].total - b[p].total;
            block[p].variance += off * off / 3;
        }
    }

    const channel_traits traits_;
    disaggregation sums_;  ///< of the rows that are not final
    past_sums past_;
    published_energies published_;
    power_regression regression_;
    late_values late_;
    power_estimate powers_, earlier_, candidate_;
    double candidate_at_ = 0.5;
    bool is_stale_ = false, change_is_likely_ = false;
    std::uint64_t solutions_ = 0;  ///< how often powers were found
    std::size_t solved_row_ = 0;   ///< rows to fit that there were then
    std::size_t next_search_ = 0;  ///< rows to fit from which on changes are looked for again
    double seconds_ = 0;           ///< billed, not final
    double seconds_in_all_ = 0;    ///< billed
    double next_solution_ = 0.2;
};

}  // namespace detail
}  // namespace v1
}  // namespace joulery
