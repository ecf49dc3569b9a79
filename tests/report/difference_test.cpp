#include "joulery/report_io.hpp"

#include "approx.hpp"
#include "report/sample_report.hpp"

#include <doctest/doctest.h>

using namespace joulery;

namespace {
report at(double seconds_in, std::uint64_t calls, double joules) {
    report r;
    r.context.run_id = "run";
    r.context.started = wall_time::from_unix_seconds(1000);
    r.context.duration = seconds(seconds_in);
    channel_row c;
    c.total = energy::from_joules(2 * joules);
    c.unscoped = energy::from_joules(joules);
    c.tally.reads = calls;
    r.channels.push_back(c);
    scope_row row;
    row.name = row.path = "serve";
    row.calls = calls;
    row.time = seconds(seconds_in / 2);
    row.total = row.self = energy::from_joules(joules);
    row.by_channel = {row.total};
    row.uncertainty = row.total * 0.1;
    row.untimed_calls = calls / 2;
    row.time_uncertainty = seconds(joules * 0.01);
    row.items = 10.0 * static_cast<double>(calls);
    row.co2e = emissions::from_grams(joules);
    r.scopes.push_back(row);
    r.total = c.total;
    r.unscoped = c.unscoped;
    r.runs.push_back({"run", "machine", "", 1000, 1000 + seconds_in, {c.total}});
    return r;
}
}  // namespace

TEST_CASE("window: it is the later report minus the earlier one, in every sum") {
    const report w = difference(at(30, 7, 100), at(10, 4, 60));
    REQUIRE(w.scopes.size() == 1);
    const scope_row& row = w.scopes[0];
    CHECK(row.calls == 3);
    CHECK(row.untimed_calls == 1);  // 3 - 2
    CHECK(row.time_uncertainty.count() == approx(0.8));
    CHECK(row.items == 30);
    CHECK(row.time.count() == 10);
    CHECK(row.total.joules() == 40);
    CHECK(row.self.joules() == 40);
    CHECK(row.by_channel[0].joules() == 40);
    CHECK(row.co2e.grams() == 40);
    CHECK(row.uncertainty.joules() == 8);  // sqrt(10^2 - 6^2)
    CHECK(w.total.joules() == 80);
    CHECK(w.unscoped.joules() == 40);
    CHECK(w.channels[0].total.joules() == 80);
    CHECK(w.channels[0].tally.reads == 3);
    CHECK(w.context.started.unix_seconds() == 1010);
    CHECK(w.context.duration.count() == 20);
}

TEST_CASE("window: consecutive windows merged give the whole window") {
    const report a = at(0, 0, 0), b = at(10, 4, 60), c = at(30, 7, 100);
    const report sum = merge(difference(b, a), difference(c, b));
    CHECK(sum.scopes[0].calls == 7);
    CHECK(sum.scopes[0].untimed_calls == 3);
    CHECK(sum.scopes[0].time_uncertainty.count() == approx(1));
    CHECK(sum.total.joules() == 200);
    CHECK(sum.scopes[0].total.joules() == 100);
}

TEST_CASE("window: a row missing in the earlier report is in it completely") {
    report later = at(30, 7, 100);
    scope_row inner;
    inner.name = "inner";
    inner.path = "serve/inner";
    inner.parent = 0;
    inner.calls = 5;
    inner.by_channel = {energy()};
    later.scopes.push_back(inner);
    const report w = difference(later, at(10, 4, 60));
    CHECK(w.scopes[1].calls == 5);
    CHECK(w.scopes[0].calls == 3);
}

TEST_CASE("window: rows with the same path in different places stay separate") {
    report earlier = at(10, 4, 60), later = at(30, 7, 100);
    for (report* r : {&earlier, &later}) {
        scope_row nested = r->scopes[0];
        nested.parent = 0;
        nested.name = "b";
        nested.path = "serve/b";
        scope_row flat = r->scopes[0];
        flat.name = flat.path = "serve/b";
        flat.calls = 100;
        r->scopes.push_back(nested);
        r->scopes.push_back(flat);
    }
    later.scopes[2].calls = 150;
    const report w = difference(later, earlier);
    CHECK(w.scopes[1].calls == 3);
    CHECK(w.scopes[2].calls == 50);
}

TEST_CASE("window: another run's report subtracts nothing, and a warning says so") {
    report other = at(10, 4, 60);
    other.context.run_id = "another";
    const report w = difference(at(30, 7, 100), other);
    CHECK(w.scopes[0].calls == 7);
    REQUIRE(w.warnings.size() == 1);
    CHECK(w.warnings[0].find("not of this run") != std::string::npos);
}

TEST_CASE("window: read costs are subtracted, and added when merged, by backend name") {
    report early = at(10, 4, 60), late = at(30, 7, 100);
    early.overhead.attribution = seconds(0.25);
    late.overhead.attribution = seconds(1);
    early.overhead.reading = {{"nvml", 10, seconds(0.03), seconds(0.016), seconds(0.02)}};
    late.overhead.reading = {{"hwmon", 5, seconds(1e-3), seconds(1e-3), seconds(1e-3)},
                             {"nvml", 30, seconds(0.09), seconds(0.016), seconds(0.05)}};
    const report w = difference(late, early);
    CHECK(w.overhead.attribution.count() == approx(0.75));
    REQUIRE(w.overhead.reading.size() == 2);
    CHECK(w.overhead.reading[0].reads == 5);
    CHECK(w.overhead.reading[1].reads == 20);
    CHECK(w.overhead.reading[1].time.count() == approx(0.06));
    CHECK(w.overhead.reading[1].sampler.count() == approx(0.03));
    const report sum = merge(difference(early, at(0, 0, 0)), w);
    CHECK(sum.overhead.attribution.count() == approx(1));
    REQUIRE(sum.overhead.reading.size() == 2);
    for (const reading_cost& c : sum.overhead.reading) {
        if (c.backend != "nvml") continue;
        CHECK(c.reads == 30);
        CHECK(c.time.count() == approx(0.09));
        CHECK(c.longest.count() == 0.016);
    }
}
