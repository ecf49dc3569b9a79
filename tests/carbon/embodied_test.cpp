#include "joulery/carbon/embodied.hpp"

#include "approx.hpp"

#include <doctest/doctest.h>

#include <string>

using namespace joulery;
using namespace joulery::literals;

TEST_CASE("embodied: an H100 of 164 kg over three years is 6.24 g an hour") {
    const auto gpu = embodied_factor("NVIDIA H100 SXM (1/8 of HGX baseboard)");
    REQUIRE(gpu);
    CHECK(gpu->each.kilograms() == 164);
    const auto rate = embodied_for({*gpu}, std::chrono::hours(26280), 1);
    REQUIRE(rate);
    CHECK(rate->per_hour.grams() == approx(6.2405).epsilon(1e-5));
    CHECK(rate->of(std::chrono::minutes(30)).grams() == approx(3.12024));
    CHECK(rate->source.find("NVIDIA PCF") != std::string::npos);
    CHECK(rate->source.find("lifetime 26280 h, share 1") != std::string::npos);
}

TEST_CASE("embodied: reproduces the standard's example: 1,000 kg over four years, one hour") {
    const auto rate =
        embodied_for({{"server", 1000_kg, 1, "ISO/IEC 21031"}}, std::chrono::hours(35040), 1);
    CHECK(rate->of(std::chrono::hours(1)).grams() == approx(28.5388).epsilon(1e-5));
}

TEST_CASE("embodied: items add up, a share scales, a lifetime divides") {
    const embodied_item gpus{"gpu", 150_kg, 8, "x"}, host{"host", 2500_kg, 1, "x"};
    const auto whole = embodied_for({gpus, host}, std::chrono::hours(1000), 1);
    CHECK(whole->per_hour.grams() == approx(3700));
    CHECK(embodied_for({gpus, host}, std::chrono::hours(2000), 0.25)->per_hour.grams() ==
          approx(462.5));
}

TEST_CASE("embodied: lifetime and share must be stated and possible") {
    const embodied_item gpu{"gpu", 150_kg, 1, "x"};
    for (double hours : {0.0, -1.0, 0.0 / 1.0})
        CHECK_FALSE(embodied_for({gpu}, seconds(hours * 3600), 1));
    for (double share : {0.0, -0.5, 1.01}) CHECK_FALSE(embodied_for({gpu}, seconds(1), share));
    CHECK_FALSE(embodied_for({}, seconds(1), 1));
    CHECK_FALSE(embodied_for({{"gpu", 0_kg, 1, "x"}}, seconds(1), 1));
    CHECK_FALSE(embodied_for({{"gpu", 1_kg, -1, "x"}}, seconds(1), 1));
}

TEST_CASE("embodied: a name that matches several factors is refused, listing them all") {
    const auto h100 = embodied_factor("H100");
    REQUIRE_FALSE(h100);
    CHECK(h100.error().reason.find("NVIDIA HGX H100 baseboard (8 GPUs); NVIDIA H100 SXM") !=
          std::string::npos);
    CHECK_FALSE(embodied_factor("abacus"));
    CHECK_FALSE(embodied_factor(""));
    CHECK(embodied_factor("L4, Boavizta")->each.kilograms() == approx(113.6));
    CHECK(embodied_factor("SSD per GB", 1000)->count == 1000);
}
