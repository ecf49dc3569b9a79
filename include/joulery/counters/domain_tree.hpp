// joulery/counters/domain_tree.hpp - which channels contain which, and so which may be added up.
// Layer 2. SPDX-License-Identifier: MIT
#pragma once

#include "joulery/counters/channel.hpp"

#include <cstddef>
#include <string>
#include <vector>

namespace joulery {
inline namespace v1 {

/// A channel's place in the tree.
struct domain {
    std::ptrdiff_t parent = -1;  ///< index of the containing channel; -1: a root
    bool summed = true;          ///< its energy is part of the machine's total
    std::string why_not;  ///< where not summed: "contained in cpu0/package", "same counter as ..."
};

struct domain_tree {
    std::vector<domain> domains;        ///< one a channel, in the order given
    std::vector<std::string> warnings;  ///< parents that don't exist, cycles
};

/// Places channels under their parents. Only roots are summed: what lies inside another channel is
/// detail, and of two channels with one id (two views of one counter) the first counts.
///
/// Cost: quadratic in the number of channels; once at start-up.
/// Fails: never; a parent that is not there or a circle makes the channel a root and is warned of.
[[nodiscard]] inline domain_tree build_domain_tree(const std::vector<channel>& channels) {
    domain_tree tree;
    tree.domains.resize(channels.size());
    const auto first_with = [&](const std::string& id) {
        for (std::size_t i = 0; i < channels.size(); ++i)
            if (channels[i].id == id) return static_cast<std::ptrdiff_t>(i);
        return std::ptrdiff_t{-1};
    };
    for (std::size_t i = 0; i < channels.size(); ++i) {
        const channel& c = channels[i];
        domain& d = tree.domains[i];
        const std::ptrdiff_t first = first_with(c.id);
        if (first != static_cast<std::ptrdiff_t>(i)) {
            d.parent = first;
            d.summed = false;
            d.why_not = "same counter as the first " + c.id;
        } else if (!c.parent.empty()) {
            d.parent = first_with(c.parent);
            if (d.parent < 0)
                tree.warnings.push_back("channel " + c.id + " names a parent that is not there: " +
                                        c.parent + "; it is summed as a root");
        }
    }
    for (std::size_t i = 0; i < channels.size(); ++i) {
        std::ptrdiff_t up = tree.domains[i].parent;
        std::size_t steps = 0;
        while (up >= 0 && steps++ <= channels.size()) {
            up = tree.domains[static_cast<std::size_t>(up)].parent;
        }
        if (up >= 0) {  // never reached a root
            tree.warnings.push_back("channel " + channels[i].id +
                                    " lies inside itself by its parents; it is summed as a root");
            tree.domains[i] = domain{};
        }
    }
    for (std::size_t i = 0; i < channels.size(); ++i) {
        domain& d = tree.domains[i];
        if (d.parent >= 0 && d.why_not.empty()) {
            d.summed = false;
            d.why_not = "contained in " + channels[static_cast<std::size_t>(d.parent)].id;
        }
    }
    return tree;
}

}  // namespace v1
}  // namespace joulery
