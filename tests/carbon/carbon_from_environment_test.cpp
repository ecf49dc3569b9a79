#include "joulery/detail/session/environment.hpp"

#include "approx.hpp"

#include <doctest/doctest.h>

#include <cstdio>
#include <random>

using namespace joulery;
using namespace joulery::literals;

TEST_CASE("environment: an empty environment changes nothing") {
    carbon_model m{56_g_per_kWh, 1.3};
    CHECK(carbon_from_environment(m, "", "", "").empty());
    CHECK(m.grid.intensity.grams_per_kwh() == 56);
    CHECK(m.pue == 1.3);
}

TEST_CASE("environment: a region gives grid, PUE and water; stated numbers take precedence") {
    carbon_model m;
    CHECK(carbon_from_environment(m, "aws:eu-central-1", "", "").empty());
    CHECK(m.grid.intensity.grams_per_kwh() == 342.06);
    CHECK(m.pue == 1.35);
    CHECK(carbon_from_environment(m, "aws:eu-central-1", "56", "1.1").empty());
    CHECK(m.grid.intensity.grams_per_kwh() == 56);
    CHECK(m.grid.place == "aws:eu-central-1 (Frankfurt)");
    CHECK(m.grid.country == "DEU");
    CHECK(m.grid.source == "stated by the user (JOULERY_INTENSITY)");
    CHECK(m.pue == 1.1);
    CHECK(m.water.site == 0.01);
}

TEST_CASE("environment: a PUE stated by the program survives a region") {
    carbon_model m{56_g_per_kWh, 1.3};
    CHECK(carbon_from_environment(m, "FR", "", "").empty());
    CHECK(m.grid.intensity.grams_per_kwh() == 44.18);
    CHECK(m.pue == 1.3);
}

TEST_CASE("environment: an unknown region keeps the default and names the nearest match") {
    carbon_model m;
    const auto w = carbon_from_environment(m, "Frnce", "", "");
    REQUIRE(w.size() == 1);
    CHECK(w[0].find("JOULERY_REGION: unknown region 'Frnce'; nearest: France (FR)") == 0);
    CHECK(w[0].find("Kept: World") != std::string::npos);
    CHECK(m.grid.assumed);
}

TEST_CASE("environment: unreadable numbers are reported and ignored") {
    for (const char* bad : {"0", "-3", "nan", "inf", "5 6", "56g", "56,5", "0x10", "."}) {
        carbon_model m{70_g_per_kWh, 1.2};
        const auto w = carbon_from_environment(m, "", bad, "");
        REQUIRE(w.size() == 1);
        CHECK(w[0].find(std::string("JOULERY_INTENSITY: '") + bad + "'") == 0);
        CHECK(m.grid.intensity.grams_per_kwh() == 70);
        const auto p = carbon_from_environment(m, "", "", bad);
        REQUIRE(p.size() == 1);
        CHECK(m.pue == 1.2);
    }
    carbon_model m;
    CHECK(carbon_from_environment(m, "", "", "0.99").size() == 1);
    CHECK(carbon_from_environment(m, "", "", "1").empty());
    CHECK(m.pue_source == "stated by the user (JOULERY_PUE)");
}

TEST_CASE("environment: an absurd intensity is used with a warning") {
    carbon_model m;
    CHECK(carbon_from_environment(m, "", "2500", "").size() == 1);
    CHECK(m.grid.intensity.grams_per_kwh() == 2500);
}

TEST_CASE("decimal: reads what printf writes and refuses other texts") {
    CHECK(*parse_decimal(" 56.25 ") == 56.25);
    CHECK(*parse_decimal("-1.5e-3") == -0.0015);
    CHECK(*parse_decimal(".5") == 0.5);
    CHECK(*parse_decimal("5.") == 5);
    CHECK(*parse_decimal("12345678901234567890123") == approx(1.2345678901234568e22));
    for (const char* bad : {"", " ", "-", "e5", "1e", "1e+", "1.2.3", "1 2", "1e999", "--1"})
        CHECK_FALSE(parse_decimal(bad));
    const unsigned seed = std::random_device{}();
    CAPTURE(seed);
    std::mt19937_64 random(seed);
    for (int i = 0; i < 2000; ++i) {
        const double x = std::uniform_real_distribution<>(-2000, 2000)(random);
        char text[64];
        std::snprintf(text, sizeof text, "%.11g", x);
        double want = 0;
        std::sscanf(text, "%lf", &want);
        REQUIRE(*parse_decimal(text) == want);
    }
}
