#include "joulery/assertions/baseline_check.hpp"

#include "approx.hpp"
#include "joulery/assertions/measure.hpp"
#include "joulery/testing/fake_system.hpp"
#include "testing/made_measurement.hpp"

#include <doctest/doctest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>
#include <fstream>
#include <nlohmann/json.hpp>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

using namespace joulery;
using namespace joulery::literals;
using namespace joulery::testing;

namespace {

// A folder that is removed when the test ends.
struct folder {
    folder() {
        char name[] = "/tmp/joulery-baselines-XXXXXX";
        path = ::mkdtemp(name);
    }
    ~folder() {
        ::chmod(path.c_str(), 0700);
        for (const char* file : {"/b.json", "/b.json.lock"}) std::remove((path + file).c_str());
        ::rmdir(path.c_str());
    }
    std::string file() const { return path + "/b.json"; }
    void write(const std::string& text) const { std::ofstream(file()) << text; }
    std::string read() const {
        std::ostringstream text;
        text << std::ifstream(file()).rdbuf();
        return text.str();
    }
    std::string path;
};

bool says(const check_result& r, const std::string& words) {
    return r.message.find(words) != std::string::npos;
}

baseline_run run_of(const measurement& m) {
    return {"2026-11-23T00:00:00Z", m.calls, testing::detail::mean_of(m)};
}

// One run of the same samples for each factor, scaled by it.
energy_baseline baseline(const std::vector<double>& factors);

const std::vector<double> ten = {1.00e-3, 1.01e-3, 0.99e-3, 1.02e-3, 0.98e-3,
                                 1.00e-3, 1.01e-3, 0.99e-3, 1.00e-3, 1.00e-3};
std::vector<double> times(std::vector<double> x, double k) {
    for (double& v : x) v *= k;
    return x;
}
const std::vector<double> five_runs = {1.000, 1.002, 0.999, 1.001, 0.998};

energy_baseline baseline(const std::vector<double>& factors) {
    energy_baseline e;
    e.test = "conv3x3";
    for (const double k : factors) e.runs.push_back(run_of(measurement_of(times(ten, k))));
    return e;
}

check_result check(const measurement& m, const folder& f, baseline_mode mode,
                   const std::string& test = "conv3x3", const std::string& build = "gcc 12") {
    return check_baseline(m, {f.file(), build, mode}, test);
}
verdict compared(double factor, const tolerance& limit = {}) {
    return judge_regression(measurement_of(times(ten, factor)), baseline(five_runs), limit).outcome;
}

}  // namespace

TEST_CASE("baseline: 10 % more is a regression; the same or less is not") {
    CHECK(compared(1.1) == verdict::fails);
    CHECK(compared(1.04) == verdict::fails);  // certainly more, but certainly less than 5 %
    CHECK(compared(1.0) == verdict::holds);
    CHECK(compared(0.8) == verdict::holds);
}

TEST_CASE("baseline: a certain difference below the minimum does not fail") {
    CHECK(compared(1.02) == verdict::holds);
    CHECK(compared(1.02, {0, 0.01, 0.01}) == verdict::fails);
}

TEST_CASE("baseline: its own tolerance decides which increase fails") {
    CHECK(compared(1.08, within(10_percent)) == verdict::holds);
    CHECK(compared(1.10, within(10_percent)) == verdict::inconclusive);
    CHECK(compared(1.20, within(10_percent)) == verdict::fails);
    CHECK(compared(1.20, within(50_percent)) == verdict::holds);
}

TEST_CASE("baseline: noise wide enough to hide a regression is inconclusive") {
    const std::vector<double> wild = {0.8e-3, 1.3e-3, 0.9e-3, 1.2e-3, 1.0e-3, 1.1e-3};
    const check_result r = judge_regression(measurement_of(wild), baseline(five_runs));
    CHECK(r.outcome == verdict::inconclusive);
    CHECK(says(r, "neither clearly above 0 % nor clearly below 5 %"));
}

TEST_CASE("baseline: a step of power in the middle is inconclusive, not a regression") {
    const measurement m = measurement_of(
        {1.00e-3, 1.01e-3, 0.99e-3, 1.00e-3, 1.00e-3, 1.20e-3, 1.21e-3, 1.19e-3, 1.20e-3, 1.2e-3});
    const check_result r = judge_regression(m, baseline(five_runs));
    CHECK(r.outcome == verdict::inconclusive);
    CHECK(says(r, "the level changed by 20 % at batch 6 of 10"));
}

