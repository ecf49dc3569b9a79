#define DOCTEST_CONFIG_IMPLEMENT_WITH_MAIN
#include <doctest/doctest.h>
//
#include "joulery/assertions/checks.hpp"

#define RUNNER_TEST(name) TEST_CASE(#name)
#include "runners/checks.hpp"

TEST_CASE("throwing") {
    (void)joulery::measure([]() -> int { throw std::runtime_error("oh no"); });
}
