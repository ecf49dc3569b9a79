#include "joulery/detail/session/defaults.hpp"

#include "backends/fake_library.hpp"
#include "backends/support.hpp"
#include "fakes/fake_amd.hpp"

using namespace joulery;

namespace {

strings names(const found_backends& found) {
    strings all;
    for (const auto& b : found.backends) all.emplace_back(b->name());
    return all;
}

void power_meter(fake_system& m) {
    m.file("/sys/class/hwmon/hwmon0/name", "power_meter\n");
    m.number("/sys/class/hwmon/hwmon0/power1_average", 300'000'000);
}

void xe_card(fake_system& m) {
    m.file("/sys/class/hwmon/hwmon1/name", "xe\n");
    m.file("/sys/class/hwmon/hwmon1/device/uevent", "PCI_SLOT_NAME=0000:03:00.0\n");
    m.number("/sys/class/hwmon/hwmon1/energy1_input", 5);
}

void discharging(fake_system& m) {
    const std::string battery = "/sys/class/power_supply/BAT0";
    m.file(battery + "/type", "Battery\n").file(battery + "/status", "Discharging\n");
    m.number(battery + "/power_now", 8'000'000);
}

}  // namespace

TEST_CASE("defaults: an empty machine is estimated, and one reason is given") {
    fake_system m;
    m.cpuinfo("GenuineIntel", "Xeon", 6, 85, 1, "fpu hypervisor").proc_stat(1, 1);
    const found_backends found = open_backends({}, m.root());
    CHECK(names(found) == strings{"estimate"});
    REQUIRE(found.warnings.size() == 1);
    CHECK(contains(found.warnings[0], "rapl-powercap: /sys/class/powercap: no RAPL zone"));
}

TEST_CASE("defaults: counters of the parts come before a meter of the whole machine") {
    fake_system m;
    m.powercap_zone("intel-rapl:0", "package-0", 1);
    power_meter(m), discharging(m);
    CHECK(names(open_backends({}, m.root())) == strings{"rapl-powercap"});
    m.remove("/sys/class/powercap");
    CHECK(names(open_backends({}, m.root())) == strings{"hwmon"});
    m.remove("/sys/class/hwmon");
    const found_backends laptop = open_backends({}, m.root());
    CHECK(names(laptop) == strings{"battery"});
    CHECK(laptop.warnings.empty());
}

TEST_CASE("defaults: a card beside the processor is kept") {
    fake_system m;
    m.powercap_zone("intel-rapl:0", "package-0", 1);
    xe_card(m);
    CHECK(names(open_backends({}, m.root())) == strings{"rapl-powercap", "hwmon"});
}

TEST_CASE("defaults: a second view of the same counter is dropped") {
    fake_system m;
    m.cpuinfo("AuthenticAMD", "AMD EPYC", 25, 1);
    m.powercap_zone("intel-rapl:0", "package-0", 1);
    m.file("/sys/class/hwmon/hwmon0/name", "amd_hsmp_hwmon\n");
    m.number("/sys/class/hwmon/hwmon0/power1_input", 5);
    CHECK(names(open_backends({}, m.root())) == strings{"rapl-powercap"});
}

TEST_CASE("defaults: a vendor's library is not started if the kernel's files are readable") {
    fake_amd& library = control_of<fake_amd>("librocm_smi64", "fake_amd_control");
    library = fake_amd{};
    fake_system m;
    m.folder("/usr/lib");
    std::filesystem::create_symlink(fake_library_path("librocm_smi64"),
                                    m.path("/usr/lib/librocm_smi64.so.1"));
    const std::string card = "/sys/class/drm/card0/device";
    m.file(card + "/vendor", "0x1002\n").file(card + "/uevent", "PCI_SLOT_NAME=0000:c1:00.0\n");
    CHECK(names(open_backends({}, m.root()))[0] == "rocm-smi");
    CHECK(library.started);
    library = fake_amd{};
    m.file(card + "/hwmon/hwmon3/name", "amdgpu\n");
    m.number(card + "/hwmon/hwmon3/power1_average", 90'000'000);
    CHECK(names(open_backends({}, m.root()))[0] == "amdgpu");
    CHECK_FALSE(library.started);
}

TEST_CASE("defaults: a requested backend opens, or a message says why not") {
    fake_system m;
    m.powercap_zone("intel-rapl:0", "package-0", 1);
    power_meter(m);
    CHECK(names(open_backends({"rapl-powercap", "hwmon"}, m.root())) ==
          strings{"rapl-powercap", "hwmon"});
    const found_backends found = open_backends({"cray-pm", "sundial"}, m.root());
    CHECK(found.backends.empty());
    REQUIRE(found.warnings.size() == 2);
    CHECK(contains(found.warnings[0], "cray-pm: /sys/cray/pm_counters: not found"));
    CHECK(contains(found.warnings[1], "unknown backend 'sundial'"));
    CHECK(contains(found.warnings[1], "known are rapl-powercap, rapl-perf, amd-hsmp"));
    CHECK(open_backends({"none"}, m.root()).backends.empty());
}
