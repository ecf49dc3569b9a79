// Measures a loop on the machine of shared_machine.cpp: a call spins for a millisecond of its own
// processor time, 10 mJ.
#include "joulery/assertions/checks.hpp"
#include "joulery/assertions/quiet_machine.hpp"

using namespace joulery::literals;

namespace {

void spin() {
    const double until = joulery::testing::own_processor_seconds() + 0.001;
    while (joulery::testing::own_processor_seconds() < until) {
    }
}

}  // namespace

int main() {
    const joulery::measurement cost = joulery::measure(spin);
    JOULERY_CHECK_ENERGY(cost, < 14_mJ);
    JOULERY_CHECK_ENERGY(cost, > 7_mJ);
    return joulery::testing::exit_code();
}
