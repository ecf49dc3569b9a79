#include "joulery/assertions/check_log.hpp"

#include <doctest/doctest.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <limits>
#include <nlohmann/json.hpp>
#include <string>
#include <thread>

using namespace joulery;
using namespace joulery::testing;

namespace {

const check_site here = {"m, < 2_mJ", "/repo/tests/conv.cpp", 12};

check_result checked(verdict v, const std::string& message) {
    return {v, message, "conv3x3", {2e-3, 1.9e-3, 2.1e-3}, "J/call"};
}

}  // namespace

TEST_CASE("check log: a summary counts the verdicts and says why checks were skipped") {
    check_log log;
    for (int i = 0; i < 12; ++i) log.add(checked(verdict::holds, ""), verdict::holds, here);
    log.add(checked(verdict::inconclusive, ""), verdict::inconclusive, here);
    CHECK(log.summary() == "energy: 12 held, 0 failed, 1 inconclusive, 0 skipped");
    const std::string why = "not measured: no energy counter can be read\n  to do: buy one";
    log.add(checked(verdict::skipped, why), verdict::skipped, here);
    log.add(checked(verdict::skipped, why), verdict::skipped, here);
    CHECK(log.summary() ==
          "energy: 12 held, 0 failed, 1 inconclusive, 2 skipped: no energy counter can be read");
    log.add(checked(verdict::skipped, "the time is used up"), verdict::skipped, here);
    CHECK(log.summary() ==
          "energy: 12 held, 0 failed, 1 inconclusive, 3 skipped: no energy counter "
          "can be read; and other reasons");
}

TEST_CASE("check log: each check is a line of JSON with its figures") {
    const check_result r = checked(verdict::fails, "2 mJ a call\n  to do: \"find\" it");
    const auto j = nlohmann::json::parse(testing::detail::to_json_line(r, r.outcome, here));
    CHECK(j["schema"] == "joulery-checks");
    CHECK(j["name"] == "conv3x3");
    CHECK(j["check"] == "m, < 2_mJ");
    CHECK(j["file"] == "/repo/tests/conv.cpp");
    CHECK(j["line"] == 12);
    CHECK(j["verdict"] == "fails");
    CHECK(j["value"] == 2e-3);
    CHECK(j["low"] == 1.9e-3);
    CHECK(j["high"] == 2.1e-3);
    CHECK(j["unit"] == "J/call");
    CHECK(j["message"] == r.message);
    check_result none{verdict::skipped, "not measured"};
    const auto skipped =
        nlohmann::json::parse(testing::detail::to_json_line(none, none.outcome, here));
    CHECK(skipped["name"] == "m, < 2_mJ");
    CHECK_FALSE(skipped.contains("value"));
    // Values that JSON can't express do not make it unreadable.
    check_result wide = r;
    wide.value.high = std::numeric_limits<double>::infinity();
    CHECK(nlohmann::json::accept(testing::detail::to_json_line(wide, wide.outcome, here)));
}

TEST_CASE("check log: checks of several threads and programs share a results file, line by line") {
    char path[] = "/tmp/joulery-results-XXXXXX";
    REQUIRE(::close(::mkstemp(path)) == 0);
    ::setenv("JOULERY_ENERGY_RESULTS", path, 1);
    check_log log, another;
    const auto write = [](check_log& to) {
        for (int i = 0; i < 100; ++i)
            to.add(checked(verdict::holds, std::string(500, 'x')), verdict::holds, here);
    };
    std::thread other([&] { write(another); });
    write(log);
    other.join();
    ::unsetenv("JOULERY_ENERGY_RESULTS");
    std::ifstream file(path);
    int lines = 0;
    for (std::string line; std::getline(file, line); ++lines) CHECK(nlohmann::json::accept(line));
    CHECK(lines == 200);
    std::remove(path);
}

TEST_CASE("check log: GitHub is notified of failed or inconclusive checks, at their line") {
    using testing::detail::github_annotation;
    const check_result r = checked(verdict::fails, "33 % above it\n  to do: find it");
    CHECK(github_annotation(r, verdict::fails, here, "/repo") ==
          "::error file=tests/conv.cpp,line=12,title=energy check fails::m, < 2_mJ: 33 %25 above "
          "it%0A  to do: find it\n");
    CHECK(github_annotation(r, verdict::inconclusive, here, "")
              .find("::warning file=/repo/tests/conv.cpp,line=12") == 0);
    CHECK(github_annotation(r, verdict::holds, here, "").empty());
    CHECK(github_annotation(r, verdict::skipped, here, "").empty());
    const check_site odd = {"m", "C:/a,b.cpp", 1};
    CHECK(github_annotation(r, verdict::fails, odd, "").find("file=C%3A/a%2Cb.cpp,") !=
          std::string::npos);
}

TEST_CASE("check log: checks under a sanitizer or valgrind are skipped with the reason") {
    CHECK(instrumentation("AddressSanitizer", "") == "AddressSanitizer");
    CHECK(instrumentation("",
                          "/usr/libexec/valgrind/vgpreload_core-amd64-linux.so:"
                          "/usr/libexec/valgrind/vgpreload_memcheck-amd64-linux.so") == "valgrind");
    CHECK(instrumentation("", "/usr/lib/rr/librrpreload.so") == "rr");
    CHECK(instrumentation("", "/usr/lib/libtcmalloc.so").empty());
    const testing::detail::final_check c =
        testing::detail::conclude(checked(verdict::fails, "too much"), here, "AddressSanitizer");
    CHECK(c.outcome == verdict::skipped);
    CHECK(c.text.find("the program runs under AddressSanitizer, so its energy is not") !=
          std::string::npos);
}

TEST_CASE("build key: contains the file's compiler, optimization and flags") {
    const std::string key = build_key(JOULERY_DETAIL_BUILD, JOULERY_DETAIL_INSTRUCTIONS);
    CAPTURE(key);
#if defined(__clang__)
    CHECK(key.find("clang " + std::to_string(__clang_major__)) == 0);
#else
    CHECK(key.find("gcc " + std::to_string(__GNUC__)) == 0);
#endif
#if defined(__OPTIMIZE__)
    CHECK(key.find(", optimized") != std::string::npos);
#else
    CHECK(key.find(", not optimized") != std::string::npos);
#endif
    CHECK(lacks_flags(key));  // this is not an energy test of CMake's
    CHECK_FALSE(lacks_flags("gcc 12, optimized, -O3"));
}

TEST_CASE("build key: contains the instruction sets that the compiler may use") {
    CHECK(build_key("gcc 12", "SSE3=1;AVX=1;AVX2=__AVX2__;SVE=__ARM_FEATURE_SVE;V=12000;") ==
          "gcc 12, SSE3 AVX V");
    CHECK(build_key("gcc 12", "SSE3=__SSE3__;") == "gcc 12");
    CHECK(build_key("gcc 12", "") == "gcc 12");
    const std::string sets = JOULERY_DETAIL_INSTRUCTIONS;
    CHECK(sets.find(";AVX2=") != std::string::npos);
#if defined(__AVX2__)
    CHECK(sets.find(";AVX2=1;") != std::string::npos);
#else
    CHECK(sets.find(";AVX2=__AVX2__;") != std::string::npos);
#endif
}
