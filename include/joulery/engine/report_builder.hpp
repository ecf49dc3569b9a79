// joulery/engine/report_builder.hpp - turns an engine's state into a report.
// Layer 6. SPDX-License-Identifier: MIT
#pragma once

#include "joulery/counters/domain_tree.hpp"
#include "joulery/engine/engine.hpp"
#include "joulery/engine/path_table.hpp"
#include "joulery/report/report.hpp"

#include <chrono>
#include <cmath>
#include <cstddef>
#include <ctime>
#include <functional>
#include <map>
#include <mutex>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

namespace joulery {
inline namespace v1 {
namespace detail {

/// Samples every source once more and writes down what there is. The parts of the report that no
/// engine knows (names, carbon) are filled in by the meter.
class report_builder {
 public:
    report_builder(engine& e, const domain_tree& domains, report& into)
        : engine_(e), domains_(domains), report_(into) {}

    void build() {
        for (const auto& m : engine_.sources()) refresh(*m);
        edges_ = engine_.tally();
        add_rows();
        for (const auto& m : engine_.sources()) add_source(*m);
        add_sums();
        add_cost();
        engine_.retire_ended();
    }

 private:
    // A source whose read hangs is not waited for: its last settled figures stand in.
    void refresh(metered_source& m) {
        const std::unique_lock<std::timed_mutex> lock(m.source.reading, patience);
        if (lock.owns_lock()) return engine_.sample(m);
        const double hung = static_cast<double>(engine_.clock().now() - m.source.reading_since()) *
                            engine_.tick_seconds();
        report_.warnings.push_back("backend " + std::string(m.source.name()) +
                                   " has not come back from a read for " + std::to_string(hung) +
                                   " s; its figures are as of the read before");
    }

    void add_rows() {
        const auto records = engine_.paths().all();
        std::unordered_map<const path_record*, std::vector<path_record*>> children;
        for (path_record* r : records) children[r->parent].push_back(r);
        const double tick = engine_.tick_seconds();
        const std::function<void(const path_record*)> add = [&](const path_record* parent) {
            const auto at = children.find(parent);
            if (at == children.end()) return;
            for (path_record* r : at->second) {
                scope_row row;
                row.path = r->path;
                row.depth = r->depth;
                row.calls = r->calls;
                row.time = seconds(static_cast<double>(r->ticks) * tick);
                row.items = r->items;
                if (r->items != 0) row.item_name = engine_.paths().item_name(*r);
                row.by_channel.resize(engine_.channel_count());
                row_of_.emplace(r, report_.scopes.size());
                report_.scopes.push_back(std::move(row));
                records_.push_back(r);
                variances_.push_back(0);
                add(r);
            }
        };
        add(nullptr);
    }

    void add_source(metered_source& m) {
        const std::lock_guard<std::mutex> lock(m.source.accounts);
        for (std::size_t c = 0; c < m.source.channel_count(); ++c) {
            add_channel(m, c);
            const std::size_t at = m.source.first_channel() + c;
            const bool summed = domains_.domains[at].summed;
            for (std::size_t i = 0; i < records_.size(); ++i) {
                const path_energy& e = records_[i]->energies[at];
                scope_row& row = report_.scopes[i];
                row.by_channel[at] = energy::from_joules(e.total);
                if (!summed) continue;
                row.total += energy::from_joules(e.total);
                row.self += energy::from_joules(e.self);
                variances_[i] += m.ledger.variance(*records_[i], c);
            }
        }
        part_mixtures(m);
        if (!m.source.remark().empty())
            report_.warnings.push_back(std::string(m.source.name()) + ": " +
                                       std::string(m.source.remark()));
        report_.overhead.samples += m.samples;
        report_.overhead.sampler += seconds(m.sampler_seconds);
    }

    // What the regressions know by now, without making it part of the books.
    void part_mixtures(const metered_source& m) {
        const std::size_t first = m.source.first_channel();
        for (const correction& k : m.ledger.mixed().part()) {
            scope_row* row = k.path != nullptr ? &report_.scopes[row_of_.at(k.path)] : nullptr;
            for (std::size_t c = 0; c < k.self.size(); ++c) {
                const energy self = energy::from_joules(k.self[c]);
                const energy total = energy::from_joules(k.total[c]);
                if (row == nullptr) {
                    report_.channels[first + c].unscoped += self;
                    continue;
                }
                row->by_channel[first + c] += total;
                if (!domains_.domains[first + c].summed) continue;
                row->total += total;
                row->self += self;
                variances_[row_of_.at(k.path)] += k.variance[c];
            }
        }
        const double told = m.ledger.mixed().gain();
        for (std::size_t i = 0; i < records_.size(); ++i) {
            const double own = records_[i]->self_ticks[m.source.index()];
            const double direct = records_[i]->direct_ticks[m.source.index()];
            if (own <= 0 || !report_.scopes[i].method.empty()) continue;
            report_.scopes[i].method = direct > own / 2 ? "edges"
                                       : told > 0.5     ? "unmixed"
                                                        : "share";
        }
    }

    void add_channel(const metered_source& m, std::size_t c) {
        const channel& from = m.source.channels()[c];
        const domain& place = domains_.domains[m.source.first_channel() + c];
        const channel_account& account = m.source.account(c);
        channel_row row;
        row.id = from.id;
        row.backend = std::string(m.source.name());
        row.part = from.part;
        row.kind = from.kind;
        row.parent = from.parent;
        row.summed = place.summed;
        row.why_not = place.why_not;
        row.total = energy::from_joules(m.ledger.settled()[c]);
        row.unscoped = energy::from_joules(m.ledger.unscoped()[c]);
        row.quantum_joules = from.quantum > 0 ? from.quantum : from.joules_per_count;
        row.update_period = from.update_period;
        row.accuracy = from.accuracy;
        row.tally = account.tally();
        row.state = state_of(m.source.state(), account);
        row.provenance = from.provenance;
        // A gauge's joules are computed, not counted.
        if (from.kind == reading_kind::power_gauge)
            row.provenance = worse_of(row.provenance, quality::derived);
        if (row.state != "ok" || row.tally.resets > 0 || row.tally.gaps > 0) {
            row.provenance = quality::partial;
            report_.warnings.push_back(what_is_missing(row));
        }
        report_.channels.push_back(std::move(row));
    }

    static std::string state_of(read_status last, const channel_account& account) {
        if (last == read_status::gone) return "gone";
        if (last == read_status::fatal) return "failed";
        return account.has_baseline() ? "ok" : "silent";
    }

    static std::string what_is_missing(const channel_row& row) {
        std::string text = "channel " + row.id + " is partial:";
        if (row.state == "gone") text += " its device went away;";
        if (row.state == "failed") text += " its backend gave up;";
        if (row.state == "silent") text += " it never gave a value;";
        if (row.tally.resets > 0)
            text += " " + std::to_string(row.tally.resets) +
                    " steps of its counter were not believable (resets);";
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
            row.uncertainty = energy::from_joules(2 * std::sqrt(variances_[i]));  // k = 2
            if (row.method.empty()) row.method = "share";
        }
        if (engine_.paths().folded())
            report_.warnings.push_back(
                "more than " + std::to_string(path_table::max_paths) +
                " distinct scope paths: further names are folded into \"(other)\"; "
                "use add_items() instead of putting numbers into scope names");
        if (edges_.too_deep > 0)
            report_.warnings.push_back(
                std::to_string(edges_.too_deep) + " scopes nested deeper than " +
                std::to_string(owned_tree::max_depth) + " are part of the scope around them");
    }

    void add_cost() {
        self_cost& cost = report_.overhead;
        cost.edges = seconds(static_cast<double>(edges_.ticks) * engine_.tick_seconds());
        cost.edge_reads = edges_.reads;
        cost.skipped_edges = edges_.skipped;
        const double spent = (cost.sampler + cost.edges).count();
        const double wall = engine_.seconds_since_birth();
        const double cpu = static_cast<double>(std::clock()) / CLOCKS_PER_SEC;
        if (wall > 0) cost.share_of_wall = spent / wall;
        if (cpu > 0) cost.share_of_cpu = spent / cpu;
    }

    static constexpr std::chrono::milliseconds patience{100};
    engine& engine_;
    const domain_tree& domains_;
    report& report_;
    edge_tally edges_;
    std::vector<path_record*> records_;  ///< in the order of the report's rows
    std::vector<double> variances_;      ///< of the rows' totals, J^2
    std::unordered_map<const path_record*, std::size_t> row_of_;
};

}  // namespace detail
}  // namespace v1
}  // namespace joulery
