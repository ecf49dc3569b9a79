#include "joulery/backends/cray_pm.hpp"

#include "backends/support.hpp"

using namespace joulery;

namespace {
const std::string folder = "/sys/cray/pm_counters/";
void node(fake_system& m) {
    m.file(folder + "energy", "1234567 J 1700000000123456 us\n");
    m.file(folder + "power", "900 W 1700000000123456 us\n");
    m.file(folder + "cpu_energy", "1000 J\n").file(folder + "memory_energy", "200 J\n");
    m.file(folder + "accel0_energy", "300 J\n").file(folder + "accel1_power", "410 W\n");
    m.file(folder + "freshness", "77\n");
}
}  // namespace

TEST_CASE("cray-pm: the node contains its processors, memory and accelerators") {
    fake_system m;
    node(m);
    opened_backend b = open_cray_pm(m.root());
    REQUIRE(b);
    CHECK(ids(**b) == strings{"node", "node/cpu", "node/memory", "node/accel0", "node/accel1"});
    CHECK(nesting(**b) ==
          strings{"node/cpu<node", "node/memory<node", "node/accel0<node", "node/accel1<node"});
    CHECK(channel_of(**b, "node").kind == reading_kind::energy_counter);
    CHECK(channel_of(**b, "node/accel1").kind == reading_kind::power_gauge);
    CHECK(read_all(**b).values == std::vector<std::uint64_t>{1'234'567, 1000, 200, 300, 410});
    CHECK(channel_of(**b, "node").joules_per_count == 1);
    CHECK(contract_violations(**b) == strings{});
}

TEST_CASE("cray-pm: damaged files cost their channel, vanished ones are gone") {
    fake_system m;
    node(m);
    opened_backend b = open_cray_pm(m.root());
    for (const char* bad : {"", " J\n", "-4 J\n", "x J\n", "99999999999999999999 J\n"}) {
        m.file(folder + "energy", bad);
        const read_result r = read_all(**b);
        CHECK(r.status == read_status::ok);
        CHECK(r.values[0] == no_value);
        CHECK(r.values[1] == 1000);
    }
    for (const char* file : {"energy", "cpu_energy", "memory_energy", "accel0_energy"})
        m.vanish(folder + file);
    m.file(folder + "accel1_power", "");
    CHECK(read_all(**b).status == read_status::retry);
    m.vanish(folder + "accel1_power");
    CHECK(read_all(**b).status == read_status::gone);
}

TEST_CASE("cray-pm: elsewhere it says that it is not there") {
    fake_system m;
    CHECK(contains(open_cray_pm(m.root()).error().reason, "/sys/cray/pm_counters: not there"));
    m.folder("/sys/cray/pm_counters");
    CHECK(contains(open_cray_pm(m.root()).error().reason, "holds no counter"));
}
