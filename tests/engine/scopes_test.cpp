// Names, nesting, threads and unusual ends of scopes.
#include "joulery/scope.hpp"

#include "approx.hpp"
#include "engine/support.hpp"
#include "joulery/detail/core/finite.hpp"
#include "joulery/macros.hpp"
#include "joulery/testing/virtual_thread.hpp"
#include "sanitized.hpp"

#include <doctest/doctest.h>

#include <chrono>
#include <cstring>
#include <optional>
#include <string>
#include <thread>
#include <vector>

using namespace joulery;
using namespace joulery::literals;
using namespace std::chrono_literals;
using engine_test::calls_of;
using engine_test::contains;
using engine_test::exact_counter;
using testing::simulated_machine;

namespace {

// A meter on a machine that draws 100 W; time passes when the test says so.
struct bench_machine {
    simulated_machine machine;
    meter m{machine.options_with({exact_counter()})};
    bench_machine() {
        machine.attach(m);
        machine.draw(100_W);
    }
    void run(std::chrono::nanoseconds t) { machine.run(t); }
};

double time_of(const report& r, std::string_view path) {
    const scope_row* row = r.find(path);
    return row != nullptr ? row->time.count() : -1;
}

void recurse(bench_machine& b, int levels) {
    if (levels == 0) return;
    scope s{b.m, "f"};
    b.run(1ms);
    recurse(b, levels - 1);
}

}  // namespace

TEST_CASE("scopes: each recursion level has its own path, and parents contain children") {
    bench_machine b;
    recurse(b, 3);
    const report r = b.m.snapshot();
    CHECK(calls_of(r, "f") == 1);
    CHECK(calls_of(r, "f/f") == 1);
    CHECK(calls_of(r, "f/f/f") == 1);
    CHECK(r.scopes.size() == 3);
    CHECK(time_of(r, "f") == approx(0.003));
    CHECK(time_of(r, "f/f/f") == approx(0.001));
    CHECK(r.find("f")->total.joules() == approx(0.3).epsilon(1e-3));
    CHECK(r.find("f/f")->total.joules() == approx(0.2).epsilon(1e-3));
    CHECK(r.find("f/f")->self.joules() == approx(0.1).epsilon(1e-3));
}

TEST_CASE("scopes: nesting beyond 256 levels goes to the deepest scope, with a note") {
    bench_machine b;
    recurse(b, 300);
    recurse(b, 300);
    const report r = b.m.snapshot();
    CHECK(r.scopes.size() == 256);
    CHECK(r.scopes.back().parent == 254);
    CHECK(r.scopes.back().calls == 2);
    CHECK(r.scopes.back().time.count() == approx(2 * 0.045));  // its own and 44 below it
    CHECK(r.scopes.front().time.count() == approx(0.6));
    CHECK(contains(r.warnings, "88 scopes nested deeper than 256"));
    {
        scope after{b.m, "after"};
        b.run(1ms);
    }
    CHECK(calls_of(b.m.snapshot(), "after") == 1);  // back at the top
}

TEST_CASE("scopes: the same name under different parents makes different paths") {
    bench_machine b;
    for (int i = 0; i < 3; ++i) {
        {
            scope a{b.m, "train"};
            scope s{b.m, "load"};
            b.run(1ms);
        }
        scope a{b.m, "test"};
        scope s{b.m, "load"};
        b.run(2ms);
    }
    const report r = b.m.snapshot();
    CHECK(r.scopes.size() == 4);
    CHECK(calls_of(r, "train/load") == 3);
    CHECK(calls_of(r, "test/load") == 3);
    CHECK(time_of(r, "test/load") == approx(0.006));
}

TEST_CASE("scopes: a buffer's current content is the name, whatever it was before") {
    bench_machine b;
    char buffer[16];
    for (const char* name : {"one", "two", "one", "three", "one"}) {
        std::strcpy(buffer, name);
        scope s{b.m, buffer};
    }
    const report r = b.m.snapshot();
    CHECK(r.scopes.size() == 3);
    CHECK(calls_of(r, "one") == 3);
    CHECK(calls_of(r, "two") == 1);
    CHECK(calls_of(r, "three") == 1);
    const char* nothing = nullptr;
    { scope s{b.m, nothing}; }
    CHECK(calls_of(b.m.snapshot(), "(null)") == 1);
}

TEST_CASE("scopes: names may be any kind of text, and equal texts are one path") {
    bench_machine b;
    static const char same_text[] = "layer";  // not the address of the literal below
    const std::string text = "layer";
    const char* pointer = text.c_str();
    for (int i = 0; i < 2; ++i) {
        { scope s{b.m, "layer"}; }
        { scope s{b.m, same_text}; }
        { scope s{b.m, text}; }
        { scope s{b.m, pointer}; }
        { scope s{b.m, std::string_view(text)}; }
        { scope s{b.m, std::string("lay") + "er"}; }
    }
    const report r = b.m.snapshot();
    CHECK(r.scopes.size() == 1);
    CHECK(calls_of(r, "layer") == 12);
}

