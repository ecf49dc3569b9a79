// change_finder.hpp - whether and where a channel's powers have changed between its rows.
// SPDX-License-Identifier: MIT
#pragma once

#include "joulery/detail/attribution/power_solution.hpp"
#include "joulery/detail/attribution/row_window.hpp"
#include "joulery/detail/core/list.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <vector>

namespace joulery {
inline namespace v1 {
namespace detail {

/// Where powers changed, by number among the places that were asked about.
struct power_change {
    bool found = false, is_likely = false;  ///< likely: found, or more rows will tell where
    std::size_t place = 0;                  ///< the likeliest one
    std::size_t first = 0, last = 0;        ///< the range of those nearly as likely
};

/// Compares two hypotheses about the rows of a window: each column has one power in all of them, or
/// it has one before some row and another from there on.
///
/// The noise models have learned from the same rows, and a change looks like noise to them. So both
/// hypotheses may scale the noise to what they leave unexplained, and are tried with the best noise
/// model and with plain white noise.
///
/// Thread: not synchronized; one owner. Cost: two filters over the window, and for each place four
/// solutions. Fails: it finds nothing where there are too few rows on either side.
///
///     change_finder finder;
///     const power_change c = finder.find(window, facts, model, prior, {16, 32, 48});
///     if (c.found) forget_rows_before(places[c.place]);
class change_finder {
 public:
    /// `places`: numbers of rows in the window, ascending. `model`: the best for all rows.
    [[nodiscard]] power_change find(row_window& window, const row_window::column_facts& facts,
                                    const noise_model& model, const power_prior& prior,
                                    const list<std::size_t>& places) {
        const std::size_t count = window.size();
        std::size_t possible = places.size();  // up to the last one with enough rows after it
        while (possible > 0 && places[possible - 1] + fewest_rows > count) --possible;
        if (possible == 0) return {};
        constant_ = -1e9;
        changed_.assign(possible, -1e9);
        noise_model plain;
        plain.white = model.white;
        for (const noise_model& m : {model, plain}) compare(window, facts, m, prior, places);
        const std::size_t best = static_cast<std::size_t>(
            std::max_element(changed_.begin(), changed_.end()) - changed_.begin());
        if (changed_[best] - constant_ < enough) return {};
        power_change c{true, true, best, best, best};
        for (std::size_t i = 0; i < possible; ++i) {
            if (changed_[i] < changed_[best] - nearly) continue;
            c.first = std::min(c.first, i);
            c.last = std::max(c.last, i);
        }
        // More rows will tell places apart, and if the last one is the best so far, a later one may
        // be better.
        const bool is_last = best + 1 == possible && count < places[best] + 2 * fewest_rows;
        c.found = !is_last && c.last - c.first <= 2;
        return c;
    }

 private:
    // Raises the evidence for each hypothesis to what it is under this noise model.
    void compare(row_window& window, const row_window::column_facts& facts,
                 const noise_model& model, const power_prior& prior,
                 const list<std::size_t>& places) {
        noise_filter filter(model);
        filter_rows(window, facts, filter, places);
        const information& all = filter.recent();
        power_prior fresh = prior;  // of the window alone
        fresh.past = information();
        const power_solution none = solve_powers(nothing_, nothing_, fresh);
        const power_solution one = solve_powers(nothing_, all, fresh);
        if (!(one.left > 0)) return;
        const auto rows = static_cast<double>(all.rows);
        const double n = static_cast<double>(prior.columns + 1);
        auto evidence = [&](double left, const power_solution& a, const power_solution& b) {
            const double noise = std::max(left, exact * one.left) / rows;
            double sum = rows * std::log(noise) + all.log_variance;
            for (const power_solution* s : {&a, &b})  // the price of telling powers apart
                sum += std::max(s->factor.log_determinant() - n * std::log(noise),
                                none.factor.log_determinant());
            return -0.5 * sum;
        };
        constant_ = std::max(constant_, evidence(one.left, one, none));
        for (std::size_t i = 0; i < changed_.size(); ++i) {
            if (places[i] < fewest_rows) continue;
            information since = all;
            since.add(until_[i], -1);
            const power_solution a = solve_powers(nothing_, until_[i], fresh);
            const power_solution b = solve_powers(nothing_, since, fresh);
            changed_[i] = std::max(changed_[i], evidence(a.left + b.left, a, b));
        }
        until_ = {};
    }
    void filter_rows(row_window& window, const row_window::column_facts& facts,
                     noise_filter& filter, const list<std::size_t>& places) {
        until_.clear();
        for (std::size_t k = 0; k < window.size(); ++k) {
            while (until_.size() < changed_.size() && places[until_.size()] <= k)
                until_.push_back(filter.recent());
            window.prepare(k, facts, row_, filter.model());
            filter.add(row_);
        }
        for (information& u : until_) u.resize(filter.recent().left.size());
    }

    static constexpr std::size_t fewest_rows = 24;
    // Nats. No noise model is the machine's, and many places are tried: without a change the most
    // seen under the noises of bench/accuracy was 30.
    static constexpr double enough = 32, nearly = 8;
    static constexpr double exact = 1e-9;  ///< of what is unexplained; as if it were nothing

    double constant_ = 0;
    std::vector<double> changed_;  ///< by place
    list<information> until_;      ///< what the rows before each place say
    information nothing_;
    filter_row row_;
};

}  // namespace detail
}  // namespace v1
}  // namespace joulery
