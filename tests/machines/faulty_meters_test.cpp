// Machines with faulty meters: situations from public bug reports.
#include "machines/fake_machine.hpp"

#include "approx.hpp"
#include "backends/fake_library.hpp"
#include "fakes/fake_level_zero.hpp"
#include "fakes/fake_nvml.hpp"
#include "joulery/detail/backends/gpu/amdgpu.hpp"
#include "joulery/detail/backends/gpu/level_zero.hpp"

using namespace joulery;
using namespace std::chrono_literals;

namespace {

/// A machine read at any interval, and its report.
struct faulty_machine : fake_machine {
    /// Reads every `step` for `time`; `move` sets the files for a time in seconds. Returns the
    /// joules.
    double run_for(std::chrono::nanoseconds time, std::chrono::nanoseconds step,
                   const std::function<void(double)>& move) {
        move(0);
        const reading a = meter->read();
        for (std::chrono::nanoseconds at = step; at <= time; at += step) {
            clock->advance(step);
            move(std::chrono::duration<double>(at).count());
            (void)meter->read();
        }
        return (meter->read() - a).total().joules();
    }
    std::string lines() {
        std::string all;
        for (const std::string& line : tree()) all += line + "\n";
        return all;
    }
    std::string said(const std::string& about) {
        for (const std::string& w : meter->snapshot().warnings)
            if (contains(w, about)) return w;
        return {};
    }
    void processor() {
        files.cpuinfo("GenuineIntel", "Intel(R) Xeon(R) Processor", 6, 143, 4);
        files.proc_stat(1000, 9000).cpus_online("0-3");
    }
    /// xe's card and package, in microjoules.
    void xe(std::uint64_t card, std::uint64_t package) {
        const std::string chip = hwmon_folder(4);
        hwmon(4, "xe");
        files.file(chip + "/device/uevent", "PCI_SLOT_NAME=0000:03:00.0\n");
        files.file(chip + "/energy1_label", "card\n").number(chip + "/energy1_input", card);
        files.file(chip + "/energy2_label", "pkg\n").number(chip + "/energy2_input", package);
    }
};

std::uint64_t micro(double x) { return static_cast<std::uint64_t>(x * 1e6 + 0.5); }

// One card whose library is the fake in that folder.
void start_level_zero(faulty_machine& m, const library_folder& folder) {
    m.files.file("/sys/class/drm/card0/device/vendor", "0x8086\n");
    opened_backend opened = open_level_zero(m.files.root(), folder.search());
    REQUIRE(opened);
    found_backends found;
    found.backends.push_back(*std::move(opened));
    m.start(std::move(found));
}

}  // namespace

TEST_CASE("ACPI power_meter with its error value: no value, a note, and an estimate instead") {
    faulty_machine m;
    m.processor();
    m.power_meter(0, "", 4'294'967'295'000);
    m.start();
    CHECK(m.run([&](int i) { m.half_busy(i); }) == approx(4 * (1.04 + 4.16) / 2).epsilon(0.01));
    CHECK(m.lines() ==
          "- machine/power-meter: not trusted: it has no plausible value\n"
          "+ machine/estimate\n");
    CHECK(m.said("power-meter") != "");
    CHECK(m.meter->snapshot().provenance == quality::estimated);
}

