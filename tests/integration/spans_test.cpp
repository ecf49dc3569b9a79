// Spans in programs with real threads: futures, a work-stealing pool, teams, and a stress test.
#include "joulery/span.hpp"

#include "approx.hpp"
#include "integration/served_meter.hpp"

#include <doctest/doctest.h>

#if defined(JOULERY_TEST_TBB)
#include <tbb/parallel_for.h>
#include <tbb/task_group.h>
#endif

#include <array>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <functional>
#include <future>
#include <memory>
#include <mutex>
#include <random>
#include <thread>
#include <utility>
#include <vector>

using namespace joulery;
using integration_test::check_sums;
using integration_test::meter_of_processor_time;
using integration_test::work_for;

namespace {

/// Each thread has a queue; a thread without work steals from the other end of another's. Tasks are
/// move-only, like those that own a span.
class stealing_pool {
 public:
    using task = std::packaged_task<void()>;
    static constexpr std::size_t threads = 4;

    stealing_pool() {
        for (std::size_t i = 0; i < threads; ++i) threads_[i] = std::thread([this, i] { run(i); });
    }
    ~stealing_pool() {
        stopping_ = true;
        for (std::thread& t : threads_) t.join();
    }
    void post(std::size_t to, task t) {
        const std::lock_guard<std::mutex> lock(queues_[to].mutex);
        queues_[to].tasks.push_back(std::move(t));
    }
    std::atomic<int> stolen{0};

 private:
    struct queue {
        std::mutex mutex;
        std::deque<task> tasks;
    };
    bool take(std::size_t from, bool last, task& t) {
        const std::lock_guard<std::mutex> lock(queues_[from].mutex);
        std::deque<task>& q = queues_[from].tasks;
        if (q.empty()) return false;
        t = std::move(last ? q.back() : q.front());
        last ? q.pop_back() : q.pop_front();
        return true;
    }
    void run(std::size_t own) {
        for (;;) {
            task t;
            bool found = take(own, true, t);
            for (std::size_t i = 1; i < threads && !found; ++i) {
                found = take((own + i) % threads, false, t);
                stolen += found ? 1 : 0;
            }
            if (found) {
                t();
            } else if (stopping_) {
                return;
            } else {
                std::this_thread::yield();
            }
        }
    }
    std::array<queue, threads> queues_;
    std::array<std::thread, threads> threads_;
    std::atomic<bool> stopping_{false};
};

}  // namespace

TEST_CASE("futures: std::async may finish a request on another thread") {
    meter m = meter_of_processor_time();
    std::vector<std::future<used>> answers;
    for (int i = 0; i < 20; ++i)
        answers.push_back(std::async(std::launch::async, [request = span{m, "request"}]() mutable {
            {
                task_scope t{request, "work"};
                work_for(1e-3);
            }
            return request.end();
        }));
    double busy = 0;
    for (auto& a : answers) busy += a.get().busy_time.count();
    const report r = m.snapshot();
    check_sums(r);
    CHECK(r.find("request")->calls == 20);
    CHECK(busy == approx(busy_time_of(*r.find("request")).count()).epsilon(2e-4));
    CHECK(r.find("request")->self.joules() < 1e-9);
}

TEST_CASE("a work-stealing pool: move-only tasks carry their spans along") {
    meter m = meter_of_processor_time();
    constexpr int requests = 400;
    std::atomic<int> done{0};
    {
        stealing_pool pool;
        for (int i = 0; i < requests; ++i) {
            span request{m, "request"};
            // All in one queue: the others steal. The first step posts the second.
            pool.post(0, stealing_pool::task([&, s = std::move(request)]() mutable {
                          {
                              task_scope t{s, "first"};
                              work_for(50e-6);
                          }
                          pool.post(1, stealing_pool::task([&, s2 = std::move(s)]() mutable {
                                        task_scope t{s2, "second"};
                                        work_for(50e-6);
                                        ++done;
                                    }));
                      }));
        }
        while (done < requests) std::this_thread::yield();
        CHECK(pool.stolen > 0);
    }
    const report r = m.snapshot();
    check_sums(r);
    CHECK(r.find("request")->calls == requests);
    CHECK(r.find("request/first")->calls == requests);
    CHECK(r.find("request/second")->calls == requests);
}

#if defined(_OPENMP)
TEST_CASE("OpenMP: a team works for one span, each member in its own tasks") {
    meter m = meter_of_processor_time();
    span batch{m, "batch"};
#pragma omp parallel for num_threads(4) schedule(dynamic, 1)
    for (int i = 0; i < 64; ++i) {
        task_scope t{batch, "row"};
        work_for(200e-6);
    }
    const used u = batch.end();
    const report r = m.snapshot();
    check_sums(r);
    CHECK(r.find("batch/row")->calls == 64);
    CHECK(u.busy_time.count() == approx(r.find("batch/row")->time.count()).epsilon(2e-4));
}
#endif

#if defined(JOULERY_TEST_TBB)
TEST_CASE("TBB: nested tasks of several requests are stolen in any order") {
    meter m = meter_of_processor_time();
    tbb::task_group group;
    for (int i = 0; i < 32; ++i)
        group.run([&m] {
            span request{m, "request"};
            tbb::parallel_for(0, 8, [&](int) {
                task_scope t{request, "part"};
                work_for(50e-6);
            });
        });
    group.wait();
    const report r = m.snapshot();
    check_sums(r);
    CHECK(r.find("request")->calls == 32);
    std::uint64_t parts = 0;  // a thread that waits inside a task runs other tasks
    for (const scope_row& row : r.scopes)
        if (row.name == "part") parts += row.calls;
    CHECK(parts == 32 * 8);
}
#endif

TEST_CASE("eight threads begin, hand over and end a hundred thousand spans") {
    meter m = meter_of_processor_time();
    constexpr int threads = 8, each = 12'500;
    struct box {
        std::mutex mutex;
        std::vector<span> left;
    } handed_over;
    std::atomic<std::uint64_t> tasks{0};
    std::vector<std::thread> all;
    for (int n = 0; n < threads; ++n)
        all.emplace_back([&, n] {
            std::mt19937 random(static_cast<unsigned>(n));
            for (int i = 0; i < each; ++i) {
                span request{m, i % 3 == 0 ? "get" : "put"};
                {
                    task_scope t{request, "work"};
                    ++tasks;
                }
                if (random() % 4 != 0) continue;
                const std::lock_guard<std::mutex> lock(handed_over.mutex);
                std::vector<span>& left = handed_over.left;
                left.push_back(std::move(request));
                if (left.size() > 100) {  // usually of another thread
                    std::swap(left[random() % left.size()], left.back());
                    left.pop_back();
                }
            }
        });
    report during = m.snapshot();
    for (std::thread& t : all) t.join();
    handed_over.left.clear();
    const report r = m.snapshot();
    check_sums(r);
    CHECK(r.find("get")->calls + r.find("put")->calls == std::uint64_t{threads} * each);
    CHECK(r.find("get/work")->calls + r.find("put/work")->calls == tasks);
    for (const scope_row& row : during.scopes) {
        CHECK(row.time.count() >= 0);
        CHECK(row.time.count() <= r.find(row.path)->time.count() * (1 + 1e-6));
    }
}
