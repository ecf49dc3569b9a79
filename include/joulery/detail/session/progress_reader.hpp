// progress_reader.hpp - what the progress line shows, as of the last samples.
// SPDX-License-Identifier: MIT
#pragma once

#include "joulery/detail/core/finite.hpp"
#include "joulery/detail/core/list.hpp"
#include "joulery/detail/metering/domain_tree.hpp"
#include "joulery/detail/session/engine.hpp"
#include "joulery/detail/session/progress_line.hpp"
#include "joulery/detail/timing/thread_context.hpp"
#include "joulery/detail/timing/path_table.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <limits>
#include <mutex>

namespace joulery {
inline namespace v1 {
namespace detail {

/// Sums up a run as of its last samples. It reads no counter, so figures are as old as a sampling
/// period.
///
/// Thread: any. Cost: a short lock per backend, and a walk over the scopes if one has a total.
///
///     progress_figures f = progress_reader(engine, domains).read();
class progress_reader {
 public:
    progress_reader(engine& e, const domain_tree& domains) : engine_(e), domains_(domains) {}

    [[nodiscard]] progress_figures read() {
        progress_figures f;
        f.time = seconds(engine_.elapsed());
        find_plan();
        double watts = 0;
        for (const auto& m : engine_.backends()) {
            const std::lock_guard<std::mutex> lock(m->reader.state_mutex);
            for (std::size_t c = 0; c < m->reader.channel_count(); ++c) {
                const std::size_t at = m->reader.first_channel() + c;
                if (!domains_.domains[at].summed) continue;
                f.provenance = worse_of(f.provenance, m->reader.channels()[c].provenance);
                f.total += energy::from_joules(m->shares[c].joules());
                watts += m->history.latest_watts(c);
                any_channel_ = true;
                if (path_ != nullptr) path_joules_ += path_joules(*m, c);
            }
        }
        f.now = power::from_watts(watts);
        if (!any_channel_) {
            f.now = power::from_watts(not_a_number());
            f.total = energy::from_joules(not_a_number());
        }
        if (path_ != nullptr) add_progress(f.progress);
        return f;
    }

 private:
    double path_joules(metered_backend& m, std::size_t c) const {
        (void)m.shares[c].publish();
        return m.shares[c].total_of(*path_);
    }

    // The outermost scope with a total; the same path on several threads counts as one.
    void find_plan() {
        std::uint32_t depth = std::numeric_limits<std::uint32_t>::max();
        engine_.for_item_plans([&](const item_plan& p) {
            const bool same = p.node->path == path_;
            if (!same && p.node->depth >= depth) return;
            if (!same) {
                path_ = p.node->path;
                depth = p.node->depth;
                begun_ = p.at;
                done_ = total_ = 0;
            }
            begun_ = std::min(begun_, p.at);
            done_ += p.done();
            total_ += p.total;
        });
    }

    // Joules per item over all calls of the path, as the report will show it.
    void add_progress(progress_state& p) {
        list<path_tally> tallies;
        engine_.tally(tallies);
        const double items = path_->index < tallies.size() ? tallies[path_->index].items : 0;
        p.path = path_->path;
        p.item_name = engine_.paths().item_name(*path_);
        p.done = done_;
        p.total = total_;
        const std::uint64_t now = engine_.clock().now();
        p.time = seconds(static_cast<double>(now - std::min(now, begun_)) * engine_.tick_seconds());
        p.per_item = energy::from_joules(not_a_number());
        if (items > 0 && any_channel_) p.per_item = energy::from_joules(path_joules_ / items);
    }

    engine& engine_;
    const domain_tree& domains_;
    const path_record* path_ = nullptr;  ///< the scope with a total; null: none
    double done_ = 0, total_ = 0;
    std::uint64_t begun_ = 0;
    double path_joules_ = 0;
    bool any_channel_ = false;
};

}  // namespace detail
}  // namespace v1
}  // namespace joulery
