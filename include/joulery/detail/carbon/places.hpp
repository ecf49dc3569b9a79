// places.hpp - finds the place that a name stands for, or the names closest to it.
// SPDX-License-Identifier: MIT
#pragma once

#include "joulery/detail/carbon/place_name.hpp"
#include "joulery/detail/core/config.hpp"
#include "joulery/detail/core/list.hpp"
#include "joulery/result.hpp"

#include <cstddef>
#include <string>
#include <string_view>

namespace joulery {
inline namespace v1 {

/// A place in the tables.
struct place {
    place_kind kind = place_kind::country;
    short row = -1;  ///< in the table of that kind

    friend constexpr bool operator==(place a, place b) noexcept {
        return a.kind == b.kind && a.row == b.row;
    }
};

/// The places with a given name: none, one, or several that share it ("Georgia").
struct place_candidates {
    const detail::place_key* first = nullptr;
    std::size_t count = 0;

    [[nodiscard]] bool unique() const noexcept { return count == 1; }
    [[nodiscard]] place operator[](std::size_t i) const noexcept {
        return {first[i].kind, first[i].row};
    }
};

/// Looks up a name: ISO alpha-2 or alpha-3, country name, "US-CA", state name, eGRID subregion
/// ("CAMX"), "CA-ON", province name, "aws:eu-west-3", "World". Case, accents and hyphens are
/// ignored.
///
/// Thread: any. Cost: a binary search over about 1,000 names, no allocation, less than 1 us.
/// Fails:  `count` is 0 if nothing has the name; never guesses.
[[nodiscard]] JOULERY_DECL place_candidates find_places(std::string_view name) noexcept;

/// A place as reports write it: "France (FR)", "California (US-CA)", "aws:eu-west-3 (Paris)".
[[nodiscard]] JOULERY_DECL std::string to_text(place p);

/// The places whose names are closest to `name`, best first: one inside the other, then by the
/// number of letters that differ. Some microseconds; for messages.
[[nodiscard]] JOULERY_DECL detail::list<place> nearest_places(std::string_view name,
                                                              std::size_t at_most = 3);

/// The one place with that name; otherwise the reason, with names to choose from.
[[nodiscard]] JOULERY_DECL result<place> place_of(std::string_view name);

}  // namespace v1
}  // namespace joulery

#ifdef JOULERY_IMPLEMENTATION

#include "joulery/detail/carbon/tables/cloud_table.hpp"
#include "joulery/detail/carbon/tables/country_table.hpp"
#include "joulery/detail/carbon/tables/place_index.hpp"
#include "joulery/detail/carbon/tables/subregion_table.hpp"
#include "joulery/detail/core/concat.hpp"
#include "joulery/detail/core/edit_distance.hpp"

#include <algorithm>
#include <iterator>
#include <utility>

namespace joulery {
inline namespace v1 {

namespace detail {

/// Converts forms in use for providers and eGRID to those of the tables.
[[nodiscard]] inline folded_name canonical_place(std::string_view name) noexcept {
    const folded_name folded = fold_place(name);
    constexpr std::pair<std::string_view, std::string_view> prefixes[] = {
        {"amazon:", "aws:"}, {"google:", "gcp:"},   {"microsoft:", "azure:"},
        {"oracle:", "oci:"}, {"ovhcloud:", "ovh:"}, {"scw:", "scaleway:"},
        {"egrid:", ""}};
    for (const auto& [from, to] : prefixes) {
        if (folded.view().substr(0, from.size()) != from) continue;
        folded_name out;
        for (char c : to) out.push(c);
        for (char c : folded.view().substr(from.size())) out.push(c);
        return out;
    }
    return folded;
}

}  // namespace detail

JOULERY_DECL place_candidates find_places(std::string_view name) noexcept {
    const folded_name folded = detail::canonical_place(name);
    const auto below = [](const detail::place_key& k, std::string_view text) {
        return std::string_view(k.key) < text;
    };
    const auto* begin = std::lower_bound(std::begin(detail::place_index),
                                         std::end(detail::place_index), folded.view(), below);
    const auto* end = begin;
    while (end != std::end(detail::place_index) && folded.view() == end->key) ++end;
    return {begin, static_cast<std::size_t>(end - begin)};
}

JOULERY_DECL std::string to_text(place p) {
    const auto with_code = [](std::string name, std::string code) {
        return concat({std::move(name), " (", std::move(code), ")"});
    };
    const auto row = static_cast<std::size_t>(p.row);
    switch (p.kind) {
        case place_kind::country:
            return with_code(country_table[row].name, country_table[row].iso2);
        case place_kind::aggregate:
            return aggregate_table[row].name;
        case place_kind::state:
            return with_code(state_table[row].name, concat({"US-", state_table[row].code}));
        case place_kind::subregion:
            return with_code(egrid_table[row].name, concat({"eGRID ", egrid_table[row].code}));
        case place_kind::province:
            return with_code(province_table[row].name, concat({"CA-", province_table[row].code}));
        case place_kind::cloud:
            return with_code(concat({cloud_table[row].provider, ":", cloud_table[row].region}),
                             cloud_table[row].location);
    }
    return {};
}

JOULERY_DECL detail::list<place> nearest_places(std::string_view name, std::size_t at_most) {
    const folded_name folded = detail::canonical_place(name);
    const std::string_view wanted = folded.view();
    detail::list<std::pair<std::size_t, place>> ranked;
    for (const detail::place_key& k : detail::place_index) {
        const std::string_view have = k.key;
        std::size_t distance = 2 * detail::edit_distance(wanted, have);
        const bool inside = wanted.size() >= 3 && have.size() >= 3 &&
                            (have.find(wanted) != std::string_view::npos ||
                             wanted.find(have) != std::string_view::npos);
        if (inside) distance = std::min<std::size_t>(distance, 1);
        if (!inside && distance > wanted.size() + 1) continue;  // more than half of it differs
        ranked.emplace_back(distance, place{k.kind, k.row});
    }
    sort_stably(ranked, [](const auto& a, const auto& b) { return a.first < b.first; });
    detail::list<place> out;
    for (const auto& [distance, p] : ranked) {
        if (out.size() == at_most) break;
        if (!is_in(out, p)) out.push_back(p);
    }
    return out;
}

JOULERY_DECL result<place> place_of(std::string_view name) {
    const auto join = [](const detail::list<place>& all) {
        std::string text;
        for (place p : all) text += (text.empty() ? "" : ", ") + to_text(p);
        return text;
    };
    const place_candidates found = find_places(name);
    if (found.unique()) return found[0];
    const std::string quoted = concat({"'", name, "'"});
    if (found.count > 1) {
        detail::list<place> all;
        for (std::size_t i = 0; i < found.count; ++i) all.push_back(found[i]);
        return failure{concat({quoted, " names more than one place: ", join(all)}),
                       "use the code in brackets"};
    }
    if (name.find_first_not_of(" \t\r\n") == std::string_view::npos)
        return failure{"the region is empty", "name one, for instance FR or aws:eu-west-3"};
    const std::string nearest = join(nearest_places(name));
    return failure{concat({"unknown region ", quoted,
                           (nearest.empty() ? "" : concat({"; nearest: ", nearest}))}),
                   "use an ISO code (FR), US-CA, CA-ON, an eGRID subregion or aws:eu-west-3"};
}

}  // namespace v1
}  // namespace joulery

#endif
