// figures.hpp - the figures of a report as short texts, with a prefix for estimates.
// SPDX-License-Identifier: MIT
#pragma once

#include "joulery/detail/core/concat.hpp"
#include "joulery/detail/core/finite.hpp"
#include "joulery/detail/core/unit_text.hpp"
#include "joulery/detail/core/utf8.hpp"
#include "joulery/quality.hpp"
#include "joulery/report.hpp"

#include <cmath>
#include <optional>
#include <string>

namespace joulery {
inline namespace v1 {

/// Shown instead of a figure that was neither measured nor estimated.
inline constexpr const char* not_measured_text = "not measured";

/// Whether a report knows any energy. Otherwise its zeros mean nothing: a total of zero is a figure
/// only if a working channel is summed.
[[nodiscard]] inline bool knows_energy(const report& r) noexcept {
    const auto is_some = [](energy e) { return !is_nan(e.joules()) && e.joules() != 0; };
    if (is_some(r.total) || is_some(r.overhead.joules)) return true;
    for (const channel_row& c : r.channels)
        if (c.summed && (c.state == "ok" || is_some(c.total))) return true;
    for (const scope_row& s : r.scopes)
        if (is_some(s.total) || is_some(s.self)) return true;
    return false;
}

namespace detail {

/// Calls `f` with each energy and `g` with each mass that a report states.
template <class F, class G>
void each_energy(report& r, F f, G g) {
    for (energy* e : {&r.total, &r.unscoped, &r.overhead.joules}) f(*e);
    g(r.co2e);
    for (channel_row& c : r.channels) {
        f(c.total);
        f(c.unscoped);
    }
    for (scope_row& s : r.scopes) {
        for (energy* e : {&s.total, &s.self, &s.uncertainty}) f(*e);
        for (energy& e : s.by_channel) f(e);
        g(s.co2e);
    }
    for (run_span& run : r.runs)
        for (energy& e : run.by_channel) f(e);
}

}  // namespace detail

/// A report as its formats show it: if no energy is known, all zeros that would look like figures
/// become not-a-number (null in JSON, an empty field in CSV, "n/a" in a table).
///
/// Cost:   none if energy is known, else a copy.
///
///     const shown_report shown(r);
///     write(*shown);
class shown_report {
 public:
    explicit shown_report(const report& r) : shown_(&r) {
        if (knows_energy(r)) return;
        copy_ = r;
        shown_ = &*copy_;
        forget(*copy_);
    }
    shown_report(const shown_report&) = delete;
    shown_report& operator=(const shown_report&) = delete;

    [[nodiscard]] const report& operator*() const noexcept { return *shown_; }
    [[nodiscard]] bool is_known() const noexcept { return !copy_; }

 private:
    static void forget(report& r) {
        detail::each_energy(
            r, [](energy& e) { e = energy::from_joules(not_a_number()); },
            [](emissions& m) { m = emissions::from_grams(not_a_number()); });
    }

    const report* shown_;
    std::optional<report> copy_;
};

/// Restores the zeros that `shown_report` replaced in a report that knows no energy.
inline void restore_zeros(report& r) {
    if (knows_energy(r)) return;
    const auto zero = [](auto& x) { x = {}; };
    detail::each_energy(r, zero, zero);
}

/// The units of a report's energies and masses, chosen by the largest: joules or watt-hours, each
/// with a fitting prefix. Masses are grams and tonnes, which count as one family.
///
/// Cost: linear in the rows.
///
///     const column_units units(r);
///     print(units.text(row.total), units.text(row.co2e));
class column_units {
 public:
    explicit column_units(const report& r) {
        note(r.total);
        for (const channel_row& c : r.channels) note(c.total);
        for (const scope_row& row : r.scopes) note(row.total);
    }

    [[nodiscard]] std::string text(energy e) const { return to_text_beside(e, largest_); }
    [[nodiscard]] std::string text(emissions m) const { return mass_text(m); }

 private:
    void note(energy e) {
        const double size = std::fabs(e.joules());
        if (is_finite(size) && size > largest_.joules()) largest_ = energy::from_joules(size);
    }

    energy largest_;
};

/// "~1.2 kJ" if the figure is estimated, "1.2 kJ" if it was measured.
[[nodiscard]] inline std::string with_quality_prefix(const std::string& text, quality q) {
    return q == quality::estimated && text != "n/a" ? concat({"~", text}) : text;
}

/// How a figure was obtained, in a word; "not measured" if there is no figure.
[[nodiscard]] inline std::string quality_text(energy figure, quality q) {
    return is_nan(figure.joules()) ? not_measured_text : std::string(to_text(q));
}

/// Uncertainty as a share of the total with two digits: "±3.2 %"; "" if unknown; "±<0.01 %" and
/// "±>100 %" beyond that range.
[[nodiscard]] inline std::string uncertainty_text(const scope_row& row) {
    const double percent = 100 * (row.uncertainty / row.total);
    if (is_nan(percent) || percent <= 0) return {};
    if (percent > 100) return "\xC2\xB1>100 %";
    if (percent < 0.01) return "\xC2\xB1<0.01 %";
    const double step = percent >= 9.95 ? 1 : (percent >= 0.995 ? 0.1 : 0.01);
    return concat({"\xC2\xB1", detail::plain_text(std::round(percent / step) * step, "%")});
}

/// How the joules of a row were found, and for a short scope how many of its calls were timed:
/// "regression, timed 1 in 16".
[[nodiscard]] inline std::string method_text(const scope_row& row) {
    const auto calls = static_cast<double>(row.calls);
    const double timed = calls - static_cast<double>(row.untimed_calls);
    if (!(timed > 0) || calls < 1.5 * timed) return row.method;
    return concat(
        {row.method, ", timed 1 in ", static_cast<std::uint64_t>(std::round(calls / timed))});
}

/// Joules per item: "12.3 mJ/sample"; "" if no items were added.
[[nodiscard]] inline std::string per_item_text(const scope_row& row) {
    if (!is_positive(row.items) || is_nan(row.total.joules())) return {};
    const std::string name = row.item_name.empty() ? "item" : escape_control(row.item_name);
    return concat({with_quality_prefix(to_text(row.total / row.items), row.provenance), "/", name});
}

/// Mean power over the busy time; "" if that is zero.
[[nodiscard]] inline std::string power_text(const scope_row& row) {
    return is_positive(busy_time_of(row).count())
               ? with_quality_prefix(to_text(row.total / busy_time_of(row)), row.provenance)
               : "";
}

/// Whether scopes were open on several threads at once, so that their times add up to more than the
/// run. A millisecond is allowed for rounding.
[[nodiscard]] inline bool is_thread_time(const report& r) {
    const double limit = r.context.duration.count() * 1.001 + 1e-3;
    double outermost = 0;
    for (const scope_row& row : r.scopes) {
        if (row.time.count() > limit) return true;
        if (row.parent == scope_row::no_parent) outermost += row.time.count();
    }
    return outermost > limit;
}

/// The note to show once if `is_thread_time` is true.
inline constexpr const char* thread_time_note =
    "Several scopes or spans of one path were open at once, on different threads: thread time "
    "is "
    "summed over them, and power is energy over thread time.";

/// Where the grid factor comes from: "World 2024, lifecycle, location-based average".
[[nodiscard]] inline std::string grid_text(const grid_factor& grid) {
    std::string out = escape_control(grid.place);
    if (grid.year > 0) append(out, {" ", grid.year});
    if (grid.boundary != "as stated")
        append(out, {", ", escape_control(grid.boundary), ", ", escape_control(grid.kind), ", ",
                     escape_control(grid.method), "-based"});
    return out;
}

/// Backends whose reads are slow or use much processor time: "; nvml: 3 ms a read, 5 ms at most,
/// 2.1 % of a processor".
[[nodiscard]] inline std::string reading_text(const self_cost& o) {
    constexpr double long_read = 1e-3, much = 0.003;
    const double spent = (o.sampler + o.edges).count();
    const double wall = o.share_of_wall > 0 ? spent / o.share_of_wall : 0;
    std::string text;
    for (const reading_cost& c : o.reading) {
        const double each = c.reads > 0 ? c.time.count() / static_cast<double>(c.reads) : 0;
        const double share = wall > 0 ? c.sampler.count() / wall : 0;
        if (!(each >= long_read || share >= much)) continue;
        append(text, {"; ", escape_control(c.backend), ": ", to_text(seconds(each)), " a read, ",
                      to_text(c.longest), " at most, ", percent_text(share), " of a processor"});
    }
    return text;
}

/// One sentence about the cost of measuring.
[[nodiscard]] inline std::string overhead_text(const self_cost& o) {
    return concat(
        {percent_text(o.share_of_wall), " of the run (sampler ", to_text(o.sampler),
         (o.attribution.count() > 0 ? concat({", including attribution ", to_text(o.attribution)})
                                    : std::string()),
         ", edges of scopes ", to_text(o.edges),
         (o.scopes.count() > 0 ? concat({", scopes ", to_text(o.scopes)}) : std::string()), "; ",
         count_text(static_cast<double>(o.samples)), " samples, ",
         count_text(static_cast<double>(o.edge_reads)), " edge reads, ",
         count_text(static_cast<double>(o.skipped_edges)), " skipped)",
         (is_nan(o.joules.joules()) ? std::string() : concat({", about ", to_text(o.joules)})),
         reading_text(o)});
}

}  // namespace v1
}  // namespace joulery
