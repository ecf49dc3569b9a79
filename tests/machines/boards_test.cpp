#include "machines/fake_machine.hpp"

#include "approx.hpp"
#include "backends/fake_device.hpp"
#include "joulery/detail/backends/board/rpi_pmic.hpp"

using namespace joulery;

namespace {

void battery_at(fake_machine& m, std::uint64_t microwatts) {
    const std::string folder = "/sys/class/power_supply/BAT0";
    m.files.file(folder + "/type", "Battery\n").file(folder + "/status", "Discharging\n");
    m.files.number(folder + "/power_now", microwatts);
}

}  // namespace

TEST_CASE("Jetson AGX Orin: rails are siblings, except memory inside the rail that feeds it") {
    fake_machine m;
    m.hwmon(1, "ina3221");
    m.rail(1, 1, "VDD_GPU_SOC", 19000, 500);  // 9.5 W
    m.rail(1, 2, "VDD_CPU_CV", 19000, 200);   // 3.8 W
    m.rail(1, 3, "VIN_SYS_5V0", 5000, 900);   // 4.5 W
    m.hwmon(2, "ina3221");
    m.rail(2, 1, "NC", 0, 0);
    m.rail(2, 2, "VDDQ_VDD2_1V8AO", 5000, 300);
    m.start();
    CHECK(m.tree() == strings{"+ rail/VDD_GPU_SOC", "+ rail/VDD_CPU_CV", "+ rail/VIN_SYS_5V0",
                              "- rail/VDDQ_VDD2_1V8AO: contained in rail/VIN_SYS_5V0"});
    CHECK(m.run() == approx(17.8));
}

TEST_CASE("Jetson Orin Nano: the inlet is the total") {
    fake_machine m;
    m.hwmon(1, "ina3221");
    m.rail(1, 1, "VDD_IN", 5000, 2000);
    m.rail(1, 2, "VDD_CPU_GPU_CV", 5000, 800);
    m.rail(1, 3, "VDD_SOC", 5000, 300);
    m.start();
    CHECK(m.tree() == strings{"+ rail/VDD_IN", "- rail/VDD_CPU_GPU_CV: contained in rail/VDD_IN",
                              "- rail/VDD_SOC: contained in rail/VDD_IN"});
    CHECK(m.run() == approx(10));
}

TEST_CASE("Raspberry Pi 5: the rails of the power chip add up") {
    fake_machine m;
    m.files.file("/proc/device-tree/model", "Raspberry Pi 5 Model B Rev 1.0");
    fake_device device;
    device.on_control = [](unsigned long, void* argument) {
        auto* words = static_cast<std::uint32_t*>(argument);
        const char text[] =
            " DDR_VDD2_A current(4)=0.5A\n VDD_CORE_A current(7)=2.0A\n 3V3_SYS_A current(1)=1.0A\n"
            " DDR_VDD2_V volt(12)=1.0V\n VDD_CORE_V volt(15)=0.75V\n 3V3_SYS_V volt(9)=3.0V\n";
        std::memcpy(&words[6], text, sizeof text);
        return 0;
    };
    opened_backend pmic = open_rpi_pmic(m.files.root(), device.calls());
    REQUIRE(pmic);
    found_backends found;
    found.backends.push_back(*std::move(pmic));
    m.start(std::move(found));
    CHECK(m.tree() == strings{"+ board/pmic", "- board/pmic/core: contained in board/pmic",
                              "- board/pmic/memory: contained in board/pmic"});
    CHECK(m.run() == approx(5));
    m.meter.reset();
}

