#include "joulery/detail/session/environment.hpp"

#include "engine/child_process.hpp"
#include "engine/support.hpp"

#include <doctest/doctest.h>

#include <chrono>
#include <cstdio>
#include <map>
#include <string>
#include <vector>

using namespace joulery;
using namespace std::chrono_literals;
using engine_test::contains;

namespace {

struct applied {
    options o;
    detail::environment e;
    using pairs = std::map<std::string, std::string>;
    explicit applied(const pairs& variables, options before = {}) : o(std::move(before)) {
        e = detail::apply_environment(o, [&](const char* name) {
            const auto at = variables.find(name);
            return at != variables.end() ? at->second : std::string();
        });
    }
};

using pairs = applied::pairs;

}  // namespace

TEST_CASE("environment: an empty environment changes nothing") {
    options before;
    before.period = 7ms;
    before.reports = {"-"};
    const applied a(pairs{}, std::move(before));
    CHECK_FALSE(a.e.off);
    CHECK(a.e.backends.empty());
    CHECK(a.e.system_root.empty());
    CHECK(a.o.period == 7ms);
    CHECK(a.o.reports == std::vector<std::string>{"-"});
    CHECK(a.o.warnings.empty());
}

TEST_CASE("environment: on and off are words or digits, and anything else is reported") {
    CHECK(applied(pairs{{"JOULERY", "off"}}).e.off);
    CHECK(applied(pairs{{"JOULERY", "0"}}).e.off);
    CHECK_FALSE(applied(pairs{{"JOULERY", "on"}}).e.off);
    CHECK_FALSE(applied(pairs{{"JOULERY", "1"}}).e.off);
    CHECK(applied(pairs{{"JOULERY", "on"}}).o.warnings.empty());
    const applied odd(pairs{{"JOULERY", "maybe"}});
    CHECK_FALSE(odd.e.off);
    CHECK(contains(odd.o.warnings, "JOULERY=maybe is not understood"));
}

TEST_CASE("environment: the attribution is one of three words, and anything else is reported") {
    options before;
    before.attribution = attribution::inclusive;
    const applied other(pairs{{"JOULERY_ATTRIBUTION", "mine"}}, std::move(before));
    CHECK(other.o.attribution == attribution::inclusive);
    CHECK(contains(other.o.warnings, "JOULERY_ATTRIBUTION=mine is not understood"));
    CHECK(contains(other.o.warnings, "It stays inclusive"));
    for (const attribution a :
         {attribution::shared, attribution::inclusive, attribution::process}) {
        const applied one(pairs{{"JOULERY_ATTRIBUTION", std::string(to_text(a))}});
        CHECK(one.o.attribution == a);
        CHECK(one.o.warnings.empty());
    }
}

TEST_CASE("environment: a misspelt variable is named with the one that is meant") {
    using detail::meant_variable;
    CHECK(meant_variable("JOULERY_REGON") == "REGION");
    CHECK(meant_variable("JOULERY_REPORTS") == "REPORT");
    CHECK(meant_variable("JOULERY_PEU") == "");
    CHECK(meant_variable("JOULERY_PUES") == "PUE");
    for (const char* fine : {"JOULERY_REPORT", "JOULERY_PUE", "JOULERY_BASELINE", "JOULERY_HOME",
                             "JOULERY_BUILD_TESTS", "JOULERY_", "JOULERY", "PATH", "JOULERY_SEED"})
        CHECK(meant_variable(fine) == "");
    const auto child = engine_test::in_child(
        [] {
            options o;
            (void)detail::apply_environment(o);
            for (const std::string& w : o.warnings) std::printf("%s\n", w.c_str());
        },
        {{"JOULERY_REGON", "FR"}});
    CHECK(child.out == "JOULERY_REGON is set, but nothing reads it: JOULERY_REGION is meant?\n");
}

TEST_CASE("environment: lists may have blanks and empty parts; reports add to the program's") {
    options before;
    before.reports = {"own.csv"};
    const applied a(
        pairs{{"JOULERY_BACKENDS", " rapl-perf , nvml,,"}, {"JOULERY_REPORT", "-, run.json"}},
        std::move(before));
    CHECK(a.e.backends == std::vector<std::string>{"rapl-perf", "nvml"});
    CHECK(a.o.reports == std::vector<std::string>{"own.csv", "-", "run.json"});
    CHECK(applied(pairs{{"JOULERY_BACKENDS", " , "}}).e.backends.empty());
}

TEST_CASE("environment: a period needs a unit and must be positive") {
    CHECK(applied(pairs{{"JOULERY_PERIOD", "10ms"}}).o.period == 10ms);
    CHECK(applied(pairs{{"JOULERY_PERIOD", "2s"}}).o.period == 2s);
    for (const char* text : {"ten", "0ms", "-5ms", "10 parsecs", "nan"}) {
        CAPTURE(text);
        options before;
        before.period = 3ms;
        const applied a(pairs{{"JOULERY_PERIOD", text}}, std::move(before));
        CHECK(a.o.period == 3ms);
        CHECK(contains(a.o.warnings, std::string("JOULERY_PERIOD=") + text + " is not understood"));
    }
}

TEST_CASE("environment: checkpoints follow the stated period, and 0 turns them off") {
    CHECK(applied(pairs{}).o.checkpoint == 10s);
    CHECK(applied(pairs{{"JOULERY_CHECKPOINT", "2min"}}).o.checkpoint == 2min);
    CHECK(applied(pairs{{"JOULERY_CHECKPOINT", "0"}}).o.checkpoint == 0s);
    for (const char* text : {"often", "10", "-5s"}) {
        CAPTURE(text);
        const applied a(pairs{{"JOULERY_CHECKPOINT", text}});
        CHECK(a.o.checkpoint == 10s);
        CHECK(contains(a.o.warnings,
                       std::string("JOULERY_CHECKPOINT=") + text + " is not understood"));
    }
}

TEST_CASE("environment: place, intensity and PUE reach the carbon model") {
    const applied a(pairs{{"JOULERY_INTENSITY", "56"}, {"JOULERY_PUE", "1.1"}});
    CHECK(a.o.carbon.grid.intensity.grams_per_kwh() == 56);
    CHECK(a.o.carbon.pue == 1.1);
    CHECK_FALSE(a.o.carbon.grid.assumed);
    const applied odd(pairs{
        {"JOULERY_INTENSITY", "much"}, {"JOULERY_PUE", "0.5"}, {"JOULERY_REGION", "Atlantis"}});
    CHECK(odd.o.warnings.size() == 3);
    CHECK(odd.o.carbon.pue == 1);
    CHECK(odd.o.carbon.grid.assumed);
    CHECK(applied(pairs{{"JOULERY_SYSROOT", "/fake"}}).e.system_root == "/fake");
}
