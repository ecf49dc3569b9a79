// session.hpp - the process-wide meter: starts at the first scope, ends with the process.
// SPDX-License-Identifier: MIT
#pragma once

#include "joulery/detail/core/config.hpp"
#include "joulery/meter.hpp"
#include "joulery/report.hpp"
#include "joulery/scope.hpp"
#include "joulery/units.hpp"

#include <chrono>
#include <utility>

namespace joulery {
inline namespace v1 {

#if defined(__GNUC__) && !defined(_WIN32) && !defined(JOULERY_DISABLE)
/// Include this header in a program, or in a library that compiles the implementation. Without the
/// implementation the program does not link, and the name of the missing symbol says what to do.
/// Instrumented libraries include scope.hpp, span.hpp or joulery.h instead.
extern "C" void joulery_needs_define_JOULERY_IMPLEMENTATION_in_one_cpp_file();
namespace detail {
__attribute__((used)) inline void (*const bodies)() =
    &joulery_needs_define_JOULERY_IMPLEMENTATION_in_one_cpp_file;
}  // namespace detail
#endif

namespace enabled {

/// Starts the process-wide meter with options. Needed only to set some: otherwise the first scope
/// starts it. A run in progress is ended first, as by `stop()`.
///
/// Thread: any. Cost: opening the backends, milliseconds.
/// Fails:  never; what can't be read is in the report's warnings, with the command that would help.
///
///     joulery::options o;
///     o.reports = {"-"};
///     joulery::start(std::move(o));
JOULERY_DECL_OPTIONAL void start(options o = {});

/// Everything measured up to this call, including open scopes. After `stop()`: the last run's
/// report.
///
/// Thread: any; never blocks a scope. Cost: one read of each backend and a walk over the paths.
///
///     joulery::report r = joulery::snapshot();
///     std::cout << to_text(r);
[[nodiscard]] JOULERY_DECL_OPTIONAL report snapshot();

/// Ends the run and writes the reports requested by `options.reports` and `JOULERY_REPORT`. Scopes
/// after it do nothing. Called automatically when the process exits; a second call has no effect.
///
/// Thread: any. Cost: a read of each backend, and writing the reports. Fails: never; a report that
/// can't be written is reported on stderr.
JOULERY_DECL_OPTIONAL void stop();

/// Switches measuring on or off at run time. A scope that is switched off costs one relaxed load;
/// scopes that are open at that moment end as usual.
///
/// Thread: any. Cost: a store. Fails: never.
JOULERY_DECL_OPTIONAL void set_enabled(bool on);

/// Clears the progress line (`options.live`); it is drawn again within a quarter of a second. Call
/// it before the program prints to a terminal that shows the line.
///
/// Thread: any. Cost: a write to the terminal if there is a line, else a lock. Fails: never.
///
///     joulery::clear_live_line();
///     std::printf("epoch %d   loss %.4f\n", epoch, loss);
JOULERY_DECL_OPTIONAL void clear_live_line();

}  // namespace enabled

/// For files compiled with JOULERY_DISABLE. If other files of the program are measured these
/// functions work as usual; otherwise they do nothing, and no file needs the implementation.
namespace disabled {

inline void start(options o = {}) {
    if (detail::is_linked(&enabled::start)) enabled::start(std::move(o));
}
[[nodiscard]] inline report snapshot() {
    if (detail::is_linked(&enabled::snapshot)) return enabled::snapshot();
    report r;
    r.provenance = quality::partial;
    r.warnings.emplace_back("scopes are compiled out (JOULERY_DISABLE): nothing is measured");
    return r;
}
inline void stop() {
    if (detail::is_linked(&enabled::stop)) enabled::stop();
}
inline void set_enabled(bool on) {
    if (detail::is_linked(&enabled::set_enabled)) enabled::set_enabled(on);
}
inline void clear_live_line() {
    if (detail::is_linked(&enabled::clear_live_line)) enabled::clear_live_line();
}

}  // namespace disabled

#ifdef JOULERY_DISABLE
using disabled::clear_live_line;
using disabled::set_enabled;
using disabled::snapshot;
using disabled::start;
using disabled::stop;
#else
using enabled::clear_live_line;
using enabled::set_enabled;
using enabled::snapshot;
using enabled::start;
using enabled::stop;
#endif

/// Mean power of the machine's summed channels over `time`, during which the caller sleeps.
///
/// Opens the same backends as the process-wide meter, so JOULERY_BACKENDS and JOULERY_SYSROOT
/// apply.
///
/// Units:  watts. Thread: any; the calling thread sleeps. Cost: `time`, and opening the backends.
/// Fails:  0 W if nothing can be read. Work of other programs counts as idle power.
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
#include "joulery/detail/session/shared_session.hpp"
#include "joulery/detail/timing/library_section.hpp"

#include <optional>
#include <thread>
#include <utility>

namespace joulery {
inline namespace v1 {

/// The linker takes the implementation from an archive because of this symbol.
extern "C" JOULERY_DECL void joulery_needs_define_JOULERY_IMPLEMENTATION_in_one_cpp_file() {}

namespace detail {

/// The entry points of this copy of the implementation, used if it serves the process.
inline thread_cursor* tree_of_session() noexcept {
    if (inside_library || !scopes_enabled.load(std::memory_order_relaxed)) return nullptr;
    if (default_tree->is_a_tree()) return default_tree;
    const library_section inside;
    return process_meter::open_tree_of_thread();
}

inline void take_snapshot(report& r) {
    if (!catch_bad_alloc([&] { r = process_meter::instance().snapshot(); }))
        r = process_meter::instance().report_without_memory();
}

extern "C" JOULERY_HIDDEN_WEAK const session_entries joulery_session_entries = {
    session_layout{},
    [](options&& o) { process_meter::instance().start(std::move(o)); },
    take_snapshot,
    [] { process_meter::instance().stop(); },
    [](bool on) { process_meter::instance().set_enabled(on); },
    [] { process_meter::instance().clear_live_line(); },
    tree_of_session,
    install_slow_path,
};

/// Runs before main.
JOULERY_EXPORT inline const bool report_is_awaited =
    !is_served_elsewhere() && process_meter::await_report();

JOULERY_DECL thread_cursor* first_tree() noexcept {
    // The copies may share the variable (g++'s STB_GNU_UNIQUE), and this copy may be unloaded.
    if (is_served_elsewhere() && session().calls() != slow_path.load(std::memory_order_acquire))
        slow_path.store(borrowed_slow_path(), std::memory_order_release);
    return session().tree();
}

}  // namespace detail

namespace enabled {

JOULERY_DECL void start(options o) {
    (void)detail::catch_bad_alloc([&] { detail::session().start(std::move(o)); });
}
JOULERY_DECL report snapshot() {
    std::optional<report> r;  // even an empty one takes memory
    (void)detail::catch_bad_alloc([&] { detail::session().snapshot(r.emplace()); });
    if (r) return std::move(*r);
    return detail::process_meter::instance().report_without_memory();
}
JOULERY_DECL void stop() {
    (void)detail::catch_bad_alloc([] { detail::session().stop(); });
}
JOULERY_DECL void set_enabled(bool on) {
    (void)detail::catch_bad_alloc([on] { detail::session().set_enabled(on); });
}
JOULERY_DECL void clear_live_line() {
    (void)detail::catch_bad_alloc([] { detail::session().clear_live_line(); });
}

}  // namespace enabled

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
