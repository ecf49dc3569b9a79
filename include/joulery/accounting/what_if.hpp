// what_if.hpp - a measured run, recomputed for another place, time, PUE or machine.
// SPDX-License-Identifier: MIT
#pragma once

#include "joulery/carbon/carbon_model.hpp"
#include "joulery/detail/carbon/intensity_series.hpp"
#include "joulery/detail/core/config.hpp"
#include "joulery/report.hpp"
#include "joulery/result.hpp"
#include "joulery/units.hpp"

#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace joulery {
inline namespace v1 {

/// A start time, and the mean intensity of a run that begins then.
struct start_choice {
    wall_time begin;
    carbon_intensity mean;
};

/// Among the beginnings of the series' steps, the start from which `duration` has the lowest mean
/// intensity. Only periods that the series covers in full count. Linear in the number of steps.
///
/// Thread: any. Fails: if the series covers no period as long as the run.
[[nodiscard]] JOULERY_DECL result<start_choice> cleanest_start(const intensity_series& series,
                                                               seconds duration);

/// One of the four levers (model, machine, mechanization, map) and its effect on the emissions.
struct lever {
    std::string name;  ///< "map", "mechanization", "machine"
    std::string from, to;
    double factor = 1;       ///< emissions after / before, for this lever only
    bool comparable = true;  ///< false: the two grid factors are defined differently
};

/// A recomputed run. `changed` is a complete report; its energy is labeled estimated if another
/// machine is assumed.
struct what_if_result {
    report changed;
    energy energy_before, energy_after;  ///< IT energy
    emissions co2e_before, co2e_after;   ///< operational, location-based
    std::vector<lever> levers;           ///< their factors multiply to co2e after / before

    /// Whether the ratio of emissions is meaningful: no lever compares grid factors with different
    /// definitions.
    [[nodiscard]] bool is_comparable() const noexcept {
        for (const lever& l : levers)
            if (!l.comparable) return false;
        return true;
    }

    /// Mean intensity over the changed run so far.
    [[nodiscard]] carbon_intensity mean_intensity() const noexcept {
        const energy facility = changed.context.carbon.facility(changed.total);
        return facility.joules() > 0 ? changed.co2e / facility
                                     : changed.context.carbon.grid.intensity;
    }
    /// Multiplies every energy or emission of the report by a factor.
    JOULERY_DECL void scale(double energy_by, double co2e_by);
    /// Uses one intensity for everything.
    JOULERY_DECL void convert(carbon_intensity i);
    JOULERY_DECL void move_to(const carbon_model& there);
    JOULERY_DECL void change_pue(double pue, const std::string& source);
};

/// In another place, using a factor with the same definition as the run's own if there is one; a
/// cloud region also sets its PUE.
struct in_region {
    std::string name;

    JOULERY_DECL std::optional<failure> apply(what_if_result& w) const;
};

/// With the user's own intensity.
struct at_intensity {
    carbon_intensity value;

    JOULERY_DECL std::optional<failure> apply(what_if_result& w) const;
};

/// With another PUE.
struct at_pue {
    double value;

    JOULERY_DECL std::optional<failure> apply(what_if_result& w) const;
};

/// Started at another time of a series (see `cleanest_start`), at constant power.
struct started_at {
    std::shared_ptr<const intensity_series> series;
    wall_time begin;

    JOULERY_DECL std::optional<failure> apply(what_if_result& w) const;
};

/// On the machine of another measured report. Energy and time are scaled by the J/item and s/item
/// of the scope `path` in both reports; processor, idle power and embodied emissions are those of
/// that machine.
struct on_machine {
    const report& other;
    std::string path;

    JOULERY_DECL std::optional<failure> apply(what_if_result& w) const;
};

namespace detail {
inline std::optional<failure> apply_changes(what_if_result&) { return std::nullopt; }
template <class First, class... Rest>
std::optional<failure> apply_changes(what_if_result& w, const First& first, const Rest&... rest) {
    if (auto why = first.apply(w)) return why;
    return apply_changes(w, rest...);
}
}  // namespace detail

/// Recomputes a measured run with one or more changes, applied in order.
///
/// Fails:  if a change can't be applied, with the reason; never guesses.
///
///     auto w = what_if(r, in_region{"aws:eu-north-1"}, on_machine{other, "train/step"});
///     if (w) std::cout << to_text(*w);
template <class... Change>
[[nodiscard]] result<what_if_result> what_if(const report& r, const Change&... changes) {
    what_if_result w;
    w.changed = r;
    w.energy_before = r.total;
    w.co2e_before = r.co2e;
    if (auto why = detail::apply_changes(w, changes...)) return *why;
    w.energy_after = w.changed.total;
    w.co2e_after = w.changed.co2e;
    w.changed.warnings.push_back("what if: recomputed from a measured run, not measured");
    return w;
}

/// Energy and CO2e before and after, and the effect of each lever.
///
/// Thread: any. Cost: some strings. Fails: never.
[[nodiscard]] JOULERY_DECL std::string to_text(const what_if_result& w);

}  // namespace v1
}  // namespace joulery

