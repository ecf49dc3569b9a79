#include "machines/fake_machine.hpp"

#include "approx.hpp"
#include "backends/fake_device.hpp"
#include "joulery/detail/backends/cpu/amd_hsmp.hpp"

using namespace joulery;

namespace {

void intel(fake_machine& m, const char* model, unsigned number) {
    m.files.cpuinfo("GenuineIntel", model, 6, number, 4);
}
void amd(fake_machine& m, const char* model, unsigned family, unsigned number) {
    m.files.cpuinfo("AuthenticAMD", model, family, number, 4);
}

/// Every zone adds its microjoules per step of 10 ms.
std::function<void(int)> counting(fake_machine& m,
                                  std::vector<std::pair<const char*, unsigned>> zones) {
    return [&m, zones](int step) {
        for (const auto& [zone, per_step] : zones)
            m.files.powercap_energy(zone, static_cast<std::uint64_t>(step) * per_step + 1);
    };
}

}  // namespace

TEST_CASE("desktop Intel: the package is the total, with its cores and graphics inside") {
    fake_machine m;
    intel(m, "Intel(R) Core(TM) i7-9700K", 158);
    m.files.powercap_zone("intel-rapl:0", "package-0", 1);
    m.files.powercap_zone("intel-rapl:0:0", "core", 1).powercap_zone("intel-rapl:0:1", "uncore", 1);
    m.files.powercap_zone("intel-rapl:0:2", "dram", 1);
    m.start();
    CHECK(m.tree() == strings{"+ cpu0/package", "- cpu0/core: contained in cpu0/package",
                              "- cpu0/uncore: contained in cpu0/package", "+ cpu0/dram"});
    // 65 W + 5 W for a second
    CHECK(m.run(counting(m, {{"intel-rapl:0", 650'000},
                             {"intel-rapl:0:0", 400'000},
                             {"intel-rapl:0:1", 50'000},
                             {"intel-rapl:0:2", 50'000}})) == approx(70));
    CHECK(m.warnings.empty());
}

TEST_CASE("Xeon with two sockets and psys: psys is the total of everything") {
    fake_machine m;
    intel(m, "Intel(R) Xeon(R) Platinum 8480+", 143);
    m.files.powercap_zone("intel-rapl:0", "package-0", 1);
    m.files.powercap_zone("intel-rapl:0:0", "dram", 1);
    m.files.powercap_zone("intel-rapl:1", "package-1", 1);
    m.files.powercap_zone("intel-rapl:1:0", "dram", 1);
    m.files.powercap_zone("intel-rapl:2", "psys", 1);
    m.start();
    CHECK(m.tree() == strings{"+ psys", "- cpu0/package: contained in psys",
                              "- cpu0/dram: contained in psys", "- cpu1/package: contained in psys",
                              "- cpu1/dram: contained in psys"});
    CHECK(m.run(counting(m, {{"intel-rapl:0", 2'000'000},
                             {"intel-rapl:0:0", 200'000},
                             {"intel-rapl:1", 1'500'000},
                             {"intel-rapl:1:0", 200'000},
                             {"intel-rapl:2", 6'000'000}})) == approx(600));
}

TEST_CASE("a counter that stands still is noted, one at rest inside another is not") {
    fake_machine m;
    intel(m, "Intel(R) Core(TM) i7-9700K", 158);
    m.files.powercap_zone("intel-rapl:0", "package-0", 1);
    m.files.powercap_zone("intel-rapl:0:0", "uncore", 1).powercap_zone("intel-rapl:0:1", "dram", 1);
    m.start();
    CHECK(m.run(counting(m, {{"intel-rapl:0", 200'000}})) == approx(20));
    strings said;
    for (const std::string& w : m.meter->snapshot().warnings)
        if (contains(w, "stuck")) said.push_back(w);
    CHECK(said == strings{"channel cpu0/dram did not move in 1 s: its counter may be stuck"});
}

TEST_CASE("a psys that counts less than what it contains is not trusted, so its parts are summed") {
    fake_machine m;
    intel(m, "Intel(R) Core(TM) i7-7600U", 142);
    m.files.powercap_zone("intel-rapl:0", "package-0", 1);
    m.files.powercap_zone("intel-rapl:0:0", "core", 1).powercap_zone("intel-rapl:0:1", "dram", 1);
    m.files.powercap_zone("intel-rapl:1", "psys", 1);
    m.start();
    unsigned psys = 0;
    double total = 0;
    std::string expected;
    SUBCASE("less") {
        psys = 100'000;
        total = 12.5;
        expected =
            "channel psys is not trusted: it counted 10 J, less than the 12.5 J of the "
            "channels in it";
    }
    SUBCASE("slightly less, as consecutive reads may cause") { psys = 122'000, total = 12.2; }
    SUBCASE("nothing") {
        psys = 0, total = 12.5;
        expected = "channel psys is not trusted: it stands still while the channels in it count";
    }
    SUBCASE("more") { psys = 200'000, total = 20; }
    CHECK(m.run(counting(m, {{"intel-rapl:0", 110'000},
                             {"intel-rapl:0:0", 60'000},
                             {"intel-rapl:0:1", 15'000},
                             {"intel-rapl:1", psys}})) == approx(total));
    const strings warnings = m.meter->snapshot().warnings;
    std::string said;
    for (const std::string& w : warnings)
        if (contains(w, "trusted")) said += w;
    CHECK(said == expected);
}

TEST_CASE(
    "Xeon with psys and a card: psys may or may not contain the card, so the parts are summed") {
    fake_machine m;
    intel(m, "Intel(R) Xeon(R) w9-3495X", 143);
    m.files.powercap_zone("intel-rapl:0", "package-0", 1);
    m.files.powercap_zone("intel-rapl:0:0", "core", 1);
    m.files.powercap_zone("intel-rapl:1", "psys", 1);
    m.hwmon(3, "xe");
    m.files.file(m.hwmon_folder(3) + "/device/uevent", "PCI_SLOT_NAME=0000:03:00.0\n");
    m.files.file(m.hwmon_folder(3) + "/energy1_label", "card\n");
    m.files.file(m.hwmon_folder(3) + "/energy2_label", "pkg\n");
    m.files.number(m.hwmon_folder(3) + "/energy1_input", 1);
    m.files.number(m.hwmon_folder(3) + "/energy2_input", 1);
    m.start();
    const strings expected{"- psys: excluded: whether it includes the cards depends on the board",
                           "+ cpu0/package", "- cpu0/core: contained in cpu0/package",
                           "+ gpu/0000:03:00.0/board",
                           "- gpu/0000:03:00.0/package: contained in gpu/0000:03:00.0/board"};
    CHECK(m.tree() == expected);
    const auto cpu = counting(
        m, {{"intel-rapl:0", 1'000'000}, {"intel-rapl:0:0", 500'000}, {"intel-rapl:1", 4'000'000}});
    CHECK(m.run([&](int i) {
        cpu(i);
        m.files.number(m.hwmon_folder(3) + "/energy1_input", 1'500'000u * unsigned(i) + 1);
        m.files.number(m.hwmon_folder(3) + "/energy2_input", 900'000u * unsigned(i) + 1);
    }) == approx(250));
}

TEST_CASE("Threadripper: dies that mirror one counter are one package") {
    fake_machine m;
    amd(m, "AMD Ryzen Threadripper 1950X", 23, 1);
    m.files.powercap_zone("intel-rapl:0", "package-0-die-0", 1);
    m.files.powercap_zone("intel-rapl:0:0", "core", 1);
    m.files.powercap_zone("intel-rapl:1", "package-0-die-1", 1);
    m.files.powercap_zone("intel-rapl:1:0", "core", 1);
    m.start();
    CHECK(m.tree() == strings{"+ cpu0/package", "- cpu0/one-core: contained in cpu0/package"});
    CHECK(m.run(counting(m, {{"intel-rapl:0", 1'800'000}, {"intel-rapl:1", 1'800'000}})) ==
          approx(180));
}

TEST_CASE("EPYC as root: powercap's packages are used, and HSMP's view of them is not opened") {
    fake_machine m;
    amd(m, "AMD EPYC 9654", 25, 17);
    m.files.powercap_zone("intel-rapl:0", "package-0", 1);
    m.files.powercap_zone("intel-rapl:1", "package-1", 1);
    m.hwmon(0, "amd_hsmp_hwmon");
    m.files.number(m.hwmon_folder(0) + "/power1_input", 5);
    m.hwmon(1, "amd_hsmp_hwmon");
    m.files.number(m.hwmon_folder(1) + "/power1_input", 5);
    m.start();
    CHECK(m.tree() == strings{"+ cpu0/package", "+ cpu1/package"});
    CHECK(m.run(counting(m, {{"intel-rapl:0", 2'000'000}, {"intel-rapl:1", 3'000'000}})) ==
          approx(500));
}

TEST_CASE("EPYC, two views requested by name: the second is marked as a duplicate") {
    fake_machine m;
    amd(m, "AMD EPYC 9654", 25, 17);
    m.files.powercap_zone("intel-rapl:0", "package-0", 1);
    m.hwmon(0, "amd_hsmp_hwmon");
    m.files.number(m.hwmon_folder(0) + "/power1_input", 200'000'000);
    m.start(open_backends({"rapl-powercap", "hwmon"}, m.files.root()));
    CHECK(m.tree() ==
          strings{"+ cpu0/package", "- cpu0/package: same counter as the first cpu0/package"});
    CHECK(m.run(counting(m, {{"intel-rapl:0", 2'000'000}})) == approx(200));
}

TEST_CASE("cloud machine without a counter: an estimate, and the reason") {
    fake_machine m;
    m.files.cpuinfo("GenuineIntel", "Intel(R) Xeon(R) Processor", 6, 143, 4, "fpu hypervisor");
    m.files.proc_stat(1000, 9000).cpus_online("0-3");
    m.start();
    CHECK(m.tree() == strings{"+ machine/estimate"});
    // Sapphire Rapids: 1.04 W idle to 4.16 W full, a hardware thread
    CHECK(m.run([&](int i) { m.half_busy(i); }) == approx(4 * (1.04 + 4.16) / 2).epsilon(0.01));
    CHECK(m.meter->snapshot().provenance == quality::estimated);
    REQUIRE(m.warnings.size() == 1);
    CHECK(contains(m.warnings[0], "this is a virtual machine"));
}

TEST_CASE("container with masked powercap: an estimate, and the container's flag") {
    fake_machine m;
    intel(m, "Intel(R) Xeon(R) Gold 6330", 106);
    m.files.proc_stat(1000, 9000).cpus_online("0-3");
    m.files.symlink("/sys/devices/virtual/powercap/intel-rapl/intel-rapl:0",
                    "/sys/class/powercap/intel-rapl:0");
    m.files.symlink("/sys/devices/virtual/powercap/intel-rapl", "/sys/class/powercap/intel-rapl");
    m.start();
    CHECK(m.tree() == strings{"+ machine/estimate"});
    // Ice Lake: 0.77 W idle to 3.76 W full
    CHECK(m.run([&](int i) { m.half_busy(i); }) == approx(4 * (0.77 + 3.76) / 2).epsilon(0.01));
    CHECK(m.meter->snapshot().provenance == quality::estimated);
    REQUIRE(m.warnings.size() == 1);
    CHECK(contains(m.warnings[0], "-v /sys:/host/sys:ro"));
}

TEST_CASE("EPYC as a user: HSMP's counters of the sockets are used") {
    fake_machine m;
    std::uint64_t counts = 1000;
    fake_device device;
    device.on_control = [&](unsigned long, void* argument) {
        auto& message = *static_cast<detail::hsmp_message*>(argument);
        if (message.socket >= 2) return -ENODEV;
        if (message.id == 0x30) message.words[0] = 16u << 8 | 10u << 16;  // 2^-16 J
        if (message.id == 0x32) message.words[0] = static_cast<std::uint32_t>(counts);
        return message.id == 0x30 || message.id == 0x32 ? 0 : -ENOMSG;
    };
    opened_backend hsmp = open_amd_hsmp(m.files.root(), device.calls());
    REQUIRE(hsmp);
    found_backends found;
    found.backends.push_back(*std::move(hsmp));
    m.start(std::move(found));
    CHECK(m.tree() == strings{"+ cpu0/package", "+ cpu1/package"});
    CHECK(m.run([&](int) { counts += 65536; }) == approx(200));
    m.meter.reset();
}
