// Scopes so short that only some of their calls are timed: what reports say of them, and what may
// happen during an untimed call.
#include "joulery/report_io.hpp"
#include "joulery/scope.hpp"
#include "joulery/span.hpp"

#include "approx.hpp"
#include "engine/support.hpp"
#include "joulery/detail/attribution/open_times.hpp"
#include "joulery/detail/attribution/scope_states.hpp"
#include "joulery/detail/session/engine.hpp"
#include "joulery/detail/session/scope_ends.hpp"
#include "joulery/detail/timing/scope_node.hpp"
#include "joulery/testing/scripted_backend.hpp"
#include "joulery/testing/virtual_thread.hpp"
#include "sanitized.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cmath>
#include <csetjmp>
#include <cstdint>
#include <list>
#include <memory>
#include <optional>
#include <random>
#include <string>
#include <thread>
#include <utility>
#include <vector>

using namespace joulery;
using namespace joulery::literals;
using namespace std::chrono_literals;
using engine_test::calls_of;
using engine_test::exact_counter;
using engine_test::objects_lie_on_the_stack;
using joulery::detail::scope_node;
using testing::simulated_machine;
using testing::virtual_thread;

namespace {

// A machine on which timing a scope takes 40 ns of a budget of 1 %: scopes below 4 us are short.
struct machine_of_short_scopes : engine_test::metered_machine {
    explicit machine_of_short_scopes(void (*set)(options&) = nullptr)
        : metered_machine([&](simulated_machine& machine) {
              options o = machine.options_with({exact_counter()});
              testing::access::set_scope_cost(o, 40);
              o.period = 1ms;
              if (set != nullptr) set(o);
              return o;
          }) {
        draw(100_W);
    }
    void call(const scope_name& name, std::chrono::nanoseconds length) {
        scope s{m, name};
        run(length);
    }
    /// Calls until the path has untimed calls.
    void make_short(const scope_name& name) {
        for (int i = 0; i < 200 && !is_sampled(name); ++i)
            for (int k = 0; k < 1'000; ++k) call(name, 1us);
        REQUIRE(is_sampled(name));
    }
    [[nodiscard]] detail::thread_cursor& tree() { return *testing::access::cursor_in(m); }
    [[nodiscard]] bool is_sampled(const scope_name& name) {
        const report r = m.snapshot();
        const scope_row* row = r.find(name.text());
        return row != nullptr && row->untimed_calls > 1000;
    }
    [[nodiscard]] bool is_in_untimed_call() { return tree().current->is_untimed(); }
    /// Opens scopes of that name until one is untimed, and leaves that one open.
    void open_untimed(std::optional<scope>& s, const scope_name& name) {
        while (s.emplace(m, name), !is_in_untimed_call()) {
            run(1us);
            s.reset();
        }
    }
};

const scope_name op{"op"};

std::uint64_t calls_in(meter& m, std::string_view path) { return calls_of(m.snapshot(), path); }

}  // namespace

TEST_CASE("sampled scopes: calls and items are exact, times and joules within their error bars") {
    for (const unsigned seed : {1u, 2u, 3u}) {
        if (is_sanitized && seed > 1) break;
        CAPTURE(seed);
        machine_of_short_scopes b;
        std::mt19937 random(seed);
        const scope_name names[] = {scope_name("norm"), scope_name("attention"), scope_name("ffn")};
        const double watts[] = {60, 150, 100};
        double seconds_in[3] = {}, joules_in[3] = {};
        constexpr int steps = is_sanitized ? 40'000 : 100'000;
        for (int i = 0; i < steps; ++i) {
            scope step{b.m, "step"};
            for (int n = 0; n < 3; ++n) {
                const std::chrono::nanoseconds length(150 * (n + 1) +
                                                      static_cast<int>(random() % 200));
                b.draw(power::from_watts(watts[n]));
                scope s{b.m, names[n]};
                s.add_items(2, "token");
                b.run(length);
                seconds_in[n] += 1e-9 * static_cast<double>(length.count());
                joules_in[n] += watts[n] * 1e-9 * static_cast<double>(length.count());
            }
            b.draw(80_W);
            b.run(100ns);
        }
        const report r = b.m.snapshot();
        double inside = 0;
        for (int n = 0; n < 3; ++n) {
            CAPTURE(n);
            const scope_row& row = *r.find("step/" + std::string(names[n].text()));
            CHECK(row.calls == steps);
            CHECK(row.items == 2 * steps);
            CHECK(row.untimed_calls > steps / 4);
            CHECK(row.time_uncertainty.count() > 0);
            CHECK(std::fabs(row.time.count() - seconds_in[n]) <=
                  std::max(1.5 * row.time_uncertainty.count(), 1e-9));
            CHECK(row.time.count() == approx(seconds_in[n]).epsilon(0.01));
            CHECK(std::fabs(row.total.joules() - joules_in[n]) <=
                  std::max(2 * row.uncertainty.joules(), 0.02 * joules_in[n]));
            inside += row.time.count();
        }
        const scope_row& step = *r.find("step");
        const double around = seconds_in[0] + seconds_in[1] + seconds_in[2] + steps * 100e-9;
        CHECK(step.calls == steps);
        CHECK(step.untimed_calls > steps / 4);
        CHECK(std::fabs(step.time.count() - around) <= 1.5 * step.time_uncertainty.count());
        CHECK(step.time.count() == approx(around).epsilon(0.01));
        CHECK(inside <= step.time.count());
        CHECK(step.total.joules() + r.unscoped.joules() == approx(r.total.joules()).epsilon(1e-9));
    }
}

TEST_CASE("sampled scopes: scopes inside a sampled one are sampled before the next sample") {
    machine_of_short_scopes b;
    for (int i = 0; i < 60'000; ++i) {
        scope step{b.m, "step"};
        b.call(op, 500ns);
    }
    scope_node& step = *b.tree().root.first_child.load();
    scope_node& inside = *step.first_child.load();
    REQUIRE(step.is_sampled());
    REQUIRE(inside.is_sampled());
    detail::stop_sampling(inside);
    for (int i = 0; i < 5'000 && !inside.is_sampled(); ++i) {  // no time passes, so no sample
        scope around{b.m, "step"};
        scope s{b.m, op};
    }
    CHECK(inside.is_sampled());
}

TEST_CASE("sampled scopes: the latest are sampled although no row ends, however many there are") {
    machine_of_short_scopes b([](options& o) { o.period = 100s; });
    const auto make_short = [&b](const scope_name& name) {
        for (int i = 0; i < 2'000; ++i) b.call(name, 1us);
    };
    make_short(op);
    for (std::size_t i = 0; i < detail::few_scopes; ++i)
        scope s{b.m, "another " + std::to_string(i)};
    b.call(scope_name("long"), 1ms);
    make_short(scope_name("later"));
    const auto of_thread = static_cast<detail::thread_context&>(b.tree()).shared_from_this();
    detail::sample_short_ones({of_thread, of_thread}, of_thread->clock->now());
    const auto is_sampled = [&](std::string_view name) {
        return of_thread->find(of_thread->root, name)->is_sampled();
    };
    CHECK(is_sampled("later"));
    CHECK(!is_sampled("long"));
    CHECK(!is_sampled("op"));  // before the latest few
}

TEST_CASE(
    "sampled scopes: an estimate, which tells scopes apart by no power, needs no more of them") {
    for (const bool estimated : {false, true}) {
        CAPTURE(estimated);
        simulated_machine machine;
        testing::simulated_counter counter = exact_counter();
        if (estimated) counter.provenance = quality::estimated;
        meter m{machine.options_with({counter})};
        machine.attach(m);
        scope s{m, "step"};
        machine.run(500ms);
        CHECK(testing::access::cursor_in(m)->exact_times->are_wanted() != estimated);
    }
}

namespace {

// A thread that is preempted for a millisecond again and again, and also waits by itself for as
// long, outside all scopes.
struct interrupted_thread : machine_of_short_scopes {
    explicit interrupted_thread(unsigned seed) : random(seed) {
        auto& of_thread = static_cast<detail::thread_context&>(tree());
        of_thread.played_use = [this] {
            ++looks;
            return use;
        };
    }
    /// Runs for a while; returns how long that was, including the preemptions. ns.
    double work(double nanoseconds) {
        left -= nanoseconds;
        pass(nanoseconds);
        use.busy += nanoseconds * 1e-9;
        if (left > 0) return nanoseconds;
        left = static_cast<double>(random() % 12'000'000);
        ++use.taken_away;
        pass(pause);
        return nanoseconds + pause;
    }
    /// ns of work.
    void lose_after(double nanoseconds) { left = nanoseconds; }
    void wait() {
        ++use.given_up;
        pass(pause);
    }
    std::mt19937 random;
    int looks = 0;  ///< how often the system was asked for the thread's figures

 private:
    void pass(double nanoseconds) {
        run(std::chrono::nanoseconds(static_cast<std::int64_t>(nanoseconds)));
        use.passed += nanoseconds * 1e-9;
    }
    static constexpr double pause = 1e6;
    detail::thread_use use{0, 0, 0, 0};
    double left = 5e6;
};

}  // namespace

TEST_CASE("sampled scopes: time lost to preemption belongs to the scopes it happened in") {
    int covered = 0, all = 0;
    for (unsigned seed = 1; seed <= (is_sanitized ? 1u : 3u); ++seed) {
        CAPTURE(seed);
        interrupted_thread t(seed);
        const scope_name short_one{"short"}, longer{"longer"};
        double in_short = 0, in_longer = 0, around = 0;
        for (int i = 0; i < 150'000; ++i) {
            double step_ns = 0;
            {
                scope step{t.m, "step"};
                {
                    scope s{t.m, short_one};
                    const double ns = t.work(static_cast<double>(300 + t.random() % 200));
                    in_short += ns, step_ns += ns;
                }
                scope s{t.m, longer};
                const double ns = t.work(static_cast<double>(800 + t.random() % 200));
                in_longer += ns, step_ns += ns;
            }
            around += step_ns;
            (void)t.work(600);
            if (i % 5'000 == 0) t.wait();
        }
        const report r = t.m.snapshot();
        const auto check = [&](const char* path, double truth) {
            CAPTURE(path);
            const scope_row& row = *r.find(path);
            const double off = std::fabs(row.time.count() - truth * 1e-9);
            const double bar = row.time_uncertainty.count();
            CHECK(row.untimed_calls > 50'000);
            CHECK(off < 0.05 * truth * 1e-9);
            CHECK(off <= 1.5 * bar);
            covered += off <= bar ? 1 : 0;
            ++all;
        };
        check("step/short", in_short);
        check("step/longer", in_longer);
        check("step", around);
    }
    CHECK(covered >= 0.8 * all);
}

TEST_CASE("sampled scopes: with hundreds in turn the system is asked as rarely as with one") {
    interrupted_thread t(1);
    std::vector<scope_name> names;
    for (int i = 0; i < 100; ++i) names.emplace_back("op " + std::to_string(i));
    std::vector<double> truth(names.size());
    const auto rounds = [&](int times) {
        for (int i = 0; i < times; ++i)
            for (std::size_t k = 0; k < names.size(); ++k) {
                scope s{t.m, names[k]};
                truth[k] += t.work(static_cast<double>(400 + t.random() % 200));
            }
    };
    rounds(is_sanitized ? 22'000 : 30'000);
    const int before = t.looks;
    rounds(2'000);  // 200,000 calls in 100 ms
    CHECK(t.looks - before < 2'000);
    CHECK(t.looks > before);
    const report r = t.m.snapshot();
    int covered = 0, sampled = 0;
    double shown = 0, all = 0;
    for (std::size_t k = 0; k < names.size(); ++k) {
        const scope_row& row = *r.find(names[k].text());
        sampled += row.untimed_calls > 1'000 ? 1 : 0;
        const double off = std::fabs(row.time.count() - truth[k] * 1e-9);
        covered += off <= row.time_uncertainty.count() ? 1 : 0;
        shown += row.time.count();
        all += truth[k] * 1e-9;
    }
    CHECK(sampled == 100);
    CHECK(shown == approx(all).epsilon(0.01));
    CHECK(covered >= 80);
}

TEST_CASE("sampled scopes: a thread's first preemption counts, too") {
    interrupted_thread t(1);
    t.lose_after(1e12);
    const auto call = [&](int times) {
        double truth = 0;
        for (int i = 0; i < times; ++i) {
            scope s{t.m, op};
            truth += t.work(1'000);
        }
        return truth;
    };
    double truth = call(40'000);
    t.lose_after(0);
    truth += call(1);
    t.lose_after(1e12);
    truth += call(2'000);
    const report r = t.m.snapshot();
    REQUIRE(r.find("op")->untimed_calls > 1'000);
    CHECK(r.find("op")->time.count() == approx(truth * 1e-9).epsilon(0.005));
}

TEST_CASE("sampled scopes: scopes that fill their parent never take more time than it") {
    machine_of_short_scopes b([](options& o) { o.period = 100us; });
    std::mt19937 random(5);
    int cut = 0;
    for (int i = 0; i < 2'000; ++i) {
        scope step{b.m, "step"};
        for (int k = 0; k < 50; ++k) b.call(op, std::chrono::nanoseconds(350 + random() % 300));
        if (i % 10 != 0) continue;
        const report r = b.m.snapshot();
        if (const scope_row* row = r.find("step/op")) {
            CHECK(row->time.count() <= r.find("step")->time.count() * (1 + 1e-12));
            // The apparent excess is in the error bar.
            const detail::scope_node& step_node = *b.tree().root.first_child.load();
            const double seems =
                1e-9 * static_cast<double>(step_node.first_child.load()->ticks_at(0));
            CHECK(row->time_uncertainty.count() >= 1.999 * (seems - row->time.count()) - 1e-15);
            cut += seems > row->time.count() * (1 + 1e-9) ? 1 : 0;
            CHECK(r.find("step")->self.joules() >= 0);
        }
    }
    CHECK(cut > 10);
    const report r = b.m.snapshot();
    CHECK(r.find("step/op")->untimed_calls > 50'000);
    CHECK(r.find("step/op")->time <= r.find("step")->time);
    CHECK(r.find("step/op")->time.count() == approx(r.find("step")->time.count()).epsilon(0.01));
}

TEST_CASE("sampled scopes: an untimed call counts as untimed once it has ended") {
    machine_of_short_scopes b;
    b.make_short(op);
    const auto counted = [&] { return b.m.snapshot().find("op")->untimed_calls; };
    const std::uint64_t before = counted();
    std::uint64_t untimed = 0;
    for (int i = 0; i < 200; ++i) {
        {
            scope s{b.m, op};
            untimed += b.is_in_untimed_call() ? 1 : 0;
            b.run(1us);
        }
        CHECK(counted() == before + untimed);
    }
    CHECK(untimed > 100);
}

TEST_CASE("sampled scopes: a scope opened in an untimed call lies inside that call") {
    machine_of_short_scopes b;
    b.make_short(op);
    const std::uint64_t before = calls_in(b.m, "op");
    std::optional<scope> s;
    b.open_untimed(s, op);
    const std::uint64_t opened = testing::access::cursor_in(b.m)->current->calls;
    {
        scope inner{b.m, "inner"};
        b.run(1ms);
        CHECK(calls_in(b.m, "op/inner") == 1);
    }
    s.reset();
    CHECK(&b.tree().root == b.tree().current);
    const report r = b.m.snapshot();
    CHECK(r.find("op")->calls == opened + 1);
    CHECK(r.find("op")->calls > before);
    CHECK(r.find("op/inner")->time.count() == approx(1e-3).epsilon(1e-6));
    CHECK(r.find("op")->time >= r.find("op/inner")->time);
    // The measured part is added to the estimate, which continues.
    const scope_row& then = *r.find("op");
    CHECK(then.time.count() ==
          approx(1e-6 * static_cast<double>(then.calls - 1) + 1e-3).epsilon(1e-3));
    for (int i = 0; i < 30'000; ++i) b.call(op, 1us);
    const report later = b.m.snapshot();
    const scope_row& now = *later.find("op");
    CHECK(now.untimed_calls > then.untimed_calls + 10'000);
    CHECK((now.time - then.time).count() == approx(30e-3).epsilon(1e-2));
}

namespace {

// A scope that is called again and again, with others inside; gives the truth of each path.
class played_scopes {
 public:
    struct path_truth {
        path_truth(const char* of, path_truth* in)
            : name(of), parent(in), path(in->path.empty() ? of : in->path + "/" + of) {}
        path_truth() : name("") {}
        scope_name name;
        path_truth* parent = nullptr;
        std::string path;
        std::list<path_truth> inside;
        std::int64_t nanoseconds = 0;
        std::uint64_t calls = 0;
    };

    explicit played_scopes(std::uint32_t seed) : random(seed) {}

    void open(const char* name) {
        path_truth* found = nullptr;
        for (path_truth& p : now_->inside)
            if (p.name.text() == name) found = &p;
        now_ = found != nullptr ? found : &now_->inside.emplace_back(name, now_);
        ++now_->calls;
        scopes_[scopes_.size() - ++depth_].emplace(b.m, now_->name);  // outer scopes lie higher
    }
    void run(int nanoseconds) {
        b.run(std::chrono::nanoseconds(nanoseconds));
        for (path_truth* p = now_; p != nullptr; p = p->parent) p->nanoseconds += nanoseconds;
    }
    void close() {
        scopes_[scopes_.size() - depth_--].reset();
        now_ = now_->parent;
    }
    void call(const char* name, int nanoseconds) {
        open(name);
        run(nanoseconds);
        close();
    }
    template <class Visit>
    static void for_each(const path_truth& in, Visit visit) {
        for (const path_truth& p : in.inside) {
            visit(p);
            for_each(p, visit);
        }
    }

    machine_of_short_scopes b{[](options& o) { o.period = 100us; }};
    std::mt19937 random;
    path_truth root;

 private:
    path_truth* now_ = &root;
    std::array<std::optional<scope>, 4> scopes_;
    std::size_t depth_ = 0;
};

struct kind_of_step {
    std::string name;
    int steps;  ///< enough for untimed calls; if lengths differ, that takes more
    void (*step)(played_scopes& p, int i, int steps);
};

const kind_of_step kinds_of_steps[] = {
    {"all alike, three deep", 30'000,
     [](played_scopes& p, int, int) {
         p.open("step");
         p.call("norm", 100);
         p.open("layer");
         p.call("op", 60);
         p.run(30);
         p.close();
         p.run(20);
         p.close();
     }},
    {"a child's length goes with the parent's rhythm", 130'000,
     [](played_scopes& p, int i, int) {
         p.open("step");
         p.call("op", i % 2 == 0 ? 100 : 400);
         p.run(i % 2 == 0 ? 20 : 90);
         p.close();
     }},
    {"a child comes three times, in the same order", 30'000,
     [](played_scopes& p, int, int) {
         p.open("step");
         for (const int length : {100, 150, 250}) p.call("op", length);
         p.close();
     }},
    {"as many children as chance will have it", 30'000,
     [](played_scopes& p, int, int) {
         p.open("step");
         for (unsigned n = p.random() % 4; n > 0; --n) p.call("op", 150);
         p.run(20);
         p.close();
     }},
    {"short or long by chance, and so are those inside", 130'000,
     [](played_scopes& p, int, int) {
         const bool is_long = p.random() % 2 == 0;
         p.open("step");
         p.call("op", is_long ? 500 : 100);
         p.call("add", is_long ? 200 : 60);
         p.close();
     }},
    {"changing half-way", 50'000,
     [](played_scopes& p, int i, int steps) {
         p.open("step");
         p.call("op", i < steps / 2 ? 60 : 600);
         p.call("add", i < steps / 2 ? 300 : 30);
         p.close();
     }},
    {"one of a thousand has a long one inside", 30'000,
     [](played_scopes& p, int, int) {
         p.open("step");
         p.call("op", 50);
         if (p.random() % 1000 == 0) p.call("rare", 80'000);
         p.run(20);
         p.close();
     }},
    {"one inside gets long", 30'000,
     [](played_scopes& p, int i, int steps) {
         p.open("step");
         p.call("op", 500);
         p.call("wait", i < steps / 2 ? 900 : 9'000);
         p.close();
     }},
    {"the one around gets long", 30'000,
     [](played_scopes& p, int i, int steps) {
         p.open("step");
         p.call("op", 500);
         p.run(i < steps / 2 ? 900 : 9'000);
         p.close();
     }},
    {"the same name in two others", 50'000,
     [](played_scopes& p, int i, int) {
         p.open(i % 3 == 0 ? "prefill" : "decode");
         p.open("layer");
         p.call("op", i % 3 == 0 ? 500 : 40);
         p.close();
         p.close();
     }},
    {"a scope that is always timed has short ones inside and around", 30'000,
     [](played_scopes& p, int i, int) {
         p.open("step");
         if (i % 16 == 0) {
             p.open("block");
             for (int k = 0; k < 20; ++k) p.call("op", 300);
             p.close();
         }
         p.run(40);
         p.close();
     }},
};

}  // namespace

TEST_CASE("sampled scopes: short scopes nested in short ones keep their true times") {
    int covered = 0, looked_at = 0;
    for (const kind_of_step& kind : kinds_of_steps)
        for (const std::uint32_t seed : {1u}) {
            CAPTURE(kind.name);
            CAPTURE(seed);
            const int steps = is_sanitized ? kind.steps / 4 : kind.steps;
            played_scopes p(seed);
            for (int i = 0; i < steps; ++i) kind.step(p, i, steps);
            std::uint64_t untimed = 0;
            const report r = p.b.m.snapshot();
            played_scopes::for_each(p.root, [&](const played_scopes::path_truth& truth) {
                CAPTURE(truth.path);
                const scope_row& row = *r.find(truth.path);
                CHECK(row.calls == truth.calls);
                const double seconds = 1e-9 * static_cast<double>(truth.nanoseconds);
                const double error = std::fabs(row.time.count() - seconds);
                const double bar = row.time_uncertainty.count();
                untimed += row.untimed_calls;
                CHECK(error <= 0.01 * seconds);
                ++looked_at;
                covered += error <= bar + 1e-9 ? 1 : 0;
            });
            CHECK((is_sanitized || untimed > 10'000));
        }
    CHECK(covered >= 0.93 * looked_at);
}

TEST_CASE("sampled scopes: an overestimate in one row is subtracted from the next") {
    const auto run = [](double scope_cost) {
        machine_of_short_scopes b([](options& set) { set.period = 100us; });
        testing::access::cursor_in(b.m)->cost.worth_timing *= scope_cost;
        std::mt19937 random(3);
        for (int i = 0; i < 3'000; ++i) {
            {
                scope step{b.m, "step"};
                for (int k = 0; k < 50; ++k)
                    b.call(op, std::chrono::nanoseconds(350 + random() % 300));
            }
            b.run(std::chrono::microseconds(1 + random() % 49));
        }
        return b.m.snapshot();
    };
    const report timed = run(0), r = run(1);
    REQUIRE(timed.find("step/op")->untimed_calls == 0);
    REQUIRE(r.find("step/op")->untimed_calls > 50'000);
    CHECK(r.unscoped.joules() == approx(timed.unscoped.joules()).epsilon(0.01));
    CHECK(r.find("step")->self.joules() < 0.01 * r.total.joules());
}

TEST_CASE("sampled scopes: once an inner scope may have run untimed, its end is unknown") {
    machine_of_short_scopes b;
    scope outer{b.m, "outer"};
    auto& tree = static_cast<detail::thread_context&>(b.tree());
    detail::scope_states states;
    states.become({tree.shared_from_this()}, 1);
    detail::open_times times;
    const auto tail_after = [&](auto run) {
        for (const bool has_run : {false, true}) {
            if (has_run) run();
            states.look_again();
            times.look(states, tree.clock->now(), 0, [](const auto&) { return true; });
        }
        return times[0].tail;
    };
    const auto wait = [&] { b.run(10us); };
    const auto call = [&] {
        for (int i = 0; i < 100; ++i) b.call(op, 1us);
        b.run(10us);
    };
    const auto call_once = [&] {
        b.run(10us);
        b.call(op, 1us);
    };
    CHECK(tail_after(call_once) == 0);
    CHECK(tail_after(wait) == 10'000);
    for (int i = 0; i < 400; ++i) call();
    REQUIRE(tree.current->first_child.load()->sampling.untimed() > 1'000);
    CHECK(tail_after(wait) == 10'000);
    CHECK(tail_after(call) == 0);
}

TEST_CASE("sampled scopes: no begin is remembered where every call was timed") {
    machine_of_short_scopes b;
    b.call(op, 1us);
    const scope_node& n = *b.tree().root.first_child.load();
    CHECK(n.sampling.length_at(n.ticks_at(0) + 1'000) == 0);
}

// On the processor's clock, as only that has the fast path.
TEST_CASE(
    "sampled scopes: every call of a long scope inside an untimed call is in that call's time") {
    options o;
    o.backends = no_backends();
    meter m{std::move(o)};
    const scope_name step{"step"}, rare{"rare"};
    const auto call_rarely = [&] {
        const scope s{m, rare};
        for (const std::uint64_t begin = ticks_now(); ticks_now() < begin + 30'000;) continue;
    };
    {
        const scope s{m, step};
        call_rarely();
    }
    scope_node& outer = *testing::access::cursor_in(m)->root.first_child.load();
    scope_node& inner = *outer.first_child.load();
    std::optional<scope> s;
    for (int i = 0; i < 3'000'000 && !outer.is_untimed(); ++i) {
        if (i % 100'000 == 99'999) detail::sample_if_short(outer, ticks_now());
        s.reset();
        s.emplace(m, step);
    }
    REQUIRE(outer.is_untimed());
    detail::sample_if_short(inner, ticks_now());
    call_rarely();  // its end is known from now on
    const std::uint64_t before = outer.ticks_at(0), inside = inner.ticks_at(0);
    for (int i = 0; i < 3; ++i) call_rarely();
    const std::uint64_t now = ticks_now();
    CHECK(inner.ticks_at(now) - inside >= 90'000);
    CHECK(outer.ticks_at(now) - before >= inner.ticks_at(now) - inside);
}

TEST_CASE("sampled scopes: scopes inside an untimed call are visible while it runs") {
    machine_of_short_scopes b;
    const scope_name step{"step"};
    for (int i = 0; i < 60'000; ++i) {
        scope s{b.m, step};
        b.call(op, 1us);
    }
    REQUIRE(b.is_sampled(step));
    std::optional<scope> s;
    b.open_untimed(s, step);
    const report before = b.m.snapshot();
    for (int i = 0; i < 100; ++i) b.call(op, 1us);
    CHECK(calls_in(b.m, "step/op") == calls_of(before, "step/op") + 100);
    {
        scope rare{b.m, "rare"};
        b.run(50us);
        const report now = b.m.snapshot();
        const seconds inside = now.find("step/op")->time + now.find("step/rare")->time;
        CHECK(now.find("step")->time.count() >= inside.count() * (1 - 1e-12));
    }
    for (int i = 100; i < 5'000; ++i) b.call(op, 1us);
    const report then = b.m.snapshot();
    CHECK(calls_of(then, "step/op") == calls_of(before, "step/op") + 5'000);
    CHECK((then.find("step/op")->time - before.find("step/op")->time).count() ==
          approx(5e-3).epsilon(0.1));
    CHECK(then.find("step")->time >= then.find("step/op")->time);
    s.reset();
    const report after = b.m.snapshot();
    CHECK(after.find("step")->time >= after.find("step/op")->time);
    // From the first sign that the call continues, without counting the inner scopes twice.
    CHECK((after.find("step")->time - before.find("step")->time).count() ==
          approx(5.05e-3).epsilon(0.006));
    CHECK(after.total.joules() ==
          approx(after.find("step")->total.joules() + after.unscoped.joules()).epsilon(1e-9));
}

TEST_CASE("sampled scopes: calls since the last timed one count if sampling ends before the next") {
    machine_of_short_scopes b;
    for (int i = 0; i < 600'000 && !b.is_sampled(op); i += 5'000)
        for (int k = 0; k < 5'000; ++k) b.call(op, 100ns);
    std::optional<scope> s;
    for (bool waits = true; waits;) {
        s.emplace(b.m, op);
        const detail::scope_node& n = *b.tree().current;
        waits = !n.is_untimed() || n.calls < n.sampling.calls_before() + 5;
        if (waits) b.run(100ns), s.reset();
    }
    s->set_total(1);  // this call is to be timed
    b.run(100ns);
    s.reset();
    const report r = b.m.snapshot();
    const scope_row& row = *r.find("op");
    CHECK(row.time.count() == approx(100e-9 * static_cast<double>(row.calls)).epsilon(1e-6));
}

TEST_CASE("sampled scopes: an untimed call may end on another thread") {
    machine_of_short_scopes b;
    b.make_short(op);
    std::optional<scope> s;
    b.open_untimed(s, op);
    const std::uint64_t opened = b.tree().current->calls;
    std::thread([&] { s.reset(); }).join();
    { scope next{b.m, "next"}; }
    CHECK(b.tree().current == &b.tree().root);
    CHECK(calls_in(b.m, "op") == opened + 1);
    CHECK(calls_in(b.m, "next") == 1);
    b.call(op, 1us);
    CHECK(calls_in(b.m, "op") == opened + 2);
}

TEST_CASE("sampled scopes: the parent of an untimed call may end before it") {
    machine_of_short_scopes b;
    std::optional<scope> outer, s;
    outer.emplace(b.m, "outer");
    for (int i = 0; i < 40'000; ++i) b.call(op, 1us);
    b.open_untimed(s, op);
    const std::uint64_t opened = b.tree().current->calls;
    outer.reset();
    b.run(1us);
    s.reset();
    CHECK(b.tree().current == &b.tree().root);
    CHECK(calls_in(b.m, "outer/op") == opened + 1);
    { scope next{b.m, "next"}; }
    CHECK(calls_in(b.m, "next") == 1);
}

TEST_CASE("sampled scopes: a parent that ended first is not reopened by its inner scopes") {
    machine_of_short_scopes b;
    const scope_name outer_name{"outer"};
    for (int i = 0; i < 60'000; ++i) {
        scope outer{b.m, outer_name};
        b.call(op, 1us);
    }
    std::optional<scope> outer, s;
    b.open_untimed(outer, outer_name);
    s.emplace(b.m, op);
    outer.reset();
    b.run(10ms);  // the sampler finds it short
    s.reset();
    CHECK(b.tree().current == &b.tree().root);
    { scope next{b.m, "next"}; }
    CHECK(calls_in(b.m, "next") == 1);
}

namespace {
std::jmp_buf back;
[[gnu::noinline]] void fail_in_a_short_scope(machine_of_short_scopes& b) {
    scope s{b.m, op};
    b.run(1us);
    std::longjmp(back, 1);
}
[[gnu::noinline]] void fail_in_two_short_scopes(machine_of_short_scopes& b) {
    volatile char far_down[16'384];  // later scopes lie above all of it
    far_down[0] = 0;
    if (far_down[0] != 0) return;
    scope s{b.m, op};
    fail_in_a_short_scope(b);
}
[[gnu::noinline]] void leave_two_by_longjmp(machine_of_short_scopes& b) {
    if (setjmp(back) == 0) fail_in_two_short_scopes(b);
}
[[gnu::noinline]] void leave_by_longjmp(machine_of_short_scopes& b) {
    if (setjmp(back) == 0) fail_in_a_short_scope(b);
}
}  // namespace

TEST_CASE("sampled scopes: a call left by longjmp is counted, and nothing nests in it") {
    if (!objects_lie_on_the_stack()) return;
    machine_of_short_scopes b;
    b.make_short(op);
    const detail::scope_node& n = *b.tree().root.first_child.load();
    const std::uint64_t before = n.calls;
    for (int i = 0; i < 200; ++i) leave_by_longjmp(b);
    {
        scope next{b.m, "next"};
        b.run(1ms);
    }
    const report r = b.m.snapshot();
    CHECK(r.find("op")->calls == before + 200);
    CHECK(r.scopes.size() == 2);
    CHECK(r.find("next")->time.count() == approx(1e-3).epsilon(1e-6));
}

TEST_CASE("sampled scopes: two nested calls left by longjmp are counted") {
    if (!objects_lie_on_the_stack()) return;
    machine_of_short_scopes b;
    const auto next_are_untimed = [&b] {
        const detail::scope_node& n = *b.tree().root.first_child.load();
        return n.until_timed > 0 && n.first_child.load()->until_timed > 0;
    };
    for (int i = 0; i < 60'000 || (i < 100'000 && !next_are_untimed()); ++i) {
        scope s{b.m, op};
        b.call(op, 1us);
    }
    REQUIRE(next_are_untimed());
    const report before = b.m.snapshot();
    leave_two_by_longjmp(b);
    {
        scope next{b.m, "next"};  // above the abandoned one, on the stack
        b.run(1us);
    }
    const report r = b.m.snapshot();
    CHECK(r.find("op")->calls == before.find("op")->calls + 1);
    CHECK(r.find("op/op")->calls == before.find("op/op")->calls + 1);
    CHECK(calls_of(r, "next") == 1);
}

TEST_CASE("sampled scopes: the thread or the meter may end during an untimed call") {
    std::optional<scope> s;
    {
        machine_of_short_scopes b;
        b.make_short(op);
        b.open_untimed(s, op);
        const std::uint64_t opened = b.tree().current->calls;
        CHECK(calls_in(b.m, "op") >= opened);
    }
    s.reset();  // the meter is gone, its tree is not
}

TEST_CASE("sampled scopes: percentiles come from the timed calls") {
    machine_of_short_scopes b([](options& o) { o.percentiles = true; });
    std::mt19937 random(9);
    constexpr int calls = is_sanitized ? 150'000 : 300'000;
    for (int i = 0; i < calls; ++i) b.call(op, random() % 10 == 0 ? 900ns : 300ns);
    const report r = b.m.snapshot();
    const scope_row& row = *r.find("op");
    CHECK(row.untimed_calls > calls / 30);
    CHECK(row.call_time.p50.count() == approx(300e-9).epsilon(0.05));
    CHECK(row.call_time.p99.count() == approx(900e-9).epsilon(0.05));
    CHECK(has_calls_of(row, row.call_times));
}

TEST_CASE("sampled scopes: the system is asked for nothing where every call is timed") {
    machine_of_short_scopes b([](options& o) { o.percentiles = true; });
    int looks = 0;
    static_cast<detail::thread_context&>(b.tree()).played_use = [&looks] {
        ++looks;
        return detail::thread_use{0, 0, 0, 0};
    };
    for (int i = 0; i < 1'000; ++i) b.call(op, 1ms);
    CHECK(looks == 0);
}

TEST_CASE("sampled scopes: a trace has every call") {
    machine_of_short_scopes b([](options& o) { o.record_slices = 1'000'000; });
    for (int i = 0; i < 40'000; ++i) b.call(op, 1us);
    const report r = b.m.snapshot();
    CHECK(r.find("op")->untimed_calls == 0);
    CHECK(r.slices.slices.size() == 40'000);
}

TEST_CASE("sampled scopes: every call of a task is timed, however short") {
    machine_of_short_scopes b([](options& o) { o.period = 100us; });
    span request{b.m, "request"};
    for (int i = 0; i < 30'000; ++i) {
        task_scope t{b.m, request, "task"};
        b.run(500ns);
    }
    const auto used = request.end();
    CHECK(used.busy_time.count() == approx(30'000 * 500e-9).epsilon(1e-6));
    CHECK(b.m.snapshot().find("request/task")->untimed_calls == 0);
}

TEST_CASE("sampled scopes: reports with them are written, read, subtracted and merged") {
    machine_of_short_scopes b;
    b.make_short(op);
    const report before = b.m.snapshot();
    for (int i = 0; i < 20'000; ++i) b.call(op, 1us);
    const report after = b.m.snapshot();
    const scope_row &then = *before.find("op"), &now = *after.find("op");
    REQUIRE(now.untimed_calls > then.untimed_calls);
    const report window = difference(after, before);
    CHECK(window.find("op")->untimed_calls == now.untimed_calls - then.untimed_calls);
    CHECK(window.find("op")->time_uncertainty <=
          std::max(now.time_uncertainty, then.time_uncertainty));
    const result<report> read = from_json(to_json(after));
    REQUIRE(read);
    CHECK(read->find("op")->untimed_calls == now.untimed_calls);
    CHECK(read->find("op")->time_uncertainty == now.time_uncertainty);
}

TEST_CASE("sampled scopes: threads open short scopes while a sampler looks at them") {
    constexpr int threads = 4, calls = is_sanitized ? 25'000 : 60'000;
    options o;
    o.period = 1ms;
    auto counter = std::make_unique<testing::scripted_backend>(
        "fake", std::vector<channel>{engine_test::joule_channel()});
    counter->grows(1000, 10'000);
    o.backends.push_back(std::move(counter));
    meter m{std::move(o)};
    std::vector<std::thread> all;
    for (int t = 0; t < threads; ++t)
        all.emplace_back([&m] {
            for (int i = 0; i < calls; ++i) {
                scope step{m, "step"};
                scope s{m, "op"};
                s.add_items(1);
                if (i % 1000 == 999) {
                    scope rare{m, i % 2'000 == 999 ? "rare" : "rarer"};
                }
            }
        });
    for (int i = 0; i < 20; ++i) static_cast<void>(m.snapshot());
    for (std::thread& t : all) t.join();
    const report r = m.snapshot();
    CHECK(r.find("step")->calls == threads * calls);
    CHECK(r.find("step/op")->calls == threads * calls);
    CHECK(r.find("step/op")->items == threads * calls);
    CHECK(r.find("step/op")->time <= r.find("step")->time);
}
