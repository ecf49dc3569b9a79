// embodied.hpp - embodied emissions of hardware, distributed over lifetime and use.
// SPDX-License-Identifier: MIT
#pragma once

#include "joulery/carbon/carbon_model.hpp"
#include "joulery/detail/core/config.hpp"
#include "joulery/result.hpp"
#include "joulery/units.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace joulery {
inline namespace v1 {

/// A part of the hardware and its embodied emissions.
struct embodied_item {
    std::string name;
    emissions each;
    double count = 1;  ///< pieces; or GB, cm2, ... if the factor is per unit
    std::string source;
};

/// Finds an item of the tables by its name or a part of it: "H100 SXM (1/8", "SSD per GB", "Base
/// rack server". If several match it fails and lists them, since sources differ by up to 3.5 times.
///
/// Thread: any. Cost: a pass over the table.
///
///     auto gpu = embodied_factor("A100 SXM 40GB", 8);      // 8 x 127.6 kg
[[nodiscard]] JOULERY_DECL result<embodied_item> embodied_factor(std::string_view name,
                                                                 double count = 1);

/// Distributes the embodied emissions of `items` over `lifetime` (wall time in service) and charges
/// `share` of them (1: the whole machine; 0.25: a quarter of its GPUs). Neither has a default:
/// choosing 3 or 6 years alone changes the result by a factor of two.
///
/// Thread: any. Cost: a string. Fails: for a lifetime or emissions that are not positive, a share
/// outside 0 to 1, or no items.
///
///     auto m = embodied_for({*embodied_factor("A100 SXM 40GB", 8)}, std::chrono::hours(35040), 1);
///     options.carbon.embodied = *m;
[[nodiscard]] JOULERY_DECL result<embodied_rate> embodied_for(
    const std::vector<embodied_item>& items, seconds lifetime, double share);

}  // namespace v1
}  // namespace joulery

#ifdef JOULERY_IMPLEMENTATION

#include "joulery/detail/carbon/format_significant.hpp"
#include "joulery/detail/carbon/place_name.hpp"
#include "joulery/detail/carbon/tables/hardware_table.hpp"
#include "joulery/detail/core/concat.hpp"
#include "joulery/detail/core/finite.hpp"
#include "joulery/detail/core/unit_text.hpp"

#include <utility>

namespace joulery {
inline namespace v1 {

JOULERY_DECL result<embodied_item> embodied_factor(std::string_view name, double count) {
    const folded_name wanted = fold_place(name);
    std::string fits;
    const embodied_row* found = nullptr;
    bool exact = false;
    int fitting = 0;
    for (const embodied_row& r : embodied_table) {
        const folded_name have = fold_place(r.item);
        if (wanted.view().empty() || have.view().find(wanted.view()) == std::string_view::npos)
            continue;
        const bool same = have.view() == wanted.view();
        if (!exact) found = &r;
        exact = exact || same;
        ++fitting;
        append(fits, {fits.empty() ? "" : "; ", r.item});
    }
    if (found && (fitting == 1 || exact))
        return embodied_item{
            found->item, emissions::from_kilograms(found->kilograms), count,
            concat({found->source, " (", found->boundary, ", ", found->evidence, ")"})};
    if (fitting > 1)
        return failure{concat({"'", name, "' matches several: ", fits}), "give a full name"};
    std::string all;
    for (const embodied_row& r : embodied_table) append(all, {all.empty() ? "" : "; ", r.item});
    return failure{concat({"no embodied factor for '", name, "'; known: ", all}),
                   "state it: embodied_item{name, kilograms, count, source}"};
}

JOULERY_DECL result<embodied_rate> embodied_for(const std::vector<embodied_item>& items,
                                                seconds lifetime, double share) {
    if (!is_positive(lifetime.count()))
        return failure{"the lifetime of the hardware must be positive",
                       "state it; 3 to 6 years (26,280 to 52,560 h) are usual"};
    if (!is_positive(share) || share > 1)
        return failure{"the share of the hardware in use must be above 0 and at most 1",
                       "state it: 1 for the whole machine"};
    if (items.empty()) return failure{"no hardware was named", "name at least one item"};
    emissions total;
    embodied_rate rate;
    for (const embodied_item& i : items) {
        const double grams = i.each.grams() * i.count;
        if (!is_positive(grams))
            return failure{concat({"'", i.name, "' has no embodied emissions above zero"}),
                           "state its kilograms and count"};
        total += emissions::from_grams(grams);
        append(rate.source, {format_significant(i.count), " x ", mass_text(i.each), " ", i.name,
                             " [", i.source, "]; "});
    }
    append(rate.source, {"lifetime ", format_significant(lifetime.count() / 3600), " h, share ",
                         format_significant(share)});
    rate.per_hour = total * (share * 3600 / lifetime.count());
    return rate;
}

}  // namespace v1
}  // namespace joulery

#endif
