#include "joulery/detail/backends/cpu/rapl_perf.hpp"

#include "approx.hpp"
#include "backends/support.hpp"

#include <map>

using namespace joulery;

namespace {

/// The kernel's side: counts by (event, cpu).
struct fake_perf {
    std::map<std::pair<std::uint64_t, int>, std::uint64_t> counts;
    std::vector<std::pair<std::uint64_t, int>> opened;
    int open_error = 0;
    int read_error = 0;

    perf_calls calls() {
        perf_calls c;
        c.context = this;
        c.open = [](void* me, std::uint32_t type, std::uint64_t config, int cpu) {
            auto& self = *static_cast<fake_perf*>(me);
            if (self.open_error != 0 || type != 14) return -(type == 14 ? self.open_error : ENOENT);
            self.opened.emplace_back(config, cpu);
            return static_cast<int>(self.opened.size()) - 1;
        };
        c.read = [](void* me, int fd, std::uint64_t& count) {
            auto& self = *static_cast<fake_perf*>(me);
            count = self.counts[self.opened[static_cast<std::size_t>(fd)]];
            return -self.read_error;
        };
        c.close = [](void*, int) {};
        return c;
    }
};

void perf_unit(fake_system& m, const char* mask, std::initializer_list<const char*> events) {
    const std::string folder = "/sys/bus/event_source/devices/power";
    m.file(folder + "/type", "14\n").file(folder + "/cpumask", std::string(mask) + "\n");
    int config = 1;
    for (const char* event : events) {
        if (std::string(event) != "-") {
            const std::string file = folder + "/events/" + event;
            m.file(file, "event=0x0" + std::to_string(config) + "\n");
            m.file(file + ".unit", "Joules\n");
            m.file(file + ".scale", "2.3283064365386962890625e-10\n");
        }
        ++config;
    }
}

void socket_of(fake_system& m, unsigned cpu, unsigned package) {
    m.number("/sys/devices/system/cpu/cpu" + std::to_string(cpu) + "/topology/physical_package_id",
             package);
}

constexpr std::uint64_t joule = std::uint64_t{1} << 32;

}  // namespace

TEST_CASE("rapl-perf: one event per socket, even if every processor is listed") {
    fake_system m;
    perf_unit(m, "0-3", {"energy-cores", "energy-pkg", "energy-ram"});
    for (unsigned cpu = 0; cpu < 4; ++cpu) socket_of(m, cpu, cpu / 2);
    fake_perf kernel;
    opened_backend b = open_rapl_perf(m.root(), kernel.calls());
    REQUIRE(b);
    CHECK(ids(**b) == strings{"cpu0/package", "cpu1/package", "cpu0/core", "cpu1/core", "cpu0/dram",
                              "cpu1/dram"});
    CHECK(nesting(**b) == strings{"cpu0/core<cpu0/package", "cpu1/core<cpu1/package"});
    kernel.counts[{2, 0}] = 5 * joule;
    kernel.counts[{2, 2}] = 7 * joule;
    const read_result r = read_all(**b);
    CHECK(r.status == read_status::ok);
    CHECK(r.values[0] == 5 * joule);
    CHECK(r.values[1] == 7 * joule);
    CHECK(r.values[2] == no_value);  // opens but stays 0: absent
    CHECK((*b)->channels()[0].joules_per_count == 0x1p-32);
    CHECK(contract_violations(**b) == strings{});
}

TEST_CASE("rapl-perf: psys is used only if powercap shows that it counts") {
    fake_system m;
    perf_unit(m, "0,1", {"-", "energy-pkg", "-", "-", "energy-psys"});
    socket_of(m, 0, 0), socket_of(m, 1, 1);
    fake_perf kernel;
    SUBCASE("powercap has none") {
        opened_backend b = open_rapl_perf(m.root(), kernel.calls());
        CHECK(ids(**b) == strings{"cpu0/package", "cpu1/package"});
    }
    SUBCASE("on the first package") {
        m.powercap_zone("intel-rapl:0", "package-0", 1).powercap_zone("intel-rapl:1", "psys", 1);
        opened_backend b = open_rapl_perf(m.root(), kernel.calls());
        CHECK(ids(**b) == strings{"psys", "cpu0/package", "cpu1/package"});
        CHECK(nesting(**b) == strings{"cpu0/package<psys", "cpu1/package<psys"});
    }
}

