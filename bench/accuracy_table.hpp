// The rows of bench/accuracy as tables for people or as JSON.
#pragma once

#include "accuracy/figures.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdio>
#include <string>
#include <utility>
#include <vector>

/// One condition at one length.
struct accuracy_row {
    std::string condition;
    std::string detail;  ///< of scopes or of the run: "0.5 ms", "20 s"
    error_summary errors;
    accuracy_goal goal;

    [[nodiscard]] std::string label() const {
        return detail.empty() ? condition : condition + ", " + detail;
    }
    [[nodiscard]] double missed_by() const { return goal.missed_by(errors); }
    [[nodiscard]] bool holds() const { return missed_by() <= 1; }
};

inline std::string seconds_text(double seconds) {
    char text[32];
    std::snprintf(text, sizeof text, seconds < 0.1 ? "%g ms" : "%g s",
                  seconds < 0.1 ? seconds * 1e3 : seconds);
    return text;
}

class accuracy_table {
 public:
    explicit accuracy_table(bool as_json) : json_(as_json) {
        if (json_) std::printf("[");
    }
    /// Begins a table of its own.
    void title(const char* text) const {
        if (json_) return;
        std::printf("\n%s\n", text);
        head();
    }
    void add(accuracy_row r) {
        if (json_) {
            print_json(r);
        } else {
            print(r);
        }
        rows_.push_back(std::move(r));
        std::fflush(stdout);
    }
    /// The rows that miss their goals, the worst first, and the number that meet them.
    void finish() {
        if (json_) {
            std::printf("\n]\n");
            return;
        }
        std::stable_sort(rows_.begin(), rows_.end(), [](const auto& a, const auto& b) {
            return a.missed_by() > b.missed_by();
        });
        const auto missed = static_cast<std::size_t>(
            std::count_if(rows_.begin(), rows_.end(), [](const auto& r) { return !r.holds(); }));
        std::printf("\nsummary: %zu of %zu rows hold their goals", rows_.size() - missed,
                    rows_.size());
        if (missed == 0) return static_cast<void>(std::printf("\n"));
        std::printf("; the others, the worst first:\n");
        head();
        for (const accuracy_row& r : rows_)
            if (!r.holds()) print(r);
    }

 private:
    static void head() {
        std::printf(
            "| %-42s | edge reads      | share by time   | joulery          | bar     "
            "| cover | goal                | missed by |\n|---|---|---|---|---|---|---|---|\n",
            "condition");
    }
    // "-" if there is no figure.
    static std::string number(const char* format, double value, int width) {
        char text[32] = "-";
        if (!std::isnan(value)) std::snprintf(text, sizeof text, format, value);
        const std::string padding(static_cast<std::size_t>(width), ' ');
        const std::string padded = padding + text;
        return padded.substr(std::min(std::string(text).size(), padding.size()));
    }
    static void print(const accuracy_row& r) {
        const error_summary& e = r.errors;
        const auto pair = [](double median, double worst) {
            return number("%.1f", median, 6) + " / " + number("%.1f", worst, 6);
        };
        const double missed = r.holds() ? std::nan("") : r.missed_by();
        std::printf("| %-42s | %s | %s | %s / %s | %s | %s | %-19s | %s |\n", r.label().c_str(),
                    pair(e.edges_median(), e.edges_worst()).c_str(),
                    pair(e.share_median(), e.share_worst()).c_str(),
                    number("%.2f", e.median(), 6).c_str(), number("%.1f", e.worst(), 7).c_str(),
                    number("%.2f", e.bar_median(), 7).c_str(), number("%.0f", e.cover(), 5).c_str(),
                    goal_text(r).c_str(), number("%.3g x", missed, 9).c_str());
    }
    static std::string goal_text(const accuracy_row& r) {
        const accuracy_goal& g = r.goal;
        std::string text;
        char part[32];
        const auto append = [&](const char* format, double value) {
            if (std::isinf(value)) return;
            std::snprintf(part, sizeof part, format, value);
            text += text.empty() ? part : std::string(" / ") + part;
        };
        append("%g", g.median);
        append(std::isinf(g.median) ? "worst %g" : "%g", g.worst);
        if (g.as_good_as_sharing) text += "sharing";
        if (g.as_good_as_edges) text += "edges";
        if (r.errors.has_bars()) append("%g %%", g.cover);
        return text;
    }
    // JSON has no not-a-number.
    static void print_member(const char* name, double value) {
        if (std::isfinite(value)) std::printf(", \"%s\": %.4g", name, value);
    }
    void print_json(const accuracy_row& r) {
        const error_summary& e = r.errors;
        std::printf("%s\n {\"condition\": \"%s\", \"detail\": \"%s\", \"figures\": %zu",
                    rows_.empty() ? "" : ",", r.condition.c_str(), r.detail.c_str(), e.size());
        print_member("edges_median", e.edges_median());
        print_member("edges_worst", e.edges_worst());
        print_member("share_median", e.share_median());
        print_member("share_worst", e.share_worst());
        print_member("median", e.median());
        print_member("worst", e.worst());
        print_member("bar", e.bar_median());
        print_member("cover", e.cover());
        print_member("missed_by", r.missed_by());
        std::printf(", \"holds\": %s}", r.holds() ? "true" : "false");
    }

    bool json_;
    std::vector<accuracy_row> rows_;
};
