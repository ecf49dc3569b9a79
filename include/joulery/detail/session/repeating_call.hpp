// repeating_call.hpp - a thread that calls a function every so often.
// SPDX-License-Identifier: MIT
#pragma once

#include "joulery/detail/core/catch_bad_alloc.hpp"
#include "joulery/detail/session/sampler.hpp"

#include <chrono>
#include <condition_variable>
#include <functional>
#include <mutex>
#include <thread>
#include <utility>

namespace joulery {
inline namespace v1 {
namespace detail {

/// Calls `work` every `period` until it is destroyed; the destructor waits for a call under way.
/// Where the system gives no thread it is never called; a call that throws is over.
class repeating_call {
 public:
    repeating_call(std::chrono::nanoseconds period, std::function<void()> work)
        : period_(period), work_(std::move(work)) {
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
        if (thread_.joinable()) thread_.join();
    }

 private:
    void run() {
        std::unique_lock<std::mutex> lock(mutex_);
        while (!changed_.wait_for(lock, period_, [&] { return stopping_; })) {
            lock.unlock();
            (void)catch_bad_alloc([this] { work_(); });
            lock.lock();
        }
    }

    std::chrono::nanoseconds period_;
    std::function<void()> work_;
    std::mutex mutex_;
    std::condition_variable changed_;
    bool stopping_ = false;
    std::thread thread_;
};

}  // namespace detail
}  // namespace v1
}  // namespace joulery
