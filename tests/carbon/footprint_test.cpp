#include "joulery/accounting/footprint.hpp"

#include "approx.hpp"
#include "joulery/accounting/rank_regions.hpp"
#include "joulery/accounting/what_if.hpp"
#include "joulery/carbon/carbon_for.hpp"
#include "joulery/carbon/grid_factor_for.hpp"
#include "joulery/detail/carbon/tables/cloud_table.hpp"

#include <doctest/doctest.h>

#include <iterator>
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

TEST_CASE("footprint: IT energy, facility energy, emissions and water are separate figures") {
    carbon_model m = *carbon_for("aws:us-east-1");
    m.market = contractual_intensity(20_g_per_kWh, "power purchase agreement");
    m.embodied = {10_g, "server, 4 years"};
    const footprint f = footprint_for(m, 100_kWh, std::chrono::hours(2));
    CHECK(f.facility.kilowatt_hours() == approx(115));
    CHECK(f.location.grams() == approx(115 * 270.489));
    CHECK(f.market->grams() == approx(115 * 20));
    CHECK(f.embodied->grams() == approx(20));
    CHECK(*f.site_liters == approx(12));
    CHECK(*f.plant_liters == approx(115 * 3.1321));
    const std::string text = to_text(f);
    CHECK(states(text, "facility energy       115 kWh (414 MJ)"));
    CHECK(states(text, "EPA eGRID2023 revision 2 (public domain), subregion SRVC"));
    CHECK(states(text, "PUE: 1.15; aws:us-east-1"));
    CHECK(states(text, "market: 20 g CO2e/kWh, by contract"));
}

TEST_CASE("footprint: figures have sources, assumptions are listed, deviating sources are shown") {
    const footprint f = footprint_for(*carbon_for("US"), 1_kWh, std::chrono::hours(1));
    CHECK(f.low.grams() == approx(349.667));
    CHECK(f.high.grams() == approx(414));
    CHECK(states(to_text(f), "CO2e, location-based  384 g (sources differ: 350 g to 414 g)"));
    REQUIRE(f.factors.size() == 5);
    CHECK(f.factors[0] ==
          "grid: 383.6 g CO2e/kWh, United States (US), 2024, lifecycle, production, average, "
          "location-based; Ember Yearly Electricity Data through co2.js 0.19.0 (CC BY 4.0)");
    const footprint nothing = footprint_for({}, 1_kWh, std::chrono::hours(1));
    CHECK(nothing.assumptions.size() == 5);
    CHECK(states(to_text(nothing), "no place was stated"));
}

TEST_CASE("footprint: a report's own figures take precedence over the average") {
    const footprint f =
        footprint_for(carbon_model{100_g_per_kWh, 1.0}, 1_kWh, std::chrono::hours(1), {}, 40_g);
    CHECK(f.location.grams() == 40);
}

TEST_CASE("equivalents: everyday quantities, each with factor, source and year") {
    const auto e = equivalents_of(emissions::from_kilograms(1000));
    REQUIRE(e.size() == 5);
    CHECK(e[0].count == approx(4095).epsilon(1e-3));
    CHECK(e[1].count == approx(80645).epsilon(1e-4));
    CHECK(e[2].count == approx(365 / 8.3));
    CHECK(e[3].count == approx(1 / 8.3));
    CHECK(e[4].count == approx(525600 / 3.79e6));
    CHECK(states(text_with_source(e[2]), "2021, an older figure"));
    CHECK(states(text_with_source(e[0]), "244 g each"));
    CHECK(to_text(e[0]) == "4095 km driven by an average US car");
    CHECK(to_text(e[2]) == "44 days of a US household's energy");
}

TEST_CASE("equivalents: only those of a readable size are shown, or none") {
    const auto some = sensible_equivalents(emissions::from_kilograms(552100));
    REQUIRE(some.size() == 2);
    CHECK(to_text(some[0]) == "66.5 years of a US household's energy");
    CHECK(to_text(some[1]) == "76.6 minutes of a coal-fired power plant");
    // Never the same one in two units.
    const auto years = sensible_equivalents(emissions::from_kilograms(56860));
    REQUIRE(years.size() == 2);
    CHECK(to_text(years[0]) == "6.85 years of a US household's energy");
    CHECK(to_text(years[1]) == "7.89 minutes of a coal-fired power plant");
    const auto months = sensible_equivalents(emissions::from_kilograms(3000));
    CHECK(months.size() == 2);
    CHECK(to_text(months[0]) == "132 days of a US household's energy");
    CHECK(to_text(sensible_equivalents(5_kg)[0]) == "20.5 km driven by an average US car");
    CHECK(sensible_equivalents(emissions::from_grams(1e-6)).empty());
    CHECK(sensible_equivalents(emissions::from_grams(1e30)).empty());
}

