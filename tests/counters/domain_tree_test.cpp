#include "joulery/counters/domain_tree.hpp"

#include <doctest/doctest.h>

using namespace joulery;

namespace {
channel at(const char* id, const char* parent = "") {
    channel c;
    c.id = id;
    c.parent = parent;
    return c;
}
std::string summed(const std::vector<channel>& channels) {
    const domain_tree tree = build_domain_tree(channels);
    std::string all;
    for (std::size_t i = 0; i < channels.size(); ++i)
        if (tree.domains[i].summed) all += channels[i].id + " ";
    return all;
}
}  // namespace

TEST_CASE("domain tree: only roots are summed, wherever they stand in the list") {
    CHECK(summed({at("cpu0/core", "cpu0/package"), at("cpu0/package", "psys"),
                  at("cpu0/dram", "psys"), at("psys"), at("cpu1/package", "psys")}) == "psys ");
    CHECK(summed({at("cpu0/package"), at("cpu0/core", "cpu0/package"), at("cpu0/dram")}) ==
          "cpu0/package cpu0/dram ");
}

TEST_CASE("domain tree: what is left out says in what it lies") {
    const domain_tree tree = build_domain_tree({at("a"), at("b", "a"), at("c", "b")});
    CHECK(tree.domains[1].why_not == "contained in a");
    CHECK(tree.domains[2].why_not == "contained in b");
    CHECK(tree.domains[2].parent == 1);
    CHECK(tree.warnings.empty());
}

TEST_CASE("domain tree: of two views of one counter the first counts") {
    const domain_tree tree = build_domain_tree({at("cpu0/package"), at("cpu0/package")});
    CHECK(tree.domains[0].summed);
    CHECK_FALSE(tree.domains[1].summed);
    CHECK(tree.domains[1].why_not == "same counter as the first cpu0/package");
}

TEST_CASE("domain tree: a parent that is not there makes a root, with a warning") {
    const domain_tree tree = build_domain_tree({at("gpu0", "module7")});
    CHECK(tree.domains[0].summed);
    REQUIRE(tree.warnings.size() == 1);
    CHECK(tree.warnings[0].find("module7") != std::string::npos);
}

TEST_CASE("domain tree: circles end as roots, with a warning each") {
    const domain_tree self = build_domain_tree({at("a", "a")});
    CHECK(self.domains[0].summed);
    CHECK(self.warnings.size() == 1);
    const domain_tree pair = build_domain_tree({at("a", "b"), at("b", "a"), at("c", "b")});
    CHECK(pair.warnings.size() >= 1);
    bool any = false;
    for (const domain& d : pair.domains) any = any || d.summed;
    CHECK(any);
}

TEST_CASE("domain tree: nothing in, nothing out") { CHECK(build_domain_tree({}).domains.empty()); }
