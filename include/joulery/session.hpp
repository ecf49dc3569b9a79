// session.hpp - the process-wide meter: starts at the first scope, ends with the process.
// SPDX-License-Identifier: MIT
#pragma once

#include "joulery/detail/core/config.hpp"
#include "joulery/options.hpp"
#include "joulery/report.hpp"
#include "joulery/scope.hpp"

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

}  // namespace v1
}  // namespace joulery

#ifdef JOULERY_IMPLEMENTATION

#include "joulery/detail/core/catch_bad_alloc.hpp"
#include "joulery/detail/session/process_meter.hpp"

#include <utility>

namespace joulery {
inline namespace v1 {

/// What a linker is told to look for, so that it takes the bodies from an archive.
extern "C" JOULERY_DECL void joulery_implementation() {}

JOULERY_DECL void start(options o) {
    (void)detail::catch_bad_alloc([&] { detail::process_meter::instance().start(std::move(o)); });
}
JOULERY_DECL report snapshot() { return detail::process_meter::instance().snapshot(); }
JOULERY_DECL void stop() {
    (void)detail::catch_bad_alloc([] { detail::process_meter::instance().stop(); });
}
JOULERY_DECL void set_enabled(bool on) {
    (void)detail::catch_bad_alloc([on] { detail::process_meter::instance().set_enabled(on); });
}

}  // namespace v1
}  // namespace joulery

#endif
