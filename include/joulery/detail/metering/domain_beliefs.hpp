// domain_beliefs.hpp - which meters of wholes are believed, by what they and their parts counted.
// SPDX-License-Identifier: MIT
#pragma once

#include "joulery/backend.hpp"
#include "joulery/detail/core/concat.hpp"
#include "joulery/detail/core/list.hpp"
#include "joulery/detail/core/unit_text.hpp"
#include "joulery/detail/metering/domain_tree.hpp"
#include "joulery/units.hpp"

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

namespace joulery {
inline namespace v1 {
namespace detail {

/// What a channel has told so far.
struct channel_observation {
    double joules = 0;
    bool has_value = true;  ///< false: no value that is believed comes, or came
};

/// The domain tree of a meter, which learns: a meter of a whole that stands still, gives no value,
/// or counts less than its parts is not believed, and the parts are summed instead.
///
/// Some machines' psys counts less than its processors (Kaby Lake), some cards' own counter stays
/// 0 beside that of their package (xe), some inlets and chassis meters are not wired.
/// Thread: any. Cost: linear in the channels; quadratic once for each new doubt.
/// Fails:  never. A doubt stays: a total that changes its mind would fall.
///
///     domain_beliefs beliefs(channels, owners);
///     auto tree = beliefs.update(observations, elapsed);
class domain_beliefs {
 public:
    domain_beliefs() : domain_beliefs({}, {}) {}
    /// `owners`: by channel, the number of its backend.
    domain_beliefs(std::vector<channel> channels, std::vector<std::size_t> owners)
        : channels_(std::move(channels)),
          owners_(std::move(owners)),
          doubts_(channels_.size()),
          tree_(std::make_shared<const domain_tree>(build_domain_tree(channels_))) {}

    /// The tree as of the last update.
    [[nodiscard]] std::shared_ptr<const domain_tree> tree() const {
        const std::lock_guard<std::mutex> lock(mutex_);
        return tree_;
    }

    /// Looks at what the channels counted in `elapsed` seconds.
    std::shared_ptr<const domain_tree> update(const list<channel_observation>& seen,
                                              double elapsed) {
        const std::lock_guard<std::mutex> lock(mutex_);
        // A part that becomes a root may be a whole itself.
        while (seen.size() == channels_.size() && elapsed >= shortest_seconds &&
               find_doubts(seen, elapsed))
            tree_ = std::make_shared<const domain_tree>(place());
        return tree_;
    }

 private:
    static constexpr double shortest_seconds = 1;
    static constexpr double tolerance = 1.05;
    static constexpr double fewest_updates = 10;

    bool find_doubts(const list<channel_observation>& seen, double elapsed) {
        bool any = false;
        for (std::size_t i = 0; i < channels_.size(); ++i) {
            if (!tree_->domains[i].summed || !doubts_[i].empty()) continue;
            doubts_[i] = doubt_about(i, seen, elapsed);
            any = any || !doubts_[i].empty();
        }
        return any;
    }

    [[nodiscard]] std::string doubt_about(std::size_t i, const list<channel_observation>& seen,
                                          double elapsed) const {
        double inside = 0;
        for (std::size_t k = 0; k < channels_.size(); ++k)
            if (is_own_part(k, i) && seen[k].has_value) inside += seen[k].joules;
        const channel& c = channels_[i];
        const double update = std::chrono::duration<double>(c.update_period).count();
        if (!seen[i].has_value) {
            const bool replaced = inside > 0 || (extent_of(c) >= extent::computer && has_other(i));
            return replaced && seen[i].joules <= 0 ? "not believed: it gives no plausible value"
                                                   : std::string();
        }
        if (seen[i].joules <= 0 && inside > 0 && elapsed >= fewest_updates * update)
            return "not believed: it stands still, while what lies in it counts";
        // What its last update may not show yet.
        const double behind = smallest_joules(c) + inside / elapsed * 2 * update;
        if (!(inside > tolerance * (seen[i].joules + behind))) return {};
        return concat({"not believed: it counted ", to_text(energy::from_joules(seen[i].joules)),
                       ", less than the ", to_text(energy::from_joules(inside)),
                       " of what lies in it"});
    }

    // Other backends may show the same parts once more.
    [[nodiscard]] bool is_own_part(std::size_t part, std::size_t whole) const {
        const domain& d = tree_->domains[part];
        return d.parent == static_cast<std::ptrdiff_t>(whole) && !d.parent_id.empty() &&
               owners_[part] == owners_[whole];
    }
    [[nodiscard]] bool has_own_parts(std::size_t whole) const {
        for (std::size_t k = 0; k < channels_.size(); ++k)
            if (is_own_part(k, whole)) return true;
        return false;
    }
    // Something that can take the place of a meter of the machine.
    [[nodiscard]] bool has_other(std::size_t i) const {
        for (std::size_t k = 0; k < channels_.size(); ++k)
            if (k != i && doubts_[k].empty() && channels_[k].parent != channels_[i].id &&
                (is_stand_in(channels_[k]) || counts_processors(channels_[k]) ||
                 extent_of(channels_[k]) == extent::machine))
                return true;
        return false;
    }

    // What another backend shows of a doubted whole is left out where the whole's own parts count.
    [[nodiscard]] domain_tree place() const {
        domain_tree placed = build_domain_tree(channels_, doubts_);
        for (std::size_t k = 0; k < channels_.size(); ++k) {
            const domain& before = tree_->domains[k];
            domain& now = placed.domains[k];
            if (before.parent < 0 || before.parent_id.empty() || !now.summed) continue;
            const auto whole = static_cast<std::size_t>(before.parent);
            if (doubts_[whole].empty() || owners_[k] == owners_[whole] || !has_own_parts(whole))
                continue;
            now.summed = false;
            now.exclusion_reason =
                concat({"contained in what is summed instead of ", channels_[whole].id});
        }
        return placed;
    }

    std::vector<channel> channels_;
    std::vector<std::size_t> owners_;
    std::vector<std::string> doubts_;  ///< "": believed
    std::shared_ptr<const domain_tree> tree_;
    mutable std::mutex mutex_;
};

}  // namespace detail
}  // namespace v1
}  // namespace joulery
