// The JOULERY_* variables in a complete session, on a machine made of files.
#include "joulery/session.hpp"

#include "engine/child_process.hpp"
#include "engine/support.hpp"
#include "joulery/assertions/measuring_meter.hpp"
#include "joulery/macros.hpp"
#include "joulery/testing/fake_system.hpp"

#include <doctest/doctest.h>
#include <nlohmann/json.hpp>

#include <fcntl.h>
#include <sys/resource.h>
#include <unistd.h>

#include <chrono>
#include <cstdio>
#include <string>
#include <thread>
#include <utility>
#include <vector>

using namespace joulery;
using engine_test::child_result;
using engine_test::in_child;
using nlohmann::json;
using testing::fake_system;

namespace {

struct answer {
    child_result child;
    json report;
};

// The JSON report of a program with one scope, run with these variables.
answer report_under(std::vector<std::pair<std::string, std::string>> variables) {
    const engine_test::folder files;
    variables.emplace_back("JOULERY_REPORT", files.path("run.json"));
    answer a;
    a.child = in_child([] { JOULERY_SCOPE("work"); }, variables);
    a.report = json::parse(files.text("run.json"), nullptr, false);
    return a;
}

bool warns_of(const answer& a, const std::string& part) {
    for (const json& w : a.report["warnings"])
        if (w.get<std::string>().find(part) != std::string::npos) return true;
    return false;
}

fake_system& with_rapl(fake_system& machine) {
    return machine.powercap_zone("intel-rapl:0", "package-0", 1'000'000)
        .powercap_zone("intel-rapl:0:0", "core", 500'000)
        .powercap_zone("intel-rapl:0:1", "dram", 250'000);
}

std::vector<std::string> ids_of(const answer& a) {
    std::vector<std::string> ids;
    for (const json& c : a.report["channels"]) ids.push_back(c["id"]);
    return ids;
}

}  // namespace

TEST_CASE("environment: JOULERY_SYSROOT sets the machine that is measured") {
    fake_system machine;
    const answer a = report_under({{"JOULERY_SYSROOT", with_rapl(machine).path("")}});
    CHECK(a.child.exit_code == 0);
    CHECK(a.child.err.empty());
    CHECK(ids_of(a) == std::vector<std::string>{"cpu0/package", "cpu0/core", "cpu0/dram"});
    CHECK(a.report["channels"][0]["backend"] == "rapl-powercap");
    CHECK(a.report["channels"][1]["summed"] == false);
    CHECK(a.report["scopes"][0]["path"] == "work");
}

TEST_CASE("environment: JOULERY_BACKENDS=none measures only time") {
    fake_system machine;
    const answer a = report_under(
        {{"JOULERY_SYSROOT", with_rapl(machine).path("")}, {"JOULERY_BACKENDS", "none"}});
    CHECK(ids_of(a).empty());
    CHECK(a.report["scopes"][0]["calls"] == 1);
    CHECK(a.child.err.find(": times but no energy: JOULERY_BACKENDS=none\n") != std::string::npos);
}

TEST_CASE("environment: an unknown backend is reported with the known ones") {
    fake_system machine;
    const answer a = report_under({{"JOULERY_SYSROOT", with_rapl(machine).path("")},
                                   {"JOULERY_BACKENDS", "rapl-powercap,warp-core"}});
    CHECK(ids_of(a).size() == 3);
    CHECK(warns_of(a, "'warp-core'"));
    CHECK(warns_of(a, "known are "));
    CHECK(warns_of(a, "rapl-powercap"));
    CHECK(a.child.err.find("'warp-core'") != std::string::npos);
    CHECK(a.child.exit_code == 0);
}

TEST_CASE("environment: a requested backend that can't be opened gives its reason") {
    fake_system machine;
    machine.folder("/sys");
    const answer a = report_under(
        {{"JOULERY_SYSROOT", machine.path("")}, {"JOULERY_BACKENDS", "rapl-powercap"}});
    CHECK(ids_of(a).empty());
    CHECK(warns_of(a, "rapl-powercap: "));
    CHECK(a.child.err.find("rapl-powercap: ") != std::string::npos);
}

TEST_CASE("environment: invalid values are reported and the defaults used") {
    fake_system machine;
    const answer a = report_under({{"JOULERY_SYSROOT", with_rapl(machine).path("")},
                                   {"JOULERY", "perhaps"},
                                   {"JOULERY_PERIOD", "10 parsecs"},
                                   {"JOULERY_REGION", "Atlantis"},
                                   {"JOULERY_INTENSITY", "much"},
                                   {"JOULERY_PUE", "0.5"}});
    for (const char* value : {"perhaps", "10 parsecs", "Atlantis", "much", "0.5"}) {
        CAPTURE(value);
        CHECK(warns_of(a, value));
        CHECK(a.child.err.find(value) != std::string::npos);
    }
    CHECK(a.child.exit_code == 0);
    CHECK(ids_of(a).size() == 3);
    CHECK(a.report["context"]["carbon"]["pue"] == 1.0);
}

TEST_CASE("environment: region, intensity and PUE are in the report") {
    const answer france = report_under({{"JOULERY_REGION", "FR"}, {"JOULERY_BACKENDS", "none"}});
    CHECK(france.report["context"]["carbon"].dump().find("France") != std::string::npos);
    const answer stated = report_under(
        {{"JOULERY_INTENSITY", "56"}, {"JOULERY_PUE", "1.25"}, {"JOULERY_BACKENDS", "none"}});
    CHECK(stated.report["context"]["carbon"]["pue"] == 1.25);
    CHECK(stated.report["context"]["carbon"]["grid"]["intensity_g_per_kwh"] == 56);
    CHECK(stated.report["context"]["carbon"].dump().find("JOULERY_INTENSITY") != std::string::npos);
    CHECK(stated.child.err.find("JOULERY_INTENSITY") == std::string::npos);
}

TEST_CASE("environment: with only unknown backends requested, the defaults are used") {
    fake_system machine;
    const answer a = report_under(
        {{"JOULERY_SYSROOT", with_rapl(machine).path("")}, {"JOULERY_BACKENDS", "rapl-pwrcap"}});
    CHECK(ids_of(a) == std::vector<std::string>{"cpu0/package", "cpu0/core", "cpu0/dram"});
    CHECK(warns_of(a, "unknown backend 'rapl-pwrcap'"));
    CHECK(warns_of(a, "using the defaults"));
    CHECK(a.child.err.find("'rapl-pwrcap'") != std::string::npos);
}

TEST_CASE("environment: text on stderr contains no terminal codes and no line breaks") {
    const answer a = report_under({{"JOULERY", "\x1b[31mred\njoulery: all is well"}});
    CHECK(a.child.err.find("JOULERY=\\x1b[31mred\\x0ajoulery: all is well is not") !=
          std::string::npos);
    CHECK(a.child.err.find('\x1b') == std::string::npos);
}

TEST_CASE("environment: a JOULERY_SYSROOT that is not a folder is reported with the reason") {
    const engine_test::folder files;
    const answer a = report_under({{"JOULERY_SYSROOT", files.path("nowhere")}});
    CHECK(warns_of(a, files.path("nowhere") + ": No such file or directory"));
    CHECK(a.child.err.find("JOULERY_SYSROOT=") != std::string::npos);
    CHECK(a.child.exit_code == 0);
}

TEST_CASE("environment: a program at its limit of open files is warned of the consequences") {
    if (is_sanitized) return;  // its runtime opens a pipe to check pointers
    const engine_test::folder files;
    const child_result r = in_child(
        [] {
            const rlimit few{64, 64};
            ::setrlimit(RLIMIT_NOFILE, &few);
            std::vector<int> open;
            for (int fd; (fd = ::open("/dev/null", O_RDONLY)) >= 0;) open.push_back(fd);
            { JOULERY_SCOPE("work"); }
            for (const int fd : open) ::close(fd);
        },
        {{"JOULERY_BACKENDS", "estimate"}, {"JOULERY_REPORT", files.path("run.json")}});
    CHECK(r.err.find("no more files can be opened (Too many open files)") != std::string::npos);
    // And the estimate still knows its processors.
    const std::string report = files.text("run.json");
    CHECK(report.find(" " + std::to_string(std::thread::hardware_concurrency()) +
                      " hardware threads") != std::string::npos);
    CHECK(report.find("no more files can be opened") != std::string::npos);
}

TEST_CASE("environment: idle power is measured with the same backends as the run") {
    const child_result none = in_child(
        [] { std::printf("%g W", measure_idle_power(std::chrono::milliseconds(40)).watts()); },
        {{"JOULERY_BACKENDS", "none"}});
    CHECK(none.out == "0 W");
    // An unknown name leaves the defaults, here as well.
    const child_result misspelled =
        in_child([] { std::printf("%zu", testing::measuring_meter().channels().size()); },
                 {{"JOULERY_BACKENDS", "estmate"}});
    CHECK(misspelled.out != "0");
}