TEST_CASE("baseline: a single run allows for an unknown spread, and says so") {
    const check_result r = judge_regression(measurement_of(times(ten, 1.1)), baseline({1.0}));
    CHECK(r.outcome == verdict::inconclusive);
    CHECK(says(r, "one run: the spread between runs is unknown, up to 5 % is allowed for"));
    CHECK(judge_regression(measurement_of(times(ten, 1.5)), baseline({1.0})).outcome ==
          verdict::fails);
}

TEST_CASE("baseline: an inconclusive result says how many runs would decide it") {
    // Two runs that differ little: more of them would decide.
    const check_result few =
        judge_regression(measurement_of(times(ten, 1.06)), baseline({1.0, 1.005}));
    INFO(few.message);
    CHECK(few.outcome == verdict::inconclusive);
    CHECK(
        says(few, "to do: a baseline of 5 runs would decide it, 3 more: JOULERY_BASELINE=update"));
    // Runs that differ by 4 %: no number of them separates 3 % from zero.
    const check_result wide = judge_regression(measurement_of(times(ten, 1.03)),
                                               baseline({1.0, 1.05, 0.95, 1.04, 0.97, 1.03}));
    CHECK(wide.outcome == verdict::inconclusive);
    CHECK(says(wide, "with this spread no baseline can decide it; within("));
    CHECK(says(wide, "uses_less_than()"));
}

TEST_CASE("baseline: with other load, a failure becomes inconclusive and a success stays") {
    measurement m = measurement_of(times(ten, 1.1));
    m.disturbance = "other processes used 30 % of the processor time";
    const check_result r = judge_regression(m, baseline(five_runs));
    CHECK(r.outcome == verdict::inconclusive);
    CHECK(says(r, "note: other processes used 30 %"));
    CHECK(says(r, "to do: run again on a quiet machine"));
    measurement same = measurement_of(ten);
    same.disturbance = m.disturbance;
    CHECK(judge_regression(same, baseline(five_runs)).outcome == verdict::holds);
    same.is_net = true;  // the other processes may have run while idle power was measured
    CHECK(judge_regression(same, baseline(five_runs)).outcome == verdict::inconclusive);
}

TEST_CASE("baseline: a failure shows the interval, the baseline, the change and what to do") {
    const check_result r = judge_regression(measurement_of(times(ten, 1.1)), baseline(five_runs));
    CHECK(says(r,
               "conv3x3: 1.1 mJ a call (95 %: 1.09 mJ to 1.11 mJ); baseline 1 mJ (5 runs that "
               "differ by "));
    CHECK(says(r, "%, 2026-11-23T00:00:00Z): +10 % (90 %: +8.9"));
    CHECK(says(r, "): a regression"));
    CHECK(says(r, "1000 calls in 10 batches"));
    CHECK(says(r, "to do: find the regression, or accept the cost: JOULERY_BASELINE=update"));
}

TEST_CASE("baseline: a failure says if a build's flags are unknown") {
    energy_baseline then = baseline(five_runs);
    const measurement more = measurement_of(times(ten, 1.1));
    then.build = "gcc 12, optimized, -O2";
    CHECK_FALSE(says(judge_regression(more, then), "flags are unknown"));
    then.build = build_key(JOULERY_DETAIL_BUILD, JOULERY_DETAIL_INSTRUCTIONS);
    CHECK(says(judge_regression(more, then),
               "the compiler's flags are unknown (define "
               "JOULERY_BUILD_FLAGS): another -O level"));
    CHECK_FALSE(says(judge_regression(measurement_of(ten), then), "flags are unknown"));
}

TEST_CASE("baseline: a missing one is skipped, recorded on request, then compared") {
    const folder f;
    const measurement m = measurement_of(ten);
    const check_result missing = check(m, f, baseline_mode::compare);
    CHECK(missing.outcome == verdict::skipped);
    CHECK(says(missing, "has no baseline for this machine"));
    CHECK(says(missing, "to do: record it: JOULERY_BASELINE=record"));
    CHECK(f.read().empty());
    const check_result made = check(m, f, baseline_mode::record);
    CHECK(made.outcome == verdict::holds);
    CHECK(says(made, "conv3x3: recorded in " + f.file() + " (run 1 of 10: 1 mJ a call"));
    const auto j = nlohmann::json::parse(f.read());
    CHECK(j["schema"] == "joulery-baselines");
    CHECK(j["baselines"][0]["test"] == "conv3x3");
    CHECK(j["baselines"][0]["build"] == "gcc 12");
    const auto run = j["baselines"][0]["runs"][0];
    CHECK(run["calls"] == 1000);
    CHECK(run["joules_per_call"].get<double>() == approx(1e-3));
    CHECK(run["standard_error"].get<double>() == approx(3.65e-6).epsilon(0.01));
    const measurement more = measurement_of(times(ten, 1.5));
    CHECK(check(more, f, baseline_mode::compare).outcome == verdict::fails);
    CHECK(check(more, f, baseline_mode::record).outcome == verdict::fails);
}

