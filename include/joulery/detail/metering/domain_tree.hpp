// domain_tree.hpp - which channels contain which, and which are plausible and summed.
// SPDX-License-Identifier: MIT
#pragma once

#include "joulery/backend.hpp"
#include "joulery/detail/core/concat.hpp"
#include "joulery/detail/core/list.hpp"
#include "joulery/detail/core/unit_text.hpp"
#include "joulery/detail/metering/containment.hpp"
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

/// A channel's place in the tree.
struct domain {
    std::ptrdiff_t parent = -1;  ///< index of the containing channel; -1: a root
    bool summed = true;          ///< its energy is part of the machine's total
    std::string
        exclusion_reason;   ///< if not summed: "contained in cpu0/package", "same counter as ..."
    std::string parent_id;  ///< of the containing channel; "" for a root and for a duplicate
};

struct domain_tree {
    detail::list<domain> domains;       ///< one per channel, in the given order
    std::vector<std::string> warnings;  ///< parents that don't exist, cycles
};

namespace detail {

/// Builds a tree from the most certain facts to the least: duplicates, containment stated by
/// backends, known relations between kinds of meters, and then the choice of the total.
class domain_placer {
 public:
    domain_placer(const std::vector<channel>& channels, std::vector<std::string> distrust)
        : channels_(channels), distrust_(std::move(distrust)) {
        tree_.domains.resize(channels.size());
        distrust_.resize(channels.size());
    }

    domain_tree place() {
        for (std::size_t i = 0; i < channels_.size(); ++i)
            if (is_distrusted(i)) at(i).summed = false, at(i).exclusion_reason = distrust_[i];
        for (std::size_t i = 0; i < channels_.size(); ++i) place_by_name(i);
        for (std::size_t i = 0; i < channels_.size(); ++i) break_circle(i);
        for (std::size_t i = 0; i < channels_.size(); ++i) set_apart(i);
        for (std::size_t i = 0; i < channels_.size(); ++i) place_by_kind(i);
        for (std::size_t i = 0; i < channels_.size(); ++i) sum_or_say_why(i);
        return std::move(tree_);
    }

 private:
    domain& at(std::size_t i) { return tree_.domains[i]; }
    [[nodiscard]] bool is_distrusted(std::size_t i) const { return !distrust_[i].empty(); }
    template <class Is>
    [[nodiscard]] bool any(Is is) const {
        for (std::size_t i = 0; i < channels_.size(); ++i)
            if (!is_distrusted(i) && is(channels_[i])) return true;
        return false;
    }
    const channel& of(std::ptrdiff_t i) const { return channels_[static_cast<std::size_t>(i)]; }

    std::ptrdiff_t first_with(const std::string& id) const {
        for (std::size_t i = 0; i < channels_.size(); ++i)
            if (channels_[i].id == id) return static_cast<std::ptrdiff_t>(i);
        return -1;
    }

    void place_by_name(std::size_t i) {
        const channel& c = channels_[i];
        for (std::size_t j = 0; j < i && !is_distrusted(i); ++j) {
            if (is_distrusted(j)) continue;
            const bool same_id = channels_[j].id == c.id;
            if (!same_id && !is_same_card(channels_[j], c)) continue;
            at(i).parent = static_cast<std::ptrdiff_t>(j);
            at(i).summed = false;
            at(i).exclusion_reason = same_id ? concat({"same counter as the first ", c.id})
                                             : concat({"the same card as ", channels_[j].id});
            return;
        }
        if (c.parent.empty() || is_distrusted(i)) return;
        at(i).parent = first_with(c.parent);
        if (at(i).parent >= 0 && is_distrusted(static_cast<std::size_t>(at(i).parent)))
            at(i).parent = -1;
        else if (at(i).parent < 0)
            tree_.warnings.push_back(
                concat({"channel ", c.id, " names a parent that does not exist: ", c.parent,
                        "; it is summed as a root"}));
    }

    void break_circle(std::size_t i) {
        std::ptrdiff_t up = at(i).parent;
        std::size_t steps = 0;
        while (up >= 0 && steps++ <= channels_.size()) up = at(static_cast<std::size_t>(up)).parent;
        if (up < 0) return;  // reached a root
        tree_.warnings.push_back(
            concat({"channel ", channels_[i].id,
                    " contains itself by its parents; it is summed as a root"}));
        at(i) = domain{};
    }

