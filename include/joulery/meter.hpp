// meter.hpp - a meter of your own, with nothing process-wide about it.
// SPDX-License-Identifier: MIT
#pragma once

#include "joulery/channel.hpp"
#include "joulery/detail/core/config.hpp"
#include "joulery/options.hpp"
#include "joulery/reading.hpp"
#include "joulery/report.hpp"

#include <cstdint>
#include <memory>
#include <vector>

namespace joulery {
inline namespace v1 {

struct progress_figures;  // report/progress_line.hpp

namespace detail {
class engine;
class meter_core;
struct thread_cursor;
}  // namespace detail

/// Measures from its making to its end: backends, a sampler for each, and the scopes opened in it.
///
/// Thread: every member from any thread. Cost: a thread a backend, asleep but for some ten reads a
/// second. Fails: never; a backend that can't be read shows in the report, with the reason.
/// A meter without backends reports time and no energy.
///
///     meter m{std::move(options)};
///     reading a = m.read(); work(); energy e = (m.read() - a).total();
///     { joulery::scope s{m, "name"}; work(); }   report r = m.snapshot();
class meter {
 public:
    JOULERY_DECL explicit meter(options o);
    meter(const meter&) = delete;
    meter& operator=(const meter&) = delete;
    JOULERY_DECL ~meter();

    /// The state of all channels now. One read a backend; a channel that fails keeps its last
    /// state, and in a forked child all do.
    [[nodiscard]] JOULERY_DECL reading read();

    /// Everything up to this call, open scopes too.
    [[nodiscard]] JOULERY_DECL report snapshot();

    /// The run as of its last samples, for a status line: no counter is read for it. Emissions are
    /// at the mean intensity of the run so far.
    [[nodiscard]] JOULERY_DECL progress_figures glance();

    /// The channels of all backends, in the order of every list by channel.
    [[nodiscard]] JOULERY_DECL std::vector<channel> channels() const;
    [[nodiscard]] JOULERY_DECL const options& settings() const noexcept;

    /// On a manual clock: takes the samples that are due by now. Tests call it after moving time.
    JOULERY_DECL void poll();
    /// On a manual clock: the tick at which the next sample is due.
    [[nodiscard]] JOULERY_DECL std::uint64_t next_due() const noexcept;

    /// For `scope`: the calling thread's tree in this meter; null where nothing can be measured.
    [[nodiscard]] JOULERY_DECL detail::thread_cursor* cursor_of_this_thread() noexcept;

    /// For tests that look inside or play several threads.
    [[nodiscard]] JOULERY_DECL detail::engine& machinery() noexcept;

 private:
    const std::unique_ptr<detail::meter_core> core_;
};

}  // namespace v1
}  // namespace joulery

#ifdef JOULERY_IMPLEMENTATION

#include "joulery/detail/session/meter_core.hpp"
#include "joulery/progress_line.hpp"

#include <utility>

namespace joulery {
inline namespace v1 {

JOULERY_DECL meter::meter(options o) : core_(std::make_unique<detail::meter_core>(std::move(o))) {}
JOULERY_DECL meter::~meter() = default;
JOULERY_DECL reading meter::read() { return core_->read(); }
JOULERY_DECL report meter::snapshot() { return core_->snapshot(); }
JOULERY_DECL progress_figures meter::glance() { return core_->glance(); }
JOULERY_DECL std::vector<channel> meter::channels() const { return core_->channels(); }
JOULERY_DECL const options& meter::settings() const noexcept { return core_->settings(); }
JOULERY_DECL void meter::poll() { core_->poll(); }
JOULERY_DECL std::uint64_t meter::next_due() const noexcept { return core_->next_due(); }
JOULERY_DECL detail::thread_cursor* meter::cursor_of_this_thread() noexcept {
    return core_->cursor_of_this_thread();
}
JOULERY_DECL detail::engine& meter::machinery() noexcept { return core_->machinery(); }

}  // namespace v1
}  // namespace joulery

#endif