TEST_CASE("baseline: update adds runs and keeps the last ten") {
    const folder f;
    for (int i = 0; i < 13; ++i) {
        const double factor = 1 + 0.001 * i;
        CHECK(check(measurement_of(times(ten, factor)), f, baseline_mode::update).outcome ==
              verdict::holds);
    }
    const auto all = read_baselines(f.file());
    REQUIRE(all);
    REQUIRE(all->size() == 1);
    CHECK(all->front().runs.size() == 10);
    CHECK(all->front().runs.front().mean.joules == approx(1.003e-3));
    CHECK(all->front().runs.back().mean.joules == approx(1.012e-3));
}

TEST_CASE("baseline: update starts over if the cost has certainly changed") {
    const folder f;
    for (const double factor : five_runs)
        (void)check(measurement_of(times(ten, factor)), f, baseline_mode::update);
    const check_result r = check(measurement_of(times(ten, 1.2)), f, baseline_mode::update);
    CHECK(r.outcome == verdict::holds);
    CHECK(says(r, "(run 1 of 10, restarted: "));
    CHECK(read_baselines(f.file())->front().runs.size() == 1);
    CHECK(says(check(measurement_of(times(ten, 1.201)), f, baseline_mode::update), "run 2 of 10"));
    CHECK(says(check(measurement_of(times(ten, 0.6)), f, baseline_mode::update), "restarted"));
}

TEST_CASE("baseline: a disturbed or unsteady measurement is not recorded") {
    const folder f;
    measurement m = measurement_of(ten);
    m.disturbance = "another measurement ran at the same time";
    for (const auto mode : {baseline_mode::record, baseline_mode::update}) {
        const check_result r = check(m, f, mode);
        CHECK(r.outcome == verdict::inconclusive);
        CHECK(says(r, "not recorded: another measurement ran"));
    }
    m.disturbance.clear();
    m.steady = false;
    CHECK(check(m, f, baseline_mode::record).outcome == verdict::inconclusive);
    CHECK(f.read().empty());
}

TEST_CASE("baseline: another machine, build or test has its own baseline") {
    const folder f;
    measurement m = measurement_of(ten);
    for (int i = 0; i < 4; ++i) (void)check(m, f, baseline_mode::update);
    CHECK(check(m, f, baseline_mode::compare, "conv5x5").outcome == verdict::skipped);
    CHECK(check(m, f, baseline_mode::compare, "conv3x3", "gcc 12, AVX2").outcome ==
          verdict::skipped);
    m.channel = "cpu0/package + cpu1/package";
    CHECK(check(m, f, baseline_mode::compare).outcome == verdict::skipped);
    m.channel = "cpu0/package";
    CHECK(check(m, f, baseline_mode::compare).outcome == verdict::holds);
    m.devices = "1 x 10de:20b5";
    CHECK(check(m, f, baseline_mode::compare).outcome == verdict::skipped);
    CHECK(machine_class("EPYC", "cpu0/package + gpu/GPU-4e81-aa/board", "1 x 10de:2330") ==
          "EPYC, cpu0/package + gpu/board, 1 x 10de:2330");
}

TEST_CASE("baseline: each device is listed once by its model, whatever its channels") {
    fake_system machine;
    for (const char* slot : {"0000:65:00.0", "0000:66:00.0"}) {
        machine.file(std::string("/sys/bus/pci/devices/") + slot + "/vendor", "0x10de\n");
        machine.file(std::string("/sys/bus/pci/devices/") + slot + "/device", "0x2330\n");
    }
    machine.file("/sys/bus/pci/devices/0000:03:00.0/vendor", "0x1002\n");
    machine.file("/sys/bus/pci/devices/0000:03:00.0/device", "0x744c\n");
    std::vector<channel> channels(6);
    channels[0].device = "cpu-package:0";
    channels[1].device = "pci:0000:65:00.0";
    channels[2].device = "pci:0000:65:00.0";  // its memory
    channels[3].device = "pci:0000:66:00.0";
    channels[4].device = "pci:0000:03:00.0";
    channels[5].device = "pci:0000:99:00.0";  // unknown to the kernel
    CHECK(device_models(channels, machine.root()) == "1 x 1002:744c, 2 x 10de:2330");
    CHECK(device_models({channels[0]}, machine.root()).empty());
}

