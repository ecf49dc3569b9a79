// What does one read of a backend cost, compared with the unavoidable part? Backends that read
// files are compared with a bare pread of the same files, backends that use a vendor's library with
// the bare call of the same function, in turns within one run. The fake libraries make one system
// call per call, the least that a real one does (real ones take 10 us and more).
//
//     read_cost
#include "fakes/fake_amd.hpp"
#include "fakes/fake_habana.hpp"
#include "fakes/fake_level_zero.hpp"
#include "fakes/fake_nvml.hpp"
#include "joulery/detail/backends/accelerator/habana.hpp"
#include "joulery/detail/backends/accelerator/neuron.hpp"
#include "joulery/detail/backends/board/hwmon.hpp"
#include "joulery/detail/backends/cpu/rapl_powercap.hpp"
#include "joulery/detail/backends/gpu/amdgpu.hpp"
#include "joulery/detail/backends/gpu/level_zero.hpp"
#include "joulery/detail/backends/gpu/nvml.hpp"
#include "joulery/detail/backends/gpu/rocm_smi.hpp"
#include "joulery/testing/fake_system.hpp"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <functional>
#include <string>
#include <vector>

#include <dlfcn.h>
#include <fcntl.h>
#include <unistd.h>

using namespace joulery;
using namespace joulery::literals;
using testing::fake_system;

