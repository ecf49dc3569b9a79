#include "joulery/detail/backends/board/hwmon.hpp"

#include "approx.hpp"
#include "backends/support.hpp"
#include "joulery/detail/metering/domain_tree.hpp"
#include "joulery/testing/manual_clock.hpp"

using namespace joulery;

namespace {

std::string chip(fake_system& m, int number, const char* name) {
    const std::string folder = "/sys/class/hwmon/hwmon" + std::to_string(number);
    m.file(folder + "/name", std::string(name) + "\n");
    return folder;
}

void rail(fake_system& m, const std::string& folder, int n, const char* label, int millivolts,
          int milliamperes) {
    const std::string number = std::to_string(n);
    m.file(folder + "/in" + number + "_label", std::string(label) + "\n");
    m.file(folder + "/in" + number + "_input", std::to_string(millivolts) + "\n");
    m.file(folder + "/curr" + number + "_input", std::to_string(milliamperes) + "\n");
}

std::unique_ptr<backend> opened(const fake_system& m) {
    opened_backend b = open_hwmon(m.root());
    INFO(b.error().reason);
    REQUIRE(b);
    CHECK(contract_violations(**b) == strings{});
    return std::move(*b);
}

strings summed(const backend& b) {
    strings all;
    const domain_tree tree = build_domain_tree(b.channels());
    for (std::size_t i = 0; i < tree.domains.size(); ++i)
        if (tree.domains[i].summed) all.push_back(b.channels()[i].id);
    return all;
}

}  // namespace

TEST_CASE("hwmon: an Intel card contains its package") {
    fake_system m;
    const std::string xe = chip(m, 2, "xe");
    m.file(xe + "/device/uevent", "PCI_SLOT_NAME=0000:03:00.0\n");
    m.file(xe + "/energy1_label", "card\n").number(xe + "/energy1_input", 9'000'000);
    m.file(xe + "/energy2_label", "pkg\n").number(xe + "/energy2_input", 7'000'000);
    const auto b = opened(m);
    CHECK(ids(*b) == strings{"gpu/0000:03:00.0/board", "gpu/0000:03:00.0/package"});
    CHECK(nesting(*b) == strings{"gpu/0000:03:00.0/package<gpu/0000:03:00.0/board"});
    CHECK(b->channels()[0].kind == reading_kind::energy_counter);
    CHECK(b->channels()[0].device == "pci:0000:03:00.0");
    CHECK(read_all(*b).values == std::vector<std::uint64_t>{9'000'000, 7'000'000});
}

TEST_CASE("hwmon: a Grace module contains Grace, which contains its cores and its IO") {
    fake_system m;
    int n = 0;
    for (const char* what : {"CPU", "SysIO", "Grace", "Module"}) {
        for (int socket : {0, 1}) {
            const std::string folder = chip(m, n++, "power_meter");
            m.file(folder + "/device/power1_oem_info",
                   std::string(what) + " Power Socket " + std::to_string(socket) + "\n");
            m.number(folder + "/device/power1_average", static_cast<unsigned>(n) * 1'000'000);
        }
    }
    const auto b = opened(m);
    CHECK(summed(*b) == strings{"module0", "module1"});
    CHECK(channel_of(*b, "cpu0/cpu").parent == "cpu0/grace");
    CHECK(channel_of(*b, "cpu1/sysio").parent == "cpu1/grace");
    CHECK(channel_of(*b, "cpu1/grace").parent == "module1");
    CHECK(channel_of(*b, "module0").update_period == std::chrono::milliseconds(50));
}

TEST_CASE("hwmon: any other ACPI meter is the machine's") {
    fake_system m;
    const std::string folder = chip(m, 0, "power_meter");
    m.number(folder + "/power1_average", 320'000'000);
    const auto b = opened(m);
    CHECK(b->channels()[0].part == component::platform);
    CHECK(read_all(*b).values[0] == 320'000'000);
    CHECK(b->channels()[0].update_period == std::chrono::seconds(1));  // the default
    m.file(folder + "/power1_average_interval", "5000\n");
    CHECK(opened(m)->channels()[0].update_period == std::chrono::seconds(5));
    m.file(folder + "/power1_average_interval", "0\n");
    CHECK(opened(m)->channels()[0].update_period == std::chrono::seconds(1));
}

TEST_CASE("hwmon: a Jetson's rails lie inside its inlet, if it has one") {
    fake_system m;
    const std::string folder = chip(m, 1, "ina3221");
    rail(m, folder, 1, "VDD_IN", 5000, 1200);
    rail(m, folder, 2, "VDD_CPU_GPU_CV", 5000, 400);
    rail(m, folder, 3, "NC", 5000, 1);
    rail(m, folder, 7, "sum of shunt voltages", 1, 1);
    m.file(folder + "/shunt1_resistor", "5000\n");  // microohms
    const auto b = opened(m);
    CHECK(ids(*b) == strings{"rail/VDD_IN", "rail/VDD_CPU_GPU_CV"});
    CHECK(summed(*b) == strings{"rail/VDD_IN"});
    CHECK(read_all(*b).values == std::vector<std::uint64_t>{6'000'000, 2'000'000});  // uW
    CHECK(b->channels()[0].quantum == approx(0.04));                                 // 8 mA at 5 V
    CHECK(b->channels()[1].quantum == 0);
    m.file(folder + "/curr2_input", "-8\n");
    CHECK(read_all(*b).values[1] == 0);
}

