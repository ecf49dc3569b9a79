#include "joulery/assertions/baseline_check.hpp"

#include "joulery/assertions/device_models.hpp"
#include "joulery/testing/fake_system.hpp"

#include "testing/made_measurement.hpp"

#include <doctest/doctest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdio>
#include <fstream>
#include <nlohmann/json.hpp>
#include <random>
#include <sstream>
#include <string>
#include <thread>
#include <vector>

using namespace joulery;
using namespace joulery::testing;

namespace {

// A folder of its own that goes when the test ends.
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

energy_baseline baseline(std::vector<double> joules) {
    energy_baseline e;
    e.test = "conv3x3";
    e.recorded = "2026-11-23T00:00:00Z";
    e.joules_per_call = std::move(joules);
    return e;
}

const std::vector<double> ten = {1.00e-3, 1.01e-3, 0.99e-3, 1.02e-3, 0.98e-3,
                                 1.00e-3, 1.01e-3, 0.99e-3, 1.00e-3, 1.00e-3};
std::vector<double> times(std::vector<double> x, double k) {
    for (double& v : x) v *= k;
    return x;
}

}  // namespace

TEST_CASE("baseline: 10 % more is a regression, the same is not, less is not") {
    CHECK(judge_regression(measurement_of(times(ten, 1.1)), baseline(ten)).outcome ==
          verdict::fails);
    CHECK(judge_regression(measurement_of(ten), baseline(ten)).outcome == verdict::holds);
    CHECK(judge_regression(measurement_of(times(ten, 0.8)), baseline(ten)).outcome ==
          verdict::holds);
}

TEST_CASE("baseline: a sure difference below the least that matters does not fail") {
    CHECK(judge_regression(measurement_of(times(ten, 1.02)), baseline(ten)).outcome ==
          verdict::holds);
    CHECK(judge_regression(measurement_of(times(ten, 1.02)), baseline(ten), 0.01).outcome ==
          verdict::fails);
}

TEST_CASE("baseline: noise wide enough to hide a regression is inconclusive") {
    const std::vector<double> wild = {0.8e-3, 1.3e-3, 0.9e-3, 1.2e-3, 1.0e-3, 1.1e-3};
    const check_result r = judge_regression(measurement_of(wild), baseline(ten));
    CHECK(r.outcome == verdict::inconclusive);
    CHECK(says(r, "can't be told"));
}

TEST_CASE("baseline: a step of power in the middle is inconclusive, not a regression") {
    const measurement m = measurement_of(
        {1.00e-3, 1.01e-3, 0.99e-3, 1.00e-3, 1.00e-3, 1.20e-3, 1.21e-3, 1.19e-3, 1.20e-3, 1.2e-3});
    const check_result r = judge_regression(m, baseline(ten));
    CHECK(r.outcome == verdict::inconclusive);
    CHECK(says(r, "the level changed by 20 % at batch 6 of 10"));
}

TEST_CASE("baseline: of 10000 comparisons with no difference at most 6 % fail") {
    constexpr unsigned seed = 21;
    CAPTURE(seed);
    std::mt19937 random(seed);
    int failed = 0;
    for (int run = 0; run < 10'000; ++run) {
        const measurement now = measurement_of(noisy(random, 1e-3, 0.02, 10));
        const energy_baseline then = baseline(noisy(random, 1e-3, 0.02, 10));
        failed += judge_regression(now, then).outcome == verdict::fails ? 1 : 0;
    }
    CHECK(failed <= 600);
    MESSAGE("failed without a difference: ", failed, " of 10000");
}

TEST_CASE("baseline: of regressions by 5 % at 2 % noise at least 95 % are caught") {
    constexpr unsigned seed = 22;
    CAPTURE(seed);
    std::mt19937 random(seed);
    int caught = 0;
    for (int run = 0; run < 10'000; ++run) {
        const measurement now = measurement_of(noisy(random, 1.05e-3, 0.02, 10));
        const energy_baseline then = baseline(noisy(random, 1e-3, 0.02, 10));
        caught += judge_regression(now, then).outcome == verdict::fails ? 1 : 0;
    }
    CHECK(caught >= 9500);
    MESSAGE("caught of regressions by 5 %: ", caught, " of 10000");
}

TEST_CASE("baseline: a failure shows both intervals and what to do") {
    const check_result r = judge_regression(measurement_of(times(ten, 1.1)), baseline(ten));
    CHECK(says(r,
               "conv3x3: 1.1 mJ a call (95 %: 1.09 mJ to 1.11 mJ); baseline 1 mJ (95 %: 992 uJ "
               "to 1.01 mJ, 10 batches, 2026-11-23T00:00:00Z): +10 %, give or take 1.14 %: a "
               "regression"));
    CHECK(says(r, "1000 calls in 10 batches"));
    CHECK(says(r, "to do: find what became dearer, or accept it: JOULERY_BASELINE=update"));
}

