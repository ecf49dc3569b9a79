#include "joulery/accounting/what_if.hpp"
#include "joulery/carbon/carbon_for.hpp"

#include "approx.hpp"
#include "joulery/accounting/report_carbon.hpp"

#include <doctest/doctest.h>

#include <memory>
#include <random>
#include <string>

using namespace joulery;
using namespace joulery::literals;

namespace {

scope_row row(std::string path, energy e, double items, double s,
              std::size_t parent = scope_row::no_parent) {
    scope_row r;
    r.parent = parent;
    r.name = path.substr(path.rfind('/') + 1);
    r.path = std::move(path);
    r.total = r.self = e;
    r.items = items;
    r.item_name = items > 0 ? "sample" : "";
    r.time = seconds(s);
    r.calls = 1;
    r.uncertainty = e * 0.02;
    return r;
}

/// 10 kWh over an hour in Poland at PUE 1.5; 8 kWh of it in "train", 1,000 samples.
report polish() {
    report r;
    r.context.carbon = *carbon_for("PL");
    r.context.carbon.overhead(1.5, "operator, 2025");
    r.context.duration = std::chrono::hours(1);
    r.context.started = wall_time::from_unix_seconds(1735689600);
    r.context.cpu = "old CPU";
    r.context.host = "node1";
    r.context.library = "joulery 0.1.0";
    r.context.attribution = "shared";
    channel_row c;
    c.id = "cpu0/package";
    c.backend = "rapl-powercap";
    c.total = 10_kWh;
    r.channels = {c};
    r.total = 10_kWh;
    r.provenance = quality::measured;
    r.unscoped = 2_kWh;
    r.scopes = {row("train", 8_kWh, 1000, 3000)};
    r.co2e = r.context.carbon.of(r.total);
    r.scopes[0].co2e = r.context.carbon.of(r.scopes[0].total);
    return r;
}

bool states(const std::string& text, const char* part) {
    const bool there = text.find(part) != std::string::npos;
    if (!there) MESSAGE(text);
    return there;
}

}  // namespace

TEST_CASE("what if: another country changes emissions and not energy") {
    const auto w = what_if(polish(), in_region{"FR"});
    REQUIRE(w);
    CHECK(w->co2e_before.grams() == approx(15 * 614.98));
    CHECK(w->co2e_after.grams() == approx(15 * 44.18));
    CHECK(w->changed.scopes[0].co2e.grams() == approx(12 * 44.18));
    CHECK(w->energy_after.kilowatt_hours() == approx(10));
    REQUIRE(w->levers.size() == 1);
    CHECK(w->levers[0].name == "map");
    CHECK(w->levers[0].factor == approx(44.18 / 614.98));
    CHECK(w->changed.context.carbon.grid.place == "France (FR)");
    CHECK(w->changed.context.carbon.water.off_site == carbon_for("FR")->water.off_site);
    CHECK(w->changed.scopes[0].total.kilowatt_hours() == approx(8));
}

TEST_CASE("what if: a contract does not move to another place") {
    report r = polish();
    r.context.carbon.market = contractual_intensity(20_g_per_kWh, "supplier X");
    CHECK_FALSE(what_if(r, in_region{"FR"})->changed.context.carbon.market);
    CHECK(what_if(r, at_pue{1.1})->changed.context.carbon.market);
}

TEST_CASE("what if: a cloud region brings its PUE, and factors multiply to the total") {
    const auto w = what_if(polish(), in_region{"aws:eu-west-3"}, at_pue{1.1});
    REQUIRE(w);
    REQUIRE(w->levers.size() == 3);
    double product = 1;
    for (const lever& l : w->levers) product *= l.factor;
    CHECK(product == approx(w->co2e_after / w->co2e_before));
    CHECK(w->co2e_after.grams() == approx(11 * 44.18));
    CHECK(states(to_text(*w), "mechanization"));
}

