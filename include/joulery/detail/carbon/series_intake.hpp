// series_intake.hpp - checks the rows of a series, whatever file they come from.
// SPDX-License-Identifier: MIT
#pragma once

#include "joulery/detail/carbon/decimal.hpp"
#include "joulery/detail/carbon/place_name.hpp"
#include "joulery/detail/carbon/series_builder.hpp"
#include "joulery/detail/carbon/series_options.hpp"
#include "joulery/detail/carbon/timestamp.hpp"

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace joulery {
inline namespace v1 {

/// Factor from a unit as files write it to g/kWh: "g/kWh", "gCO2eq/kWh", "kg/MWh", "lb/MWh",
/// "lbs_co2_per_mwh", "t/MWh"; nothing where it is not understood. Works on column names too.
[[nodiscard]] inline std::optional<double> grams_per_kwh_in(std::string_view unit) noexcept {
    const folded_name folded = fold_place(unit);
    const std::string_view u = folded.view();
    const auto has = [u](std::string_view part) { return u.find(part) != std::string_view::npos; };
    const double per_kwh = has("kwh") ? 1 : has("mwh") ? 1e-3 : 0;
    if (per_kwh == 0) return std::nullopt;
    if (has("lb") || has("pound")) return 453.59237 * per_kwh;  // exact by definition
    if (has("kg") || has("kilogram")) return 1e3 * per_kwh;
    if (has("ton") || has("tco2") || has("tper") || u == "tmwh") return 1e6 * per_kwh;
    if (has("gram") || has("gco") || has("gper") || has("gkwh") || has("gmwh")) return per_kwh;
    return std::nullopt;
}

/// One row as text; what a row does not have is empty.
struct series_fields {
    std::string_view time, value, zone, unit, kind;
    bool time_is_utc = false;  ///< the column's name says so
};

/// Collects the rows of one series: one zone, one unit, one kind, real values only.
class series_intake {
 public:
    explicit series_intake(const series_options& options)
        : options_(options), builder_(options.max_steps) {}

    /// Takes a row; false once there is an error.
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
        if (!value) return !error_;  // left out
        if (!builder_.add(*time, *value, line)) return fail(*builder_.error());
        return true;
    }

    /// What the document says about all rows: WattTime's "meta", Electricity Maps' outer "zone".
    void document(std::string_view zone, std::string_view unit, std::string_view kind) {
        if (error_) return;
        if (!zone.empty() && zone_.empty() && !options_.zone.empty() && zone != options_.zone)
            fail({"the file is for zone '" + std::string(zone) + "', not '" + options_.zone + "'",
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

    [[nodiscard]] result<std::shared_ptr<const intensity_series>> finish(std::string source) {
        if (error_) return *error_;
        if (builder_.rows() == 0) return no_rows();
        const auto scale = grams_per_kwh_in(options_.unit.empty() ? unit_ : options_.unit);
        if (!scale)
            return failure{unit_.empty() && options_.unit.empty()
                               ? std::string("the series has no unit")
                               : "the unit '" + (options_.unit.empty() ? unit_ : options_.unit) +
                                     "' is not understood",
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
        return line > 0 ? "line " + std::to_string(line) + ": " : std::string();
    }
    static std::string quoted(std::string_view text) {
        return "'" + std::string(text.substr(0, 60)) + "'";
    }

    /// Keeps the first; a second one that differs is an error.
    bool same(std::string& known, std::string_view now, const char* what, const char* remedy,
              std::uint64_t line) {
        if (now.empty() || known == now) return true;
        if (known.empty()) {
            known = std::string(now.substr(0, 200));
            return true;
        }
        return fail(
            {at(line) + "mixed " + what + ": " + quoted(known) + " and " + quoted(now), remedy});
    }

    std::optional<double> moment(const series_fields& f, std::uint64_t line) {
        const timestamp t = parse_timestamp(trimmed(f.time));
        if (t.what == timestamp::verdict::ok) return t.unix_seconds;
        if (t.what == timestamp::verdict::no_zone && (options_.assume_utc || f.time_is_utc))
            return t.unix_seconds;
        if (t.what == timestamp::verdict::no_zone)
            fail({at(line) + "the time " + quoted(f.time) + " has no zone",
                  "write it with Z or an offset (+01:00), or set series_options::assume_utc"});
        else
            fail({at(line) + quoted(f.time) + " is not a time",
                  "write 2025-10-26T01:00:00Z or seconds since 1970"});
        return std::nullopt;
    }

    std::optional<double> figure(std::string_view text, std::uint64_t line) {
        const auto value = parse_decimal(text);
        if (value && (*value > 0 || (*value == 0 && options_.known_zero))) {
            if (*value > highest_) highest_ = *value;
            return value;
        }
        if (options_.skip_bad_rows) {
            ++left_out_;
            return std::nullopt;
        }
        const bool zero = value && *value == 0;
        fail({at(line) + (trimmed(text).empty() ? std::string("the value is empty")
                                                : quoted(text) + " is not an intensity above zero"),
              zero ? "set series_options::known_zero if it is a true zero"
                   : "correct the row, or set series_options::skip_bad_rows to make a gap of it"});
        return std::nullopt;
    }

    [[nodiscard]] failure no_rows() const {
        if (!other_zone_.empty())
            return {"no row is for zone '" + options_.zone + "'; there is '" + other_zone_ + "'",
                    "check series_options::zone"};
        if (left_out_ > 0)
            return {"none of " + std::to_string(left_out_) + " rows has a usable value",
                    "check the value column"};
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
            d.notes.push_back(std::to_string(left_out_) +
                              " row(s) without a usable value left out");
        const double top =
            highest_ * *grams_per_kwh_in(options_.unit.empty() ? unit_ : options_.unit);
        if (top > 2000)
            d.notes.push_back("values reach " + std::to_string(static_cast<long long>(top)) +
                              " g/kWh, more than any grid: is the unit right?");
        for (std::string& n : notes_) d.notes.push_back(std::move(n));
        return d;
    }

    series_options options_;
    series_builder builder_;
    std::string zone_, unit_, kind_, other_zone_;
    double highest_ = 0;
    std::uint64_t left_out_ = 0;
    std::vector<std::string> notes_;
    std::optional<failure> error_;
};

}  // namespace v1
}  // namespace joulery
