// power_chart.hpp - power over time as a picture, with the long scopes as bands.
// SPDX-License-Identifier: MIT
#pragma once

#include "joulery/detail/core/finite.hpp"
#include "joulery/detail/core/unit_text.hpp"
#include "joulery/detail/report/icicle.hpp"
#include "joulery/detail/report/markup_text.hpp"
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

/// Draws the history of a report as SVG: lines are stretched to the width, texts are not.
class power_chart {
 public:
    explicit power_chart(const report& r) : r_(r), history_(r.history) {
        for (std::size_t c = 0; c < series(); ++c) {
            steps_ = std::max(steps_, history_.watts[c].size());
            for (const double w : history_.watts[c])
                if (is_finite(w)) peak_ = std::max(peak_, w);
        }
        top_ = round_up(peak_);
    }

    [[nodiscard]] bool empty() const noexcept {
        return !is_positive(history_.step.count()) || steps_ < 2 || !is_positive(top_);
    }

    [[nodiscard]] std::string draw() {
        const seconds length = history_.step * static_cast<double>(steps_);
        axis();
        out_ += "<svg class=\"power\" height=\"" + std::to_string(bottom + 26) +
                "\" role=\"img\" aria-label=\"Power of each channel over " + to_text(length) +
                ", up to " + to_text(power::from_watts(peak_)) + "\">\n";
        bands();
        for (int i = 0; i <= 4; ++i) {
            const std::string y = svg_number(grid_line(i));
            out_ += "<line x1=\"0\" x2=\"100%\" y1=\"" + y + "\" y2=\"" + y + "\"/>\n";
        }
        out_ += "<svg y=\"" + std::to_string(top) + "\" width=\"100%\" height=\"" +
                std::to_string(bottom - top) +
                "\" viewBox=\"0 0 1000 1000\" preserveAspectRatio=\"none\">\n";
        for (std::size_t c = 0; c < series(); ++c) line(c);
        out_ += "</svg>\n";
        for (int i = 0; i <= 4; ++i) time_label(i, history_.begin + length * (i / 4.0));
        out_ += "</svg></div>\n";
        legend();
        return out_;
    }

 private:
    static constexpr int top = 24;      // room above for the bands' names
    static constexpr int bottom = 250;  // and below for the times

    static double grid_line(int quarter) noexcept {
        return bottom - (bottom - top) * quarter / 4.0;
    }

    // The watts stand beside the picture, where no line can cross them.
    void axis() {
        out_ += "<div class=\"plot\"><svg class=\"scale\" width=\"58\" height=\"" +
                std::to_string(bottom + 26) + "\" aria-hidden=\"true\">\n";
        for (int i = 0; i <= 4; ++i)
            out_ += "<text class=\"axis\" x=\"50\" text-anchor=\"end\" y=\"" +
                    svg_number(grid_line(i) + 4) + "\">" +
                    to_text(power::from_watts(top_ * i / 4)) + "</text>\n";
        out_ += "</svg>";
    }

    [[nodiscard]] std::size_t series() const noexcept {
        return std::min(history_.watts.size(), r_.channels.size());
    }

    /// The next of 1, 2, 4, 5, 8, 10 times a power of ten: quarters of it are round, too.
    static double round_up(double x) noexcept {
        if (!is_positive(x) || x > 1e300) return 0;
        const double unit = std::pow(10, std::floor(std::log10(x)));
        for (const double step : {1.0, 2.0, 4.0, 5.0, 8.0})
            if (x <= step * unit) return step * unit;
        return 10 * unit;
    }

