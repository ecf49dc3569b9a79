// tests/report/sample_report.hpp - one report with everything that is hard to write.
#pragma once

#include "joulery/report.hpp"

#include <cstdint>
#include <limits>
#include <string>
#include <utility>
#include <vector>

namespace sample {

using namespace joulery;

inline energy j(double x) { return energy::from_joules(x); }

inline run_context context() {
    run_context c;
    c.run_name = "digits, \"final\"";
    c.run_id = "machine-1-4711-1700000000";
    c.machine = "machine-1";
    c.host = "node1";
    c.cpu = "Some CPU 9000 @ 2.4 GHz";
    c.hardware = "2 x Some CPU 9000, 3 x Some GPU 80GB";
    c.os = "Linux 6.1.0";
    c.logical_cpus = 8;
    c.library = "joulery 0.1.0";
    c.clock = "tsc";
    c.attribution = "shared";
    c.started = wall_time::from_unix_seconds(1700000000);
    c.duration = seconds(12.5);
    return c;
}

inline channel_row channel(std::string id, double total, double unscoped, std::string parent = "") {
    channel_row c;
    c.id = std::move(id);
    c.backend = "rapl-powercap";
    c.part = component::cpu;
    c.total = j(total);
    c.unscoped = j(unscoped);
    c.quantum_joules = 61e-6;
    c.update_period = seconds(0.001);
    c.parent = std::move(parent);
    c.summed = c.parent.empty();
    if (!c.summed) c.exclusion_reason = "contained in " + c.parent;
    c.tally.reads = 1250;
    c.observed_period = seconds(0.001);
    return c;
}

inline constexpr std::size_t top = scope_row::no_parent;

/// A row; inside another one, the name is what follows the first '/'.
inline scope_row scope(std::string path, std::size_t parent, std::uint64_t calls, double s,
                       std::vector<double> joules, double self) {
    scope_row row;
    row.parent = parent;
    row.name = parent == top ? path : path.substr(path.find('/') + 1);
    row.path = std::move(path);
    row.calls = calls;
    row.time = seconds(s);
    for (const double x : joules) row.by_channel.push_back(j(x));
    row.total = row.by_channel[0] + row.by_channel[2];  // package and estimate are the roots
    row.self = j(self);
    row.uncertainty = row.total * 0.05;
    row.co2e = row.total * carbon_intensity::from_grams_per_kwh(472.94);
    row.method = "share";
    return row;
}

/// 25 steps of half a second, one of them unmeasured, and a few calls on two threads.
inline void add_history(report& r) {
    power_history& h = r.history;
    h.step = seconds(0.5);
    h.watts.resize(3);
    for (int i = 0; i < 25; ++i) {
        const double package = i < 2 || i > 21 ? 30 : (i % 5 < 2 ? 75 : 100);
        h.watts[0].push_back(i == 12 ? std::numeric_limits<double>::quiet_NaN() : package);
        h.watts[1].push_back(0.6 * package);
        h.watts[2].push_back(4);
    }
    h.bands = {{0, 0, seconds(1), seconds(10), 840}, {3, 0, seconds(11.2), seconds(0.05), 43}};
    r.slices.threads = {"main", "worker \"1\""};
    r.slices.slices = {{0, 0, seconds(1), seconds(10), 840},
                       {1, 0, seconds(1), seconds(4), 320},
                       {2, 1, seconds(5), seconds(5), std::numeric_limits<double>::quiet_NaN()},
                       {99, 0, seconds(0), seconds(1), 1}};
    r.slices.dropped = 12;
}

/// Single calls: those of one row were read at their edges, those of another were not.
inline void add_calls(report& r) {
    const struct {
        double seconds, joules;
        std::uint64_t calls;
    } groups[] = {{2.5e-3, 0.2, 600}, {3.8e-3, 0.3, 500}, {6e-3, 0.5, 100}};
    for (const auto& g : groups) {
        r.scopes[1].call_times.add(g.seconds, g.calls);
        r.scopes[1].call_energies.add(g.joules, g.calls);
    }
    r.scopes[2].call_times.add(4e-6, 1'200'000);
    r.scopes[2].call_times.add(6e-6, 34'567);
    for (scope_row& row : r.scopes) set_percentiles(row);
}

/// Two summed channels, one of them estimated, and one contained; UTF-8, hostile and long names.
inline report full() {
    report r;
    r.context = context();
    r.channels = {channel("cpu0/package", 1000, 130), channel("cpu0/core", 600, 60, "cpu0/package"),
                  channel("estimate/disk", 50, 5)};
    r.channels[2].backend = "estimate";
    r.channels[2].provenance = quality::estimated;
    r.channels[2].part = component::other;
    r.channels[2].kind = reading_kind::power_gauge;
    r.channels[0].tally.wraps = 1;
    r.channels[0].locked = true;
    r.channels[0].observed_period = seconds(0.001008);
    r.channels[0].observed_jitter = seconds(4.6e-6);
    r.channels[0].timestamp_uncertainty = seconds(2e-6);
    r.scopes = {
        scope("train", top, 1, 10, {800, 500, 40}, 40),
        scope("train/forward", 0, 1200, 4, {300, 200, 20}, 320),
        scope("train/\xC3\xBC"
              "bung \xE8\xA8\x93\xE7\xB7\xB4",
              0, 1234567, 5, {460, 280, 20}, 480),
        scope("<script>alert('1 & 2')</script>", top, 3, 0.05, {40, 20, 3}, 43),
        scope("evil\x1b[31m\nname,\"quoted\"", top, 0, 0, {30, 20, 2}, 32),
    };
    r.scopes[1].items = 38400;
    r.scopes[1].item_name = "sample";
    r.scopes[1].method = "edges";
    add_calls(r);
    for (scope_row& row : r.scopes) row.provenance = quality::estimated;
    r.scopes[3].provenance = quality::partial;
    r.total = j(1050);
    r.unscoped = j(135);
    r.co2e = r.total * carbon_intensity::from_grams_per_kwh(472.94);
    r.provenance = quality::estimated;
    r.overhead.sampler = seconds(0.003);
    r.overhead.attribution = seconds(0.0004);
    r.overhead.edges = seconds(0.001);
    r.overhead.scopes = seconds(0.0002);
    r.overhead.share_of_wall = 0.00032;
    r.overhead.share_of_cpu = 0.00004;
    r.overhead.samples = 1250;
    r.overhead.edge_reads = 2400;
    r.overhead.skipped_edges = 7;
    r.overhead.joules = j(0.12);
    r.overhead.reading = {{"rapl-powercap", 2500, seconds(0.0025), seconds(12e-6), seconds(0.001)},
                          {"nvml", 125, seconds(0.375), seconds(0.016), seconds(0.002)}};
    r.warnings = {
        "energy_uj of intel-rapl:1 can't be read: permission denied; run: sudo chmod a+r "
        "/sys/class/powercap/intel-rapl:1/energy_uj",
        "JOULERY_PUE=\"one\" is not a number; 1.0 is used"};
    run_span run;
    run.run_id = r.context.run_id;
    run.machine = r.context.machine;
    run.begin = 1700000000;
    run.end = 1700000012.5;
    run.by_channel = {j(1000), j(600), j(50)};
    r.runs = {run};
    add_history(r);
    return r;
}

/// The same without any NaN, which equals nothing.
inline report comparable() {
    report r = full();
    r.history.watts[0][12] = 50;
    r.slices.slices[2].joules = 0.1;
    return r;
}

}  // namespace sample