TEST_CASE("laptop on battery: RAPL counts, and the battery is opened only as a last resort") {
    fake_machine m;
    m.files.cpuinfo("GenuineIntel", "Intel(R) Core(TM) i7-1165G7", 6, 140, 4);
    m.files.powercap_zone("intel-rapl:0", "package-0", 1);
    battery_at(m, 15'000'000);
    SUBCASE("by default") {
        m.start();
        CHECK(m.tree() == strings{"+ cpu0/package"});
        CHECK(m.run([&](int i) {
            m.files.powercap_energy("intel-rapl:0", 80'000u * unsigned(i) + 1);
        }) == approx(8));
    }
    SUBCASE("both requested by name: the battery is shown separately") {
        m.start(open_backends({"rapl-powercap", "battery"}, m.files.root()));
        CHECK(m.tree() ==
              strings{"+ cpu0/package",
                      "- machine/battery: excluded: the machine's parts are counted faster"});
        CHECK(m.run([&](int i) {
            m.files.powercap_energy("intel-rapl:0", 80'000u * unsigned(i) + 1);
        }) == approx(8));
    }
    SUBCASE("with counters that users can't read") {
        m.files.remove("/sys/class/powercap");
        m.start();
        CHECK(m.tree() == strings{"+ machine/battery"});
        CHECK(m.run() == approx(15));
    }
}

TEST_CASE("Cray node with MI250X: the node is the total, and every view of its cards is inside") {
    fake_machine m;
    const std::string counters = "/sys/cray/pm_counters/";
    const auto write = [&](unsigned joules) {
        m.files.file(counters + "energy", std::to_string(joules) + " J\n");
        m.files.file(counters + "cpu_energy", std::to_string(joules / 5) + " J\n");
        m.files.file(counters + "accel0_energy", std::to_string(joules / 2) + " J\n");
    };
    write(0);
    m.files.file(counters + "freshness", "1\n");
    for (int card = 0; card < 2; ++card) {
        const std::string device = "/sys/class/drm/card" + std::to_string(card) + "/device";
        m.files.file(device + "/vendor", "0x1002\n").file(device + "/device", "0x740c\n");
        m.files.file(device + "/uevent", "PCI_SLOT_NAME=0000:c" + std::to_string(card) + ":00.0\n");
        m.files.file(device + "/hwmon/hwmon5/name", "amdgpu\n");
        if (card == 0) m.files.number(device + "/hwmon/hwmon5/power1_average", 500'000'000);
    }
    m.start();
    CHECK(m.tree() == strings{"- gpu/0000:c0:00.0/board: contained in node", "+ node",
                              "- node/cpu: contained in node", "- node/accel0: contained in node"});
    CHECK(m.parents() ==
          strings{"gpu/0000:c0:00.0/board<node", "node/cpu<node", "node/accel0<node"});
    CHECK(m.run([&](int i) { write(10 * unsigned(i)); }) == approx(1000));
    // 200 J, 500 J, and the same 500 J seen by another backend: the node stays trusted.
    for (const std::string& w : m.meter->snapshot().warnings) CHECK_FALSE(contains(w, "trusted"));
}

TEST_CASE("MI300A: each socket's meter includes the processor whose CPUs are next to it") {
    fake_machine m;
    m.files.cpuinfo("AuthenticAMD", "AMD Instinct MI300A Accelerator", 25, 144, 4);
    const auto write = [&](unsigned socket, std::uint64_t counts) {
        std::string table(2208, '\xff');
        for (std::size_t i = 0; i < 8; ++i) table[24 + i] = static_cast<char>(counts >> (8 * i));
        const unsigned char head[] = {2208 & 0xff, 2208 >> 8, 1, 7};
        for (std::size_t i = 0; i < 4; ++i) table[i] = static_cast<char>(head[i]);
        m.files.file("/sys/class/drm/card" + std::to_string(socket) + "/device/gpu_metrics", table);
    };
    for (unsigned socket = 0; socket < 2; ++socket) {
        const std::string number = std::to_string(socket);
        const std::string device = "/sys/class/drm/card" + number + "/device";
        const std::string pci = "000" + number + ":01:00.0";
        m.files.file(device + "/vendor", "0x1002\n").file(device + "/device", "0x74a0\n");
        m.files.file(device + "/uevent", "PCI_SLOT_NAME=" + pci + "\n");
        m.files.file("/sys/bus/pci/devices/" + pci + "/local_cpulist",
                     socket == 0 ? "0-1,4-5\n" : "2-3,6-7\n");
        m.files.powercap_zone("intel-rapl:" + number, "package-" + number, 1);
        write(socket, 1);
    }
    for (unsigned cpu = 0; cpu < 8; ++cpu)
        m.files.number(
            "/sys/devices/system/cpu/cpu" + std::to_string(cpu) + "/topology/physical_package_id",
            cpu / 2 % 2);
    m.start();
    CHECK(m.tree() == strings{"- cpu0/package: contained in module0",
                              "- cpu1/package: contained in module1", "+ module0", "+ module1"});
    CHECK(m.run([&](int i) {
        m.files.powercap_energy("intel-rapl:0", 1'000'000u * unsigned(i) + 1);
        m.files.powercap_energy("intel-rapl:1", 1'000'000u * unsigned(i) + 1);
        write(0, 5u * 65'536u * unsigned(i) + 1);
        write(1, 4u * 65'536u * unsigned(i) + 1);
    }) == approx(900));
}

TEST_CASE("server with a chassis meter: it is the total only if the processors are not counted") {
    fake_machine m;
    m.power_meter(0, "", 400'000'000);
    SUBCASE("on its own") {
        m.start();
        CHECK(m.tree() == strings{"+ machine/power-meter"});
        CHECK(m.run() == approx(400));
    }
    SUBCASE("beside the packages") {
        m.files.powercap_zone("intel-rapl:0", "package-0", 1);
        m.start(open_backends({"hwmon", "rapl-powercap"}, m.files.root()));
        CHECK(m.tree() ==
              strings{"- machine/power-meter: excluded: the machine's parts are counted faster",
                      "+ cpu0/package"});
    }
    SUBCASE("as fast as the packages") {
        m.files.file(m.hwmon_folder(0) + "/power1_average_interval", "50\n");
        m.files.powercap_zone("intel-rapl:0", "package-0", 1);
        m.start(open_backends({"hwmon", "rapl-powercap"}, m.files.root()));
        CHECK(m.tree() ==
              strings{"+ machine/power-meter", "- cpu0/package: contained in machine/power-meter"});
        CHECK(m.run() == approx(400));
    }
}
