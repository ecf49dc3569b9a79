// noise_grid.hpp - the noise models that are tried, and where to look for better ones.
// SPDX-License-Identifier: MIT
#pragma once

#include "joulery/detail/attribution/noise_filter.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <vector>

namespace joulery {
inline namespace v1 {
namespace detail {

/// A place on the grid of noise models: one index for each parameter.
struct noise_place {
    int white = 0, call = 0, common = 0, tau = 0, lag = 0, lag_error = 0;
    bool proportional = false;

    /// Lags come first, in s, then the lengths of plain means.
    static constexpr double lags[] = {0,    1e-3,  1.5e-3, 2e-3, 3e-3, 4e-3, 5e-3, 7e-3,
                                      0.01, 0.014, 0.02,   0.03, 0.05, 0.07, 0.1};
    static constexpr double boxes[] = {0.025, 0.035, 0.05, 0.07, 0.1, 0.14};
    static constexpr int first_box = 15, last_lag = first_box + 5;
    static constexpr int families = 5;
    /// Of what kind the common mode is; with a lag, whether there is one.
    [[nodiscard]] int family() const noexcept {
        return lag > 0 ? (common == 0 ? 3 : 4) : common == 0 ? 0 : proportional ? 2 : 1;
    }
    /// Logarithm of how likely a place is before any row: few sensors lag, and the call noise of a
    /// few rows looks as if they did.
    [[nodiscard]] double log_prior() const noexcept { return lag > 0 ? -12 : 0; }
    /// As far from here as here is from `last`, the other way.
    [[nodiscard]] noise_place beyond(const noise_place& last) const noexcept {
        return {2 * white - last.white,
                2 * call - last.call,
                2 * common - last.common,
                2 * tau - last.tau,
                2 * lag - last.lag,
                2 * lag_error - last.lag_error,
                proportional};
    }
    /// With noise that is as many times as large.
    [[nodiscard]] noise_place scaled(double variance) const noexcept {
        noise_place p = *this;
        const int by = static_cast<int>(std::lround(0.5 * std::log2(std::max(variance, 1e-12))));
        p.white += by;
        if (common > 0) p.common = std::max(common + by, 1);
        if (lag > 0) p.lag_error = std::max(lag_error + by, 0);
        return p;
    }
    friend bool operator==(const noise_place& a, const noise_place& b) noexcept {
        return a.white == b.white && a.call == b.call && a.common == b.common && a.tau == b.tau &&
               a.lag == b.lag && a.lag_error == b.lag_error && a.proportional == b.proportional;
    }
};

/// The noise model at a place, of a channel that draws `watts`.
[[nodiscard]] inline noise_model noise_model_at(const noise_place& p, double watts) noexcept {
    static constexpr double calls[] = {0, 0.2e-3, 0.6e-3, 2e-3, 6e-3, 20e-3, 60e-3};
    noise_model m;
    const double over_a_tenth = 1e-6 * std::ldexp(watts, p.white);
    m.white = over_a_tenth * over_a_tenth * 0.1;
    m.call_tau = calls[p.call];
    m.common_stddev = p.common == 0 ? 0 : 0.0015 * std::ldexp(watts, p.common);
    m.common_tau = 0.01 * std::pow(10.0, 0.5 * p.tau);
    m.proportional = p.proportional;
    const bool box = p.lag >= noise_place::first_box;
    m.lag = box ? 0 : noise_place::lags[p.lag];
    m.box = box ? noise_place::boxes[p.lag - noise_place::first_box] : 0;
    m.lag_error = 0.015 * std::ldexp(watts, p.lag_error);
    return m;
}

/// The same place, or a near one that is on the grid; what has no meaning there is 0.
[[nodiscard]] inline bool on_grid(noise_place& p) noexcept {
    p.white = std::min(std::max(p.white, 0), 20);
    if (p.common == 0) p.tau = 0, p.proportional = false;
    if (p.lag == 0) p.lag_error = 0;
    auto inside = [](int x, int most) { return x >= 0 && x <= most; };
    return inside(p.call, 6) && inside(p.common, 8) && inside(p.tau, 7) &&
           inside(p.lag, noise_place::last_lag) && inside(p.lag_error, 6);
}

/// Where a search begins.
[[nodiscard]] inline std::vector<noise_place> first_places() {
    std::vector<noise_place> places;
    for (int white : {1, 6, 9, 11, 13, 15}) places.push_back({white, 0, 0, 0, 0, 0, false});
    for (int white : {7, 11})
        for (bool proportional : {false, true})
            places.push_back({white, 0, 5, 3, 0, 0, proportional});
    for (int lag : {3, 8, 12}) places.push_back({6, 0, 0, 0, lag, 2, false});
    places.push_back({6, 0, 5, 3, 8, 2, false});
    return places;
}

/// Places to try in a family every time, whatever is known of it.
[[nodiscard]] inline std::vector<noise_place> fresh_places(int family) {
    std::vector<noise_place> places;
    static constexpr int lags[] = {19, 17, 15, 14, 12, 10, 8, 6, 3};
    for (const int lag : lags) {
        if (family < 3) break;
        const int common = family == 4 ? 5 : 0;
        places.push_back({6, 0, common, 3, lag, 2, true});
        if (lag < noise_place::first_box && family == 3)
            places.push_back({6, 0, common, 3, lag, 4, true});
    }
    if (family == 0)
        for (int call : {0, 3, 5, 6}) places.push_back({12 + call / 2, call, 0, 0, 0, 0, false});
    if (family == 1 || family == 2)
        for (int call : {0, 3, 6})
            for (int tau : {1, 4})
                places.push_back({10 + call, call, 4 + call / 4, tau, 0, 0, family == 2});
    return places;
}

/// Places with a lag of about so many seconds; none where that is 0. What rows show of a lag is
/// often less than it is, since the power shown where a row ends is known from its neighbours.
[[nodiscard]] inline std::vector<noise_place> places_of_lag(double lag) {
    std::vector<noise_place> places;
    for (int on = noise_place::first_box - 1; on > 0 && lag > 0; --on)
        if (noise_place::lags[on] > 0.85 * lag && noise_place::lags[on] < 1.8 * lag)
            for (const int lag_error : {3, 2}) places.push_back({6, 0, 0, 0, on, lag_error, false});
    return places;
}

/// The places about one, the most promising last.
[[nodiscard]] inline std::vector<noise_place> places_around(const noise_place& at) {
    std::vector<noise_place> places;
    auto add = [&](int white, int call, int common, int tau, int lag, int lag_error) {
        places.push_back({at.white + white, at.call + call, at.common + common, at.tau + tau,
                          at.lag + lag, at.lag_error + lag_error, at.proportional});
    };
    if (at.common == 0) {
        for (bool proportional : {false, true}) {
            places.push_back({at.white, at.call, 3, 2, at.lag, at.lag_error, proportional});
            places.push_back({at.white - 2, at.call, 5, 4, at.lag, at.lag_error, proportional});
            places.push_back({at.white - 3, at.call, 5, 1, at.lag, at.lag_error, proportional});
        }
    } else {
        places.push_back(at);
        places.back().proportional = !at.proportional;
        add(0, 0, -at.common, 0, 0, 0);
        for (int by : {1, -1})
            add(0, 0, by, by, 0, 0), add(0, 0, by, 0, 0, 0), add(0, 0, 0, by, 0, 0);
        add(3, 4 - at.call, -1, 0, 0, 0);
    }
    add(0, -at.call, 0, 0, 0, 0);
    add(0, 3 - at.call, 0, 0, 0, 0);
    for (int by : {1, -1})
        add(by, by, 0, 0, 0, 0), add(0, by, 0, 0, 0, 0), add(3 * by, 0, 0, 0, 0, 0),
            add(by, 0, 0, 0, 0, 0);
    if (at.lag > 0) {
        for (int by : {2, -2, 1, -1}) add(0, 0, 0, 0, by, 0);
        for (int by : {1, -1}) add(0, 0, 0, 0, 0, by);
    }
    places.push_back(at);
    return places;
}

}  // namespace detail
}  // namespace v1
}  // namespace joulery
