// series_reader.hpp - an intensity series from a file, CSV or JSON.
// SPDX-License-Identifier: MIT
#pragma once

#include "joulery/carbon/carbon_model.hpp"
#include "joulery/detail/carbon/csv_series.hpp"
#include "joulery/detail/carbon/intensity_series.hpp"
#include "joulery/detail/carbon/json_series.hpp"
#include "joulery/detail/carbon/series_intake.hpp"
#include "joulery/detail/core/config.hpp"
#include "joulery/result.hpp"

#include <cstddef>
#include <memory>
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

using series_result = result<std::shared_ptr<const intensity_series>>;

/// Parses a series that is already in memory.
///
/// Thread: any. Cost: linear in the text. Fails: as `read_intensity_series`.
[[nodiscard]] JOULERY_DECL series_result parse_intensity_series(std::string_view text,
                                                                const series_options& options = {},
                                                                std::string source = "text");

/// Reads a series from a file as a stream: ten million rows need no more memory than two hundred
/// thousand.
///
/// Units:  g/kWh, kg/MWh, lb/MWh, as the file or the options say. Times include their zone.
/// Fails:  with the line and the remedy for anything that can't be parsed; series_options allows
///         exceptions. Gaps and reordered rows are listed in `about().notes`.
///
///     auto s = read_intensity_series("fr-2025.csv");
///     if (s) options.carbon = carbon_over_time(*s); else std::cerr << s.error().reason;
[[nodiscard]] JOULERY_DECL series_result read_intensity_series(const std::string& path,
                                                               const series_options& options = {});

/// A factor that describes a series: its mean, its zone, its file.
[[nodiscard]] JOULERY_DECL grid_factor grid_factor_for(const intensity_series& s);

/// A model whose intensity follows a series; PUE and the rest come from `base`.
///
/// Thread: any. Cost: some strings. Fails: never.
[[nodiscard]] JOULERY_DECL carbon_model carbon_over_time(std::shared_ptr<const intensity_series> s,
                                                         carbon_model base = {});

}  // namespace v1
}  // namespace joulery

#ifdef JOULERY_IMPLEMENTATION
#include "joulery/detail/core/concat.hpp"
#include "joulery/detail/core/descriptor.hpp"

#include <cerrno>
#include <cstdio>
#include <cstring>

namespace joulery {
inline namespace v1 {

JOULERY_DECL series_result parse_intensity_series(std::string_view text,
                                                  const series_options& options,
                                                  std::string source) {
    auto stream = std::make_unique<series_stream>(options);
    stream->feed(text);
    return stream->finish(std::move(source));
}

JOULERY_DECL series_result read_intensity_series(const std::string& path,
                                                 const series_options& options) {
    std::FILE* file = detail::open_stream(path, "rb");
    if (!file)
        return failure{concat({path, ": ", std::strerror(errno)}),
                       "check the path and the permissions"};
    auto stream = std::make_unique<series_stream>(options);
    std::string piece(1 << 16, '\0');
    std::size_t n = 0;
    while ((n = std::fread(&piece[0], 1, piece.size(), file)) > 0)
        if (!stream->feed(std::string_view(piece).substr(0, n))) break;
    const int error = std::ferror(file) != 0 ? errno : 0;
    std::fclose(file);
    if (error != 0)
        return failure{concat({path, ": cannot be read to its end: ", std::strerror(error)}),
                       "check the path and the disk"};
    const std::size_t slash = path.find_last_of('/');
    auto series = stream->finish(path.substr(slash == std::string::npos ? 0 : slash + 1));
    if (!series) return failure{concat({path, ": ", series.error().reason}), series.error().remedy};
    return series;
}

JOULERY_DECL grid_factor grid_factor_for(const intensity_series& s) {
    grid_factor f = stated_intensity(s.overall_mean());
    f.place = s.about().zone.empty() ? "zone not named" : s.about().zone;
    f.boundary = s.about().boundary;
    f.kind = s.about().kind;
    f.method = "location";
    f.source = concat(
        {"series ", s.about().source, ", ", s.begin().to_iso8601(), " to ", s.end().to_iso8601()});
    return f;
}

JOULERY_DECL carbon_model carbon_over_time(std::shared_ptr<const intensity_series> s,
                                           carbon_model base) {
    if (!s) return base;
    base.grid = grid_factor_for(*s);
    base.alternatives.clear();
    base.series = std::move(s);
    return base;
}

}  // namespace v1
}  // namespace joulery

#endif  // JOULERY_IMPLEMENTATION
