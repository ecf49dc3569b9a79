// The process-wide meter: its start, its end, forks, the environment. Each case runs in a separate
// process; the parent never starts the session.
#include "joulery/session.hpp"

#include "engine/child_process.hpp"
#include "engine/support.hpp"
#include "joulery/macros.hpp"
#include "joulery/testing/fake_system.hpp"
#include "sanitized.hpp"

#include <doctest/doctest.h>

#include <atomic>
#include <chrono>
#include <cstdlib>
#include <memory>
#include <string>
#include <thread>
#include <utility>

#include <dlfcn.h>
#include <link.h>
#include <sys/wait.h>
#include <unistd.h>

using namespace joulery;
using engine_test::calls_of;
using engine_test::child_of_threads_may_start_threads;
using engine_test::child_result;
using engine_test::contains;
using engine_test::in_child;
using engine_test::must;

// A child's leak checker looks for threads that stayed with its parent, and reports that on stderr.
static bool leaks_are_the_parents = false;
extern "C" int __lsan_is_turned_off() { return leaks_are_the_parents ? 1 : 0; }

// The loader's list, counted: readers hold a lock, which a fork leaves locked.
// The thread sanitizer reads it earlier than a program can.
#ifndef JOULERY_TEST_TSAN
static std::atomic<int> looks_at_loader{0};
using visit_object = int (*)(dl_phdr_info*, std::size_t, void*);
extern "C" int dl_iterate_phdr(visit_object visit, void* data) {
    ++looks_at_loader;
    static const auto real =
        reinterpret_cast<int (*)(visit_object, void*)>(::dlsym(RTLD_NEXT, "dl_iterate_phdr"));
    return real(visit, data);
}
#endif

namespace {

options one_backend() {
    options o;
    o.backends.push_back(std::make_unique<engine_test::joule_a_read>());
    return o;
}
void check_silent_success(const child_result& c) {
    INFO(c.err);
    CHECK(c.exit_code == 0);
    CHECK(c.out.empty());
    CHECK(c.err.empty());
}

struct last_words {
    ~last_words() {
        JOULERY_SCOPE("thread's last destructor");
        scope again{std::string("again")};
    }
};
struct static_scopes {
    static_scopes() { JOULERY_SCOPE("static constructor"); }
    ~static_scopes() {
        JOULERY_SCOPE("static destructor");
        (void)snapshot();
        stop();
    }
};

}  // namespace

TEST_CASE("session: the first scope starts it, and nothing is printed unless requested") {
    check_silent_success(in_child([] {
        must(snapshot().scopes.empty(), "no scope, no row");
        for (int i = 0; i < 3; ++i) JOULERY_SCOPE("work");
        must(calls_of(snapshot(), "work") == 3, "three calls");
    }));
}

TEST_CASE("session: the first scope is measured without a snapshot before it") {
    check_silent_success(in_child([] {
        {
            scope s{"first"};
            must(static_cast<bool>(s), "the first scope is measured");
        }
        must(calls_of(snapshot(), "first") == 1, "one call");
    }));
}

TEST_CASE("session: a second start begins a new run, a second stop changes nothing") {
    check_silent_success(in_child([] {
        options named = one_backend();
        named.run_name = "first";
        start(std::move(named));
        { JOULERY_SCOPE("a"); }
        start(one_backend());
        { JOULERY_SCOPE("b"); }
        stop();
        const report r = snapshot();
        must(r.find("a") == nullptr && calls_of(r, "b") == 1, "only the second run's scopes");
        must(r.context.run_name.empty(), "only the second run's name");
        stop();
        must(calls_of(snapshot(), "b") == 1, "the last report stays");
        must(snapshot().total == r.total, "with the same joules");
    }));
}

TEST_CASE("session: a thread of an earlier run loses no scope of a later one") {
    check_silent_success(in_child([] {
        std::atomic<int> run{0}, done{0};
        std::thread worker([&] {
            for (int n = 1; n <= 3; ++n) {
                while (run.load() < n) std::this_thread::yield();
                for (int i = 0; i < 10; ++i) scope s{"worker"};
                ++done;
            }
        });
        for (int n = 1; n <= 3; ++n) {
            start(one_backend());
            run = n;
            while (done.load() < n) std::this_thread::yield();
            must(calls_of(snapshot(), "worker") == 10, "every scope of this run");
        }
        worker.join();
    }));
}

