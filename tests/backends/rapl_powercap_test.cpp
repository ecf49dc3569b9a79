#include "joulery/detail/backends/cpu/rapl_powercap.hpp"

#include "approx.hpp"
#include "backends/support.hpp"
#include "joulery/detail/metering/channel_account.hpp"
#include "joulery/detail/metering/domain_tree.hpp"

using namespace joulery;

namespace {

constexpr std::uint64_t client_range = 262'143'328'850;  // 61,035 nJ a count
constexpr std::uint64_t amd_range = 65'532'610'987;      // 15,258 nJ a count

strings summed(const backend& b) {
    strings all;
    const domain_tree tree = build_domain_tree(b.channels());
    CHECK(tree.warnings.empty());
    for (std::size_t i = 0; i < tree.domains.size(); ++i)
        if (tree.domains[i].summed) all.push_back(b.channels()[i].id);
    return all;
}

std::unique_ptr<backend> opened(const fake_system& machine) {
    opened_backend b = open_rapl_powercap(machine.root());
    INFO(b.error().reason);
    REQUIRE(b);
    return std::move(*b);
}

void two_sockets(fake_system& m) {
    m.cpuinfo("GenuineIntel", "Intel(R) Xeon(R) Gold 6248", 6, 85);
    m.file("/sys/class/powercap/intel-rapl/enabled", "1\n");
    m.powercap_zone("intel-rapl:0", "package-0", 1'000'000);
    m.powercap_zone("intel-rapl:0:0", "core", 2'000'000);
    m.powercap_zone("intel-rapl:0:1", "dram", 3'000'000, 65'712'999'613);
    m.powercap_zone("intel-rapl:1", "psys", 9'000'000);
    m.powercap_zone("intel-rapl:2", "package-1", 4'000'000);
    m.powercap_zone("intel-rapl:2:0", "dram", 5'000'000, 65'712'999'613);
}

}  // namespace

TEST_CASE("rapl-powercap: psys of two sockets contains both and their memory") {
    fake_system m;
    two_sockets(m);
    const auto rapl = opened(m);
    CHECK(rapl->name() == "rapl-powercap");
    CHECK(ids(*rapl) ==
          strings{"psys", "cpu0/package", "cpu0/core", "cpu0/dram", "cpu1/package", "cpu1/dram"});
    CHECK(nesting(*rapl) == strings{"cpu0/package<psys", "cpu0/core<cpu0/package", "cpu0/dram<psys",
                                    "cpu1/package<psys", "cpu1/dram<psys"});
    CHECK(summed(*rapl) == strings{"psys"});
    const read_result r = read_all(*rapl);
    CHECK(r.status == read_status::ok);
    CHECK(r.values == std::vector<std::uint64_t>{9'000'000, 1'000'000, 2'000'000, 3'000'000,
                                                 4'000'000, 5'000'000});
    CHECK(contract_violations(*rapl) == strings{});
}

TEST_CASE("rapl-powercap: without psys, packages and memory are summed and cores are not") {
    fake_system m;
    two_sockets(m);
    m.remove("/sys/class/powercap/intel-rapl:1");
    CHECK(summed(*opened(m)) == strings{"cpu0/package", "cpu0/dram", "cpu1/package", "cpu1/dram"});
}

TEST_CASE("rapl-powercap: each of several psys contains its own package") {
    fake_system m;
    m.powercap_zone("intel-rapl:0", "package-0", 1);
    m.powercap_zone("intel-rapl:1", "psys", 2);
    m.powercap_zone("intel-rapl:2", "package-1", 3);
    m.powercap_zone("intel-rapl:3", "psys-1", 4);
    const auto rapl = opened(m);
    CHECK(nesting(*rapl) == strings{"cpu0/package<psys0", "cpu1/package<psys1"});
    CHECK(summed(*rapl) == strings{"psys0", "psys1"});
}

TEST_CASE("rapl-powercap: zone ids are hexadecimal, and only their names matter") {
    fake_system m;
    for (unsigned i = 0; i < 12; ++i) {
        const std::string digit = i < 10 ? std::to_string(i) : std::string(1, char('a' + i - 10));
        m.powercap_zone("intel-rapl:" + digit, "package-" + std::to_string(i), 100 + i);
        m.powercap_zone("intel-rapl:" + digit + ":0", "dram", 200 + i);
    }
    const auto rapl = opened(m);
    const read_result r = read_all(*rapl);
    REQUIRE(r.values.size() == 24);
    CHECK(rapl->channels()[20].id == "cpu10/package");
    CHECK(r.values[20] == 110);
    CHECK(rapl->channels()[23].id == "cpu11/dram");
    CHECK(r.values[23] == 211);
}

TEST_CASE("rapl-powercap: the range gives the counter's step and where it wraps") {
    CHECK(rapl_unit_nanojoules(client_range) == 61'035);
    CHECK(rapl_wrap_at(client_range) == 262'143'328'911);
    CHECK(rapl_unit_nanojoules(amd_range) == 15'258);
    CHECK(rapl_unit_nanojoules(65'712'999'613) == 15'300);
    CHECK(rapl_unit_nanojoules(4'294'967'295'000'000) == 1e9);  // psys of Sapphire Rapids
    CHECK(rapl_wrap_at(4'294'967'295'000'000) == 4'294'967'296'000'000);
    CHECK(rapl_wrap_at(0) == 0);
    fake_system m;
    two_sockets(m);
    const auto rapl = opened(m);
    CHECK(channel_of(*rapl, "cpu0/package").quantum == approx(61.035e-6));
    CHECK(channel_of(*rapl, "cpu0/dram").wrap_at == 65'712'999'628);
    CHECK(channel_of(*rapl, "cpu0/package").joules_per_count == 1e-6);
}

TEST_CASE("rapl-powercap: wraps of domains with different ranges add up exactly") {
    fake_system m;
    m.powercap_zone("intel-rapl:0", "package-0", client_range - 60);
    m.powercap_zone("intel-rapl:0:0", "dram", 65'712'999'613 - 14, 65'712'999'613);
    const auto rapl = opened(m);
    std::vector<channel_account> accounts;
    for (const channel& c : rapl->channels()) accounts.emplace_back(c);
    const auto take = [&](double at) {
        const read_result r = read_all(*rapl);
        for (std::size_t i = 0; i < accounts.size(); ++i) accounts[i].take(r.values[i], at);
    };
    take(0);
    m.powercap_energy("intel-rapl:0", 1'000'000).powercap_energy("intel-rapl:0:0", 500'000);
    take(1);
    CHECK(accounts[0].joules() == approx(1.000'121).epsilon(1e-9));  // 60 + 61 uJ on top
    CHECK(accounts[1].joules() == approx(0.500'029).epsilon(1e-9));  // 14 + 15
    CHECK(accounts[0].tally().wraps == 1);
    CHECK(accounts[1].tally().wraps == 1);
}

TEST_CASE("rapl-powercap: dies with separate counters are both summed") {
    fake_system m;
    m.cpuinfo("GenuineIntel", "Intel(R) Xeon(R) Platinum 9242", 6, 85);
    m.powercap_zone("intel-rapl:0", "package-0-die-0", 7'000'000);
    m.powercap_zone("intel-rapl:1", "package-0-die-1", 5'000'000);
    m.powercap_zone("intel-rapl:1:0", "dram", 1'000'000);
    const auto rapl = opened(m);
    CHECK(ids(*rapl) == strings{"cpu0/die0/package", "cpu0/die1/package", "cpu0/die1/dram"});
    CHECK(summed(*rapl).size() == 3);
    CHECK(channel_of(*rapl, "cpu0/die1/package").device == "cpu-package:0/die:1");
}

TEST_CASE("rapl-powercap: two dies that mirror one counter are counted once") {
    fake_system m;
    SUBCASE("on AMD, whatever they show") {
        m.cpuinfo("AuthenticAMD", "AMD Ryzen Threadripper 1950X", 23, 1);
        m.powercap_zone("intel-rapl:0", "package-0-die-0", 7'000'000, amd_range);
        m.powercap_zone("intel-rapl:0:0", "core", 70, amd_range);
        m.powercap_zone("intel-rapl:1", "package-0-die-1", 7'000'061, amd_range);
        m.powercap_zone("intel-rapl:1:0", "core", 80, amd_range);
        const auto rapl = opened(m);
        CHECK(ids(*rapl) == strings{"cpu0/package", "cpu0/one-core"});
        CHECK(contains(rapl->note(), "one core"));
        CHECK(contains(rapl->note(), "dies mirror the counter of their package"));
        CHECK(summed(*rapl) == strings{"cpu0/package"});
        CHECK(read_all(*rapl).values == std::vector<std::uint64_t>{7'000'000, 70});
    }
    SUBCASE("elsewhere, by their values") {
        m.cpuinfo("GenuineIntel", "unknown", 6, 1);
        m.powercap_zone("intel-rapl:0", "package-0-die-0", 7'000'000);
        m.powercap_zone("intel-rapl:0:0", "dram", 1);
        m.powercap_zone("intel-rapl:1", "package-0-die-1", 7'000'000);
        m.powercap_zone("intel-rapl:1:0", "dram", 1);
        m.powercap_zone("intel-rapl:2", "package-1-die-0", 7'000'000);
        const auto rapl = opened(m);
        CHECK(ids(*rapl) == strings{"cpu0/package", "cpu0/dram", "cpu1/die0/package"});
        CHECK(contains(rapl->note(), "cpu0/die1 mirrors cpu0/die0"));
    }
}

TEST_CASE("rapl-powercap: the MMIO interface shows the same counter and is used only if needed") {
    fake_system m;
    m.powercap_zone("intel-rapl-mmio:0", "package-0", 222);
    m.powercap_zone("intel-rapl:0", "package-0", 111);
    m.powercap_zone("intel-rapl:0:0", "core", 1);
    SUBCASE("both readable") {
        const auto rapl = opened(m);
        CHECK(ids(*rapl) == strings{"cpu0/package", "cpu0/core"});
        CHECK(read_all(*rapl).values[0] == 111);
    }
    SUBCASE("only MMIO readable") {
        m.chmod("/sys/class/powercap/intel-rapl:0/energy_uj", 0400);
        const without_root nobody;
        CHECK(read_all(*opened(m)).values[0] == 222);
    }
}

TEST_CASE("rapl-powercap: other powercap families are not RAPL") {
    fake_system m;
    m.powercap_zone("dtpm:0", "package-0", 1).powercap_zone("arm-scmi:0", "package-0", 1);
    opened_backend b = open_rapl_powercap(m.root());
    REQUIRE_FALSE(b);
    CHECK(contains(b.error().reason, "/sys/class/powercap"));
}

TEST_CASE(
    "rapl-powercap: counters only root may read give the reason and the narrowest remedy first") {
    fake_system m;
    two_sockets(m);
    for (const char* zone : {"0", "0:0", "0:1", "1", "2", "2:0"})
        m.chmod(fake_system::powercap(std::string("intel-rapl:") + zone) + "/energy_uj", 0400);
    const without_root nobody;
    opened_backend b = open_rapl_powercap(m.root());
    REQUIRE_FALSE(b);
    CHECK(contains(b.error().reason,
                   "energy_uj: Permission denied (it is for root only since Linux 5.10"));
    const std::string& remedy = b.error().remedy;
    CHECK(remedy.rfind("sudo groupadd -f energy && ", 0) == 0);  // a shell command
    CHECK(remedy.find('#') < remedy.find("then log in again"));
    CHECK(remedy.find("groupadd") < remedy.find("tmpfiles"));
    CHECK(remedy.find("tmpfiles") < remedy.find("setcap"));
    CHECK(contains(remedy, "setcap cap_perfmon+ep"));
}

TEST_CASE("rapl-powercap: readable counters are kept and the others named") {
    fake_system m;
    two_sockets(m);
    m.chmod("/sys/class/powercap/intel-rapl:1/energy_uj", 0400);
    const without_root nobody;
    const auto rapl = opened(m);
    CHECK(summed(*rapl) == strings{"cpu0/package", "cpu0/dram", "cpu1/package", "cpu1/dram"});
    CHECK(contains(rapl->note(), "not readable: /sys/class/powercap/intel-rapl:1/energy_uj"));
    CHECK(contains(rapl->note(), "groupadd"));
}

TEST_CASE("rapl-powercap: zones masked by a container runtime are reported as masked") {
    fake_system m;
    m.symlink("../../devices/virtual/powercap/intel-rapl/intel-rapl:0",
              "/sys/class/powercap/intel-rapl:0");
    m.symlink("../../devices/virtual/powercap/intel-rapl", "/sys/class/powercap/intel-rapl");
    opened_backend b = open_rapl_powercap(m.root());
    REQUIRE_FALSE(b);
    CHECK(contains(b.error().reason, "masked by the container runtime"));
    CHECK(contains(b.error().remedy, "JOULERY_SYSROOT=/host"));
}

TEST_CASE("rapl-powercap: a machine without powercap says why") {
    fake_system m;
    SUBCASE("virtual machine") {
        m.cpuinfo("GenuineIntel", "Xeon", 6, 85, 1, "fpu hypervisor sse");
        opened_backend b = open_rapl_powercap(m.root());
        REQUIRE_FALSE(b);
        CHECK(contains(b.error().reason, "virtual machine"));
    }
    SUBCASE("bare metal without the module") {
        m.cpuinfo("GenuineIntel", "Xeon", 6, 85).folder("/sys/class/powercap");
        opened_backend b = open_rapl_powercap(m.root());
        REQUIRE_FALSE(b);
        CHECK(contains(b.error().reason, "has no RAPL zone"));
        CHECK(b.error().remedy == "sudo modprobe intel_rapl_msr");
    }
    SUBCASE("another kind of processor") {
        opened_backend b = open_rapl_powercap(m.root());
        REQUIRE_FALSE(b);
        CHECK(contains(b.error().reason, "not found"));
        CHECK(b.error().remedy.empty());
    }
}

TEST_CASE("rapl-powercap: a damaged file affects only its own channel") {
    fake_system m;
    m.powercap_zone("intel-rapl:0", "package-0", 1'000'000);
    m.powercap_zone("intel-rapl:1", "package-1", 2'000'000);
    const auto rapl = opened(m);
    const std::string energy = "/sys/class/powercap/intel-rapl:0/energy_uj";
    for (const char* text : {"", "\n", "-5\n", "abc\n", "12x\n", "99999999999999999999999999\n",
                             "262143328911\n", "18446744073709551615\n", "1 2\n"}) {
        CAPTURE(text);
        m.file(energy, text);
        const read_result r = read_all(*rapl);
        CHECK(r.status == read_status::ok);
        CHECK(r.values == std::vector<std::uint64_t>{no_value, 2'000'000});
    }
    m.file(energy, "1234");  // no newline
    CHECK(read_all(*rapl).values[0] == 1234);
    CHECK(contract_violations(*rapl) == strings{});
}

TEST_CASE("rapl-powercap: zones with unknown names are left out and reported") {
    fake_system m;
    m.powercap_zone("intel-rapl:0", "package-0", 1);
    m.powercap_zone("intel-rapl:1", "package-1", 1).remove("/sys/class/powercap/intel-rapl:1/name");
    m.powercap_zone("intel-rapl:1:0", "core", 1);  // its parent has no name
    m.powercap_zone("intel-rapl:2", "package-x", 1);
    m.powercap_zone("intel-rapl:3", "", 1);
    m.powercap_zone("intel-rapl:4", "dram", 1);  // of which package?
    m.file("/sys/class/powercap/intel-rapl:5/name", "package-5\n");
    const auto rapl = opened(m);
    CHECK(ids(*rapl) == strings{"cpu0/package"});
    for (const char* zone : {":1 ", ":1:0 ", ":2 ", ":3 ", ":4 ", ":5 "})
        CHECK(contains(rapl->note(), std::string("intel-rapl") + zone));
}

TEST_CASE("rapl-powercap: a missing or invalid range gives a counter without wraps") {
    for (const char* range : {"", "-1\n", "many\n", "0\n", "99999999999999999999\n"}) {
        CAPTURE(range);
        fake_system m;
        m.powercap_zone("intel-rapl:0", "package-0", 5);
        m.file("/sys/class/powercap/intel-rapl:0/max_energy_range_uj", range);
        const auto rapl = opened(m);
        CHECK(rapl->channels()[0].wrap_at == 0);
        CHECK(contains(rapl->note(), "states no range"));
        CHECK(contract_violations(*rapl) == strings{});
    }
}

TEST_CASE("rapl-powercap: opening fails if no counter has a number") {
    fake_system m;
    m.powercap_zone("intel-rapl:0", "package-0", 1);
    m.file("/sys/class/powercap/intel-rapl:0/energy_uj", "");
    opened_backend b = open_rapl_powercap(m.root());
    REQUIRE_FALSE(b);
    CHECK(contains(b.error().reason, "intel-rapl:0/energy_uj: is not a number"));
}

TEST_CASE("rapl-powercap: a failed read may recover, and a removed file is gone until it returns") {
    fake_system m;
    m.powercap_zone("intel-rapl:0", "package-0", 1'000'000);
    m.powercap_zone("intel-rapl:0:0", "core", 500'000);
    const auto rapl = opened(m);
    const std::string package = "/sys/class/powercap/intel-rapl:0/energy_uj";
    const std::string core = "/sys/class/powercap/intel-rapl:0:0/energy_uj";
    CHECK(read_all(*rapl).status == read_status::ok);
    m.file(package, "").file(core, "");
    CHECK(read_all(*rapl).status == read_status::retry);
    m.vanish(core);
    CHECK(read_all(*rapl).status == read_status::retry);
    m.vanish(package);
    CHECK(read_all(*rapl).status == read_status::gone);
    CHECK(read_all(*rapl).status == read_status::gone);
    m.file(package, "1500000\n");
    read_all(*rapl);  // opens the new file
    const read_result r = read_all(*rapl);
    CHECK(r.status == read_status::ok);
    CHECK(r.values == std::vector<std::uint64_t>{1'500'000, no_value});
}

TEST_CASE("rapl-powercap: a counter that is temporarily unreadable is not gone") {
    fake_system m;
    m.powercap_zone("intel-rapl:0", "package-0", 1'000);
    const auto rapl = opened(m);
    const std::string energy = "/sys/class/powercap/intel-rapl:0/energy_uj";
    m.file(energy, "");
    m.chmod(energy, 0);
    {
        const without_root nobody;
        CHECK(read_all(*rapl).status == read_status::retry);
        CHECK(read_all(*rapl).status == read_status::retry);
    }
    m.chmod(energy, 0444);
    m.file(energy, "2000\n");
    (void)read_all(*rapl);
    CHECK(read_all(*rapl).values[0] == 2'000);
}

TEST_CASE("rapl-powercap: a counter of whole joules is noted") {
    fake_system m;
    m.powercap_zone("intel-rapl:0", "package-0", 1);
    m.powercap_zone("intel-rapl:1", "psys", 5'000'000, 4'294'967'295'000'000);
    const auto rapl = opened(m);
    CHECK(channel_of(*rapl, "psys").quantum == 1.0);
    CHECK(contains(rapl->note(), "psys counts in steps of a whole joule"));
}

TEST_CASE("rapl-powercap: machines with SGX get a warning about filtered counters") {
    fake_system m;
    m.cpuinfo("GenuineIntel", "Xeon", 6, 85, 1, "fpu sgx sse");
    m.powercap_zone("intel-rapl:0", "package-0", 1);
    CHECK(contains(opened(m)->note(), "SGX"));
}
