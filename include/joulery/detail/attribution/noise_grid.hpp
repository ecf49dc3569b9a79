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

    static constexpr int families = 6;
    /// Whether there is a lag, and of what kind the common mode is.
    [[nodiscard]] int family() const noexcept {
        return (lag > 0 ? 3 : 0) + (common == 0 ? 0 : proportional ? 2 : 1);
    }
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
    static constexpr double lags[] = {0, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1};
    noise_model m;
    const double over_a_tenth = 1e-6 * std::ldexp(watts, p.white);
    m.white = over_a_tenth * over_a_tenth * 0.1;
    m.call_tau = calls[p.call];
    m.common_stddev = p.common == 0 ? 0 : 0.0015 * std::ldexp(watts, p.common);
    m.common_tau = 0.01 * std::pow(10.0, 0.5 * p.tau);
    m.proportional = p.proportional;
    m.lag = lags[p.lag];
    m.lag_error = 0.06 * std::ldexp(watts, p.lag_error);
    return m;
}

/// The same place, or a near one that is on the grid; what has no meaning there is 0.
[[nodiscard]] inline bool on_grid(noise_place& p) noexcept {
    p.white = std::min(std::max(p.white, 0), 20);
    if (p.common == 0) p.tau = 0, p.proportional = false;
    if (p.lag == 0) p.lag_error = 0;
    auto inside = [](int x, int most) { return x >= 0 && x <= most; };
    return inside(p.call, 6) && inside(p.common, 8) && inside(p.tau, 7) && inside(p.lag, 6) &&
           inside(p.lag_error, 4);
}

/// Where a search begins.
[[nodiscard]] inline std::vector<noise_place> first_places() {
    std::vector<noise_place> places;
    for (int white : {1, 6, 10, 14}) places.push_back({white, 0, 0, 0, 0, 0, false});
    for (int common : {4, 6})
        for (bool proportional : {false, true})
            places.push_back({8, 0, common, 3, 0, 0, proportional});
    for (int lag : {1, 3, 5}) places.push_back({8, 0, 0, 0, lag, 1, false});
    places.push_back({8, 0, 5, 3, 3, 1, false});
    return places;
}

/// Places to try in a family in the given round, whatever is known of it.
[[nodiscard]] inline std::vector<noise_place> fresh_places(int family, std::size_t round) {
    const int lag = family >= 3 ? 1 + static_cast<int>(round % 3) * 2 : 0;
    const bool common = family % 3 != 0, proportional = family % 3 == 2;
    return {{13, 0, common ? 4 : 0, 2, lag, 2, proportional},
            {8, 2, common ? 5 : 0, 3, lag, 1, proportional}};
}

/// The places about one, the most promising last.
[[nodiscard]] inline std::vector<noise_place> places_around(const noise_place& at) {
    std::vector<noise_place> places;
    auto add = [&](int white, int call, int common, int tau, int lag, int lag_error) {
        places.push_back({at.white + white, at.call + call, at.common + common, at.tau + tau,
                          at.lag + lag, at.lag_error + lag_error, at.proportional});
    };
    if (at.lag > 0)
        for (int by : {2, -2, 1, -1}) add(0, 0, 0, 0, by, 0), add(0, 0, 0, 0, 0, by);
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
    places.push_back(at);
    return places;
}

}  // namespace detail
}  // namespace v1
}  // namespace joulery
