// The meter of a program's checks, on a machine whose counter follows the processor time of all its
// processes: 10 J per second. Linked before the library, it replaces the library's own meter.
#include "joulery/assertions/measuring_meter.hpp"
#include "joulery/backend.hpp"
#include "joulery/detail/core/system_root.hpp"
#include "joulery/detail/metering/process_share.hpp"
#include "joulery/meter.hpp"

#include <chrono>
#include <string>

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

}  // namespace

joulery::meter& joulery::testing::measuring_meter() {
    static joulery::meter* const only = new joulery::meter(shared_machine());  // NOLINT: leaked
    return *only;
}