TEST_CASE("session: scopes after stop do nothing until start begins a new run") {
    check_silent_success(in_child([] {
        start(one_backend());
        {
            JOULERY_SCOPE("over the end");
            stop();
            scope late{"late"};
            must(!late, "a scope after stop is inert");
            late.add_items(1, "sample");
        }
        must(snapshot().find("late") == nullptr, "and has no row");
        must(calls_of(snapshot(), "over the end") == 1, "the open one has");
        start(one_backend());
        { JOULERY_SCOPE("late"); }
        must(calls_of(snapshot(), "late") == 1, "measured again");
    }));
}

TEST_CASE("session: stop before the first start leaves it stopped") {
    check_silent_success(in_child([] {
        stop();
        scope s{"work"};
        must(!s, "inert");
        must(snapshot().scopes.empty(), "no rows");
    }));
}

TEST_CASE("session: switching affects new scopes only, and none are counted while it is off") {
    check_silent_success(in_child([] {
        set_enabled(false);
        {
            scope off{"off"};
            must(!off, "inert from the start");
            set_enabled(true);
        }
        {
            scope on{"on"};
            set_enabled(false);
            must(static_cast<bool>(on), "measured to its end");
        }
        { JOULERY_SCOPE("off again"); }
        const report r = snapshot();
        must(r.scopes.size() == 1 && calls_of(r, "on") == 1, "one row, one call");
        set_enabled(true);
        { JOULERY_SCOPE("on"); }
        must(calls_of(snapshot(), "on") == 2, "on again");
    }));
}

TEST_CASE(
    "session: scopes may be in static constructors, destructors and thread-exit destructors") {
    check_silent_success(in_child([] {
        static static_scopes early;
        start(one_backend());
        static static_scopes late;
        thread_local last_words mine;
        (void)mine;
        for (int i = 0; i < 3; ++i) {
            std::thread worker([] {
                thread_local last_words made_before_the_tree;
                (void)made_before_the_tree;
                JOULERY_SCOPE("worker");
                thread_local last_words made_after_the_tree;
                (void)made_after_the_tree;
            });
            worker.join();
        }
        must(calls_of(snapshot(), "worker") == 3, "threads that ended are counted");
    }));
}

TEST_CASE("session: reports are written at exit and the exit code is the program's") {
    const engine_test::folder files;
    const child_result c = in_child(
        [&] {
            options o = one_backend();
            o.reports = {files.path("run.csv"), "-"};
            start(std::move(o));
            { JOULERY_SCOPE("work"); }
            std::exit(7);
        },
        {{"JOULERY_REPORT", files.path("run.json") + " , " + files.path("run.txt")}});
    CHECK(c.exit_code == 7);
    CHECK(c.out.empty());
    CHECK(c.err.find("work") != std::string::npos);
    for (const char* name : {"run.csv", "run.json", "run.txt"})
        CHECK(files.text(name).find("work") != std::string::npos);
}

TEST_CASE("session: a report that can't be written goes to stderr, and the others are written") {
    const engine_test::folder files;
    const child_result c =
        in_child([] { JOULERY_SCOPE("work"); },
                 {{"JOULERY_REPORT", files.path("no/such/run.json") + "," + files.path("run.what") +
                                         "," + files.path("good.json")}});
    CHECK(c.exit_code == 0);
    CHECK(c.out.empty());
    CHECK(c.err.find("no/such/run.json: No such file") != std::string::npos);
    CHECK(c.err.find("run.what: its ending names no known format") != std::string::npos);
    const std::size_t table = c.err.find("work");
    REQUIRE(table != std::string::npos);
    CHECK(c.err.find("work", table + 1) == std::string::npos);  // once, for all of them
    CHECK(files.text("good.json").find("work") != std::string::npos);
}

TEST_CASE("session: JOULERY=off measures nothing and says so if a report is requested") {
    check_silent_success(in_child(
        [] {
            scope s{"work"};
            must(!s, "not measured");
            must(snapshot().scopes.empty(), "no row");
            scope next{"next"};
            must(!next, "inert");
            must(contains(snapshot().warnings, "JOULERY=off"), "says why");
            start(one_backend());
            must(snapshot().channels.empty(), "start() does not override the user's off");
        },
        {{"JOULERY", "off"}}));
}

