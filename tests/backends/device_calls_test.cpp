#include "joulery/detail/backends/common/device_files.hpp"

#include "backends/support.hpp"
#include "joulery/detail/backends/board/rpi_pmic.hpp"
#include "joulery/detail/backends/cpu/amd_hsmp.hpp"
#include "joulery/detail/backends/cpu/rapl_msr.hpp"
#include "joulery/detail/backends/cpu/rapl_perf.hpp"
#include "joulery/detail/backends/server/ipmi_dcmi.hpp"

#include <cstring>

using namespace joulery;

namespace {

/// Registers of 8 bytes at their addresses, like /dev/cpu/N/msr.
std::string registers(std::initializer_list<std::pair<std::size_t, std::uint64_t>> values) {
    std::string bytes(0x800, '\0');
    for (const auto& [address, value] : values) std::memcpy(&bytes[address], &value, 8);
    return bytes;
}

}  // namespace

TEST_CASE("device calls: the system's own calls read a device of this machine") {
    fake_system m;
    m.cpuinfo("GenuineIntel", "Xeon", 6, 0x8f).cpus_online("0");
    m.file("/dev/cpu/0/msr", registers({{0x606, 16 << 8}, {0x611, 123}, {0x619, 45}}));
    opened_backend b = open_rapl_msr(m.root());
    REQUIRE(b);
    CHECK(ids(**b) == strings{"cpu0/package", "cpu0/dram"});
    CHECK(read_all(**b).values == std::vector<std::uint64_t>{123, 45});
    m.file("/dev/cpu/0/msr", "");
    CHECK(read_all(**b).status == read_status::retry);
}

TEST_CASE("device calls: a file that is not a device makes every backend fail with a reason") {
    fake_system m;
    m.file("/dev/hsmp", "").file("/dev/ipmi0", "").file("/dev/vcio_gencmd", "");
    m.file("/proc/device-tree/model", "Raspberry Pi 5");
    CHECK(contains(open_amd_hsmp(m.root()).error().reason, "Inappropriate ioctl"));
    CHECK(contains(open_ipmi_dcmi(m.root()).error().reason, "Inappropriate ioctl"));
    CHECK(contains(open_rpi_pmic(m.root()).error().reason, "does not answer"));
    const fake_system none;
    CHECK(contains(open_amd_hsmp(none.root()).error().reason, "No such file"));
    CHECK(contains(open_ipmi_dcmi(none.root()).error().reason, "No such file"));
    CHECK(contains(open_rapl_msr(none.root()).error().reason, "not an Intel"));
}

TEST_CASE("device calls: the system's perf refuses an event type that does not exist") {
    fake_system m;
    const std::string folder = "/sys/bus/event_source/devices/power";
    m.file(folder + "/type", "4294967294\n").file(folder + "/cpumask", "0\n");
    m.file(folder + "/events/energy-pkg", "event=0x02\n");
    m.file(folder + "/events/energy-pkg.unit", "Joules\n");
    m.file(folder + "/events/energy-pkg.scale", "2.3283064365386962890625e-10\n");
    opened_backend b = open_rapl_perf(m.root());
    REQUIRE_FALSE(b);
    CHECK(contains(b.error().reason, "perf_event_open"));
}

TEST_CASE("device calls: a handle closes its descriptor once") {
    int closed = 0;
    device_calls calls = device_calls::of_the_system();
    calls.context = &closed;
    calls.open = [](void*, const char*, bool) { return 7; };
    calls.close = [](void* count, int fd) { *static_cast<int*>(count) += fd; };
    {
        device_handle a(calls, "/dev/x");
        device_handle b = std::move(a);
        device_handle c;
        c = std::move(b);
        CHECK(c.is_open());
        CHECK_FALSE(b.is_open());
        CHECK(closed == 0);
    }
    CHECK(closed == 7);
}
