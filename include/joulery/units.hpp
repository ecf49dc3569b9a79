// units.hpp - energy, power, emissions and carbon intensity as types of their own; wall time.
// SPDX-License-Identifier: MIT
#pragma once

#include "joulery/detail/core/civil_date.hpp"
#include "joulery/detail/core/config.hpp"
#include "joulery/detail/core/finite.hpp"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <string>

namespace joulery {
inline namespace v1 {

/// A physical quantity; `Unit` is the derived type, so that watts and joules never mix.
///
/// Units:  SI inside (a double); conversions only through named functions, never implicit.
/// Thread: a value. Cost: that of a double. Fails: never; NaN and infinities pass through.
///
///     energy e = energy::from_joules(3) + 500_mJ;
///     power  p = e / std::chrono::seconds(2);
///     // energy wrong = p;   does not compile
template <class Unit>
class quantity {
 public:
    constexpr quantity() noexcept = default;

    friend constexpr Unit operator+(Unit a, Unit b) noexcept { return make(a.value_ + b.value_); }
    friend constexpr Unit operator-(Unit a, Unit b) noexcept { return make(a.value_ - b.value_); }
    friend constexpr Unit operator-(Unit a) noexcept { return make(-a.value_); }
    friend constexpr Unit operator*(Unit a, double k) noexcept { return make(a.value_ * k); }
    friend constexpr Unit operator*(double k, Unit a) noexcept { return make(a.value_ * k); }
    friend constexpr Unit operator/(Unit a, double k) noexcept { return make(a.value_ / k); }
    friend constexpr double operator/(Unit a, Unit b) noexcept { return a.value_ / b.value_; }
    friend constexpr Unit& operator+=(Unit& a, Unit b) noexcept { return a = a + b; }
    friend constexpr Unit& operator-=(Unit& a, Unit b) noexcept { return a = a - b; }
    friend constexpr Unit& operator*=(Unit& a, double k) noexcept { return a = a * k; }
    friend constexpr Unit& operator/=(Unit& a, double k) noexcept { return a = a / k; }
    friend constexpr bool operator==(Unit a, Unit b) noexcept { return a.value_ == b.value_; }
    friend constexpr bool operator!=(Unit a, Unit b) noexcept { return a.value_ != b.value_; }
    friend constexpr bool operator<(Unit a, Unit b) noexcept { return a.value_ < b.value_; }
    friend constexpr bool operator<=(Unit a, Unit b) noexcept { return a.value_ <= b.value_; }
    friend constexpr bool operator>(Unit a, Unit b) noexcept { return a.value_ > b.value_; }
    friend constexpr bool operator>=(Unit a, Unit b) noexcept { return a.value_ >= b.value_; }

 protected:
    constexpr explicit quantity(double value) noexcept : value_(value) {}
    static constexpr Unit make(double value) noexcept { return Unit(value); }
    double value_ = 0;
};

/// An amount of energy. It is a difference between two states of a meter; the state itself is a
/// `reading`.
class energy : public quantity<energy> {
 public:
    constexpr energy() noexcept = default;
    static constexpr energy from_joules(double j) noexcept { return energy(j); }
    static constexpr energy from_kilowatt_hours(double kwh) noexcept {
        return energy(kwh * joules_per_kilowatt_hour);
    }
    [[nodiscard]] constexpr double joules() const noexcept { return value_; }
    [[nodiscard]] constexpr double kilowatt_hours() const noexcept {
        return value_ / joules_per_kilowatt_hour;
    }
    static constexpr double joules_per_kilowatt_hour = 3.6e6;  // exact: 1 kW for 3600 s

 private:
    friend class quantity<energy>;
    constexpr explicit energy(double j) noexcept : quantity(j) {}
};

/// Energy per time, in watts.
class power : public quantity<power> {
 public:
    constexpr power() noexcept = default;
    static constexpr power from_watts(double w) noexcept { return power(w); }
    [[nodiscard]] constexpr double watts() const noexcept { return value_; }

 private:
    friend class quantity<power>;
    constexpr explicit power(double w) noexcept : quantity(w) {}
};

/// A mass of greenhouse gases in grams of CO2 equivalent (100-year warming potential).
class emissions : public quantity<emissions> {
 public:
    constexpr emissions() noexcept = default;
    static constexpr emissions from_grams(double g) noexcept { return emissions(g); }
    static constexpr emissions from_kilograms(double kg) noexcept { return emissions(kg * 1e3); }
    [[nodiscard]] constexpr double grams() const noexcept { return value_; }
    [[nodiscard]] constexpr double kilograms() const noexcept { return value_ / 1e3; }

 private:
    friend class quantity<emissions>;
    constexpr explicit emissions(double g) noexcept : quantity(g) {}
};

/// Emissions per energy as electricity statistics give it: grams of CO2e per kilowatt-hour.
class carbon_intensity : public quantity<carbon_intensity> {
 public:
    constexpr carbon_intensity() noexcept = default;
    static constexpr carbon_intensity from_grams_per_kwh(double g) noexcept {
        return carbon_intensity(g);
    }
    [[nodiscard]] constexpr double grams_per_kwh() const noexcept { return value_; }

 private:
    friend class quantity<carbon_intensity>;
    constexpr explicit carbon_intensity(double g) noexcept : quantity(g) {}
};

static_assert(sizeof(energy) == sizeof(double), "a unit must cost no more than its number");

/// Any std::chrono duration as floating-point seconds.
using seconds = std::chrono::duration<double>;

template <class Rep, class Period>
constexpr power operator/(energy e, std::chrono::duration<Rep, Period> t) noexcept {
    return power::from_watts(e.joules() / seconds(t).count());
}
template <class Rep, class Period>
constexpr energy operator*(power p, std::chrono::duration<Rep, Period> t) noexcept {
    return energy::from_joules(p.watts() * seconds(t).count());
}
template <class Rep, class Period>
constexpr energy operator*(std::chrono::duration<Rep, Period> t, power p) noexcept {
    return p * t;
}
constexpr seconds operator/(energy e, power p) noexcept { return seconds(e.joules() / p.watts()); }
constexpr emissions operator*(energy e, carbon_intensity i) noexcept {
    return emissions::from_grams(e.kilowatt_hours() * i.grams_per_kwh());
}
constexpr emissions operator*(carbon_intensity i, energy e) noexcept { return e * i; }
constexpr carbon_intensity operator/(emissions m, energy e) noexcept {
    return carbon_intensity::from_grams_per_kwh(m.grams() / e.kilowatt_hours());
}

/// `using namespace joulery::literals;` then 5_J, 3_mJ, 2_Wh, 250_W, 12_g, 56_g_per_kWh.
namespace literals {
#define JOULERY_LITERAL(suffix, type, expression)                       \
    constexpr type operator""_##suffix(long double number) noexcept {   \
        const double x = static_cast<double>(number);                   \
        return expression;                                              \
    }                                                                   \
    constexpr type operator""_##suffix(unsigned long long n) noexcept { \
        const double x = static_cast<double>(n);                        \
        return expression;                                              \
    }
JOULERY_LITERAL(J, energy, energy::from_joules(x))
JOULERY_LITERAL(kJ, energy, energy::from_joules(x * 1e3))
JOULERY_LITERAL(MJ, energy, energy::from_joules(x * 1e6))
JOULERY_LITERAL(mJ, energy, energy::from_joules(x * 1e-3))
JOULERY_LITERAL(uJ, energy, energy::from_joules(x * 1e-6))
JOULERY_LITERAL(nJ, energy, energy::from_joules(x * 1e-9))
JOULERY_LITERAL(Wh, energy, energy::from_joules(x * 3.6e3))
JOULERY_LITERAL(kWh, energy, energy::from_kilowatt_hours(x))
JOULERY_LITERAL(W, power, power::from_watts(x))
JOULERY_LITERAL(mW, power, power::from_watts(x * 1e-3))
JOULERY_LITERAL(kW, power, power::from_watts(x * 1e3))
JOULERY_LITERAL(g, emissions, emissions::from_grams(x))
JOULERY_LITERAL(kg, emissions, emissions::from_kilograms(x))
JOULERY_LITERAL(g_per_kWh, carbon_intensity, carbon_intensity::from_grams_per_kwh(x))
#undef JOULERY_LITERAL
}  // namespace literals