    // If a whole-machine meter is not chosen as the total, its contents are summed instead.
    void set_apart(std::size_t i) {
        const channel& c = channels_[i];
        if (at(i).parent >= 0 || is_distrusted(i)) return;
        if (extent_of(c) == extent::sockets && any(is_card)) {
            at(i).exclusion_reason = "excluded: whether it includes the cards depends on the board";
        } else if (extent_of(c) == extent::machine) {
            const std::ptrdiff_t better = better_machine(i);
            if (better >= 0) {
                at(i).exclusion_reason =
                    concat({"excluded: the machine is counted by ", of(better).id});
            } else if (is_slow(c) && any([&](const channel& x) {
                           return counts_processors(x) && x.parent != c.id;
                       })) {
                at(i).exclusion_reason = "excluded: the machine's parts are counted faster";
            }
        } else if (is_stand_in(c) &&
                   any([](const channel& x) { return x.provenance != quality::estimated; })) {
            at(i).exclusion_reason = "excluded: an estimate is not added to measured energy";
        }
        at(i).summed = at(i).exclusion_reason.empty();
    }

    // Of several whole-machine meters the first counts; fast ones come before slow ones.
    std::ptrdiff_t better_machine(std::size_t i) const {
        for (std::size_t j = 0; j < channels_.size(); ++j) {
            const channel& other = channels_[j];
            if (j == i || is_distrusted(j) || extent_of(other) != extent::machine ||
                !other.parent.empty())
                continue;
            const bool faster = !is_slow(other) && is_slow(channels_[i]);
            const bool slower = is_slow(other) && !is_slow(channels_[i]);
            if (faster || (!slower && j < i)) return static_cast<std::ptrdiff_t>(j);
        }
        return -1;
    }

    // Places it under the narrowest meter that contains such a channel.
    void place_by_kind(std::size_t i) {
        const channel& c = channels_[i];
        if (!at(i).summed || (at(i).parent >= 0 && !is_apart(at(i).parent))) return;
        for (std::size_t j = 0; j < channels_.size(); ++j) {
            const bool usable =
                !is_second_view(j) && at(j).exclusion_reason.empty() && !lies_in(j, i);
            if (!usable || !contains(channels_[j], c)) continue;
            const std::ptrdiff_t best = at(i).parent;
            if (best < 0 || is_apart(best) || is_narrower(channels_[j], of(best)))
                at(i).parent = static_cast<std::ptrdiff_t>(j);
        }
    }
    static bool is_narrower(const channel& a, const channel& b) {
        if (extent_of(a) != extent_of(b)) return extent_of(a) < extent_of(b);
        return is_built_into(a.device, b.device);
    }

    // Itself or one of its parts: a channel can't be contained in what a backend puts inside it.
    bool lies_in(std::size_t inner, std::size_t outer) const {
        auto up = static_cast<std::ptrdiff_t>(inner);
        while (up >= 0 && up != static_cast<std::ptrdiff_t>(outer))
            up = tree_.domains[static_cast<std::size_t>(up)].parent;
        return up >= 0;
    }

    bool is_second_view(std::size_t i) const {
        const domain& d = tree_.domains[i];
        return d.parent >= 0 && !d.summed;
    }
    bool is_apart(std::ptrdiff_t i) const {
        const domain& d = tree_.domains[static_cast<std::size_t>(i)];
        return d.parent < 0 && !d.exclusion_reason.empty();
    }

    // Channels inside an excluded meter are summed.
    void sum_or_say_why(std::size_t i) {
        domain& d = at(i);
        if (d.parent < 0 || is_second_view(i)) return;
        d.parent_id = of(d.parent).id;
        if (is_apart(d.parent)) return;
        d.summed = false;
        d.exclusion_reason = concat({"contained in ", d.parent_id});
    }

    const std::vector<channel>& channels_;
    std::vector<std::string> distrust_;
    domain_tree tree_;
};

}  // namespace detail

/// Places channels under their parents; the only place that decides what is summed.
///
/// Of two channels with the same id, or of the same card by PCI address, the first counts. Channels
/// inside another channel are details. Containment is stated by the backend (`channel::parent`) or
/// follows from the counted devices (containment.hpp): a board's inlet or a machine's meter
/// contains everything else, psys the processors, a superchip's module its processor and GPUs.
///
/// A meter of the whole machine is the total, unless it is updated less than ten times a second and
/// the processors have their own counters; then it is shown separately. psys is shown separately if
/// there are cards, since it depends on the board whether they are included. An estimate is shown
/// separately from measured channels. A distrusted channel (`distrust`, by index; "": trusted) is
/// shown with the reason and ignored otherwise: the channels in it are placed as if it did not
/// exist.
///
/// Cost:   quadratic in the number of channels; at start-up, and when a channel becomes distrusted.
/// Fails:  never; with an unknown parent or in a cycle the channel becomes a root, with a warning.
[[nodiscard]] inline domain_tree build_domain_tree(const std::vector<channel>& channels,
                                                   std::vector<std::string> distrust = {}) {
    return detail::domain_placer(channels, std::move(distrust)).place();
}

