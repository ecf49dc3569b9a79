// power_chart.hpp - a chart of power over time, with the longest calls of scopes above it.
// SPDX-License-Identifier: MIT
#pragma once

#include "joulery/detail/core/concat.hpp"
#include "joulery/detail/core/finite.hpp"
#include "joulery/detail/core/list.hpp"
#include "joulery/detail/core/unit_text.hpp"
#include "joulery/detail/report/html_text.hpp"
#include "joulery/detail/report/icicle.hpp"
#include "joulery/detail/report/scope_tree.hpp"
#include "joulery/report.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace joulery {
inline namespace v1 {
namespace detail {

/// A drawn call: its position and its lane.
struct lane_call {
    const scope_slice* call = nullptr;
    double x = 0, width = 0;  ///< in percent of the picture
    std::size_t lane = 0;
};

/// The calls of a history in lanes: calls that overlap are in different lanes, the later one below.
/// Calls beyond the last lane are omitted and counted.
struct call_lanes {
    static constexpr std::size_t most = 6;

    list<lane_call> calls;
    std::size_t lanes = 0;
    std::size_t left_out = 0;

    call_lanes(const report& r, seconds begin, seconds length) {
        for (const scope_slice& s : r.history.bands) {
            if (s.scope >= r.scopes.size()) continue;
            const double x = 100 * (s.begin - begin).count() / length.count();
            const double width = 100 * s.length.count() / length.count();
            if (!is_amount(x) || x > 100 || !is_positive(width) || width > 100.5) continue;
            calls.push_back({&s, x, std::min(width, 100 - x), 0});
        }
        // If two calls begin together, the longer one encloses the other.
        sort_stably(calls, [](const lane_call& a, const lane_call& b) {
            return a.x < b.x || (!(b.x < a.x) && a.width > b.width);
        });
        std::vector<double> ends;
        list<lane_call> kept;
        for (lane_call& c : calls) {
            while (c.lane < ends.size() && ends[c.lane] > c.x + 1e-9) ++c.lane;
            if (c.lane == most) {
                ++left_out;
                continue;
            }
            if (c.lane == ends.size()) ends.push_back(0);
            ends[c.lane] = c.x + c.width;
            kept.push_back(c);
        }
        calls = std::move(kept);
        lanes = ends.size();
    }
};

/// A tick of an axis and its label.
struct axis_tick {
    double at = 0;  ///< in the axis' own unit: watts, seconds
    std::string text;
};

/// The next larger number of the form 1, 2 or 5 times a power of ten.
inline double round_step(double x) noexcept {
    if (!is_positive(x) || x > 1e300) return 0;
    const double unit = std::pow(10, std::floor(std::log10(x)));
    for (const double step : {1.0, 2.0, 5.0})
        if (x <= step * unit * (1 + 1e-9)) return step * unit;
    return 10 * unit;
}

/// From 0 to the first round value at or above `peak`, in three to six steps, all with the same
/// prefix.
///
///     power_ticks(930);   // 0 W, 200 W, ..., 1000 W
[[nodiscard]] inline list<axis_tick> power_ticks(double peak) {
    const double step = round_step(peak / 5);
    list<axis_tick> out;
    if (!is_positive(step)) return out;
    const int last = static_cast<int>(std::ceil(peak / step - 1e-9));
    const double top = step * last;
    static constexpr std::string_view prefixes[] = {"n", "u", "m", "", "k", "M", "G"};
    const double leading = std::floor(std::log10(top * (1 - 1e-9)) / 3);  // 1000 W, not 1 kW
    const int group = std::min(3, std::max(-3, static_cast<int>(leading)));
    const double scale = std::pow(10, 3 * group);
    for (int i = 0; i <= last; ++i)
        out.push_back(
            {step * i, concat({plain_text(step * i / scale, ""), " ", prefixes[group + 3], "W"})});
    return out;
}

/// Round times within a period, three to six of them, in the unit that fits its length.
///
///     time_ticks(0, 3600);   // 0 min, 15 min, ..., 60 min
[[nodiscard]] inline list<axis_tick> time_ticks(double begin, double length) {
    struct unit {
        double seconds;
        std::string_view name;
        double until;  ///< the longest stretch it is for, in seconds
        double steps[6];
    };
    static constexpr unit units[] = {
        {1e-9, "ns", 1e-6, {}},
        {1e-6, "us", 1e-3, {}},
        {1e-3, "ms", 2, {}},
        {1, "s", 150, {1, 2, 5, 10, 15, 30}},
        {60, "min", 9000, {1, 2, 5, 10, 15, 30}},
        {3600, "h", 4 * 86400.0, {1, 2, 3, 6, 12, 24}},
        {86400, "d", 1e300, {}},
    };
    list<axis_tick> out;
    if (!is_positive(length) || !is_finite(begin)) return out;
    const unit* chosen = units;
    while (length > chosen->until) ++chosen;
    const double least = length / chosen->seconds / 5;
    double step = round_step(least);
    for (const double s : chosen->steps)
        if (s > 0 && s >= least) {
            step = s;
            break;
        }
    if (!is_positive(step)) return out;
    const double first = std::ceil(begin / chosen->seconds / step - 1e-9);
    for (double i = first; out.size() < 8; ++i) {
        const double at = i * step * chosen->seconds;
        if (at > begin + length * (1 + 1e-9)) break;
        out.push_back({at, plain_text(i * step, chosen->name)});
    }
    return out;
}

/// Draws the history of a report as SVG: lines are stretched to the width, texts are not. Lines
/// differ by color and by dashes; if one line covers another the legend says so.
class power_chart {
 public:
    explicit power_chart(const report& r)
        : r_(r), history_(r.history), steps_(longest(r)), lanes_(r, r.history.begin, length()) {
        for (std::size_t c = 0; c < series(); ++c)
            for (const double w : history_.watts[c])
                if (is_finite(w)) peak_ = std::max(peak_, w);
        ticks_ = power_ticks(peak_);
        top_ = ticks_.empty() ? 0 : ticks_.back().at;
    }

    [[nodiscard]] bool empty() const noexcept {
        return !is_positive(history_.step.count()) || steps_ < 2 || !is_positive(top_);
    }

    [[nodiscard]] std::string draw() {
        const std::string height = std::to_string(bottom() + below);
        axis(height);
        append(out_,
               {"<svg class=\"power\" height=\"", height, "\" data-begin=\"",
                svg_number(history_.begin.count()), "\" data-length=\"",
                svg_number(length().count()), "\" data-top=\"", attribute(top_), "\" data-steps=\"",
                steps_, "\" role=\"img\" aria-label=\"Power of each channel over ",
                to_text(length()), ", up to ", to_text(power::from_watts(peak_)), "\">\n"});
        calls();
        for (const axis_tick& t : ticks_) {
            const std::string y = svg_number(y_of(t.at));
            append(out_, {"<line x1=\"0\" x2=\"100%\" y1=\"", y, "\" y2=\"", y, "\"/>\n"});
        }
        append(out_, {"<svg y=\"", top(), "\" width=\"100%\" height=\"", plot_height,
                      "\" viewBox=\"0 0 1000 1000\" preserveAspectRatio=\"none\">\n"});
        for (std::size_t c = 0; c < series(); ++c) line(c);
        append(out_, {"</svg>\n<line class=\"cursor\" y1=\"", top(), "\" y2=\"", bottom(),
                      "\" x1=\"0\" x2=\"0\"/>\n"});
        for (const axis_tick& t : time_ticks(history_.begin.count(), length().count()))
            time_label(t);
        out_ += "</svg></div>\n";
        legend();
        return out_;
    }

 private:
    static constexpr int above = 10;  // half a line of text beside the topmost tick
    static constexpr int below = 26;  // room for the times
    static constexpr int lane_height = 22;
    static constexpr int plot_height = 226;

    static std::size_t longest(const report& r) {
        std::size_t steps = 0;
        for (std::size_t c = 0; c < std::min(r.history.watts.size(), r.channels.size()); ++c)
            steps = std::max(steps, r.history.watts[c].size());
        return steps;
    }
    [[nodiscard]] seconds length() const noexcept {
        return history_.step * static_cast<double>(steps_);
    }
    [[nodiscard]] int top() const noexcept {
        return above + lane_height * static_cast<int>(lanes_.lanes);
    }
    [[nodiscard]] int bottom() const noexcept { return top() + plot_height; }
    [[nodiscard]] double y_of(double watts) const noexcept {
        return bottom() - plot_height * watts / top_;
    }
    static std::string attribute(double x) {
        std::string out;
        append_number(out, x);
        return out;
    }

    // The watts are beside the picture, where no line can cross them.
    void axis(const std::string& height) {
        append(out_, {"<div class=\"plot\"><svg class=\"scale\" width=\"62\" height=\"", height,
                      "\" aria-hidden=\"true\">\n"});
        for (const axis_tick& t : ticks_)
            append(out_, {"<text class=\"axis\" x=\"54\" text-anchor=\"end\" y=\"",
                          svg_number(y_of(t.at) + 4), "\">", html_figure(t.text), "</text>\n"});
        out_ += "</svg>";
    }

    [[nodiscard]] std::size_t series() const noexcept {
        return std::min(history_.watts.size(), r_.channels.size());
    }

    // Eight colors and eight dashes; the ninth line has the first color and the second dashes.
    static std::string look(std::size_t c) {
        return concat({"hue", c % 8, " dash", (c + c / 8) % 8});
    }

    // A step without a value interrupts the line.
    void line(std::size_t c) {
        const std::vector<double>& watts = history_.watts[c];
        std::string points;
        for (std::size_t i = 0; i <= watts.size(); ++i) {
            const bool there = i < watts.size() && is_finite(watts[i]);
            if (there) {
                const double y = 1000 - 1000 * std::min(1.0, std::max(0.0, watts[i] / top_));
                for (const std::size_t edge : {i, i + 1})
                    append(points, {svg_number(1000.0 * static_cast<double>(edge) /
                                               static_cast<double>(steps_)),
                                    ",", svg_number(y), " "});
            } else if (!points.empty()) {
                points.pop_back();
                append(out_,
                       {"<polyline class=\"", look(c), (r_.channels[c].summed ? "" : " contained"),
                        "\" data-series=\"", c, "\" points=\"", points, "\"/>\n"});
                points.clear();
            }
        }
    }

    void time_label(const axis_tick& t) {
        const double x = 100 * (t.at - history_.begin.count()) / length().count();
        const char* anchor = x < 4 ? "start" : x > 96 ? "end" : "middle";
        append(out_, {"<text class=\"axis\" x=\"", svg_number(x), "%\" y=\"", bottom() + 18,
                      "\" text-anchor=\"", anchor, "\">", html_figure(t.text), "</text>\n"});
    }

    void calls() {
        const std::vector<std::size_t> hues = row_hues(scope_tree(r_));
        for (const lane_call& c : lanes_.calls) {
            const scope_row& row = r_.scopes[c.call->scope];
            const std::string box = concat({" height=\"", lane_height - 2, "\""});
            append(out_,
                   {"<svg class=\"call\" x=\"", svg_number(c.x), "%\" width=\"",
                    svg_number(c.width), "%\" y=\"", lane_height * static_cast<int>(c.lane), "\"",
                    box, "><title>", markup_text(row.path), ", ", to_text(c.call->length),
                    "</title><rect width=\"100%\"", box, " class=\"hue", hues[c.call->scope],
                    "\"/>", html_label(row.name, "", lane_height - 2), "</svg>\n"});
        }
    }

    /// The earlier line that covers this one from end to end, or itself. Not computed for very many
    /// lines.
    [[nodiscard]] std::size_t hidden_by(std::size_t c) const {
        if (series() > 64) return c;
        for (std::size_t other = 0; other < c; ++other) {
            const std::vector<double>&a = history_.watts[c], &b = history_.watts[other];
            double differences = 0;
            std::size_t both = 0;
            for (std::size_t i = 0; i < std::min(a.size(), b.size()); ++i) {
                if (!is_finite(a[i]) || !is_finite(b[i])) continue;
                differences += std::fabs(a[i] - b[i]);
                ++both;
            }
            if (both > 1 && differences / static_cast<double>(both) < 0.006 * top_) return other;
        }
        return c;
    }

    void legend() {
        out_ += "<ul class=\"legend\">";
        for (std::size_t c = 0; c < series(); ++c) {
            const channel_row& channel = r_.channels[c];
            append(out_, {"<li data-series=\"", c,
                          "\"><svg width=\"34\" height=\"10\" aria-hidden=\"true\"><line x1=\"0\" "
                          "x2=\"34\" y1=\"5\" y2=\"5\" class=\"",
                          look(c), (channel.summed ? "" : " contained"), "\"/></svg>",
                          html_name(channel.id),
                          (channel.summed ? "" : " (thin: contained in another)")});
            if (const std::size_t other = hidden_by(c); other != c)
                append(out_, {" (runs on the line of ", html_name(r_.channels[other].id), ")"});
            out_ += " <b></b></li>";
        }
        out_ += "</ul>\n";
        // The word "longest" is needed because shorter calls are not kept.
        if (!lanes_.calls.empty())
            append(out_, {"<p class=\"soft\">Above the lines: the ", lanes_.calls.size(),
                          " longest calls of scopes",
                          (lanes_.left_out > 0
                               ? concat({"; ", lanes_.left_out, " more overlap with these"})
                               : std::string()),
                          ".</p>\n"});
    }

    const report& r_;
    const power_history& history_;
    const std::size_t steps_;
    const call_lanes lanes_;
    double peak_ = 0, top_ = 0;
    list<axis_tick> ticks_;
    std::string out_;
};

}  // namespace detail

/// Power over time as an SVG element; "" if the report has no history.
[[nodiscard]] inline std::string to_power_svg(const report& r) {
    detail::power_chart chart(r);
    return chart.empty() ? std::string() : chart.draw();
}

}  // namespace v1
}  // namespace joulery