TEST_CASE("what if: a second machine's J/item scales energy and time, as an estimate") {
    report fast = polish();
    fast.context.cpu = "new CPU";
    fast.context.carbon.embodied = {7_g, "new server"};
    fast.scopes = {row("train", 4_kWh, 2000, 600)};  // 2 Wh a sample instead of 8
    report slow = polish();
    slow.context.carbon.embodied = {90_g, "old server"};
    slow.scopes[0].idle = 4_kWh;
    slow.scopes[0].by_channel = {8_kWh};
    slow.history.step = seconds(1);
    slow.history.watts = {{100, 100}};
    slow.runs = {{"m1/1", "m1", "node1", 1735689600, 1735693200, {10_kWh}}};
    const auto w = what_if(slow, on_machine{fast, "train"});
    REQUIRE(w);
    const scope_row& train = w->changed.scopes[0];
    CHECK(train.total.kilowatt_hours() == approx(2));
    CHECK(train.self.kilowatt_hours() == approx(2));
    CHECK(train.by_channel[0].kilowatt_hours() == approx(2));
    CHECK(train.idle->kilowatt_hours() == approx(1));
    CHECK(train.uncertainty.kilowatt_hours() == approx(0.04));
    CHECK(train.time.count() == approx(300));
    CHECK(w->changed.channels[0].total.kilowatt_hours() == approx(2.5));
    CHECK(w->changed.unscoped.kilowatt_hours() == approx(0.5));
    CHECK(w->changed.runs[0].by_channel[0].kilowatt_hours() == approx(2.5));
    CHECK(w->changed.runs[0].end - w->changed.runs[0].begin == approx(360));
    CHECK(w->changed.context.cpu == "new CPU");
    CHECK(w->changed.context.carbon.embodied.source == "new server");
    CHECK(w->changed.history.watts.empty());
    CHECK(w->energy_after.kilowatt_hours() == approx(2.5));
    CHECK(w->co2e_after.grams() == approx(1.5 * 2.5 * 614.98));
    CHECK(w->changed.context.duration.count() == approx(360));
    CHECK(w->changed.provenance == quality::estimated);
    CHECK(w->levers[0].factor == approx(0.25));
    CHECK_FALSE(what_if(polish(), on_machine{fast, "serve"}));
}

TEST_CASE("what if: another time window of a series") {
    const double t0 = 1735689600;
    const auto series = std::make_shared<intensity_series>(
        std::vector<intensity_step>{{t0, t0 + 3600, 3600, 500}, {t0 + 3600, t0 + 7200, 3600, 100}});
    const auto w = what_if(polish(), started_at{series, wall_time::from_unix_seconds(t0 + 1800)});
    REQUIRE(w);
    CHECK(w->co2e_after.grams() == approx(15 * 300));
    CHECK(states(w->changed.context.carbon.grid.source, "2025-01-01T00:30:00Z"));
    CHECK(w->changed.context.started.unix_seconds() == t0 + 1800);
    CHECK_FALSE(what_if(polish(), started_at{series, wall_time::from_unix_seconds(t0 + 5000)}));
    CHECK_FALSE(what_if(polish(), started_at{nullptr, {}}));
}

TEST_CASE("what if: invalid input is refused") {
    CHECK_FALSE(what_if(polish(), in_region{"Atlantis"}));
    CHECK_FALSE(what_if(polish(), at_pue{0.9}));
    CHECK_FALSE(what_if(polish(), at_intensity{0_g_per_kWh}));
    CHECK(what_if(polish(), at_intensity{10_g_per_kWh})->co2e_after.grams() == approx(150));
    CHECK(what_if(polish())->co2e_after == polish().co2e);
}

TEST_CASE("report carbon: emissions of scopes and the rest add up through every change") {
    const unsigned seed = std::random_device{}();
    CAPTURE(seed);
    std::mt19937 random(seed);
    const auto uniform = [&](double a, double b) {
        return std::uniform_real_distribution<>(a, b)(random);
    };
    const char* places[] = {"FR", "US-CA", "aws:eu-north-1", "CA-QC", "gcp:asia-east1"};
    for (int round = 0; round < 200; ++round) {
        report r = polish();
        r.scopes.clear();
        r.total = r.unscoped = energy::from_joules(uniform(1, 1e6));
        r.co2e = r.context.carbon.of(r.total);
        for (int i = 0; i < 8; ++i) {
            r.scopes.push_back(
                row("s" + std::to_string(i), energy::from_joules(uniform(1, 1e6)), 10, 1));
            r.scopes.back().co2e = r.context.carbon.of(r.scopes.back().total);
            r.total += r.scopes.back().total;
            r.co2e += r.scopes.back().co2e;
        }
        const auto w = what_if(r, at_pue{uniform(1, 2)}, in_region{places[random() % 5]},
                               at_pue{uniform(1, 2)});
        REQUIRE(w);
        emissions sum = w->changed.context.carbon.of(w->changed.unscoped);
        for (const scope_row& s : w->changed.scopes) sum += s.co2e;
        REQUIRE(sum.grams() == approx(w->co2e_after.grams()).epsilon(1e-12));
    }
}

TEST_CASE("report carbon: a report's footprint keeps the emissions by time of use") {
    report r = polish();
    r.co2e = 1234_g;
    CHECK(footprint_for(r).location.grams() == 1234);
    CHECK(footprint_for(r).facility.kilowatt_hours() == approx(15));
}

