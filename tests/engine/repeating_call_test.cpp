#include "joulery/engine/repeating_call.hpp"

#include <doctest/doctest.h>

#include <condition_variable>
#include <mutex>

using joulery::detail::repeating_call;

TEST_CASE("repeating call: it calls until it ends, and not after") {
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
    CHECK(calls >= 3);  // the thread has been joined: nobody else writes
}

TEST_CASE("repeating call: one that never came due ends at once") {
    int calls = 0;
    {
        repeating_call repeated(std::chrono::hours(1), [&] { ++calls; });
    }
    CHECK(calls == 0);
}
