// icicle.hpp - joules by path as a picture: the width of a scope is its share.
// SPDX-License-Identifier: MIT
#pragma once

#include "joulery/detail/core/concat.hpp"
#include "joulery/detail/core/finite.hpp"
#include "joulery/detail/core/unit_text.hpp"
#include "joulery/detail/report/figures.hpp"
#include "joulery/detail/report/html_text.hpp"
#include "joulery/detail/report/scope_tree.hpp"
#include "joulery/report.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace joulery {
inline namespace v1 {

namespace detail {

/// The hue of a row, out of eight: that of its ancestor on the first level with several scopes, in
/// order of appearance. If one scope contains the whole run, a deeper level is used.
inline std::vector<std::size_t> row_hues(const scope_tree& tree) {
    std::vector<std::size_t> on_level;
    for (const std::size_t level : tree.level) {
        if (level >= on_level.size()) on_level.resize(level + 1, 0);
        ++on_level[level];
    }
    std::size_t colored = 0;
    while (colored + 1 < on_level.size() && on_level[colored] == 1) ++colored;
    std::vector<std::size_t> hues(tree.parent.size(), 0);
    std::size_t next = 0;
    for (const std::size_t i : tree.order) {
        if (tree.level[i] == colored) hues[i] = next++ % 8;
        if (tree.level[i] > colored) hues[i] = hues[tree.parent[i]];
    }
    return hues;
}

/// Lays out and draws the icicle chart as SVG in percent of the width, so that texts keep their
/// size on any screen.
class icicle_chart {
 public:
    explicit icicle_chart(const report& r) : r_(r), tree_(r), units_(r), hues_(row_hues(tree_)) {
        lay_out();
    }

    [[nodiscard]] bool empty() const noexcept { return !(whole_ > 0); }

    [[nodiscard]] std::string draw() {
        std::size_t deepest = 0;
        for (const std::size_t i : tree_.order)
            if (shown(i)) deepest = std::max(deepest, tree_.level[i] + 1);
        out_ = concat({"<svg class=\"icicle\" width=\"100%\" height=\"", (deepest + 1) * row_height,
                       "\" role=\"group\" aria-label=\"Energy by scope, outermost on top\">\n"});
        const std::string total = with_quality_prefix(units_.text(r_.total), r_.provenance);
        frame(0, 100, 0, "total", "whole run", "whole run", total, 1);
        std::size_t left_out = 0;
        for (const std::size_t i : tree_.order) {
            if (!shown(i)) {
                ++left_out;
                continue;
            }
            const scope_row& row = r_.scopes[i];
            frame(x_[i], width_[i], tree_.level[i] + 1, concat({"hue", hues_[i]}),
                  r_.scopes[i].name, row.path,
                  with_quality_prefix(units_.text(row.total), row.provenance),
                  row.total / r_.total);
        }
        const double outside = weight(r_.unscoped) / whole_ * 100;
        if (outside > least_width)
            frame(100 - outside, outside, 1, "outside", "outside all scopes", "outside all scopes",
                  with_quality_prefix(units_.text(r_.unscoped), r_.provenance),
                  r_.unscoped / r_.total);
        out_ += "</svg>\n";
        if (left_out > 0)
            append(out_, {"<p class=\"soft\">", left_out,
                          " scopes are too small for the picture; the table has them.</p>\n"});
        return out_;
    }

 private:
    static constexpr std::size_t row_height = 30;
    static constexpr double least_width = 0.05;  // percent; less can't be seen

    static double weight(energy e) noexcept { return is_positive(e.joules()) ? e.joules() : 0; }
    [[nodiscard]] bool shown(std::size_t i) const { return width_[i] > least_width; }

    // Children never exceed their parent's width: if their sum is larger (attribution "inclusive",
    // rounding), they share it.
    void lay_out() {
        x_.assign(r_.scopes.size(), 0);
        width_.assign(r_.scopes.size(), 0);
        double tops = weight(r_.unscoped);
        for (const std::size_t i : tree_.order)
            if (tree_.parent[i] == scope_tree::none) tops += weight(r_.scopes[i].total);
        whole_ = std::max(weight(r_.total), tops);
        if (!is_positive(whole_)) {
            whole_ = 0;
            return;
        }
        double next = 0;
        for (const std::size_t i : tree_.order) {
            if (tree_.parent[i] == scope_tree::none) {
                x_[i] = next;
                width_[i] = weight(r_.scopes[i].total) / whole_ * 100;
                next += width_[i];
            }
            place_children(i);
        }
    }

    void place_children(std::size_t i) {
        double children = 0;
        for (const std::size_t c : tree_.children[i]) children += weight(r_.scopes[c].total);
        const double room = std::max(children, weight(r_.scopes[i].total));
        double next = x_[i];
        for (const std::size_t c : tree_.children[i]) {
            x_[c] = next;
            width_[c] = room > 0 ? weight(r_.scopes[c].total) / room * width_[i] : 0;
            next += width_[c];
        }
    }

    void frame(double x, double width, std::size_t level, const std::string& color,
               std::string_view name, std::string_view path, const std::string& joules,
               double share) {
        // The text for screen readers ends with the visible text, and adds the path and the share.
        const std::string text = html_figure(concat({joules, " (", percent_text(share), ")"}));
        const std::string place = svg_number(x), part = svg_number(width);
        append(out_, {"<svg class=\"frame\" x=\"",
                      place,
                      "%\" width=\"",
                      part,
                      "%\" y=\"",
                      level * row_height,
                      "\" height=\"",
                      row_height,
                      "\" data-x=\"",
                      place,
                      "\" data-w=\"",
                      part,
                      "\" data-level=\"",
                      level,
                      "\" data-path=\"",
                      markup_text(path),
                      "\" aria-label=\"",
                      markup_text(path),
                      " ",
                      text,
                      "\"><title>",
                      markup_text(path),
                      "\n",
                      text,
                      "</title><rect width=\"100%\" height=\"100%\" rx=\"3\" class=\"",
                      color,
                      "\"/>",
                      html_label(name, joules, row_height),
                      "</svg>\n"});
    }

    const report& r_;
    scope_tree tree_;
    column_units units_;
    std::vector<std::size_t> hues_;
    std::vector<double> x_, width_;
    double whole_ = 0;
    std::string out_;
};

}  // namespace detail

/// The icicle chart of a report as an SVG element; "" without energy.
[[nodiscard]] inline std::string to_icicle_svg(const report& r) {
    detail::icicle_chart chart(r);
    return chart.empty() ? std::string() : chart.draw();
}

}  // namespace v1
}  // namespace joulery
