// Reported against true energy: of each scope in one run, and summed up over many runs.
#pragma once

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <limits>
#include <vector>

/// Joules of one scope in one run; NaN: unknown.
struct scope_figure {
    double truth = 0;
    double by_edges = 0;  ///< by reading the counters where it begins and ends
    double by_share = 0;  ///< every 100 ms by the time it was open
    double joulery = 0;
    double bar = 0;        ///< joulery's uncertainty (k = 2)
    double reference = 0;  ///< base of relative errors; the truth, unless that is 0
};

/// Errors over scopes and runs, in % of their references.
class error_summary {
 public:
    void add(const scope_figure& f) {
        if (!(f.reference > 0)) return;
        const auto error = [&](double joules) {
            return 100 * std::fabs(joules - f.truth) / f.reference;
        };
        if (!std::isnan(f.by_edges)) edges_.push_back(error(f.by_edges));
        if (!std::isnan(f.by_share)) share_.push_back(error(f.by_share));
        ours_.push_back(error(f.joulery));
        if (std::isnan(f.bar)) return;
        bars_.push_back(100 * f.bar / f.reference);
        // Where both are zero except for rounding, the bar covers the truth.
        if (std::fabs(f.joulery - f.truth) <= f.bar + 1e-12 * f.reference) ++covered_;
    }
    void add(const std::vector<scope_figure>& all) {
        for (const scope_figure& f : all) add(f);
    }

    [[nodiscard]] std::size_t size() const noexcept { return ours_.size(); }
    [[nodiscard]] double median() const { return median_of(ours_); }
    [[nodiscard]] double worst() const { return worst_of(ours_); }
    [[nodiscard]] double edges_median() const { return median_of(edges_); }
    [[nodiscard]] double edges_worst() const { return worst_of(edges_); }
    [[nodiscard]] double share_median() const { return median_of(share_); }
    [[nodiscard]] double share_worst() const { return worst_of(share_); }
    [[nodiscard]] bool has_bars() const noexcept { return !bars_.empty(); }
    [[nodiscard]] double bar_median() const { return median_of(bars_); }
    /// Percentage of scopes whose error bar covers the truth.
    [[nodiscard]] double cover() const {
        return has_bars()
                   ? 100.0 * static_cast<double>(covered_) / static_cast<double>(bars_.size())
                   : std::numeric_limits<double>::quiet_NaN();
    }

    /// NaN without a figure.
    static double median_of(std::vector<double> v) {
        if (v.empty()) return std::numeric_limits<double>::quiet_NaN();
        const auto middle = v.begin() + static_cast<std::ptrdiff_t>(v.size() / 2);
        std::nth_element(v.begin(), middle, v.end());
        return *middle;
    }
    static double worst_of(const std::vector<double>& v) {
        return v.empty() ? std::numeric_limits<double>::quiet_NaN()
                         : *std::max_element(v.begin(), v.end());
    }

 private:
    std::vector<double> edges_, share_, ours_, bars_;
    std::size_t covered_ = 0;
};

/// The goal of a condition, in %. Infinite: no goal.
struct accuracy_goal {
    static constexpr double none = std::numeric_limits<double>::infinity();
    double median = none;
    double worst = none;
    double cover = 90;                ///< at least
    bool as_good_as_sharing = false;  ///< at the median
    bool as_good_as_edges = false;    ///< likewise

    /// By what factor the goal is missed; up to 1: it is met.
    [[nodiscard]] double missed_by(const error_summary& e) const {
        double most = std::max(e.median() / median, e.worst() / worst);
        if (as_good_as_sharing) most = std::max(most, over(e.median(), e.share_median()));
        if (as_good_as_edges) most = std::max(most, over(e.median(), e.edges_median()));
        if (e.has_bars() && e.cover() < cover)
            most = std::max(most, (100 - e.cover()) / (100 - cover));
        return most;
    }

 private:
    // With so few scopes, medians within a twentieth, or a tenth of a percent, count as equal.
    static double over(double ours, double other) { return ours / (other * 1.05 + 0.1); }
};
