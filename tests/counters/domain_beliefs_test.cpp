#include "joulery/detail/metering/domain_tree.hpp"

#include <doctest/doctest.h>

#include <random>

using namespace joulery;
using detail::channel_observation;
using detail::domain_beliefs;
using detail::list;

namespace {

channel at(const char* id, const char* parent = "", component part = component::cpu) {
    channel c;
    c.id = id;
    c.parent = parent;
    c.part = part;
    return c;
}

std::string summed(const std::vector<channel>& channels, const domain_tree& tree) {
    std::string all;
    for (std::size_t i = 0; i < channels.size(); ++i)
        if (tree.domains[i].summed) all += channels[i].id + " ";
    return all;
}

}  // namespace

TEST_CASE("beliefs: a total is trusted until it stands still while its parts count") {
    const std::vector<channel> all{at("card"), at("package", "card")};
    domain_beliefs beliefs(all, {0, 0});
    CHECK(summed(all, *beliefs.update({{0, true}, {5, true}}, 0.5)) == "card ");  // too early
    CHECK(summed(all, *beliefs.update({{20, true}, {15, true}}, 2)) == "card ");
    CHECK(summed(all, *beliefs.update({{20, true}, {19.9, true}}, 2)) == "card ");
    CHECK(summed(all, *beliefs.update({{20, true}, {40, true}}, 4)) == "package ");
    CHECK(beliefs.tree()->domains[0].exclusion_reason ==
          "not trusted: it counted 20 J, less than the 40 J of the channels in it");
    // Distrust is permanent, whatever comes later.
    CHECK(summed(all, *beliefs.update({{200, true}, {100, true}}, 10)) == "package ");
}

TEST_CASE("beliefs: a part that replaces its total must meet the same test") {
    const std::vector<channel> all{at("psys", "", component::platform), at("package", "psys"),
                                   at("core", "package")};
    domain_beliefs beliefs(all, {0, 0, 0});
    CHECK(summed(all, *beliefs.update({{0, true}, {0, true}, {9, true}}, 2)) == "psys ");
    domain_beliefs both(all, {0, 0, 0});
    CHECK(summed(all, *both.update({{0, true}, {4, true}, {9, true}}, 2)) == "core ");
}

TEST_CASE("beliefs: another backend's view of a distrusted total is not summed beside its parts") {
    channel node = at("node", "", component::platform);
    channel card = at("gpu/0/board", "", component::gpu);
    card.device = "pci:0000:c0:00.0";
    const std::vector<channel> all{node, at("node/cpu", "node"), at("node/accel0", "node"), card};
    domain_beliefs beliefs(all, {0, 0, 0, 1});
    const auto tree = beliefs.update({{0, true}, {20, true}, {50, true}, {50, true}}, 2);
    CHECK(summed(all, *tree) == "node/cpu node/accel0 ");
    CHECK(tree->domains[3].exclusion_reason == "contained in the channels summed instead of node");
    domain_beliefs alone({node, card}, {0, 1});  // no other channel shows what the node contained
    CHECK(summed({node, card}, *alone.update({{0, false}, {50, true}}, 2)) == "node ");
}

TEST_CASE(
    "beliefs: a machine meter without a value is replaced by the estimate, and by nothing else") {
    channel meter = at("machine/power-meter", "", component::platform);
    channel estimate = at("machine/estimate", "", component::platform);
    estimate.provenance = quality::estimated;
    estimate.device = "estimate";
    const std::vector<channel> all{meter, estimate};
    domain_beliefs beliefs(all, {0, 1});
    CHECK(summed(all, *beliefs.tree()) == "machine/power-meter ");
    CHECK(summed(all, *beliefs.update({{0, false}, {9, true}}, 2)) == "machine/estimate ");
    domain_beliefs lost(all, {0, 1});  // it had counted before it was lost: partial, but true
    CHECK(summed(all, *lost.update({{100, false}, {9, true}}, 2)) == "machine/power-meter ");
}

TEST_CASE("beliefs: no energy is summed twice, whichever channels are distrusted") {
    for (std::uint64_t seed = 1; seed <= 200; ++seed) {
        CAPTURE(seed);
        std::mt19937_64 random(seed);
        std::vector<channel> all{at("r", "", component::platform)};
        std::vector<std::size_t> owners{0};
        for (int i = 1; i < 8; ++i) {
            const std::string parent = all[random() % all.size()].id;
            all.push_back(at(("c" + std::to_string(i)).c_str(), parent.c_str()));
            owners.push_back(0);
        }
        list<channel_observation> seen;
        for (std::size_t i = 0; i < all.size(); ++i)
            seen.push_back({static_cast<double>(random() % 4) * 10, random() % 5 != 0});
        domain_beliefs beliefs(all, owners);
        const auto tree = beliefs.update(seen, 5);
        for (std::size_t i = 0; i < all.size(); ++i) {
            std::size_t on_the_way = 0;  // summed channels from here up to the root
            for (std::size_t up = i;;) {
                on_the_way += tree->domains[up].summed ? 1 : 0;
                const auto next = std::find_if(all.begin(), all.end(), [&](const channel& c) {
                    return c.id == all[up].parent;
                });
                if (next == all.end()) break;
                up = static_cast<std::size_t>(next - all.begin());
            }
            CHECK(on_the_way <= 1);
        }
    }
}
