#include "approx.hpp"
#include "joulery/detail/carbon/intensity_series.hpp"
#include "joulery/meter.hpp"
#include "joulery/scope.hpp"
#include "joulery/testing/simulated_machine.hpp"

#include <doctest/doctest.h>

#include <chrono>
#include <memory>
#include <vector>

using namespace joulery;
using namespace joulery::literals;
using namespace std::chrono_literals;
using testing::simulated_counter;
using testing::simulated_machine;

namespace {

/// 100 g/kWh for the first 100 s from now, then 500; unknown after 200 s.
std::shared_ptr<const intensity_over_time> night_and_noon() {
    const double now = wall_time::now().unix_seconds();
    return std::make_shared<intensity_series>(std::vector<intensity_step>{
        {now - 10, now + 100, 110, 100}, {now + 100, now + 200, 100, 500}});
}

}  // namespace

TEST_CASE("emissions: each scope is converted at its own time, and the parts add up") {
    simulated_machine machine;
    simulated_counter counter;
    counter.period = 1ms;
    options o = machine.options_with({counter});
    o.carbon = carbon_model{1_g_per_kWh, 1.5};
    o.carbon.series = night_and_noon();
    meter m{std::move(o)};
    machine.attach(m);
    machine.draw(100_W);
    {
        scope s{m, "night"};
        machine.run(80s);
    }
    machine.run(35s);
    {
        scope s{m, "noon"};
        machine.run(80s);
    }
    machine.run(1s);
    const report r = m.snapshot();
    const scope_row* night = r.find("night");
    const scope_row* noon = r.find("noon");
    REQUIRE(night != nullptr);
    REQUIRE(noon != nullptr);
    const double kwh = 8000 * 1.5 / 3.6e6;
    CHECK(night->co2e.grams() == approx(kwh * 100).epsilon(1e-3));
    CHECK(noon->co2e.grams() == approx(kwh * 500).epsilon(1e-3));
    const double whole = (100 * 100.0 + 96 * 500.0) * 100 * 1.5 / 3.6e6;
    CHECK(r.co2e.grams() == approx(whole).epsilon(1e-2));
    CHECK(r.context.carbon.of(r.total).grams() == approx(r.co2e.grams()));
    CHECK(r.warnings.empty());
    machine.run(20s);  // the series has ended
    const report late = m.snapshot();
    REQUIRE(late.warnings.size() == 1);
    CHECK(late.warnings[0].find("the intensity series covers 9") == 0);
}

TEST_CASE("emissions: a user's own meter rejects an impossible intensity or PUE and says so") {
    simulated_machine machine;
    options o = machine.options_with({simulated_counter{}});
    o.carbon = carbon_model{carbon_intensity::from_grams_per_kwh(-56), 0.5};
    o.carbon.market = contractual_intensity(carbon_intensity::from_grams_per_kwh(-3), "supplier");
    meter m{std::move(o)};
    machine.attach(m);
    machine.draw(100_W);
    machine.run(2s);
    const report r = m.snapshot();
    CHECK(r.co2e.grams() == approx(r.total.kilowatt_hours() * 472.94));
    CHECK_FALSE(r.context.carbon.market);
    CHECK(r.warnings.size() == 3);
}
