// timed_mutex.hpp - a mutex that one can wait for a while for.
// SPDX-License-Identifier: MIT
#pragma once

#include <chrono>
#include <condition_variable>
#include <mutex>

namespace joulery {
inline namespace v1 {
namespace detail {

/// What std::timed_mutex is, of parts whose waiting the thread sanitizer of every compiler follows.
///
/// Thread: any. Cost: two short locks of a plain mutex. Fails: never.
///
///     timed_mutex m;
///     std::unique_lock<timed_mutex> lock(m, std::chrono::milliseconds(100));
///     if (!lock.owns_lock()) return;   // somebody had it all the while
class timed_mutex {
 public:
    void lock() {
        std::unique_lock<std::mutex> guard(mutex_);
        freed_.wait(guard, [this] { return !taken_; });
        taken_ = true;
    }
    [[nodiscard]] bool try_lock() {
        const std::lock_guard<std::mutex> guard(mutex_);
        if (taken_) return false;
        taken_ = true;
        return true;
    }
    template <class Rep, class Period>
    [[nodiscard]] bool try_lock_for(const std::chrono::duration<Rep, Period>& patience) {
        std::unique_lock<std::mutex> guard(mutex_);
        if (!freed_.wait_for(guard, patience, [this] { return !taken_; })) return false;
        taken_ = true;
        return true;
    }
    void unlock() {
        {
            const std::lock_guard<std::mutex> guard(mutex_);
            taken_ = false;
        }
        freed_.notify_one();
    }

 private:
    std::mutex mutex_;
    std::condition_variable freed_;
    bool taken_ = false;
};

}  // namespace detail
}  // namespace v1
}  // namespace joulery
