#include "joulery/carbon/carbon_model.hpp"

#include "approx.hpp"

#include <doctest/doctest.h>

#include <limits>

using namespace joulery;
using namespace joulery::literals;

namespace {

/// 100 g/kWh before noon (t = 0), 300 g/kWh after; known until 10 s.
struct noon_steps final : intensity_over_time {
    carbon_intensity at(wall_time t) const noexcept override {
        return t.unix_seconds() < 0 ? 100_g_per_kWh : 300_g_per_kWh;
    }
    double coverage(wall_time a, wall_time b) const noexcept override {
        return a.unix_seconds() > 10 || b.unix_seconds() > 10 ? 0.75 : 1.0;
    }
};

wall_time at(double s) { return wall_time::from_unix_seconds(s); }

}  // namespace

TEST_CASE("carbon model: the default is the world average, flagged as an assumption") {
    const carbon_model m;
    CHECK(m.of(1_kWh).grams() == approx(472.94));
    CHECK(m.grid.assumed);
    const auto notes = m.assumptions(at(0), at(1));
    REQUIRE(notes.size() == 3);
    CHECK(notes[0] ==
          "no place was stated: the World average, 472.94 g/kWh, is assumed (Ember Yearly "
          "Electricity Data through co2.js 0.19.0 (CC BY 4.0), 2024)");
    CHECK(notes[1].find("no PUE was stated") == 0);
}

TEST_CASE("carbon model: intensity and PUE stated by the user are applied once each") {
    const carbon_model m{56_g_per_kWh, 1.1};
    CHECK(m.of(2_kWh).grams() == approx(123.2));
    CHECK(m.facility(2_kWh).kilowatt_hours() == approx(2.2));
    CHECK_FALSE(m.grid.assumed);
    CHECK(m.grid.source == "stated by the user");
    CHECK(m.assumptions(at(0), at(1)).size() == 1);  // only embodied emissions
}

TEST_CASE("carbon model: a number stated by the user takes precedence over tables and series") {
    carbon_model m;
    m.series = std::make_shared<noon_steps>();
    m.alternatives.push_back(grid_factor{});
    m.intensity(56_g_per_kWh).overhead(1.2);
    CHECK(m.of(1_kWh, at(-5), at(-4)).grams() == approx(67.2));
    CHECK(m.alternatives.empty());
}

TEST_CASE("carbon model: with a series, energy is converted at the time it was used") {
    carbon_model m{999_g_per_kWh, 2.0};
    m.series = std::make_shared<noon_steps>();
    CHECK(m.of(1_kWh, at(-5), at(-4)).grams() == approx(200));
    CHECK(m.of(1_kWh, at(4), at(5)).grams() == approx(600));
    CHECK(m.assumptions(at(1), at(5)).size() == 1);
    CHECK(m.assumptions(at(5), at(11))[0].find("covers 75 % of the run") != std::string::npos);
}

TEST_CASE("carbon model: a series on its own is not called the world average") {
    carbon_model m;
    m.series = std::make_shared<noon_steps>();
    CHECK(m.sanitize().empty());
    CHECK_FALSE(m.grid.assumed);
    CHECK(m.grid.source == "an intensity series given by the program");
    CHECK(m.grid.intensity.grams_per_kwh() == 300);
}

TEST_CASE("carbon model: market-based emissions stand beside location-based ones, never instead") {
    carbon_model m{400_g_per_kWh, 1.5};
    CHECK_FALSE(m.market_based(1_kWh));
    m.market = contractual_intensity(10_g_per_kWh, "supplier X, 2025");
    CHECK(m.market_based(1_kWh)->grams() == approx(15));
    CHECK(m.of(1_kWh).grams() == approx(600));
    CHECK(m.market->method == "market");
}

TEST_CASE("carbon model: the range spans all sources for the place") {
    carbon_model m{384_g_per_kWh};
    CHECK(m.range().first.grams_per_kwh() == approx(384));
    m.alternatives = {stated_intensity(350_g_per_kWh), stated_intensity(414_g_per_kWh)};
    CHECK(m.range().first.grams_per_kwh() == approx(350));
    CHECK(m.range().second.grams_per_kwh() == approx(414));
}

TEST_CASE(
    "carbon model: impossible figures are replaced, absurd ones kept, and both are reported") {
    const double nan = std::numeric_limits<double>::quiet_NaN();
    for (double bad : {0.0, -1.0, nan, std::numeric_limits<double>::infinity()}) {
        carbon_model m{carbon_intensity::from_grams_per_kwh(bad)};
        CHECK(m.sanitize().size() == 1);
        CHECK(m.grid.intensity.grams_per_kwh() == approx(472.94));
        CHECK(m.grid.assumed);
    }
    carbon_model low{56_g_per_kWh, 0.9};
    REQUIRE(low.sanitize().size() == 1);
    CHECK(low.pue == 1.0);
    CHECK(low.pue_source == no_pue_stated);
    carbon_model absurd{2500_g_per_kWh, 1.0};
    REQUIRE(absurd.sanitize().size() == 1);
    CHECK(absurd.grid.intensity.grams_per_kwh() == approx(2500));
    carbon_model market{56_g_per_kWh, 1.0};
    market.market = contractual_intensity(0_g_per_kWh, "green");
    CHECK(market.sanitize().size() == 1);
    CHECK_FALSE(market.market);
    CHECK(carbon_model{2000_g_per_kWh}.sanitize().empty());
}

TEST_CASE("carbon model: values no grid or data center can have are replaced, with a note") {
    for (const double bad : {1e6, 1e300, 1e308}) {
        carbon_model m{carbon_intensity::from_grams_per_kwh(bad)};
        const auto warnings = m.sanitize();
        REQUIRE(warnings.size() == 1);
        CHECK(warnings[0].find("more than any grid") != std::string::npos);
        CHECK(warnings[0].size() < 200);
        CHECK(m.grid.intensity.grams_per_kwh() == approx(472.94));
    }
    carbon_model lossy{56_g_per_kWh, 4};
    const auto kept = lossy.sanitize();
    REQUIRE(kept.size() == 1);
    CHECK(kept[0].find("Used as it is") != std::string::npos);
    CHECK(lossy.pue == 4);
    carbon_model broken{56_g_per_kWh, 100};
    CHECK(broken.sanitize().size() == 1);
    CHECK(broken.pue == 1);
    CHECK(carbon_model{56_g_per_kWh, 3}.sanitize().empty());
}

TEST_CASE("water: on site applies to IT energy, at the plant to facility energy, with one PUE") {
    water_factors w;
    w.site = 0.30;
    w.off_site = 3.1321;
    CHECK_FALSE(w.known());
    CHECK(w.liters(1_kWh, 1.17) == approx(3.964557).epsilon(1e-9));
    CHECK(w.site_liters(1_kWh) == approx(0.30));
}
