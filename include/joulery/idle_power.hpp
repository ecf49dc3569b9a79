// joulery/idle_power.hpp - what the machine draws before the work begins.
// Layer 9. SPDX-License-Identifier: MIT
#pragma once

#include "joulery/core/config.hpp"
#include "joulery/core/units.hpp"

#include <chrono>

namespace joulery {
inline namespace v1 {

/// Mean power of the machine's summed channels over `time`, in which the caller does nothing.
///
/// Units:  watts. Thread: any; the calling thread sleeps. Cost: `time`, and opening the backends.
/// Fails:  0 W where nothing can be read. Other programs' work counts as idle power.
///
///     options o;
///     o.idle_power = measure_idle_power(std::chrono::seconds(1));
///     joulery::start(std::move(o));
[[nodiscard]] JOULERY_DECL power
measure_idle_power(std::chrono::nanoseconds time = std::chrono::seconds(1));

}  // namespace v1
}  // namespace joulery

#if JOULERY_BODIES()

#include "joulery/counters/reading.hpp"
#include "joulery/counters/system_root.hpp"
#include "joulery/defaults.hpp"
#include "joulery/engine/meter.hpp"
#include "joulery/engine/options.hpp"

#include <thread>
#include <utility>

namespace joulery {
inline namespace v1 {

JOULERY_DECL power measure_idle_power(std::chrono::nanoseconds time) {
    options o;
    o.backends = open_backends({}, system_root()).backends;
    meter m(std::move(o));
    const reading before = m.read();
    std::this_thread::sleep_for(time);
    return (m.read() - before).mean_power();
}

}  // namespace v1
}  // namespace joulery

#endif
