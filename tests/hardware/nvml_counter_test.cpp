// NVML's energy counter on a real GPU: when it updates, what a read costs, and whether measuring
// keeps a GPU awake. Label `hardware`; prints rows for the table of backends.
#include "hardware/real_machine.hpp"
#include "joulery/detail/backends/gpu/nvml.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <thread>
#include <utility>
#include <vector>

using namespace joulery;
using namespace std::chrono_literals;

namespace {

double at_quantile(std::vector<double> v, double q) {
    std::sort(v.begin(), v.end());
    return v.empty() ? 0 : v[static_cast<std::size_t>(q * static_cast<double>(v.size() - 1))];
}

/// What reading as fast as possible shows of a backend's first channel.
struct fast_reads {
    std::vector<double> costs;    // s
    std::vector<double> updates;  // s, when the value was seen to change; uncertain by half a read
};

fast_reads read_fast(backend& b, steady::duration how_long) {
    fast_reads seen;
    std::vector<std::uint64_t> values(b.channels().size());
    std::uint64_t last = no_value;
    const steady::time_point begin = steady::now();
    for (steady::time_point at = begin; at - begin < how_long;) {
        if (b.read(counter_span(values)) != read_status::ok) break;
        const steady::time_point done = steady::now();
        const double cost = std::chrono::duration<double>(done - at).count();
        seen.costs.push_back(cost);
        if (last != no_value && values[0] != last)
            seen.updates.push_back(std::chrono::duration<double>(done - begin).count() - cost / 2);
        last = values[0];
        at = done;
    }
    return seen;
}

}  // namespace

TEST_CASE("hardware: when nvml's counters update, and what a read costs") {
    opened_backend b = open_nvml(machine());
    if (!b) {
        std::printf("nvml, updates and cost: skipped: %s\n", b.error().reason.c_str());
        return;
    }
    std::printf("nvml: %s\n", machine().line("/proc/driver/nvidia/version").c_str());
    for (const std::unique_ptr<backend>& gpu : split_by_device(*std::move(b))) {
        const channel& c = gpu->channels()[0];
        const fast_reads seen = read_fast(*gpu, 3s);
        REQUIRE_MESSAGE(!seen.costs.empty(), c.id << " gave no value");
        std::vector<double> periods;
        for (std::size_t i = 1; i < seen.updates.size(); ++i)
            periods.push_back(seen.updates[i] - seen.updates[i - 1]);
        std::printf(
            "  %s (%s, %s): changes every %.2f ms (median; %.2f to %.2f), declared %.0f ms; a read "
            "takes %.3f ms at least, %.3f median, %.3f at p90, %.3f at worst of %zu\n",
            c.model.c_str(), c.id.c_str(), std::string(to_text(c.kind)).c_str(),
            1e3 * at_quantile(periods, 0.5), 1e3 * at_quantile(periods, 0),
            1e3 * at_quantile(periods, 1),
            1e3 * std::chrono::duration<double>(c.update_period).count(),
            1e3 * at_quantile(seen.costs, 0), 1e3 * at_quantile(seen.costs, 0.5),
            1e3 * at_quantile(seen.costs, 0.9), 1e3 * at_quantile(seen.costs, 1),
            seen.costs.size());
        // The declared period decides how updates are waited for.
        if (c.kind == reading_kind::energy_counter && periods.size() >= 5)
            CHECK(std::fabs(at_quantile(periods, 0.5) -
                            std::chrono::duration<double>(c.update_period).count()) <
                  0.5 * at_quantile(periods, 0.5));
    }
}

TEST_CASE("hardware: measuring neither wakes a GPU nor keeps it awake") {
    const system_root root = machine();
    const std::string devices = "/sys/bus/pci/devices/";
    bool any = false;
    for (const std::string& pci : root.list(devices)) {
        const std::string power = devices + pci + "/power";
        if (root.line(devices + pci + "/vendor") != "0x10de" ||
            root.line(devices + pci + "/class").rfind("0x03", 0) != 0)
            continue;
        any = true;
        const std::string control = root.line(power + "/control");
        const std::string before = root.line(power + "/runtime_status");
        std::printf("nvml, sleep: %s: power/control %s, runtime_status %s\n", pci.c_str(),
                    control.c_str(), before.c_str());
        if (control != "auto") {
            std::printf("  skipped: the system does not let it sleep\n");
            continue;
        }
        std::uint64_t slept_before = 0, slept_after = 0;
        (void)root.number(power + "/runtime_suspended_time", slept_before);
        opened_backend b = open_nvml(root);
        if (!b) continue;
        std::vector<std::uint64_t> values((*b)->channels().size());
        for (int i = 0; i < 240; ++i) {
            (void)(*b)->read(counter_span(values));
            std::this_thread::sleep_for(50ms);
        }
        (void)root.number(power + "/runtime_suspended_time", slept_after);
        std::printf("  after 12 s of reads: %s, %llu ms asleep meanwhile; %s\n",
                    root.line(power + "/runtime_status").c_str(),
                    static_cast<unsigned long long>(slept_after - slept_before),
                    std::string((*b)->note()).c_str());
        if (before == "suspended") CHECK(root.line(power + "/runtime_status") == "suspended");
        if (slept_before > 0) CHECK(slept_after > slept_before);  // it got to sleep between reads
    }
    if (!any) std::printf("nvml, sleep: skipped: no NVIDIA GPU\n");
}
