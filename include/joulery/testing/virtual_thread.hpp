// virtual_thread.hpp - a thread simulated by a test, so that interleavings are exact.
// SPDX-License-Identifier: MIT
#pragma once

#include "joulery/detail/session/engine.hpp"
#include "joulery/detail/session/scope_ends.hpp"
#include "joulery/detail/timing/thread_context.hpp"
#include "joulery/meter.hpp"
#include "joulery/testing/access.hpp"

#include <atomic>
#include <cstdint>
#include <memory>
#include <utility>

namespace joulery {
inline namespace v1 {
namespace testing {

namespace detail {

/// The processor time of a simulated thread: all time that passes while it is busy.
class played_processor_time {
 public:
    explicit played_processor_time(std::shared_ptr<time_source> clock)
        : clock_(std::move(clock)), since_(clock_->now()) {}
    void busy(bool is_busy) noexcept {
        ticks_ = ticks();
        since_ = clock_->now();
        is_busy_ = is_busy;
    }
    [[nodiscard]] double seconds() const noexcept {
        return static_cast<double>(ticks()) * clock_->seconds_per_tick();
    }

 private:
    [[nodiscard]] std::uint64_t ticks() const noexcept {
        return is_busy_ ? ticks_ + (clock_->now() - since_) : ticks_;
    }
    std::shared_ptr<time_source> clock_;
    std::uint64_t ticks_ = 0, since_;
    bool is_busy_ = true;
};

}  // namespace detail

/// A simulated thread: scopes opened in it nest as on a thread of their own. Several of them on one
/// real thread produce any interleaving, reproducibly. With a manual clock the test also decides
/// when it uses a processor; by default it always does.
///
/// Thread: one. Cost: that of a thread's scopes. Fails: never.
///
///     virtual_thread worker{m};
///     { joulery::scope a{worker, "forward"};  machine.run(1ms); }
///     { joulery::scope w{worker, "wait"};  worker.busy(false);  machine.run(1ms);
///       worker.busy(true); }
class virtual_thread final : public scope_owner {
 public:
    explicit virtual_thread(meter& m) : tree_(access::engine_of(m).add_tree()) {
        const std::shared_ptr<time_source> clock = access::clock_of(m.settings());
        if (clock == nullptr || !clock->is_manual()) return;  // then a sampler reads it meanwhile
        time_ = std::make_shared<detail::played_processor_time>(clock);
        tree_->processor_time = [time = time_] { return time->seconds(); };
    }
    virtual_thread(const virtual_thread&) = delete;
    virtual_thread& operator=(const virtual_thread&) = delete;
    /// Ends the thread; its measurements stay.
    ~virtual_thread() {
        busy(false);
        joulery::detail::end_thread(tree_);
    }

    /// Whether it uses a processor from now on, or waits. Ignored unless the clock is manual.
    void busy(bool is_busy) noexcept {
        if (time_ != nullptr) time_->busy(is_busy);
    }
    /// Processor time used so far; negative if unknown.
    [[nodiscard]] double busy_seconds() const { return tree_->busy_seconds(); }

 private:
    joulery::detail::thread_cursor* cursor_of_this_thread() noexcept override {
        return tree_.get();
    }
    std::shared_ptr<joulery::detail::thread_context> tree_;
    std::shared_ptr<detail::played_processor_time> time_;
};

}  // namespace testing
}  // namespace v1
}  // namespace joulery
