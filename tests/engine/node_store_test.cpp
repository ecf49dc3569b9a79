#include "joulery/detail/timing/node_arena.hpp"

#include <doctest/doctest.h>

#include <cstddef>
#include <cstdint>
#include <set>
#include <vector>

using joulery::detail::node_arena;
using joulery::detail::scope_node;

namespace {
std::vector<scope_node*> walk(const node_arena& nodes) {
    std::vector<scope_node*> seen;
    nodes.for_each_backwards([&](scope_node& n) { seen.push_back(&n); });
    return seen;
}
}  // namespace

TEST_CASE("node store: a walk meets every node once, the last made first, where it was made") {
    node_arena nodes(1);
    CHECK(walk(nodes).empty());
    std::vector<scope_node*> made;
    for (int i = 0; i < 1'000; ++i) {
        made.insert(made.begin(), &nodes.add());
        if (i % 50 == 0 || i > 990) CHECK(walk(nodes) == made);
    }
}

TEST_CASE("node store: a walk sees what was there when it began, whatever is made meanwhile") {
    node_arena nodes(1);
    std::vector<scope_node*> made;
    for (int i = 0; i < 5; ++i) made.insert(made.begin(), &nodes.add());
    std::vector<scope_node*> seen;
    nodes.for_each_backwards([&](scope_node& n) {
        seen.push_back(&n);
        for (int i = 0; i < 30; ++i) (void)nodes.add();  // into this block and new ones
    });
    CHECK(seen == made);
    CHECK(walk(nodes).size() == 5 + 5 * 30);
}

TEST_CASE("node store: each node has marks of its own, one a source, that nothing moves") {
    constexpr std::size_t sources = 3;
    node_arena nodes(sources);
    std::vector<scope_node*> made;
    for (std::size_t i = 0; i < 200; ++i) {
        made.push_back(&nodes.add());
        for (std::size_t s = 0; s < sources; ++s) {
            CHECK(made.back()->marks[s].seen == 0);
            made.back()->marks[s].seen = i * sources + s + 1;
        }
    }
    std::set<std::uint64_t> values;
    for (std::size_t i = 0; i < made.size(); ++i)
        for (std::size_t s = 0; s < sources; ++s) {
            CHECK(made[i]->marks[s].seen == i * sources + s + 1);
            values.insert(made[i]->marks[s].seen);
        }
    CHECK(values.size() == 200 * sources);
}
