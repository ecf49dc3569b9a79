// Limits of a user's environment in a program with more rights than that user.
#include "joulery/detail/core/environment_variable.hpp"
#include "joulery/macros.hpp"
#include "joulery/session.hpp"
#include "joulery/testing/fake_system.hpp"

#include "backends/fake_library.hpp"
#include "engine/child_process.hpp"

#include <doctest/doctest.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <sstream>
#include <string>

#include <sys/stat.h>
#include <unistd.h>

using namespace joulery;
using engine_test::child_result;
using engine_test::in_child;

namespace {

bool contains(const std::string& text, const std::string& part) {
    return text.find(part) != std::string::npos;
}

// A machine with NVIDIA's driver and a planted library.
void put_card(testing::fake_system& machine) {
    machine.powercap_zone("intel-rapl:0", "package-0", 1'000'000);
    machine.file("/proc/driver/nvidia/version", "NVRM version: NVIDIA UNIX x86_64\n");
    machine.folder("/usr/lib");
    std::filesystem::copy_file(fake_library_path("libnvidia-ml"),
                               machine.path("/usr/lib/libnvidia-ml.so.1"));
}

// A program with one scope; prints what the environment made it do.
void measured_program() {
    { JOULERY_SCOPE("work"); }
    const report r = snapshot();
    std::ostringstream maps;
    maps << std::ifstream("/proc/self/maps").rdbuf();
    std::printf("more rights: %d\n", detail::has_more_rights_than_user() ? 1 : 0);
    std::printf("library loaded: %d\n", contains(maps.str(), "libnvidia-ml") ? 1 : 0);
    std::printf("fake machine: %d\n", r.find_channel("cpu0/package") != nullptr ? 1 : 0);
    std::exit(0);
}

}  // namespace

TEST_CASE("privileges: JOULERY_SYSROOT decides which files are read, never which code is loaded") {
    testing::fake_system machine;
    put_card(machine);
    const child_result r = in_child(measured_program, {{"JOULERY_SYSROOT", machine.path("")}});
    CHECK(contains(r.out, "fake machine: 1"));
    CHECK(contains(r.out, "library loaded: 0"));
}

TEST_CASE("privileges: a setuid program ignores the environment") {
    if (std::getenv("JOULERY_TEST_SETUID") != nullptr) return measured_program();
    if (::geteuid() != 0) {
        MESSAGE("skipped: only root can make a setuid program");
        return;
    }
    const engine_test::folder place;
    testing::fake_system machine;
    put_card(machine);
    const std::string program = place.path("program"), report_file = place.path("report.json");
    std::filesystem::copy_file("/proc/self/exe", program);
    std::ofstream(report_file) << "root's own";
    REQUIRE(::chmod(place.path("").c_str(), 0755) == 0);
    REQUIRE(::chmod(program.c_str(), 04755) == 0);
    const child_result r = in_child(
        [&] {
            engine_test::must(::setgid(777) == 0 && ::setuid(777) == 0, "gives up root");
            ::execl(program.c_str(), program.c_str(), "-tc=privileges: a setuid program*", nullptr);
        },
        {{"JOULERY_TEST_SETUID", "1"},
         {"JOULERY_SYSROOT", machine.path("")},
         {"JOULERY_REPORT", report_file}});
    if (!contains(r.out, "more rights: 1")) {
        CHECK(contains(r.out, "more rights: 0"));
        MESSAGE("skipped: no setuid programs on the file system of " << program);
        return;
    }
    CHECK(contains(r.out, "library loaded: 0"));
    CHECK(contains(r.out, "fake machine: 0"));
    CHECK(place.text("report.json") == "root's own");
    CHECK(contains(r.err, "joulery: JOULERY_REPORT is ignored"));
}
