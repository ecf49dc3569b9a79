#include <gtest/gtest.h>
//
#include "joulery/assertions/checks.hpp"

#define RUNNER_TEST(name) TEST(energy, name)
#include "runners/checks.hpp"

TEST(energy, throwing) {
    (void)joulery::measure([]() -> int { throw std::runtime_error("oh no"); });
}