/// A moment on the calendar, in seconds since 1970-01-01 UTC. Never subtract two of them to measure
/// time, since the system's clock may be set in between; ticks are for that.
///
///     report.context.started.to_iso8601();   // "2026-11-23T02:15:00Z"
class wall_time {
 public:
    constexpr wall_time() noexcept = default;
    static constexpr wall_time from_unix_seconds(double s) noexcept { return wall_time(s); }
    static wall_time now() noexcept {
        return wall_time(
            std::chrono::duration<double>(std::chrono::system_clock::now().time_since_epoch())
                .count());
    }
    [[nodiscard]] constexpr double unix_seconds() const noexcept { return unix_seconds_; }
    /// Whole seconds of UTC, in the years 1 to 9999. A moment outside that range gives the nearest
    /// year, not-a-number gives 1970. Needs no time zone and takes no lock.
    [[nodiscard]] std::string to_iso8601() const {
        constexpr double first = -62135596800.0, last = 253402300799.0;
        const double inside = is_nan(unix_seconds_) ? 0 : std::clamp(unix_seconds_, first, last);
        const auto whole = static_cast<std::int64_t>(std::floor(inside));
        const std::int64_t days = (whole - (whole < 0 ? 86399 : 0)) / 86400;
        const auto second = static_cast<int>(whole - days * 86400);
        const detail::civil_date date = detail::civil_from_days(days);
        char text[32];
        const int n = std::snprintf(text, sizeof text, "%04d-%02d-%02dT%02d:%02d:%02dZ",
                                    static_cast<int>(date.year), date.month, date.day,
                                    second / 3600, second / 60 % 60, second % 60);
        return {text, static_cast<std::size_t>(n)};
    }
    friend constexpr bool operator==(wall_time a, wall_time b) noexcept {
        return a.unix_seconds_ == b.unix_seconds_;
    }
    friend constexpr bool operator<(wall_time a, wall_time b) noexcept {
        return a.unix_seconds_ < b.unix_seconds_;
    }

 private:
    constexpr explicit wall_time(double s) noexcept : unix_seconds_(s) {}
    double unix_seconds_ = 0;
};

}  // namespace v1
}  // namespace joulery