TEST_CASE(
    "session: a forked child measures nothing until it starts, and the parent is unaffected") {
    check_silent_success(in_child([] {
        start(one_backend());
        JOULERY_SCOPE("parent");
        { JOULERY_SCOPE("before"); }
        const pid_t child = ::fork();
        if (child == 0) {
            {
                scope s{"child"};
                must(!s, "inert in the child");
            }
            must(snapshot().scopes.empty(), "an empty report");
            must(contains(snapshot().warnings, "forked"), "that says why");
            set_enabled(true);
            must(!scope{"still"}, "the switch does not start it");
            if (!child_of_threads_may_start_threads) ::_exit(0);
            start(one_backend());
            { JOULERY_SCOPE("child"); }
            const report r = snapshot();
            must(r.scopes.size() == 1 && calls_of(r, "child") == 1, "a run of its own");
            must(!contains(r.warnings, "forked"), "without the note");
            stop();
            ::_exit(0);
        }
        int status = 0;
        must(::waitpid(child, &status, 0) == child && status == 0, "the child is content");
        { JOULERY_SCOPE("after"); }
        const report r = snapshot();
        must(calls_of(r, "parent/before") == 1 && calls_of(r, "parent/after") == 1, "both sides");
        must(r.find("child") == nullptr && r.find("parent/child") == nullptr,
             "nothing of the child's");
    }));
}

TEST_CASE("session: a forked child does not write its parent's report when it exits") {
    const engine_test::folder files;
    const child_result c = in_child([&] {
        options o = one_backend();
        o.reports = {files.path("run.json")};
        o.checkpoint = {};
        start(std::move(o));
        { JOULERY_SCOPE("work"); }
        const pid_t child = ::fork();
        if (child == 0) {
            leaks_are_the_parents = true;
            std::exit(0);
        }
        int status = 0;
        must(::waitpid(child, &status, 0) == child && status == 0, "the child ends well");
        must(files.text("run.json").empty(), "no report yet");
    });
    check_silent_success(c);
    CHECK(files.text("run.json").find("work") != std::string::npos);
}

#ifndef JOULERY_TEST_TSAN
TEST_CASE("session: a forked child never reads the loader's list, which may have stayed locked") {
    check_silent_success(in_child([] {
        start(one_backend());
        looks_at_loader = 0;
        (void)snapshot();
        must(looks_at_loader > 0, "who was not forked looks for copies of another version");
        const pid_t child = ::fork();
        if (child == 0) {
            looks_at_loader = 0;
            start(one_backend());
            { JOULERY_SCOPE("child"); }
            must(calls_of(snapshot(), "child") == 1, "the child has its own");
            must(looks_at_loader == 0, "without a look");
            ::_exit(0);
        }
        int status = 0;
        must(::waitpid(child, &status, 0) == child && status == 0, "the child is content");
    }));
}
#endif

TEST_CASE("session: forks while other threads are inside scopes and the engine is working") {
    check_silent_success(in_child([] {
        options o = one_backend();
        o.period = std::chrono::microseconds(200);
        start(std::move(o));
        std::atomic<bool> done{false};
        std::thread worker([&] {
            for (int i = 0; !done.load(); i = (i + 1) % 500) {
                JOULERY_SCOPE("outer");
                scope inner{"inner " + std::to_string(i)};
            }
        });
        std::thread reporter([&] {
            while (!done.load()) (void)snapshot();
        });
        for (int i = 0; i < 20; ++i) {
            const pid_t child = ::fork();
            if (child == 0) {
                ::alarm(20);  // threads are not inherited
                { JOULERY_SCOPE("child"); }
                // A sanitizer's allocator keeps a lock that another thread held at the fork.
                if (is_sanitized) ::_exit(0);
                start(one_backend());
                { JOULERY_SCOPE("child"); }
                must(calls_of(snapshot(), "child") == 1, "the child has its own");
                ::_exit(0);
            }
            int status = 0;
            must(::waitpid(child, &status, 0) == child && status == 0,
                 "the child is content and found no lock of another thread's");
        }
        done = true;
        worker.join();
        reporter.join();
        must(snapshot().find("child") == nullptr, "the parent has none of it");
        must(calls_of(snapshot(), "outer") > 0, "but its own");
    }));
}
