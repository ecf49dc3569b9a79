#include "joulery/detail/backends/estimate/estimate.hpp"

#include "approx.hpp"
#include "backends/support.hpp"

using namespace joulery;

namespace {

struct fake_time {
    double now = 100;
    double process = 5;
    estimate_clocks clocks() {
        return {[this] { return now; }, [this] { return process; }};
    }
};

std::unique_ptr<backend> opened(const fake_system& m, fake_time& t) {
    opened_backend b = open_estimate(m.root(), t.clocks());
    REQUIRE(b);
    return std::move(*b);
}

double joules(backend& b) {
    const read_result r = read_all(b);
    REQUIRE(r.status == read_status::ok);
    return static_cast<double>(r.values[0]) * b.channels()[0].joules_per_count;
}

void milan(fake_system& m, unsigned threads = 4) {
    m.cpuinfo("AuthenticAMD", "AMD EPYC 7763 64-Core Processor", 25, 1, threads);
    m.cpus_online("0-" + std::to_string(threads - 1)).proc_stat(1000, 9000);
}

cpu_identity named(const char* vendor, const char* name, unsigned family, unsigned model,
                   unsigned stepping) {
    cpu_identity cpu;
    cpu.vendor = vendor, cpu.model_name = name;
    cpu.family = family, cpu.model = model, cpu.stepping = stepping;
    return cpu;
}

}  // namespace

TEST_CASE("estimate: is load x watts x time, and says so") {
    fake_system m;
    milan(m);
    fake_time t;
    const auto e = opened(m, t);
    CHECK(joules(*e) == 0);
    t.now += 2;
    m.proc_stat(1400, 9400);  // half busy
    CHECK(joules(*e) == approx(4 * (0.4556 + 1.9573) / 2 * 2).epsilon(1e-6));
    const channel& c = e->channels()[0];
    CHECK(c.id == "machine/estimate");
    CHECK(c.part == component::platform);
    CHECK(c.provenance == quality::estimated);
    CHECK(c.relative_error == 0.4);
    CHECK(contains(e->note(), "estimated, not measured"));
    CHECK(contains(e->note(), "EPYC 3rd Gen: 0.46 W idle to 1.96 W full"));
    CHECK(contains(e->note(), "memory, fans and power supply are included"));
    CHECK(contains(e->note(), "4 hardware threads; off by up to 40 %"));
    CHECK(contract_violations(*e) == strings{});
}

TEST_CASE("estimate: counts processors by sysfs, else by /proc/stat, else by /proc/cpuinfo") {
    fake_system m;
    m.cpuinfo("AuthenticAMD", "AMD EPYC 7763 64-Core Processor", 25, 1, 2).proc_stat(1000, 9000);
    fake_time t;
    CHECK(contains(opened(m, t)->note(), "; 2 hardware threads;"));
    m.file("/proc/stat",
           "cpu  3 0 0 3 0 0 0 0 0 0\ncpu0 1 0 0 1\ncpu1 1 0 0 1\ncpu5 1 0 0 1\nintr 0\n");
    CHECK(contains(opened(m, t)->note(), "; 3 hardware threads;"));
    m.cpus_online("0-3");
    CHECK(contains(opened(m, t)->note(), "; 4 hardware threads;"));
}

TEST_CASE("estimate: an idle machine draws its idle power, and stolen time counts as idle") {
    fake_system m;
    milan(m);
    fake_time t;
    const auto e = opened(m, t);
    t.now += 10;
    m.proc_stat(1000, 11000, 2000);
    CHECK(joules(*e) == approx(4 * 0.4556 * 10).epsilon(1e-6));
}

TEST_CASE("estimate: a TDP stated by powercap is used with the Teads curve") {
    fake_system m;
    m.cpuinfo("GenuineIntel", "Intel(R) Core(TM) i7-8700", 6, 158, 1, "fpu", 10);
    m.cpus_online("0-11").proc_stat(0, 0);
    m.powercap_zone("intel-rapl:0", "package-0", 1);
    m.number("/sys/class/powercap/intel-rapl:0/constraint_0_max_power_uw", 65'000'000);
    fake_time t;
    const auto e = opened(m, t);
    t.now += 1;
    m.proc_stat(50, 50);
    CHECK(joules(*e) == approx(65 * 0.75).epsilon(1e-6));
    CHECK(e->channels()[0].id == "cpu/estimate");
    CHECK(e->channels()[0].part == component::cpu);
    CHECK(contains(e->note(), "65.00 W TDP stated by powercap"));
    CHECK(contains(e->note(), "without memory"));
    CHECK(teads_share_of_tdp(0) == 0.12);
    CHECK(teads_share_of_tdp(0.1) == approx(0.32));
    CHECK(teads_share_of_tdp(0.3) == approx(0.535));
    CHECK(teads_share_of_tdp(7) == 1.02);
}

