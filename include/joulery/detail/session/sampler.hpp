// sampler.hpp - the thread that reads one backend at its period.
// SPDX-License-Identifier: MIT
#pragma once

#include "joulery/detail/core/catch_bad_alloc.hpp"
#include "joulery/detail/session/engine.hpp"
#include "joulery/detail/session/host_threads.hpp"
#include "joulery/detail/session/library_threads.hpp"
#include "joulery/detail/timing/thread_clock.hpp"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <thread>

namespace joulery {
inline namespace v1 {
namespace detail {

/// One thread per backend, so that a slow backend delays no other. It sleeps between samples.
///
/// Stopping waits a quarter of a second for a read in progress; a read that hangs longer keeps its
/// thread and the engine, and the program continues without them.
class sampler {
 public:
    sampler(std::shared_ptr<engine> e, std::shared_ptr<metered_backend> m)
        : shared_(std::make_shared<state>()),
          thread_(start_thread([s = shared_, e, m] { run(*s, *e, *m); })) {
        if (!is_running()) (void)begin(*shared_, *e, *m);
    }
    sampler(const sampler&) = delete;
    sampler& operator=(const sampler&) = delete;
    ~sampler() { stop(); }

    /// False if the system gave no thread: then only reports and edges read the backend.
    [[nodiscard]] bool is_running() const noexcept { return thread_.joinable(); }

    /// Returns when the backend's first read is done, or at `latest`.
    void await_first_read(std::chrono::steady_clock::time_point latest) {
        std::unique_lock<std::mutex> lock(shared_->mutex);
        shared_->changed.wait_until(lock, latest, [&] { return shared_->begun; });
    }

    void stop() {
        if (!thread_.joinable()) return;
        std::unique_lock<std::mutex> lock(shared_->mutex);
        shared_->stopping = true;
        shared_->changed.notify_all();
        end_or_leave(thread_, lock, *shared_, patience);
    }

    /// In a forked child, which has no such thread.
    void abandon() noexcept { give_up(thread_); }

 private:
    struct state {
        std::mutex mutex;
        std::condition_variable changed;
        bool begun = false;  ///< the first read is done
        std::atomic<bool> stopping{false};
        bool ended = false;
    };
    static constexpr std::chrono::milliseconds patience{250};

    // Returns whether the first read is done; without memory it is tried again.
    static bool begin(state& s, engine& e, metered_backend& m) {
        {
            const std::lock_guard<timed_mutex> lock_read(m.reader.read_mutex);
            if (!catch_bad_alloc([&] { e.begin(m); })) return false;
        }
        const std::lock_guard<std::mutex> lock(s.mutex);
        s.begun = true;
        s.changed.notify_all();
        return true;
    }
    static void run(state& s, engine& e, metered_backend& m) {
        while (!begin(s, e, m)) std::this_thread::sleep_for(patience);
        while (!is_stopped_after(time_to_sleep(e, m), s)) {
            host_threads::exit_if_ended();
            if (!is_due(e, m)) continue;  // woken to check for the host's threads
            stay_awake(e, m);
            {
                const std::lock_guard<timed_mutex> lock_read(m.reader.read_mutex);
                (void)catch_bad_alloc([&] { e.step(m); });
                m.note_sampled(thread_cpu_seconds());
            }
            (void)catch_bad_alloc([&] { e.retire_ended(); });
            e.find_prices_if_due();
        }
        const std::lock_guard<std::mutex> lock(s.mutex);
        s.ended = true;
        s.changed.notify_all();
    }

    // An interruptible sleep takes a third more processor time, so short sleeps are not
    // interruptible.
    static constexpr std::chrono::milliseconds short_sleep{20};

    static bool is_stopped_after(std::chrono::nanoseconds sleep, state& s) {
        if (sleep <= short_sleep) {
            std::this_thread::sleep_for(sleep);
            return s.stopping;
        }
        std::unique_lock<std::mutex> lock(s.mutex);
        return s.changed.wait_for(lock, sleep, [&] { return s.stopping.load(); });
    }

    // A sleeping thread wakes up as much as 60 us late (timer slack and scheduling). If an update
    // is watched for, it gets up that much earlier and busy-waits.
    static constexpr double early_seconds = 60e-6;

    static std::chrono::nanoseconds time_to_sleep(const engine& e, const metered_backend& m) {
        const std::uint64_t now = e.clock().now();
        const std::uint64_t due = m.next_due.load();
        double left = due > now ? static_cast<double>(due - now) * e.tick_seconds() : 0;
        if (m.is_watching()) left = std::max(left - early_seconds, 0.0);
        left = std::min(left, std::chrono::duration<double>(host_threads::patience).count());
        return std::chrono::nanoseconds(static_cast<std::int64_t>(left * 1e9));
    }
    static bool is_due(const engine& e, const metered_backend& m) noexcept {
        const std::uint64_t now = e.clock().now(), due = m.next_due.load();
        return due <= now || static_cast<double>(due - now) * e.tick_seconds() <= 2 * early_seconds;
    }
    static void stay_awake(const engine& e, const metered_backend& m) {
        if (!m.is_watching()) return;
        const std::uint64_t due = m.next_due.load();
        const double left =
            (static_cast<double>(due) - static_cast<double>(e.clock().now())) * e.tick_seconds();
        if (left > 2 * early_seconds) return;  // woken for another reason
        while (e.clock().now() < due) {
        }
    }

    std::shared_ptr<state> shared_;
    std::thread thread_;
};

}  // namespace detail
}  // namespace v1
}  // namespace joulery
