// Threads that open tasks and spans share no memory that any of them writes. All that a meter's
// threads share lies in an arena that is write-protected while a thread works.
#include "joulery/span.hpp"

#include "engine/support.hpp"
#include "joulery/testing/simulated_machine.hpp"
#include "joulery/units.hpp"

#include <doctest/doctest.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <memory>
#include <new>
#include <thread>

#if defined(__linux__) && !defined(__SANITIZE_ADDRESS__) && !defined(__SANITIZE_THREAD__)
#define TEST_HAS_AN_ARENA 1
#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#undef TEST_HAS_AN_ARENA
#endif
#endif
#endif

#if defined(TEST_HAS_AN_ARENA)
#include <signal.h>
#include <sys/mman.h>

namespace {

constexpr std::size_t arena_size = std::size_t{64} << 20;
unsigned char* arena = nullptr;
std::size_t arena_used = 0;
thread_local bool into_arena = false;
volatile sig_atomic_t writes = 0;

bool is_in_arena(const void* p) { return p >= arena && p < arena + arena_size; }

void* allocate(std::size_t size, std::size_t alignment) {
    if (into_arena) {
        arena_used = (arena_used + alignment - 1) / alignment * alignment + size;
        return arena_used <= arena_size ? arena + arena_used - size : nullptr;
    }
    void* p = nullptr;
    return ::posix_memalign(&p, alignment < sizeof(void*) ? sizeof(void*) : alignment, size) == 0
               ? p
               : nullptr;
}

void release(void* p) {
    if (!is_in_arena(p)) std::free(p);
}

// Counts the write, then lets it happen.
void on_fault(int, siginfo_t* info, void*) {
    if (!is_in_arena(info->si_addr)) ::_exit(9);
    writes = writes + 1;
    ::mprotect(arena, arena_size, PROT_READ | PROT_WRITE);
}

}  // namespace

void* operator new(std::size_t n) {
    if (void* p = allocate(n, alignof(std::max_align_t))) return p;
    throw std::bad_alloc();
}
void* operator new(std::size_t n, std::align_val_t a) {
    if (void* p = allocate(n, static_cast<std::size_t>(a))) return p;
    throw std::bad_alloc();
}
void operator delete(void* p) noexcept { release(p); }
void operator delete(void* p, std::size_t) noexcept { release(p); }
void operator delete(void* p, std::align_val_t) noexcept { release(p); }
void operator delete(void* p, std::size_t, std::align_val_t) noexcept { release(p); }

using namespace joulery;
using namespace joulery::literals;
using namespace std::chrono_literals;

TEST_CASE("span sharing: tasks and spans of a thread never write to shared memory") {
    arena = static_cast<unsigned char*>(
        ::mmap(nullptr, arena_size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
    REQUIRE(arena != MAP_FAILED);
    struct ::sigaction action = {};
    action.sa_sigaction = &on_fault;
    action.sa_flags = SA_SIGINFO;
    REQUIRE(::sigaction(SIGSEGV, &action, nullptr) == 0);

    testing::simulated_machine machine;
    options o = machine.options_with({engine_test::exact_counter()});
    into_arena = true;
    auto m = std::make_unique<meter>(std::move(o));
    machine.attach(*m);
    machine.draw(50_W);
    const auto work = [&](const scope_handle& shared) {
        span request{*m, "request"};
        {
            task_scope t{request, "work"};
            scope inner{*m, "inner"};
        }
        task_scope t{shared, "part"};
        request.add_items(1, "token");
        (void)request.end();
    };
    scope whole{*m, "whole"};
    const scope_handle shared = whole.handle();
    work(shared);  // the paths and this thread's tree: in the arena
    machine.run(100ms);
    CHECK(arena_used > 0);
    into_arena = false;

    std::thread([&] {
        work(shared);  // owned by the thread: elsewhere
        REQUIRE(::mprotect(arena, arena_size, PROT_READ) == 0);
        for (int i = 0; i < 1000; ++i) work(shared);
        ::mprotect(arena, arena_size, PROT_READ | PROT_WRITE);
    }).join();
    CHECK(writes == 0);
    machine.run(100ms);
    CHECK(engine_test::calls_of(m->snapshot(), "whole/request") == 1);
    CHECK(engine_test::calls_of(m->snapshot(), "request") == 1001);
    CHECK(engine_test::calls_of(m->snapshot(), "whole/part") == 1002);
}
#else
TEST_CASE("span sharing: writes can't be observed under a sanitizer") { MESSAGE("skipped"); }
#endif
