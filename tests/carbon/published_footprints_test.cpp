#include "../../examples/published_footprints.hpp"

#include "approx.hpp"
#include "joulery/carbon/carbon_model.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <string_view>

using namespace joulery;

namespace {

/// Tonnes from a row's inputs; `side` -1, 0, 1: at the low end, middle, high end of their rounding.
double tonnes(const published_footprint& p, int side) {
    const double hours = p.accelerator_hours + side * p.hours_half;
    const energy it =
        p.mwh > 0 ? energy::from_kilowatt_hours((p.mwh + side * p.mwh_half) * 1e3)
                  : power::from_watts(p.watts) * std::chrono::duration<double>(hours * 3600);
    const carbon_model m{carbon_intensity::from_grams_per_kwh(p.kg_per_kwh * 1e3),
                         p.mwh_holds_pue ? 1.0 : p.pue};
    return m.of(it).kilograms() / 1e3;
}

double off_percent(const published_footprint& p) { return (tonnes(p, 0) / p.tonnes - 1) * 100; }

}  // namespace

TEST_CASE("published footprints: consistent ones are reproduced within their rounding") {
    int consistent = 0;
    for (const auto& p : published_footprints) {
        if (std::string_view(p.verdict) != "consistent") continue;
        ++consistent;
        CAPTURE(p.name);
        CHECK(tonnes(p, -1) <= p.tonnes + p.tonnes_half * 1.0001);
        CHECK(tonnes(p, 1) >= p.tonnes - p.tonnes_half * 1.0001);
    }
    CHECK(consistent == 21);
}

TEST_CASE("published footprints: inconsistent ones deviate by the known amount") {
    int off = 0;
    for (const auto& p : published_footprints) {
        CAPTURE(p.name);
        CHECK(off_percent(p) == approx(p.off_percent).scale(1).epsilon(6e-3));
        if (std::string_view(p.verdict) == "last digit") CHECK(std::abs(off_percent(p)) <= 0.5);
        off += std::string_view(p.verdict) == "INCONSISTENT" ? 1 : 0;
    }
    CHECK(off == 4);
}

TEST_CASE("published footprints: energy from hours, watts and PUE agrees with the printed MWh") {
    int checked = 0;
    for (const auto& p : published_footprints) {
        if (!p.mwh_holds_pue || p.accelerator_hours <= 0 || p.watts <= 0) continue;
        ++checked;
        CAPTURE(p.name);
        const auto mwh = [&](int side) {
            const double hours = p.accelerator_hours + side * p.hours_half;
            const energy it = power::from_watts(p.watts + side * 0.5) *
                              std::chrono::duration<double>(hours * 3600);
            const carbon_model m{carbon_intensity::from_grams_per_kwh(1), p.pue};
            return m.facility(it).kilowatt_hours() / 1e3;
        };
        CHECK(mwh(-1) <= p.mwh + p.mwh_half);
        CHECK(mwh(1) >= p.mwh - p.mwh_half);
    }
    CHECK(checked == 7);
}

TEST_CASE("published footprints: GPT-3 is reproduced as printed") {
    const energy facility = energy::from_kilowatt_hours(1287e3);
    const carbon_model m{carbon_intensity::from_grams_per_kwh(429)};
    CHECK(m.of(facility).kilograms() == approx(552123));
}
