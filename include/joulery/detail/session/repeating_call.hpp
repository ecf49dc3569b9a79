// repeating_call.hpp - a thread that calls a function every so often.
// SPDX-License-Identifier: MIT
#pragma once

#include "joulery/detail/core/catch_bad_alloc.hpp"
#include "joulery/detail/session/sampler.hpp"

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <functional>
#include <mutex>
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

}  // namespace detail
}  // namespace v1
}  // namespace joulery
