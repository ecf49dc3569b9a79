// Scopes in code that the library calls or that interrupts it: they do nothing.
#include "engine/child_process.hpp"
#include "engine/support.hpp"
#include "joulery/joulery.hpp"

#include <doctest/doctest.h>

#include <atomic>
#include <chrono>
#include <cstdlib>
#include <functional>
#include <memory>
#include <new>
#include <string>
#include <string_view>
#include <thread>
#include <utility>
#include <vector>

#include <pthread.h>
#include <signal.h>
#include <sys/time.h>
#include <unistd.h>

using namespace joulery;
using namespace std::chrono_literals;
using engine_test::calls_of;
using engine_test::in_child;
using engine_test::must;

namespace {

// Extra work of the program's allocator, which does not call itself.
thread_local bool is_allocating = false;
thread_local void (*at_allocation)() = nullptr;
std::atomic<int> nested_allocations{0};

}  // namespace

__attribute__((noinline)) void* operator new(std::size_t size) {
    if (is_allocating) {
        ++nested_allocations;  // a real allocator would wait for its own lock
    } else if (at_allocation != nullptr) {
        is_allocating = true;
        at_allocation();
        is_allocating = false;
    }
    if (void* p = std::malloc(size == 0 ? 1 : size)) return p;
    throw std::bad_alloc();
}
// As in the standard library; a sanitizer would use its own.
__attribute__((noinline)) void* operator new(std::size_t size, const std::nothrow_t&) noexcept {
    try {
        return operator new(size);
    } catch (...) {
        return nullptr;
    }
}
__attribute__((noinline)) void operator delete(void* p) noexcept { std::free(p); }
__attribute__((noinline)) void operator delete(void* p, std::size_t) noexcept { std::free(p); }

namespace {

// Calls `event` at every read.
class eventful final : public backend {
 public:
    explicit eventful(std::function<void()> event) : event_(std::move(event)) {}
    std::string_view name() const noexcept override { return "eventful"; }
    const std::vector<channel>& channels() const noexcept override { return counter_.channels(); }
    read_status read(counter_span out) noexcept override {
        event_();
        return counter_.read(out);
    }

 private:
    engine_test::joule_a_read counter_;
    std::function<void()> event_;
};
options with(std::function<void()> event) {
    options o;
    o.period = 1ms;
    o.backends.push_back(std::make_unique<eventful>(std::move(event)));
    return o;
}

// A name that no scope had before, without allocating.
void open_fresh_scope() {
    static std::atomic<unsigned> number{0};
    char name[16] = "fresh ";
    unsigned left = ++number;
    for (char* c = name + 6; left > 0; left /= 10) *c++ = static_cast<char>('0' + left % 10);
    const scope s{name};
}
void on_signal(int) { open_fresh_scope(); }

void handle(int signal, int flags) {
    struct sigaction action {};
    action.sa_handler = on_signal;
    action.sa_flags = flags;
    must(::sigaction(signal, &action, nullptr) == 0, "a handler");
}

}  // namespace

TEST_CASE("reentrance: a scope in the program's allocator, called by the library, does nothing") {
    const auto c = in_child([] {
        start(with([] {}));
        at_allocation = open_fresh_scope;
        for (int i = 0; i < 200; ++i) {
            const scope s{"work " + std::to_string(i)};
        }
        (void)snapshot();
        at_allocation = nullptr;
        const report r = snapshot();
        must(calls_of(r, "work 7") == 1 && calls_of(r, "work 199") == 1, "the others are measured");
        stop();
    });
    INFO(c.err);
    CHECK(c.exit_code == 0);
}

TEST_CASE("reentrance: the very first scope may be in an allocator") {
    const auto c = in_child([] {
        at_allocation = open_fresh_scope;
        { const scope s{"work"}; }
        { const scope s{"work"}; }
        at_allocation = nullptr;
        must(calls_of(snapshot(), "work") >= 1, "the others are measured");
    });
    INFO(c.err);
    CHECK(c.exit_code == 0);
}

TEST_CASE(
    "reentrance: scopes inside a backend do nothing, at edges, in reports and in the sampler") {
    const auto c = in_child([] {
        static std::atomic<int> reads{0};
        start(with([] {
            ++reads;
            open_fresh_scope();
            const scope s{"backend"};
        }));
        for (int i = 0; i < 20; ++i) {
            const scope s{"work"};
            for (const int by = reads + 2; reads < by;) std::this_thread::yield();
        }
        const report r = snapshot();
        must(calls_of(r, "work") == 20, "the program's are measured");
        must(r.find("backend") == nullptr && r.scopes.size() == 1, "and no others");
    });
    INFO(c.err);
    CHECK(c.exit_code == 0);
}

TEST_CASE(
    "reentrance: a signal handler inside the allocator may open scopes, which allocate nothing") {
    for (const int flags : {0, SA_ONSTACK}) {
        const auto c = in_child([flags] {
            std::vector<char> stack(64 * 1024);
            stack_t other{};
            other.ss_sp = stack.data();
            other.ss_size = stack.size();
            must(::sigaltstack(&other, nullptr) == 0, "a stack for handlers");
            handle(SIGUSR1, flags);
            start(with([] {}));
            for (int i = 0; i < 3; ++i) {  // its first scope is in the handler, too
                at_allocation = [] { ::raise(SIGUSR1); };
                delete new int;
                at_allocation = nullptr;
                const scope s{"work"};
                must(static_cast<bool>(s), "the program's own is measured");
                at_allocation = [] { ::raise(SIGUSR1); };
                delete new int;
                at_allocation = nullptr;
            }
            must(nested_allocations == 0, "no memory was taken");
            must(calls_of(snapshot(), "work") == 3, "the program's scopes are measured");
        });
        INFO(c.err);
        CHECK(c.exit_code == 0);
    }
}

TEST_CASE("reentrance: a thread that blocks handled signals but is in no handler is measured") {
    const auto c = in_child([] {
        handle(SIGUSR1, 0);
        start(with([] {}));
        std::thread worker([] {
            sigset_t all;
            ::sigfillset(&all);
            ::pthread_sigmask(SIG_SETMASK, &all, nullptr);
            const scope outer{"worker"};
            const scope inner{"inner"};
        });
        worker.join();
        must(calls_of(snapshot(), "worker/inner") == 1, "measured");
    });
    INFO(c.err);
    CHECK(c.exit_code == 0);
}

TEST_CASE("reentrance: a timer's handler may open scopes at any moment") {
    const auto c = in_child([] {
        static std::atomic<int> handled{0};
        struct sigaction action {};
        action.sa_handler = [](int) {
            ++handled;
            open_fresh_scope();
            const scope s{"handler"};
        };
        ::sigaction(SIGPROF, &action, nullptr);
        start(with([] {}));
        ::itimerval every{{0, 200}, {0, 200}};
        ::setitimer(ITIMER_PROF, &every, nullptr);
        std::uint64_t done = 0;
        while (handled < 200) {
            const scope s{"work " + std::to_string(done % 100)};
            const scope inner{"inner"};
            if (++done % 500 == 0) (void)snapshot();
        }
        every = {};
        ::setitimer(ITIMER_PROF, &every, nullptr);
        const report r = snapshot();
        std::uint64_t calls = 0;
        for (const scope_row& row : r.scopes)
            if (row.path.size() <= 7 && row.path.compare(0, 5, "work ") == 0) calls += row.calls;
        must(calls == done, "every scope of the program is measured");
    });
    INFO(c.err);
    CHECK(c.exit_code == 0);
}