TEST_CASE("scopes: empty, long and non-ASCII names are accepted") {
    bench_machine b;
    std::string longer;
    for (int i = 0; i < 150; ++i) longer += "é";  // 300 bytes
    {
        scope unnamed{b.m, ""};
        scope utf8{b.m, "Vorwärts → 前"};
        b.run(1ms);
    }
    for (int i = 0; i < 3; ++i) {
        scope s{b.m, longer};
        b.run(1ms);
    }
    { scope slashes{b.m, "a/b"}; }
    {
        scope a{b.m, "a"};
        scope inner{b.m, "b"};
    }
    const report r = b.m.snapshot();
    CHECK(calls_of(r, "(unnamed)/Vorwärts → 前") == 1);
    CHECK(calls_of(r, longer.substr(0, 200)) == 3);  // cut between characters
    std::uint64_t calls = 0;
    for (const scope_row& row : r.scopes) calls += row.path == "a/b" ? row.calls : 0;
    CHECK(calls == 2);
}

TEST_CASE("scopes: ten thousand distinct paths each have their calls and joules") {
    constexpr int outers = is_sanitized ? 10 : 100;
    bench_machine b;
    for (int round = 0; round < 2; ++round) {
        for (int i = 0; i < outers; ++i) {
            scope outer{b.m, "outer " + std::to_string(i)};
            for (int k = 0; k < 99; ++k) {
                scope inner{b.m, "inner " + std::to_string(k)};
                b.run(10us);
            }
        }
    }
    const report r = b.m.snapshot();
    CHECK(r.scopes.size() == 100 * outers);
    CHECK(calls_of(r, "outer " + std::to_string(outers - 1) + "/inner 98") == 2);
    double self = 0;
    for (const scope_row& row : r.scopes) {
        CHECK(row.calls == 2);
        self += row.self.joules();
    }
    CHECK(self == approx(0.198 * outers).epsilon(1e-3));  // 2 x 99 x 10 us x 100 W each
}

TEST_CASE("scopes: numbered names are folded before memory runs out") {
    detail::path_table paths;
    for (std::size_t i = 0; i < detail::path_table::max_paths; ++i)
        paths.intern(nullptr, "request " + std::to_string(i));
    CHECK_FALSE(paths.folded());
    CHECK(paths.intern(nullptr, "one more")->path == "(other)");
    CHECK(paths.intern(nullptr, "and another")->path == "(other)");
    CHECK(paths.folded());
    CHECK(paths.all().size() == detail::path_table::max_paths + 1);
    CHECK(paths.intern(nullptr, "request 7")->path == "request 7");  // known ones stay
}

TEST_CASE("scopes: items add up by path, and the first item name is kept") {
    bench_machine b;
    for (int i = 0; i < 4; ++i) {
        scope s{b.m, "step"};
        s.add_items(16, "sample");
        s.add_items(0.5, "sample");
        if (i == 3) s.add_items(1, "token");
    }
    {
        scope plain{b.m, "plain"};
        plain.add_items(3);
    }
    { scope none{b.m, "none"}; }
    const report r = b.m.snapshot();
    CHECK(r.find("step")->items == 67);
    CHECK(r.find("step")->item_name == "sample");
    CHECK(r.find("plain")->items == 3);
    CHECK(r.find("plain")->item_name == "item");
    CHECK(r.find("none")->items == 0);
    CHECK(r.find("none")->item_name.empty());
    CHECK(contains(r.warnings,
                   "step counts items of different units, as \"sample\" and as \"token\""));
}

TEST_CASE("scopes: invalid item counts are reported with the scope that counts them") {
    bench_machine b;
    const auto add = [&](const char* name, double items) {
        scope s{b.m, name};
        s.add_items(items, "token");
    };
    add("good", 5);
    CHECK_FALSE(contains(b.m.snapshot().warnings, "items"));
    add("bad", not_a_number());
    add("bad", 5);
    add("worse", -5);
    CHECK(contains(b.m.snapshot().warnings,
                   "bad: add_items() was given a count that is not a finite number; its energy "
                   "per item is unknown (so it is in 1 more scope)"));
}

TEST_CASE("scopes: a scope open across reports has its whole time, calls, items and joules") {
    bench_machine b;
    std::optional<scope> s;
    s.emplace(b.m, "long");
    b.run(10ms);
    report r = b.m.snapshot();
    CHECK(calls_of(r, "long") == 1);
    CHECK(time_of(r, "long") == approx(0.010));
    CHECK(r.find("long")->total.joules() == approx(1.0).epsilon(1e-3));
    {
        scope child{b.m, "child"};
        child.add_items(2);
        b.run(20ms);
    }
    b.run(5ms);
    s.reset();
    for (int i = 0; i < 2; ++i) {  // the second report is the same
        r = b.m.snapshot();
        CHECK(calls_of(r, "long") == 1);
        CHECK(time_of(r, "long") == approx(0.035));
        CHECK(r.find("long/child")->items == 2);
        CHECK(calls_of(r, "long/child") == 1);
        CHECK(time_of(r, "long/child") == approx(0.020));
        CHECK(r.find("long")->total.joules() == approx(3.5).epsilon(1e-3));
        CHECK(r.find("long/child")->total.joules() == approx(2.0).epsilon(1e-3));
        b.run(50ms);
    }
}