TEST_CASE("baseline: an unreadable file fails the check and stays unchanged") {
    const folder f;
    (void)check(measurement_of(ten), f, baseline_mode::record);
    const std::string good = f.read();
    const auto expect = [&](const std::string& text, const char* words) {
        f.write(text);
        for (const auto mode : {baseline_mode::compare, baseline_mode::update}) {
            const check_result r = check(measurement_of(ten), f, mode);
            INFO(r.message);
            CHECK(r.outcome == verdict::fails);
            CHECK(says(r, f.file() + ": "));
            CHECK(says(r, words));
            CHECK(says(r, "to do: "));
        }
        CHECK(f.read() == text);
    };
    expect(good.substr(0, good.size() / 2), "the text ends too early");
    expect("", "the text ends too early");
    expect("{}", "not a file of energy baselines");
    std::string newer = good;
    newer.replace(newer.find("\"schema_version\": 1"), 19, "\"schema_version\": 2");
    expect(newer, "written by a newer joulery (schema version 2, this one knows 1)");
    std::string edited = good;
    edited.replace(edited.find("standard_error"), 14, "standard_oops!");
    expect(edited, "baseline 1 (conv3x3) at byte");
    expect(edited, "has a run without joules_per_call and standard_error");
    const std::string head =
        R"({"schema": "joulery-baselines", "schema_version": 1, "baselines": [)";
    const std::string a = R"({"test": "a", "machine": "m", "build": "b",
        "runs": [{"joules_per_call": 1, "standard_error": 0.1}]})";
    expect(head + a + "," + a + "]}", "baseline 2 (a) at byte");
    expect(head + R"({"test": 1}]})", "needs test, machine and build");
    expect(head + R"({"test": "a", "machine": "m", "build": "b", "runs": []}]})", "needs runs");
    expect(head + "7]}", "is not an object");
}

TEST_CASE("baseline: a failed write is a failure that names the folder") {
    const check_result r = check_baseline(
        measurement_of(ten), {"/proc/nowhere/b.json", "gcc 12", baseline_mode::record}, "conv3x3");
    CHECK(r.outcome == verdict::fails);
    CHECK(says(r, "baseline not recorded in /proc/nowhere/b.json: No such file or directory"));
    CHECK(says(r, "JOULERY_BASELINE_FILE"));
}

TEST_CASE("baseline: a read-only folder can be compared with") {
    const folder f;
    for (int i = 0; i < 4; ++i) (void)check(measurement_of(ten), f, baseline_mode::update);
    ::chmod(f.file().c_str(), 0400);
    ::chmod(f.path.c_str(), 0500);
    CHECK(check(measurement_of(ten), f, baseline_mode::compare).outcome == verdict::holds);
    if (::geteuid() == 0) return;  // root may write everywhere
    const check_result r = check(measurement_of(ten), f, baseline_mode::record, "other");
    CHECK(r.outcome == verdict::fails);
    CHECK(says(r, "Permission denied"));
}

TEST_CASE("baseline: two writers at the same time lose no entry") {
    const folder f;
    const auto write = [&](const std::string& name) {
        for (int i = 0; i < 20; ++i) {
            energy_baseline e = baseline({1.0});
            e.test = name + std::to_string(i);
            CHECK(add_run(f.file(), e, false));
        }
    };
    std::thread other([&] { write("a"); });
    write("b");
    other.join();
    const auto all = read_baselines(f.file());
    REQUIRE(all);
    CHECK(all->size() == 40);
}

TEST_CASE("baseline: a single batch is not a sample") {
    const folder f;
    CHECK(check(measurement_of({1e-3}), f, baseline_mode::record).outcome == verdict::skipped);
}

TEST_CASE("baseline: a cost of zero has no relative change") {
    const check_result r = judge_regression(measurement_of(times(ten, -1)), baseline(five_runs));
    CHECK(r.outcome == verdict::inconclusive);
    CHECK(says(r, "no positive energy to compare"));
}
