// repeating_call.hpp - calls again and again from a thread of the library; a run's intervals.
// SPDX-License-Identifier: MIT
#pragma once

#include "joulery/detail/core/catch_bad_alloc.hpp"
#include "joulery/detail/report/intervals.hpp"
#include "joulery/detail/session/host_threads.hpp"
#include "joulery/detail/session/sampler.hpp"
#include "joulery/meter.hpp"
#include "joulery/report.hpp"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstdint>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <thread>
#include <utility>

namespace joulery {
inline namespace v1 {
namespace detail {

/// Calls `work` every `period`, the first time after `first`, until it is destroyed; the destructor
/// waits for a call under way.
/// Where the system gives no thread it is never called; a call that throws is over.
class repeating_call {
 public:
    repeating_call(std::chrono::nanoseconds period, std::function<void()> work)
        : repeating_call(period, period, std::move(work)) {}
    repeating_call(std::chrono::nanoseconds first, std::chrono::nanoseconds period,
                   std::function<void()> work)
        : first_(first), period_(period), work_(std::move(work)) {
        thread_ = start_thread([this] { run(); });
    }
    repeating_call(const repeating_call&) = delete;
    repeating_call& operator=(const repeating_call&) = delete;
    ~repeating_call() {
        {
            const std::lock_guard<std::mutex> lock(mutex_);
            stopping_ = true;
        }
        changed_.notify_all();
        join_or_detach(thread_, true);
    }

 private:
    void run() {
        auto due = std::chrono::steady_clock::now() + first_;
        std::unique_lock<std::mutex> lock(mutex_);
        for (;;) {
            const auto now = std::chrono::steady_clock::now();
            const auto look = now + host_threads::patience;
            if (changed_.wait_until(lock, std::min(due, look), [&] { return stopping_; })) return;
            lock.unlock();
            host_threads::exit_if_ended();
            if (std::chrono::steady_clock::now() >= due) {
                (void)catch_bad_alloc([this] { work_(); });
                due = std::chrono::steady_clock::now() + period_;
            }
            lock.lock();
        }
    }

    const std::chrono::nanoseconds first_, period_;
    std::function<void()> work_;
    std::mutex mutex_;
    std::condition_variable changed_;
    bool stopping_ = false;
    std::thread thread_;
};

/// How long an interval of a meter is; 0: there are none but the last.
[[nodiscard]] inline std::chrono::nanoseconds interval_of(const options& o) noexcept {
    return o.interval.count() > 0 ? o.interval : o.checkpoint;
}

/// Takes a report every `period` and calls back with the interval that it ends. A call that does
/// not return is waited for at the end for a second and then left alone with its thread: what the
/// thread holds is its own.
///
/// Thread: any. Fails: if the system gives no thread, the callback is never called.
///
///     interval_caller calls(10s, [&] { return snapshot(); }, options.on_interval);
///     calls.start();
///     calls.finish(last_report);
class interval_caller {
 public:
    using callback = std::function<void(const interval_report&)>;

    interval_caller(std::chrono::nanoseconds period, std::function<report()> look, callback tell)
        : shared_(std::make_shared<state>()) {
        shared_->period = period.count() > 0 ? period : std::chrono::hours(24 * 3650);
        shared_->look = std::move(look);
        shared_->tell = std::move(tell);
    }
    /// Calls from a thread of its own from now on, when what reports need is all there.
    void start() {
        thread_ = start_thread([s = shared_] { run(*s); });
    }
    interval_caller(const interval_caller&) = delete;
    interval_caller& operator=(const interval_caller&) = delete;
    ~interval_caller() { finish({}); }

    /// An interval ends now, on this thread: on a clock that a test moves.
    void tell_now(report now) { tell(*shared_, std::move(now), false); }

    /// No report is taken from now on, and none is under way when this returns: the last one, which
    /// `finish` gets, must be the latest.
    void stop_looking() {
        std::unique_lock<std::mutex> lock(shared_->mutex);
        shared_->stopping = true;
        shared_->changed.notify_all();
        if (thread_.joinable() && thread_.get_id() != std::this_thread::get_id())
            shared_->changed.wait(lock, [&] { return !shared_->looking; });
    }

    /// The run is over: the last interval ends with this report; without a report there is no last
    /// call.
    void finish(std::optional<report> last) {
        if (std::exchange(finished_, true)) return;
        if (!thread_.joinable()) {
            if (last && shared_->look) tell(*shared_, std::move(*last), true);
            return;
        }
        // It may be taking a report of a meter that goes; that is waited for however long it takes.
        stop_looking();
        std::unique_lock<std::mutex> lock(shared_->mutex);
        shared_->last = std::move(last);
        shared_->finished = true;
        shared_->changed.notify_all();
        const bool is_this = thread_.get_id() == std::this_thread::get_id();
        const bool ended =
            !is_this && shared_->changed.wait_for(lock, patience, [&] { return shared_->ended; });
        lock.unlock();
        join_or_detach(thread_, ended);
    }

    /// In a forked child there is no such thread to join; the handle is given up.
    void abandon() noexcept {
        finished_ = true;
        if (thread_.joinable()) new std::thread(std::move(thread_));  // NOLINT: leaked on purpose
    }

    /// Calls that threw.
    [[nodiscard]] std::uint64_t failures() const noexcept {
        return shared_->failures.load(std::memory_order_relaxed);
    }

 private:
    struct state {
        std::chrono::nanoseconds period{};
        std::function<report()> look;
        callback tell;
        interval_maker intervals;  ///< the thread's
        std::atomic<std::uint64_t> failures{0};

        std::mutex mutex;
        std::condition_variable changed;
        bool looking = false, stopping = false, finished = false, ended = false;
        std::optional<report> last;
    };
    static constexpr std::chrono::seconds patience{1};

    static void tell(state& s, report now, bool is_last) {
        const interval_report i = s.intervals.next(std::move(now), is_last);
        if (!catch_bad_alloc([&] { s.tell(i); }))
            s.failures.fetch_add(1, std::memory_order_relaxed);
    }

    static void run(state& s) {
        auto due = std::chrono::steady_clock::now() + s.period;
        std::unique_lock<std::mutex> lock(s.mutex);
        while (!s.stopping) {
            const auto look = std::chrono::steady_clock::now() + host_threads::patience;
            s.changed.wait_until(lock, std::min(due, look), [&] { return s.stopping; });
            if (s.stopping) break;
            lock.unlock();
            host_threads::exit_if_ended();
            lock.lock();
            if (s.stopping || std::chrono::steady_clock::now() < due) continue;
            due += s.period;  // so that the mean is kept; what was missed is one longer interval
            due = std::max(due, std::chrono::steady_clock::now());
            s.looking = true;
            lock.unlock();
            std::optional<report> now;
            (void)catch_bad_alloc([&] { now = s.look(); });
            lock.lock();
            s.looking = false;
            s.changed.notify_all();
            lock.unlock();
            if (now) (void)catch_bad_alloc([&] { tell(s, std::move(*now), false); });
            lock.lock();
        }
        s.changed.wait(lock, [&] { return s.finished; });
        std::optional<report> last = std::move(s.last);
        lock.unlock();
        if (last) (void)catch_bad_alloc([&] { tell(s, std::move(*last), true); });
        lock.lock();
        s.ended = true;
        s.changed.notify_all();
    }

    std::shared_ptr<state> shared_;
    std::thread thread_;
    bool finished_ = false;
};

}  // namespace detail
}  // namespace v1
}  // namespace joulery
