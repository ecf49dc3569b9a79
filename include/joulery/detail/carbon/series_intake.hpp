// series_intake.hpp - checks the rows of a series, whatever file they come from.
// SPDX-License-Identifier: MIT
#pragma once

#include "joulery/detail/carbon/format_significant.hpp"
#include "joulery/detail/carbon/place_name.hpp"
#include "joulery/detail/carbon/series_builder.hpp"
#include "joulery/detail/carbon/timestamp.hpp"
#include "joulery/detail/core/concat.hpp"
#include "joulery/detail/core/number_text.hpp"
#include "joulery/units.hpp"

#include <cstddef>
#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace joulery {
inline namespace v1 {

/// How to read a series; the defaults suffice if the file says enough.
struct series_options {
    std::string zone;            ///< only rows of this zone; needed if a file has several
    std::string unit;            ///< "g/kWh", "kg/MWh", "lb/MWh"; needed if the file does not say
    std::string value_column;    ///< the CSV column to read, if several are possible
    bool assume_utc = false;     ///< times without a zone are UTC
    bool known_zero = false;     ///< zeros are real (marginal, while power is curtailed)
    bool skip_bad_rows = false;  ///< omit rows without a usable value: they become gaps
    carbon_intensity fallback;   ///< for gaps; unset: the mean of the series
    double from = -std::numeric_limits<double>::infinity();  ///< earlier rows are omitted (unix s)
    double until = std::numeric_limits<double>::infinity();  ///< rows from here on are omitted
    std::size_t max_steps = 200000;  ///< in longer series steps are joined, which bounds memory
};

namespace detail {

/// Parses a mass per energy, word by word from its end.
class unit_reader {
 public:
    explicit unit_reader(std::string_view text) {
        for (std::size_t i = 0; i < text.size(); ++i) {
            const char c = text[i];
            const bool letter = (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
            if (text.compare(i, 3, "\xE2\x82\x82") == 0) {  // a subscript 2
                word() += '2', i += 2;
            } else if (letter || (c >= 'A' && c <= 'Z')) {
                word() += letter ? c : static_cast<char>(c - 'A' + 'a');
            } else if (!words_.back().empty()) {
                words_.emplace_back();
            }
        }
    }

    [[nodiscard]] std::optional<double> grams_per_kwh() const {
        for (std::size_t i = words_.size(); i-- > 0;) {
            std::string_view left = words_[i];
            const bool kilo = take_end(left, "kwh");
            if (!kilo && !take_end(left, "mwh")) continue;
            if (const auto mass = grams_before(i, left)) return *mass * (kilo ? 1 : 1e-3);
        }
        return std::nullopt;
    }

 private:
    std::string& word() { return words_.back(); }

    static bool take_end(std::string_view& text, std::string_view end) noexcept {
        if (text.size() < end.size() || text.substr(text.size() - end.size()) != end) return false;
        text.remove_suffix(end.size());
        return true;
    }

    // The mass, from the word that contains the energy ("gperkwh") or from the words before it.
    [[nodiscard]] std::optional<double> grams_before(std::size_t at, std::string_view fused) const {
        (void)take_end(fused, "per");
        if (!fused.empty()) return grams_in(fused, true);
        while (at-- > 0) {
            std::string_view before = words_[at];
            if (before == "per" || before == "p" || is_gas(before)) continue;
            return grams_in(before, false);
        }
        return std::nullopt;
    }
    static bool is_gas(std::string_view word) noexcept {
        for (const std::string_view gas : {"co2", "co2e", "co2eq", "eq", "e", "equivalent", "of"})
            if (word == gas) return true;
        return false;
    }
    // `inside`: a column's name may precede the unit without a gap.
    static std::optional<double> grams_in(std::string_view word, bool inside) noexcept {
        for (const std::string_view gas : {"co2equivalent", "co2eq", "co2e", "co2"})
            if (take_end(word, gas)) break;
        struct mass {
            std::string_view name;
            double grams;
        };
        constexpr double pound = 453.59237;  // exact by definition
        for (const mass& m :
             {mass{"kilograms", 1e3}, mass{"kilogram", 1e3}, mass{"kg", 1e3}, mass{"pounds", pound},
              mass{"pound", pound}, mass{"lbs", pound}, mass{"lb", pound}, mass{"tonnes", 1e6},
              mass{"tonne", 1e6}, mass{"tons", 1e6}, mass{"ton", 1e6}, mass{"grams", 1},
              mass{"gram", 1}, mass{"g", 1}, mass{"t", 1e6}}) {
            if (word == m.name) return m.grams;
            if (inside && m.name != "t" && take_end(word, m.name)) return m.grams;
        }
        return std::nullopt;
    }

    std::vector<std::string> words_{std::string()};
};

}  // namespace detail

/// The factor from a unit as files write it to g/kWh: "g/kWh", "gCO2eq/kWh", "kg/MWh", "lb/MWh",
/// "lbs_co2_per_mwh", "t/MWh"; nothing if it is not recognized. Also accepts column names such as
/// "Estonia carbon intensity (gCO2eq/kWh)": the whole words before "per kWh" count.
[[nodiscard]] inline std::optional<double> grams_per_kwh_in(std::string_view unit) {
    return detail::unit_reader(unit).grams_per_kwh();
}

/// One row as text; missing fields are empty.
struct series_fields {
    std::string_view time, value, zone, unit, kind;
    bool time_is_utc = false;  ///< the column's name says so
};

/// Collects the rows of one series: one zone, one unit, one kind, real values only.
class series_intake {
 public:
    explicit series_intake(const series_options& options)
        : options_(options), builder_(options.max_steps) {}

    /// Adds a row; false once there is an error.
    bool add(const series_fields& f, std::uint64_t line) {
        if (error_) return false;
        if (!options_.zone.empty() && !f.zone.empty() && f.zone != options_.zone) {
            other_zone_ = std::string(f.zone.substr(0, 60));
            return true;
        }
        if (!same(zone_, f.zone, "zones", "choose one with series_options::zone", line) ||
            !same(unit_, f.unit, "units", "give the whole file one unit", line) ||
            !same(kind_, f.kind, "kinds (average, marginal)", "keep one of them", line))
            return false;
        const auto time = moment(f, line);
        if (!time) return false;
        if (*time < options_.from || *time >= options_.until) return true;
        const auto value = figure(f.value, line);
        if (!value) return !error_;  // omitted
        if (!builder_.add(*time, *value, line)) return fail(*builder_.error());
        return true;
    }

    /// What the document states for all rows: WattTime's "meta", Electricity Maps' outer "zone".
    void document(std::string_view zone, std::string_view unit, std::string_view kind) {
        if (error_) return;
        if (!zone.empty() && zone_.empty() && !options_.zone.empty() && zone != options_.zone)
            fail({concat({"the file is for zone '", zone, "', not '", options_.zone, "'"}),
                  "give the file of that zone"});
        if (!zone.empty()) same(zone_, zone, "zones", "choose one with series_options::zone", 0);
        if (!unit.empty()) same(unit_, unit, "units", "give the whole file one unit", 0);
        if (!kind.empty()) same(kind_, kind, "kinds", "keep one of them", 0);
    }

    bool fail(failure why) {
        if (!error_) error_ = std::move(why);
        return false;
    }
    void note(std::string text) { notes_.push_back(std::move(text)); }
    /// The names that were found, for the message if none of them was recognized.
    void found(std::string keys) { keys_ = std::move(keys); }

    [[nodiscard]] result<std::shared_ptr<const intensity_series>> finish(std::string source) {
        if (error_) return *error_;
        if (builder_.rows() == 0) return no_rows();
        const auto scale = grams_per_kwh_in(options_.unit.empty() ? unit_ : options_.unit);
        if (!scale)
            return failure{
                unit_.empty() && options_.unit.empty()
                    ? std::string("the series has no unit")
                    : concat({"the unit '", (options_.unit.empty() ? unit_ : options_.unit),
                              "' is not understood"}),
                "set series_options::unit to g/kWh, kg/MWh or lb/MWh"};
        auto steps = builder_.finish(*scale);
        if (!steps) return steps.error();
        return std::make_shared<const intensity_series>(
            *std::move(steps), describe(std::move(source)), options_.fallback);
    }
    [[nodiscard]] const std::optional<failure>& error() const noexcept { return error_; }
    [[nodiscard]] std::uint64_t rows() const noexcept { return builder_.rows(); }

 private:
    static std::string at(std::uint64_t line) {
        return line > 0 ? concat({"line ", line, ": "}) : std::string();
    }
    static std::string quoted(std::string_view text) {
        return concat({"'", text.substr(0, 60), "'"});
    }

    /// Keeps the first value; a different second one is an error.
    bool same(std::string& known, std::string_view now, const char* what, const char* remedy,
              std::uint64_t line) {
        if (now.empty() || known == now) return true;
        if (known.empty()) {
            known = std::string(now.substr(0, 200));
            return true;
        }
        return fail({concat({at(line), "mixed ", what, ": ", quoted(known), " and ", quoted(now)}),
                     remedy});
    }

    std::optional<double> moment(const series_fields& f, std::uint64_t line) {
        const timestamp t = parse_timestamp(trimmed(f.time));
        if (t.what == timestamp::verdict::ok) return t.unix_seconds;
        if (t.what == timestamp::verdict::no_zone && (options_.assume_utc || f.time_is_utc))
            return t.unix_seconds;
        if (t.what == timestamp::verdict::no_zone)
            fail({concat({at(line), "the time ", quoted(f.time), " has no zone"}),
                  "write it with Z or an offset (+01:00), or set series_options::assume_utc"});
        else
            fail({concat({at(line), quoted(f.time), " is not a time"}),
                  "write 2025-10-26T01:00:00Z or seconds since 1970"});
        return std::nullopt;
    }

    std::optional<double> figure(std::string_view text, std::uint64_t line) {
        const auto value = parse_decimal(text);
        const bool zero = value && *value == 0;
        if (value && ((*value >= least && *value <= most) || (zero && options_.known_zero))) {
            if (*value > highest_) highest_ = *value;
            return value;
        }
        if (options_.skip_bad_rows) {
            ++left_out_;
            return std::nullopt;
        }
        fail({at(line) + (trimmed(text).empty() ? std::string("the value is empty")
                          : value && *value > 0
                              ? concat({quoted(text), " is not an intensity in any known unit"})
                              : concat({quoted(text), " is not an intensity above zero"})),
              zero ? "set series_options::known_zero if it is a true zero"
                   : "correct the row, or set series_options::skip_bad_rows to treat it as a gap"});
        return std::nullopt;
    }

    [[nodiscard]] failure no_rows() const {
        if (!other_zone_.empty())
            return {concat({"no row is for zone '", options_.zone, "'; the file has '", other_zone_,
                            "'"}),
                    "check series_options::zone"};
        if (left_out_ > 0)
            return {concat({"none of ", left_out_, " rows has a usable value"}),
                    "check the value column"};
        if (!keys_.empty())
            return {concat({"the series has no row with a time and a value; found: ", keys_}),
                    "name them time and g_per_kwh"};
        return {"the series has no row", "give a file with times and values"};
    }

    [[nodiscard]] series_description describe(std::string source) {
        series_description d;
        d.zone = zone_.empty() ? options_.zone : zone_;
        const folded_name kind = fold_place(kind_);
        const auto has = [&](const char* part) {
            return kind.view().find(part) != std::string_view::npos;
        };
        d.kind = has("moer") || has("marginal") ? "marginal" : "average";
        if (has("lifecycle")) d.boundary = "lifecycle";
        if (has("direct")) d.boundary = "direct";
        d.source = std::move(source);
        d.notes = builder_.notes();
        if (left_out_ > 0)
            d.notes.push_back(concat({left_out_, " row(s) without a usable value left out"}));
        const double top =
            highest_ * *grams_per_kwh_in(options_.unit.empty() ? unit_ : options_.unit);
        if (top > 2000)
            d.notes.push_back(concat({"values reach ", format_significant(top),
                                      " g/kWh, more than any grid: is the unit right?"}));
        for (std::string& n : notes_) d.notes.push_back(std::move(n));
        return d;
    }

    /// No intensity lies outside these limits in any unit; within them every sum and mean is
    /// finite.
    static constexpr double least = 1e-12, most = 1e12;

    series_options options_;
    series_builder builder_;
    std::string zone_, unit_, kind_, other_zone_, keys_;
    double highest_ = 0;
    std::uint64_t left_out_ = 0;
    std::vector<std::string> notes_;
    std::optional<failure> error_;
};

}  // namespace v1
}  // namespace joulery
