// repeating_call.hpp - calls a function periodically from a thread of its own; a run's intervals.
// SPDX-License-Identifier: MIT
#pragma once

#include "joulery/detail/core/catch_bad_alloc.hpp"
#include "joulery/detail/report/intervals.hpp"
#include "joulery/detail/session/host_threads.hpp"
#include "joulery/detail/session/library_threads.hpp"
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
/// waits for a call in progress. If the system gives no thread it is never called; exceptions are
/// dropped.
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

/// Length of a meter's intervals; 0: only the last one.
[[nodiscard]] inline std::chrono::nanoseconds interval_of(const options& o) noexcept {
    return o.interval.count() > 0 ? o.interval : o.checkpoint;
}

/// Takes a report every `period` and calls back with the interval that ends there. At the end, a
/// call that does not return is waited for for a second and then abandoned with its thread, which
/// owns everything it uses.
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
    /// Starts the thread; call it once everything that reports need exists.
    void start() {
        thread_ = start_thread([s = shared_] { run(*s); });
    }
    interval_caller(const interval_caller&) = delete;
    interval_caller& operator=(const interval_caller&) = delete;
    ~interval_caller() { finish({}); }

    /// Ends an interval now, on this thread: for a manual clock.
    void tell_now(report now) { tell(*shared_, std::move(now), false); }

    /// After this returns no report is being taken and none will be: the report that `finish` gets
    /// must be the latest.
    void stop_looking() {
        std::unique_lock<std::mutex> lock(shared_->mutex);
        shared_->stopping = true;
        shared_->changed.notify_all();
        if (thread_.joinable() && thread_.get_id() != std::this_thread::get_id())
            shared_->changed.wait(lock, [&] { return !shared_->looking; });
    }

    /// The run is over: the last interval ends with this report. Without a report there is no last
    /// call.
    void finish(std::optional<report> last) {
        if (std::exchange(finished_, true)) return;
        if (!thread_.joinable()) {
            if (last && shared_->look) tell(*shared_, std::move(*last), true);
            return;
        }
        // It may be taking a report of a meter that is about to go, so this waits as long as it
        // takes.
        stop_looking();
        std::unique_lock<std::mutex> lock(shared_->mutex);
        shared_->last = std::move(last);
        shared_->finished = true;
        shared_->changed.notify_all();
        end_or_leave(thread_, lock, *shared_, patience);
    }

    /// A forked child has no such thread to join, so the handle is abandoned.
    void abandon() noexcept {
        finished_ = true;
        give_up(thread_);
    }

    /// Number of calls that threw.
    [[nodiscard]] std::uint64_t failures() const noexcept {
        return shared_->failures.load(std::memory_order_relaxed);
    }

 private:
    struct state {
        std::chrono::nanoseconds period{};
        std::function<report()> look;
        callback tell;
        interval_maker intervals;  ///< used by the thread only
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
            due += s.period;  // keeps the mean period; missed intervals become one longer one
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
