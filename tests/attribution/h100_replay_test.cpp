// How well the library attributes the energy of a real card's counter under a known load.
#include "attribution/h100_replay.hpp"

#include "approx.hpp"

#include <doctest/doctest.h>

#include <cstdio>
#include <string>

using namespace joulery;

namespace {

const std::string data = JOULERY_SOURCE_DIR "/tests/data/h100";

void print(const report& r) {
    std::printf(
        "| scope          | W      | +- (k = 2) | s      | method |\n|---|---|---|---|---|\n");
    for (const scope_row& row : r.scopes) {
        const double seconds = row.time.count();
        std::printf("| %-14s | %6.1f | %10.1f | %6.2f | %s |\n", row.path.c_str(),
                    row.total.joules() / seconds, row.uncertainty.joules() / seconds, seconds,
                    row.method.c_str());
    }
}

}  // namespace

TEST_CASE("h100 replay: joules and times match the recording") {
    h100_replay replay(data);
    const report r = replay.run();
    print(r);
    CHECK(r.total.joules() == approx(replay.joules()).epsilon(0.005));
    const std::pair<const char*, double> seconds[] = {
        {"matmul", 4}, {"matmul 400 ms", 2.8}, {"copy 5 ms", 2.5}};
    for (const auto& expected : seconds) {
        const char* const path = expected.first;
        const double time = expected.second;
        CAPTURE(path);
        REQUIRE(r.find(path) != nullptr);
        CHECK(r.find(path)->time.count() == approx(time).epsilon(0.02));
    }
    for (const char* path : {"matmul", "copy"}) {  // loads of seconds settle at once
        const double watts = path[0] == 'm' ? 563 : 361, spread = path[0] == 'm' ? 0.1 : 0.02;
        CHECK(r.find(path)->total.joules() / r.find(path)->time.count() ==
              approx(watts).epsilon(spread));
    }
}