TEST_CASE("baseline: missing ones are skipped, recorded when asked, then compared") {
    const folder f;
    const measurement m = measurement_of(ten);
    const check_result missing = check_baseline(m, "conv3x3", f.file(), baseline_mode::compare);
    CHECK(missing.outcome == verdict::skipped);
    CHECK(says(missing, "has no baseline for this machine"));
    CHECK(says(missing, "to do: record it: JOULERY_BASELINE=record"));
    CHECK(f.read().empty());
    const check_result made = check_baseline(m, "conv3x3", f.file(), baseline_mode::record);
    CHECK(made.outcome == verdict::holds);
    CHECK(says(made, "conv3x3: recorded in " + f.file()));
    const auto j = nlohmann::json::parse(f.read());
    CHECK(j["schema"] == "joulery-baselines");
    CHECK(j["baselines"][0]["test"] == "conv3x3");
    CHECK(j["baselines"][0]["calls"] == 1000);
    CHECK(j["baselines"][0]["joules_per_call"].size() == 10);
    CHECK(j["baselines"][0]["joules_per_call"][1] == 1.01e-3);
    const measurement more = measurement_of(times(ten, 1.2));
    CHECK(check_baseline(more, "conv3x3", f.file(), baseline_mode::compare).outcome ==
          verdict::fails);
    CHECK(check_baseline(more, "conv3x3", f.file(), baseline_mode::record).outcome ==
          verdict::fails);
    CHECK(check_baseline(more, "conv3x3", f.file(), baseline_mode::update).outcome ==
          verdict::holds);
    CHECK(check_baseline(more, "conv3x3", f.file(), baseline_mode::compare).outcome ==
          verdict::holds);
}

TEST_CASE("baseline: another machine and another test have baselines of their own") {
    const folder f;
    measurement m = measurement_of(ten);
    (void)check_baseline(m, "conv3x3", f.file(), baseline_mode::record);
    CHECK(check_baseline(m, "conv5x5", f.file(), baseline_mode::compare).outcome ==
          verdict::skipped);
    m.channel = "cpu0/package + cpu1/package";
    CHECK(check_baseline(m, "conv3x3", f.file(), baseline_mode::compare).outcome ==
          verdict::skipped);
    m.channel = "cpu0/package";
    CHECK(check_baseline(m, "conv3x3", f.file(), baseline_mode::compare).outcome == verdict::holds);
    m.devices = "1 x 10de:20b5";
    CHECK(check_baseline(m, "conv3x3", f.file(), baseline_mode::compare).outcome ==
          verdict::skipped);
    CHECK(machine_class("EPYC", "cpu0/package + gpu/GPU-4e81-aa/board", "1 x 10de:2330") ==
          "EPYC, cpu0/package + gpu/board, 1 x 10de:2330");
}

TEST_CASE("baseline: devices are known by their models, each once, whatever its channels") {
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
    channels[5].device = "pci:0000:99:00.0";  // of which the kernel tells nothing
    CHECK(device_models(channels, machine.root()) == "1 x 1002:744c, 2 x 10de:2330");
    CHECK(device_models({channels[0]}, machine.root()).empty());
}

TEST_CASE("baseline: a file that can't be understood fails the check and stays as it is") {
    const folder f;
    (void)check_baseline(measurement_of(ten), "conv3x3", f.file(), baseline_mode::record);
    const std::string good = f.read();
    const auto expect = [&](const std::string& text, const char* words) {
        f.write(text);
        for (const auto mode : {baseline_mode::compare, baseline_mode::update}) {
            const check_result r = check_baseline(measurement_of(ten), "conv3x3", f.file(), mode);
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
    edited.replace(edited.find("0.00101"), 7, "\"1 mJ\" ");
    expect(edited, "baseline 1 (conv3x3) at byte");
    expect(edited, "has something in joules_per_call that is no number");
    expect(R"({"schema": "joulery-baselines", "schema_version": 1, "baselines": [
        {"test": "a", "machine": "m", "build": "b", "joules_per_call": [1, 2]},
        {"test": "a", "machine": "m", "build": "b", "joules_per_call": [1, 2]}]})",
           "baseline 2 (a) at byte");
    expect(R"({"schema": "joulery-baselines", "schema_version": 1, "baselines": [{"test": 1}]})",
           "needs test, machine and build");
    expect(R"({"schema": "joulery-baselines", "schema_version": 1, "baselines": [7]})",
           "is not an object");
}

TEST_CASE("baseline: one that can't be written is a failure that names the folder") {
    const check_result r = check_baseline(measurement_of(ten), "conv3x3", "/proc/nowhere/b.json",
                                          baseline_mode::record);
    CHECK(r.outcome == verdict::fails);
    CHECK(says(r, "baseline not recorded in /proc/nowhere/b.json: No such file or directory"));
    CHECK(says(r, "JOULERY_BASELINE_FILE"));
}

TEST_CASE("baseline: a read-only folder is compared with as any other") {
    const folder f;
    (void)check_baseline(measurement_of(ten), "conv3x3", f.file(), baseline_mode::record);
    ::chmod(f.file().c_str(), 0400);
    ::chmod(f.path.c_str(), 0500);
    CHECK(
        check_baseline(measurement_of(ten), "conv3x3", f.file(), baseline_mode::compare).outcome ==
        verdict::holds);
    if (::geteuid() == 0) return;  // to whom nothing is read-only
    const check_result r =
        check_baseline(measurement_of(ten), "other", f.file(), baseline_mode::record);
    CHECK(r.outcome == verdict::fails);
    CHECK(says(r, "Permission denied"));
}

TEST_CASE("baseline: two writers at once lose nothing of each other's") {
    const folder f;
    const auto write = [&](const std::string& name) {
        for (int i = 0; i < 20; ++i) {
            energy_baseline e = baseline(ten);
            e.test = name + std::to_string(i);
            CHECK(put_baseline(f.file(), e));
        }
    };
    std::thread other([&] { write("a"); });
    write("b");
    other.join();
    const auto all = read_baselines(f.file());
    REQUIRE(all);
    CHECK(all->size() == 40);
}

TEST_CASE("baseline: a single batch is no sample") {
    const folder f;
    CHECK(check_baseline(measurement_of({1e-3}), "long", f.file(), baseline_mode::record).outcome ==
          verdict::skipped);
}
