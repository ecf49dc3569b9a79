// Coroutines that are resumed on a pool of four threads, each a request of several steps.
#include "approx.hpp"
#include "integration/served_meter.hpp"
#include "joulery/span.hpp"

#include <doctest/doctest.h>

#if defined(__cpp_impl_coroutine)
#include <atomic>
#include <condition_variable>
#include <coroutine>
#include <cstddef>
#include <deque>
#include <exception>
#include <mutex>
#include <stdexcept>
#include <thread>
#include <vector>

using namespace joulery;
using integration_test::check_sums;

namespace {

/// Resumes posted coroutines on any of its threads.
class pool {
 public:
    explicit pool(int threads) {
        for (int i = 0; i < threads; ++i) threads_.emplace_back([this] { run(); });
    }
    ~pool() {
        {
            const std::lock_guard<std::mutex> lock(mutex_);
            stopping_ = true;
        }
        changed_.notify_all();
        for (std::thread& t : threads_) t.join();
    }
    void post(std::coroutine_handle<> h) {
        {
            const std::lock_guard<std::mutex> lock(mutex_);
            ready_.push_back(h);
        }
        changed_.notify_one();
    }
    /// Continues on a thread of the pool.
    auto next() {
        struct awaiter {
            pool& to;
            bool await_ready() const noexcept { return false; }
            void await_suspend(std::coroutine_handle<> h) { to.post(h); }
            void await_resume() const noexcept {}
        };
        return awaiter{*this};
    }

 private:
    void run() {
        std::unique_lock<std::mutex> lock(mutex_);
        for (;;) {
            changed_.wait(lock, [this] { return stopping_ || !ready_.empty(); });
            if (ready_.empty()) return;
            const std::coroutine_handle<> h = ready_.front();
            ready_.pop_front();
            lock.unlock();
            h.resume();
            lock.lock();
        }
    }
    std::mutex mutex_;
    std::condition_variable changed_;
    std::deque<std::coroutine_handle<>> ready_;
    bool stopping_ = false;
    std::vector<std::thread> threads_;
};

struct detached {
    struct promise_type {
        detached get_return_object() noexcept { return {}; }
        std::suspend_never initial_suspend() noexcept { return {}; }
        std::suspend_never final_suspend() noexcept { return {}; }
        void return_void() noexcept {}
        void unhandled_exception() { std::terminate(); }
    };
};

constexpr int requests = 2000, steps = 4;

// Clang may reuse a thread's id read before a coroutine moved to another thread.
__attribute__((noinline)) std::thread::id this_thread() {
    asm volatile("");
    return std::this_thread::get_id();
}

struct totals {
    std::mutex mutex;
    double busy = 0, time = 0, joules = 0;
    int done = 0, moved = 0;
    std::condition_variable all;
};

detached serve(pool& p, meter& m, totals& sums, int number) {
    span request{m, "request"};
    const auto home = this_thread();
    bool moved = false;
    for (int i = 0; i < steps; ++i) {
        co_await p.next();
        moved = moved || this_thread() != home;
        try {
            task_scope t{request, i % 2 == 0 ? "prefill" : "decode"};
            integration_test::work_for(20e-6);
            if (number % 10 == 0) throw std::runtime_error("a step failed");
        } catch (const std::runtime_error&) {
        }
        request.add_items(1, "token");
    }
    const used u = request.end();
    const std::lock_guard<std::mutex> lock(sums.mutex);
    sums.busy += u.busy_time.count();
    sums.time += u.time.count();
    sums.joules += u.energy.joules();
    sums.moved += moved ? 1 : 0;
    if (++sums.done == requests) sums.all.notify_all();
}

}  // namespace

TEST_CASE("coroutines: 2,000 requests with 8,000 steps on four threads are all in the report") {
    meter m = integration_test::meter_of_processor_time();
    totals sums;
    {
        pool p{4};
        for (int i = 0; i < requests; ++i) serve(p, m, sums, i);
        std::unique_lock<std::mutex> lock(sums.mutex);
        sums.all.wait(lock, [&] { return sums.done == requests; });
    }
    const report r = m.snapshot();
    check_sums(r);
    REQUIRE(r.scopes.size() == 3);
    const scope_row& request = *r.find("request");
    const scope_row& prefill = *r.find("request/prefill");
    const scope_row& decode = *r.find("request/decode");
    CHECK(request.calls == requests);
    CHECK(prefill.calls + decode.calls == requests * steps);
    CHECK(request.items == requests * steps);
    CHECK(sums.moved > 0);
    // Sums in ticks are exact; the length of a tick was known to some 1e-5 when a request ended,
    // and is known better now.
    CHECK(sums.time == approx(request.time.count()).epsilon(2e-4));
    CHECK(sums.busy == approx(busy_time_of(request).count()).epsilon(2e-4));
    CHECK(prefill.time.count() + decode.time.count() ==
          approx(busy_time_of(request).count()).epsilon(1e-9));
    CHECK(request.self.joules() < 1e-9);
    CHECK(sums.joules > 0);
}
#else
TEST_CASE("coroutines: only if the compiler supports them") { MESSAGE("skipped: no coroutines"); }
#endif
