// report_carbon.hpp - a report's footprint, its SCI, and the ranking of regions for it.
// SPDX-License-Identifier: MIT
#pragma once

#include "joulery/accounting/footprint.hpp"
#include "joulery/accounting/rank_regions.hpp"
#include "joulery/accounting/sci.hpp"
#include "joulery/detail/core/config.hpp"
#include "joulery/report.hpp"
#include "joulery/result.hpp"

#include <cstddef>
#include <string>
#include <string_view>

namespace joulery {
inline namespace v1 {

/// The footprint of a whole run, with the emissions computed during the run.
///
/// Thread: any. Cost: some strings. Fails: never; what was not stated is in `assumptions`.
///
///     std::cout << to_text(footprint_for(joulery::snapshot()));
[[nodiscard]] JOULERY_DECL footprint footprint_for(const report& r);

/// Embodied emissions charged to one scope by its time. Scopes that are open on several threads at
/// once share that time, so all outermost scopes together never exceed the run.
[[nodiscard]] JOULERY_DECL emissions embodied_for(const report& r, const scope_row& row);

/// What a report does not contain but its score needs.
struct sci_options {
    std::string boundary;  ///< the software boundary; empty: named after the summed channels
    std::string unit;      ///< R, if the scope counted no items
    double units = 0;      ///< number of units; 0: the scope's items
    bool whole_run =
        false;  ///< use the energy of the whole run (idle included), not only the scope's
};

/// The SCI of a scope, with its items as R and with everything that a conformant report must state.
/// For the whole run name the scope that counts the items and set `whole_run`.
///
/// Thread: any. Cost: linear in the rows. Fails: if there is no such scope, and like `sci`.
///
///     auto s = sci_score(r, "serve");                 // gCO2e per token
///     std::cout << (s ? to_text(*s) : s.error().reason);
[[nodiscard]] JOULERY_DECL result<sci_result> sci_score(const report& r, std::string_view path,
                                                        const sci_options& options = {});

/// The same for a row of the report, because two rows may share a path.
[[nodiscard]] JOULERY_DECL result<sci_result> sci_score(const report& r, const scope_row& row,
                                                        const sci_options& options = {});

/// "Where would this run have been cleanest?", as a ranked table, by factors with the same
/// definition as the run's own.
///
/// Thread: any. Cost: that of `rank_places`. Fails: never.
///
///     std::cout << rank_regions(joulery::snapshot());
[[nodiscard]] JOULERY_DECL std::string rank_regions(const report& r,
                                                    const ranking_options& options = {},
                                                    std::size_t at_most = 20);

}  // namespace v1
}  // namespace joulery

#ifdef JOULERY_IMPLEMENTATION

#include "joulery/detail/carbon/format_significant.hpp"
#include "joulery/detail/core/concat.hpp"
#include "joulery/detail/core/unit_text.hpp"

#include <utility>
#include <vector>

namespace joulery {
inline namespace v1 {

JOULERY_DECL footprint footprint_for(const report& r) {
    return footprint_for(r.context.carbon, r.total, r.context.duration, r.context.started, r.co2e);
}

JOULERY_DECL emissions embodied_for(const report& r, const scope_row& row) {
    seconds outermost{0};
    for (const scope_row& s : r.scopes)
        if (s.parent == scope_row::no_parent) outermost += s.time;
    const double crowd = outermost > r.context.duration && r.context.duration.count() > 0
                             ? outermost / r.context.duration
                             : 1.0;
    return r.context.carbon.embodied.of(seconds(row.time) / crowd);
}

namespace detail {

[[nodiscard]] inline std::string measured_boundary(const report& r) {
    std::string out;
    for (const channel_row& c : r.channels)
        if (c.summed) out += (out.empty() ? "" : ", ") + c.id;
    return out.empty() ? out : concat({"energy of ", out, " on ", r.context.host});
}

[[nodiscard]] inline std::string measuring_method(const report& r, quality q) {
    std::string out = q == quality::measured || q == quality::derived ? "measured" : "modeled";
    if (q == quality::partial) out = "measured in part";
    std::string backends;
    for (const channel_row& c : r.channels)
        if (c.summed && backends.find(c.backend) == std::string::npos)
            backends += (backends.empty() ? "" : ", ") + c.backend;
    return concat({out, " (", backends, "), by ", r.context.library, ", attribution ",
                   r.context.attribution});
}

}  // namespace detail

JOULERY_DECL result<sci_result> sci_score(const report& r, std::string_view path,
                                          const sci_options& options) {
    const scope_row* row = r.find(path);
    if (!row)
        return failure{concat({"the report has no scope '", path, "'"}), "name an existing scope"};
    return sci_score(r, *row, options);
}

JOULERY_DECL result<sci_result> sci_score(const report& r, const scope_row& row,
                                          const sci_options& options) {
    const carbon_model& m = r.context.carbon;
    sci_input in;
    in.it = options.whole_run ? r.total : row.total;
    in.pue = m.pue;
    in.pue_source = m.pue_source;
    in.grid = m.grid;
    in.operational = options.whole_run ? r.co2e : row.co2e;
    if (m.embodied.known()) {
        in.embodied = options.whole_run ? m.embodied.of(r.context.duration) : embodied_for(r, row);
        in.embodied_source = m.embodied.source;
    }
    in.units = options.units > 0 ? options.units : row.items;
    in.unit = !options.unit.empty() ? options.unit : row.item_name;
    in.boundary = !options.boundary.empty() ? options.boundary : detail::measured_boundary(r);
    in.method = detail::measuring_method(r, row.provenance);
    return sci(std::move(in));
}

JOULERY_DECL std::string rank_regions(const report& r, const ranking_options& options,
                                      std::size_t at_most) {
    ranking_options chosen = options;
    const grid_factor& here = r.context.carbon.grid;
    // A user's own figure is comparable with all others, but those are not comparable with each
    // other.
    if (!chosen.comparable_with)
        chosen.comparable_with = here.boundary == "as stated" ? grid_factor{} : here;
    return concat({"here: ", to_text(r.co2e), ", PUE ", format_significant(r.context.carbon.pue, 4),
                   ", ", to_text(here), "\n",
                   to_text(rank_places(r.total, chosen), r.co2e, at_most)});
}

}  // namespace v1
}  // namespace joulery

#endif
