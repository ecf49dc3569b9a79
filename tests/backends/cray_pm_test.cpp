#include "joulery/detail/backends/server/cray_pm.hpp"

#include "joulery/detail/metering/channel_account.hpp"

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

TEST_CASE("cray-pm: a damaged file disables its channel, and a vanished one is gone") {
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

TEST_CASE("cray-pm: values that change during a read are read once more") {
    int reads = 0;
    std::uint64_t fresh = 7;
    const auto stamp = [&] { return fresh; };
    SUBCASE("changed during the read") {
        const auto read = [&] { return ++reads, ++fresh, read_status::ok; };
        CHECK(detail::read_between_updates(stamp, read) == read_status::ok);
        CHECK(reads == 2);
    }
    SUBCASE("all of one moment") {
        const auto read = [&] { return ++reads, read_status::retry; };
        CHECK(detail::read_between_updates(stamp, read) == read_status::retry);
        CHECK(reads == 1);
    }
}

TEST_CASE("cray-pm: restarted counters continue from zero, whatever they show") {
    fake_system m;
    m.file(folder + "energy", "1000 J\n").file(folder + "accel0_power", "400 W\n");
    m.file(folder + "startup", "3\n");
    opened_backend b = open_cray_pm(m.root());
    REQUIRE(b);
    channel_account node(channel_of(**b, "node"));
    double now = 0;
    const auto take = [&] {
        const read_result r = read_all(**b);
        node.take(r.values[0], now += 0.1);
    };
    take();
    m.file(folder + "energy", "1050 J\n");
    take();
    CHECK(node.joules() == 50);
    m.file(folder + "energy", "1060 J\n");  // 1060 J since the start, not 10 since the last read
    SUBCASE("the startup time tells") { m.file(folder + "startup", "4 1700000000123456 us\n"); }
    SUBCASE("an unreadable startup time tells nothing") { m.file(folder + "startup", ""); }
    const bool known = m.root().line(folder + "startup") != "";
    take();
    CHECK(node.joules() == (known ? 1110 : 60));
    CHECK(node.tally().resets == 0);
    m.file(folder + "energy", "1070 J\n");
    take();
    CHECK(node.joules() == (known ? 1120 : 70));
}

TEST_CASE("cray-pm: a startup time that appears late is no restart") {
    fake_system m;
    m.file(folder + "energy", "1000 J\n");
    opened_backend b = open_cray_pm(m.root());
    m.file(folder + "startup", "3\n");
    CHECK(read_all(**b).values[0] == 1000);
    CHECK(read_all(**b).values[0] == 1000);
}

TEST_CASE("cray-pm: a changed power cap is noted") {
    fake_system m;
    node(m);
    m.file(folder + "generation", "5\n");
    opened_backend b = open_cray_pm(m.root());
    (void)read_all(**b);
    CHECK((*b)->note() == "");
    m.file(folder + "generation", "6\n");
    CHECK(read_all(**b).values[0] == 1'234'567);
    CHECK(contains((*b)->note(), "power cap was changed"));
}

TEST_CASE("cray-pm: on other machines it is refused with the reason") {
    fake_system m;
    CHECK(contains(open_cray_pm(m.root()).error().reason, "/sys/cray/pm_counters: not found"));
    m.folder("/sys/cray/pm_counters");
    CHECK(contains(open_cray_pm(m.root()).error().reason, "has no counter"));
}

TEST_CASE("cray-pm: names the node, its processors and cards, and states its power cap") {
    fake_system m;
    node(m);
    m.cpuinfo("AuthenticAMD", "AMD EPYC 7A53 64-Core Processor", 25, 48);
    m.file("/sys/class/dmi/id/sys_vendor", "HPE\n");
    m.file("/sys/class/dmi/id/product_name", "HPE CRAY EX235A\n");
    m.file(folder + "power_cap", "2200 W\n");
    for (const char* card : {"card0", "card1"}) {
        const std::string device = std::string("/sys/class/drm/") + card + "/device";
        m.file(device + "/vendor", "0x1002\n").file(device + "/device", "0x7408\n");
        m.file(device + "/product_name", "AMD INSTINCT MI250X\n");
    }
    opened_backend b = open_cray_pm(m.root());
    REQUIRE(b);
    CHECK(full_contract_violations(**b) == strings{});
    CHECK(channel_of(**b, "node").model == "HPE CRAY EX235A");
    CHECK(channel_of(**b, "node").max_watts == 2200);
    CHECK(channel_of(**b, "node/accel1").model == "AMD INSTINCT MI250X");
    m.file("/sys/class/drm/card1/device/product_name", "another\n");  // ambiguous
    CHECK(channel_of(**open_cray_pm(m.root()), "node/accel1").model == "");
}
