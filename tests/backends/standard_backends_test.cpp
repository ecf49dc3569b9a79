// Rules for every backend that comes with the library.
#include "joulery/detail/session/defaults.hpp"

#include "backends/fake_library.hpp"
#include "backends/support.hpp"
#include "fakes/fake_nvml.hpp"

#include <algorithm>
#include <filesystem>
#include <memory>
#include <string>

using namespace joulery;

TEST_CASE("standard backends: on a bare machine each says why it can't open, and none guesses") {
    fake_system nothing;
    for (const backend_entry& entry : standard_backends()) {
        const opened_backend opened = entry.open(nothing.root());
        CAPTURE(entry.name);
        CHECK(testing::refusal_violations(opened) == strings{});
        if (opened) CHECK(entry.name == "estimate");
    }
}

TEST_CASE("standard backends: those that read files name the hardware and state a limit") {
    fake_system m;
    m.cpuinfo("GenuineIntel", "Intel(R) Xeon(R) Platinum 8480+", 6, 143, 4);
    m.powercap_zone("intel-rapl:0", "package-0", 1);
    for (const char* limit : {"0_power_limit_uw", "1_power_limit_uw"})
        m.number(std::string("/sys/class/powercap/intel-rapl:0/constraint_") + limit, 420'000'000);
    m.file("/proc/device-tree/model", "NVIDIA Jetson Orin Nano Developer Kit");
    const std::string card = "/sys/class/hwmon/hwmon4";
    m.file(card + "/name", "xe\n").number(card + "/energy1_input", 1);
    m.number(card + "/power1_crit", 328'000'000);
    m.file(card + "/device/uevent", "PCI_SLOT_NAME=0000:03:00.0\n");
    m.file(card + "/device/vendor", "0x8086\n").file(card + "/device/device", "0xe20b\n");
    const std::string gpu = "/sys/class/drm/card1/device";
    m.file(gpu + "/vendor", "0x1002\n").file(gpu + "/device", "0x744c\n");
    m.file(gpu + "/revision", "0xc8\n").file(gpu + "/hwmon/hwmon5/name", "amdgpu\n");
    m.number(gpu + "/hwmon/hwmon5/power1_average", 30'000'000);
    m.number(gpu + "/hwmon/hwmon5/power1_cap", 339'000'000);
    m.file("/usr/share/libdrm/amdgpu.ids", "# List\n744C,\tC8,\tAMD Radeon RX 7900 XTX\n");
    m.file("/usr/share/misc/pci.ids",
           "1002  AMD\n8086  Intel Corporation\n\te20b  Battlemage G21 [Arc B580]\n1111  Other\n");
    strings models;
    for (const char* name : {"rapl-powercap", "amdgpu", "hwmon"}) {
        found_backends found = open_backends({name}, m.root());
        REQUIRE(found.backends.size() == 1);
        CAPTURE(name);
        CHECK(full_contract_violations(*found.backends[0]) == strings{});
        models.push_back(found.backends[0]->channels()[0].model);
    }
    CHECK(models == strings{"Intel Xeon Platinum 8480+", "AMD Radeon RX 7900 XTX",
                            "Intel Battlemage G21 [Arc B580]"});
}

TEST_CASE("standard backends: the test of each one checks the whole contract") {
    strings others = {"apple-ioreport", "apple-smc", "windows-emi"};
    for (const backend_entry& entry : standard_backends()) others.emplace_back(entry.name);
    for (const std::string& name : others) {
        if (name == "rapl-powercap") continue;  // above
        std::string file =
            name.rfind("apple-", 0) == 0 || name == "process-energy" ? "apple" : name;
        std::replace(file.begin(), file.end(), '-', '_');
        const system_root tree(JOULERY_SOURCE_DIR "/tests/backends");
        CAPTURE(name);
        CHECK(contains(tree.text("/" + file + "_test.cpp", 1 << 20), "full_contract_violations("));
    }
}

TEST_CASE("standard backends: eight GPUs of one library get a sampler each") {
    auto& control = control_of<fake_nvml>("libnvidia-ml", "fake_nvml_control");
    fake_system m;
    m.file("/proc/driver/nvidia/version", "NVRM version\n").folder("/usr/lib");
    std::filesystem::create_symlink(fake_library_path("libnvidia-ml"),
                                    m.path("/usr/lib/libnvidia-ml.so.1"));
    for (const unsigned gpus : {1u, 8u}) {
        const unsigned next = control.generation + 1;
        control = fake_nvml{};
        control.generation = next;
        control.count = gpus;
        for (unsigned i = 0; i < gpus; ++i) {
            const std::string uuid = "GPU-" + std::to_string(i);
            uuid.copy(control.gpus[i].uuid, uuid.size());
            control.gpus[i].bus = 0x10 + i;
        }
        for (const strings& names : {strings{"nvml"}, strings{}}) {  // by name or default
            found_backends found = open_backends(names, m.root());
            strings channels;
            for (const std::unique_ptr<backend>& b : found.backends)
                if (b->name() == "nvml") {
                    CHECK(b->channels().size() == 1);
                    CHECK(b->reads_wait());
                    channels.push_back(b->channels()[0].id);
                }
            CHECK(channels.size() == gpus);
            CHECK(channels.back() == "gpu/GPU-" + std::to_string(gpus - 1) + "/board");
        }
    }
}
