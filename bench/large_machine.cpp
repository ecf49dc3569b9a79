// The cost of sampling a large machine, by backend, at each backend's own period: 64 GPUs, 8
// sockets with their memory, 300 rails. All are real files; the values of counters change every
// millisecond, like the hardware's, so that the sampler waits for their updates.
//
//     large_machine [SECONDS [BACKEND]]    60 seconds, all three; --quick: two seconds
#include "ticking_files.hpp"

#include "joulery/detail/backends/board/hwmon.hpp"
#include "joulery/detail/backends/cpu/rapl_powercap.hpp"
#include "joulery/detail/backends/gpu/amdgpu.hpp"
#include "joulery/meter.hpp"
#include "joulery/report_io.hpp"
#include "joulery/testing/fake_system.hpp"

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <utility>

using namespace joulery;
using testing::fake_system;

namespace {

void fill_gpus(fake_system& m) {
    std::string table(2208, '\0');  // gpu_metrics 1.7 of an MI300X
    table[0] = static_cast<char>(0xa0), table[1] = 8, table[2] = 1, table[3] = 7;
    table[24] = 1;
    for (int i = 0; i < 64; ++i) {
        const std::string card = "/sys/class/drm/card" + std::to_string(i) + "/device";
        char pci[40];
        std::snprintf(pci, sizeof pci, "PCI_SLOT_NAME=0000:%02x:00.0\n", static_cast<unsigned>(i));
        m.file(card + "/vendor", "0x1002\n").file(card + "/device", "0x74a1\n");
        m.file(card + "/uevent", pci).file(card + "/gpu_metrics", table);
    }
}

void fill_sockets(fake_system& m) {
    m.cpuinfo("GenuineIntel", "Intel(R) Xeon(R) Platinum 8490H", 6, 143);
    for (int i = 0; i < 8; ++i) {
        const std::string zone = "intel-rapl:" + std::to_string(i);
        m.powercap_zone(zone, "package-" + std::to_string(i), 1'000'000);
        m.powercap_zone(zone + ":0", "dram", 1'000'000);
    }
}

void fill_rails(fake_system& m) {
    for (int chip = 0; chip < 100; ++chip) {
        const std::string folder = "/sys/class/hwmon/hwmon" + std::to_string(chip);
        m.file(folder + "/name", "ina3221\n");
        for (int n = 1; n <= 3; ++n) {
            const std::string number = std::to_string(n);
            m.file(folder + "/in" + number + "_label",
                   "RAIL" + std::to_string(chip * 3 + n) + "\n");
            m.number(folder + "/power" + number + "_input", 1'500'000);
        }
    }
}

}  // namespace

int main(int argc, char** argv) {
    const bool quick = argc > 1 && std::string_view(argv[1]) == "--quick";
    const double length = quick ? 2 : argc > 1 ? std::atof(argv[1]) : 60;
    fake_system m;
    if (!m.ok()) return 1;
    fill_gpus(m), fill_sockets(m), fill_rails(m);
    options o;
    opened_backend found[] = {open_rapl_powercap(m.root()), open_amdgpu(m.root()),
                              open_hwmon(m.root())};
    for (opened_backend& b : found)
        if (b && (argc < 3 || (*b)->name() == std::string_view(argv[2])))
            o.backends.push_back(std::make_unique<ticking_files>(100, *std::move(b)));
    meter all{std::move(o)};
    const scope s{all, "open all the while"};
    std::this_thread::sleep_for(std::chrono::duration<double>(length));
    const report r = all.snapshot();
    std::printf("%zu channels: %.3f %% of a core\n", r.channels.size(),
                100 * r.overhead.sampler.count() / length);
    for (const reading_cost& c : r.overhead.reading)
        std::printf("  %-14s %6llu reads of %7.1f us; %.3f %% of a core\n", c.backend.c_str(),
                    static_cast<unsigned long long>(c.reads),
                    1e6 * c.time.count() / static_cast<double>(c.reads),
                    100 * c.sampler.count() / length);
    std::printf("  %zu warnings\n", r.warnings.size());
}
