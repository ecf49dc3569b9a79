// Mistakes that the unit types reject, each below a similar line that compiles.
#include "joulery/units.hpp"
#include "joulery/carbon/carbon_model.hpp"

#include <chrono>
#include <string>

using namespace joulery;
using namespace joulery::literals;
using namespace std::chrono_literals;

void use(energy);

void energy_and_power() {
    energy e = 5_J;
    //! fails: conversion from|no viable conversion
    //! fails: power
    //!     energy wrong = 5_W;
    e = 5_W * 2s;
    //! fails: no match for|no viable overloaded
    //!     e = 5_W;
    e = 5_J + 3_J;
    //! fails: no match for|invalid operands
    //! fails: power
    //!     e = 5_J + 3_W;
    use(3_W * 1ms);
    //! fails: could not convert|no matching function
    //!     use(3_W);
    power p = e / 2s;
    //! fails: conversion from|no viable conversion
    //! fails: double
    //!     power wrong = e / 2.0 / 2_J;
    const bool more = e < 3_J;
    //! fails: no match for|invalid operands
    //!     const bool wrong = e < 3_W;
    (void)more;
    (void)p;
}

void numbers() {
    energy e = energy::from_joules(5.0);
    //! fails: conversion from|no viable conversion
    //! fails: double
    //!     energy wrong = 5.0;
    energy other = 5_J;
    //! fails: private|protected|no matching
    //!     energy wrong{5.0};
    other = energy{};
    //! fails: no match for|no viable overloaded
    //!     other = 0;
    double joules = e.joules();
    //! fails: cannot convert|no viable conversion
    //! fails: double
    //!     double wrong = e;
    joules += 2.0 * (e / other);
    //! fails: no match for|invalid operands
    //!     joules += e;
    energy twice = e * 2;
    //! fails: no match for|invalid operands
    //!     energy square = e * e;
    e += 1_J;
    //! fails: no match for|no viable overloaded
    //!     e += 1.0;
    (void)joules;
    (void)twice;
}

void carbon() {
    emissions m = 2_kWh * 56_g_per_kWh;
    //! fails: no match for|invalid operands
    //!     emissions wrong = 2_kWh * 56_g;
    m = 3_kg + 12_g;
    //! fails: no match for|invalid operands
    //!     m = 3_kg + 12_J;
    carbon_model model;
    m = model.of(5_J);
    //! fails: no matching
    //! fails: power
    //!     m = model.of(5_W);
    grid_factor stated = stated_intensity(56_g_per_kWh);
    //! fails: cannot convert|could not convert|no matching function
    //!     grid_factor wrong = stated_intensity(56);
    (void)stated;
}

void wall_times() {
    const wall_time a = wall_time::now(), b = wall_time::from_unix_seconds(1);
    const bool earlier = b < a;
    //! fails: no match for|invalid operands
    //! fails: wall_time
    //!     auto measured = a - b;
    const std::string label = a.to_iso8601();
    //! fails: private|no matching
    //!     const wall_time wrong(1.0);
    (void)earlier;
    (void)label;
}
