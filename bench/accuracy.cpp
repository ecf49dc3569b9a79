// How true are the joules of scopes that are shorter than the counter's ticks? A simulated machine
// with known power and a RAPL-like counter (1 ms updates with jitter, 61 uJ, 32 bits) runs scopes
// of known power one after another; the table shows the error of each scope's joules by edge reads,
// by sharing by time, and by joulery, and how often joulery's error bar (k = 2) covers the truth.
//
//     accuracy            the whole table (minutes)
//     accuracy --quick    a few rows
#include "joulery/scope.hpp"
#include "joulery/testing/simulated_machine.hpp"

#include <algorithm>
#include <chrono>
#include <cmath>
#include <cstdio>
#include <cstring>
#include <random>
#include <string>
#include <vector>

using namespace joulery;
using namespace std::chrono_literals;
using testing::simulated_counter;
using testing::simulated_machine;

namespace {

struct program {
    std::vector<double> watts;
    std::vector<double> lengths;  // seconds
    double jitter;                // of each length
    double duration;              // seconds
    bool random_order = false;
};

struct outcome {
    std::vector<double> truth, by_edges, by_share, ours, bar;  // joules by scope
    double sampler_reads = 0;
};

outcome run(const program& p, std::uint64_t seed) {
    static const char* const names[] = {"s0", "s1", "s2", "s3", "s4", "s5", "s6", "s7"};
    const std::size_t n = p.watts.size();
    outcome o{std::vector<double>(n), std::vector<double>(n), std::vector<double>(n), {}, {}, 0};
    std::mt19937_64 random(seed);
    std::uniform_real_distribution<double> even(-1, 1);
    simulated_machine machine(seed);
    machine.reads_take(2us);
    meter m{machine.options_with({simulated_counter{}})};
    machine.attach(m);
    // Sharing by time, as tools with a sampler do: every 100 ms.
    double window_energy = 0, next_window = 0.1;
    std::vector<double> window_time(n);
    std::size_t k = 0;
    while (machine.clock().seconds() < p.duration) {
        const double length = p.lengths[k] * (1 + p.jitter * even(random));
        machine.draw(power::from_watts(p.watts[k]));
        const double truth_before = machine.true_energy().joules();
        const double shown_before = machine.shown().joules();
        const double begin = machine.clock().seconds();
        {
            scope s{m, std::string_view(names[k])};
            machine.run(std::chrono::nanoseconds(static_cast<std::int64_t>(length * 1e9)));
        }
        o.truth[k] += machine.true_energy().joules() - truth_before;
        o.by_edges[k] += machine.shown().joules() - shown_before;
        window_time[k] += machine.clock().seconds() - begin;
        if (machine.clock().seconds() >= next_window) {
            double all = 0;
            for (double t : window_time) all += t;
            for (std::size_t i = 0; i < n; ++i)
                o.by_share[i] += (machine.shown().joules() - window_energy) * window_time[i] / all;
            window_energy = machine.shown().joules();
            window_time.assign(n, 0);
            next_window += 0.1;
        }
        k = p.random_order ? random() % n : (k + 1) % n;
    }
    const report r = m.snapshot();
    for (std::size_t i = 0; i < n; ++i) {
        const scope_row* row = r.find(names[i]);
        o.ours.push_back(row != nullptr ? row->total.joules() : 0);
        o.bar.push_back(row != nullptr ? row->uncertainty.joules() : 0);
    }
    o.sampler_reads = static_cast<double>(machine.reads());
    return o;
}

struct errors {
    std::vector<double> edges, share, ours, bars;
    int covered = 0;
    void add(const outcome& o) {
        for (std::size_t i = 0; i < o.truth.size(); ++i) {
            if (o.truth[i] <= 0) continue;
            edges.push_back(std::fabs(o.by_edges[i] / o.truth[i] - 1));
            share.push_back(std::fabs(o.by_share[i] / o.truth[i] - 1));
            ours.push_back(std::fabs(o.ours[i] / o.truth[i] - 1));
            bars.push_back(o.bar[i] / o.truth[i]);
            if (std::fabs(o.ours[i] - o.truth[i]) <= o.bar[i]) ++covered;
        }
    }
    static double median(std::vector<double> v) {
        std::sort(v.begin(), v.end());
        return v.empty() ? 0 : v[v.size() / 2];
    }
    static double worst(const std::vector<double>& v) {
        return v.empty() ? 0 : *std::max_element(v.begin(), v.end());
    }
};

void print(const char* what, const errors& e) {
    std::printf("| %-32s | %6.1f / %6.1f | %6.1f / %6.1f | %6.2f / %6.1f | %6.2f | %5.0f |\n", what,
                100 * errors::median(e.edges), 100 * errors::worst(e.edges),
                100 * errors::median(e.share), 100 * errors::worst(e.share),
                100 * errors::median(e.ours), 100 * errors::worst(e.ours),
                100 * errors::median(e.bars),
                100.0 * e.covered / std::max<double>(1, static_cast<double>(e.ours.size())));
    std::fflush(stdout);
}

}  // namespace

int main(int argc, char** argv) {
    const bool quick = argc > 1 && std::strcmp(argv[1], "--quick") == 0;
    const double duration = 20;
    const int programs = quick ? 2 : 8;
    std::printf(
        "errors in %% of the true joules: median / worst over scopes and programs of %.0f s\n",
        duration);
    std::printf(
        "| scopes                           | edge reads      | share by time   | joulery         "
        "| bar    | cover |\n");
    std::printf("|---|---|---|---|---|---|\n");
    for (const double length :
         {20e-6, 200e-6, 1e-3, 5e-3, 20e-3, 100e-3}) {  // 150 W and 50 W in turn
        errors e;
        e.add(run({{150, 50}, {length, length}, 0, duration}, 1));
        char text[64];
        std::snprintf(text, sizeof text, "150 W, 50 W, %g ms", length * 1e3);
        print(text, e);
    }
    for (const int n : {2, 4, 8}) {
        for (const double length : {20e-6, 200e-6, 1e-3, 5e-3, 20e-3, 100e-3}) {
            for (const double jitter : {0.0, 0.05, 0.2, 0.5}) {
                if (quick && (n == 4 || jitter == 0.5)) continue;
                errors e;
                for (int i = 0; i < programs; ++i) {
                    std::mt19937_64 random(static_cast<std::uint64_t>(i * 100 + n));
                    std::uniform_real_distribution<double> unit(0, 1);
                    program p{{}, {}, jitter, duration};
                    for (int k = 0; k < n; ++k) {
                        p.watts.push_back(20 + 280 * unit(random));
                        p.lengths.push_back(length * (0.5 + unit(random)));
                    }
                    e.add(run(p, static_cast<std::uint64_t>(i + 1)));
                }
                char text[64];
                std::snprintf(text, sizeof text, "%d scopes, %g ms, jitter %.0f %%", n,
                              length * 1e3, jitter * 100);
                print(text, e);
            }
        }
    }
}
