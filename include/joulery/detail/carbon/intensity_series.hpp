// intensity_series.hpp - a carbon intensity given in steps of time.
// SPDX-License-Identifier: MIT
#pragma once

#include "joulery/detail/carbon/intensity_over_time.hpp"
#include "joulery/detail/core/finite.hpp"
#include "joulery/detail/core/list.hpp"

#include <algorithm>
#include <cstddef>
#include <string>
#include <utility>
#include <vector>

namespace joulery {
inline namespace v1 {

/// One step of a series: a mean intensity that holds from `begin` to `end`.
struct intensity_step {
    double begin = 0, end = 0;  ///< seconds since 1970 (UTC)
    double covered = 0;  ///< seconds of it that the source covers; less if steps were joined
    double grams_per_kwh = 0;  ///< mean over `covered`
};

/// Describes a series, for the report.
struct series_description {
    std::string zone;              ///< as the source names it; may be empty
    std::string kind = "average";  ///< average | marginal | as stated
    std::string boundary = "as stated";
    std::string source;              ///< file, or as named by the program
    std::vector<std::string> notes;  ///< gaps, joined steps, sorted and omitted rows
};

/// Steps in order of time, with gaps where the source has no data.
///
/// Thread: immutable; any thread may query it. Cost: a binary search, no allocation.
/// Fails:  in a gap and outside all steps it returns its mean (or the stated fallback), and
///         `coverage` says how much of an interval is affected.
///
///     intensity_series s({{0, 3600, 3600, 100}, {3600, 7200, 3600, 300}});
///     s.at(wall_time::from_unix_seconds(4000));     // 300 g/kWh
class intensity_series final : public intensity_over_time {
 public:
    explicit intensity_series(std::vector<intensity_step> steps, series_description about = {},
                              carbon_intensity fallback = {})
        : steps_(std::move(steps)), about_(std::move(about)) {
        sums_.reserve(steps_.size() + 1);
        sums_.push_back({});
        for (const intensity_step& s : steps_) {
            const sum& last = sums_.back();
            sums_.push_back(
                {last.covered + s.covered, last.gram_seconds + s.covered * s.grams_per_kwh});
        }
        const sum& all = sums_.back();
        mean_ = all.covered > 0 ? all.gram_seconds / all.covered : 0;
        fallback_ = fallback.grams_per_kwh() > 0 ? fallback.grams_per_kwh() : mean_;
    }

    [[nodiscard]] carbon_intensity at(wall_time when) const noexcept override {
        const double t = when.unix_seconds();
        const std::size_t i = first_ending_after(t);
        const bool inside = i < steps_.size() && steps_[i].begin <= t;
        return carbon_intensity::from_grams_per_kwh(inside ? steps_[i].grams_per_kwh : fallback_);
    }

    [[nodiscard]] carbon_intensity mean(wall_time begin, wall_time end) const noexcept override {
        const double length = end.unix_seconds() - begin.unix_seconds();
        if (!is_positive(length)) return at(begin);
        const std::size_t i = first_ending_after(begin.unix_seconds());
        if (i < steps_.size() && steps_[i].begin <= begin.unix_seconds() &&
            steps_[i].end >= end.unix_seconds() && whole(steps_[i]))
            return carbon_intensity::from_grams_per_kwh(steps_[i].grams_per_kwh);
        const sum known = between(begin.unix_seconds(), end.unix_seconds());
        const double unknown = std::max(0.0, length - known.covered);
        return carbon_intensity::from_grams_per_kwh((known.gram_seconds + unknown * fallback_) /
                                                    (known.covered + unknown));
    }

    [[nodiscard]] double coverage(wall_time begin, wall_time end) const noexcept override {
        const double length = end.unix_seconds() - begin.unix_seconds();
        if (!is_positive(length)) {
            const std::size_t i = first_ending_after(begin.unix_seconds());
            return i < steps_.size() && steps_[i].begin <= begin.unix_seconds() ? 1 : 0;
        }
        return std::min(1.0, between(begin.unix_seconds(), end.unix_seconds()).covered / length);
    }

    /// Mean over everything that the source covers, weighted by time.
    [[nodiscard]] carbon_intensity overall_mean() const noexcept {
        return carbon_intensity::from_grams_per_kwh(mean_);
    }
    [[nodiscard]] wall_time begin() const noexcept {
        return wall_time::from_unix_seconds(steps_.empty() ? 0 : steps_.front().begin);
    }
    [[nodiscard]] wall_time end() const noexcept {
        return wall_time::from_unix_seconds(steps_.empty() ? 0 : steps_.back().end);
    }
    [[nodiscard]] const std::vector<intensity_step>& steps() const noexcept { return steps_; }
    [[nodiscard]] const series_description& about() const noexcept { return about_; }

 private:
    struct sum {
        double covered = 0, gram_seconds = 0;
    };

    [[nodiscard]] static bool whole(const intensity_step& s) noexcept {
        return s.covered >= s.end - s.begin;
    }
    [[nodiscard]] std::size_t first_ending_after(double t) const noexcept {
        const auto it =
            std::upper_bound(steps_.begin(), steps_.end(), t,
                             [](double moment, const intensity_step& s) { return moment < s.end; });
        return static_cast<std::size_t>(it - steps_.begin());
    }
    /// The part of one step that lies between two moments.
    [[nodiscard]] static sum part(const intensity_step& s, double a, double b) noexcept {
        const double overlap = std::min(b, s.end) - std::max(a, s.begin);
        if (!is_positive(overlap)) return {};
        const double covered = overlap * (s.covered / (s.end - s.begin));
        return {covered, covered * s.grams_per_kwh};
    }
    /// A few steps are added one by one, exactly; many by the running sums.
    [[nodiscard]] sum between(double a, double b) const noexcept {
        std::size_t i = first_ending_after(a);
        const std::size_t last = first_ending_after(b);
        sum out;
        const auto add = [&](const sum& s) {
            out.covered += s.covered;
            out.gram_seconds += s.gram_seconds;
        };
        if (last - i > 16) {
            add(part(steps_[i], a, b));
            add({sums_[last].covered - sums_[i + 1].covered,
                 sums_[last].gram_seconds - sums_[i + 1].gram_seconds});
            i = last;
        }
        for (; i <= last && i < steps_.size(); ++i) add(part(steps_[i], a, b));
        return out;
    }

    std::vector<intensity_step> steps_;
    detail::list<sum> sums_;
    series_description about_;
    double mean_ = 0;
    double fallback_ = 0;
};

}  // namespace v1
}  // namespace joulery
