// tests/external/pages.hpp - reports with pages to look at: a GPU node, nothing measured.
#pragma once

#include "joulery/carbon/carbon_for.hpp"
#include "report/sample_report.hpp"

#include <cmath>
#include <cstddef>
#include <string>
#include <utility>

namespace pages {

using namespace joulery;

inline channel_row part(const char* id, const char* model, component kind, const char* backend,
                        double joules) {
    channel_row c = sample::channel(id, joules, joules * 0.04);
    c.model = model;
    c.part = kind;
    c.backend = backend;
    c.locked = true;
    c.relative_error = kind == component::gpu ? 0.05 : 0.1;
    return c;
}

inline scope_row& add_scope(report& r, std::string name, std::size_t parent, double share,
                            std::uint64_t calls, double s) {
    scope_row row;
    row.parent = parent;
    row.path = parent == sample::top ? name : r.scopes[parent].path + "/" + name;
    row.name = std::move(name);
    row.calls = calls;
    row.time = seconds(s);
    for (const channel_row& c : r.channels) {
        const double tilt = c.part == component::gpu ? 1.1 : 0.8;
        row.by_channel.push_back(c.total * (share * 0.9 * tilt));
        row.total += row.by_channel.back();
    }
    row.self = row.total;
    if (parent != sample::top) r.scopes[parent].self -= row.total;
    row.uncertainty = row.total * (0.004 + 0.02 * (1 - share));
    row.co2e = r.context.carbon.of(row.total);
    row.method = share > 0.2 ? "edges" : "regression";
    r.scopes.push_back(std::move(row));
    return r.scopes.back();
}

/// An hour of training on two processors and three GPUs: seven channels, 252 scopes, power over
/// time with two GPUs that draw the same, and long calls that overlap.
inline report gpu_node() {
    report r;
    r.context = sample::context();
    r.context.run_name = "resnet50, 90 epochs";
    r.context.host = "gpu-node-17";
    r.context.cpu = "AMD EPYC 9554";
    r.context.hardware = "2 x AMD EPYC 9554, 3 x NVIDIA H100 80GB HBM3";
    r.context.logical_cpus = 256;
    r.context.duration = seconds(3600);
    r.context.carbon = *carbon_for("aws:eu-central-1");
    r.channels = {
        part("cpu0/package", "AMD EPYC 9554", component::cpu, "rapl-powercap", 792e3),
        part("cpu1/package", "AMD EPYC 9554", component::cpu, "rapl-powercap", 684e3),
        part("cpu0/dram", "", component::dram, "rapl-powercap", 118e3),
        part("cpu1/dram", "", component::dram, "rapl-powercap", 104e3),
        part("gpu/GPU-4e81c7/board", "NVIDIA H100 80GB HBM3", component::gpu, "nvml", 2.28e6),
        part("gpu/GPU-9d22f0/board", "NVIDIA H100 80GB HBM3", component::gpu, "nvml", 2.28e6),
        part("gpu/GPU-c1a554/board", "NVIDIA H100 80GB HBM3", component::gpu, "nvml", 1.35e6),
    };
    for (const channel_row& c : r.channels) r.total += c.total, r.unscoped += c.unscoped;
    r.co2e = r.context.carbon.of(r.total);
    r.provenance = quality::measured;
    r.overhead.sampler = seconds(1.9);
    r.overhead.edges = seconds(0.4);
    r.overhead.share_of_wall = 0.00064;
    r.overhead.samples = 36000;
    r.overhead.edge_reads = 900;
    r.overhead.joules = sample::j(22);
    static const char* const stages[] = {"load", "forward", "backward", "optimizer", "evaluate"};
    static const double shares[] = {0.06, 0.27, 0.42, 0.12, 0.06};
    for (std::size_t s = 0; s < 5; ++s) {
        const std::size_t stage = r.scopes.size();
        add_scope(r, stages[s], sample::top, shares[s], 112590, 3400 * shares[s]);
        if (s == 1 || s == 2) {
            r.scopes[stage].items = 115.2e6;
            r.scopes[stage].item_name = "image";
        }
        for (int layer = 0; layer < 49; ++layer)
            add_scope(r, "layer" + std::to_string(layer), stage,
                      shares[s] * 0.019 * (1 + 0.5 * std::sin(layer)), 112590,
                      3400 * shares[s] * 0.019);
    }
    add_scope(r, "checkpoint", sample::top, 0.004, 90, 41);
    add_scope(r, "\xD7\xA9\xD7\x9C\xD7\x95\xD7\x9D (right to left)", sample::top, 0.002, 3, 8);
    power_history& h = r.history;
    h.step = seconds(7.2);
    h.watts.resize(7);
    for (int i = 0; i < 500; ++i) {
        const bool evaluating = i % 100 > 91;
        const double load = i < 12 ? 0.2 : evaluating ? 0.55 : 0.93 + 0.05 * std::sin(i * 0.7);
        h.watts[0].push_back(150 + 75 * load + 4 * std::sin(i));
        h.watts[1].push_back(130 + 64 * load + 4 * std::cos(i));
        h.watts[2].push_back(22 + 11 * load);
        h.watts[3].push_back(20 + 9.5 * load);
        h.watts[4].push_back(80 + 590 * load);
        h.watts[5].push_back(80 + 590 * load);  // hides the one before
        h.watts[6].push_back(i > 260 && i < 300 ? std::nan("") : 70 + 330 * load);
    }
    for (std::size_t e = 0; e < 5; ++e) {
        h.bands.push_back({50, 0, seconds(86 + 720.0 * static_cast<double>(e)), seconds(570), 0});
        h.bands.push_back({200, 1, seconds(656 + 720.0 * static_cast<double>(e)), seconds(60), 0});
    }
    h.bands.push_back({250, 2, seconds(600), seconds(1700), 0});  // across the others
    return r;
}

/// The same with ten thousand more scopes, below those of the first 240.
inline report many_scopes() {
    report r = gpu_node();
    for (std::size_t i = 0; i < 10'000; ++i)
        add_scope(r, "extra" + std::to_string(i), i % 240, 1e-6 * (1 + static_cast<double>(i % 97)),
                  10 + i, 1e-3);
    return r;
}

/// A run on a machine without a counter.
inline report nothing() {
    report r;
    r.context = sample::context();
    r.context.run_name = "no counter";
    r.warnings = {"rapl-powercap: /sys/class/powercap: no RAPL zone"};
    add_scope(r, "train", sample::top, 0, 3, 10);
    add_scope(r, "step", 0, 0, 300, 9.5);
    return r;
}

}  // namespace pages
