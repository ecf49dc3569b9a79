// access.hpp - the one way for tests into what a meter keeps to itself.
// SPDX-License-Identifier: MIT
#pragma once

#include "joulery/detail/core/config.hpp"
#include "joulery/detail/timing/time_source.hpp"
#include "joulery/meter.hpp"

#include <cstdint>
#include <functional>
#include <memory>
#include <utility>

namespace joulery {
inline namespace v1 {

struct progress_figures;  // detail/session/progress_line.hpp

namespace testing {

/// What tests and test tools do with a meter beyond its public members.
///
///     options o;  access::set_clock(o, clock);
///     meter m{std::move(o)};  clock->advance(10ms);  access::sample(m);
struct access {
    /// The clock that the meter will run on; a manual one makes it start no thread.
    static void set_clock(options& o, std::shared_ptr<time_source> clock) {
        o.clock_ = std::move(clock);
    }
    [[nodiscard]] static std::shared_ptr<time_source> clock_of(const options& o) {
        return o.clock_;
    }
    /// For `attribution::process`: this process's share (0 to 1) of the machine's work since the
    /// last call, instead of its share of the processor time.
    static void set_process_share(options& o, std::function<double()> share) {
        o.process_share_ = std::move(share);
    }
    /// What timing a scope takes its thread, in ticks, instead of what is measured: on a manual
    /// clock that is 0, and every call is timed.
    static void set_scope_cost(options& o, double ticks) { o.scope_ticks_ = ticks; }
    /// On a manual clock: takes the samples that are due by now.
    JOULERY_DECL static void sample(meter& m);
    /// On a manual clock: the tick at which the next sample is due.
    [[nodiscard]] JOULERY_DECL static std::uint64_t next_due(const meter& m) noexcept;
    /// The run as of its last samples, as the progress line shows it; no counter is read for it.
    [[nodiscard]] JOULERY_DECL static progress_figures progress(meter& m);
    /// The meter's inside.
    [[nodiscard]] JOULERY_DECL static v1::detail::engine& engine_of(meter& m) noexcept;
    /// The calling thread's scopes in the meter.
    [[nodiscard]] static v1::detail::thread_cursor* cursor_in(meter& m) noexcept {
        return m.cursor_of_this_thread();
    }
};

}  // namespace testing
}  // namespace v1
}  // namespace joulery

#ifdef JOULERY_IMPLEMENTATION

#include "joulery/detail/session/meter_core.hpp"
#include "joulery/detail/session/progress_line.hpp"

namespace joulery {
inline namespace v1 {
namespace testing {

JOULERY_DECL void access::sample(meter& m) { m.core_->sample(); }
JOULERY_DECL std::uint64_t access::next_due(const meter& m) noexcept { return m.core_->next_due(); }
JOULERY_DECL progress_figures access::progress(meter& m) { return m.core_->glance(); }
JOULERY_DECL v1::detail::engine& access::engine_of(meter& m) noexcept {
    return m.core_->machinery();
}

}  // namespace testing
}  // namespace v1
}  // namespace joulery

#endif
