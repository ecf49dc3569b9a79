// equivalents.hpp - expresses CO2e in everyday terms.
// SPDX-License-Identifier: MIT
#pragma once

#include "joulery/detail/core/config.hpp"
#include "joulery/units.hpp"

#include <string>
#include <vector>

namespace joulery {
inline namespace v1 {

/// A number of something, with the factor behind it.
struct equivalent {
    std::string what;
    double count = 0;
    double grams_each = 0;
    std::string source;  ///< publisher, year, and "older figure" if no newer one was available
};

/// `m` in km driven, phones charged, days of a US home, minutes of a coal plant. For people only;
/// machine-readable formats omit it.
///
///     for (auto& e : equivalents_of(5_kg)) std::cout << to_text(e) << '\n';
[[nodiscard]] JOULERY_DECL std::vector<equivalent> equivalents_of(emissions m);

/// The one or two equivalents with an imaginable number, from a tenth to some thousands; none if
/// all are outside that range.
[[nodiscard]] JOULERY_DECL std::vector<equivalent> sensible_equivalents(emissions m);

/// "20.5 km driven by an average US car"
[[nodiscard]] JOULERY_DECL std::string to_text(const equivalent& e);

/// "20.5 km driven by an average US car (244.2 g each; EPA ..., 2026, derived)"
[[nodiscard]] JOULERY_DECL std::string text_with_source(const equivalent& e);

}  // namespace v1
}  // namespace joulery

#ifdef JOULERY_IMPLEMENTATION

#include "joulery/detail/carbon/tables/equivalent_table.hpp"
#include "joulery/detail/core/concat.hpp"
#include "joulery/detail/core/unit_text.hpp"

#include <algorithm>
#include <cmath>
#include <string_view>
#include <utility>

namespace joulery {
inline namespace v1 {

JOULERY_DECL std::vector<equivalent> equivalents_of(emissions m) {
    struct choice {
        const char* row;
        const char* what;
        double per_row;  // of `what` in one of the row's
    };
    constexpr choice choices[] = {
        {"passenger vehicle driven one km", "km driven by an average US car", 1},
        {"smartphone charged", "smartphones charged", 1},
        {"home energy use one year", "days of a US household's energy", 365},
        {"home energy use one year", "years of a US household's energy", 1},
        {"coal-fired power plant one year", "minutes of a coal-fired power plant", 525600},
    };
    std::vector<equivalent> out;
    for (const choice& c : choices) {
        for (const equivalent_row& r : equivalent_table) {
            if (std::string_view(r.name) != c.row) continue;
            const double grams = r.factor * 1e6 / c.per_row;  // the table has tonnes
            std::string source = r.source;
            if (r.year > 0) append(source, {", ", r.year});
            if (std::string_view(r.vintage) == "old") source += ", an older figure";
            if (std::string_view(r.vintage) == "derived") source += ", derived";
            out.push_back({c.what, m.grams() / grams, grams, source});
        }
    }
    return out;
}

namespace detail {

/// "of a US household's energy" from "days of a US household's energy".
inline std::string_view after_unit(std::string_view what) noexcept {
    return what.substr(std::min(what.find(' '), what.size()));
}

}  // namespace detail

JOULERY_DECL std::vector<equivalent> sensible_equivalents(emissions m) {
    std::vector<equivalent> out;
    for (equivalent& e : equivalents_of(m)) {
        if (!(e.count >= 0.1 && e.count < 10000)) continue;
        // 2,500 days of a household are given in years.
        const bool same = !out.empty() && e.source == out.back().source &&
                          detail::after_unit(e.what) == detail::after_unit(out.back().what);
        if (same && e.count >= 1)
            out.back() = std::move(e);
        else if (!same && out.size() < 2)
            out.push_back(std::move(e));
    }
    return out;
}

JOULERY_DECL std::string to_text(const equivalent& e) {
    return concat({count_text(e.count < 100 ? e.count : std::round(e.count)), " ", e.what});
}

JOULERY_DECL std::string text_with_source(const equivalent& e) {
    return concat({to_text(e), " (", mass_text(emissions::from_grams(e.grams_each)), " each; ",
                   e.source, ")"});
}

}  // namespace v1
}  // namespace joulery

#endif
