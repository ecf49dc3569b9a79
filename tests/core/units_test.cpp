#include "joulery/units.hpp"

#include "approx.hpp"

#include <doctest/doctest.h>

#include <type_traits>

using namespace joulery;
using namespace joulery::literals;
using namespace std::chrono_literals;

namespace {
template <class A, class B, class = void>
struct can_add : std::false_type {};
template <class A, class B>
struct can_add<A, B, std::void_t<decltype(std::declval<A>() + std::declval<B>())>>
    : std::true_type {};
}  // namespace

TEST_CASE("units: literals have the value they state") {
    CHECK((5_J).joules() == 5);
    CHECK((1.5_kJ).joules() == 1500);
    CHECK((2_MJ).joules() == 2e6);
    CHECK((3_mJ).joules() == approx(0.003));
    CHECK((7_uJ).joules() == approx(7e-6));
    CHECK((7_nJ).joules() == approx(7e-9));
    CHECK((2_Wh).joules() == 7200);
    CHECK((1_kWh).joules() == 3.6e6);
    CHECK((1_kWh).kilowatt_hours() == 1);
    CHECK((250_W).watts() == 250);
    CHECK((5_mW).watts() == approx(0.005));
    CHECK((1_kW).watts() == 1000);
    CHECK((12_g).grams() == 12);
    CHECK((3_kg).grams() == 3000);
    CHECK((3_kg).kilograms() == 3);
    CHECK((56_g_per_kWh).grams_per_kwh() == 56);
}

TEST_CASE("units: energy, power, time, intensity and emissions convert into each other") {
    CHECK((100_J / 2s).watts() == 50);
    CHECK((50_W * 500ms).joules() == 25);
    CHECK((500ms * 50_W).joules() == 25);
    CHECK((100_J / 50_W).count() == 2);
    CHECK((2_kWh * 56_g_per_kWh).grams() == 112);
    CHECK((56_g_per_kWh * 2_kWh).grams() == 112);
    CHECK((112_g / 2_kWh).grams_per_kwh() == 56);
    CHECK(10_J / 4_J == 2.5);
}

TEST_CASE("units: arithmetic and comparison") {
    energy e = 3_J + 500_mJ;
    CHECK(e.joules() == 3.5);
    e -= 1_J;
    e *= 2;
    e /= 5;
    e += 1_J;
    CHECK(e.joules() == 2);
    CHECK((-e).joules() == -2);
    CHECK((e - 5_J).joules() == -3);
    CHECK((2 * e == e * 2));
    CHECK((1_J < 2_J && 2_J <= 2_J && 3_J > 2_J && 2_J >= 2_J && 1_J != 2_J));
    CHECK(energy{}.joules() == 0);
    static_assert((1_kWh).joules() == 3.6e6, "usable at compile time");
}

TEST_CASE("units: different units neither add nor convert") {
    CHECK(can_add<energy, energy>::value);
    CHECK_FALSE(can_add<energy, power>::value);
    CHECK_FALSE(can_add<energy, double>::value);
    CHECK_FALSE(can_add<emissions, carbon_intensity>::value);
    CHECK_FALSE(std::is_convertible_v<energy, double>);
    CHECK_FALSE(std::is_convertible_v<double, energy>);
    CHECK_FALSE(std::is_constructible_v<power, energy>);
}
