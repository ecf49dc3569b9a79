#include "joulery/detail/timing/node_arena.hpp"

#include <doctest/doctest.h>

#include <cstddef>
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

TEST_CASE("node arena: a walk visits every node once, newest first, at its own address") {
    node_arena nodes;
    CHECK(walk(nodes).empty());
    std::vector<scope_node*> made;
    for (int i = 0; i < 1'000; ++i) {
        made.insert(made.begin(), &nodes.add());
        if (i % 50 == 0 || i > 990) CHECK(walk(nodes) == made);
    }
}

TEST_CASE("node arena: a walk sees the nodes that existed when it began") {
    node_arena nodes;
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

TEST_CASE("node arena: a node's index is the number of nodes before it, and nothing moves") {
    node_arena nodes;
    std::vector<scope_node*> made;
    for (std::size_t i = 0; i < 200; ++i) {
        made.push_back(&nodes.add());
        CHECK(made.back()->index == i);
        CHECK(nodes.size() == i + 1);
    }
    for (std::size_t i = 0; i < made.size(); ++i) CHECK(made[i]->index == i);
}
