#include "joulery/detail/session/defaults.hpp"

#include "engine/support.hpp"
#include "joulery/testing/fake_system.hpp"

#include <doctest/doctest.h>

#include <set>
#include <string>

using namespace joulery;
using engine_test::contains;
using testing::fake_system;

namespace {

fake_system& with_cpu(fake_system& machine) {
    return machine.cpuinfo("GenuineIntel", "Intel(R) Xeon(R) Platinum 8480+", 6, 143, 4)
        .proc_stat(1'000, 9'000)
        .cpus_online("0-3");
}

}  // namespace

TEST_CASE("defaults: a machine with counters uses them, without an estimate or a warning") {
    fake_system machine;
    with_cpu(machine).powercap_zone("intel-rapl:0", "package-0", 1'000'000);
    const found_backends found = open_backends({}, machine.root());
    REQUIRE(found.backends.size() == 1);
    CHECK(found.backends[0]->name() == "rapl-powercap");
    CHECK(found.warnings.empty());
}

TEST_CASE("defaults: a machine without counters is estimated, and the reasons are listed") {
    fake_system machine;
    const found_backends found = open_backends({}, with_cpu(machine).root());
    REQUIRE(found.backends.size() == 1);
    CHECK(found.backends[0]->name() == "estimate");
    CHECK(contains(found.warnings, "rapl-powercap: "));
}

TEST_CASE("defaults: an empty machine has reasons and no backend") {
    fake_system machine;
    const found_backends found = open_backends({"rapl-powercap"}, machine.root());
    CHECK(found.backends.empty());
    CHECK(contains(found.warnings, "rapl-powercap: "));
}

TEST_CASE(
    "defaults: names select backends, `none` selects none, an unknown name lists the known ones") {
    fake_system machine;
    with_cpu(machine).powercap_zone("intel-rapl:0", "package-0", 1'000'000);
    const found_backends both = open_backends({"estimate", "rapl-powercap"}, machine.root());
    REQUIRE(both.backends.size() == 2);
    CHECK(both.backends[0]->name() == "estimate");
    CHECK(open_backends({"none"}, machine.root()).backends.empty());
    CHECK(open_backends({"none"}, machine.root()).warnings.empty());
    const found_backends odd = open_backends({"rapl"}, machine.root());
    CHECK(odd.backends.empty());
    CHECK(contains(odd.warnings, "unknown backend 'rapl'; known are "));
    CHECK(contains(odd.warnings, "rapl-powercap, "));
    CHECK(contains(odd.warnings, "none"));
}

TEST_CASE("defaults: every backend can be selected by its unique name") {
    std::set<std::string> names;
    for (const backend_entry& entry : standard_backends()) {
        CHECK(names.insert(std::string(entry.name)).second);
        CHECK((entry.open != nullptr));
    }
    CHECK(names.count("rapl-powercap") == 1);
    CHECK(names.count("estimate") == 1);
}
