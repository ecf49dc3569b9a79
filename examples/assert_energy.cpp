// assert_energy.cpp - energy as a test: a comparison, a budget, a range, without a test framework.
// With doctest, Catch2 or GoogleTest included first, the same lines report to it.
// SPDX-License-Identifier: MIT
#include <joulery/assertions/checks.hpp>
#include <joulery/joulery.hpp>

#include <algorithm>
#include <cstddef>
#include <vector>

int main() {
    using namespace joulery::literals;
    constexpr std::size_t n = 192;
    std::vector<float> a(n * n, 0.5f), b(n * n, 0.25f), c(n * n);

    const auto by_rows = [&] {  // the inner loop walks along rows of b and c
        std::fill(c.begin(), c.end(), 0.0f);
        for (std::size_t i = 0; i < n; ++i)
            for (std::size_t k = 0; k < n; ++k)
                for (std::size_t j = 0; j < n; ++j) c[i * n + j] += a[i * n + k] * b[k * n + j];
        return c[0];
    };
    const auto by_columns = [&] {  // the inner loop walks down a column of b
        for (std::size_t i = 0; i < n; ++i)
            for (std::size_t j = 0; j < n; ++j) {
                float sum = 0;
                for (std::size_t k = 0; k < n; ++k) sum += a[i * n + k] * b[k * n + j];
                c[i * n + j] = sum;
            }
        return c[0];
    };

    // In turns, so that other work on the machine affects both: for any machine.
    JOULERY_CHECK_ENERGY(joulery::uses_less_than(by_rows, by_columns, 0.9));

    // In joules, for one particular machine:
    const auto m = joulery::measure(by_rows);
    JOULERY_CHECK_ENERGY(m, < 2_J);                           // a call
    JOULERY_CHECK_ENERGY(m, == joulery::between(1_uJ, 2_J));  // a range
    JOULERY_CHECK_ENERGY(m.per_item(n * n), < 100_uJ);        // an element
    return joulery::testing::exit_code();  // 1: a check failed, 77: nothing could be measured
}
