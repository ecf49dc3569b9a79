// span_prices.hpp - the present price of a tick of work on each path, for spans that end.
// SPDX-License-Identifier: MIT
#pragma once

#include "joulery/carbon/carbon_model.hpp"
#include "joulery/detail/core/list.hpp"
#include "joulery/detail/metering/domain_tree.hpp"
#include "joulery/detail/session/engine.hpp"
#include "joulery/detail/timing/path_table.hpp"
#include "joulery/quality.hpp"
#include "joulery/units.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <mutex>

namespace joulery {
inline namespace v1 {
namespace detail {

/// Computes the prices by which `span::end` multiplies times: joules of each path over its busy
/// time.
///
/// Thread: one at a time. Cost: that of a snapshot without its report. Fails: without channels
/// there are no prices, and spans have no energy.
///
///     span_prices(engine, beliefs, carbon).find(true);   // reads the counters first
class span_prices {
 public:
    span_prices(engine& e, const domain_beliefs& beliefs, const carbon_model& carbon)
        : engine_(e), domains_(*beliefs.tree()), carbon_(carbon) {}

    void find(bool read) {
        if (read) sample_all();
        for (const auto& m : engine_.backends()) add_backend(*m);
        list<path_tally> tallies;
        (void)engine_.tally(tallies);
        const list<path_record*> records = engine_.paths().all();
        const std::size_t known = std::min({tallies.size(), records.size(), sums_.size()});
        for (std::size_t i = 0; i < known; ++i) set_price(*records[i], tallies[i], sums_[i]);
        set_rates();
    }

 private:
    struct path_sum {
        double joules = 0, variance = 0;
    };

    void sample_all() {
        for (const auto& m : engine_.backends()) {
            const std::unique_lock<timed_mutex> lock(m->reader.read_mutex, std::try_to_lock);
            if (lock.owns_lock()) engine_.sample(*m);
        }
    }

    void add_backend(metered_backend& m) {
        const std::lock_guard<std::mutex> lock(m.reader.state_mutex);
        for (std::size_t c = 0; c < m.reader.channel_count(); ++c) {
            if (!domains_.domains[m.reader.first_channel() + c].summed) continue;
            channel_attribution& shares = m.shares[c];
            const list<path_energy> energies = shares.known_so_far();
            if (sums_.size() + 1 < energies.size()) sums_.resize(energies.size() - 1);
            const double model = model_error(m.reader.channels()[c]);
            for (std::size_t p = 1; p < energies.size(); ++p) {
                const double off = model * energies[p].total;
                sums_[p - 1].joules += energies[p].total;
                sums_[p - 1].variance += energies[p].variance + off * off;
            }
            own_joules_ += shares.own_joules();
            worst_ = any_ ? worse_of(worst_, m.reader.channels()[c].provenance)
                          : m.reader.channels()[c].provenance;
            any_ = true;
        }
    }

    static void set_price(path_record& path, const path_tally& tally, const path_sum& sum) {
        const auto ticks = static_cast<double>(tally.ticks + tally.task_ticks);
        if (!(ticks > 0) || !(sum.joules > 0)) return;
        path.price.joules_per_tick.store(sum.joules / ticks, std::memory_order_relaxed);
        path.price.deviation.store(std::sqrt(sum.variance) / ticks, std::memory_order_relaxed);
        path.price.ticks.store(ticks, std::memory_order_relaxed);
    }

    void set_rates() {
        span_rates& rates = engine_.paths().rates;
        const double seconds = engine_.elapsed();
        if (seconds > 0 && own_joules_ > 0)
            rates.joules_per_tick.store(own_joules_ / seconds * engine_.tick_seconds(),
                                        std::memory_order_relaxed);
        const wall_time now = wall_time::now();
        const auto before = wall_time::from_unix_seconds(now.unix_seconds() - 1);
        rates.grams_per_joule.store(carbon_.of(energy::from_joules(1), before, now).grams(),
                                    std::memory_order_relaxed);
        // Energy computed as time times power is not counted.
        const quality q = any_ ? worse_of(worst_, quality::derived) : quality::partial;
        rates.provenance.store(static_cast<unsigned char>(q), std::memory_order_relaxed);
    }

    engine& engine_;
    const domain_tree domains_;
    const carbon_model& carbon_;
    list<path_sum> sums_;  ///< by path index
    double own_joules_ = 0;
    quality worst_ = quality::measured;
    bool any_ = false;
};

}  // namespace detail
}  // namespace v1
}  // namespace joulery
