// json_series.hpp - reads an intensity series from JSON, piece by piece.
// SPDX-License-Identifier: MIT
#pragma once

#include "joulery/detail/carbon/place_name.hpp"
#include "joulery/detail/carbon/series_intake.hpp"
#include "joulery/detail/core/concat.hpp"

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <utility>

namespace joulery {
inline namespace v1 {

/// Parses JSON in pieces of any size: Electricity Maps' history and forecast, WattTime's
/// data-and-meta, carbonintensity.org.uk's intensity, an array of such objects, or one object per
/// line. An object with a time and a value is a row; the zone, unit and signal in other objects
/// apply to the document.
///
/// Memory: a few strings per level of nesting, at most 32 levels; the document is never stored.
class json_series {
 public:
    explicit json_series(const series_options& options) : intake_(options) {}

    /// False once there is an error: the rest need not be read.
    bool feed(std::string_view piece) {
        for (std::size_t i = 0; i < piece.size() && !intake_.error(); ++i) {
            if (piece[i] == '\n') ++line_;
            step(piece[i]);
        }
        return !intake_.error();
    }

    [[nodiscard]] result<std::shared_ptr<const intensity_series>> finish(std::string source) {
        if (state_ == state::scalar) end_scalar();
        if (!intake_.error() && (depth_ > 0 || state_ != state::outside))
            intake_.fail({concat({"the JSON is truncated after ", intake_.rows(), " rows"}),
                          "fetch it again"});
        if (document_.unit.empty() && grams_by_definition_) document_.unit = "g/kWh";
        intake_.document(document_.zone, document_.unit, document_.kind);
        intake_.found(std::move(keys_));
        return intake_.finish(std::move(source));
    }

 private:
    enum class state : unsigned char { outside, string, escape, unicode, scalar };
    static constexpr std::size_t deepest = 32, longest_text = 256;

    struct level {
        bool object = false;
        bool key_next = false;  // in an object: the next string is a key
        std::string key, time, value, zone, unit, kind;
        bool has_value = false;

        void reset(bool is_object) {
            *this = level();
            object = key_next = is_object;
        }
    };
    struct header {
        std::string zone, unit, kind;
    };

    level& top() { return levels_[depth_ - 1]; }

    void step(char c) {
        switch (state_) {
            case state::string:
                if (c == '"')
                    end_string();
                else if (c == '\\')
                    state_ = state::escape;
                else
                    push(c);
                return;
            case state::escape:
                push(c == 'n' || c == 't' || c == 'r' || c == 'b' || c == 'f' ? ' ' : c);
                state_ = c == 'u' ? state::unicode : state::string;
                unicode_left_ = 4;
                return;
            case state::unicode:
                if (--unicode_left_ == 0) state_ = state::string;
                return;
            case state::scalar:
                if (c != ',' && c != '}' && c != ']' && !blank(c)) return push(c);
                end_scalar();
                break;
            case state::outside:
                break;
        }
        structure(c);
    }

    void structure(char c) {
        if (blank(c)) return;
        if (c == '{' || c == '[') {
            if (depth_ == deepest) return broken("is nested deeper than 32 levels");
            levels_[depth_++].reset(c == '{');
        } else if (c == '}' || c == ']') {
            if (depth_ == 0 || top().object != (c == '}')) return broken("has a bracket too many");
            if (c == '}') end_object();
            --depth_;
        } else if (c == '"') {
            text_.clear();
            state_ = state::string;
        } else if (c == ',') {
            if (depth_ > 0) top().key_next = top().object;
        } else if (c == ':') {
            if (depth_ == 0 || !top().object) return broken("has a colon outside of an object");
            top().key_next = false;
        } else if (scalar_start(c)) {
            text_.assign(1, c);
            state_ = state::scalar;
        } else {
            broken("has an unexpected character");
        }
    }

    void broken(const char* what) {
        intake_.fail({concat({"line ", line_, ": the JSON ", what}), "fetch it again"});
    }
    static bool blank(char c) noexcept { return c == ' ' || c == '\t' || c == '\n' || c == '\r'; }
    static bool scalar_start(char c) noexcept {
        return (c >= '0' && c <= '9') || c == '-' || (c >= 'a' && c <= 'z') || c == 'N';
    }
    void push(char c) {
        if (text_.size() < longest_text) text_ += c;
    }

    void end_string() {
        state_ = state::outside;
        if (depth_ == 0) return;
        if (top().object && top().key_next)
            top().key = fold_place(text_).view();
        else
            value(text_);
    }
    void end_scalar() {
        state_ = state::outside;
        if (depth_ > 0) value(text_ == "null" ? std::string_view() : std::string_view(text_));
    }

    /// Stores a value by its key.
    void value(std::string_view text) {
        level& l = top();
        if (!l.object) return;
        const std::string_view k = l.key;
        remember(k);
        if (depth_ > 1 && levels_[depth_ - 2].object && levels_[depth_ - 2].key == "intensity")
            return nested_intensity(levels_[depth_ - 2], k, text);
        if (k == "datetime" || k == "pointtime" || k == "timestamp" || k == "time" || k == "date" ||
            k == "from") {
            l.time = text;
        } else if (k == "carbonintensity" || k == "value" || k == "gperkwh" || k == "intensity" ||
                   k == "moer") {
            l.value = text;
            l.has_value = true;
            if (k == "carbonintensity" || k == "gperkwh") grams_by_definition_ = true;
        } else if (k == "zone" || k == "region" || k == "ba") {
            l.zone = text;
        } else if (k == "units" || k == "unit") {
            l.unit = text;
        } else if (k == "signaltype" || k == "emissionfactortype") {
            l.kind = text;
        }
    }

    // {"from": ..., "intensity": {"forecast": 266, "actual": 263}}: g/kWh in that API. Measured
    // values have priority over forecasts.
    void nested_intensity(level& row, std::string_view key, std::string_view text) {
        const bool forecast = key == "forecast" && !row.has_value;
        if (text.empty() || (key != "actual" && !forecast)) return;
        row.value = text;
        row.has_value = grams_by_definition_ = true;
    }
    void remember(std::string_view key) {
        constexpr std::size_t enough = 120;
        const std::string known = concat({", ", keys_, ","});
        if (keys_.size() > enough || key.empty() ||
            known.find(concat({", ", key, ","})) != std::string::npos)
            return;
        keys_.append(keys_.empty() ? "" : ", ").append(key.substr(0, 40));
    }

    void end_object() {
        level& l = top();
        if (l.time.empty() || !l.has_value) {
            keep(document_.zone, l.zone, "zones");
            keep(document_.unit, l.unit, "units");
            keep(document_.kind, l.kind, "kinds");
            return;
        }
        series_fields f;
        f.time = l.time;
        f.value = l.value;
        f.zone = l.zone;
        for (std::size_t d = depth_ - 1; f.zone.empty() && d > 0; --d) f.zone = levels_[d - 1].zone;
        f.unit = l.unit;
        f.kind = l.kind;
        intake_.add(f, line_);
    }
    void keep(std::string& known, const std::string& now, const char* what) {
        if (now.empty() || known == now) return;
        if (!known.empty()) broken((concat({"mixes ", what, ": ", known, ", ", now})).c_str());
        known = now;
    }

    series_intake intake_;
    std::array<level, deepest> levels_;
    std::size_t depth_ = 0;
    std::string text_;
    std::string keys_;  ///< of objects, in order of appearance
    header document_;
    std::uint64_t line_ = 1;
    int unicode_left_ = 0;
    bool grams_by_definition_ = false;
    state state_ = state::outside;
};

}  // namespace v1
}  // namespace joulery
