// books.hpp - shares the energy between two reads out over the scopes open in it.
// SPDX-License-Identifier: MIT
//
// `close` runs at every read of a source: the energy since the last close is claimed by the paths
// of a tree, each in proportion to the time it was open without an open child. `settle` runs when
// the sampler has closed all trees: claims that together exceed what the source counted are scaled
// down, and what nobody claimed is unscoped. So energy is conserved whatever the scopes do.
//
// A scope that alone was open between two reads has its joules for certain. Where several took
// turns the sum is certain and the parts are a mixture (mixture.hpp), shared by time at first and
// parted by power when enough intervals have told the powers apart.
#pragma once

#include "joulery/attribution.hpp"
#include "joulery/detail/attribution/device_shares.hpp"
#include "joulery/detail/attribution/edge_doubt.hpp"
#include "joulery/detail/attribution/interval.hpp"
#include "joulery/detail/attribution/lead_in.hpp"
#include "joulery/detail/attribution/mixture.hpp"
#include "joulery/detail/metering/energy_source.hpp"
#include "joulery/detail/timing/path_table.hpp"
#include "joulery/detail/timing/thread_context.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

namespace joulery {
inline namespace v1 {
namespace detail {

/// What is known of an interval when it is settled.
struct interval_end {
    std::uint64_t now;         ///< its last tick
    double tick_seconds;       ///< length of a tick
    std::vector<double> ours;  ///< by channel: share of the joules that scopes may be billed
    std::vector<double> variance_at_begin;  ///< of the channels' joules as of its first tick, J^2
    std::vector<double> variance_at_end;    ///< and as of its last
};

/// The books of one source. Belongs to the holder of the source's `accounts`.
class books {
 public:
    books(const energy_source& source, std::uint64_t now)
        : source_(source),
          settled_(source.channel_count()),
          settled_at_(now),
          unscoped_(source.channel_count()),
          delta_(source.channel_count()),
          open_(source.index()),
          mixtures_(source.channel_count()),
          edges_(source),
          lead_ins_(source.channel_count()) {}

    /// Joules of each channel since the start: what the source counted, and what edge reads know of
    /// that its counters will show at their next tick.
    [[nodiscard]] const std::vector<double>& settled() const noexcept { return settled_; }
    /// Joules of each channel that no scope was open for, or that were other processes', as of the
    /// last settling.
    [[nodiscard]] const std::vector<double>& unscoped() const noexcept { return unscoped_; }
    [[nodiscard]] const mixtures& mixed() const noexcept { return mixtures_; }

    /// Shares the energy since the tree's last close over its paths. `lags`: how old each channel's
    /// value is, in ticks, where that is known; what was used since is added at the power of the
    /// paths that were open. `spreads`: how sure these ages are. `begins`: the path that begins
    /// just now, at whose edge this is.
    void close(thread_context& tree, std::uint64_t now, const std::vector<double>& lags,
               const std::vector<double>& spreads, const path_record* begins = nullptr) {
        tree_mark& m = mark_of(tree);
        open_.clear();
        if (m.joules.empty()) open_account(m, tree.is_device());
        if (now <= m.at) return;
        open_.measure(tree, now, static_cast<double>(now - m.at));
        const bool certain = stretch_alone(m) >= updates_of_certainty * source_.slowest_tick();
        for (std::size_t c = 0; c < delta_.size(); ++c) {
            const double lag = lags[c];
            const double now_drawn = lately(m, c, lag, begins);
            const double joules = source_.joules()[c] + now_drawn * std::min(lag, open_.length()) +
                                  m.power[c] * std::max(lag - open_.length(), 0.0);
            delta_[c] = std::max(joules - m.joules[c], 0.0);
            m.joules[c] += delta_[c];
            const bool unclear = lag > 0 && !certain && has_lead_in(c, begins);
            lead_ins_.follow(m, c, open_, source_.tracker(c).period(),
                             {unclear ? begins : nullptr, now, lag, source_.joules()[c]});
            m.power[c] = recent(m.power[c], now_drawn, source_.tracker(c).period());
            if (!tree.takes(source_.first_channel() + c)) delta_[c] = 0;
        }
        m.at = now;
        const bool known = is_dated(m, spreads) || tree.is_device();
        claim_all(m, certain || (known && open_.parts() == 1));
    }

    /// After a close at the edge of a scope: what the read left in doubt lies on one side of the
    /// edge or the other. `drifts`: of the ages' doubt, what is the same until the next sample.
    void note_edge(thread_context& tree, const std::vector<double>& lags,
                   const std::vector<double>& lag_spreads, const std::vector<double>& drifts) {
        tree_mark& m = mark_of(tree);
        m.has_doubt = true;
        for (std::size_t c = 0; c < lags.size(); ++c) {
            const double power = m.power[c] > 0 ? m.power[c] : first_power(c);
            edges_.note(m, c, power, lags[c], lag_spreads[c], drifts[c]);
        }
    }
    /// Variance of a path's total in channel `c`, J^2.
    [[nodiscard]] double variance(const path_record& path, std::size_t c) const {
        const path_energy& e = path.energies[source_.first_channel() + c];
        // Where the meter began, the counter was within an update of saying so: all share in that.
        const double share = settled_[c] > 0 ? e.total / settled_[c] : 0;
        const double update = share * mean_of_channel(c) * source_.tracker(c).period();
        return e.variance + edge_doubt::variance(e) + update * update / 12;
    }

    /// The nodes of the tree last closed that were open since its close before.
    template <class Visit>
    void for_lately_open(Visit visit) const {
        for (const open_time& t : open_.nodes()) visit(*t.node);
    }

    /// Turns the claims of all trees since the last settling into joules of their paths.
    void settle(const std::vector<std::shared_ptr<thread_context>>& trees, attribution policy,
                interval_end end) {
        std::size_t busy = 0;
        for (const auto& t : trees) {
            if (mark_of(*t).shares != nullptr) part_device(mark_of(*t), end);
            busy += !t->is_device() && mark_of(*t).is_busy() ? 1u : 0u;
        }
        std::vector<double> factors, device_factors, unclaimed;
        for (std::size_t c = 0; c < settled_.size(); ++c) {
            // An edge read may have counted what the counter does not show yet.
            double known = std::max(settled_[c], source_.joules()[c]), claimed = 0, device = 0;
            for (const auto& t : trees) {
                if (!mark_of(*t).joules.empty()) known = std::max(known, mark_of(*t).joules[c]);
                (t->is_device() ? device : claimed) += mark_of(*t).scoped_joules(c);
            }
            const double used = known - settled_[c];
            settled_[c] = known;
            // Work on a device comes first: threads share what it left.
            const bool scales = policy != attribution::inclusive;
            const double left = std::max(used - device, 0.0);
            device_factors.push_back(end.ours[c] * (scales ? part_of(device, used) : 1.0));
            factors.push_back(end.ours[c] * (scales ? part_of(claimed, left) : 1.0));
            unclaimed.push_back(end.ours[c] * std::max(left - claimed, 0.0));
            unscoped_[c] += std::max(used - device * device_factors[c] - claimed * factors[c], 0.0);
        }
        double idle_ticks = static_cast<double>(end.now - settled_at_);
        for (const auto& t : trees) {
            if (t->is_device()) {
                pay(mark_of(*t), device_factors, false, end);
            } else {
                idle_ticks -= pay(mark_of(*t), factors, busy > 1, end);
            }
            end_claims(mark_of(*t), end.variance_at_end);
        }
        unscoped_ticks_ += std::max(idle_ticks, 0.0);
        if (busy > 1) {
            const double length = static_cast<double>(end.now - settled_at_) * end.tick_seconds;
            const double idle = idle_ticks * end.tick_seconds;
            mixtures_.note_contention(length, length - idle);
            if (idle > 0) mixtures_.add(mixtures_.contended(), nullptr, idle, unclaimed);
        }
        settled_at_ = end.now;
        tick_seconds_ = end.tick_seconds;
        mixtures_.end_interval(end.variance_at_begin, end.variance_at_end);
        mixtures_.refresh();
        if (mixtures_.intervals() >= intervals_a_parting) part_mixtures();
    }

 private:
    static constexpr std::size_t intervals_a_parting = 300;

    [[nodiscard]] tree_mark& mark_of(thread_context& tree) const {
        return tree.marks[source_.index()];
    }

    // A tree made since the last settling shares in what was used since then: it was closed before.
    void open_account(tree_mark& m, bool device) const {
        if (device) m.shares = std::make_shared<device_shares>(settled_.size());
        m.at = settled_at_;
        m.spread = source_.slowest_tick();
        m.joules = settled_;
        m.power.assign(settled_.size(), 0.0);
        m.power_variance.assign(settled_.size(), 0.0);
        m.power_bias.assign(settled_.size(), 0.0);
        m.led.assign(settled_.size(), {});
        m.edge_variance.assign(settled_.size(), 0.0);
        m.doubt.assign(settled_.size(), 0.0);
        m.drift.assign(settled_.size(), 0.0);
    }

    // Joules per tick of the paths that were open, each at its mean so far.
    [[nodiscard]] double power_of_open(const tree_mark& m, std::size_t c) const {
        const device_shares* d = m.shares.get();
        double sum = open_.idle() * (d != nullptr ? blended(d->idle_joules(c), d->idle_ticks(), c)
                                                  : mean_power(nullptr, c));
        for (const open_time& t : open_.nodes())
            sum += mean_power(t.node->path, c) * open_.share(t.own());
        return sum;
    }
    // Variance of the power of one that was open about the mean of all.
    [[nodiscard]] double spread_of_open(std::size_t c, double mean) const {
        double sum = 0;
        for (const open_time& t : open_.nodes()) {
            const double off = mean_power(t.node->path, c) - mean;
            sum += off * off * open_.share(t.own());
        }
        return sum;
    }
    [[nodiscard]] double mean_power(path_record* path, std::size_t c) const {
        const bool mixed = path == nullptr || path->direct_ticks[source_.index()] <
                                                  path->self_ticks[source_.index()] / 2;
        if (const double watts = mixed ? mixtures_.watts_of(path, c) : 0; watts > 0)
            return watts * tick_seconds_;
        const double ticks = path != nullptr ? path->self_ticks[source_.index()] : unscoped_ticks_;
        const double joules =
            path != nullptr ? path->energies[source_.first_channel() + c].self : unscoped_[c];
        return blended(joules, ticks, c);
    }
    // What was seen for less than a few updates of the counter says little: the channel's mean
    // stands in for what is missing.
    [[nodiscard]] double blended(double joules, double ticks, std::size_t c) const {
        const double little = source_.tracker(c).period();
        return (joules + mean_of_channel(c) * little) / (ticks + little);
    }
    // Before the first settling: what came so far, over the time so far.
    [[nodiscard]] double first_power(std::size_t c) const {
        return open_.now() > born_ ? source_.joules()[c] / static_cast<double>(open_.now() - born_)
                                   : 0;
    }
    [[nodiscard]] double mean_of_channel(std::size_t c) const {
        return settled_at_ > born_ ? settled_[c] / static_cast<double>(settled_at_ - born_) : 0;
    }

    // The power that was drawn last: where one path was open for long, its own; else what is known
    // of all that were, and of what comes before the path that begins.
    [[nodiscard]] double lately(tree_mark& m, std::size_t c, double lag,
                                const path_record* begins) {
        m.power_variance[c] = m.power_bias[c] = 0;
        if (lag <= 0) return power_of_open(m, c);
        if (open_.parts() == 1 && open_.length() >= 3 * source_.tracker(c).period())
            return std::max(source_.joules()[c] - m.joules[c], 0.0) / (open_.length() - lag);
        const double guess = power_of_open(m, c);
        if (!has_lead_in(c, begins)) return guess;
        const lead_in::power known =
            lead_ins_.of(begins, c).given(guess, unmixer::prior_spread * mean_of_channel(c));
        const double each = std::min(spread_of_open(c, guess) * lag * lag, known.noise);
        m.power_variance[c] = known.variance + each / (lag * lag);
        m.power_bias[c] = (known.calls - 1) * known.variance;
        return known.mean;
    }
    // Whether it is open who ran just before: several were open in the interval.
    [[nodiscard]] bool has_lead_in(std::size_t c, const path_record* begins) const {
        return begins != nullptr && (open_.parts() > 1 || !mixtures_.knows(c));
    }
    // Over the last update of the counter.
    [[nodiscard]] double recent(double before, double now, double period) const noexcept {
        const double share = std::min(open_.length() / period, 1.0);
        return before + share * (now - before);
    }
    void claim_all(tree_mark& m, bool certain) {
        path_record* container = open_.container();
        // One scope's sum over too short a time has as much of its neighbours in it.
        if (open_.parts() == 1 && !certain && container != nullptr) container = container->parent;
        for (const open_time& t : open_.nodes())  // joined work lies on another path
            while (!encloses(container, t.node->path)) container = container->parent;
        edges_.book(m, open_.busiest(), certain, container);
        for (const open_time& t : open_.nodes()) {
            const double own = open_.share(t.own());
            if (own > 0)
                claim(m, t.node->marks[source_.index()].claim,
                      {container, t.node->path, certain, own * open_.length(), {}}, own);
        }
        const double idle = open_.idle();
        if (idle > 0)
            claim(m, m.idle_claim, {nullptr, nullptr, certain, idle * open_.length(), {}}, idle);
    }

    static constexpr double spreads_of_certainty = 200;
    // Whether both reads are dated so well that what one path had between them is its own.
    [[nodiscard]] bool is_dated(tree_mark& m, const std::vector<double>& spreads) const {
        const double now = *std::max_element(spreads.begin(), spreads.end());
        const double doubt = std::exchange(m.spread, now) + now;
        return doubt * spreads_of_certainty <= open_.length();
    }
    // How long the path that alone was open has been so by now, over closes; 0: there were several.
    [[nodiscard]] double stretch_alone(tree_mark& m) const {
        const bool alone = open_.parts() == 1;
        const bool goes_on = std::exchange(m.was_alone, alone) && m.last_path == open_.busiest();
        if (!goes_on) m.alone_since = m.at;
        return alone ? static_cast<double>(open_.now() - m.alone_since) : 0;
    }
    // `slot`: where the path's last claim stands. Claims are made over and over; their room is
    // kept.
    void claim(tree_mark& m, std::uint32_t& slot, path_claim&& made, double share) {
        const bool same = slot < m.claim_count && m.claims[slot].path == made.path &&
                          m.claims[slot].container == made.container &&
                          m.claims[slot].certain == made.certain;
        if (!same) {
            slot = static_cast<std::uint32_t>(m.claim_count++);
            if (slot == m.claims.size()) m.claims.emplace_back();
            path_claim& fresh = m.claims[slot];
            fresh.container = made.container;
            fresh.path = made.path;
            fresh.certain = made.certain;
            fresh.ticks = 0;
            fresh.joules.assign(delta_.size(), 0.0);
        }
        path_claim& into = m.claims[slot];
        into.ticks += made.ticks;
        for (std::size_t c = 0; c < delta_.size(); ++c) into.joules[c] += delta_[c] * share;
    }

    // Books a tree's claims; returns the ticks that its scopes were open. With several busy trees
    // nothing is certain: all of the interval is one mixture.
    double pay(tree_mark& m, const std::vector<double>& factors, bool contended,
               const interval_end& end) {
        double scoped = 0;
        m.for_claims([&](path_claim& k) {
            for (std::size_t c = 0; c < factors.size(); ++c)
                k.joules[c] *= k.path != nullptr ? factors[c] : end.ours[c];
            if (k.path != nullptr) {
                for (path_record* p = k.path; p != nullptr; p = p->parent) edges_.settle(*p);
                scoped += k.ticks;
                book(*k.path, k.joules, k.joules);
                for (path_record* up = k.path->parent; up != nullptr; up = up->parent)
                    book(*up, {}, k.joules);
                k.path->self_ticks[source_.index()] += k.ticks;
                if (k.certain && !contended) k.path->direct_ticks[source_.index()] += k.ticks;
            }
            if (contended && k.path != nullptr) {
                mixtures_.add(mixtures_.contended(), k.path, k.ticks * end.tick_seconds, k.joules);
            } else if (!contended && !k.certain && m.shares == nullptr) {
                mixtures_.add(k.container, k.path, k.ticks * end.tick_seconds, k.joules);
            }
        });
        return scoped;
    }

    // How much of what is claimed there is.
    static double part_of(double claimed, double there) noexcept {
        return claimed > there && claimed > 0 ? there / claimed : 1.0;
    }

    void part_device(tree_mark& m, const interval_end& end) const {
        m.shares->part(m, end.tick_seconds, end.variance_at_begin, end.variance_at_end,
                       [&](path_record* path, std::size_t c, double variance) {
                           for (; path != nullptr; path = path->parent)
                               path->energies[source_.first_channel() + c].variance += variance;
                       });
    }

    static void end_claims(tree_mark& m, std::vector<double>& variance) {
        for (std::size_t c = 0; c < m.edge_variance.size(); ++c) {
            variance[c] += m.edge_variance[c];
            m.edge_variance[c] = 0;
        }
        m.claim_count = 0;
    }

    void book(path_record& path, const std::vector<double>& self,
              const std::vector<double>& total) const {
        path_energy* at = &path.energies[source_.first_channel()];
        for (std::size_t c = 0; c < self.size(); ++c) at[c].self += self[c];
        for (std::size_t c = 0; c < total.size(); ++c) at[c].total += total[c];
    }

    // Makes what the regressions know by now part of the books, and begins new mixtures.
    void part_mixtures() {
        for (const correction& k : mixtures_.part()) {
            if (k.path == nullptr) {
                for (std::size_t c = 0; c < unscoped_.size(); ++c) unscoped_[c] += k.self[c];
                continue;
            }
            book(*k.path, k.self, k.total);
            for (std::size_t c = 0; c < unscoped_.size(); ++c)
                k.path->energies[source_.first_channel() + c].variance += k.variance[c];
        }
        mixtures_.start_anew();
    }

    const energy_source& source_;
    std::vector<double> settled_;  ///< joules by channel at the last settling
    std::uint64_t settled_at_;     ///< tick of the last settling
    const std::uint64_t born_ = settled_at_;
    std::vector<double> unscoped_;
    double unscoped_ticks_ = 0;
    double tick_seconds_ = 0;
    std::vector<double> delta_;  ///< joules of the interval being closed, by channel
    interval open_;              ///< who was open in it
    mixtures mixtures_;
    edge_doubt edges_;
    lead_ins lead_ins_;
};

}  // namespace detail
}  // namespace v1
}  // namespace joulery