TEST_CASE("report carbon: SCI of a scope has its items, energy and share of embodied emissions") {
    report r = polish();
    r.context.carbon.embodied = {100_g, "server, 4 years"};
    const auto s = sci_score(r, "train");
    REQUIRE(s);
    const double operational = 8 * 1.5 * 614.98, embodied = 100 * 3000 / 3600.0;
    CHECK(s->per_unit.grams() == approx((operational + embodied) / 1000));
    CHECK(s->conformant());
    const std::string text = to_text(*s);
    CHECK(states(text, "CO2e per sample"));
    CHECK(states(text, "energy of cpu0/package on node1"));
    CHECK(states(text, "measured (rapl-powercap), by joulery 0.1.0, attribution shared"));
    sci_options whole;
    whole.whole_run = true;
    CHECK(sci_score(r, "train", whole)->per_unit.grams() ==
          approx((10 * 1.5 * 614.98 + 100) / 1000));
    CHECK_FALSE(sci_score(r, "serve"));
    r.scopes[0].items = 0;
    CHECK_FALSE(sci_score(r, "train"));
}

TEST_CASE("report carbon: concurrent threads share embodied emissions and never exceed them") {
    report r = polish();
    r.context.carbon.embodied = {100_g, "server"};
    r.scopes = {row("a", 1_kWh, 0, 3600), row("b", 1_kWh, 0, 3600), row("b/c", 1_kWh, 0, 1800, 1)};
    CHECK(embodied_for(r, r.scopes[0]).grams() == approx(50));
    CHECK(embodied_for(r, r.scopes[2]).grams() == approx(25));
}

TEST_CASE("report carbon: regions are ranked by the run's emissions, with the basis") {
    const std::string text = rank_regions(polish(), {}, 5);
    CHECK(states(text, "here: 9.22 kg CO2e, PUE 1.5"));
    CHECK(states(text, "   1  azure:norwayeast (Oslo)"));
    CHECK(states(text, "lifecycle, production"));
    CHECK(states(text, "not comparable with here or the places above"));
    report stated = polish();  // comparable with anything, but not with one another
    stated.context.carbon.intensity(614.98_g_per_kWh);
    CHECK(rank_regions(stated, {}, 5).substr(60).find("direct") >
          rank_regions(stated, {}, 5).substr(60).find("not comparable"));
}

TEST_CASE("what if: the same city in another cloud is not cleaner by another basis") {
    report r = polish();
    r.context.carbon = *carbon_for("aws:eu-west-3");
    r.co2e = r.context.carbon.of(r.total);
    const auto w = what_if(r, in_region{"gcp:europe-west9"});
    REQUIRE(w);
    CHECK(w->is_comparable());
    CHECK(w->co2e_after / w->co2e_before == approx(1.09 / 1.14));  // only the PUE
    CHECK(w->changed.context.carbon.grid.boundary == "lifecycle");
    REQUIRE(w->changed.context.carbon.alternatives.size() == 1);  // Google's own is shown beside it
    CHECK(w->changed.context.carbon.alternatives[0].boundary == "operational");
}

TEST_CASE("what if: factors with different definitions give no ratio") {
    const auto w = what_if(polish(), in_region{"aws:ca-central-1"});
    REQUIRE(w);
    CHECK_FALSE(w->is_comparable());
    CHECK(w->co2e_after.grams() == approx(10 * 1.19 * 1.9));  // the hypothetical figure is given
    CHECK(states(to_text(*w), "not comparable"));
    CHECK(to_text(*w).find("(x ") == std::string::npos);
    CHECK(what_if(polish(), at_intensity{50_g_per_kWh})->is_comparable());  // the user's own figure
}

TEST_CASE("what if: a refused figure is not listed as used, and the stated limit is right") {
    const auto below = what_if(polish(), at_intensity{carbon_intensity::from_grams_per_kwh(-1)});
    REQUIRE_FALSE(below);
    CHECK(below.error().reason ==
          "carbon intensity -1 g/kWh is not a number above zero and below a million");
    const auto huge = what_if(polish(), at_pue{1e7});
    REQUIRE_FALSE(huge);
    CHECK(huge.error().reason == "PUE 10000000 is not a number from 1 to 100");
}

TEST_CASE("what if: a small factor is printed in full, separate from what it changes") {
    const auto w = what_if(polish(), at_intensity{carbon_intensity::from_grams_per_kwh(0.012345)});
    REQUIRE(w);
    const std::string factor = format_significant(w->levers[0].factor, 3);
    REQUIRE(factor == "0.0000201");
    CHECK(to_text(*w).find("x " + factor + " ") != std::string::npos);
}
