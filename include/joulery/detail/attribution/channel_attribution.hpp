// channel_attribution.hpp - who used the energy of one channel.
// SPDX-License-Identifier: MIT
//
// Readings cut the time of a channel into rows, of two kinds for two purposes. Rows to *fit* end at
// well-dated readings, just after an update of the counter. They separate the powers of scopes
// (power_regression.hpp) and may be as short as one update. Rows to *bill* end at samples, at the
// edges of long scopes and at reports; their energy is split among the scopes that were open
// (disaggregation.hpp).
#pragma once

#include "joulery/detail/attribution/channel_energies.hpp"
#include "joulery/detail/attribution/fit_terms.hpp"
#include "joulery/detail/attribution/recent_powers.hpp"
#include "joulery/detail/attribution/row_builder.hpp"
#include "joulery/detail/metering/backend_reader.hpp"
#include "joulery/quality.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

namespace joulery {
inline namespace v1 {
namespace detail {

/// All rows of one channel, the powers estimated from them, and each path's energy.
///
/// Thread: call with the backend's `state_mutex` held. Cost: see open_times for a reading, and
/// power_regression for a row. Fails: never.
class channel_attribution {
 public:
    explicit channel_attribution(channel_traits traits) : traits_(traits), energies_(traits) {}

    /// The first reading: rows begin here. What happened between `created_at` and it is unknown.
    void begin(const dated_reading& r, scope_states& all) {
        rows_.look(all, r.at);
        last_ = fit_end_ = bill_end_ = r;
        fit_joules_ = bill_joules_ = r.joules;
        boundary_ = value_now(r);
        begun_ = true;
        start_ = r;
    }
    [[nodiscard]] bool has_begun() const noexcept { return begun_; }

    /// Processes a reading. `own_share`: the share of the energy since the last billed row that is
    /// this process's to attribute; the rest is attributed to nobody.
    void take(dated_reading r, scope_states& all, double own_share) {
        if ((!r.fits && !r.bills) || r.at < last_.at) return;
        note_stall(r);
        rows_.look(all, r.at);
        rows_.add_stretch(static_cast<double>(r.at - last_.at) * traits_.seconds_per_tick,
                          r.at_edge);
        last_ = r;
        if (r.fits) end_fit_row(r);
        if (r.bills && !(r.at_edge && powers_tell_more(r))) end_bill_row(r, own_share);
        if (!r.at_edge) energies_.keep_up(mean_power(), rows_);
    }

    /// Looks at the scopes without ending a row: changes up to the next look will be visible.
    void look_again(std::uint64_t at, scope_states& all) {
        if (!begun_ || at < last_.at) return;
        rows_.look(all, at);
        rows_.add_stretch(static_cast<double>(at - last_.at) * traits_.seconds_per_tick, true);
        last_.at = at;
    }
    [[nodiscard]] const row_builder& rows() const noexcept { return rows_; }

    /// s, length so far of the next row to bill
    [[nodiscard]] double seconds_unbilled() const noexcept { return rows_.to_bill().seconds; }

    /// J, attributed or outside scopes: the channel's total.
    [[nodiscard]] double joules() const noexcept { return bill_joules_; }
    /// J of the channel outside all scopes, including other processes'; as last published.
    [[nodiscard]] double unscoped() const noexcept {
        return others_ + energies_.published().self(0);
    }
    /// J of the channel that this process used.
    [[nodiscard]] double own_joules() const noexcept {
        return bill_joules_ - others_ - start_.joules;
    }
    /// J that threads used while reading counters at edges; counted outside all scopes.
    [[nodiscard]] double edge_joules() const noexcept { return edge_joules_; }
    /// J of a path, children included, as last published.
    [[nodiscard]] double total_of(const path_record& path) const noexcept {
        return energies_.published().total(path.index + 1);
    }
    /// J of a path by its share of the rows so far, children included, independent of powers.
    [[nodiscard]] double by_share(const path_record& p) const noexcept {
        return energies_.by_share(p);
    }
    /// Whether rows have revealed the powers of single scopes.
    [[nodiscard]] bool has_powers() const noexcept { return powers().watts.size() > 2; }

    /// The energy of each path, by index + 1; 0 is outside all scopes. Never less than last time
    /// for any of them; together they have all energy billed. Under `inclusive` attribution paths
    /// of several threads have the same energy, and the outside has the energy while no scope was
    /// open.
    list<path_energy> publish() {
        list<path_energy> now = known_so_far();
        energies_.publish(now, rows_);
        return now;
    }

    /// The same, as presently known, without a promise for the future.
    list<path_energy> known_so_far() {
        return energies_.of_paths(mean_power(), rows_, last_members_, boundary_.squares());
    }

    /// s, length of the sensor's memory.
    [[nodiscard]] double lag() const noexcept { return powers().lag; }

 private:
    static constexpr double unknown_deviation = recent_powers::unknown_deviation;

    void end_fit_row(const dated_reading& r) {
        const double joules = completed(r) - fit_joules_;
        const double seconds = rows_.to_fit().seconds;
        const bool is_exact = rows_.to_fit().is_exact;  // estimated times separate nothing
        if (seconds > 0 && fit_end_.fits && traits_.separates_scopes && is_exact) {
            const double filled = rows_.members_to_fit(fit_members_) * mean_power();
            terms_.begin(fit_members_);
            regression_row row{};
            row.length = seconds;
            row.gap = std::exchange(skipped_, 0.0);
            row.joules = joules * own_share_;
            row.read_variance =
                date_variance(r) + date_variance(fit_end_) + traits_.quantum * traits_.quantum / 6;
            const double unsure = rows_.to_fit().unsure_seconds() * mean_power();
            row.read_variance += unsure * unsure;
            row.own_variance = 16 * filled * filled;  // not by chance: as if 4 deviations
            row.tail = rows_.tail();
            rows_.for_open_now(
                [&](std::uint32_t column, double threads) { terms_.add_open(column, threads); });
            // Which device streams were open then is unknown, so nothing is moved.
            const double late = rows_.to_fit().device_busy > 0 ? 0 : r.late;
            terms_.move_late(late, std::min(row.tail, seconds));
            terms_.give_to(row);
            energies_.fit(row, r.delay);
        }
        if (!is_exact) skipped_ += seconds;
        fit_joules_ += joules;
        fit_end_ = r;
        rows_.begin_row_to_fit();
    }
    // The value as of the read: the energy since the update is taken at the mean power, and all of
    // it is uncertain.
    [[nodiscard]] double completed(const dated_reading& r) const noexcept {
        return r.joules + r.staleness * mean_power();
    }
    [[nodiscard]] double date_variance(const dated_reading& r) const noexcept {
        const double stale = unknown_deviation * r.staleness * mean_power();
        const double dated = r.uncertainty * mean_power();
        const double late = r.late * mean_power();  // mean; each anything from 0 to twice as much
        return stale * stale + dated * dated + late * late / 3;
    }

    void end_bill_row(const dated_reading& r, double own_share) {
        const double seconds = rows_.to_bill().seconds;
        if (!(seconds > 0)) return;
        const billed_value shown = value_now(r);
        const double joules = shown.joules - bill_joules_;
        if (!(seconds_billed_ > 0)) {  // the first reading's staleness is only known now
            const double old = start_.uncertainty * joules / seconds;
            boundary_.variance = old * old;
        }
        rows_.members_to_bill(members_);
        last_row_.reserve(members_);
        energies_.reserve(members_);  // nothing below allocates: a row is billed only once
        own_share_ = own_share;
        others_ += joules * (1 - own_share);
        edge_joules_ += joules * own_share * std::min(rows_.to_bill().edges / seconds, 1.0);
        energies_.bill(members_, joules * own_share);
        energies_.add_boundary(last_members_, members_, boundary_.variance, boundary_.bias,
                               last_members_.empty() ? 0 : boundary_.shown - mean_power());
        last_row_.become(members_, joules / seconds);
        last_members_.swap(members_);
        bill_joules_ = shown.joules;
        boundary_ = shown;
        bill_end_ = r;
        seconds_billed_ += seconds;
        rows_.to_bill().clear();
        energies_.end_row(seconds);
    }
    [[nodiscard]] billed_value value_now(const dated_reading& r) const noexcept {
        const guess power = pending_power(r);
        const double seconds = rows_.to_bill().seconds;
        const double mean = seconds_billed_ > 0 || !(seconds > 0)
                                ? std::max(mean_power(), 0.0)
                                : std::max(r.joules - bill_joules_, 0.0) / seconds;
        billed_value v;
        // No update since the last row ended: only the row itself is new.
        if (r.at_edge && bill_end_.at_edge && r.joules == bill_end_.joules) {
            const double most = std::max(r.joules + 2 * r.staleness * mean, bill_joules_);
            v.joules = std::min(bill_joules_ + power.watts * seconds, most);
            v.variance = boundary_.variance;
            v.bias = boundary_.bias + power.deviation * seconds;
        } else {
            // The counter may show later what an earlier reading took as used since its update.
            const double watts = std::min(power.watts, 2 * mean);
            v.joules = std::max(r.joules + r.staleness * watts, bill_joules_);
            const double dated = r.uncertainty * watts;
            v.variance = dated * dated + traits_.quantum * traits_.quantum / 12;
            // A gauge still has to show what was drawn that long ago.
            const double memory = std::max(r.at_edge ? 0 : powers().lag, traits_.known_memory / 2);
            const double stale = (r.staleness + memory) * power.deviation;
            if (!r.at_edge) v.variance += stale * stale + powers().late_variance;
            if (r.at_edge) v.variance += stalls_.unseen() * mean * mean;
            if (r.at_edge) v.bias = stale + r.delay * watts;
        }
        v.shown = shown_power(seconds > 0 ? (v.joules - bill_joules_) / seconds : mean);
        return v;
    }
    // The power that a slow sensor shows at the end of the current row, whose shown mean is `mean`.
    [[nodiscard]] double shown_power(double mean) const noexcept {
        const double seconds = rows_.to_bill().seconds, lag = std::max(powers().lag, least_memory);
        const double kept = std::exp(-seconds / lag), late = powers().lag * (1 - kept);
        if (!(seconds_billed_ > 0)) return mean;
        const bool alone = rows_.to_bill().longest_part() > 0.99;
        const double drawn = alone && seconds > 2 * lag
                                 ? (mean * seconds - late * boundary_.shown) / (seconds - late)
                                 : mean;
        return std::max(drawn + (boundary_.shown - drawn) * kept, 0.0);
    }
    static constexpr double least_memory = 1e-3;  ///< s, memory of the shown power at row ends
    // A value that has not changed for longer than it should is as stale as that.
    void note_stall(dated_reading& r) noexcept {
        const bool tells = r.unchanged * mean_power() > 4 * traits_.quantum;
        const double late = tells ? std::max(r.unchanged - r.staleness - r.uncertainty, 0.0) : 0;
        if (!r.at_edge) return;
        stalls_.add(late);
        if (late > 0) r.staleness = std::max(r.unchanged, r.staleness);
    }
    // The power since the counter's last update, and its possible error.
    struct guess {
        double watts = 0, deviation = 0, error = 0;  ///< `error`: from the powers
    };
    [[nodiscard]] guess pending_power(const dated_reading& r) const noexcept {
        const double mean = mean_power();
        if (!r.at_edge) return {mean, unknown_deviation * mean};
        // At an edge, the scopes open just before are those that were open since the row began.
        if (rows_.to_bill().is_steady() && rows_.to_bill().seconds > 4 * r.staleness) {
            const double seen = rows_.to_bill().seconds - r.staleness;
            const double watts = std::max(r.joules - bill_joules_, 0.0) / seen;
            const double begun = std::sqrt(boundary_.variance) + boundary_.bias;
            return {watts, (begun + within_a_call * mean * r.staleness) / seen};
        }
        guess g = mean_of(rows_.to_bill());
        // Powers of `inclusive` scopes include what other threads drew.
        if (traits_.policy == attribution::inclusive)
            g.deviation = std::max(g.deviation, unknown_deviation * mean);
        return g;
    }
    // The mean of the powers of what was open in a row, by time, and how much they differ.
    [[nodiscard]] guess mean_of(const pending_row& row) const noexcept {
        const recent_powers now(last_row_, powers(), mean_power());
        std::uint32_t column = row_builder::outside_column;
        recent_powers::figures f = now.of(column);
        double time = 0, watts = 0, squares = 0, error = 0, contrast = 0;
        const auto add = [&](double s) {
            time += s;
            watts += s * f.watts;
            squares += s * f.watts * f.watts;
            error += s * f.error;
            contrast += s * f.contrast;
        };
        add(row.outside);
        for (const pool& p : row.pools)
            for (const pool::times& t : p.parts) {
                const std::uint32_t next = rows_.known_column(t.path);
                if (next != column) f = now.of(column = next);
                add(t.ticks * traits_.seconds_per_tick);
            }
        if (!(time > 0)) return {f.watts, f.error, f.contrast};
        const double mean = watts / time, spread = squares / time - mean * mean;
        return {mean, error / time + std::sqrt(std::max(spread, 0.0)), contrast / time};
    }
    static constexpr double within_a_call = 0.5;  ///< how much its power may change
    // At the edge of a scope that follows several others it is unknown which of them was open since
    // the counter's last update. If their powers are known well, a row that continues past the edge
    // is split better than one that ends there.
    [[nodiscard]] bool powers_tell_more(const dated_reading& r) const noexcept {
        if (r.joules == start_.joules) return true;  // it has shown nothing so far
        // Powers of `inclusive` scopes reveal nothing, because they include the others' energy.
        if (traits_.policy == attribution::inclusive) return false;
        const double seconds = rows_.to_bill().seconds;
        // A value from before the row says nothing about it; for a mere moment that is harmless.
        const double old = r.staleness + r.uncertainty;
        if (seconds < old) return seconds > a_moment * old;
        if (rows_.to_bill().longest_part() > 0.99) return is_dated_worse(r);
        const guess g = mean_of(rows_.to_bill());
        return g.error * seconds < g.deviation * r.staleness;
    }
    // After a single scope: whether the date of the value is worse than what powers and noise
    // leave uncertain. Errors of powers add up over such rows, those of dates and noise don't.
    [[nodiscard]] bool is_dated_worse(const dated_reading& r) const noexcept {
        // The noise is not known yet, or values are so late that powers are hardly known.
        if (powers().rows < rows_believed || energies_.error() > much) return false;
        const double seconds = rows_.to_bill().seconds;
        const double rows = std::max(seconds_billed_ / (4 * seconds), 1.0);
        const double power = mean_of(rows_.to_bill()).error;
        const double common = powers().common_stddev;
        const double split =
            (power * power * rows + common * common) * seconds * seconds + powers().white * seconds;
        const double dated = r.uncertainty * unknown_deviation * mean_power();
        return 4 * split < dated * dated;
    }
    static constexpr std::size_t rows_believed = 100;
    static constexpr double much = 0.05;
    static constexpr double a_moment = 1.0 / 8;
    [[nodiscard]] const power_estimate& powers() const noexcept { return energies_.last_powers(); }
    [[nodiscard]] double mean_power() const noexcept {
        return seconds_billed_ > 0 ? (bill_joules_ - start_.joules) / seconds_billed_ : 0;
    }

    const channel_traits traits_;
    row_builder rows_{traits_};
    bool begun_ = false;
    dated_reading start_, last_, fit_end_, bill_end_;
    double skipped_ = 0;      ///< s, since the last row that was fitted
    double fit_joules_ = 0;   ///< as of the end of the last row to fit
    double bill_joules_ = 0;  ///< and to bill
    billed_value boundary_;   ///< end of the last row to bill
    stalled_reads stalls_;
    double others_ = 0;  ///< J of other processes and the samplers
    double edge_joules_ = 0;
    double own_share_ = 1;
    list<row_member> members_, last_members_;
    list<fit_member> fit_members_;
    last_row last_row_;
    fit_terms terms_;
    double seconds_billed_ = 0;
    channel_energies energies_;
};

}  // namespace detail
}  // namespace v1
}  // namespace joulery
