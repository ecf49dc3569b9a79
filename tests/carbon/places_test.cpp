#include "joulery/detail/carbon/places.hpp"
#include "joulery/carbon/carbon_for.hpp"
#include "joulery/carbon/grid_factor_for.hpp"
#include "joulery/detail/carbon/tables/place_index.hpp"

#include <doctest/doctest.h>

#include <string>
#include <vector>

using namespace joulery;

namespace {

double grams(const char* name) {
    const auto f = intensity_for(name);
    REQUIRE_MESSAGE(f, f.error().reason);
    return f->intensity.grams_per_kwh();
}

bool mentions(const std::string& text, const char* part) {
    return text.find(part) != std::string::npos;
}

}  // namespace

TEST_CASE("places: a country is found by alpha-2, alpha-3 and name, in any spelling") {
    for (const char* name : {"FR", "fr", "FRA", "France", "  france "}) CHECK(grams(name) == 44.18);
    CHECK(grams("Germany") == 342.06);
    CHECK(grams("UK") == 215.79);
    CHECK(grams("Côte d'Ivoire") == grams("CI"));
    CHECK(grams("Turkey") == grams("Türkiye"));
    CHECK(grams("Taiwan") == 635.15);
    CHECK(grams("World") == 472.94);
    CHECK(grams("EU") == 213.02);
}

TEST_CASE("places: states, subregions and provinces are found by code and name") {
    CHECK(grams("US-CA") == 179.1);
    CHECK(grams("California") == 179.1);
    CHECK(grams("CAMX") == 195.037);
    CHECK(grams("egrid:SRVC") == 270.489);
    CHECK(grams("CA-ON") == 59.0);
    CHECK(grams("Québec") == 1.9);
    CHECK(grams("CA") == 184.99);  // Canada, not California
    CHECK(grams("DE") == 342.06);  // Germany, not Delaware
}

TEST_CASE("places: a cloud region states the basis of its factor") {
    const auto google = intensity_for("gcp:europe-west9");
    CHECK(google->intensity.grams_per_kwh() == 16.3);
    CHECK(google->boundary == "operational");
    CHECK(google->place == "gcp:europe-west9 (Paris)");
    CHECK(google->country == "FRA");
    const auto egrid = intensity_for("aws:us-east-1");
    CHECK(egrid->intensity.grams_per_kwh() == 270.489);
    CHECK(egrid->boundary == "direct");
    CHECK(egrid->year == 2023);
    CHECK(mentions(egrid->source, "subregion SRVC"));
    const auto ember = intensity_for("azure:francecentral");
    CHECK(ember->intensity.grams_per_kwh() == 44.18);
    CHECK(ember->boundary == "lifecycle");
    CHECK(mentions(ember->source, "France (FR)"));
    CHECK(grams("amazon:eu-west-3") == 44.18);
    CHECK(grams("google:us-west1") == 79.23);
}

TEST_CASE("places: an unknown place is an error that lists the nearest matches") {
    const auto typo = intensity_for("Germny");
    REQUIRE_FALSE(typo);
    CHECK(mentions(typo.error().reason, "unknown region 'Germny'; nearest: Germany (DE)"));
    const auto bare = intensity_for("eu-west-3");
    REQUIRE_FALSE(bare);
    CHECK(mentions(bare.error().reason, "aws:eu-west-3 (Paris)"));
    CHECK_FALSE(intensity_for(""));
    CHECK_FALSE(intensity_for("-- !"));
    CHECK_FALSE(intensity_for(std::string(500, 'x')));
    CHECK_FALSE(intensity_for(std::string("\xC3")));
}

TEST_CASE("places: a name shared by two places is refused, listing both") {
    const auto f = intensity_for("Georgia");
    REQUIRE_FALSE(f);
    CHECK(mentions(f.error().reason, "Georgia (GE), Georgia (US-GA)"));
    CHECK(grams("US-GA") > 0);
}

TEST_CASE("places: a published zero means missing, not clean") {
    const auto f = intensity_for("Central African Republic");
    REQUIRE_FALSE(f);
    CHECK(mentions(f.error().reason, "Central African Republic (CF) has no usable figure"));
}

TEST_CASE("places: every name in the index finds its row, and every figure is plausible") {
    std::size_t without = 0, shared = 0;
    for (const auto& k : detail::place_index) {
        const place_candidates found = find_places(k.key);
        REQUIRE(found.count >= 1);
        bool there = false;
        for (std::size_t i = 0; i < found.count; ++i) there |= found[i] == place{k.kind, k.row};
        CHECK(there);
        shared += found.count > 1 ? 1 : 0;
        const grid_factor f = raw_factor({k.kind, k.row});
        const double g = f.intensity.grams_per_kwh();
        without += g > 0 ? 0 : 1;
        CHECK(g < 1400);
        CHECK(f.year >= 2022);
        CHECK_FALSE(f.source.empty());
        CHECK_FALSE(f.assumed);
    }
    CHECK(without == 3);  // the three names of the Central African Republic
    CHECK(shared == 4);   // Georgia twice, the Virgin Islands twice
}

