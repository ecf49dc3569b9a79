// noise_bank.hpp - the noise models that explain a channel's rows best, and the search for them.
// SPDX-License-Identifier: MIT
#pragma once

#include "joulery/detail/attribution/noise_filter.hpp"
#include "joulery/detail/attribution/noise_grid.hpp"
#include "joulery/detail/attribution/power_solution.hpp"
#include "joulery/detail/attribution/row_window.hpp"
#include "joulery/detail/attribution/window_probe.hpp"
#include "joulery/detail/core/list.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <utility>
#include <vector>

namespace joulery {
inline namespace v1 {
namespace detail {

/// A handful of noise models that process every row as it comes, and one candidate at a time that
/// catches up with them over the rows in the window. The model that explains the rows better stays.
///
/// Units:  those of noise_filter. Thread: not synchronized; one owner.
/// Cost:   `add`: the members' filters; `search`: as many filter steps as `credit` says.
///
///     noise_bank bank;
///     bank.begin(watts);
///     bank.add(window, facts);                        // the row that window.add(...) took
///     bank.search(window, facts, prior, 32);
///     bank.weigh(prior, noise_bank::max_members);     // bank.solutions(), the best first
class noise_bank {
 public:
    static constexpr std::size_t max_members = 14;

    struct member {
        noise_place place;
        noise_filter filter;
        double evidence = 0;         ///< relative to the best, as of the last query
        std::size_t built_at = 0;    ///< number of rows then
        std::vector<double> checks;  ///< evidence after 16, 32, 64... rows of the window
    };

    [[nodiscard]] bool empty() const noexcept { return members_.empty(); }
    /// The best first, as of the last `weigh`; the solutions have the same order and may be fewer.
    [[nodiscard]] const list<member>& members() const noexcept { return members_; }
    [[nodiscard]] list<power_solution>& solutions() noexcept { return solutions_; }

    /// s, approximate length of the memory that the rows show, whatever the members say; 0: none.
    [[nodiscard]] double suspected_lag() const noexcept { return suspected_lag_; }

    void begin(double watts) {
        scale_ = watts;
        tried_.reserve(most_tried);
        for (const noise_place& p : first_places())
            members_.push_back({p, noise_filter(noise_model_at(p, scale_)), 0, 0, {}});
    }
    /// Processes the last row of the window.
    void add(row_window& window, const row_window::column_facts& facts) {
        const noise_model* prepared = nullptr;
        for (member& m : members_) {
            const noise_model& model = m.filter.model();
            if (prepared == nullptr || model.box != prepared->box ||
                model.exponent != prepared->exponent)
                window.prepare(window.size() - 1, facts, prepared_, model);
            prepared = &model;
            m.filter.add(prepared_);
        }
        ++rows_;
        if (solutions_.empty()) return;
        const double off = members_.front().filter.deviation_from(solutions_.front().watts);
        surprise_ += (std::min(off * off, 25.0) - surprise_) / 12;
    }
    /// Distance of about the last dozen rows from what the best model expected; on average 1.
    [[nodiscard]] double surprise() const noexcept { return surprise_; }
    /// As `row_window::shift`.
    void shift() {
        for (member& m : members_) {
            m.filter.shift();
            m.checks.clear();
        }
        center_checks_.clear();
        candidate_.clear();
    }
    /// Forgets the rows that the window has lost.
    void restart(row_window& window, const row_window::column_facts& facts) {
        for (member& m : members_) {
            m.filter = noise_filter(m.filter.model());
            m.checks.clear();
            m.built_at = 0;
            for (std::size_t k = 0; k < window.size(); ++k) {
                if (k == window.older_size()) m.filter.shift();
                window.prepare(k, facts, prepared_, m.filter.model());
                m.filter.add(prepared_);
            }
        }
        rows_ = window.size();
        round_at_ = 0;
        center_checks_.clear();
        candidate_.clear();
        tried_.clear();
        tried_.reserve(most_tried);
        moves_.clear();
    }
    /// Updates the solutions of the most likely members, at most `limit` of them.
    void weigh(const power_prior& prior, std::size_t limit) {
        auto better = [](const auto& a, const auto& b) { return a.evidence > b.evidence; };
        std::stable_sort(members_.begin(), members_.end(), better);
        const std::size_t asked = std::min(limit, members_.size());
        solutions_.clear();
        for (std::size_t i = 0; i < asked; ++i) {
            solutions_.push_back(solve(members_[i], prior));
            members_[i].evidence = solutions_.back().evidence;
        }
        const auto end = members_.begin() + static_cast<std::ptrdiff_t>(asked);
        std::stable_sort(members_.begin(), end, better);
        std::stable_sort(solutions_.begin(), solutions_.end(), better);
        const double best = solutions_.front().evidence;
        for (std::size_t i = 0; i < members_.size(); ++i) {
            double& evidence = members_[i].evidence;
            evidence = i < asked ? std::max(evidence - best, -1e6) : std::min(evidence, -20.0);
        }
    }

    /// The solution from the long rows of the window alone, under the best model; no powers if all
    /// rows are about equally long.
    [[nodiscard]] power_solution solve_long_rows(row_window& window,
                                                 const row_window::column_facts& facts,
                                                 const power_prior& prior) {
        power_solution none;
        double shortest = 1e30, longest = 0;
        for (std::size_t k = 0; k < window.size(); ++k) {
            shortest = std::min(shortest, window.length(k));
            longest = std::max(longest, window.length(k));
        }
        if (window.size() < 2 * first_check || longest < 8 * shortest) return none;
        noise_filter filter(members_.front().filter.model());
        double gap = 0;
        for (std::size_t k = 0; k < window.size(); ++k) {
            window.prepare(k, facts, prepared_, filter.model());
            prepared_.gap += gap;
            gap = prepared_.gap + prepared_.length;
            if (prepared_.length * prepared_.length < shortest * longest) continue;
            filter.add(prepared_);
            gap = 0;
        }
        power_prior fresh = prior;
        fresh.past = information();
        return solve_powers(filter, fresh);
    }

    void search(row_window& window, row_window::column_facts& facts, const power_prior& prior,
                double credit) {
        credit_ = std::min(credit_ + credit, 4000.0);
        const double evaluation = 2 + static_cast<double>(prior.columns) / 3;
        while (credit_ > 0) {
            if (candidate_.empty()) {
                begin_round(window, facts, prior);
                if (moves_.empty()) break;
                if (!propose()) continue;
            }
            member& c = candidate_.front();
            for (; replay_ < window.size() && credit_ > 0 && race(prior, evaluation); ++replay_) {
                if (replay_ == window.older_size()) c.filter.shift();
                window.prepare(replay_, facts, prepared_, c.filter.model());
                c.filter.add(prepared_);
                credit_ -= 1;
            }
            if (candidate_.empty()) continue;
            if (replay_ < window.size()) return;
            admit(prior);
            credit_ -= 2 * evaluation;
        }
        credit_ = std::min(credit_, 0.0);
    }

 private:
    struct attempt {
        noise_place place;
        double evidence;
        std::size_t rows;
    };
    static constexpr std::size_t most_tried = 200;

    [[nodiscard]] static power_solution solve(const member& m, const power_prior& prior) {
        power_solution s = solve_powers(m.filter, prior);
        s.evidence += m.place.log_prior();
        return s;
    }
    // A round climbs from the best of all or, every second time, from the best of the next family
    // and from places that are always tried. It begins when there are 8 % more rows.
    void begin_round(row_window& window, row_window::column_facts& facts,
                     const power_prior& prior) {
        const double seen = static_cast<double>(round_at_);
        if (static_cast<double>(rows_) < 1.08 * seen + 3 || rows_ < 20) return;
        round_at_ = rows_;
        weigh(prior, max_members);
        credit_ -= (2 + static_cast<double>(prior.columns) / 3) * max_members;
        learn_facts(window, facts, prior);
        const noise_place best = members_.front().place;
        if (!(best == last_best_)) tried_.clear();
        last_best_ = best;
        climb_from(members_.front());
        const noise_model& model = members_.front().filter.model();
        suspected_lag_ = prior.columns <= 32 ? probe_.lag(window, facts, model) : 0;
        if (prior.columns <= 32 && best.lag == 0)
            offer(places_of_exponent(best, probe_.exponent(window, facts, model, prior.channel)));
        offer(places_of_lag(suspected_lag_));
        if (++rounds_ % 2 == 0) {
            static constexpr int turns[] = {3, 1, 3, 2, 4, 0};
            const int family = turns[rounds_ / 2 % 6];
            for (const member& m : members_) {
                if (m.place.family() != family) continue;
                climb_from(m);
                noise_place p = best;
                p.lag = m.place.lag, p.lag_error = m.place.lag_error;
                offer({p});
                break;
            }
            offer(fresh_places(family));
        }
    }
    void climb_from(const member& m) {
        center_ = m.place;
        center_evidence_ = m.evidence;
        center_checks_ = m.checks;
        moves_.clear();
        offer(places_around(m.place));
    }
    // Whether the candidate continues. The first checks correct the size of its noise; at each
    // check it must not be far behind the model it started from.
    bool race(const power_prior& prior, double evaluation) {
        member& c = candidate_.front();
        const std::size_t check = c.checks.size();
        if (replay_ < first_check << check) return true;
        credit_ -= evaluation;
        const power_solution s = solve(c, prior);
        c.checks.push_back(s.evidence);
        const noise_place next = c.place.scaled(s.misfit);
        const bool scaled = check < 2 && next.white > c.place.white + 1;
        // A place that was unlikely before any row is not behind because of that.
        const double unlikely = center_.log_prior() - c.place.log_prior();
        const double behind =
            check < center_checks_.size() ? center_checks_[check] - s.evidence - unlikely : 0;
        if (behind < far && !scaled) return true;
        remember(c.place, scaled ? -far : -behind);
        candidate_.clear();
        offer({next});
        return false;
    }
    void remember(const noise_place& p, double evidence) {
        if (tried_.size() >= most_tried)
            tried_.erase(tried_.begin(), tried_.begin() + most_tried / 2);
        tried_.push_back({p, evidence, rows_});
    }
    static constexpr std::size_t first_check = 16;
    static constexpr double far = 10;
    void offer(const list<noise_place>& places) {
        for (noise_place p : places)
            if (on_grid(p) && !known(p)) moves_.push_back(p);
    }
    // Whether a place is in use, or was found bad recently.
    [[nodiscard]] bool known(const noise_place& p) const noexcept {
        for (const member& m : members_)
            if (m.place == p && m.built_at * 2 > rows_) return true;
        for (const attempt& a : tried_)
            if (a.place == p && a.rows * 2 > rows_ && a.evidence < -8) return true;
        return false;
    }
    bool propose() {
        const noise_place p = moves_.back();
        moves_.pop_back();
        if (known(p)) return false;
        candidate_.push_back({p, noise_filter(noise_model_at(p, scale_)), 0, rows_, {}});
        replay_ = 0;
        return true;
    }
    void admit(const power_prior& prior) {
        const power_solution best = solve(members_.front(), prior);
        member c = std::move(candidate_.front());
        candidate_.clear();
        const power_solution mine = solve(c, prior);
        c.evidence = std::max(mine.evidence - best.evidence, -1e6);
        remember(c.place, c.evidence);
        if (c.place == center_) center_checks_ = c.checks;
        if (c.evidence > center_evidence_ + 0.5 && c.place.family() == center_.family()) {
            const noise_place next = c.place.beyond(center_);
            climb_from(c);
            offer({next});
        }
        member* place = replaceable(c);
        if (place != nullptr) *place = std::move(c);
    }
    // The member that a new one replaces: its own older version, or the least likely one that is
    // not the only one of its family. None if the new one is less likely still, or adds nothing.
    member* replaceable(const member& c) {
        member* worst = nullptr;
        int count[noise_place::families] = {};
        for (member& m : members_) {
            if (m.place == c.place) return &m;
            ++count[m.place.family()];
        }
        for (member& m : members_) {
            const int family = m.place.family();
            if (family == c.place.family() && std::fabs(m.evidence - c.evidence) < 0.1)
                return nullptr;
            if (family != c.place.family() && count[family] < 2) continue;
            if (&m != &members_.front() && (worst == nullptr || m.evidence < worst->evidence))
                worst = &m;
        }
        return worst != nullptr && worst->evidence < c.evidence ? worst : nullptr;
    }

    // Learns from the rows' deviations which columns draw more, and how noisy each is.
    void learn_facts(row_window& window, row_window::column_facts& facts,
                     const power_prior& prior) {
        const std::size_t n = prior.columns + 1;
        const std::vector<double>& watts = solutions_.front().watts;
        facts.power[0] = watts[0] / prior.channel;
        for (std::size_t i = 1; i < n; ++i)
            facts.power[i] = std::max((watts[i] + prior.reference) / prior.channel, 0.05);
        noise_filter filter(members_.front().filter.model());
        std::vector<double> found(n, shrink), expected(n, shrink);
        for (std::size_t k = 0; k < window.size(); ++k) {
            window.prepare(k, facts, prepared_, filter.model());
            const double* seconds = prepared_.seconds;
            double joules = 0;
            for (std::size_t i = 0; i < n; ++i) joules += seconds[i] * watts[i];
            prepared_.seconds = &joules;
            prepared_.columns = 1;
            filter.add(prepared_);
            const double square = filter.last_deviation() * filter.last_deviation();
            const double scale = filter.model().white / filter.last_variance();
            for (std::size_t i = 1; i < n; ++i) {
                const double part = scale * facts.noisiness[i] * seconds[i];
                found[i] += part * std::min(square, 25.0);
                expected[i] += part;
            }
        }
        for (std::size_t i = 1; i < n; ++i) {
            double& x = facts.noisiness[i];
            x = std::min(std::max(x * found[i] / expected[i], 0.01), 100.0);
        }
    }
    static constexpr double shrink = 3;  ///< rows' worth of belief that all columns are alike

    double scale_ = 1;  ///< W
    std::size_t rows_ = 0;
    list<member> members_, candidate_;
    list<power_solution> solutions_;
    list<noise_place> moves_;
    list<attempt> tried_;
    noise_place last_best_, center_;
    double center_evidence_ = 0, credit_ = 0;
    std::vector<double> center_checks_;
    std::size_t replay_ = 0, round_at_ = 0, rounds_ = 0;
    filter_row prepared_;
    window_probe probe_;
    double suspected_lag_ = 0, surprise_ = 1;
};

}  // namespace detail
}  // namespace v1
}  // namespace joulery
