// Programs that end otherwise than by returning from main, and children that no fork handler sees.
#include "engine/child_process.hpp"
#include "engine/support.hpp"
#include "joulery/detail/session/host_threads.hpp"
#include "joulery/joulery.hpp"
#include "sanitized.hpp"

#include <doctest/doctest.h>

#include <atomic>
#include <chrono>
#include <cstdlib>
#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include <pthread.h>
#include <sys/wait.h>
#include <ucontext.h>
#include <unistd.h>

using namespace joulery;
using namespace std::chrono_literals;
using engine_test::calls_of;
using engine_test::child_result;
using engine_test::in_child;
using engine_test::must;

namespace {

void start_counting(std::chrono::nanoseconds period) {
    options o;
    o.period = period;
    o.backends.push_back(std::make_unique<engine_test::joule_a_read>());
    start(std::move(o));
}

// On a thread that asks for it, a read takes until the gate opens.
engine_test::gate& door = *new engine_test::gate;  // a child must not wait for the parent's waiters
thread_local bool waits_here = false;
class waiting final : public backend {
 public:
    std::string_view name() const noexcept override { return "waiting"; }
    const std::vector<channel>& channels() const noexcept override { return counter_.channels(); }
    read_status read(counter_span out) noexcept override {
        if (waits_here) door.wait();
        return counter_.read(out);
    }

 private:
    engine_test::joule_a_read counter_;
};
void start_waiting() {
    options o;
    o.backends.push_back(std::make_unique<waiting>());
    start(std::move(o));
}

void end_main_first() {
    start_counting(10s);  // the sampler sleeps for long
    static std::atomic<bool> main_is_leaving{false};
    std::thread([] {
        const scope s{"worker"};
        while (!main_is_leaving) std::this_thread::yield();
    }).detach();
    const scope s{"main"};
    main_is_leaving = true;
    ::pthread_exit(nullptr);
}

// On its own stack: pthread_exit unwinds, and a test framework's frames catch everything.
void run_on_a_fresh_stack(void (*function)()) {
    static std::vector<char> stack(1024 * 1024);
    static ::ucontext_t fresh;
    ::getcontext(&fresh);
    fresh.uc_stack.ss_sp = stack.data();
    fresh.uc_stack.ss_size = stack.size();
    ::makecontext(&fresh, function, 0);
    ::setcontext(&fresh);
}

}  // namespace

TEST_CASE("process ends: main may end by pthread_exit, and the process ends with its last thread") {
    // The thread sanitizer's own thread keeps such a process alive, with or without the library;
    // and objects on a stack that is never resumed are leaks to the address sanitizer.
    if (is_sanitized) return;
    const engine_test::folder files;
    const child_result c = in_child([] { run_on_a_fresh_stack(end_main_first); },
                                    {{"JOULERY_REPORT", files.path("run.json")}});
    INFO(c.err);
    CHECK(c.exit_code == 0);
    const auto r = from_json(files.text("run.json"));
    REQUIRE(r);
    CHECK(calls_of(*r, "worker") == 1);
    CHECK(calls_of(*r, "main") == 1);
}

TEST_CASE("process ends: the process goes on while a thread of the program runs") {
    const std::thread::id here = std::this_thread::get_id();
    CHECK_FALSE(detail::host_threads::have_ended());
    std::thread([&] {
        CHECK(here != std::this_thread::get_id());
        const detail::host_threads::library_thread counted;
        CHECK_FALSE(detail::host_threads::have_ended());
    }).join();
}

#if defined(__GLIBC__) && __GLIBC_PREREQ(2, 34)
TEST_CASE("process ends: a child of _Fork, which no handler sees, exits without measuring") {
    const engine_test::folder files;
    const child_result c = in_child(
        [] {
            start_waiting();
            std::thread ender([] {
                waits_here = true;
                stop();
            });
            door.await_arrivals(1);  // it holds the lock that start and stop need
            const pid_t child = ::_Fork();
            if (child == 0) {
                ::alarm(20);
                { const scope s{"child"}; }
                if (is_sanitized) ::_exit(0);
                std::exit(0);
            }
            int status = 0;
            must(::waitpid(child, &status, 0) == child && status == 0, "the child ends well");
            door.open();
            ender.join();
            must(calls_of(snapshot(), "child") == 0, "the child's scope is not the parent's");
        },
        {{"JOULERY_REPORT", files.path("run.json")}});
    INFO(c.err);
    CHECK(c.exit_code == 0);
    CHECK(from_json(files.text("run.json")));
}

TEST_CASE("process ends: a child of _Fork may start a meter of its own") {
    const child_result c = in_child([] {
        start_counting(1ms);
        { const scope s{"parent"}; }
        const pid_t child = ::_Fork();
        if (child == 0) {
            ::alarm(20);
            must(snapshot().scopes.empty(), "nothing of the parent's");
            if (is_sanitized) ::_exit(0);
            start_counting(1ms);
            { const scope s{"child"}; }
            must(calls_of(snapshot(), "child") == 1, "a run of its own");
            ::_exit(0);
        }
        int status = 0;
        must(::waitpid(child, &status, 0) == child && status == 0, "the child is content");
        must(calls_of(snapshot(), "parent") == 1, "the parent's run goes on");
    });
    INFO(c.err);
    CHECK(c.exit_code == 0);
}
#endif