TEST_CASE("scopes: ending out of order closes the right scopes and loses no later one") {
    bench_machine b;
    std::optional<scope> outer, middle, inner;
    outer.emplace(b.m, "outer");
    b.run(1ms);
    middle.emplace(b.m, "middle");
    b.run(1ms);
    inner.emplace(b.m, "inner");
    b.run(1ms);
    outer.reset();  // 3 ms
    b.run(1ms);
    middle.reset();  // 3 ms
    b.run(1ms);
    inner.reset();  // 3 ms
    {
        scope next{b.m, "next"};
        b.run(1ms);
    }
    const report r = b.m.snapshot();
    CHECK(calls_of(r, "outer") == 1);
    CHECK(calls_of(r, "outer/middle") == 1);
    CHECK(calls_of(r, "outer/middle/inner") == 1);
    CHECK(time_of(r, "outer") == approx(0.003));
    CHECK(time_of(r, "outer/middle") == approx(0.003));
    CHECK(time_of(r, "outer/middle/inner") == approx(0.003));
    CHECK(calls_of(r, "next") == 1);  // at the top again
    CHECK(r.total.joules() == approx(0.6).epsilon(1e-3));
    double self = r.unscoped.joules();
    for (const scope_row& row : r.scopes) self += row.self.joules();
    CHECK(self == approx(r.total.joules()));
    CHECK(r.find("outer/middle/inner")->total.joules() <= r.find("outer")->total.joules() + 1e-9);
}

TEST_CASE("scopes: in code without blocks, each phase ends where the next one begins") {
    bench_machine b;
    {
        scope around{b.m, "around"};
        std::optional<scope> phase;
        for (int i = 0; i < 3; ++i) {
            phase.emplace(b.m, "load");
            b.run(1ms);
            phase.emplace(b.m, "run");
            phase->add_items(4, "row");
            b.run(2ms);
        }
        scope odd{b.m, "odd"};  // and whichever phase is open then
        phase.reset();
        b.run(5ms);
    }
    const report r = b.m.snapshot();
    CHECK(calls_of(r, "around/load") == 3);
    CHECK(time_of(r, "around/load") == approx(3e-3));
    CHECK(time_of(r, "around/run") == approx(6e-3));
    CHECK(r.find("around/run")->items == 12);
    CHECK(time_of(r, "around") == approx(14e-3));
    CHECK(time_of(r, "around/run/odd") == approx(5e-3));
}

TEST_CASE("scopes: ended threads leave their calls, time and joules in the report") {
    bench_machine b;
    for (int i = 0; i < 100; ++i) {
        std::thread worker([&] {
            scope s{b.m, "job"};
            scope part{b.m, "part"};
            b.run(1ms);
        });
        worker.join();
        if (i % 30 == 0) (void)b.m.snapshot();
    }
    for (int i = 0; i < 3; ++i) {
        const report r = b.m.snapshot();
        CHECK(calls_of(r, "job") == 100);
        CHECK(calls_of(r, "job/part") == 100);
        CHECK(time_of(r, "job") == approx(0.1));
        CHECK(r.find("job")->total.joules() == approx(10.0).epsilon(1e-2));
    }
}

TEST_CASE("scopes: many threads have a stack each") {
    options o;
    o.backends.push_back(std::make_unique<engine_test::joule_a_read>());
    meter m{std::move(o)};
    std::vector<std::thread> workers;
    for (int t = 0; t < 16; ++t)
        workers.emplace_back([&m] {
            for (int i = 0; i < 1'000; ++i) {
                scope a{m, "request"};
                a.add_items(2, "token");
                scope c{m, i % 2 == 0 ? "even" : "odd"};
            }
        });
    for (std::thread& w : workers) w.join();
    const report r = m.snapshot();
    CHECK(r.scopes.size() == 3);
    CHECK(calls_of(r, "request") == 16'000);
    CHECK(calls_of(r, "request/even") == 8'000);
    CHECK(calls_of(r, "request/odd") == 8'000);
    CHECK(r.find("request")->items == 32'000);
    CHECK(r.find("request")->time.count() < 16 * r.context.duration.count());
}

TEST_CASE("scopes: two meters on one thread are independent") {
    bench_machine b, c;
    {
        scope x{b.m, "x"};
        scope y{c.m, "y"};
        scope z{b.m, "z"};
        b.run(1ms);
    }
    CHECK(calls_of(b.m.snapshot(), "x/z") == 1);
    CHECK(b.m.snapshot().scopes.size() == 2);
    CHECK(calls_of(c.m.snapshot(), "y") == 1);
    CHECK(c.m.snapshot().scopes.size() == 1);
}

TEST_CASE("scopes: a scope may end after its meter") {
    auto b = std::make_unique<bench_machine>();
    std::optional<scope> s;
    s.emplace(b->m, "work");
    s->add_items(1, "sample");
    b->run(1ms);
    b->machine.detach();
    b.reset();
    s->add_items(1, "token");
    CHECK(static_cast<bool>(*s));
    s.reset();  // and touches no freed memory
}