namespace detail {

/// What a channel has shown so far.
struct channel_observation {
    double joules = 0;
    bool has_value = true;  ///< false: it has no plausible value, or never had one
};

/// The domain tree of a meter. It learns: if a whole-machine meter stands still, has no value, or
/// counts less than its parts, it is distrusted and its parts are summed instead.
///
/// On some machines psys counts less than the processors (Kaby Lake), on some cards the card's
/// counter stays 0 while the package's moves (xe), and some inlet and chassis meters are not
/// connected.
/// Thread: any. Cost: linear in the channels; quadratic once for each newly distrusted channel.
/// Fails:  never. A channel stays distrusted, because a total that changed back would fall.
///
///     domain_beliefs beliefs(channels, owners);
///     auto tree = beliefs.update(observations, elapsed);
class domain_beliefs {
 public:
    domain_beliefs() : domain_beliefs({}, {}) {}
    /// `owners`: for each channel, the number of its backend.
    domain_beliefs(std::vector<channel> channels, std::vector<std::size_t> owners)
        : channels_(std::move(channels)),
          owners_(std::move(owners)),
          distrust_(channels_.size()),
          tree_(std::make_shared<const domain_tree>(build_domain_tree(channels_))) {}

    /// The tree as of the last update.
    [[nodiscard]] std::shared_ptr<const domain_tree> tree() const {
        const std::lock_guard<std::mutex> lock(mutex_);
        return tree_;
    }

    /// Evaluates what the channels counted in `elapsed` seconds.
    std::shared_ptr<const domain_tree> update(const list<channel_observation>& seen,
                                              double elapsed) {
        const std::lock_guard<std::mutex> lock(mutex_);
        // A part that becomes a root may contain others itself.
        while (seen.size() == channels_.size() && elapsed >= shortest_seconds &&
               find_distrust(seen, elapsed))
            tree_ = std::make_shared<const domain_tree>(place());
        return tree_;
    }

 private:
    static constexpr double shortest_seconds = 1;
    static constexpr double tolerance = 1.05;
    static constexpr double fewest_updates = 10;

    bool find_distrust(const list<channel_observation>& seen, double elapsed) {
        bool any = false;
        for (std::size_t i = 0; i < channels_.size(); ++i) {
            if (!tree_->domains[i].summed || !distrust_[i].empty()) continue;
            distrust_[i] = reason_to_distrust(i, seen, elapsed);
            any = any || !distrust_[i].empty();
        }
        return any;
    }

    [[nodiscard]] std::string reason_to_distrust(std::size_t i,
                                                 const list<channel_observation>& seen,
                                                 double elapsed) const {
        double inside = 0;
        for (std::size_t k = 0; k < channels_.size(); ++k)
            if (is_own_part(k, i) && seen[k].has_value) inside += seen[k].joules;
        const channel& c = channels_[i];
        const double update = std::chrono::duration<double>(c.update_period).count();
        if (!seen[i].has_value) {
            const bool replaced = inside > 0 || (extent_of(c) >= extent::computer && has_other(i));
            return replaced && seen[i].joules <= 0 ? "not trusted: it has no plausible value"
                                                   : std::string();
        }
        if (seen[i].joules <= 0 && inside > 0 && elapsed >= fewest_updates * update)
            return "not trusted: it stands still while the channels in it count";
        // Energy that its last update may not show yet.
        const double behind = smallest_joules(c) + inside / elapsed * 2 * update;
        if (!(inside > tolerance * (seen[i].joules + behind))) return {};
        return concat({"not trusted: it counted ", to_text(energy::from_joules(seen[i].joules)),
                       ", less than the ", to_text(energy::from_joules(inside)),
                       " of the channels in it"});
    }

    // Other backends may have channels for the same parts.
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
    // Channels that can replace a meter of the machine.
    [[nodiscard]] bool has_other(std::size_t i) const {
        for (std::size_t k = 0; k < channels_.size(); ++k)
            if (k != i && distrust_[k].empty() && channels_[k].parent != channels_[i].id &&
                (is_stand_in(channels_[k]) || counts_processors(channels_[k]) ||
                 extent_of(channels_[k]) == extent::machine))
                return true;
        return false;
    }

    // Another backend's channel for a distrusted whole is left out if the whole's own parts count.
    [[nodiscard]] domain_tree place() const {
        domain_tree placed = build_domain_tree(channels_, distrust_);
        for (std::size_t k = 0; k < channels_.size(); ++k) {
            const domain& before = tree_->domains[k];
            domain& now = placed.domains[k];
            if (before.parent < 0 || before.parent_id.empty() || !now.summed) continue;
            const auto whole = static_cast<std::size_t>(before.parent);
            if (distrust_[whole].empty() || owners_[k] == owners_[whole] || !has_own_parts(whole))
                continue;
            now.summed = false;
            now.exclusion_reason =
                concat({"contained in the channels summed instead of ", channels_[whole].id});
        }
        return placed;
    }

    std::vector<channel> channels_;
    std::vector<std::size_t> owners_;
    std::vector<std::string> distrust_;  ///< "": trusted
    std::shared_ptr<const domain_tree> tree_;
    mutable std::mutex mutex_;
};

}  // namespace detail
}  // namespace v1
}  // namespace joulery