TEST_CASE("rapl-perf: events of domains that powercap does not show are not opened") {
    fake_system m;
    perf_unit(m, "0", {"energy-cores", "energy-pkg", "energy-ram", "energy-gpu"});
    fake_perf kernel;
    CHECK(ids(**open_rapl_perf(m.root(), kernel.calls())).size() == 4);  // no better source
    m.powercap_zone("intel-rapl:0", "package-0", 1).powercap_zone("intel-rapl:0:0", "core", 1);
    kernel.opened.clear();
    opened_backend b = open_rapl_perf(m.root(), kernel.calls());
    REQUIRE(b);
    CHECK(ids(**b) == strings{"cpu0/package", "cpu0/core"});
    CHECK(kernel.opened.size() == 2);
}

TEST_CASE("rapl-perf: each of several psys contains its own package") {
    fake_system m;
    perf_unit(m, "0,2", {"-", "energy-pkg", "-", "-", "energy-psys"});
    socket_of(m, 0, 0), socket_of(m, 2, 1);
    for (const char* name : {"psys", "psys-1"})
        m.powercap_zone(name[4] == 0 ? "intel-rapl:2" : "intel-rapl:3", name, 1);
    fake_perf kernel;
    opened_backend b = open_rapl_perf(m.root(), kernel.calls());
    REQUIRE(b);
    CHECK(ids(**b) == strings{"psys0", "psys1", "cpu0/package", "cpu1/package"});
    CHECK(nesting(**b) == strings{"cpu0/package<psys0", "cpu1/package<psys1"});
    kernel.counts[{5, 2}] = 9 * joule;
    CHECK(read_all(**b).values[1] == 9 * joule);
}