TEST_CASE("ACPI power_meter with its error value for 1.5 s in 10: the rest counts, with a note") {
    faulty_machine m;
    m.power_meter(0, "", 200'000'000);
    m.start();
    const double joules = m.run_for(20s, 500ms, [&](double at) {
        const double within = at - 10 * static_cast<int>(at / 10);
        m.power_meter(0, "", within >= 5 && within < 6.5 ? 4'294'967'295'000 : 200'000'000);
    });
    CHECK(joules == approx(4'000));
    CHECK(m.meter->snapshot().provenance == quality::partial);
    CHECK(contains(m.said("machine/power-meter"), "6 of its values are implausible"));
}

TEST_CASE("a whole-machine meter stuck at 0 is not 0 W: an estimate, with a note") {
    faulty_machine m;
    m.processor();
    m.power_meter(0, "", 0);
    m.start();
    CHECK(m.run([&](int i) { m.half_busy(i); }) == approx(4 * (1.04 + 4.16) / 2).epsilon(0.01));
    CHECK(m.lines() ==
          "- machine/power-meter: not trusted: it has no plausible value\n"
          "+ machine/estimate\n");
}

TEST_CASE("an accelerator whose power is off by 1000 is not trusted") {
    faulty_machine m;
    m.hwmon(1, "wormhole");
    m.files.number(m.hwmon_folder(1) + "/power1_input", 36'000'000'000);
    m.files.number(m.hwmon_folder(1) + "/power1_max", 300'000'000);
    m.start();
    CHECK(m.run() == 0);
    CHECK(m.meter->snapshot().provenance == quality::partial);
}

TEST_CASE("an xe card above its stated limit is not trusted, at once or later") {
    for (const double watts : {3'868.0, 1'200.0}) {
        faulty_machine m;
        m.xe(0, 0);
        m.files.number(m.hwmon_folder(4) + "/power1_crit", 328'000'000);
        m.start();
        const double joules = m.run_for(
            10s, 100ms, [&](double at) { m.xe(micro(at * watts + 1), micro(at * 90 + 1)); });
        CHECK(joules <= 10 * 328);
        // The package replaces the card once the card has had no plausible value.
        CHECK(joules == approx(900).epsilon(0.02));
        CHECK(contains(m.said("gpu/0000:03:00.0/board"), "not trusted"));
    }
}

TEST_CASE("an xe card at 0 beside a package that counts: the package is summed, with a note") {
    faulty_machine m;
    m.xe(0, 1);
    m.start();
    CHECK(m.run_for(2s, 10ms, [&](double at) { m.xe(0, micro(at * 92) + 1); }) == approx(184));
    CHECK(m.lines() ==
          "- gpu/0000:03:00.0/board: not trusted: it stands still while the channels in it count\n"
          "+ gpu/0000:03:00.0/package\n"
          "- machine/estimate: excluded: an estimate is not added to measured energy\n");
    CHECK(m.said("gpu/0000:03:00.0/board is not trusted") != "");
}

TEST_CASE("a board's unconnected inlet: its rails are summed, with a note") {
    faulty_machine m;
    m.hwmon(1, "ina3221");
    m.rail(1, 1, "VDD_IN", 5000, 0);
    m.rail(1, 2, "VDD_CPU_GPU_CV", 5000, 800);
    m.rail(1, 3, "VDD_SOC", 5000, 300);
    m.start();
    CHECK(m.run() == approx(5.5));
    CHECK(m.said("rail/VDD_IN is not") ==
          "channel rail/VDD_IN is not trusted: it has no plausible value");
}

TEST_CASE("Level Zero: a jump or dip in a single read is never counted") {
    auto& control = control_of<fake_level_zero>("libze_loader", "fake_level_zero_control");
    control = fake_level_zero{};
    fake_power_domain& card = control.gpus[0].domains[0];
    card.energy_uj = micro(500);
    double glitch = 0;
    std::chrono::milliseconds step{};
    SUBCASE("900 J up, ten reads a second") { glitch = 900, step = 100ms; }
    SUBCASE("900 J up, a read a second") { glitch = 900, step = 1s; }
    SUBCASE("down to zero, ten reads a second") { glitch = -1e9, step = 100ms; }
    SUBCASE("down to zero, a read a second") { glitch = -1e9, step = 1s; }
    faulty_machine m;
    const library_folder folder("libze_loader", "libze_loader.so.1");
    start_level_zero(m, folder);
    CHECK(m.run_for(5s, step, [&](double at) {
        const double shown = 500 + at * 35 + (at > 0.99 && at < 1.01 ? glitch : 0);
        card.energy_uj = micro(shown > 0 ? shown : 0);
    }) == approx(5 * 35));
    m.meter.reset();
}

TEST_CASE("Level Zero: the package is summed if the card stays at 0") {
    auto& control = control_of<fake_level_zero>("libze_loader", "fake_level_zero_control");
    control = fake_level_zero{};
    control.gpus[0].domain_count = 2;
    control.gpus[0].domains[0].domain = 1, control.gpus[0].domains[0].energy_uj = 0;
    control.gpus[0].domains[1].domain = 2;
    faulty_machine m;
    const library_folder folder("libze_loader", "libze_loader.so.1");
    start_level_zero(m, folder);
    CHECK(m.run_for(2s, 10ms, [&](double at) {
        control.gpus[0].domains[1].energy_uj = micro(1 + at * 28);
    }) == approx(56));
    m.meter.reset();
}

TEST_CASE("AMD 7840HS: a package that counts 700 J too much on every fifth read") {
    faulty_machine m;
    m.files.cpuinfo("AuthenticAMD", "AMD Ryzen 7 7840HS", 25, 116, 16);
    m.files.powercap_zone("intel-rapl:0", "package-0", 1);
    m.start();
    CHECK(m.run_for(6s, 1s, [&](double at) {
        const bool high = static_cast<int>(at) % 5 == 2;
        m.files.powercap_energy("intel-rapl:0", micro(1000 + at * 15 + (high ? 700 : 0)));
    }) == approx(90));
}

TEST_CASE("a processor above its limits is not trusted, one within its turbo is") {
    faulty_machine m;
    m.files.cpuinfo("GenuineIntel", "12th Gen Intel(R) Core(TM) i9-12900", 6, 151, 24);
    m.files.powercap_zone("intel-rapl:0", "package-0", 1);
    const std::string zone = "/sys/class/powercap/intel-rapl:0";
    m.files.number(zone + "/constraint_0_power_limit_uw", 65'000'000);
    m.files.number(zone + "/constraint_0_max_power_uw", 65'000'000);
    m.files.number(zone + "/constraint_1_power_limit_uw", 202'000'000);
    m.start();
    CHECK(m.meter->channels()[0].max_watts == 202);
    CHECK(m.meter->channels()[0].model == "12th Gen Intel Core i9-12900");
    const auto at_watts = [&](double watts) {
        return m.run_for(2s, 10ms, [&, base = 1.0](double at) {
            m.files.powercap_energy("intel-rapl:0", micro(base + at * watts));
        });
    };
    CHECK(at_watts(220) == approx(440).epsilon(0.02));
}

TEST_CASE("Xen guest: sixteen packages that mirror one counter count once, with a note") {
    faulty_machine m;
    m.files.cpuinfo("GenuineIntel", "Intel(R) Xeon(R) E5-2670", 6, 45, 16, "fpu tsc hypervisor");
    m.files.file("/sys/hypervisor/type", "xen\n");
    const auto write = [&](std::uint64_t energy) {
        for (int i = 0; i < 16; ++i) {
            const std::string zone = "intel-rapl:" + std::string(1, "0123456789abcdef"[i]);
            m.files.powercap_zone(zone, "package-" + std::to_string(i), energy);
        }
    };
    write(1);
    m.start();
    CHECK(m.lines() == "+ cpu0/package\n");
    CHECK(m.run_for(1s, 10ms, [&](double at) { write(micro(at * 80) + 1); }) == approx(80));
    CHECK(m.said("virtual machine") != "");
}

TEST_CASE("GB200 tray: two modules of two GPUs, seen by firmware and by NVML, count once") {
    faulty_machine m;
    auto& control = control_of<fake_nvml>("libnvidia-ml", "fake_nvml_control");
    const unsigned next = control.generation + 1;
    control = fake_nvml{};
    control.generation = next;
    control.count = 4;
    const unsigned watts[] = {467'680, 461'200, 447'320, 453'700};
    for (unsigned i = 0; i < 4; ++i) {
        fake_nvidia_gpu& gpu = control.gpus[i];
        const std::string uuid = "GPU-" + std::to_string(i);
        uuid.copy(gpu.uuid, uuid.size());
        gpu.domain = 0x8 + i % 2 + i / 2 * 0x10;
        gpu.bus = 1;
        gpu.module_status = 0, gpu.module_mw = watts[i];
    }
    m.files.file("/proc/driver/nvidia/version", "NVRM version\n").folder("/usr/lib");
    std::filesystem::create_symlink(fake_library_path("libnvidia-ml"),
                                    m.files.path("/usr/lib/libnvidia-ml.so.1"));
    m.power_meter(0, "Module Power Socket 0", 467'000'000);
    m.power_meter(1, "Module Power Socket 1", 448'000'000);
    m.start();
    CHECK(m.lines() ==
          "+ module0\n"
          "- gpu/GPU-0/board: contained in module0\n"
          "- gpu/GPU-1/board: contained in module0\n"
          "+ module1\n"
          "- gpu/GPU-2/board: contained in module1\n"
          "- gpu/GPU-3/board: contained in module1\n");

    CHECK(m.run() == approx(915));
}

TEST_CASE("NVML: 752 W with a limit of 95 W is not trusted, from a power or a counter") {
    for (const bool counts : {false, true}) {
        faulty_machine m;
        auto& control = control_of<fake_nvml>("libnvidia-ml", "fake_nvml_control");
        const unsigned next = control.generation + 1;
        control = fake_nvml{};
        control.generation = next;
        control.count = 1;
        fake_nvidia_gpu& gpu = control.gpus[0];
        std::string("GPU-0").copy(gpu.uuid, 5);
        gpu.limit_mw = 95'000, gpu.power_mw = 752'000;
        gpu.energy_status = counts ? 0 : 3;
        m.files.file("/proc/driver/nvidia/version", "NVRM version\n").folder("/usr/lib");
        std::filesystem::create_symlink(fake_library_path("libnvidia-ml"),
                                        m.files.path("/usr/lib/libnvidia-ml.so.1"));
        m.start();
        CHECK(m.run_for(10s, 100ms, [&](double) { gpu.energy_mj += 75'200; }) <= 95 * 10);
        CHECK(m.meter->snapshot().provenance == quality::partial);
    }
}

TEST_CASE("Jetson Thor: the carrier board's inlet contains the module's rails") {
    faulty_machine m;
    m.files.file("/proc/device-tree/model", "NVIDIA Jetson AGX Thor Developer Kit");
    m.files.file("/proc/device-tree/compatible",
                 std::string("nvidia,p4071-0000+p3834-0008\0nvidia,tegra264\0", 45));
    m.hwmon(3, "ina238");
    m.files.number(m.hwmon_folder(3) + "/power1_input", 28'600'000);
    m.hwmon(4, "ina3221");
    m.rail(4, 1, "VDD_GPU", 5000, 1500);
    m.rail(4, 2, "VDD_CPU_SOC_MSS", 5000, 1200);
    m.rail(4, 3, "VIN_SYS_5V0", 5000, 680);
    SUBCASE("without a label") { m.start(); }
    SUBCASE("with its own label") {
        m.files.file(m.hwmon_folder(3) + "/power1_label", "VIN\n");
        m.start();
    }
    CHECK(m.lines() ==
          "+ rail/VIN\n"
          "- rail/VDD_GPU: contained in rail/VIN\n"
          "- rail/VDD_CPU_SOC_MSS: contained in rail/VIN\n"
          "- rail/VIN_SYS_5V0: contained in rail/VIN\n");
    CHECK(m.run() == approx(28.6));
    CHECK(m.meter->channels()[0].model == "NVIDIA Jetson AGX Thor Developer Kit");
}

TEST_CASE("a board with an unknown sensor says so beside the rails it reads") {
    faulty_machine m;
    m.hwmon(3, "ina238");  // not a Jetson: it may measure anything
    m.files.number(m.hwmon_folder(3) + "/power1_input", 28'600'000);
    m.hwmon(4, "ina3221");
    m.rail(4, 1, "VDD_CORE", 5000, 1500);
    m.start();
    CHECK(m.run() == approx(7.5));
    CHECK(contains(m.said("ina238"), "unknown and not read, although one may be the total"));
}

TEST_CASE("Orin: NVML starts and reports nothing, the rails count, without advice") {
    faulty_machine m;
    auto& control = control_of<fake_nvml>("libnvidia-ml", "fake_nvml_control");
    const unsigned next = control.generation + 1;
    control = fake_nvml{};
    control.generation = next;
    control.count = 1;
    control.gpus[0].energy_status = control.gpus[0].power_status = 3;
    m.files.file("/proc/driver/nvidia/version", "NVRM version\n").folder("/usr/lib");
    std::filesystem::create_symlink(fake_library_path("libnvidia-ml"),
                                    m.files.path("/usr/lib/libnvidia-ml.so.1"));
    m.files.file("/proc/device-tree/compatible", std::string("nvidia,tegra234\0", 16));
    m.hwmon(1, "ina3221");
    m.rail(1, 1, "VDD_IN", 5000, 2000);
    m.start();
    CHECK(m.run() == approx(10));
    CHECK(m.warnings.empty());
}

TEST_CASE("a laptop's card in D3cold is not read, draws 0 W, and has a note") {
    faulty_machine m;
    const std::string device = "/sys/class/drm/card1/device";
    m.files.file(device + "/vendor", "0x1002\n").file(device + "/device", "0x73ff\n");
    m.files.file(device + "/uevent", "PCI_SLOT_NAME=0000:03:00.0\n");
    m.files.file(device + "/power/control", "auto\n");
    m.files.file(device + "/power/runtime_status", "suspended\n");
    m.files.file(device + "/hwmon/hwmon5/name", "amdgpu\n");
    m.files.number(device + "/hwmon/hwmon5/power1_average", 30'000'000);
    m.files.powercap_zone("intel-rapl:0", "package-0", 1);
    opened_backend card = open_amdgpu(m.files.root(), m.clock);
    REQUIRE(card);
    found_backends found;
    found.backends.push_back(*std::move(card));
    m.start(std::move(found));
    CHECK(m.run() == 0);
    CHECK(m.meter->snapshot().provenance == quality::derived);
    CHECK(contains(m.said("asleep"), "gpu/0000:03:00.0/board"));
    // Awake, it is read so rarely that it can fall asleep again.
    m.files.file(device + "/power/runtime_status", "active\n");
    CHECK(m.run_for(20s, 50ms, [](double) {}) == approx(600).epsilon(0.02));
    m.files.number(device + "/hwmon/hwmon5/power1_average", 60'000'000);
    CHECK(m.run_for(2s, 50ms, [](double) {}) == approx(60).epsilon(0.02));
}

TEST_CASE("Arc B570: card and package as the kernel counts them, named from the system's list") {
    faulty_machine m;
    m.xe(1, 1);
    m.files.file(m.hwmon_folder(4) + "/device/vendor", "0x8086\n");
    m.files.file(m.hwmon_folder(4) + "/device/device", "0xe20c\n");
    m.files.number(m.hwmon_folder(4) + "/power1_crit", 328'000'000);
    m.files.file("/usr/share/hwdata/pci.ids",
                 "8086  Intel Corporation\n\te20c  Battlemage G21 [Arc B570]\n");
    m.files.powercap_zone("intel-rapl:0", "package-0", 1);
    m.start();
    CHECK(m.lines() ==
          "+ cpu0/package\n"
          "+ gpu/0000:03:00.0/board\n"
          "- gpu/0000:03:00.0/package: contained in gpu/0000:03:00.0/board\n");
    CHECK(m.run_for(2s, 10ms, [&](double at) {
        m.xe(micro(at * 110) + 1, micro(at * 80) + 1);
        m.files.powercap_energy("intel-rapl:0", micro(at * 40) + 1);
    }) == approx(300));
    CHECK(m.meter->channels()[1].model == "Intel Battlemage G21 [Arc B570]");
    CHECK(m.meter->channels()[1].max_watts == 328);
    CHECK(contains(m.meter->snapshot().context.hardware, "Intel Battlemage G21 [Arc B570]"));
}

TEST_CASE("a gauge that shows exactly the same value for minutes may be stuck, with a note") {
    for (const bool stuck : {true, false}) {
        faulty_machine m;
        m.power_meter(0, "", 212'345'000);
        m.start();
        (void)m.run_for(90s, 500ms, [&](double at) {
            const auto wavers = static_cast<std::uint64_t>(at * 7'000) % 3'000'000;
            m.power_meter(0, "", 212'345'000 + (stuck ? 0 : wavers));
        });
        CHECK((m.said("may be stuck") ==
               "channel machine/power-meter has shown 212 W without any change for 90 s: its "
               "sensor may be stuck") == stuck);
    }
    faulty_machine whole_watts;  // a controller that counts in watts may well show the same
    whole_watts.power_meter(0, "", 212'000'000);
    channel c;
    c.id = "machine/dcmi", c.part = component::platform, c.kind = reading_kind::power_gauge;
    c.joules_per_count = 1, c.update_period = 1s;
    found_backends found;
    found.backends.push_back(make_backend("dcmi", c, [] { return 212.0; }));
    whole_watts.start(std::move(found));
    (void)whole_watts.run_for(90s, 500ms, [](double) {});
    CHECK(whole_watts.said("may be stuck") == "");
}
