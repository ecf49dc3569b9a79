// csv_series.hpp - reads an intensity series from CSV, piece by piece.
// SPDX-License-Identifier: MIT
#pragma once

#include "joulery/detail/carbon/place_name.hpp"
#include "joulery/detail/carbon/series_intake.hpp"
#include "joulery/detail/core/concat.hpp"
#include "joulery/detail/core/list.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace joulery {
inline namespace v1 {

/// Splits a CSV line; a field in double quotes may contain the separator, and "" stands for a
/// quote. Returns views into `line` (quoted fields with "" inside are unescaped in place).
inline void split_csv(std::string& line, char separator, detail::list<std::string_view>& out) {
    out.clear();
    std::size_t i = 0;
    for (;;) {
        if (i < line.size() && line[i] == '"') {
            const std::size_t begin = ++i;
            std::size_t end = begin;
            for (; i < line.size(); ++i) {
                if (line[i] == '"') {
                    if (i + 1 >= line.size() || line[i + 1] != '"') break;
                    ++i;
                }
                line[end++] = line[i];
            }
            out.push_back(std::string_view(line).substr(begin, end - begin));
            while (i < line.size() && line[i] != separator) ++i;
        } else {
            const std::size_t begin = i;
            while (i < line.size() && line[i] != separator) ++i;
            out.push_back(std::string_view(line).substr(begin, i - begin));
        }
        if (i >= line.size()) return;
        ++i;  // the separator
    }
}

/// Parses a CSV file in pieces of any size. The header names the columns, as in `time,g_per_kwh`,
/// Electricity Maps' downloads or WattTime's.
class csv_series {
 public:
    static constexpr std::size_t longest_line = 65536;

    explicit csv_series(const series_options& options) : options_(options), intake_(options) {}

    /// False once there is an error: the rest need not be read.
    bool feed(std::string_view piece) {
        while (!piece.empty() && !intake_.error()) {
            const std::size_t end = piece.find('\n');
            line_.append(piece.substr(0, end));
            if (line_.size() > longest_line)
                return intake_.fail({concat({"line ", number_ + 1, " is longer than 64 KiB"}),
                                     "give a CSV file with one row a line"});
            if (end == std::string_view::npos) break;
            piece.remove_prefix(end + 1);
            take_line();
        }
        return !intake_.error();
    }

    [[nodiscard]] result<std::shared_ptr<const intensity_series>> finish(std::string source) {
        if (!trimmed(line_).empty() && !intake_.error()) {
            intake_.note("the last line has no line end: perhaps the file was cut there");
            take_line();
        }
        if (!header_seen_ && !intake_.error())
            return failure{"the file is empty", "give a header such as time,g_per_kwh and rows"};
        if (header_seen_) intake_.document({}, unit_, kind_);
        return intake_.finish(std::move(source));
    }

 private:
    void take_line() {
        ++number_;
        if (number_ == 1 && line_.compare(0, 3, "\xEF\xBB\xBF") == 0) line_.erase(0, 3);
        if (!line_.empty() && line_.back() == '\r') line_.pop_back();
        if (!trimmed(line_).empty() && line_[0] != '#') {
            if (header_seen_)
                take_row();
            else
                take_header();
        }
        line_.clear();
    }

    void take_row() {
        split_csv(line_, separator_, fields_);
        if (fields_.size() != columns_) {
            intake_.fail({concat({"line ", number_, " has ", fields_.size(),
                                  " columns, the header ", columns_, ": truncated?"}),
                          "complete the row or remove it"});
            return;
        }
        series_fields f;
        const auto get = [&](std::size_t column) {
            return column < fields_.size() ? trimmed(fields_[column]) : std::string_view();
        };
        f.time = get(time_);
        f.value = get(value_);
        f.zone = get(zone_);
        f.unit = get(unit_column_);
        f.kind = get(kind_column_);
        f.time_is_utc = time_is_utc_;
        intake_.add(f, number_);
    }

    void take_header() {
        header_seen_ = true;
        std::array<std::size_t, 3> count{};
        const char candidates[] = {',', ';', '\t'};
        for (char c : line_)
            for (std::size_t i = 0; i < count.size(); ++i) count[i] += c == candidates[i] ? 1 : 0;
        for (std::size_t i = 1, best = 0; i < count.size(); ++i)
            if (count[i] > count[best]) separator_ = candidates[best = i];
        split_csv(line_, separator_, fields_);
        columns_ = fields_.size();
        names_.clear();
        for (std::string_view name : fields_) names_.emplace_back(fold_place(name).view());
        time_ = first_of({"datetime", "pointtime", "timestamp", "time", "date", "from"});
        zone_ = first_of({"zoneid", "zonekey", "zone", "region", "ba"});
        unit_column_ = first_of({"units", "unit"});
        kind_column_ = first_of({"signaltype", "emissionfactortype", "kind"});
        if (time_ == none) {
            intake_.fail({concat({"the header has no time column: ", line_.substr(0, 120)}),
                          "name it time, datetime, timestamp or point_time"});
            return;
        }
        time_is_utc_ = names_[time_].find("utc") != std::string::npos;
        choose_value();
    }

    /// The first column that has one of the names, or whose name begins with one.
    [[nodiscard]] std::size_t first_of(std::initializer_list<std::string_view> wanted) const {
        for (std::string_view w : wanted)
            for (std::size_t i = 0; i < names_.size(); ++i)
                if (names_[i] == w) return i;
        for (std::string_view w : wanted)
            for (std::size_t i = 0; i < names_.size(); ++i)
                if (w.size() > 3 && names_[i].compare(0, w.size(), w) == 0) return i;
        return none;
    }

    void choose_value() {
        std::vector<std::size_t> found;
        const std::string wanted(fold_place(options_.value_column).view());
        for (std::size_t i = 0; i < names_.size(); ++i) {
            const auto has = [&](const char* part) {
                return names_[i].find(part) != std::string::npos;
            };
            const bool fits = wanted.empty() ? has("intensity") || has("perkwh") || has("permwh") ||
                                                   has("moer") || names_[i] == "value"
                                             : names_[i] == wanted;
            if (fits && i != time_ && !has("estimat")) found.push_back(i);
        }
        if (wanted.empty() && found.size() > 1) prefer_lifecycle(found);
        if (found.size() != 1) {
            intake_.fail({concat({found.empty() ? "no" : "more than one",
                                  " column can be the intensity: ", line_.substr(0, 120)}),
                          "name it g_per_kwh, or set series_options::value_column"});
            return;
        }
        value_ = found[0];
        const std::string& name = names_[value_];
        const std::string header(trimmed(fields_[value_]));
        if (grams_per_kwh_in(header)) unit_ = header;
        if (unit_.empty() && unit_column_ == none && name == "carbonintensity") unit_ = "g/kWh";
        if (kind_column_ != none) return;
        for (const char* kind : {"moer", "marginal", "lifecycle", "direct"})
            if (name.find(kind) != std::string::npos) kind_ = kind;
    }

    /// Electricity Maps' files have both; the lifecycle figure is more complete.
    void prefer_lifecycle(std::vector<std::size_t>& found) const {
        std::vector<std::size_t> fuller;
        for (std::size_t i : found)
            if (names_[i].find("lifecycle") != std::string::npos) fuller.push_back(i);
        if (fuller.size() == 1) found = fuller;
    }

    static constexpr std::size_t none = static_cast<std::size_t>(-1);
    series_options options_;
    series_intake intake_;
    std::string line_, unit_, kind_;
    detail::list<std::string_view> fields_;
    std::vector<std::string> names_;
    std::uint64_t number_ = 0;
    char separator_ = ',';
    bool header_seen_ = false, time_is_utc_ = false;
    std::size_t columns_ = 0, time_ = none, value_ = none, zone_ = none;
    std::size_t unit_column_ = none, kind_column_ = none;
};

}  // namespace v1
}  // namespace joulery
