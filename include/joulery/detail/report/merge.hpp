// merge.hpp - merges reports of ranks, nodes and repeated runs, one at a time.
// SPDX-License-Identifier: MIT
#pragma once

#include "joulery/detail/core/concat.hpp"
#include "joulery/detail/core/finite.hpp"
#include "joulery/detail/core/list.hpp"
#include "joulery/detail/report/join_context.hpp"
#include "joulery/detail/report/run_ledger.hpp"
#include "joulery/detail/report/scope_tree.hpp"
#include "joulery/report.hpp"
#include "joulery/report_io.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <numeric>
#include <optional>
#include <string>
#include <tuple>
#include <unordered_map>
#include <unordered_set>
#include <utility>
#include <vector>

namespace joulery {
inline namespace v1 {

/// Merges reports. A machine's energy counts once, whichever runs read it. The energies of the
/// runs' scopes are scaled accordingly, so that scopes + unscoped = total for each channel.
///
/// Cost:   linear in the input; memory grows with the distinct paths, channels and runs, not with
///         the number of reports.
/// Fails:  never. A run that is already included is not added again. A report that contains both
///         new runs and included ones counts their energy once, and causes a warning that calls are
///         doubled.
///
///     report_merger all;
///     for (const std::string& path : paths) all.add(*from_json(read(path)));
///     report r = all.finish();
class report_merger {
 public:
    void add(const report& r) {
        const std::vector<run_span> from = runs_of(r);
        const auto known = count_in(from, [&](const run_span& run) { return ledger_.knows(run); });
        if (known == from.size()) return;
        run_ledger own;
        const std::vector<std::size_t> own_index = own.add_channels(r, from);
        add_runs(own, r, from, own_index);
        const run_ledger::sums own_sums = own.add_up();
        const std::vector<std::size_t> here = ledger_.add_channels(r, from);
        grow();
        const int replaced = add_runs(ledger_, r, from, here);
        std::vector<double> unscale(r.channels.size(), 1.0);
        for (std::size_t c = 0; c < unscale.size(); ++c)
            if (from.size() > 1) unscale[c] = 1 / run_ledger::factor(own_sums, own_index[c]);
        add_energies(r, here, unscale);
        for (std::size_t c = 0; c < here.size(); ++c)
            added_[here[c]] += own_sums.read[own_index[c]];
        const std::vector<std::size_t> places = places_.add(r);
        for (std::size_t i = 0; i < places.size(); ++i) {
            scope_row row = r.scopes[i];
            if (row.parent < i) row.parent = places[row.parent];
            add_row(row, places[i], r, here, unscale);
        }
        add_rest(r);
        if (replaced > 0) forget_doubles();
    }

    /// The merged report so far; empty if nothing was added. More may be added afterwards.
    [[nodiscard]] report finish() const {
        if (only_) return *only_;
        report r;
        r.context = context_;
        r.overhead = overhead_;
        r.warnings = warnings_;
        const run_ledger::sums sums = ledger_.add_up();
        finish_channels(r, sums);
        finish_runs(r);
        for (const row_sum& row : rows_) r.scopes.push_back(finish_row(row, sums));
        if (ledger_.overlap_unlike() && warned_.count(unlike_warning) == 0)
            r.warnings.emplace_back(unlike_warning);
        finish_selves(r);
        return r;
    }

 private:
    struct row_sum {
        scope_row row;             ///< its sums are unscaled; energies are in `by_channel`
        std::vector<double> read;  ///< by channel, unscaled
        double rest = 0;           ///< energy not in any channel row
        double co2e = 0;           ///< unscaled
        double variance = 0;       ///< square of the uncertainty
    };

    // Returns how many of the runs were included before.
    static int add_runs(run_ledger& to, const report& r, const std::vector<run_span>& from,
                        const std::vector<std::size_t>& index) {
        int replaced = 0;
        for (const run_span& run : from) {
            std::vector<std::size_t> order;
            for (std::size_t c = 0; c < r.channels.size(); ++c) {
                const std::string& owner = r.channels[c].machine;
                if (owner.empty() || owner == run.machine) order.push_back(index[c]);
            }
            if (to.add_run(run, order) != 0) ++replaced;
        }
        return replaced;
    }

    void grow() {
        unscoped_.resize(ledger_.channels().size(), 0);
        added_.resize(ledger_.channels().size(), 0);
    }

    /// `whole` minus its parts, or exactly 0 if the rest is only rounding.
    static double remainder(double whole, double parts) noexcept {
        const double rest = whole - parts;
        return std::fabs(rest) <= 1e-9 * std::fabs(whole) ? 0 : rest;
    }

    static double ratio(double scaled, double plain) noexcept {
        const double r = scaled / plain;
        return is_positive(r) ? r : 1.0;
    }

    void add_energies(const report& r, const std::vector<std::size_t>& here,
                      const std::vector<double>& unscale) {
        double total = 0, plain_total = 0, unscoped = 0;
        for (std::size_t c = 0; c < here.size(); ++c) {
            const channel_row& row = r.channels[c];
            unscoped_[here[c]] += row.unscoped.joules() * unscale[c];
            if (!row.summed) continue;
            total += row.total.joules();
            plain_total += row.total.joules() * unscale[c];
            unscoped += row.unscoped.joules();
        }
        const double rest = remainder(r.total.joules(), total);
        rest_ += rest;
        unscoped_rest_ += remainder(r.unscoped.joules(), unscoped);
        co2e_ += r.co2e.grams() / ratio(total + rest, plain_total + rest);
        provenance_ = provenance_ ? worse_of(*provenance_, r.provenance) : r.provenance;
    }

    // `row.parent` and `place` are indexes in the merged report.
    void add_row(const scope_row& row, std::size_t place, const report& r,
                 const std::vector<std::size_t>& here, const std::vector<double>& unscale) {
        const bool is_new = place == rows_.size();
        if (is_new) {
            rows_.push_back({row, {}, 0, 0, 0});
            rows_.back().row.by_channel.clear();
        }
        row_sum& sum = rows_[place];
        if (!is_new) join_row(sum.row, row);
        double parts = 0, plain = 0;
        for (std::size_t c = 0; c < here.size() && c < row.by_channel.size(); ++c) {
            const double joules = row.by_channel[c].joules();
            if (sum.read.size() <= here[c]) sum.read.resize(here[c] + 1, 0);
            sum.read[here[c]] += joules * unscale[c];
            if (!r.channels[c].summed) continue;
            parts += joules;
            plain += joules * unscale[c];
        }
        const double rest = remainder(row.total.joules(), parts);
        sum.rest += rest;
        sum.co2e += row.co2e.grams() / ratio(row.total.joules(), plain + rest);
        sum.variance += row.uncertainty.joules() * row.uncertainty.joules();
    }

    static void join_row(scope_row& mine, const scope_row& other) {
        mine.calls += other.calls;
        if (mine.busy_time || other.busy_time)
            mine.busy_time = busy_time_of(mine) + busy_time_of(other);
        mine.time += other.time;
        mine.untimed_calls += other.untimed_calls;
        mine.time_uncertainty =
            seconds(std::hypot(mine.time_uncertainty.count(), other.time_uncertainty.count()));
        mine.items += other.items;
        join_stated(mine.item_name, other.item_name);
        join_stated(mine.method, other.method);
        mine.provenance = worse_of(mine.provenance, other.provenance);
        if (other.call_method == "tasks") mine.call_method = other.call_method;
        mine.call_times.merge(other.call_times);
        mine.call_energies.merge(other.call_energies);
    }

    void add_rest(const report& r) {
        if (count_++ == 0) {
            only_ = r;
            context_ = r.context;
            overhead_ = r.overhead;
        } else {
            only_.reset();
            join_context(context_, r.context);
            join_overhead(overhead_, r.overhead);
        }
        for (const std::string& w : r.warnings) warn(w);
    }

    void warn(const std::string& text) {
        if (warned_.insert(text).second) warnings_.push_back(text);
    }

    // Some runs were added twice. The scopes' energy is scaled to what the distinct runs read,
    // channel by channel; calls and times can't be separated any more.
    void forget_doubles() {
        warn(
            "some runs are in more than one of the merged reports: their energy is counted once, "
            "but their scopes' calls, times and items repeatedly; merge reports of single runs");
        const run_ledger::sums sums = ledger_.add_up();
        std::vector<double> keep(added_.size(), 1);
        for (std::size_t c = 0; c < keep.size(); ++c) {
            keep[c] = ratio(sums.read[c], added_[c]);
            added_[c] *= keep[c];
            unscoped_[c] *= keep[c];
        }
        double before = 0, after = 0;
        for (row_sum& sum : rows_) {
            double plain = sum.rest, kept = sum.rest;
            for (std::size_t c = 0; c < sum.read.size(); ++c) {
                if (ledger_.channels()[c].row.summed) plain += sum.read[c];
                sum.read[c] *= keep[c];
                if (ledger_.channels()[c].row.summed) kept += sum.read[c];
            }
            sum.co2e *= ratio(kept, plain);
            before += plain;
            after += kept;
        }
        co2e_ *= ratio(after, before);
    }

    void finish_channels(report& r, const run_ledger::sums& sums) const {
        const auto labels = machine_labels(ledger_.runs());
        double total = rest_, plain = rest_, unscoped = unscoped_rest_;
        for (std::size_t c = 0; c < ledger_.channels().size(); ++c) {
            const run_ledger::channel& from = ledger_.channels()[c];
            channel_row row = from.row;
            row.total = energy::from_joules(sums.used[c]);
            row.unscoped = energy::from_joules(unscoped_[c] * run_ledger::factor(sums, c));
            row.machine.clear();
            if (labels.size() > 1) {
                row.machine = ledger_.machines()[from.machine].id;
                const auto label = labels.find(row.machine);
                const std::string prefix = (label == labels.end() ? row.machine : label->second);
                row.id = concat({prefix, ":", row.id});
                if (!row.parent.empty()) row.parent = concat({prefix, ":", row.parent});
            }
            if (row.summed) {
                total += sums.used[c];
                plain += sums.read[c];
                unscoped += row.unscoped.joules();
            }
            r.channels.push_back(std::move(row));
        }
        r.total = energy::from_joules(total);
        r.unscoped = energy::from_joules(unscoped);
        r.co2e = emissions::from_grams(co2e_ * ratio(total, plain));
        r.provenance = provenance_.value_or(quality::partial);
        carbon_model& carbon = r.context.carbon;
        const double facility_kwh = r.total.kilowatt_hours() * carbon.pue;
        if (carbon.grid.place == mixed && facility_kwh > 0)
            carbon.grid.intensity =
                carbon_intensity::from_grams_per_kwh(r.co2e.grams() / facility_kwh);
    }

    void finish_runs(report& r) const {
        detail::list<watched_span> spans;
        double lengths = 0;
        for (const run_span& run : ledger_.runs()) {
            r.runs.push_back(run);
            r.runs.back().by_channel.resize(ledger_.channels_of(run.machine));
            spans.push_back({run.begin, run.end, 0, run.run_id});
            lengths += run.end - run.begin;
        }
        r.context.duration = seconds(union_seconds(std::move(spans)));
        const double spent = (r.overhead.sampler + r.overhead.edges).count();
        r.overhead.share_of_wall = lengths > 0 ? spent / lengths : 0;
    }

    [[nodiscard]] scope_row finish_row(const row_sum& sum, const run_ledger::sums& sums) const {
        scope_row row = sum.row;
        row.by_channel.assign(ledger_.channels().size(), energy());
        double total = sum.rest, plain = sum.rest;
        for (std::size_t c = 0; c < sum.read.size(); ++c) {
            const double joules = sum.read[c] * run_ledger::factor(sums, c);
            row.by_channel[c] = energy::from_joules(joules);
            if (!ledger_.channels()[c].row.summed) continue;
            total += joules;
            plain += sum.read[c];
        }
        row.total = energy::from_joules(total);
        row.co2e = emissions::from_grams(sum.co2e * ratio(total, plain));
        row.uncertainty = energy::from_joules(std::sqrt(sum.variance));
        set_percentiles(row);
        return row;
    }

    // Depth first; the own energy of a row is its total minus that of its children.
    static void finish_selves(report& r) {
        const scope_tree tree(r);
        std::vector<scope_row> ordered;
        ordered.reserve(r.scopes.size());
        for (scope_row& row : r.scopes) row.self = row.total;
        for (std::size_t i = 0; i < r.scopes.size(); ++i)
            if (tree.parent[i] != scope_tree::none)
                r.scopes[tree.parent[i]].self -= r.scopes[i].total;
        std::vector<std::size_t> now_at(r.scopes.size());
        for (const std::size_t i : tree.order) {
            now_at[i] = ordered.size();
            ordered.push_back(std::move(r.scopes[i]));
            if (tree.parent[i] != scope_tree::none) ordered.back().parent = now_at[tree.parent[i]];
        }
        r.scopes = std::move(ordered);
    }

    static constexpr const char* unlike_warning =
        "runs that overlap on one machine summed different channels: what one read as its total "
        "another may have read as well, so the merged total may count it twice; give all ranks "
        "the same permissions";
    run_ledger ledger_;
    run_context context_;
    self_cost overhead_;
    std::optional<quality> provenance_;  ///< nothing before the first report
    std::vector<double> unscoped_;       ///< by channel, unscaled
    std::vector<double> added_;          ///< by channel: read by all added reports' runs
    detail::list<row_sum> rows_;
    row_places places_;
    std::vector<std::string> warnings_;
    std::unordered_set<std::string> warned_;
    double rest_ = 0, unscoped_rest_ = 0, co2e_ = 0;
    std::optional<report> only_;
    std::size_t count_ = 0;
};

namespace detail {

/// Sorts reports of many runs first, then by start, then longer states of a run first, so that a
/// report comes after the reports that contain it.
inline list<const report*> in_merging_order(const list<const report*>& reports) {
    struct key {
        std::size_t runs = 0;
        double begin = std::numeric_limits<double>::max(), end = 0;
        std::string run_id;
    };
    list<key> keys;
    for (const report* r : reports) {
        key k;
        for (const run_span& run : runs_of(*r)) {
            ++k.runs;
            if (k.run_id.empty() || run.run_id < k.run_id) k.run_id = run.run_id;
            k.begin = std::min(k.begin, run.begin);
            k.end = std::max(k.end, run.end);
        }
        keys.push_back(k);
    }
    std::vector<std::size_t> order(reports.size());
    std::iota(order.begin(), order.end(), std::size_t{0});
    sort_stably(order, [&](std::size_t a, std::size_t b) {
        const key &x = keys[a], &y = keys[b];
        return std::tie(y.runs, x.begin, x.run_id, y.end) <
               std::tie(x.runs, y.begin, y.run_id, x.end);
    });
    list<const report*> out;
    for (const std::size_t i : order) out.push_back(reports[i]);
    return out;
}

}  // namespace detail

JOULERY_DECL report merge(const report& a, const report& b) {
    report_merger all;
    for (const report* r : detail::in_merging_order({&a, &b})) all.add(*r);
    return all.finish();
}

JOULERY_DECL report merge(const std::vector<report>& reports) {
    detail::list<const report*> pointers;
    for (const report& r : reports) pointers.push_back(&r);
    report_merger all;
    for (const report* r : detail::in_merging_order(pointers)) all.add(*r);
    return all.finish();
}

JOULERY_DECL report merge(const std::function<bool(report&)>& next) {
    report_merger all;
    for (report r; next(r); r = report()) all.add(r);
    return all.finish();
}

}  // namespace v1
}  // namespace joulery
