#define CATCH_CONFIG_ENABLE_BENCHMARKING  // as in catch2_main.cpp
#include <catch2/catch.hpp>
//
#include "joulery/assertions/checks.hpp"

#define RUNNER_TEST(name) TEST_CASE(#name)
#include "runners/checks.hpp"

TEST_CASE("throwing") {
    (void)joulery::measure([]() -> int { throw std::runtime_error("oh no"); });
}
