#include "joulery/detail/backends/cpu/rapl_msr.hpp"

#include "approx.hpp"
#include "backends/fake_device.hpp"
#include "backends/support.hpp"

#include <cstring>
#include <map>

using namespace joulery;

namespace {

struct registers {
    std::map<std::uint64_t, std::uint64_t> values;
    int error = 0;
    std::ptrdiff_t read(void* into, std::size_t room, std::uint64_t address) const {
        if (error != 0) return -error;
        const auto found = values.find(address);
        if (found == values.end() || room != 8) return -EIO;
        std::memcpy(into, &found->second, 8);
        return 8;
    }
};

void two_sockets(fake_system& m) {
    m.cpus_online("0-3");
    for (unsigned cpu = 0; cpu < 4; ++cpu)
        m.number(
            "/sys/devices/system/cpu/cpu" + std::to_string(cpu) + "/topology/physical_package_id",
            cpu / 2);
}

}  // namespace

TEST_CASE(
    "rapl-msr: Intel's registers are read on one processor per socket, memory in its own unit") {
    fake_system m;
    m.cpuinfo("GenuineIntel", "Xeon", 6, 0x55);
    two_sockets(m);
    registers r{{{0x606, 14 << 8}, {0x611, 0xdead'0000'1234}, {0x639, 5}, {0x641, 0}, {0x619, 7}}};
    fake_device device;
    device.on_read = [&](void* i, std::size_t n, std::uint64_t o) { return r.read(i, n, o); };
    opened_backend b = open_rapl_msr(m.root(), device.calls());
    REQUIRE(b);
    CHECK(device.opened == strings{m.path("/dev/cpu/0/msr"), m.path("/dev/cpu/2/msr")});
    CHECK(ids(**b) == strings{"cpu0/package", "cpu0/core", "cpu0/dram", "cpu1/package", "cpu1/core",
                              "cpu1/dram"});
    CHECK(nesting(**b) == strings{"cpu0/core<cpu0/package", "cpu1/core<cpu1/package"});
    CHECK(channel_of(**b, "cpu0/package").joules_per_count == 0x1p-14);
    CHECK(channel_of(**b, "cpu0/dram").joules_per_count == 15.3e-6);
    CHECK(channel_of(**b, "cpu0/package").wrap_at == 0x1'0000'0000);
    CHECK(read_all(**b).values[0] == 0x1234);  // the low half
    CHECK(contract_violations(**b) == strings{});
    r.error = EIO;
    CHECK(read_all(**b).status == read_status::retry);
    r.error = ENXIO;
    CHECK(read_all(**b).status == read_status::gone);
}

TEST_CASE("rapl-msr: on AMD only the package is read, as the core register covers one core") {
    fake_system m;
    m.cpuinfo("AuthenticAMD", "AMD EPYC", 25, 1).cpus_online("0");
    registers r{{{0xc0010299, 16 << 8}, {0xc001029a, 9}, {0xc001029b, 42}}};
    fake_device device;
    device.on_read = [&](void* i, std::size_t n, std::uint64_t o) { return r.read(i, n, o); };
    opened_backend b = open_rapl_msr(m.root(), device.calls());
    REQUIRE(b);
    CHECK(ids(**b) == strings{"cpu0/package"});
    CHECK((*b)->channels()[0].joules_per_count == 0x1p-16);
    CHECK(read_all(**b).values[0] == 42);
}

TEST_CASE("rapl-msr: Silvermont counts in microjoules") {
    cpu_identity atom;
    atom.vendor = "GenuineIntel";
    atom.model = 0x37;
    CHECK(detail::msr_unit_joules(atom, rapl_domain::package, 5 << 8) == approx(32e-6));
}

TEST_CASE("rapl-msr: a failed open states the reason") {
    fake_system m;
    fake_device device;
    CHECK(contains(open_rapl_msr(m.root(), device.calls()).error().reason, "not an Intel"));
    m.cpuinfo("GenuineIntel", "Xeon", 6, 0x55);
    CHECK(contains(open_rapl_msr(m.root(), device.calls()).error().reason, "lists no processors"));
    m.cpus_online("0");
    device.on_open = [](const std::string&) { return ENOENT; };
    CHECK(open_rapl_msr(m.root(), device.calls()).error().remedy == "sudo modprobe msr");
    m.cpuinfo("GenuineIntel", "Xeon", 6, 0x55, 1, "fpu hypervisor");
    CHECK(open_rapl_msr(m.root(), device.calls()).error().remedy == "");  // zeros otherwise
    device.on_open = [](const std::string&) { return EACCES; };
    CHECK(contains(open_rapl_msr(m.root(), device.calls()).error().remedy, "rapl-perf"));
    device.on_open = [](const std::string&) { return 0; };
    CHECK(contains(open_rapl_msr(m.root(), device.calls()).error().reason, "no energy register"));
}

TEST_CASE("rapl-msr: names the processor and states the active limits") {
    fake_system m;
    m.cpuinfo("GenuineIntel", "Intel(R) Xeon(R) Gold 6148 CPU @ 2.40GHz", 6, 0x55);
    two_sockets(m);
    // Power in 1/8 W: 150 W long-term, 180 W short-term, both active.
    const std::uint64_t limits = (150u * 8 | 1u << 15) | std::uint64_t{180u * 8 | 1u << 15} << 32;
    registers r{{{0x606, 14 << 8 | 3}, {0x611, 1}, {0x619, 7}, {0x610, limits}}};
    fake_device device;
    device.on_read = [&](void* i, std::size_t n, std::uint64_t o) { return r.read(i, n, o); };
    opened_backend b = open_rapl_msr(m.root(), device.calls());
    REQUIRE(b);
    CHECK(full_contract_violations(**b) == strings{});
    CHECK(channel_of(**b, "cpu0/package").model == "Intel Xeon Gold 6148");
    CHECK(channel_of(**b, "cpu0/package").max_watts == 180);
    CHECK(channel_of(**b, "cpu0/dram").max_watts == 0);
    r.values[0x610] = 150u * 8 | 1u << 15;  // turbo exceeds it three times
    CHECK(channel_of(**open_rapl_msr(m.root(), device.calls()), "cpu0/package").max_watts == 0);
    r.values[0x610] = std::uint64_t{0xffff} << 32 | 0xffff;  // 4095 W: none
    CHECK(channel_of(**open_rapl_msr(m.root(), device.calls()), "cpu0/package").max_watts == 0);
}

TEST_CASE("rapl-msr: mirrored packages of a virtual machine count once, with a note") {
    fake_system m;
    m.cpuinfo("GenuineIntel", "Xeon", 6, 0x55, 4, "fpu hypervisor");
    two_sockets(m);
    registers r{{{0x606, 14 << 8}, {0x611, 1}}};
    fake_device device;
    device.on_read = [&](void* i, std::size_t n, std::uint64_t o) { return r.read(i, n, o); };
    opened_backend b = open_rapl_msr(m.root(), device.calls());
    REQUIRE(b);
    CHECK(ids(**b) == strings{"cpu0/package"});
    CHECK(contains((*b)->note(), "may mirror one counter of the host"));
}
