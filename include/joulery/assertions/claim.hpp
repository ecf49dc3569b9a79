// claim.hpp - what a test claims about a measurement, and the verdict.
// SPDX-License-Identifier: MIT
#pragma once

#include "joulery/assertions/measurement.hpp"
#include "joulery/assertions/statistics.hpp"
#include "joulery/detail/core/environment_variable.hpp"
#include "joulery/detail/core/finite.hpp"
#include "joulery/detail/core/unit_text.hpp"
#include "joulery/quality.hpp"
#include "joulery/units.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdlib>
#include <limits>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

namespace joulery {
inline namespace v1 {

/// Allowed values from `low` to `high`.
template <class Unit>
struct allowed_range {
    Unit low, high;
};

/// JOULERY_CHECK_ENERGY(m, == between(1_mJ, 2_mJ));
template <class Unit>
[[nodiscard]] constexpr allowed_range<Unit> between(Unit low, Unit high) noexcept {
    return {low, high};
}

namespace testing {

/// A check fails only if the whole confidence interval is on the wrong side of the limit.
enum class verdict : unsigned char {
    holds,         ///< the whole interval is on the right side
    fails,         ///< the whole interval is on the wrong side
    inconclusive,  ///< it straddles the limit: a warning, a failure in strict mode
    skipped,       ///< nothing was measured
};

[[nodiscard]] constexpr std::string_view to_text(verdict v) noexcept {
    constexpr std::string_view names[] = {"holds", "fails", "inconclusive", "skipped"};
    return names[static_cast<unsigned>(v)];
}

/// A verdict, and what is needed to understand it.
struct check_result {
    verdict outcome = verdict::skipped;
    std::string message;
    std::string name{};           ///< of the baseline; empty: the claim is the name
    confidence_interval value{};  ///< what was measured, in `unit`
    std::string unit{};           ///< "J/call", "W", "ratio"; empty: not measured
};

/// Compares an interval with a range of allowed values.
[[nodiscard]] inline verdict place(const confidence_interval& i, double lowest,
                                   double highest) noexcept {
    if (i.low >= lowest && i.high <= highest) return verdict::holds;
    if (i.high < lowest || i.low > highest) return verdict::fails;
    return verdict::inconclusive;
}

/// Which verdicts count as failures besides `fails`: `JOULERY_ENERGY_STRICT=1` adds inconclusive
/// checks, `=all` also skipped ones (for machines that are known to have a counter).
enum class strictness : unsigned char { lenient, strict, all };

[[nodiscard]] inline strictness parse_strictness(std::string_view text) noexcept {
    if (text.empty() || text == "0" || text == "off") return strictness::lenient;
    return text == "all" ? strictness::all : strictness::strict;
}
[[nodiscard]] inline strictness strictness_asked_for() {
    const char* text = joulery::detail::environment_variable("JOULERY_ENERGY_STRICT");
    return parse_strictness(text != nullptr ? text : "");
}

/// How a test framework should treat a result: `inconclusive` and `skipped` as they are, or as
/// failures.
[[nodiscard]] inline verdict judged(verdict v, strictness s) noexcept {
    if (v == verdict::inconclusive && s != strictness::lenient) return verdict::fails;
    if (v == verdict::skipped && s == strictness::all) return verdict::fails;
    return v;
}

namespace detail {

inline double number_of(energy e) noexcept { return e.joules(); }
inline double number_of(power p) noexcept { return p.watts(); }
inline double number_of(emissions m) noexcept { return m.grams(); }
inline std::string text_of(double x, energy) { return to_text(energy::from_joules(x)); }
inline std::string text_of(double x, power) { return to_text(power::from_watts(x)); }
inline std::string text_of(double x, emissions) { return to_text(emissions::from_grams(x)); }

/// The measured quantity with the unit of the limit: joules or grams per call, or mean watts.
inline confidence_interval interval_of(const measurement& m, energy) noexcept {
    return {m.per_call.joules(), m.low.joules(), m.high.joules()};
}
inline confidence_interval interval_of(const measurement& m, emissions) noexcept {
    const double g = m.grams_per_joule;
    return {g * m.per_call.joules(), g * m.low.joules(), g * m.high.joules()};
}
inline confidence_interval interval_of(const measurement& m, power) {
    const double watts = m.mean_power.watts();
    const std::vector<double> samples = m.power_samples();
    confidence_interval i = mean_interval(samples);
    double half = samples.size() < 2 ? 0 : i.half_width();
    // The relative resolution is the same for watts as for joules.
    const double joules = std::fabs(m.per_call.joules());
    if (samples.size() < 2 && joules > 0) half = (m.high - m.low).joules() / 2 / joules * watts;
    i = {watts, watts - half, watts + half};
    if (m.steady || samples.empty()) return i;
    i.low = std::min(i.low, *std::min_element(samples.begin(), samples.end()));
    i.high = std::max(i.high, *std::max_element(samples.begin(), samples.end()));
    return i;
}

/// "J/call", "g/item", "W".
inline std::string unit_name(const measurement& m, energy) { return "J/" + m.unit; }
inline std::string unit_name(const measurement& m, emissions) { return "g/" + m.unit; }
inline std::string unit_name(const measurement&, power) { return "W"; }

/// " a call", " an item".
inline std::string one(const measurement& m) {
    return (m.unit == "item" ? " an " : " a ") + m.unit;
}

/// The same for a limit of that unit; watts are not per call.
template <class Unit>
std::string per_unit(const measurement& m) {
    return std::is_same_v<Unit, power> ? std::string() : one(m);
}

/// "2.13 mJ a call (95 %: 2.09 mJ to 2.17 mJ)".
template <class Unit>
std::string interval_text(const measurement& m, const confidence_interval& i) {
    return text_of(i.middle, Unit{}) + per_unit<Unit>(m) + " (95 %: " + text_of(i.low, Unit{}) +
           " to " + text_of(i.high, Unit{}) + ")";
}

}  // namespace detail

/// What the figures are based on: "4096 calls in 32 batches, 300 us each, measured on
/// cpu0/package", and anything unusual, one line each.
[[nodiscard]] inline std::string circumstances(const measurement& m) {
    const std::size_t n = m.batches.size();
    std::string text = count_text(static_cast<double>(m.calls)) +
                       (m.calls == 1 ? " call" : " calls") + " in " + std::to_string(n) +
                       (n == 1 ? " batch, " : " batches, ") + v1::to_text(m.time_per_call) +
                       detail::one(m) + " at " + to_text(m.mean_power) + ", " +
                       std::string(to_text(m.provenance)) + " on " + m.channel;
    for (const std::string& note : m.notes) text += "\n  note: " + note;
    if (!m.disturbance.empty()) text += "\n  note: " + m.disturbance;
    return text;
}

/// Why a measurement can't be checked: it failed, or is only an estimate. Empty if it can be
/// checked.
[[nodiscard]] inline std::string why_unchecked(const measurement& m) {
    std::string text;
    if (!m) {
        text = "not measured: " + m.failure_reason;
        if (!m.remedy.empty()) text += "\n  to do: " + m.remedy;
    } else if (m.provenance == quality::estimated) {
        text =
            "not measured: the energy of " + m.channel +
            " is an estimate from the processor's load, which no test should rely on\n  to do: " +
            "run where a counter can be read; joulery::snapshot() says why none can be read here";
    } else if (m.provenance == quality::partial) {
        text = "measured only in part";
        for (const std::string& note : m.notes) text += "\n  note: " + note;
    }
    return text;
}

/// The verdict on a claim that no measurement could decide. It fails on every machine, also where
/// nothing can be measured: skipped or inconclusive it would never be noticed.
[[nodiscard]] inline check_result mistaken(const std::string& why) {
    return {verdict::fails, "makes no sense: " + why + "\n  to do: correct the test"};
}

/// The verdict `v`, unless something else drew power during the measurement. That can only add to
/// the figure, so a verdict that more energy `may_explain` becomes inconclusive. A difference may
/// also have become smaller, so all its verdicts become inconclusive.
[[nodiscard]] inline verdict trusted(verdict v, const measurement& m, bool may_explain) noexcept {
    const bool disturbed = !m.disturbance.empty() && (may_explain || m.is_net);
    return disturbed && v != verdict::skipped ? verdict::inconclusive : v;
}

/// The left side of a claim. Made by JOULERY_CHECK_ENERGY; usable without it.
///
/// Thread: a value. Cost: a comparison and a string. Fails: never.
///
///     check_result r = subject(m) < 2_mJ;
///     if (r.outcome == verdict::fails) std::cerr << r.message;
class energy_subject {
 public:
    explicit energy_subject(const measurement& m) noexcept : m_(m) {}

    template <class Unit>
    check_result operator<(Unit limit) const {
        return claim<Unit>("< ", -infinite, detail::number_of(limit));
    }
    template <class Unit>
    check_result operator<=(Unit limit) const {
        return claim<Unit>("<= ", -infinite, detail::number_of(limit));
    }
    template <class Unit>
    check_result operator>(Unit limit) const {
        return claim<Unit>("> ", detail::number_of(limit), infinite);
    }
    template <class Unit>
    check_result operator>=(Unit limit) const {
        return claim<Unit>(">= ", detail::number_of(limit), infinite);
    }
    template <class Unit>
    check_result operator==(allowed_range<Unit> r) const {
        return claim<Unit>("between ", detail::number_of(r.low), detail::number_of(r.high));
    }

 private:
    static constexpr double infinite = std::numeric_limits<double>::infinity();

    template <class Unit>
    check_result claim(const char* relation, double lowest, double highest) const {
        if (!m_.mistake.empty()) return mistaken(m_.mistake);
        if (is_nan(lowest) || is_nan(highest) || !(is_finite(lowest) || is_finite(highest)))
            return mistaken("the limit is not a finite number");
        if (lowest > highest) return mistaken("nothing is between the limits");
        if (std::string why = why_unchecked(m_); !why.empty())
            return {verdict::skipped, std::move(why)};
        const confidence_interval i = detail::interval_of(m_, Unit{});
        const verdict plain = place(i, lowest, highest);
        const bool above = i.low > highest, needs_energy = lowest > -infinite;
        const verdict v = trusted(plain, m_, above || (needs_energy && plain == verdict::holds));
        std::string limit = relation;
        if (lowest > -infinite) limit += detail::text_of(lowest, Unit{});
        if (lowest > -infinite && highest < infinite) limit += " and ";
        if (highest < infinite) limit += detail::text_of(highest, Unit{});
        std::string text = detail::interval_text<Unit>(m_, i);
        text += v == verdict::holds ? " is " : (v == verdict::fails ? " is not " : " may be ");
        text += limit;
        if (v == verdict::fails) text += distance(i, lowest, highest);
        text += "\n  " + circumstances(m_) + advice(v);
        return {v, std::move(text), {}, i, detail::unit_name(m_, Unit{})};
    }

    static std::string distance(const confidence_interval& i, double lowest, double highest) {
        const bool above = i.low > highest;
        const double limit = above ? highest : lowest;
        return std::string(": ") + percent_text(std::fabs(i.middle / limit - 1)) +
               (above ? " above it" : " below it");
    }
    [[nodiscard]] std::string advice(verdict v) const {
        if (v == verdict::holds) return "";
        if (v == verdict::fails)
            return "\n  to do: find the regression (a report by scope shows it), or raise the "
                   "limit on purpose";
        if (!m_.disturbance.empty())
            return "\n  to do: run energy tests one at a time on a quiet machine (ctest: "
                   "RUN_SERIAL), or "
                   "compare in turns";
        if (!m_.steady)
            return "\n  to do: run again on a quiet machine at a fixed clock rate; the limit lies "
                   "within the range it drew";
        return "\n  to do: measure for longer (measure_options::max_time, precision), or choose a "
               "looser limit";
    }

    const measurement& m_;
};

[[nodiscard]] inline energy_subject subject(const measurement& m) noexcept {
    return energy_subject(m);
}
/// A complete result (`uses_less_than`) is passed through.
[[nodiscard]] inline check_result subject(check_result r) noexcept { return r; }

}  // namespace testing

}  // namespace v1
}  // namespace joulery
