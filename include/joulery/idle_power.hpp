// idle_power.hpp - what the machine draws before the work begins.
// SPDX-License-Identifier: MIT
#pragma once

#include "joulery/detail/core/config.hpp"
#include "joulery/units.hpp"

#include <chrono>

namespace joulery {
inline namespace v1 {

/// Mean power of the machine's summed channels over `time`, in which the caller does nothing.
///
/// The machine and its backends are those of the process-wide meter: JOULERY_BACKENDS and
/// JOULERY_SYSROOT hold here too.
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

#ifdef JOULERY_IMPLEMENTATION

#include "joulery/detail/session/choose_backends.hpp"
#include "joulery/detail/session/environment.hpp"
#include "joulery/meter.hpp"
#include "joulery/options.hpp"
#include "joulery/reading.hpp"

#include <thread>
#include <utility>

namespace joulery {
inline namespace v1 {

JOULERY_DECL power measure_idle_power(std::chrono::nanoseconds time) {
    options o;
    const detail::environment env = detail::apply_environment(o);
    if (env.off) return {};
    (void)detail::choose_backends(o, env);
    meter m(std::move(o));
    const reading before = m.read();
    std::this_thread::sleep_for(time);
    return (m.read() - before).mean_power();
}

}  // namespace v1
}  // namespace joulery

#endif
