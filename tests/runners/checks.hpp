// The same checks for every test framework: RUNNER_TEST(name) begins a test. Include this after the
// framework, then joulery/assertions/checks.hpp.
#include "testing/made_measurement.hpp"

#include "joulery/units.hpp"

#include <string>

using namespace joulery::literals;

namespace {

// 2 mJ a call, 95 %: 1.95 to 2.05 mJ.
inline joulery::measurement two_millijoules() {
    return measurement_of({1.9e-3, 2.0e-3, 2.1e-3, 1.95e-3, 2.05e-3, 1.98e-3, 2.02e-3, 2e-3});
}

inline joulery::measurement unmeasured() {
    joulery::measurement m;
    m.failure_reason = "no energy counter can be read";
    return m;
}

}  // namespace

RUNNER_TEST(holding) {
    const joulery::measurement m = two_millijoules();
    JOULERY_CHECK_ENERGY(m, < 3_mJ);
    JOULERY_CHECK_ENERGY(m, == joulery::between(1_mJ, 3_mJ));
    JOULERY_CHECK_ENERGY(m, < 4_W);
    JOULERY_CHECK_ENERGY(m.per_item(64), < 40_uJ);
}

RUNNER_TEST(failing) {
    const joulery::measurement m = two_millijoules();
    JOULERY_CHECK_ENERGY(m, < 1_mJ);
    JOULERY_CHECK_ENERGY(m, < 3_mJ);  // is reached
}

RUNNER_TEST(inconclusive) { JOULERY_CHECK_ENERGY(two_millijoules(), < 2_mJ); }

RUNNER_TEST(skipping) { JOULERY_CHECK_ENERGY(unmeasured(), < 2_mJ); }

RUNNER_TEST(baseline) { JOULERY_CHECK_ENERGY_BASELINE(two_millijoules(), "conv3x3"); }
