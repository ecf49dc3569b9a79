#include "joulery/detail/report/carbon_notes.hpp"

#include "approx.hpp"
#include "joulery/carbon/carbon_for.hpp"
#include "joulery/report_io.hpp"

#include <doctest/doctest.h>

#include <string>

using namespace joulery;
using namespace joulery::literals;

namespace {

report complete() {
    report r;
    r.context.machine = "m1";
    r.context.run_id = "m1/1";
    r.context.carbon = *carbon_for("US");
    r.context.carbon.overhead(1.5);
    r.context.carbon.market = contractual_intensity(20_g_per_kWh, "supplier X, 2025");
    r.context.carbon.embodied = {36_g, "server over 4 years"};
    r.context.duration = seconds(1000);
    r.total = 2_kWh;
    r.co2e = r.context.carbon.of(r.total);
    return r;
}

bool states(const std::string& text, const char* part) {
    const bool there = text.find(part) != std::string::npos;
    if (!there) MESSAGE(text);
    return there;
}

}  // namespace

TEST_CASE(
    "carbon notes: range, facility, market, embodied emissions and water each have a source") {
    const auto notes = carbon_notes(complete());
    REQUIRE(notes.size() == 5);
    CHECK(states(notes[0].text, "sources differ, 349.7 to 414 g/kWh"));
    CHECK(states(notes[0].text, "EPA eGRID2023"));
    CHECK(states(notes[1].text, "3 kWh with"));
    CHECK(
        states(notes[2].text,
               "60 g CO2e market-based, at 20 g CO2e/kWh, by contract, market-based; supplier X"));
    CHECK(states(notes[3].text,
                 "10 g CO2e of the hardware's embodied emissions (server over 4 years)"));
    CHECK(states(notes[4].text, "9.4 L at the power plants"));
    CHECK(carbon_notes(report{}).empty());
}

TEST_CASE("carbon notes: appear in the table and the JSON") {
    const report r = complete();
    CHECK(states(to_text(r), "supplier X, 2025"));
    const std::string json = to_json(r);
    CHECK(states(json, "\"country\": \"USA\""));
    CHECK(states(json, "\"off_site_l_per_kwh\": 3.1321"));
    const auto back = from_json(json);
    REQUIRE_MESSAGE(back, back.error().reason);
    CHECK(*back == r);
    CHECK(back->context.carbon.market->source == "supplier X, 2025");
    CHECK(back->context.carbon.alternatives.size() == 2);
    report other = r;
    other.context.carbon.market.reset();
    CHECK(other != r);
    CHECK_FALSE(from_json(to_json(other))->context.carbon.market);
}

TEST_CASE("carbon notes: a mix of places keeps no figure of a single place") {
    report other = complete();
    other.context.machine = "m2";
    other.context.run_id = "m2/1";
    other.context.carbon = *carbon_for("FR");
    other.co2e = other.context.carbon.of(other.total);
    const report both = merge(complete(), other);
    CHECK(both.context.carbon.alternatives.empty());
    CHECK_FALSE(both.context.carbon.market);
    CHECK_FALSE(both.context.carbon.embodied.known());
    CHECK(both.co2e.grams() == approx(2 * 1.5 * 383.55 + 2 * 44.18));
}
