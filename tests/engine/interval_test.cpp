// Which scopes an interval shows, and whose part each is, when they end in any order.
#include "joulery/detail/attribution/interval.hpp"

#include "approx.hpp"
#include "joulery/detail/timing/call_recorder.hpp"
#include "joulery/detail/timing/path_table.hpp"
#include "joulery/detail/timing/scope_node.hpp"
#include "joulery/detail/timing/thread_context.hpp"

#include <doctest/doctest.h>

#include <cstdint>
#include <memory>
#include <string>

using joulery::detail::call_recorder;
using joulery::detail::interval;
using joulery::detail::open_time;
using joulery::detail::path_table;
using joulery::detail::scope_node;
using joulery::detail::thread_context;

namespace {

// A tree without a meter, and an interval that looks at it when the test says so.
struct lone_tree {
    thread_context tree{nullptr, std::make_shared<path_table>(1, 1), 1, 0, call_recorder(0, 0)};
    interval seen{0};
    std::uint64_t looked_at = 0;

    scope_node& node(scope_node& parent, const std::string& name) {
        return *tree.child(parent, name, nullptr, 0);
    }
    void look(std::uint64_t now) {
        seen.measure(tree, now, static_cast<double>(now - looked_at));
        looked_at = now;
    }
    /// Null: was not open.
    [[nodiscard]] const open_time* part_of(const scope_node& n) const {
        for (const open_time& t : seen.nodes())
            if (t.node == &n) return &t;
        return nullptr;
    }
    [[nodiscard]] double own_of_all() const {
        double sum = 0;
        for (const open_time& t : seen.nodes()) sum += t.own();
        return sum;
    }
};

}  // namespace

TEST_CASE("interval: parents come before what lies in them, and hold its time") {
    lone_tree t;
    scope_node& step = t.node(t.tree.root, "step");
    scope_node& load = t.node(step, "load");
    scope_node& math = t.node(step, "math");
    scope_node& quiet = t.node(t.tree.root, "quiet");
    step.open(10);
    load.open(10);
    load.close(30);
    math.open(40);
    t.look(100);
    REQUIRE(t.seen.nodes().size() == 3);
    CHECK(t.seen.nodes()[0].node == &step);
    CHECK(t.seen.nodes()[0].ticks == 90);
    CHECK(t.seen.nodes()[0].own() == 10);
    CHECK(t.part_of(load)->own() == 20);
    CHECK(t.part_of(math)->own() == 60);
    CHECK(t.part_of(quiet) == nullptr);
    CHECK(t.seen.idle() == approx(0.1));
    CHECK(t.seen.busiest() == math.path);
    CHECK(t.seen.container() == nullptr);

    t.look(200);  // load was not open any more
    REQUIRE(t.seen.nodes().size() == 2);
    CHECK(t.seen.nodes()[0].node == &step);
    CHECK(t.seen.nodes()[1].own() == 100);
    CHECK(t.seen.container() == math.path);
}

TEST_CASE("interval: what outlives the scope around it has all of its time, and nobody twice") {
    lone_tree t;
    scope_node& outer = t.node(t.tree.root, "outer");
    scope_node& inner = t.node(outer, "inner");
    outer.open(0);
    inner.open(0);
    outer.close(100);
    t.look(100);
    t.look(200);  // the enclosing scope has ended long ago
    REQUIRE(t.part_of(inner) != nullptr);
    CHECK(t.part_of(outer) == nullptr);
    CHECK(t.part_of(inner)->own() == 100);
    CHECK(t.seen.idle() == 0);
    inner.close(250);
    t.look(300);
    CHECK(t.part_of(inner)->own() == 50);
    CHECK(t.seen.idle() == approx(0.5));
}

TEST_CASE("interval: past scopes that ended early, time is part of the nearest one still open") {
    lone_tree t;
    scope_node& top = t.node(t.tree.root, "top");
    scope_node* middle[3];
    scope_node* parent = &top;
    for (scope_node*& n : middle) parent = n = &t.node(*parent, "middle");
    scope_node& beside = t.node(top, "beside");  // on another stream, as a device's tree has them
    scope_node& inner = t.node(*parent, "inner");
    for (scope_node* n : {&top, middle[0], middle[1], middle[2], &inner}) n->open(0);
    t.look(10);
    for (scope_node* n : middle) n->close(10);
    beside.open(20);
    t.look(10 + 100);
    REQUIRE(t.seen.nodes().size() == 3);
    CHECK(t.part_of(inner)->own() == 100);
    CHECK(t.part_of(beside)->own() == 90);
    CHECK(t.part_of(top)->ticks == 190);
    CHECK(t.part_of(top)->own() == 0);
    CHECK(t.own_of_all() == 190);  // once, not at the top as well
    CHECK(t.seen.share(190) == 1);
}
