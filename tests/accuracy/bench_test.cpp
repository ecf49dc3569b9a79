// The bench itself: true energies add up to the machine's, and missed goals are reported.
#include "accuracy/conditions.hpp"
#include "accuracy/figures.hpp"
#include "accuracy/thread_conditions.hpp"
#include "approx.hpp"

#include <doctest/doctest.h>

#include <cmath>
#include <limits>
#include <random>
#include <set>
#include <string>
#include <utility>

namespace {

const double unknown = std::numeric_limits<double>::quiet_NaN();

scope_figure figure(double truth, double joulery, double bar) {
    return {truth, 3 * truth, 2 * truth, joulery, bar, truth};
}

}  // namespace

TEST_CASE("accuracy bench: the scopes and the rest add up to the machine's energy") {
    for (const thread_condition& c : accuracy_conditions::all_threads()) {
        CAPTURE(c.name);
        std::mt19937_64 random(5);
        thread_program p = c.program(random);
        if (p.attribution == joulery::attribution::inclusive) continue;  // counts joules twice
        p.duration = 2;
        const thread_outcome o = thread_player(std::move(p), 5).run();
        double sum = o.outside.truth;
        for (const scope_figure& f : o.scopes) sum += f.truth;
        for (const scope_figure& f : o.waiting) sum += f.truth;  // of moments in which all wait
        CHECK(sum == approx(o.total.truth).epsilon(0.02));       // shown with the counter's delay
        CHECK(o.scopes.size() >= 2);
    }
}

TEST_CASE("accuracy bench: sharing by time distributes all the energy that was shown") {
    for (const accuracy_condition& c : accuracy_conditions::all()) {
        if (c.scopes > 4) continue;
        simulated_program p = c.program(1, 5e-3);
        p.duration = 0.3;
        double truth = 0, share = 0;
        for (const scope_figure& f : run(p, 1)) truth += f.truth, share += f.by_share;
        CAPTURE(c.name);
        // A slow counter has not shown the last part yet.
        CHECK(share <= truth * 1.05);
        if (p.machine.counters[0].period <= std::chrono::milliseconds(1) &&
            p.machine.counters[0].stall.count() == 0)
            CHECK(share >= truth * 0.8);
    }
}

TEST_CASE("accuracy bench: every condition has a unique name") {
    std::set<std::string> names;
    for (const accuracy_condition& c : accuracy_conditions::all())
        CHECK_MESSAGE(names.insert(c.name).second, c.name);
    for (const thread_condition& c : accuracy_conditions::all_threads())
        CHECK_MESSAGE(names.insert(c.name).second, c.name);
}

TEST_CASE("accuracy bench: a goal is judged by its worst part") {
    error_summary e;
    for (int i = 0; i < 8; ++i) e.add(figure(100, 101, 2));
    e.add(figure(100, 110, 2));
    e.add(figure(100, 130, 2));
    CHECK(e.median() == approx(1));
    CHECK(e.worst() == approx(30));
    CHECK(e.cover() == approx(80));
    accuracy_goal g;
    g.cover = 80;
    CHECK(g.missed_by(e) <= 1);
    g.cover = 90;
    CHECK(g.missed_by(e) == approx(2));
    g.cover = 0;
    g.median = 0.5;
    CHECK(g.missed_by(e) == approx(2));
    g.worst = 3;
    CHECK(g.missed_by(e) == approx(10));
    accuracy_goal as_good;
    as_good.cover = 0;
    as_good.as_good_as_sharing = true;  // that is 100 % off
    CHECK(as_good.missed_by(e) < 1);
    for (int i = 0; i < 20; ++i) e.add(figure(100, 400, 2));
    CHECK(as_good.missed_by(e) > 2);
}

TEST_CASE("accuracy bench: missing figures are skipped, and an absent error bar covers nothing") {
    error_summary e;
    e.add({10, unknown, unknown, 11, unknown, 10});
    CHECK(std::isnan(e.edges_median()));
    CHECK(std::isnan(e.share_worst()));
    CHECK(std::isnan(e.cover()));
    CHECK(accuracy_goal{}.missed_by(e) <= 1);
    e.add({10, unknown, unknown, 11, 0, 10});
    CHECK(e.cover() == 0);
    e.add({0, 1, 1, 1, 1, 0});  // nothing to be relative to
    CHECK(e.size() == 2);
}
