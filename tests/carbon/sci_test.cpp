#include "joulery/accounting/sci.hpp"

#include "approx.hpp"

#include <doctest/doctest.h>

#include <string>

using namespace joulery;
using namespace joulery::literals;

namespace {
sci_input complete() {
    sci_input in;
    in.it = 2_kWh;
    in.pue = 1.5;
    in.pue_source = "operator, 2025";
    in.grid = stated_intensity(100_g_per_kWh);
    in.embodied = 60_g;
    in.embodied_source = "server, 4 years";
    in.units = 1000;
    in.unit = "token";
    in.boundary = "the inference server";
    in.method = "measured";
    return in;
}
bool states(const std::string& text, const char* part) {
    return text.find(part) != std::string::npos;
}
}  // namespace

TEST_CASE("SCI: is ((E x I) + M) per R, with the data center's overhead in E") {
    const auto s = sci(complete());
    REQUIRE(s);
    CHECK(s->operational.grams() == approx(300));
    CHECK(s->per_unit.grams() == approx(0.36));
    CHECK(s->conformant());
    const std::string text = to_text(*s);
    for (const char* part :
         {"360 mg CO2e per token", "boundary       the inference server", "method         measured",
          "R              1000 token", "100 g CO2e/kWh", "PUE 1.5", "60 g CO2e; server, 4 years",
          "conformant     yes"})
        CHECK_MESSAGE(states(text, part), text);
}

TEST_CASE("SCI: emissions by time of use take precedence over the average") {
    sci_input in = complete();
    in.operational = 200_g;
    CHECK(sci(in)->per_unit.grams() == approx(0.26));
}

TEST_CASE("SCI: missing or forbidden inputs are refused") {
    sci_input in = complete();
    in.grid = contractual_intensity(5_g_per_kWh, "certificates");
    CHECK_FALSE(sci(in));
    in = complete();
    in.units = 0;
    CHECK_FALSE(sci(in));
    in = complete();
    in.unit.clear();
    CHECK_FALSE(sci(in));
}

TEST_CASE("SCI: an incomplete statement says that it is not conformant") {
    sci_input in;
    in.it = 1_kWh;
    in.units = 1;
    in.unit = "request";
    const auto s = sci(in);
    REQUIRE(s);
    CHECK_FALSE(s->conformant());
    CHECK(s->missing.size() == 5);
    CHECK(states(to_text(*s), "conformant     no; missing: the software boundary"));
}
