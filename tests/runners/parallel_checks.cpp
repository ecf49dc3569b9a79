// Checks what a loop costs on a machine whose counter follows the processor time of all its
// processes: 10 J a second of it. A call spins for a millisecond of its own processor time, 10 mJ.
#include "joulery/assertions/checks.hpp"
#include "joulery/assertions/quiet_machine.hpp"
#include "joulery/backend.hpp"
#include "joulery/meter.hpp"

#include <memory>

using namespace joulery::literals;

namespace {

double busy_seconds_of_all() {
    joulery::cpu_times times;
    const std::string text = joulery::system_root{}.text("/proc/stat", 512);
    return joulery::parse_cpu_times(text, times) ? static_cast<double>(times.busy) / 100 : 0;
}

joulery::options shared_machine() {
    joulery::channel c;
    c.id = "machine/processors";
    c.update_period = std::chrono::milliseconds(10);
    c.joules_per_count = 1e-3;
    joulery::options o;
    o.backends.push_back(
        joulery::make_backend("processors", c, [] { return 10 * busy_seconds_of_all(); }));
    return o;
}

void spin() {
    const double until = joulery::testing::own_processor_seconds() + 0.001;
    while (joulery::testing::own_processor_seconds() < until) {
    }
}

}  // namespace

int main() {
    joulery::meter m{shared_machine()};
    joulery::measure_options o;
    o.max_time = std::chrono::seconds(1);
    const joulery::measurement cost = joulery::measure(m, spin, o);
    JOULERY_CHECK_ENERGY(cost, < 14_mJ);
    JOULERY_CHECK_ENERGY(cost, > 7_mJ);
    return joulery::testing::exit_code();
}
