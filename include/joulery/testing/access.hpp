// access.hpp - the only access of tests to the internals of a meter.
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

/// Operations on a meter that tests and test tools need beyond its public members.
///
///     options o;  access::set_clock(o, clock);
///     meter m{std::move(o)};  clock->advance(10ms);  access::sample(m);
struct access {
    /// Sets the meter's clock; with a manual clock the meter starts no thread.
    static void set_clock(options& o, std::shared_ptr<time_source> clock) {
        o.clock_ = std::move(clock);
    }
    [[nodiscard]] static std::shared_ptr<time_source> clock_of(const options& o) {
        return o.clock_;
    }
    /// For `attribution::process`: sets the function that returns this process's share (0 to 1) of
    /// the machine's work since the last call, instead of its share of processor time.
    static void set_process_share(options& o, std::function<double()> share) {
        o.process_share_ = std::move(share);
    }
    /// Sets the assumed cost of timing a scope, in ticks, instead of measuring it. With a manual
    /// clock the cost is 0 by default, and every call is timed.
    static void set_scope_cost(options& o, double ticks) { o.scope_ticks_ = ticks; }
    /// With a manual clock: takes the samples that are due.
    JOULERY_DECL static void sample(meter& m);
    /// With a manual clock: the tick of the next sample.
    [[nodiscard]] JOULERY_DECL static std::uint64_t next_due(const meter& m) noexcept;
    /// The run as of its last samples, as the progress line shows it; reads no counter.
    [[nodiscard]] JOULERY_DECL static progress_figures progress(meter& m);
    /// The engine of the meter.
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
