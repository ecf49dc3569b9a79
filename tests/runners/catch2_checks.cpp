#define CATCH_CONFIG_MAIN
#if __has_include(<catch2/catch.hpp>)
#include <catch2/catch.hpp>
#else
#include <catch2/catch_test_macros.hpp>
#endif
//
#include "joulery/assertions/checks.hpp"

#define RUNNER_TEST(name) TEST_CASE(#name)
#include "runners/checks.hpp"

TEST_CASE("throwing") {
    (void)joulery::measure([]() -> int { throw std::runtime_error("oh no"); });
}
