// session.hpp - the process-wide meter: starts at the first scope, ends with the process.
// SPDX-License-Identifier: MIT
#pragma once

#include "joulery/detail/core/config.hpp"
#include "joulery/meter.hpp"
#include "joulery/report.hpp"
#include "joulery/scope.hpp"
#include "joulery/units.hpp"

#include <chrono>

namespace joulery {
inline namespace v1 {

/// Starts the process-wide meter with options. Needed only to set some: the first scope starts it
/// anyway. A run under way ends first, as by `stop()`.
///
/// Thread: any. Cost: opening the backends, milliseconds. Fails: never; what can't be read is in
/// the report's warnings with the line that would help.
///
///     joulery::options o;
///     o.reports = {"-"};
///     joulery::start(std::move(o));
JOULERY_DECL void start(options o = {});

/// Everything measured up to this call, open scopes too. After `stop()` the report of the last run.
///
/// Thread: any; never blocks a scope. Cost: one read of each backend and a walk over the paths.
///
///     joulery::report r = joulery::snapshot();
///     std::cout << to_text(r);
[[nodiscard]] JOULERY_DECL report snapshot();

/// Ends the run and writes the reports that `options.reports` and `JOULERY_REPORT` ask for. Scopes
/// after it do nothing. Called by itself when the process exits; calling it twice changes nothing.
JOULERY_DECL void stop();

/// The run-time switch. Off, a scope costs one relaxed load; scopes open at that moment end as
/// usual.
JOULERY_DECL void set_enabled(bool on);

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

#include "joulery/detail/core/catch_bad_alloc.hpp"
#include "joulery/detail/session/c_interface.hpp"
#include "joulery/detail/session/choose_backends.hpp"
#include "joulery/detail/session/environment.hpp"
#include "joulery/detail/session/process_meter.hpp"

#include <optional>
#include <thread>
#include <utility>

namespace joulery {
inline namespace v1 {

/// What a linker is told to look for, so that it takes the bodies from an archive.
extern "C" JOULERY_DECL void joulery_implementation() {}

JOULERY_DECL void start(options o) {
    (void)detail::catch_bad_alloc([&] { detail::process_meter::instance().start(std::move(o)); });
}
JOULERY_DECL report snapshot() {
    std::optional<report> r;
    (void)detail::catch_bad_alloc([&r] { r = detail::process_meter::instance().snapshot(); });
    return r ? std::move(*r) : detail::process_meter::instance().report_without_memory();
}
JOULERY_DECL void stop() {
    (void)detail::catch_bad_alloc([] { detail::process_meter::instance().stop(); });
}
JOULERY_DECL void set_enabled(bool on) {
    (void)detail::catch_bad_alloc([on] { detail::process_meter::instance().set_enabled(on); });
}

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
