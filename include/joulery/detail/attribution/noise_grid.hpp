// noise_grid.hpp - the noise models that are tried, and where to look for better ones.
// SPDX-License-Identifier: MIT
#pragma once

#include "joulery/detail/attribution/noise_filter.hpp"
#include "joulery/detail/core/list.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>

namespace joulery {
inline namespace v1 {
namespace detail {

/// A place on the grid of noise models: one index for each parameter.
struct noise_place {
    int white = 0, call = 0, common = 0, tau = 0, lag = 0, lag_error = 0;
    bool proportional = false;
    int exponent = 0;  ///< in eighths

    /// Lags come first, from 1 to 100 ms, each an eighth of an octave longer than the last; then
    /// the lengths of plain means, in s.
    static constexpr double boxes[] = {0.025, 0.035, 0.05, 0.07, 0.1, 0.14};
    static constexpr int an_octave = 8, first_box = 55, last_lag = first_box + 5;
    [[nodiscard]] static double seconds_of(int lag) noexcept {
        if (lag >= first_box) return boxes[lag - first_box];
        return lag == 0 ? 0 : 1e-3 * std::exp2((lag - 1) / double{an_octave});
    }
    /// The lag closest to that many seconds.
    [[nodiscard]] static int nearest_lag(double seconds) noexcept {
        const double octaves = std::log2(std::max(seconds, 1e-4) / 1e-3);
        const int steps = static_cast<int>(std::lround(octaves * an_octave));
        return std::min(std::max(1 + steps, 1), first_box - 1);
    }
    static constexpr int families = 5, most_common = 8, most_lag_error = 6, most_exponent = 12;
    /// The kind of the common mode; with a lag, whether there is one.
    [[nodiscard]] int family() const noexcept {
        return lag > 0 ? (common == 0 ? 3 : 4) : common == 0 ? 0 : proportional ? 2 : 1;
    }
    /// Logarithm of the prior probability of a place: few sensors lag, but the call noise of a few
    /// rows looks as if they did.
    [[nodiscard]] double log_prior() const noexcept {
        return (lag > 0 ? -12 : 0) - (exponent != 0 ? 12 : 0);
    }
    /// The reflection of `last` at this place.
    [[nodiscard]] noise_place beyond(const noise_place& last) const noexcept {
        return {2 * white - last.white, 2 * call - last.call,        2 * common - last.common,
                2 * tau - last.tau,     2 * lag - last.lag,          2 * lag_error - last.lag_error,
                proportional,           2 * exponent - last.exponent};
    }
    /// The place whose noise variance is larger by this factor.
    [[nodiscard]] noise_place scaled(double variance) const noexcept {
        noise_place p = *this;
        const int by = static_cast<int>(std::lround(0.5 * std::log2(std::max(variance, 1e-12))));
        p.white += by;
        if (common > 0) p.common = std::min(std::max(common + by, 1), most_common);
        if (lag > 0) p.lag_error = std::min(std::max(lag_error + by, 0), most_lag_error);
        return p;
    }
    friend bool operator==(const noise_place& a, const noise_place& b) noexcept {
        return a.white == b.white && a.call == b.call && a.common == b.common && a.tau == b.tau &&
               a.lag == b.lag && a.lag_error == b.lag_error && a.proportional == b.proportional &&
               a.exponent == b.exponent;
    }
};

/// The noise model at a place, for a channel that draws `watts`.
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
    m.lag = box ? 0 : noise_place::seconds_of(p.lag);
    m.box = box ? noise_place::seconds_of(p.lag) : 0;
    m.lag_error = 0.015 * std::ldexp(watts, p.lag_error);
    m.exponent = p.exponent / 8.0;
    return m;
}

/// Moves a place onto the grid; parameters without a meaning there become 0.
[[nodiscard]] inline bool on_grid(noise_place& p) noexcept {
    p.white = std::min(std::max(p.white, 0), 20);
    if (p.common == 0) p.tau = 0, p.proportional = false;
    if (p.lag == 0) p.lag_error = 0;
    if (p.lag > 0) p.exponent = 0;  // rows that show others' energy say nothing about calls
    auto inside = [](int x, int most) { return x >= 0 && x <= most; };
    return inside(p.call, 6) && inside(p.common, noise_place::most_common) && inside(p.tau, 7) &&
           inside(p.lag, noise_place::last_lag) &&
           inside(p.lag_error, noise_place::most_lag_error) &&
           inside(p.exponent + 4, 4 + noise_place::most_exponent);
}

/// The places where a search begins.
[[nodiscard]] inline list<noise_place> first_places() {
    list<noise_place> places;
    for (int white : {1, 6, 9, 11, 13, 15}) places.push_back({white, 0, 0, 0, 0, 0, false});
    for (int white : {7, 11})
        for (bool proportional : {false, true})
            places.push_back({white, 0, 5, 3, 0, 0, proportional});
    for (const double lag : {2e-3, 10e-3, 50e-3})
        places.push_back({6, 0, 0, 0, noise_place::nearest_lag(lag), 2, false});
    places.push_back({6, 0, 5, 3, noise_place::nearest_lag(10e-3), 2, false});
    return places;
}

/// Places of a family that are always tried, whatever is known about it.
[[nodiscard]] inline list<noise_place> fresh_places(int family) {
    list<noise_place> places;
    // The last one is tried first.
    static constexpr double lags[] = {0.1, 0.05, 0.03, 0.02, 0.01, 5e-3, 2e-3};
    const int common = family == 4 ? 5 : 0;
    const auto add = [&](int lag, int lag_error) {
        places.push_back({6, 0, common, 3, lag, lag_error, true});
    };
    if (family >= 3)
        for (const int box : {4, 2, 0}) add(noise_place::first_box + box, 2);
    if (family >= 3)
        for (const double lag : lags)
            for (const int lag_error : {2, 4})
                if (lag_error == 2 || family == 3) add(noise_place::nearest_lag(lag), lag_error);
    if (family == 0)
        for (int call : {0, 3, 5, 6}) places.push_back({12 + call / 2, call, 0, 0, 0, 0, false});
    if (family == 1 || family == 2)
        for (int call : {0, 3, 6})
            for (int tau : {1, 4})
                places.push_back({10 + call, call, 4 + call / 4, tau, 0, 0, family == 2});
    return places;
}

/// Places with a lag of about that many seconds; none for 0. Rows often show less lag than there
/// is, because the power shown where a row ends is known from its neighbors.
[[nodiscard]] inline list<noise_place> places_of_lag(double lag) {
    list<noise_place> places;
    if (!(lag > 0)) return places;
    for (const double times : {1.7, 1.4, 1.2, 1.0})
        for (const int lag_error : {2, 4})
            places.push_back({6, 0, 0, 0, noise_place::nearest_lag(times * lag), lag_error, false});
    return places;
}

/// Places with an exponent that is higher by about this amount; none for 0.
[[nodiscard]] inline list<noise_place> places_of_exponent(const noise_place& at, double higher) {
    list<noise_place> places;
    const int by = static_cast<int>(std::lround(std::min(std::max(8 * higher, -16.0), 16.0)));
    for (const int white : {0, -1, -2})
        if (by != 0) {
            places.push_back(at);
            places.back().exponent =
                std::min(std::max(at.exponent + by, -4), noise_place::most_exponent);
            places.back().white += white;
        }
    return places;
}

/// The places around one, the most promising last.
[[nodiscard]] inline list<noise_place> places_around(const noise_place& at) {
    list<noise_place> places;
    auto add = [&](int white, int call, int common, int tau, int lag, int lag_error) {
        places.push_back({at.white + white, at.call + call, at.common + common, at.tau + tau,
                          at.lag + lag, at.lag_error + lag_error, at.proportional, at.exponent});
    };
    if (at.common == 0) {
        for (bool proportional : {false, true}) {
            places.push_back(
                {at.white, at.call, 3, 2, at.lag, at.lag_error, proportional, at.exponent});
            places.push_back(
                {at.white - 2, at.call, 5, 4, at.lag, at.lag_error, proportional, at.exponent});
            places.push_back(
                {at.white - 3, at.call, 5, 1, at.lag, at.lag_error, proportional, at.exponent});
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
    if (at.exponent != 0)
        for (int by : {-at.exponent, 1, -1}) {
            places.push_back(at);
            places.back().exponent += by;
        }
    if (at.lag > 0) {
        // A plain mean is as late as a lag of half its length.
        const double seconds = noise_place::seconds_of(at.lag);
        if (at.lag >= noise_place::first_box) {
            add(0, 0, 0, 0, noise_place::nearest_lag(seconds / 2) - at.lag, 0);
        } else {
            for (int box = noise_place::first_box; box <= noise_place::last_lag; ++box) {
                const double times = noise_place::seconds_of(box) / seconds;
                if (times > 1.2 && times < 2.5) add(0, 0, 0, 0, box - at.lag, 0);
            }
        }
        for (int by : {2, -2, 1, -1, 4, -4, 8, -8})
            if ((at.lag < noise_place::first_box) == (at.lag + by < noise_place::first_box))
                add(0, 0, 0, 0, by, 0);
        for (int by : {1, -1}) add(0, 0, 0, 0, 0, by);
    }
    places.push_back(at);
    return places;
}

}  // namespace detail
}  // namespace v1
}  // namespace joulery