TEST_CASE("hwmon: on AGX Orin three rails add up, and the fourth is fed by one of them") {
    fake_system m;
    const std::string first = chip(m, 1, "ina3221"), second = chip(m, 2, "ina3221");
    rail(m, first, 1, "VDD_GPU_SOC", 19000, 300);
    rail(m, first, 2, "VDD_CPU_CV", 19000, 200);
    rail(m, first, 3, "VIN_SYS_5V0", 5000, 700);
    rail(m, second, 2, "VDDQ_VDD2_1V8AO", 5000, 100);
    const auto b = opened(m);
    CHECK(summed(*b) == strings{"rail/VDD_GPU_SOC", "rail/VDD_CPU_CV", "rail/VIN_SYS_5V0"});
    CHECK(nesting(*b) == strings{"rail/VDDQ_VDD2_1V8AO<rail/VIN_SYS_5V0"});
}

TEST_CASE("hwmon: JetPack 4 numbers rails from 0 and uses milliwatts") {
    fake_system m;
    const std::string folder = "/sys/bus/i2c/drivers/ina3221x/6-0040/iio:device0";
    m.file(folder + "/rail_name_0", "POM_5V_IN\n").file(folder + "/in_power0_input", "2500\n");
    m.file(folder + "/rail_name_1", "POM_5V_GPU\n").file(folder + "/in_power1_input", "40\n");
    m.file(folder + "/rail_name_2", "NC\n").file(folder + "/in_power2_input", "1\n");
    const auto b = opened(m);
    CHECK(summed(*b) == strings{"rail/POM_5V_IN"});
    CHECK(read_all(*b).values == std::vector<std::uint64_t>{2'500'000, 40'000});
}

TEST_CASE("hwmon: labeled rails of Ampere sockets, POWER totals, Tenstorrent cards") {
    fake_system m;
    const std::string smpro = chip(m, 0, "smpro"), occ = chip(m, 1, "occ");
    const std::string card = chip(m, 2, "wormhole"), hsmp = chip(m, 3, "amd_hsmp_hwmon");
    m.file(smpro + "/power1_label", "CORE VRD\n").number(smpro + "/power1_input", 1);
    m.file(smpro + "/power3_label", "DIMM VRD1\n").number(smpro + "/power3_input", 2);
    m.file(occ + "/power1_label", "system\n").number(occ + "/power1_input", 3);
    m.file(occ + "/power2_label", "proc\n").number(occ + "/power2_input", 4);
    m.file(card + "/device/uevent", "PCI_SLOT_NAME=0000:c1:00.0\n");
    m.number(card + "/power1_input", 75'000'000);
    m.number(hsmp + "/power1_input", 5);
    const auto b = opened(m);
    CHECK(summed(*b) == strings{"occ0/machine"});  // POWER's total contains the whole machine
    CHECK(ids(*b) == strings{"smpro0/core-vrd", "smpro0/dimm-vrd1", "occ0/machine", "occ0/proc",
                             "npu/0000:c1:00.0/board", "cpu0/package"});
    CHECK(channel_of(*b, "smpro0/dimm-vrd1").part == component::dram);
    CHECK(channel_of(*b, "npu/0000:c1:00.0/board").quantum == 1.0);
    CHECK(nesting(*b) == strings{"occ0/proc<occ0/machine"});
}

TEST_CASE("hwmon: an Arm firmware's rails count by energy or by power, never by both") {
    fake_system m;
    const std::string folder = chip(m, 0, "scmi_sensors");
    m.file(folder + "/power1_label", "big_power\n").number(folder + "/power1_input", 3'000'000);
    m.file(folder + "/power2_label", "gpu_power\n").number(folder + "/power2_input", 1'000'000);
    CHECK(summed(*opened(m)) == strings{"scmi_sensors0/big_power", "scmi_sensors0/gpu_power"});
    m.file(folder + "/energy4_label", "big_energy\n").number(folder + "/energy4_input", 77);
    const auto b = opened(m);
    CHECK(summed(*b) == strings{"scmi_sensors0/big_energy"});
    CHECK(b->channels()[0].kind == reading_kind::energy_counter);
    CHECK(read_all(*b).values == std::vector<std::uint64_t>{77});
}

TEST_CASE("hwmon: unknown chips are ignored") {
    fake_system m;
    m.number(chip(m, 0, "nvme") + "/power1_input", 5);
    m.number(chip(m, 1, "amdgpu") + "/power1_average", 5);
    m.number(chip(m, 2, "i915_gt0") + "/energy1_input", 5);
    m.number(chip(m, 3, "macsmc_hwmon") + "/power1_input", 5);
    m.file("/sys/class/hwmon/hwmon3/power1_label", "3.8V Rail\n");
    opened_backend b = open_hwmon(m.root());
    REQUIRE_FALSE(b);
    CHECK(contains(b.error().reason, "macsmc_hwmon has no total"));
    CHECK(contains(b.error().reason, "no known energy or power sensor"));
}

TEST_CASE("hwmon: damaged and vanishing files") {
    fake_system m;
    const std::string xe = chip(m, 2, "xe");
    m.number(xe + "/energy1_input", 5);
    const auto b = opened(m);
    CHECK(b->channels()[0].id == "gpu/hwmon2/board");
    for (const char* bad : {"", "-3\n", "x\n", "99999999999999999999\n", "9007199254740993\n"}) {
        m.file(xe + "/energy1_input", bad);
        CHECK(read_all(*b).status == read_status::retry);
    }
    m.vanish(xe + "/energy1_input");
    CHECK(read_all(*b).status == read_status::gone);
}

TEST_CASE("hwmon: two rails of the same name have different ids") {
    fake_system m;
    rail(m, chip(m, 1, "ina3221"), 1, "VDD_GPU", 1000, 1);
    rail(m, chip(m, 2, "ina3221"), 1, "VDD_GPU", 1000, 2);
    CHECK(ids(*opened(m)) == strings{"rail/VDD_GPU", "rail/VDD_GPU-hwmon2"});
}

TEST_CASE("hwmon: a card that sleeps is not read, and its counter may restart at 0") {
    fake_system m;
    const std::string card = "/sys/class/hwmon/hwmon3";
    m.file(card + "/name", "xe\n").number(card + "/energy1_input", 5'000'000);
    m.file(card + "/device/uevent", "PCI_SLOT_NAME=0000:03:00.0\n");
    m.file(card + "/device/power/control", "auto\n");
    m.file(card + "/device/power/runtime_status", "active\n");
    auto clock = std::make_shared<joulery::testing::manual_clock>();
    opened_backend b = open_hwmon(m.root(), clock);
    REQUIRE(b);
    CHECK(read_all(**b).values[0] == 5'000'000);
    CHECK((*b)->note() == "");
    m.file(card + "/device/power/runtime_status", "suspended\n");
    m.number(card + "/energy1_input", 0);
    clock->advance(std::chrono::seconds(10));
    CHECK(read_all(**b).values[0] == 5'000'000);
    CHECK(contains((*b)->note(), "gpu/0000:03:00.0/board: asleep"));
    m.file(card + "/device/power/runtime_status", "active\n");
    m.number(card + "/energy1_input", 2'000'000);
    clock->advance(std::chrono::seconds(10));
    CHECK(read_all(**b).values[0] == 7'000'000);
    // Now that it is known to sleep, it is read so rarely that it can.
    m.number(card + "/energy1_input", 3'000'000);
    clock->advance(std::chrono::seconds(1));
    CHECK(read_all(**b).values[0] == 7'000'000);
    clock->advance(std::chrono::seconds(5));
    CHECK(read_all(**b).values[0] == 8'000'000);
}

TEST_CASE("hwmon: labeled parts name their processor or machine, and share one device") {
    fake_system m;
    m.file("/proc/device-tree/model", "8335-GTW\n");
    const std::string occ = chip(m, 0, "occ");
    m.file(occ + "/power1_label", "system\n").number(occ + "/power1_input", 900'000'000);
    m.number(occ + "/power1_cap_max", 2'200'000'000);
    m.file(occ + "/power2_label", "proc0\n").number(occ + "/power2_input", 200'000'000);
    const auto b = opened(m);
    CHECK(full_contract_violations(*b) == strings{});
    CHECK(b->channels()[1].model == "8335-GTW");
    CHECK(b->channels()[1].device == "board");
}

TEST_CASE("hwmon: a rail's limit is its alarm threshold") {
    fake_system m;
    m.file("/proc/device-tree/model", "NVIDIA Jetson AGX Orin Developer Kit");
    const std::string folder = chip(m, 1, "ina3221");
    rail(m, folder, 1, "VDD_GPU_SOC", 19'000, 1'500);
    m.number(folder + "/curr1_max", 2'000).number(folder + "/curr1_crit", 3'000);
    const auto b = opened(m);
    CHECK(full_contract_violations(*b) == strings{});
    CHECK(b->channels()[0].max_watts == approx(57));
    m.number(folder + "/curr1_crit", 0xffff'ffff);
    CHECK(opened(m)->channels()[0].max_watts == approx(38));
}
