// worker_team.hpp - threads that stay and run one job together.
// Plain C++17, no joulery in it. SPDX-License-Identifier: MIT
#pragma once

#include <condition_variable>
#include <cstddef>
#include <functional>
#include <mutex>
#include <thread>
#include <utility>
#include <vector>

/// `run(job)` calls job(0) on the caller's thread and job(1), job(2)... on the others, and returns
/// when all are done.
class worker_team {
 public:
    explicit worker_team(std::size_t threads) {
        for (std::size_t i = 1; i < threads; ++i) others_.emplace_back([this, i] { work(i); });
    }
    ~worker_team() {
        start(nullptr);
        for (std::thread& other : others_) other.join();
    }
    worker_team(const worker_team&) = delete;
    worker_team& operator=(const worker_team&) = delete;

    std::size_t size() const { return others_.size() + 1; }

    void run(const std::function<void(std::size_t)>& job) {
        start(&job);
        job(0);
        std::unique_lock<std::mutex> lock(mutex_);
        finished_.wait(lock, [this] { return busy_ == 0; });
    }

 private:
    using job_type = std::function<void(std::size_t)>;

    void start(const job_type* job) {
        const std::lock_guard<std::mutex> lock(mutex_);
        job_ = job;
        busy_ = others_.size();
        ++round_;
        started_.notify_all();
    }

    void work(std::size_t index) {
        for (std::size_t done = 0;; ++done) {
            const job_type* job = nullptr;
            {
                std::unique_lock<std::mutex> lock(mutex_);
                started_.wait(lock, [&] { return round_ > done; });
                job = job_;
            }
            if (!job) return;
            (*job)(index);
            const std::lock_guard<std::mutex> lock(mutex_);
            if (--busy_ == 0) finished_.notify_one();
        }
    }

    std::mutex mutex_;
    std::condition_variable started_, finished_;
    const job_type* job_ = nullptr;  // null: end
    std::size_t round_ = 0;          // jobs started so far
    std::size_t busy_ = 0;           // others still at the present job
    std::vector<std::thread> others_;
};
