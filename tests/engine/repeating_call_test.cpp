#include "joulery/detail/session/repeating_call.hpp"

#include <doctest/doctest.h>

#include <atomic>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <thread>

using joulery::detail::repeating_call;

TEST_CASE("repeating call: calls again and again") {
    std::mutex mutex;
    std::condition_variable changed;
    int calls = 0;
    {
        repeating_call repeated(std::chrono::milliseconds(1), [&] {
            const std::lock_guard<std::mutex> lock(mutex);
            ++calls;
            changed.notify_all();
        });
        std::unique_lock<std::mutex> lock(mutex);
        changed.wait(lock, [&] { return calls >= 3; });
    }
    CHECK(calls >= 3);  // the thread has been joined: no other writer
}

TEST_CASE("repeating call: stopping waits for the current call, and no other follows") {
    std::atomic<int> begun{0}, ended{0};
    std::atomic<bool> ending{false};
    auto repeated = std::make_unique<repeating_call>(std::chrono::nanoseconds(1), [&] {
        ++begun;
        while (!ending.load()) std::this_thread::yield();
        for (int i = 0; i < 10'000; ++i) std::this_thread::yield();  // stopping comes first
        ++ended;
    });
    while (begun.load() == 0) std::this_thread::yield();
    ending = true;
    repeated.reset();
    CHECK(ended.load() == begun.load());
}

TEST_CASE("repeating call: a call that was never due stops at once") {
    int calls = 0;
    {
        repeating_call repeated(std::chrono::hours(1), [&] { ++calls; });
    }
    CHECK(calls == 0);
}