    // A step without a value ends the line; it goes on at the next one.
    void line(std::size_t c) {
        const std::vector<double>& watts = history_.watts[c];
        std::string points;
        for (std::size_t i = 0; i <= watts.size(); ++i) {
            const bool there = i < watts.size() && is_finite(watts[i]);
            if (there) {
                const double y = svg_y(watts[i]);
                for (const std::size_t edge : {i, i + 1})
                    points += svg_number(1000.0 * static_cast<double>(edge) /
                                         static_cast<double>(steps_)) +
                              "," + svg_number(y) + " ";
            } else if (!points.empty()) {
                points.pop_back();
                out_ += "<polyline class=\"hue" + std::to_string((c + 1) % 8) +
                        (r_.channels[c].summed ? "" : " contained") + "\" points=\"" + points +
                        "\"/>\n";
                points.clear();
            }
        }
    }
    [[nodiscard]] double svg_y(double watts) const noexcept {
        return 1000 - 1000 * std::min(1.0, std::max(0.0, watts / top_));
    }

    void time_label(int quarter, seconds at) {
        static constexpr const char* anchors[] = {"start", "middle", "middle", "middle", "end"};
        out_ += "<text class=\"axis\" x=\"" + std::to_string(25 * quarter) + "%\" y=\"" +
                std::to_string(bottom + 18) + "\" text-anchor=\"" + anchors[quarter] + "\">" +
                to_text(at) + "</text>\n";
    }

    void bands() {
        const scope_tree tree(r_);
        const std::vector<std::size_t> hues = row_hues(tree);
        const double length = history_.step.count() * static_cast<double>(steps_);
        for (const scope_slice& s : history_.bands) {
            if (s.scope >= r_.scopes.size()) continue;
            const double x = 100 * (s.begin - history_.begin).count() / length;
            const double width = 100 * s.length.count() / length;
            if (!is_amount(x) || x > 100 || !is_positive(width) || width > 100.5) continue;
            ++shaded_;
            const std::string path = markup_text(r_.scopes[s.scope].path);
            out_ += "<svg class=\"band\" x=\"" + svg_number(x) + "%\" width=\"" +
                    svg_number(width) + "%\" y=\"0\" height=\"" + std::to_string(bottom) +
                    "\"><title>" + path + ", " + to_text(s.length) +
                    "</title><rect width=\"100%\" height=\"100%\" class=\"hue" +
                    std::to_string(hues[s.scope]) + "\"/>";
            const std::string_view name = r_.scopes[s.scope].name;
            if (width > 4 && has_room(x, std::min(width, 1.0 + static_cast<double>(name.size()))))
                out_ += "<text x=\"4\" y=\"16\">" + markup_text(name) + "</text>";
            out_ += "</svg>\n";
        }
    }

    /// Whether no name of a band around this one stands there; then it is taken. In percent of the
    /// width, a letter taking one at most.
    bool has_room(double x, double width) {
        for (const auto& [begin, end] : named_)
            if (x < end && begin < x + width) return false;
        named_.emplace_back(x, x + width);
        return true;
    }

    void legend() {
        out_ += "<ul class=\"legend\">";
        for (std::size_t c = 0; c < series(); ++c)
            out_ += "<li class=\"hue" + std::to_string((c + 1) % 8) + "\"><i></i>" +
                    markup_text(r_.channels[c].id) +
                    (r_.channels[c].summed ? "" : " (dashed: contained in another)") + "</li>";
        out_ += "</ul>\n";
        // Without the word, calls that are too short to be kept would look like nothing at all.
        if (shaded_ > 0)
            out_ += "<p class=\"soft\">Shaded: the " + std::to_string(shaded_) +
                    " longest calls of scopes.</p>\n";
    }

    const report& r_;
    const power_history& history_;
    std::vector<std::pair<double, double>> named_;  // where names of bands stand
    std::size_t shaded_ = 0;
    std::size_t steps_ = 0;
    double peak_ = 0, top_ = 0;
    std::string out_;
};

}  // namespace detail

/// Power over time as an SVG element; "" where the report has no history.
[[nodiscard]] inline std::string to_power_svg(const report& r) {
    detail::power_chart chart(r);
    return chart.empty() ? std::string() : chart.draw();
}

}  // namespace v1
}  // namespace joulery
