#include "joulery/detail/metering/domain_tree.hpp"

#include <doctest/doctest.h>

using namespace joulery;

namespace {
channel at(const char* id, const char* parent = "") {
    channel c;
    c.id = id;
    c.parent = parent;
    return c;
}
channel card(const char* id, const char* device) {
    channel c = at(id);
    c.part = component::gpu;
    c.device = device;
    return c;
}
channel meter(const char* id, component part, int update_ms = 10) {
    channel c = at(id);
    c.part = part;
    const std::string name = id;
    const std::size_t digit = name.find_first_of("0123456789");
    const std::string number =
        digit == std::string::npos ? std::string() : ":" + name.substr(digit, 1);
    if (name.rfind("module", 0) == 0) c.device = "cpu-package" + number;
    if (name.rfind("cpu", 0) == 0) c.device = "cpu-package" + number;
    if (name.find("/die") != std::string::npos) c.device += "/die:0";
    if (name.rfind("psys", 0) == 0) c.device = "cpu-packages" + number;
    c.update_period = std::chrono::milliseconds(update_ms);
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

TEST_CASE("domain tree: only roots are summed, wherever they are in the list") {
    CHECK(summed({at("cpu0/core", "cpu0/package"), at("cpu0/package", "psys"),
                  at("cpu0/dram", "psys"), at("psys"), at("cpu1/package", "psys")}) == "psys ");
    CHECK(summed({at("cpu0/package"), at("cpu0/core", "cpu0/package"), at("cpu0/dram")}) ==
          "cpu0/package cpu0/dram ");
}

TEST_CASE("domain tree: an excluded domain names the one that contains it") {
    const domain_tree tree = build_domain_tree({at("a"), at("b", "a"), at("c", "b")});
    CHECK(tree.domains[1].exclusion_reason == "contained in a");
    CHECK(tree.domains[2].exclusion_reason == "contained in b");
    CHECK(tree.domains[2].parent == 1);
    CHECK(tree.warnings.empty());
}

TEST_CASE("domain tree: the first of two views of one counter is summed") {
    const domain_tree tree = build_domain_tree({at("cpu0/package"), at("cpu0/package")});
    CHECK(tree.domains[0].summed);
    CHECK_FALSE(tree.domains[1].summed);
    CHECK(tree.domains[1].exclusion_reason == "same counter as the first cpu0/package");
}

TEST_CASE("domain tree: a channel whose parent is missing becomes a root, with a warning") {
    const domain_tree tree = build_domain_tree({at("gpu0", "module7")});
    CHECK(tree.domains[0].summed);
    REQUIRE(tree.warnings.size() == 1);
    CHECK(tree.warnings[0].find("module7") != std::string::npos);
}

TEST_CASE("domain tree: a cycle is broken into roots, with a warning for each") {
    const domain_tree self = build_domain_tree({at("a", "a")});
    CHECK(self.domains[0].summed);
    CHECK(self.warnings.size() == 1);
    const domain_tree pair = build_domain_tree({at("a", "b"), at("b", "a"), at("c", "b")});
    CHECK(pair.warnings.size() == 1);
    CHECK(pair.domains[0].summed);  // the first of the cycle; the others are inside it
    CHECK(pair.domains[1].exclusion_reason == "contained in a");
    CHECK(pair.domains[2].exclusion_reason == "contained in b");
}

TEST_CASE("domain tree: among several meters of the machine a fast one is summed, else the first") {
    const channel fast = meter("machine/power-meter", component::platform, 50);
    const channel slow = meter("machine/dcmi", component::platform, 1000);
    const channel slower = meter("machine/battery", component::platform, 1000);
    CHECK(summed({fast, slow}) == "machine/power-meter ");
    CHECK(summed({slow, fast}) == "machine/power-meter ");
    CHECK(summed({slow, slower}) == "machine/dcmi ");
    CHECK(summed({slower, slow}) == "machine/battery ");
    const domain_tree tree = build_domain_tree({slow, fast});
    CHECK(tree.domains[0].exclusion_reason ==
          "excluded: the machine is counted by machine/power-meter");
}

TEST_CASE("domain tree: a part belongs to the narrowest meter that contains it") {
    const channel package = meter("cpu0/package", component::cpu);
    const channel module = meter("module0", component::soc);
    const channel inlet = meter("rail/VDD_IN", component::board);
    for (const std::vector<channel>& all :
         {std::vector<channel>{inlet, module, package}, {package, module, inlet}}) {
        CHECK(summed(all) == "rail/VDD_IN ");
        const domain_tree tree = build_domain_tree(all);
        for (std::size_t i = 0; i < all.size(); ++i) {
            if (all[i].id == "cpu0/package") CHECK(tree.domains[i].parent_id == "module0");
            if (all[i].id == "module0") CHECK(tree.domains[i].parent_id == "rail/VDD_IN");
        }
    }
}

TEST_CASE("domain tree: a module contains its own processor and GPUs, psys its packages") {
    const channel one = meter("module0", component::soc), two = meter("module1", component::soc);
    const domain_tree tree = build_domain_tree(
        {one, two, meter("cpu0/package", component::cpu), meter("cpu1/package", component::cpu),
         card("gpu/GPU-a/board", "cpu-package:0/pci:0008:01:00.0"),
         card("gpu/GPU-b/board", "cpu-package:1/pci:0018:01:00.0"),
         card("gpu/0000:03:00.0/board", "pci:0000:03:00.0")});
    std::string parents;
    for (const domain& d : tree.domains) parents += (d.parent_id.empty() ? "-" : d.parent_id) + " ";
    CHECK(parents == "- - module0 module1 module0 module1 - ");
    const domain_tree twice =  // two modules, one of them seen twice
        build_domain_tree({one, one, two, card("a", "cpu-package:0/pci:0008:01:00.0"),
                           card("b", "cpu-package:1/pci:0018:01:00.0"),
                           card("c", "cpu-package:0/pci:0009:01:00.0")});
    CHECK(twice.domains[4].parent_id == "module1");
    CHECK(twice.domains[5].parent_id == "module0");
    const domain_tree sockets = build_domain_tree(
        {meter("psys0", component::platform), meter("psys1", component::platform),
         meter("cpu1/package", component::cpu), meter("cpu2/package", component::cpu)});
    CHECK(sockets.domains[2].parent_id == "psys1");
    CHECK(sockets.domains[3].summed);
}

TEST_CASE("domain tree: a package contains its dies") {
    CHECK(summed({meter("cpu0/die0/package", component::cpu), meter("cpu0/package", component::cpu),
                  meter("cpu1/die0/package", component::cpu)}) ==
          "cpu0/package cpu1/die0/package ");
}

TEST_CASE("domain tree: a channel whose backend places it in another never contains that one") {
    const channel supply = meter("bench/supply", component::other);
    channel rail = meter("node/rail0", component::board), fan = meter("fan", component::other);
    rail.parent = "bench/supply", fan.parent = "node/rail0";
    for (const std::vector<channel>& all :
         {std::vector<channel>{supply, rail, fan}, {fan, rail, supply}}) {
        CHECK(summed(all) == "bench/supply ");
        CHECK(build_domain_tree(all).domains[1].parent_id == "bench/supply");
    }
}

TEST_CASE("domain tree: no channels give an empty tree") {
    CHECK(build_domain_tree({}).domains.empty());
}

TEST_CASE("domain tree: two views of a card are one; its parts and a module's GPU are none") {
    const std::vector<channel> all{
        card("a", "pci:0000:03:00.0"),         card("b", "pci:0000:03:00.0"),
        card("c", "pci:0000:03:00.0/package"), card("d", "cpu-package:0/pci:0009:01:00.0"),
        card("e", "pci:0009:01:00.0"),         card("f", "")};
    const domain_tree tree = build_domain_tree(all);
    CHECK(summed(all) == "a d f ");
    CHECK(tree.domains[1].exclusion_reason == "the same card as a");
    CHECK(tree.domains[2].exclusion_reason == "contained in a");
    CHECK(tree.domains[4].exclusion_reason == "the same card as d");
    CHECK(summed({meter("cpu0/package", component::cpu), all[3]}) == "cpu0/package d ");
}

TEST_CASE("domain tree: a distrusted channel is left out and the channels in it are summed") {
    const std::vector<channel> all{meter("psys", component::platform), at("cpu0/package", "psys"),
                                   at("cpu0/core", "cpu0/package")};
    const domain_tree tree = build_domain_tree(all, {"not trusted: why", "", ""});
    CHECK_FALSE(tree.domains[0].summed);
    CHECK(tree.domains[0].exclusion_reason == "not trusted: why");
    CHECK(tree.domains[1].summed);
    CHECK(tree.domains[2].exclusion_reason == "contained in cpu0/package");
    CHECK(tree.warnings.empty());
}