TEST_CASE("places: deviating sources give a range") {
    const auto us = carbon_for("US");
    REQUIRE(us);
    CHECK(us->range().first.grams_per_kwh() == 349.667);
    CHECK(us->grid.intensity.grams_per_kwh() == 383.55);
    CHECK(us->range().second.grams_per_kwh() == 414);
    const auto ontario = carbon_for("CA-ON");
    CHECK(ontario->range().first.grams_per_kwh() == 30);
    CHECK(ontario->range().second.grams_per_kwh() == 73);
    const auto oregon = carbon_for("gcp:us-west1");
    CHECK(oregon->range().second.grams_per_kwh() == 288.152);
}

TEST_CASE("places: the PUE is the region's own if published, else the fleet's, else an error") {
    CHECK(pue_for("aws:ap-south-2")->pue == 1.46);
    CHECK(pue_for("aws:eu-west-3")->pue == 1.14);
    CHECK(mentions(pue_for("aws:eu-west-3")->source, "AWS fleet"));
    CHECK(pue_for("gcp")->pue == 1.09);
    CHECK(pue_for("Meta")->pue == 1.08);
    CHECK_FALSE(pue_for("FR"));
    CHECK(carbon_for("FR")->pue_source == no_pue_stated);
    CHECK(carbon_for("aws:eu-central-1")->pue == 1.35);
}

TEST_CASE("places: on-site water is the region's or the fleet's, plant water the country's") {
    const auto singapore = carbon_for("aws:ap-southeast-1");
    CHECK(singapore->water.site == 1.68);
    CHECK(carbon_for("gcp:europe-west9")->water.site_source.empty());  // Google publishes none
    CHECK(carbon_for("FR")->water.off_site == 3.6737);
    CHECK(carbon_for("FR")->water.site_source.empty());
}

TEST_CASE("places: a name in a foreign script is unknown, only blanks are empty") {
    CHECK(mentions(place_of("\u65e5\u672c").error().reason, "unknown region '\u65e5\u672c'"));
    CHECK(place_of(" \t").error().reason == "the region is empty");
}

TEST_CASE("places: a Canadian region has its province's figure, not the national average") {
    const auto montreal = carbon_for("aws:ca-central-1");
    REQUIRE(montreal);
    CHECK(montreal->grid.intensity.grams_per_kwh() == 1.9);
    CHECK(montreal->grid.boundary == "direct");
    CHECK(montreal->grid.accounting == "consumption");
    CHECK(montreal->grid.year == 2023);
    CHECK(mentions(montreal->grid.source, "ECCC"));
    CHECK(mentions(montreal->grid.source, "Quebec (CA-QC)"));
    CHECK(montreal->grid.country == "CAN");
    CHECK(montreal->grid.place == "aws:ca-central-1 (Montreal)");
    CHECK(montreal->range().second.grams_per_kwh() == 2.6);  // 2024
    CHECK(montreal->pue == 1.19);
    CHECK(grams("aws:ca-west-1") == 438);  // Alberta
    CHECK(grams("azure:canadacentral") == 59);
    CHECK(grams("azure:canadaeast") == 1.9);
    const auto google = carbon_for("gcp:northamerica-northeast1");
    CHECK(google->grid.boundary == "operational");  // its own figure takes precedence
    REQUIRE(google->alternatives.size() == 1);
    CHECK(google->alternatives[0].intensity.grams_per_kwh() == 1.9);
}

TEST_CASE("places: government and Chinese cloud regions have their grid") {
    CHECK(grams("aws:us-gov-west-1") == grams("NWPP"));
    CHECK(grams("aws:us-gov-east-1") == grams("US"));  // AWS does not say where in the East
    CHECK(grams("azure:usgovvirginia") == grams("SRVC"));
    CHECK(grams("azure:usgovtexas") == grams("ERCT"));
    CHECK(grams("azure:usgovarizona") == grams("AZNM"));
    CHECK(grams("azure:chinanorth3") == grams("CN"));
}

TEST_CASE("places: Oracle, OVH, Hetzner and Scaleway regions are found by their own names") {
    CHECK(grams("oci:eu-frankfurt-1") == grams("DE"));
    CHECK(grams("oracle:uk-london-1") == grams("GB"));
    CHECK(grams("oci:us-ashburn-1") == grams("SRVC"));
    CHECK(grams("oci:ca-montreal-1") == 1.9);
    CHECK(grams("ovh:GRA11") == grams("FR"));
    CHECK(grams("ovh:BHS5") == 1.9);
    CHECK(grams("ovh:eu-west-par") == grams("FR"));
    CHECK(grams("hetzner:fsn1") == grams("DE"));
    CHECK(grams("hetzner:hel1-dc2") == grams("FI"));
    CHECK(grams("scaleway:nl-ams-2") == grams("NL"));
    CHECK(carbon_for("ovh:gra")->pue == 1.09);  // the fleet's
    CHECK(carbon_for("hetzner:fsn1")->pue_source == no_pue_stated);
}