#ifdef JOULERY_IMPLEMENTATION
#include "joulery/carbon/carbon_for.hpp"
#include "joulery/carbon/grid_factor.hpp"
#include "joulery/carbon/series_reader.hpp"
#include "joulery/detail/carbon/format_significant.hpp"
#include "joulery/detail/core/concat.hpp"
#include "joulery/detail/core/finite.hpp"
#include "joulery/detail/core/unit_text.hpp"

namespace joulery {
inline namespace v1 {

JOULERY_DECL result<start_choice> cleanest_start(const intensity_series& series, seconds duration) {
    result<start_choice> best{failure{"the series covers no period as long as the run",
                                      "give a longer series, without gaps"}};
    for (const intensity_step& s : series.steps()) {
        const auto begin = wall_time::from_unix_seconds(s.begin);
        const auto end = wall_time::from_unix_seconds(s.begin + duration.count());
        if (series.coverage(begin, end) < 1 - 1e-9) continue;
        const carbon_intensity mean = series.mean(begin, end);
        if (!best || mean < best->mean) best = start_choice{begin, mean};
    }
    return best;
}

JOULERY_DECL void what_if_result::scale(double energy_by, double co2e_by) {
    changed.total *= energy_by;
    changed.unscoped *= energy_by;
    changed.co2e *= co2e_by;
    for (channel_row& c : changed.channels) {
        c.total *= energy_by;
        c.unscoped *= energy_by;
    }
    for (scope_row& s : changed.scopes) {
        s.total *= energy_by;
        s.self *= energy_by;
        s.uncertainty *= energy_by;
        for (energy& e : s.by_channel) e *= energy_by;
        if (s.idle) *s.idle *= energy_by;
        s.co2e *= co2e_by;
    }
    for (run_span& run : changed.runs)
        for (energy& e : run.by_channel) e *= energy_by;
}

JOULERY_DECL void what_if_result::convert(carbon_intensity i) {
    carbon_model& m = changed.context.carbon;
    changed.co2e = changed.total * m.pue * i;
    for (scope_row& s : changed.scopes) s.co2e = s.total * m.pue * i;
    m.series.reset();
}

JOULERY_DECL void what_if_result::move_to(const carbon_model& there) {
    const carbon_intensity before = mean_intensity();
    carbon_model& m = changed.context.carbon;
    const grid_factor* same = there.comparable_with(m.grid);
    const grid_factor& grid = same ? *same : there.grid;
    levers.push_back(
        {"map", to_text(m.grid), to_text(grid), grid.intensity / before, same != nullptr});
    convert(grid.intensity);
    m.alternatives.clear();
    for (const grid_factor& f : there.alternatives)
        if (&f != &grid) m.alternatives.push_back(f);
    if (&grid != &there.grid) m.alternatives.push_back(there.grid);
    m.grid = grid;
    m.water = there.water;
    m.market.reset();  // a contract applies to one place
}

JOULERY_DECL void what_if_result::change_pue(double pue, const std::string& source) {
    carbon_model& m = changed.context.carbon;
    const double factor = pue / m.pue;
    levers.push_back({"mechanization",
                      concat({"PUE ", format_significant(m.pue, 4), " (", m.pue_source, ")"}),
                      concat({"PUE ", format_significant(pue, 4), " (", source, ")"}), factor});
    scale(1, factor);
    m.overhead(pue, source);
}

JOULERY_DECL std::optional<failure> in_region::apply(what_if_result& w) const {
    const auto there = carbon_for(name);
    if (!there) return there.error();
    w.move_to(*there);
    if (there->pue_source != no_pue_stated) w.change_pue(there->pue, there->pue_source);
    return std::nullopt;
}

JOULERY_DECL std::optional<failure> at_intensity::apply(what_if_result& w) const {
    const double grams = value.grams_per_kwh();
    if (!is_positive(grams) || grams >= impossible_grams_per_kwh)
        return failure{concat({"carbon intensity ", format_significant(grams),
                               " g/kWh is not a number above zero and below a million"}),
                       "state g CO2e/kWh, for instance 56"};
    w.move_to(carbon_model{value});
    return std::nullopt;
}

JOULERY_DECL std::optional<failure> at_pue::apply(what_if_result& w) const {
    if (!is_finite(value) || value < 1 || value >= impossible_pue)
        return failure{
            concat({"PUE ", format_significant(value), " is not a number from 1 to 100"}),
            "state facility over IT energy, for instance 1.2"};
    w.change_pue(value, "stated by the user");
    return std::nullopt;
}

JOULERY_DECL std::optional<failure> started_at::apply(what_if_result& w) const {
    if (!series) return failure{"no series was given", "read one: read_intensity_series"};
    const auto end =
        wall_time::from_unix_seconds(begin.unix_seconds() + w.changed.context.duration.count());
    if (series->coverage(begin, end) < 1 - 1e-9)
        return failure{concat({"the series does not cover all of the time from ",
                               begin.to_iso8601(), " to ", end.to_iso8601()}),
                       "choose another start, or a longer series"};
    carbon_model there{grid_factor_for(*series)};
    there.grid.intensity = series->mean(begin, end);
    append(there.grid.source, {"; mean from ", begin.to_iso8601(), " to ", end.to_iso8601()});
    w.move_to(there);
    const double later = begin.unix_seconds() - w.changed.context.started.unix_seconds();
    for (run_span& run : w.changed.runs) {
        run.begin += later;
        run.end += later;
    }
    w.changed.context.started = begin;
    return std::nullopt;
}

namespace detail {
/// Scales by a factor; the recorded histories are dropped, because they belong to the measured
/// machine.
inline void stretch(report& r, double slower) {
    r.context.duration *= slower;
    for (scope_row& s : r.scopes) {
        s.time *= slower;
        s.provenance = worse_of(s.provenance, quality::estimated);
    }
    for (run_span& run : r.runs) run.end = run.begin + (run.end - run.begin) * slower;
    r.provenance = worse_of(r.provenance, quality::estimated);
    r.history = {};
    r.slices = {};
}
}  // namespace detail

JOULERY_DECL std::optional<failure> on_machine::apply(what_if_result& w) const {
    const scope_row* here = w.changed.find(path);
    const scope_row* there = other.find(path);
    const auto counted = [](const scope_row* s) {
        return s && s->items > 0 && s->total.joules() > 0;
    };
    if (!counted(here) || !counted(there) || here->item_name != there->item_name)
        return failure{concat({"scope '", path, "' has no items of one name in both reports"}),
                       "count them: s.add_items(n, \"sample\")"};
    const double factor = (there->total / there->items) / (here->total / here->items);
    w.levers.push_back({"machine",
                        concat({to_text(here->total / here->items), "/", here->item_name, " on ",
                                w.changed.context.cpu}),
                        concat({to_text(there->total / there->items), "/", here->item_name, " on ",
                                other.context.cpu}),
                        factor});
    const double slower =
        here->time.count() > 0 ? (there->time / there->items) / (here->time / here->items) : 1.0;
    w.scale(factor, factor);
    detail::stretch(w.changed, slower);
    w.changed.context.cpu = other.context.cpu;
    w.changed.context.idle_power = other.context.idle_power;
    w.changed.context.carbon.embodied = other.context.carbon.embodied;
    return std::nullopt;
}

JOULERY_DECL std::string to_text(const what_if_result& w) {
    std::string out =
        concat({"IT energy  ", to_text(w.energy_before), " -> ", to_text(w.energy_after),
                "\nCO2e       ", mass_text(w.co2e_before), " -> ", mass_text(w.co2e_after)});
    if (!w.is_comparable())
        out += " (not comparable: the factors of the two places are defined differently)";
    else if (w.co2e_before.grams() > 0)
        append(out, {" (x ", format_significant(w.co2e_after / w.co2e_before, 3), ")"});
    out += "\n";
    for (const lever& l : w.levers)
        append(out, {"  ", left_in(l.name, 14),
                     (l.comparable ? concat({" x ", left_in(format_significant(l.factor, 3), 10)})
                                   : std::string(" not comparable  ")),
                     " ", l.from, " -> ", l.to, "\n"});
    return out;
}

}  // namespace v1
}  // namespace joulery

#endif  // JOULERY_IMPLEMENTATION