TEST_CASE("footprint: figures have a suitable unit and no exponent") {
    const carbon_model gpt{429_g_per_kWh};
    const std::string text =
        to_text(footprint_for(gpt, energy::from_kilowatt_hours(1287000), seconds(1)));
    CHECK(states(text, "IT energy             1.29 GWh (4.63 TJ)"));
    CHECK(states(text, "CO2e, location-based  552 t\n"));
    const std::string tiny = to_text(footprint_for(gpt, energy::from_joules(1e-4), seconds(1)));
    CHECK(states(tiny, "IT energy             100 uJ\n"));
    CHECK(tiny.find("e-") == std::string::npos);
}

TEST_CASE("footprint: sources within a hundredth of each other give no range") {
    carbon_model m{400_g_per_kWh};
    m.alternatives = {stated_intensity(403_g_per_kWh)};
    CHECK(to_text(footprint_for(m, 1_kWh, seconds(1))).find("differ") == std::string::npos);
    m.alternatives = {stated_intensity(405_g_per_kWh)};
    CHECK(states(to_text(footprint_for(m, 1_kWh, seconds(1))), "(sources differ: 400 g to 405 g)"));
}

TEST_CASE("ranking: regions are ranked by the run's emissions there, cleanest first") {
    const auto ranking = rank_places(10_kWh);
    REQUIRE(ranking.size() == std::size(cloud_table) - 49);  // Oracle, Hetzner, Scaleway: no PUE
    CHECK(ranking[0].grid.place == "azure:norwayeast (Oslo)");
    CHECK(ranking[0].co2e.grams() == approx(10 * 30.75 * 1.17));
    ranking_options o;
    o.provider = "azure";
    o.pue = 1.2;
    const auto azure = rank_places(10_kWh, o);
    CHECK(azure.size() == 74);
    CHECK(azure[0].pue == 1.2);
    o = {};
    o.clouds = false;
    o.countries = true;
    const auto countries = rank_places(1_kWh, o);
    CHECK(countries.size() == 208);  // the one without a usable figure is left out
    CHECK(countries[0].grid.place == "Lesotho (LS)");
    CHECK(countries[0].co2e.grams() == approx(20.8).epsilon(0.01));
    const std::string text = to_text(ranking, 10_kg, 3);
    CHECK(states(text, "   1  azure:norwayeast (Oslo)"));
    CHECK(states(text, "lifecycle, production"));
    o = {};
    o.provider = "hetzner";
    CHECK(rank_places(1_kWh, o).empty());
    o.pue = 1.1;
    CHECK(rank_places(1_kWh, o)[0].grid.place == "hetzner:hel1 (Helsinki)");
}

TEST_CASE("ranking: with a given factor, regions of the same basis come first") {
    ranking_options o;
    o.comparable_with = *intensity_for("FR");
    const auto ranking = rank_places(10_kWh, o);
    std::size_t comparable = 0;
    while (comparable < ranking.size() && ranking[comparable].comparable) ++comparable;
    CHECK(comparable > 100);
    REQUIRE(comparable < ranking.size());
    for (std::size_t i = 0; i < ranking.size(); ++i) {
        REQUIRE(ranking[i].comparable == (i < comparable));
        REQUIRE(is_comparable(ranking[i].grid, *o.comparable_with) == (i < comparable));
        if (i > 0 && i != comparable) REQUIRE(ranking[i - 1].co2e <= ranking[i].co2e);
    }
    // Google's Paris has the same factor as Amazon's; only the PUE differs.
    emissions google, amazon;
    for (const ranked_place& r : ranking) {
        if (r.grid.place == "gcp:europe-west9 (Paris)") google = r.co2e;
        if (r.grid.place == "aws:eu-west-3 (Paris)") amazon = r.co2e;
    }
    CHECK(google.grams() == approx(10 * 44.18 * 1.09));
    CHECK(amazon.grams() == approx(10 * 44.18 * 1.14));
    const std::string text = to_text(ranking, 1_kg, 4);
    CHECK(states(text, "not comparable with here or the places above"));
    CHECK(text.substr(text.find("not comparable")).find(" x ") == std::string::npos);
}

TEST_CASE("cleanest start: finds the stretch with the lowest mean, never across a gap") {
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
