#include "joulery/accounting/footprint.hpp"

#include "approx.hpp"
#include "joulery/accounting/cleanest_start.hpp"
#include "joulery/accounting/equivalents.hpp"
#include "joulery/accounting/rank_regions.hpp"
#include "joulery/carbon/carbon_for.hpp"

#include <doctest/doctest.h>

#include <string>

using namespace joulery;
using namespace joulery::literals;

namespace {
bool states(const std::string& text, const char* part) {
    const bool there = text.find(part) != std::string::npos;
    if (!there) MESSAGE(text);
    return there;
}
}  // namespace

TEST_CASE("footprint: IT energy, facility energy, emissions and water stand apart") {
    carbon_model m = *carbon_for("aws:us-east-1");
    m.market = contractual_intensity(20_g_per_kWh, "power purchase agreement");
    m.embodied = {10_g, "server, 4 years"};
    const footprint f = footprint_for(m, 100_kWh, std::chrono::hours(2));
    CHECK(f.facility.kilowatt_hours() == approx(115));
    CHECK(f.location.grams() == approx(115 * 270.489));
    CHECK(f.market->grams() == approx(115 * 20));
    CHECK(f.embodied->grams() == approx(20));
    CHECK(*f.site_litres == approx(12));
    CHECK(*f.plant_litres == approx(115 * 3.1321));
    const std::string text = to_text(f);
    CHECK(states(text, "facility energy       115 kWh"));
    CHECK(states(text, "EPA eGRID2023 revision 2 (public domain), subregion SRVC"));
    CHECK(states(text, "PUE: 1.15; aws:us-east-1"));
    CHECK(states(text, "market: 20 gCO2e/kWh, by contract"));
}

TEST_CASE("footprint: every figure is traced, every assumption listed, sources that differ shown") {
    const footprint f = footprint_for(*carbon_for("US"), 1_kWh, std::chrono::hours(1));
    CHECK(f.low.grams() == approx(349.667));
    CHECK(f.high.grams() == approx(414));
    CHECK(states(to_text(f), "(sources differ: 0.349667 to 0.414)"));
    REQUIRE(f.factors.size() == 5);
    CHECK(f.factors[0] ==
          "grid: 383.55 gCO2e/kWh, United States (US), 2024, lifecycle, production, average, "
          "location-based; Ember Yearly Electricity Data through co2.js 0.19.0 (CC BY 4.0)");
    const footprint nothing = footprint_for({}, 1_kWh, std::chrono::hours(1));
    CHECK(nothing.assumptions.size() == 5);
    CHECK(states(to_text(nothing), "no place was stated"));
}

TEST_CASE("footprint: figures that a report knows go before the mean") {
    const footprint f =
        footprint_for(carbon_model{100_g_per_kWh, 1.0}, 1_kWh, std::chrono::hours(1), {}, 40_g);
    CHECK(f.location.grams() == 40);
}

TEST_CASE("equivalents: people's things, each with factor, source and year") {
    const auto e = equivalents_of(emissions::from_kilograms(1000));
    REQUIRE(e.size() == 4);
    CHECK(e[0].count == approx(4095).epsilon(1e-3));
    CHECK(e[1].count == approx(80645).epsilon(1e-4));
    CHECK(e[2].count == approx(365 / 8.3));
    CHECK(e[3].count == approx(525600 / 3.79e6));
    CHECK(states(to_text(e[2]), "2021, an older figure"));
    CHECK(states(to_text(e[0]), "244.2 g each"));
}

TEST_CASE("ranking: regions by what the run would have emitted there, cleanest first") {
    const auto ranking = rank_places(10_kWh);
    REQUIRE(ranking.size() == 148);
    CHECK(ranking[0].grid.place == "gcp:europe-north2 (Stockholm)");
    CHECK(ranking[0].co2e.grams() == approx(10 * 2.73 * 1.09));
    for (std::size_t i = 1; i < ranking.size(); ++i)
        REQUIRE(ranking[i - 1].co2e <= ranking[i].co2e);
    ranking_options o;
    o.provider = "azure";
    o.pue = 1.2;
    const auto azure = rank_places(10_kWh, o);
    CHECK(azure.size() == 64);
    CHECK(azure[0].pue == 1.2);
    o = {};
    o.clouds = false;
    o.countries = true;
    const auto countries = rank_places(1_kWh, o);
    CHECK(countries.size() == 208);  // the one without a usable figure is left out
    CHECK(countries[0].grid.place == "Lesotho (LS)");
    CHECK(countries[0].co2e.grams() == approx(20.8).epsilon(0.01));
    const std::string text = to_text(ranking, 10_kg, 3);
    CHECK(states(text, "   1  gcp:europe-north2 (Stockholm)"));
    CHECK(states(text, "operational, production"));
}

TEST_CASE("cleanest start: the stretch with the lowest mean, never across a gap") {
    const intensity_series s({{0, 10, 10, 300},
                              {10, 20, 10, 100},
                              {20, 30, 10, 200},
                              {100, 110, 10, 1},
                              {200, 210, 10, 400}});
    const auto best = cleanest_start(s, seconds(20));
    REQUIRE(best);
    CHECK(best->begin.unix_seconds() == 10);
    CHECK(best->mean.grams_per_kwh() == approx(150));
    CHECK(cleanest_start(s, seconds(5))->begin.unix_seconds() == 100);
    CHECK_FALSE(cleanest_start(s, seconds(31)));
}