TEST_CASE("rapl-perf: a wrap that the kernel lost is corrected") {
    fake_system m;
    perf_unit(m, "0", {"-", "energy-pkg"});
    fake_perf kernel;
    SUBCASE("with the unit known from powercap") {
        m.powercap_zone("intel-rapl:0", "package-0", 1);
        opened_backend b = open_rapl_perf(m.root(), kernel.calls());
        CHECK((*b)->channels()[0].quantum == approx(61.035e-6));
        kernel.counts[{2, 0}] = 100 * joule;
        CHECK(read_all(**b).values[0] == 100 * joule);
        kernel.counts[{2, 0}] = static_cast<std::uint64_t>(-114'688) * joule;  // 147,456 J passed
        CHECK(read_all(**b).values[0] == 147'456 * joule);
        kernel.counts[{2, 0}] += 10 * joule;
        CHECK(read_all(**b).values[0] == 147'466 * joule);
    }
    SUBCASE("without it the value is left out") {
        opened_backend b = open_rapl_perf(m.root(), kernel.calls());
        kernel.counts[{2, 0}] = static_cast<std::uint64_t>(-114'688) * joule;
        CHECK(read_all(**b).status == read_status::retry);
    }
}

TEST_CASE("rapl-perf: a refusal by the kernel is reported with its remedy") {
    fake_system m;
    perf_unit(m, "0", {"-", "energy-pkg"});
    m.file("/proc/sys/kernel/perf_event_paranoid", "4\n");
    fake_perf kernel;
    kernel.open_error = EACCES;
    opened_backend denied = open_rapl_perf(m.root(), kernel.calls());
    REQUIRE_FALSE(denied);
    CHECK(contains(denied.error().reason, "kernel.perf_event_paranoid is 4"));
    CHECK(denied.error().remedy.rfind("sudo setcap cap_perfmon+ep", 0) == 0);
    kernel.open_error = EPERM;
    CHECK(contains(open_rapl_perf(m.root(), kernel.calls()).error().remedy, "--cap-add PERFMON"));
    kernel.open_error = ENODEV;
    CHECK_FALSE(open_rapl_perf(m.root(), kernel.calls()));
}

TEST_CASE("rapl-perf: damaged descriptions open nothing and say what is wrong") {
    fake_perf kernel;
    fake_system none;
    CHECK(contains(open_rapl_perf(none.root(), kernel.calls()).error().reason, "/type"));
    fake_system m;
    perf_unit(m, "zero", {"-", "energy-pkg"});
    CHECK(contains(open_rapl_perf(m.root(), kernel.calls()).error().reason, "'zero'"));
    const std::string event = "/sys/bus/event_source/devices/power/events/energy-pkg";
    for (const char* text : {"", "event=2", "event=0x", "event=0xzz", "umask=1"}) {
        perf_unit(m, "0", {"-", "energy-pkg"});
        m.file(event, text);
        CHECK_FALSE(open_rapl_perf(m.root(), kernel.calls()));
    }
    for (const char* scale : {"", "x", "0", "-1"}) {
        perf_unit(m, "0", {"-", "energy-pkg"});
        m.file(event + ".scale", scale);
        CHECK_FALSE(open_rapl_perf(m.root(), kernel.calls()));
    }
    perf_unit(m, "0", {"-", "energy-pkg"});
    m.file(event + ".unit", "Calories");
    CHECK_FALSE(open_rapl_perf(m.root(), kernel.calls()));
}

TEST_CASE("rapl-perf: a removed socket is gone, and a failed read may recover") {
    fake_system m;
    perf_unit(m, "0", {"-", "energy-pkg"});
    fake_perf kernel;
    kernel.counts[{2, 0}] = joule;
    opened_backend b = open_rapl_perf(m.root(), kernel.calls());
    CHECK(read_all(**b).status == read_status::ok);
    kernel.read_error = EIO;
    CHECK(read_all(**b).status == read_status::retry);
    kernel.read_error = ENODEV;
    CHECK(read_all(**b).status == read_status::gone);
}

TEST_CASE("decimal text: numbers are read as the kernel writes them, in any locale") {
    double x = 0;
    CHECK(parse_leading_number("2.3283064365386962890625e-10\n", x) == 28);
    CHECK(x == approx(0x1p-32).epsilon(1e-12));
    CHECK((parse_leading_number("0.72018530V", x) == 10 && x == approx(0.7201853)));
    CHECK((parse_leading_number("12", x) == 2 && x == 12));
    CHECK((parse_leading_number("1e3x", x) == 3 && x == 1000));
    CHECK((parse_leading_number("1e", x) == 1 && x == 1));
    for (const char* bad : {"", ".", "e5", "-1", "abc"}) CHECK(parse_leading_number(bad, x) == 0);
}

TEST_CASE("rapl-perf: names the processor and states the limits of powercap's zone") {
    fake_system m;
    m.cpuinfo("GenuineIntel", "Intel(R) Xeon(R) Platinum 8480+", 6, 143);
    perf_unit(m, "0", {"-", "energy-pkg"});
    socket_of(m, 0, 0);
    m.powercap_zone("intel-rapl:0", "package-0", 1);
    for (const char* limit : {"0_power_limit_uw", "1_power_limit_uw"})
        m.number(std::string("/sys/class/powercap/intel-rapl:0/constraint_") + limit, 420'000'000);
    fake_perf kernel;
    kernel.counts[{2, 0}] = joule;
    opened_backend b = open_rapl_perf(m.root(), kernel.calls());
    REQUIRE(b);
    CHECK(full_contract_violations(**b) == strings{});
    CHECK((*b)->channels()[0].max_watts == 420);
}

TEST_CASE("rapl-perf: mirrored packages of a virtual machine count once, with a note") {
    fake_system m;
    m.cpuinfo("GenuineIntel", "Intel(R) Xeon(R) E5-2670", 6, 45, 4, "fpu tsc hypervisor");
    perf_unit(m, "0-3", {"-", "energy-pkg"});
    for (unsigned cpu = 0; cpu < 4; ++cpu) socket_of(m, cpu, cpu);
    fake_perf kernel;
    for (int cpu = 0; cpu < 4; ++cpu) kernel.counts[{2, cpu}] = joule;
    opened_backend b = open_rapl_perf(m.root(), kernel.calls());
    REQUIRE(b);
    CHECK(ids(**b) == strings{"cpu0/package"});
    CHECK(contains((*b)->note(), "may mirror one counter of the host"));
    m.cpuinfo("GenuineIntel", "Intel(R) Xeon(R) E5-2670", 6, 45, 4);
    CHECK(ids(**open_rapl_perf(m.root(), kernel.calls())).size() == 4);
}
