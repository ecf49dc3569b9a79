#include "machines/fake_machine.hpp"

#include "approx.hpp"
#include "backends/fake_library.hpp"
#include "fakes/fake_nvml.hpp"

using namespace joulery;

namespace {

/// A machine with NVIDIA's driver, whose library is where a loader looks for it.
struct nvidia_machine : fake_machine {
    explicit nvidia_machine(unsigned gpus)
        : control(control_of<fake_nvml>("libnvidia-ml", "fake_nvml_control")) {
        files.file("/proc/driver/nvidia/version", "NVRM version: NVIDIA UNIX x86_64\n");
        files.folder("/usr/lib");
        std::filesystem::create_symlink(fake_library_path("libnvidia-ml"),
                                        files.path("/usr/lib/libnvidia-ml.so.1"));
        const unsigned next = control.generation + 1;
        control = fake_nvml{};
        control.generation = next;
        control.count = gpus;
        for (unsigned i = 0; i < gpus; ++i) {
            const std::string uuid = "GPU-" + std::to_string(i);
            uuid.copy(control.gpus[i].uuid, uuid.size());
            control.gpus[i].bus = 0x10 + i;
        }
    }
    void count(unsigned millijoules) {
        for (unsigned i = 0; i < control.count; ++i) control.gpus[i].energy_mj += millijoules;
    }
    fake_nvml& control;
};

}  // namespace

TEST_CASE("DGX H100: eight boards and two sockets add up") {
    nvidia_machine m(8);
    m.files.powercap_zone("intel-rapl:0", "package-0", 1);
    m.files.powercap_zone("intel-rapl:0:0", "dram", 1);
    m.files.powercap_zone("intel-rapl:1", "package-1", 1);
    m.start();
    strings expected{"+ cpu0/package", "+ cpu0/dram", "+ cpu1/package"};
    for (int i = 0; i < 8; ++i) expected.push_back("+ gpu/GPU-" + std::to_string(i) + "/board");
    CHECK(m.tree() == expected);
    // 8 x 600 W + 2 x 300 W + 40 W
    CHECK(m.run([&](int i) {
        m.count(6000);
        m.files.powercap_energy("intel-rapl:0", 3'000'000u * unsigned(i) + 1);
        m.files.powercap_energy("intel-rapl:0:0", 400'000u * unsigned(i) + 1);
        m.files.powercap_energy("intel-rapl:1", 3'000'000u * unsigned(i) + 1);
    }) == approx(5440));
}

TEST_CASE(
    "GPU machine without readable processors: the estimate is shown beside the measured GPU") {
    nvidia_machine m(1);
    m.files.cpuinfo("GenuineIntel", "Intel(R) Xeon(R) Processor", 6, 143, 4, "fpu hypervisor");
    m.files.proc_stat(1000, 9000).cpus_online("0-3");
    m.start();
    CHECK(m.tree() == strings{"+ gpu/GPU-0/board",
                              "- machine/estimate: excluded: an estimate is not added to measured "
                              "energy"});
    CHECK(m.run([&](int) { m.count(3000); }) == approx(300));
    CHECK(m.meter->snapshot().provenance == quality::measured);
    REQUIRE(m.warnings.size() == 1);
    CHECK(contains(m.warnings[0], "rapl-powercap"));
}

TEST_CASE("GH200 by NVML: the module contains its GPU, and Grace as metered by the firmware") {
    nvidia_machine m(1);
    m.control.gpus[0].module_status = 0;
    m.control.gpus[0].module_mw = 700'000;
    m.control.gpus[0].power_mw = 400'000;
    m.power_meter(0, "Module Power Socket 0", 710'000'000);
    m.power_meter(1, "Grace Power Socket 0", 200'000'000);
    m.power_meter(2, "CPU Power Socket 0", 150'000'000);
    m.start();
    CHECK(m.tree() == strings{"+ module0", "- gpu/GPU-0/board: contained in module0",
                              "- module0: same counter as the first module0",
                              "- cpu0/grace: contained in module0",
                              "- cpu0/cpu: contained in cpu0/grace"});
    CHECK(m.run([&](int) { m.count(4000); }) == approx(700));
}

TEST_CASE("GH200 by firmware only: its module contains the GPU that NVML counts") {
    nvidia_machine m(2);
    m.power_meter(0, "Module Power Socket 0", 700'000'000);
    m.power_meter(1, "Module Power Socket 1", 600'000'000);
    m.start();
    CHECK(m.tree() == strings{"- gpu/GPU-0/board: contained in module0",
                              "- gpu/GPU-1/board: contained in module1", "+ module0", "+ module1"});
    CHECK(m.run([&](int) { m.count(4000); }) == approx(1300));
}

TEST_CASE("one of two GPUs is lost: its channel keeps its energy and is partial, as is the total") {
    nvidia_machine m(2);
    m.start();
    (void)m.run([&](int) { m.count(3000); });
    CHECK(m.meter->snapshot().provenance == quality::measured);
    m.control.gpus[1].energy_status = 15;
    (void)m.run([&](int) { m.count(3000); });
    const report lost = m.meter->snapshot();
    CHECK(lost.total.joules() == approx(900));
    CHECK(lost.channels[0].state == "ok");
    CHECK(lost.channels[1].state == "gone");
    CHECK(lost.channels[1].total.joules() == approx(300));
    CHECK(lost.channels[1].provenance == quality::partial);
    CHECK(lost.provenance == quality::partial);
    const strings said = lost.warnings;
    CHECK(std::count(said.begin(), said.end(),
                     "channel gpu/GPU-1/board is partial: its device went away.") == 1);
    m.control.gpus[1].energy_status = 0;  // a counter catches up on what it counted meanwhile
    (void)m.run([&](int) { m.count(3000); });
    const report back = m.meter->snapshot();
    CHECK(back.channels[1].state == "ok");
    CHECK(back.total.joules() == approx(1800));
    CHECK(back.provenance == quality::measured);
}

TEST_CASE("a card seen by two backends is one card, recognized by its PCI address") {
    nvidia_machine m(1);
    m.control.gpus[0].bus = 3;
    m.hwmon(2, "xe");  // another view of the same slot
    m.files.file(m.hwmon_folder(2) + "/device/uevent", "PCI_SLOT_NAME=0000:03:00.0\n");
    m.files.number(m.hwmon_folder(2) + "/energy1_input", 1);
    m.start(open_backends({"nvml", "hwmon"}, m.files.root()));
    CHECK(m.tree() == strings{"+ gpu/GPU-0/board",
                              "- gpu/0000:03:00.0/board: the same card as gpu/GPU-0/board"});
    CHECK(m.run([&](int i) {
        m.count(2500);
        m.files.number(m.hwmon_folder(2) + "/energy1_input", 2'500'000u * unsigned(i) + 1);
    }) == approx(250));
}
