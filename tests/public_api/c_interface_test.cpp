// c_interface_test.cpp - measurements by C programs through joulery.h.
#include "joulery/joulery.h"
#include "joulery/joulery.hpp"

#include <doctest/doctest.h>

#include <cstdio>
#include <string>

extern "C" {
int run_calls_of_c99(const char* file);
int run_calls_of_c11(const char* file);
void nest_wrongly_in_c99(void);
void nest_wrongly_in_c11(void);
}

namespace {
void start() {
    joulery::options o;
    o.backends = joulery::no_backends();
    joulery::start(std::move(o));
}

std::uint64_t calls_of(const char* path) {
    const joulery::report r = joulery::snapshot();
    const joulery::scope_row* row = r.find(path);
    return row != nullptr ? row->calls : 0;
}
}  // namespace

TEST_CASE("c interface: scopes nest, count items and go to a report file") {
    for (const auto run : {run_calls_of_c99, run_calls_of_c11}) {
        start();
        const std::string file = std::string(JOULERY_BINARY_DIR) + "/c_interface_test.json";
        std::remove(file.c_str());
        CHECK(run(file.c_str()) == 0);
        std::FILE* written = std::fopen(file.c_str(), "r");
        CHECK(written != nullptr);
        if (written != nullptr) std::fclose(written);
        const joulery::report r = joulery::snapshot();
        REQUIRE(r.find("train/step/forward") != nullptr);
        CHECK(r.find("train/step")->calls == 3);
        CHECK(r.find("train/step/forward")->calls == 3);
        CHECK(r.find("train/step/forward")->items == 96);
        CHECK(r.find("train/step/forward")->item_name == "sample");
        joulery::stop();
    }
}

TEST_CASE("c interface: a buffer with changed text, or an argument, names another scope") {
    start();
    (void)run_calls_of_c11("-");
    CHECK(calls_of("first") == 1);
    CHECK(calls_of("second") == 1);
    CHECK(calls_of("a") == 1);
    CHECK(calls_of("b") == 1);
    joulery::stop();
}

TEST_CASE("c interface: wrong nesting does no harm, and C++ scopes around it stay intact") {
    for (const auto nest : {nest_wrongly_in_c99, nest_wrongly_in_c11}) {
        start();
        {
            joulery::scope outer{"outer"};
            nest();
            joulery::scope inner{"inner"};
        }
        CHECK(calls_of("outer") == 1);
        CHECK(calls_of("outer/after") == 1);
        CHECK(calls_of("outer/inner") == 1);
        CHECK(calls_of("outer/(null)/deep") == 1);  // NULL is opened too: an end follows it
        joulery::stop();
    }
}

TEST_CASE("c interface: a report that can't be written returns an error number") {
    CHECK(joulery_write_report("/nowhere/at/all.json") != 0);
    CHECK(joulery_write_report(nullptr) != 0);
}
