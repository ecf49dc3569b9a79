// series_builder.hpp - turns rows into steps, in bounded memory.
// SPDX-License-Identifier: MIT
#pragma once

#include "joulery/detail/carbon/intensity_series.hpp"
#include "joulery/detail/core/concat.hpp"
#include "joulery/detail/core/list.hpp"
#include "joulery/result.hpp"
#include "joulery/units.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace joulery {
inline namespace v1 {

/// Turns (moment, value) rows into steps, one by one. A row holds until the next one. If the next
/// one is more than 1.5 times as far away as the neighboring rows are apart, the row holds for one
/// such step, and the rest is a gap. So a series may change its step, as markets did from hours to
/// quarter-hours.
///
/// Memory: one chunk of rows and at most `max_steps` steps; beyond that, neighboring steps are
///         joined.
/// Fails:  for rows further out of order than a chunk, and two values for one moment.
class series_builder {
 public:
    static constexpr std::size_t chunk_rows = 65536;

    explicit series_builder(std::size_t max_steps)
        : max_steps_(std::max<std::size_t>(max_steps, 16)) {}

    /// False after a failure; see `error`.
    bool add(double time, double value, std::uint64_t line) {
        if (!rows_.empty() && time < rows_.back().time) ++disordered_;
        rows_.push_back({time, value, line});
        ++count_;
        if (rows_.size() >= chunk_rows) close_chunk(false);
        return !error_;
    }

    /// Ends the series; `scale` converts the values to g/kWh.
    [[nodiscard]] result<std::vector<intensity_step>> finish(double scale) {
        close_chunk(true);
        if (error_) return *error_;
        if (open_.rows > 0) push_open();
        if (steps_.empty())
            return failure{"the series has no row", "give a file with a header and rows"};
        for (intensity_step& s : steps_) s.grams_per_kwh *= scale;
        return std::move(steps_);
    }

    [[nodiscard]] std::vector<std::string> notes() const {
        std::vector<std::string> out;
        if (gaps_ > 0)
            out.push_back(
                concat({gaps_, " gap(s), ", hours(gap_seconds_), " without a value, the first at ",
                        wall_time::from_unix_seconds(first_gap_).to_iso8601()}));
        if (disordered_ > 0)
            out.push_back(concat({disordered_, " row(s) were out of order and were sorted"}));
        if (repeated_ > 0) out.push_back(concat({repeated_, " row(s) came twice with one value"}));
        if (group_ > 1)
            out.push_back(
                concat({count_, " rows were joined, ", group_, " to a step, to keep memory flat"}));
        return out;
    }
    [[nodiscard]] const std::optional<failure>& error() const noexcept { return error_; }
    [[nodiscard]] std::uint64_t rows() const noexcept { return count_; }

 private:
    struct row {
        double time, value;
        std::uint64_t line;
    };
    struct group {
        intensity_step step;
        double sum = 0;
        std::size_t rows = 0;
    };

    static std::string hours(double s) {
        const auto tenths = static_cast<long long>(s / 360 + 0.5);
        return concat({tenths / 10, ".", tenths % 10, " h"});
    }

    void close_chunk(bool last) {
        if (error_ || rows_.empty()) return;
        std::stable_sort(rows_.begin(), rows_.end(),
                         [](const row& a, const row& b) { return a.time < b.time; });
        if (rows_.front().time < closed_until_) {
            error_ = failure{
                concat({"line ", rows_.front().line, " is older than rows read long before it"}),
                "sort the file by time"};
            return;
        }
        if (!drop_repeats()) return;
        // A row is closed once the step after it is known.
        const std::size_t kept = last ? 1 : 2;
        std::size_t i = 0;
        for (; i + kept < rows_.size(); ++i)
            close(rows_[i], rows_[i + 1].time,
                  i + 2 < rows_.size() ? rows_[i + 2].time - rows_[i + 1].time : 0);
        if (last) {
            const row tail = rows_.back();
            close(tail, tail.time + (step_before_ > 0 ? step_before_ : lone_step), 0);
        }
        closed_until_ = rows_[i].time;
        rows_.erase(rows_.begin(), rows_.begin() + static_cast<std::ptrdiff_t>(i));
    }

    bool drop_repeats() {
        std::size_t kept = 0;
        for (std::size_t i = 1; i < rows_.size(); ++i) {
            if (rows_[i].time > rows_[kept].time) {
                rows_[++kept] = rows_[i];
            } else if (rows_[i].value == rows_[kept].value) {
                ++repeated_;
            } else {
                error_ = failure{
                    concat({"lines ", rows_[kept].line, " and ", rows_[i].line,
                            " give two values for ",
                            wall_time::from_unix_seconds(rows_[i].time).to_iso8601()}),
                    "name one zone; or give times with their offset: an hour that comes twice is "
                    "the change to winter time on a local clock"};
                return false;
            }
        }
        rows_.resize(kept + 1);
        return true;
    }

    // `step_after`: from the next row to the one after it; 0: there is none.
    void close(const row& r, double next, double step_after) {
        double end = next;
        const double longest = std::max(step_before_, step_after);
        if (longest > 0 && next - r.time > 1.5 * longest) {
            end = r.time + (step_before_ > 0 ? step_before_ : step_after);
            if (gaps_++ == 0) first_gap_ = end;
            gap_seconds_ += next - end;
        }
        step_before_ = end - r.time;
        if (open_.rows == 0) open_.step.begin = r.time;
        open_.step.end = end;
        open_.step.covered += end - r.time;
        open_.sum += r.value * (end - r.time);
        if (++open_.rows >= group_) push_open();
    }

    void push_open() {
        open_.step.grams_per_kwh = open_.sum / open_.step.covered;
        steps_.push_back(open_.step);
        open_ = {};
        if (steps_.size() >= max_steps_) join_pairs();
    }

    void join_pairs() {
        std::size_t kept = 0;
        for (std::size_t i = 0; i + 1 < steps_.size(); i += 2) {
            const intensity_step a = steps_[i], b = steps_[i + 1];
            const double covered = a.covered + b.covered;
            steps_[kept++] = {
                a.begin, b.end, covered,
                (a.covered * a.grams_per_kwh + b.covered * b.grams_per_kwh) / covered};
        }
        if (steps_.size() % 2 != 0) steps_[kept++] = steps_.back();
        steps_.resize(kept);
        group_ *= 2;
    }

    std::size_t max_steps_;
    detail::list<row> rows_;
    std::vector<intensity_step> steps_;
    group open_;
    std::size_t group_ = 1;
    static constexpr double lone_step = 3600;  ///< for a single row: an hour, as in most feeds
    double step_before_ = 0;                   ///< length of the previous row; 0: there was none
    double closed_until_ = -1e300;
    std::uint64_t count_ = 0, disordered_ = 0, repeated_ = 0, gaps_ = 0;
    double gap_seconds_ = 0, first_gap_ = 0;
    std::optional<failure> error_;
};

}  // namespace v1
}  // namespace joulery