TEST_CASE("estimate: without a TDP the long-term limit is used, with a larger stated error") {
    fake_system m;
    m.cpuinfo("GenuineIntel", "Intel(R) Core(TM) i7-8700", 6, 158, 1, "fpu", 10);
    m.cpus_online("0-11").proc_stat(0, 0);
    m.powercap_zone("intel-rapl:0", "package-0", 1).powercap_zone("intel-rapl:1", "package-1", 1);
    const std::string first = "/sys/class/powercap/intel-rapl:0/constraint_0_";
    const std::string second = "/sys/class/powercap/intel-rapl:1/constraint_0_";
    m.number(first + "max_power_uw", 65'000'000).number(first + "power_limit_uw", 200'000'000);
    m.number(second + "max_power_uw", 0).number(second + "power_limit_uw", 95'000'000);
    fake_time t;
    CHECK(contains(opened(m, t)->note(), "160.00 W long-term limit stated by powercap"));
    CHECK(opened(m, t)->channels()[0].relative_error == 1.0);
    m.number(second + "power_limit_uw", 4'095'000'000);  // how boards write "no limit"
    CHECK(contains(opened(m, t)->note(), "65.00 W TDP stated by powercap"));
    CHECK(opened(m, t)->channels()[0].relative_error == 0.4);
}

TEST_CASE("estimate: an unknown processor gets an average, with a stated error of 100 %") {
    fake_system m;
    m.cpus_online("0-1").proc_stat(0, 0);
    fake_time t;
    const auto e = opened(m, t);
    t.now += 1;
    m.proc_stat(100, 0);
    CHECK(joules(*e) == approx(7.0));
    CHECK(e->channels()[0].relative_error == 1.0);
    CHECK(contains(e->note(), "unknown processor"));
}

TEST_CASE("estimate: reads closer together than /proc/stat's clock lose nothing") {
    fake_system m;
    milan(m);
    fake_time t;
    const auto e = opened(m, t);
    for (int i = 1; i <= 1000; ++i) {
        t.now = 100 + i * 0.001;
        m.proc_stat(1000 + static_cast<unsigned>(i) / 10 * 4, 9000);
        (void)joules(*e);
    }
    t.now = 101.5;
    m.proc_stat(1600, 9000);
    CHECK(joules(*e) == approx(4 * 1.9573 * 1.5).epsilon(1e-6));
}

TEST_CASE("estimate: a temporary failure of /proc/stat loses nothing") {
    fake_system m;
    milan(m);
    fake_time t;
    const auto e = opened(m, t);
    for (const char* text : {"", "cpu", "cpu  a b c d\n", "cpu  1 2 3\n", "cpu  -1 0 0 5\n",
                             "cpu  99999999999999999999 0 0 1\n", "intr 5\n"}) {
        CAPTURE(text);
        m.file("/proc/stat", text);
        t.now += 0.1;
        CHECK(read_all(*e).status == read_status::retry);
    }
    t.now += 0.3;
    m.proc_stat(1100, 9000);
    CHECK(joules(*e) == approx(4 * 1.9573 * 1.0).epsilon(1e-6));
}

TEST_CASE("estimate: without a useful /proc/stat only this process's own time counts") {
    fake_system m;
    milan(m);
    SUBCASE("hidden") { m.remove("/proc/stat"); }
    SUBCASE("all zero forever") { m.file("/proc/stat", "cpu  0 0 0 0 0 0 0 0 0 0\n"); }
    fake_time t;
    const auto e = opened(m, t);
    CHECK(contains(e->note(), "CPU time of this process alone"));
    t.now += 2;
    t.process += 4;  // two of four threads
    CHECK(joules(*e) == approx(4 * (0.4556 + 1.9573) / 2 * 2).epsilon(1e-6));
    t.now += 0.01;  // runs shorter than a second count, too
    t.process += 0.04;
    CHECK(joules(*e) == approx(4 * ((0.4556 + 1.9573) + 1.9573 * 0.01)).epsilon(1e-6));
}

TEST_CASE("estimate: shrinking ticks are no load, and removed processors draw nothing") {
    fake_system m;
    milan(m);
    fake_time t;
    const auto e = opened(m, t);
    t.now += 1;
    m.proc_stat(500, 9100);  // user time went down
    const double idle = joules(*e);
    CHECK(idle == approx(4 * 0.4556).epsilon(1e-6));
    t.now += 1;
    m.cpus_online("0,2").proc_stat(600, 9100);
    CHECK(joules(*e) - idle == approx(2 * 1.9573).epsilon(1e-6));
}

TEST_CASE("estimate: time that stops or goes backward adds nothing") {
    fake_system m;
    milan(m);
    fake_time t;
    const auto e = opened(m, t);
    t.now -= 50;
    m.proc_stat(2000, 9000);
    CHECK(joules(*e) == 0);
}

TEST_CASE("estimate: reads the real machine's files") {
    opened_backend e = open_estimate(system_root{});
    REQUIRE(e);
    CHECK(contract_violations(**e) == strings{});
    CHECK(contains((*e)->note(), "estimated, not measured"));
}

TEST_CASE("cpu power table: servers are found by model number, else by name") {
    const auto found = [](const cpu_identity& cpu) {
        const cpu_power_entry* entry = find_cpu_power(cpu);
        return entry == nullptr ? std::string("none") : std::string(entry->microarchitecture);
    };
    const char* intel = "GenuineIntel";
    const char* amd = "AuthenticAMD";
    CHECK(found(named(intel, "Intel(R) Xeon(R) Platinum 8275CL CPU @ 3.00GHz", 6, 85, 7)) ==
          "Cascade Lake");
    CHECK(found(named(intel, "Intel(R) Xeon(R) Platinum 8175M", 6, 85, 4)) == "Skylake");
    CHECK(found(named(intel, "Intel(R) Xeon(R) Processor @ 2.1GHz", 6, 143, 8)) ==
          "Sapphire Rapids");
    CHECK(found(named(intel, "Intel(R) Xeon(R) Platinum 8375C", 0, 0, 0)) == "Ice Lake");
    CHECK(found(named(intel, "Intel(R) Xeon(R) CPU E5-2686 v4 @ 2.30GHz", 0, 0, 0)) == "Broadwell");
    CHECK(found(named(intel, "Intel(R) Xeon(R) CPU E5-2670 0 @ 2.60GHz", 6, 45, 7)) ==
          "Sandy Bridge");
    CHECK(found(named(amd, "AMD EPYC", 25, 17, 1)) == "EPYC 4th Gen");
    CHECK(found(named(amd, "AMD EPYC 7R32", 23, 49, 0)) == "EPYC 2nd Gen");
    CHECK(found(named(amd, "AMD EPYC 7571", 23, 1, 2)) == "EPYC 1st Gen");
    CHECK(found(named(amd, "AMD EPYC 7763 64-Core Processor", 0, 0, 0)) == "EPYC 3rd Gen");
    CHECK(found(named(amd, "AMD EPYC 9755", 26, 2, 1)) == "EPYC 4th Gen");
    CHECK(found(named(amd, "AMD Ryzen 9 7950X", 25, 97, 2)) == "none");
    CHECK(found(named(intel, "Intel(R) Core(TM) i7-8700", 6, 158, 10)) == "none");
    CHECK(found(named("", "", 0, 0, 0)) == "none");
    for (const cpu_power_entry& entry : cpu_power_table) CHECK(entry.full_watts > entry.idle_watts);
}

TEST_CASE("cpu lists: ranges, single numbers and invalid text") {
    CHECK(count_cpus("0-3,8\n") == 5);
    CHECK(count_cpus("0") == 1);
    for (const char* text :
         {"", "\n", "x", "3-1", "0-", "-2", "0,,1", "0-4294967295", "0-99999999999999999999"})
        CHECK(count_cpus(text) == 0);
}

TEST_CASE("estimate: a cloud instance is named from its firmware, which never sets the region") {
    fake_system m;
    m.cpuinfo("GenuineIntel", "Intel(R) Xeon(R) Platinum 8259CL CPU @ 2.50GHz", 6, 85, 4,
              "fpu hypervisor", 7);
    m.proc_stat(1000, 9000).cpus_online("0-3");
    const auto instance = [&] { return detail::find_cloud_instance(m.root()).text(); };
    const std::string dmi = "/sys/class/dmi/id/";
    CHECK(instance() == "");
    SUBCASE("Amazon") {
        m.file(dmi + "sys_vendor", "Amazon EC2\n").file(dmi + "product_name", "m5.xlarge\n");
        const opened_backend e = open_estimate(m.root());
        REQUIRE(e);
        CHECK((*e)->channels()[0].model == "Intel Xeon Platinum 8259CL, Amazon EC2 m5.xlarge");
        CHECK(contains((*e)->note(), "Amazon EC2 m5.xlarge: estimated, not measured: "));
        CHECK(contains((*e)->note(), "Cascade Lake"));
        CHECK(contains((*e)->note(), "4 hardware threads, the instance's share of its host"));
    }
    SUBCASE("Amazon's older machines") {
        m.file("/sys/hypervisor/uuid", "ec2e1916-9099-7caf-fd21-012345abcdef\n");
        CHECK(instance() == "Amazon EC2");
    }
    SUBCASE("Amazon's own processors, whose kernel names only the core") {
        m.file("/proc/cpuinfo",
               "processor\t: 0\nBogoMIPS\t: 2100.00\nCPU implementer\t: 0x41\n"
               "CPU architecture: 8\nCPU part\t: 0xd40\n\nprocessor\t: 1\n");
        CHECK(detail::cpu_model(m.root()) == "Arm Neoverse V1");
        m.file(dmi + "sys_vendor", "Amazon EC2\n").file(dmi + "product_name", "c7g.large\n");
        CHECK((*open_estimate(m.root()))->channels()[0].model ==
              "AWS Graviton3, Amazon EC2 c7g.large");
    }
    SUBCASE("Google") {
        m.file(dmi + "sys_vendor", "Google\n")
            .file(dmi + "product_name", "Google Compute Engine\n");
        CHECK(instance() == "Google Compute Engine");
    }
    SUBCASE("Azure") {
        m.file(dmi + "sys_vendor", "Microsoft Corporation\n");
        CHECK(instance() == "");  // any Hyper-V says so
        m.file(dmi + "chassis_asset_tag", "7783-7084-3265-9085-8269-3286-77\n");
        CHECK(instance() == "Microsoft Azure");
        const std::string written = "/run/cloud-init/instance-data.json";
        m.file(written, R"({"ds": {"meta_data": {"imds": {"compute": {"location": "westeurope",
                            "vmSize": "Standard_D4s_v5"}}}}, "v1": {"region": "westeurope"}})");
        CHECK(instance() == "Microsoft Azure Standard_D4s_v5");  // and not the region
        for (const char* bad : {"", "{", "[]", "{\"ds\": 7}", "{\"ds\": {\"meta_data\": null}}",
                                R"({"ds": {"meta_data": {"instance-type": "a\nb"}}})",
                                R"({"ds": {"meta_data": {"instance-type": ["x"]}}})"}) {
            m.file(written, bad);
            CHECK(instance() == "Microsoft Azure");
        }
    }
    SUBCASE("not in a cloud") {
        m.file(dmi + "sys_vendor", "Dell Inc.\n").file(dmi + "product_name", "PowerEdge R750\n");
        CHECK(instance() == "");
    }
}

TEST_CASE("estimate: names the processor whose load it uses, or says that it is unknown") {
    fake_system m;
    m.cpuinfo("GenuineIntel", "Intel(R) Xeon(R) Platinum 8259CL CPU @ 2.50GHz", 6, 85, 2);
    m.proc_stat(1000, 9000).cpus_online("0-1");
    opened_backend e = open_estimate(m.root());
    REQUIRE(e);
    CHECK(full_contract_violations(**e, false) == strings{});
    CHECK((*e)->channels()[0].model == "Intel Xeon Platinum 8259CL");
}
