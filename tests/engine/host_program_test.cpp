// The process-wide meter in programs that fork inside backends, cancel threads, can't create
// threads, or load libraries with scopes in their constructors. Each case is a separate process.
#include "engine/child_process.hpp"
#include "engine/support.hpp"
#include "joulery/detail/session/repeating_call.hpp"
#include "joulery/session.hpp"
#include "sanitized.hpp"

#include <doctest/doctest.h>

#include <atomic>
#include <chrono>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <memory>
#include <string>
#include <thread>
#include <utility>

#include <dlfcn.h>
#include <pthread.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

using namespace joulery;
using engine_test::calls_of;
using engine_test::child_result;
using engine_test::contains;
using engine_test::in_child;
using engine_test::must;

namespace {

void check_success(const child_result& c) {
    INFO(c.err);
    CHECK(c.exit_code == 0);
}

// One joule more at every read, during which something else happens, too.
class eventful final : public backend {
 public:
    explicit eventful(void (*event)()) : event_(event) {}
    std::string_view name() const noexcept override { return "eventful"; }
    const std::vector<channel>& channels() const noexcept override { return counter_.channels(); }
    read_status read(counter_span out) noexcept override {
        event_();
        return counter_.read(out);
    }

 private:
    engine_test::joule_a_read counter_;
    void (*event_)();
};
options with(void (*event)()) {
    options o;
    o.backends.push_back(std::make_unique<eventful>(event));
    return o;
}

// Runs a helper, as drivers do; one that can't be run ends by exit(). Only on the program's thread,
// so that this thread reads at the end.
void run_helper() {
    if (::syscall(SYS_gettid) != ::getpid()) return;
    const pid_t helper = ::fork();
    if (helper == 0) {
        if (is_sanitized) ::_exit(0);  // its allocator may stay locked here
        std::exit(0);
    }
    int status = 0;
    must(::waitpid(helper, &status, 0) == helper && status == 0, "the helper ends well");
}

// On a thread that asks for it, a read takes until the gate opens.
engine_test::gate door;
thread_local bool waits_here = false;
void wait_where_asked() {
    if (waits_here) door.wait();
}

// Opens scopes and takes a report on a thread that has been canceled.
void* work_to_the_end(void*) {
    ::pthread_cancel(::pthread_self());
    { const scope s{"work"}; }
    (void)snapshot();
    ::pthread_testcancel();
    return nullptr;
}
void cancel_a_thread() {
    ::pthread_t thread;
    must(::pthread_create(&thread, nullptr, work_to_the_end, nullptr) == 0, "a thread");
    void* result = nullptr;
    must(::pthread_join(thread, &result) == 0 && result == PTHREAD_CANCELED, "it was canceled");
    must(calls_of(snapshot(), "work") == 1, "its scope was measured");
}

// From here on this process can't create threads: there is no room for a stack.
void give_no_more_threads() {
    ::pthread_attr_t none;
    ::pthread_attr_init(&none);
    ::pthread_attr_setstacksize(&none, std::size_t{1} << 47);
    must(::pthread_setattr_default_np(&none) == 0, "the default of stacks is changed");
}

std::thread first_scope_elsewhere;
// A scope in a static constructor, while a thread that opens its first scope waits for the loader.
void open_scope_at_load() {
    static std::atomic<long> number{0};
    first_scope_elsewhere = std::thread([] {
        number = ::syscall(SYS_gettid);
        const scope s{"elsewhere"};
    });
    while (number == 0) std::this_thread::yield();
    for (std::string state = "R"; state == "R"; std::this_thread::yield()) {
        std::ifstream stat("/proc/self/task/" + std::to_string(number.load()) + "/stat");
        std::string skipped;
        state.clear();  // stays like this if the thread has ended
        stat >> skipped >> skipped >> state;
    }
    const scope s{"constructor"};
}

}  // namespace

TEST_CASE("host program: a backend may fork while the meter starts, reports and stops") {
    check_success(in_child([] {
        ::alarm(20);
        start(with(run_helper));
        { const scope s{"work"}; }
        stop();
        must(calls_of(snapshot(), "work") == 1, "measured to the end");
    }));
}

TEST_CASE(
    "host program: a fork does not wait for a meter that is ending; the child starts its own") {
    check_success(in_child([] {
        ::alarm(20);
        start(with(wait_where_asked));
        { const scope s{"work"}; }
        std::thread ender([] {
            waits_here = true;
            stop();
        });
        door.await_arrivals(1);
        const pid_t child = ::fork();
        if (child == 0) {
            ::alarm(10);  // threads are not inherited
            must(!scope{"child"}, "inert in the child");
            must(contains(snapshot().warnings, "forked"), "and it knows why");
            if (is_sanitized) ::_exit(0);  // it starts no threads there
            start(with([] {}));
            { const scope s{"child"}; }
            must(calls_of(snapshot(), "child") == 1, "a run of its own");
            ::_exit(0);
        }
        int status = 0;
        must(::waitpid(child, &status, 0) == child && status == 0, "the child is content");
        door.open();
        ender.join();
        must(calls_of(snapshot(), "work") == 1, "the parent's run ended well");
    }));
}

TEST_CASE("host program: canceling a thread ends only that thread, after its scope") {
    check_success(in_child([] {
        start(with([] { ::pthread_testcancel(); }));
        cancel_a_thread();
    }));
}

TEST_CASE("host program: the thread that starts the meter may be canceled") {
    check_success(in_child(cancel_a_thread));
}

TEST_CASE("host program: without sampler threads, scopes are measured at their edges") {
    check_success(in_child([] {
        give_no_more_threads();
        start(with([] {}));
        { const scope s{"work"}; }
        {
            const detail::repeating_call never(std::chrono::seconds(1), [] {});
        }
        const report r = snapshot();
        must(calls_of(r, "work") == 1, "measured");
        must(r.total.joules() >= 2, "joules from its first edge on");
        must(contains(r.warnings, "eventful: the system gave no thread"), "and says so");
    }));
}

TEST_CASE(
    "host program: a library's static constructor opens a scope while threads open their first") {
    check_success(in_child([] {
        ::alarm(20);
        const auto address = reinterpret_cast<std::uintptr_t>(open_scope_at_load);
        ::setenv("JOULERY_TEST_AT_LOAD", std::to_string(address).c_str(), 1);
        start(with([] {}));
        must(::dlopen(JOULERY_FAKES_DIR "/libconstructor.so", RTLD_NOW) != nullptr, "loaded");
        first_scope_elsewhere.join();
        const report r = snapshot();
        must(calls_of(r, "constructor") == 1 && calls_of(r, "elsewhere") == 1, "both measured");
    }));
}
