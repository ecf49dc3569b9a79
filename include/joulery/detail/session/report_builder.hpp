// report_builder.hpp - turns an engine's state into a report.
// SPDX-License-Identifier: MIT
#pragma once

#include "joulery/detail/core/list.hpp"
#include "joulery/detail/core/unit_text.hpp"
#include "joulery/detail/metering/channel_account.hpp"
#include "joulery/detail/metering/domain_tree.hpp"
#include "joulery/detail/report/join_context.hpp"
#include "joulery/detail/session/engine.hpp"
#include "joulery/detail/session/history_builder.hpp"
#include "joulery/detail/session/observe_channels.hpp"
#include "joulery/detail/session/scope_warnings.hpp"
#include "joulery/detail/timing/path_table.hpp"
#include "joulery/report.hpp"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstddef>
#include <ctime>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

namespace joulery {
inline namespace v1 {
namespace detail {

/// Samples every backend once more and builds the report. The meter fills in the parts that the
/// engine does not know (names, carbon).
class report_builder {
 public:
    report_builder(engine& e, domain_beliefs& beliefs, report& into)
        : engine_(e), beliefs_(beliefs), report_(into) {}

    void build() {
        for (const auto& m : engine_.backends()) refresh(*m);
        domains_ = *beliefs_.update(observe_channels(engine_), engine_.elapsed());
        // Joules first: a path created in between gets a row without joules, never the reverse.
        for (const auto& m : engine_.backends()) copies_.push_back(copy_of(*m));
        edges_ = engine_.tally(tallies_);
        add_rows();
        for (const backend_copy& c : copies_) add_joules(c);
        add_sums();
        add_calls();
        warn_of_excluded_channels();
        warn_of_still_counters();
        add_cost();
        history_builder(engine_, row_of_, report_).build();
        engine_.retire_ended();
    }

    /// The path index of each row of the report.
    [[nodiscard]] std::vector<std::size_t> paths() const {
        std::vector<std::size_t> numbers;
        numbers.reserve(records_.size());
        for (const path_record* r : records_) numbers.push_back(r->index);
        return numbers;
    }

    /// The rows whose single calls were recorded.
    [[nodiscard]] const list<std::size_t>& recorded_rows() const noexcept { return recorded_; }

    /// This process's share of the summed channels' joules; 1 except under `attribution::process`.
    [[nodiscard]] double own_share() const noexcept {
        return report_.total > energy{} ? std::min(own_ / report_.total, 1.0) : 1.0;
    }

    /// The part of the summed channels' joules that scopes had while their threads read counters.
    [[nodiscard]] energy taken_for_edges() const noexcept { return taken_; }

 private:
    // A backend whose read hangs is not waited for; its last figures are used. The processing of a
    // finished read is waited for, however long it takes.
    void refresh(metered_backend& m) {
        std::unique_lock<timed_mutex> lock(m.reader.read_mutex, std::defer_lock);
        std::uint64_t since = m.reader.reading_since(), before = 0;
        while (since == 0 || since != before) {
            if (lock.try_lock_for(patience)) return engine_.sample(m);
            before = std::exchange(since, m.reader.reading_since());
        }
        engine_.end_rows_as_read(m);
        report_.warnings.push_back("backend " + std::string(m.reader.name()) +
                                   " has been stuck in a read for " + to_text(hung(m)) +
                                   "; its figures are those of the previous read");
    }
    [[nodiscard]] seconds hung(const metered_backend& m) const noexcept {
        return seconds(m.reader.reading_for(engine_.clock().now()) * engine_.tick_seconds());
    }

    struct channel_copy {
        list<path_energy> by_path;  ///< by path index + 1
        double model_error = 0;     ///< relative, 1 sigma
        bool is_summed = false;
    };
    struct backend_copy {
        std::size_t first_channel = 0;
        list<channel_copy> channels;
        bool has_powers = false;  ///< whether the regression found the powers of scopes
    };

    backend_copy copy_of(metered_backend& m) {
        const std::lock_guard<std::mutex> lock(m.reader.state_mutex);
        backend_copy copy;
        copy.first_channel = m.reader.first_channel();
        for (std::size_t c = 0; c < m.reader.channel_count(); ++c) copy_channel(m, c, copy);
        if (!m.reader.note().empty())
            report_.warnings.push_back(std::string(m.reader.name()) + ": " +
                                       std::string(m.reader.note()));
        report_.overhead.samples += m.samples;
        report_.overhead.sampler += seconds(m.sampler_seconds);
        report_.overhead.attribution += seconds(m.attribution_seconds);
        const double tick = engine_.tick_seconds();
        join_reading(
            report_.overhead.reading,
            {std::string(m.reader.name()), m.reader.reads(), seconds(m.reader.read_ticks() * tick),
             seconds(m.reader.longest_read() * tick), seconds(m.sampler_seconds)});
        return copy;
    }

    void copy_channel(metered_backend& m, std::size_t c, backend_copy& copy) {
        channel_attribution& shares = m.shares[c];
        channel_copy of;
        of.by_path = shares.publish();
        of.model_error = model_error(m.reader.channels()[c]);
        of.is_summed = domains_.domains[copy.first_channel + c].summed;
        add_channel(m, c);
        if (has_shown_nothing_yet(report_.channels.back()))
            unseen_watts_ += plausible_power::of(m.reader.channels()[c]).most;
        m.set_summed(c, of.is_summed);
        if (of.is_summed)
            own_ += energy::from_joules(shares.own_joules()),
                taken_ += energy::from_joules(shares.edge_joules());
        copy.has_powers = copy.has_powers || shares.has_powers();
        copy.channels.push_back(std::move(of));
    }

    void add_rows() {
        auto records = engine_.paths().all();
        records.resize(tallies_.size());  // later ones appear in the next report
        // By index + 1, where 0 is the top: the first path inside it, and its next sibling.
        const std::size_t none = scope_row::no_parent;
        std::vector<std::size_t> first(records.size() + 1, none), next(records.size(), none);
        const auto above = [](const path_record& r) {
            return r.parent != nullptr ? r.parent->index + 1 : 0;
        };
        for (std::size_t i = records.size(); i-- > 0;)
            next[i] = std::exchange(first[above(*records[i])], i);
        report_.scopes.reserve(records.size());
        records_.reserve(records.size());
        row_of_.resize(records.size(), none);
        for (std::size_t i = first[0]; i != none;) {
            add_row(*records[i]);
            if (first[i + 1] != none) {
                i = first[i + 1];
                continue;
            }
            const path_record* r = records[i];
            while (r != nullptr && next[r->index] == none) r = r->parent;
            i = r != nullptr ? next[r->index] : none;
        }
        variances_.resize(records_.size());
    }

    void add_row(path_record& r) {
        const path_tally& tally = tallies_[r.index];
        row_of_[r.index] = records_.size();
        records_.push_back(&r);
        scope_row& row = report_.scopes.emplace_back();
        if (r.parent != nullptr) row.parent = row_of_[r.parent->index];
        row.name = r.name;
        row.path = r.path;
        row.calls = tally.calls + tally.spans.begun;
        row.time = seconds(tally.seconds);
        row.untimed_calls = tally.untimed;
        row.time_uncertainty = seconds(2 * std::sqrt(tally.variance) * engine_.tick_seconds());
        if (tally.task_ticks > 0 || tally.spans.begun > 0)
            row.busy_time = seconds(tally.busy_seconds);
        if (tally.spans.begun > 0) row.call_method = "tasks";
        row.items = tally.items;
        if (tally.items != 0) row.item_name = engine_.paths().item_name(r);
        row.by_channel.resize(engine_.channel_count());
    }

    void add_joules(const backend_copy& copy) {
        for (std::size_t i = 0; i < records_.size(); ++i) {
            const std::size_t path = records_[i]->index + 1;
            scope_row& row = report_.scopes[i];
            double self = 0, known = 0;
            std::size_t at = copy.first_channel;
            for (const channel_copy& c : copy.channels) {
                energy& in_channel = row.by_channel[at++];
                if (path >= c.by_path.size()) continue;
                const path_energy& p = c.by_path[path];
                self += p.self;
                known += p.known;
                in_channel = energy::from_joules(p.total);
                if (!c.is_summed) continue;
                const double wrong = c.model_error * p.total;
                row.total += in_channel;
                row.self += energy::from_joules(p.self);
                variances_[i] += p.variance + wrong * wrong;
            }
            // The method that most of its energy comes from.
            if (row.method.empty() && self > 0)
                row.method = known > self / 2 ? "edges" : copy.has_powers ? "regression" : "share";
        }
    }

    void add_channel(const metered_backend& m, std::size_t c) {
        const channel& from = m.reader.channels()[c];
        const domain& place = domains_.domains[m.reader.first_channel() + c];
        const channel_account& account = m.reader.account(c);
        channel_row row;
        row.id = from.id;
        row.backend = std::string(m.reader.name());
        row.model = from.model;
        row.part = from.part;
        row.kind = from.kind;
        row.parent = place.parent_id, row.summed = place.summed;
        row.exclusion_reason = place.exclusion_reason;
        row.total = energy::from_joules(m.shares[c].joules());
        row.unscoped =
            std::min(energy::from_joules(m.shares[c].unscoped()), row.total);  // rounding
        row.quantum_joules = smallest_joules(from);
        row.update_period = from.update_period;
        row.relative_error = from.relative_error;
        add_ticks(m.reader, c, row);
        row.tally = account.tally();
        const bool stuck = hung(m) > 5 * std::max(seconds(from.update_period), seconds(patience));
        row.state = state_of(m.reader.state(), stuck || account.is_silent());
        row.provenance = from.provenance;
        // A gauge's joules are computed, not counted.
        if (from.kind == reading_kind::power_gauge)
            row.provenance = worse_of(row.provenance, quality::derived);
        if (row.state != "ok" || row.tally.resets > 0 || row.tally.gaps > 0) {
            row.provenance = quality::partial;
            if (!is_not_believed(row)) report_.warnings.push_back(what_is_missing(row));
        }
        warn_of_still_gauge(account, from, row);
        report_.channels.push_back(std::move(row));
    }

    // Fine measurements fluctuate: a sensor that has shown the same value for a minute is stuck.
    void warn_of_still_gauge(const channel_account& account, const channel& of,
                             const channel_row& row) {
        constexpr double long_time = 60, many_updates = 60, fine = 1e-3;
        const double still = account.unchanged_seconds(), watts = account.last_watts();
        const double update = std::chrono::duration<double>(of.update_period).count();
        const double step = of.quantum > 0 ? of.quantum : of.joules_per_count;
        if (!row.summed || of.provenance == quality::estimated || step > fine * watts ||
            still < std::max(long_time, many_updates * update) ||
            static_cast<double>(row.tally.reads) < many_updates)
            return;
        report_.warnings.push_back("channel " + row.id + " has shown " +
                                   to_text(power::from_watts(watts)) + " without any change for " +
                                   to_text(seconds(still)) + ": its sensor may be stuck");
    }

    void add_ticks(const backend_reader& reader, std::size_t c, channel_row& row) const {
        const update_tracker& t = reader.tracker(c);
        const double tick = engine_.tick_seconds();
        row.locked = reader.has_updates(c) && t.locked();
        row.observed_period = seconds(t.period() * tick);
        if (!row.locked) return;
        row.observed_jitter = seconds(t.jitter() * tick);
        row.timestamp_uncertainty = seconds(t.gap() * tick);
    }

    static std::string state_of(read_status last, bool silent) {
        if (last == read_status::gone) return "gone";
        if (last == read_status::fatal) return "failed";
        return silent ? "silent" : "ok";
    }

    static std::string what_is_missing(const channel_row& row) {
        std::string text = "channel " + row.id + " is partial:";
        if (row.state == "gone") text += " its device went away;";
        if (row.state == "failed") text += " its backend gave up;";
        if (row.state == "silent")
            text += row.tally.reads == 0                  ? " it never gave a value;"
                    : row.tally.resets >= row.tally.reads ? " it never gave a plausible value;"
                                                          : " it no longer gives a value;";
        if (row.tally.resets > 0)
            text += " " + std::to_string(row.tally.resets) +
                    (row.tally.resets == 1 ? " of its values is" : " of its values are") +
                    " implausible (resets);";
        if (row.tally.gaps > 0)
            text += " " + std::to_string(row.tally.gaps) + " gaps were too long to bridge;";
        text.back() = '.';
        return text;
    }

    void add_sums() {
        bool any = false;
        for (const channel_row& c : report_.channels) {
            if (!c.summed) continue;
            report_.total += c.total;
            report_.unscoped += c.unscoped;
            report_.provenance = any ? worse_of(report_.provenance, c.provenance) : c.provenance;
            any = true;
        }
        if (!any) report_.provenance = quality::partial;
        for (std::size_t i = 0; i < report_.scopes.size(); ++i) {
            scope_row& row = report_.scopes[i];
            row.provenance = report_.provenance;
            const double time = row.time.count(),
                         part = time > 0 ? row.time_uncertainty / row.time / 2 : 0;
            const double timing = row.total.joules() * part;
            const double unseen = unseen_watts_ * std::min(time, engine_.elapsed()) / 2;
            row.uncertainty = energy::from_joules(
                2 * std::sqrt(variances_[i] + timing * timing + unseen * unseen));  // k = 2
            if (row.method.empty()) row.method = "share";
        }
        warn_of_scopes(engine_, edges_, report_);
    }

    void add_calls() {
        engine_.for_calls([&](std::size_t path, const histogram& seconds, const histogram& joules) {
            if (path >= row_of_.size()) return;
            recorded_.push_back(row_of_[path]);
            report_.scopes[row_of_[path]].call_times = seconds;
            report_.scopes[row_of_[path]].call_energies = joules;
        });
    }

    static bool is_not_believed(const channel_row& c) {
        return starts_with(c.exclusion_reason, "not trusted");
    }

    void warn_of_excluded_channels() {
        for (const channel_row& c : report_.channels)
            if (is_not_believed(c))
                report_.warnings.push_back("channel " + c.id + " is " + c.exclusion_reason);
    }

    // A device that is on draws power: a summed counter that does not move is stuck, or the run was
    // too short for it.
    [[nodiscard]] static bool is_still(const channel_row& c) noexcept {
        return c.summed && c.kind == reading_kind::energy_counter && c.state == "ok" &&
               c.total == energy{};
    }
    // Until its first update it may have counted anything up to its limit.
    [[nodiscard]] bool has_shown_nothing_yet(const channel_row& c) const {
        const double lived = engine_.elapsed();
        const double updates = lived / std::chrono::duration<double>(c.update_period).count();
        return is_still(c) && lived > 0 && lived < 1 && updates < 10;
    }
    void warn_of_still_counters() {
        const double lived = engine_.elapsed();
        for (const channel_row& c : report_.channels) {
            const double updates = lived / std::chrono::duration<double>(c.update_period).count();
            if (!is_still(c)) continue;
            if (has_shown_nothing_yet(c))
                report_.warnings.push_back(
                    "channel " + c.id + " did not move: it is updated every " +
                    to_text(c.update_period) + ", and the run was too short for that");
            if (lived >= 1 && updates >= 10)
                report_.warnings.push_back("channel " + c.id + " did not move in " +
                                           si_text(lived, "s") + ": its counter may be stuck");
        }
    }

    void add_cost() {
        self_cost& cost = report_.overhead;
        cost.edges = seconds(static_cast<double>(edges_.ticks) * engine_.tick_seconds());
        cost.edge_reads = edges_.reads;
        cost.skipped_edges = edges_.skipped;
        const double spent = (cost.sampler + cost.edges).count(), wall = engine_.elapsed();
        const double cpu = static_cast<double>(std::clock()) / CLOCKS_PER_SEC;
        if (wall > 0) cost.share_of_wall = spent / wall;
        if (cpu > 0) cost.share_of_cpu = spent / cpu;
    }

    static constexpr std::chrono::milliseconds patience{100};
    engine& engine_;
    domain_beliefs& beliefs_;
    domain_tree domains_;  ///< as of this report
    report& report_;
    energy own_, taken_;
    double unseen_watts_ = 0;  ///< highest power of the summed counters that have shown nothing yet
    edge_tally edges_;
    list<path_record*> records_;       ///< in the order of the report's rows
    std::vector<std::size_t> row_of_;  ///< by path index
    std::vector<double> variances_;    ///< of the rows' totals, J^2
    list<backend_copy> copies_;        ///< one per backend
    list<std::size_t> recorded_;       ///< rows
    list<path_tally> tallies_;         ///< by path index
};

}  // namespace detail
}  // namespace v1
}  // namespace joulery