namespace {

constexpr int rounds = 201;
constexpr int batch = 200;

double nanoseconds_of(const std::function<void()>& work) {
    const auto begin = std::chrono::steady_clock::now();
    for (int i = 0; i < batch; ++i) work();
    const auto time = std::chrono::steady_clock::now() - begin;
    return std::chrono::duration<double, std::nano>(time).count() / batch;
}

double median(std::vector<double> v) {
    std::nth_element(v.begin(), v.begin() + rounds / 2, v.end());
    return v[rounds / 2];
}

/// Both in turns, so that other work on the machine affects both.
void compare(const char* name, backend& b, double limit, const std::function<void()>& bare) {
    std::vector<std::uint64_t> values(b.channels().size());
    const auto read = [&] { b.read(counter_span(values)); };
    std::vector<double> meter_reads, plain_reads, ratios;
    nanoseconds_of(read), nanoseconds_of(bare);
    for (int i = 0; i < rounds; ++i) {
        meter_reads.push_back(nanoseconds_of(read));
        plain_reads.push_back(nanoseconds_of(bare));
        ratios.push_back(meter_reads.back() / plain_reads.back());
    }
    const double ratio = median(ratios);
    std::printf("| %-22s | %8zu | %9.0f | %9.0f | %5.2f | %5.2f | %-4s |\n", name, values.size(),
                median(plain_reads), median(meter_reads), ratio, limit,
                ratio <= limit ? "yes" : "NO");
    std::fflush(stdout);
}

void compare_files(const char* name, opened_backend b, const fake_system& machine,
                   const std::vector<std::string>& files) {
    if (!b) return void(std::printf("| %s: %s\n", name, b.error().reason.c_str()));
    std::vector<int> open_files;
    for (const std::string& file : files)
        open_files.push_back(::open(machine.path(file).c_str(), O_RDONLY | O_CLOEXEC));
    char text[4096];
    compare(name, **b, 1.5, [&] {
        for (const int fd : open_files) (void)!::pread(fd, text, sizeof text, 0);
    });
    for (const int fd : open_files) ::close(fd);
}

void ask_the_kernel() { (void)::getppid(); }

/// A fake library of the tests, or null.
struct library {
    explicit library(const std::string& name)
        : handle(::dlopen((JOULERY_FAKES_DIR "/" + name + ".so").c_str(), RTLD_NOW)) {
        if (handle == nullptr) std::printf("| %s: left out, build the tests\n", name.c_str());
    }
    template <class Function>
    Function* symbol(const char* name) const {
        return reinterpret_cast<Function*>(::dlsym(handle, name));
    }
    void* handle;
};

void compare_file_backends() {
    fake_system m;
    std::vector<std::string> zones;
    for (const char* zone : {"intel-rapl:0", "intel-rapl:0:0", "intel-rapl:0:1", "intel-rapl:1"}) {
        const bool package = std::string(zone).size() == 12;
        m.powercap_zone(zone,
                        package ? "package-" + std::string(zone).substr(11)
                        : std::string(zone).back() == '0' ? "core"
                                                          : "dram",
                        123'456'789);
        zones.push_back(fake_system::powercap(zone) + "/energy_uj");
    }
    m.cpuinfo("GenuineIntel", "Xeon", 6, 143);
    compare_files("rapl-powercap", open_rapl_powercap(m.root()), m, zones);

    const std::string gpu = "/sys/class/drm/card0/device";
    std::string table(2208, '\0');
    table[0] = static_cast<char>(0xa0), table[1] = 8, table[2] = 1, table[3] = 7;
    table[24] = 1;
    m.file(gpu + "/vendor", "0x1002\n").file(gpu + "/device", "0x74a1\n");
    m.file(gpu + "/uevent", "PCI_SLOT_NAME=0000:c1:00.0\n").file(gpu + "/gpu_metrics", table);
    compare_files("amdgpu", open_amdgpu(m.root()), m, {gpu + "/gpu_metrics"});

    const std::string xe = "/sys/class/hwmon/hwmon3";
    m.file(xe + "/name", "xe\n").number(xe + "/energy1_input", 5).number(xe + "/energy2_input", 4);
    m.file(xe + "/energy1_label", "card\n").file(xe + "/energy2_label", "pkg\n");
    compare_files("hwmon", open_hwmon(m.root()), m, {xe + "/energy1_input", xe + "/energy2_input"});

    const std::string npu = "/sys/devices/virtual/neuron_device/neuron0/stats/power/utilization";
    m.file(npu, "POWER_STATUS_VALID,1700000000,3.10,9.80,5.25\n");
    compare_files("neuron", open_neuron(m.root(), 400_W), m, {npu});
}

fake_system& libraries() {
    static fake_system machine;
    return machine;
}

/// Where the fake is found under its vendor's name.
library_search as(const std::string& fake, const std::string& name) {
    std::error_code ignored;
    std::filesystem::create_symlink(JOULERY_FAKES_DIR "/" + fake + ".so",
                                    libraries().path("/" + name), ignored);
    return {{libraries().path("")}, false};
}

void compare_nvml(unsigned gpus) {
    const library lib("libnvidia-ml");
    if (lib.handle == nullptr) return;
    fake_nvml& fake = *lib.symbol<fake_nvml*()>("fake_nvml_control")();
    fake.count = gpus;
    fake.on_energy = [](void*) { ask_the_kernel(); };
    libraries().file("/proc/driver/nvidia/version", "NVRM\n");
    for (fake_nvidia_gpu& gpu : fake.gpus) gpu.power_status = 3;  // no check against power
    opened_backend b = open_nvml(libraries().root(), {as("libnvidia-ml", "libnvidia-ml.so.1"),
                                                      std::make_shared<steady_time>()});
    if (!b) return void(std::printf("| nvml: %s\n", b.error().reason.c_str()));
    auto* energy =
        lib.symbol<int(void*, unsigned long long*)>("nvmlDeviceGetTotalEnergyConsumption");
    auto* handle = lib.symbol<int(unsigned, void**)>("nvmlDeviceGetHandleByIndex_v2");
    std::vector<void*> handles(gpus);
    for (unsigned i = 0; i < gpus; ++i) handle(i, &handles[i]);
    compare(("nvml, " + std::to_string(gpus) + " GPUs").c_str(), **b, 1.2, [&] {
        unsigned long long mj = 0;
        for (void* h : handles) energy(h, &mj);
    });
}

void compare_level_zero() {
    const library lib("libze_loader");
    if (lib.handle == nullptr) return;
    fake_level_zero& fake = *lib.symbol<fake_level_zero*()>("fake_level_zero_control")();
    fake.on_read = ask_the_kernel;
    libraries().file("/sys/class/drm/card0/device/vendor", "0x8086\n");
    opened_backend b = open_level_zero(libraries().root(), as("libze_loader", "libze_loader.so.1"));
    if (!b) return void(std::printf("| level-zero: %s\n", b.error().reason.c_str()));
    auto* energy = lib.symbol<int(void*, std::uint64_t*)>("zesPowerGetEnergyCounter");
    compare("level-zero", **b, 1.2, [&] {
        std::uint64_t counter[2];
        energy(&fake.gpus[0].domains[0], counter);
    });
}

void compare_amd() {
    libraries().file("/dev/kfd", "");
    const library rocm("librocm_smi64");
    std::uint64_t count = 0, at = 0;
    float unit = 0;
    if (rocm.handle != nullptr) {
        rocm.symbol<fake_amd*()>("fake_amd_control")()->on_read = ask_the_kernel;
        opened_backend b =
            open_rocm_smi(libraries().root(), as("librocm_smi64", "librocm_smi64.so.1"));
        auto* energy = rocm.symbol<int(std::uint32_t, std::uint64_t*, float*, std::uint64_t*)>(
            "rsmi_dev_energy_count_get");
        if (b) compare("rocm-smi", **b, 1.2, [&] { energy(0, &count, &unit, &at); });
    }
}

void compare_habana() {
    const library lib("libhlml");
    if (lib.handle == nullptr) return;
    fake_habana& fake = *lib.symbol<fake_habana*()>("fake_habana_control")();
    fake.on_read = ask_the_kernel;
    libraries().folder("/sys/class/habanalabs");
    opened_backend b = open_habana(libraries().root(), as("libhlml", "libhlml.so"));
    auto* energy =
        lib.symbol<int(void*, unsigned long long*)>("hlml_device_get_total_energy_consumption");
    unsigned long long mj = 0;
    if (b) compare("habana", **b, 1.2, [&] { energy(&fake.gaudis[0], &mj); });
}

}  // namespace

int main() {
    std::printf("nanoseconds of one read; medians of %d rounds of %d, bare and backend in turn\n",
                rounds, batch);
    std::printf(
        "| backend                | channels |      bare |   backend | ratio | limit | held |\n");
    std::printf("|---|---|---|---|---|---|---|\n");
    compare_file_backends();
    compare_nvml(1);
    compare_nvml(8);
    compare_level_zero();
    compare_amd();
    compare_habana();
}
