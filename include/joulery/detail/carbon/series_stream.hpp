// series_stream.hpp - reads an intensity series piece by piece, CSV or JSON.
// SPDX-License-Identifier: MIT
#pragma once

#include "joulery/detail/carbon/csv_series.hpp"
#include "joulery/detail/carbon/json_series.hpp"
#include "joulery/detail/carbon/series_intake.hpp"

#include <cstddef>
#include <string>
#include <string_view>
#include <utility>

namespace joulery {
inline namespace v1 {

/// A reader of either format, chosen by the first character: '{' or '[' is JSON, else CSV.
class series_stream {
 public:
    explicit series_stream(const series_options& options) : csv_(options), json_(options) {}

    bool feed(std::string_view piece) {
        if (format_ == 0) {
            const std::size_t first = piece.find_first_not_of(" \t\r\n");
            if (first == std::string_view::npos) return csv_.feed(piece);
            format_ = piece[first] == '{' || piece[first] == '[' ? 'j' : 'c';
        }
        return format_ == 'j' ? json_.feed(piece) : csv_.feed(piece);
    }
    [[nodiscard]] auto finish(std::string source) {
        return format_ == 'j' ? json_.finish(std::move(source)) : csv_.finish(std::move(source));
    }

 private:
    csv_series csv_;
    json_series json_;
    char format_ = 0;
};

}  // namespace v1
}  // namespace joulery
