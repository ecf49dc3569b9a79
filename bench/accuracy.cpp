// How true are the joules of scopes that are shorter than the counter's ticks? A simulated machine
// with known power and a RAPL-like counter (1 ms updates with jitter, 61 uJ, 32 bits) runs scopes
// of known power one after another; the table shows the error of each scope's joules by edge reads,
// by sharing by time, and by joulery, and how often joulery's error bar (k = 2) covers the truth.
//
// A second table says over 1,000 random programs how well the bars are calibrated.
//
//     accuracy            both tables whole (a minute)
//     accuracy --quick    a few rows
#include "simulated_program.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <random>
#include <vector>

namespace {

struct errors {
    std::vector<double> edges, share, ours, bars;
    int covered = 0;
    void add(const simulated_outcome& o) {
        for (std::size_t i = 0; i < o.truth.size(); ++i) {
            if (o.truth[i] <= 0) continue;
            edges.push_back(std::fabs(o.by_edges[i] / o.truth[i] - 1));
            share.push_back(std::fabs(o.by_share[i] / o.truth[i] - 1));
            ours.push_back(std::fabs(o.joulery[i] / o.truth[i] - 1));
            bars.push_back(o.bar[i] / o.truth[i]);
            if (std::fabs(o.joulery[i] - o.truth[i]) <= o.bar[i]) ++covered;
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
    std::printf("| %-33s | %6.1f / %6.1f | %6.1f / %6.1f | %6.2f / %6.1f | %6.2f | %5.0f |\n", what,
                100 * errors::median(e.edges), 100 * errors::worst(e.edges),
                100 * errors::median(e.share), 100 * errors::worst(e.share),
                100 * errors::median(e.ours), 100 * errors::worst(e.ours),
                100 * errors::median(e.bars),
                100.0 * e.covered / std::max<double>(1, static_cast<double>(e.ours.size())));
    std::fflush(stdout);
}

// Bars against errors of many programs, by the lengths of their scopes.
struct calibration {
    std::vector<double> errors, bars, ratios;
    void add(double error, double bar) {
        errors.push_back(error);
        bars.push_back(bar);
        ratios.push_back(error / bar);
    }
    void print(const char* what) const {
        if (errors.empty()) return;
        const auto n = static_cast<double>(ratios.size());
        const auto covered = static_cast<double>(
            std::count_if(ratios.begin(), ratios.end(), [](double r) { return r <= 1; }));
        const double error = errors::median(errors), bar = errors::median(bars);
        std::printf("| %-17s | %6.0f | %5.1f | %7.4f | %7.2f | %7.4f | %5.2f | %5.2f | %5.2f |\n",
                    what, n, 100 * covered / n, 100 * error, 100 * errors::worst(errors), 100 * bar,
                    bar / error, bar / median_of_normal(), errors::median(ratios));
    }

 private:
    // The median error if each were a normal deviate of just its bar's width: what the best of bars
    // could say of scopes as different as these.
    double median_of_normal() const {
        std::mt19937_64 random(1);
        std::normal_distribution<double> normal(0, 0.5);  // a bar is two standard deviations
        std::vector<double> drawn;
        for (int round = 0; round < 100; ++round)
            for (const double b : bars) drawn.push_back(std::fabs(normal(random)) * b);
        return errors::median(drawn);
    }
};

void print_calibration(std::uint64_t programs, double duration) {
    const double limits[] = {1e-4, 1e-3, 10e-3, 30e-3, 1};
    const char* const names[] = {"up to 0.1 ms", "0.1 to 1 ms", "1 to 10 ms", "10 to 30 ms",
                                 "over 30 ms"};
    calibration all, by_length[5];
    for (std::uint64_t seed = 1; seed <= programs; ++seed) {
        const simulated_program p = calibration_program(seed, duration);
        const simulated_outcome o = run(p, seed);
        for (std::size_t i = 0; i < o.truth.size(); ++i) {
            if (o.truth[i] <= 0) continue;
            const double error = std::fabs(o.joulery[i] / o.truth[i] - 1);
            const double bar = o.bar[i] / o.truth[i];
            all.add(error, bar);
            std::size_t k = 0;
            while (p.lengths[i] > limits[k]) ++k;
            by_length[k].add(error, bar);
        }
    }
    std::printf("\ncalibration over %d random programs of %.0f s, errors and bars in %%\n",
                static_cast<int>(programs), duration);
    std::printf(
        "| length of a scope | scopes | cover | median error | worst | median bar | bar / error | "
        "of ideal bars | error / bar, median |\n|---|---|---|---|---|---|---|---|---|\n");
    for (std::size_t k = 0; k < 5; ++k) by_length[k].print(names[k]);
    all.print("all");
}

// Programs that are not so regular.
void print_changing(int programs, double duration) {
    const auto row = [&](const char* what, double drift, bool swap, bool random_order) {
        errors e;
        for (int i = 0; i < programs; ++i) {
            simulated_program p{{200, 60, 120}, {400e-6, 300e-6, 500e-6}, 0.2, duration};
            p.drift = drift;
            p.swap_half_way = swap;
            p.random_order = random_order;
            e.add(run(p, static_cast<std::uint64_t>(i + 1)));
        }
        print(what, e);
    };
    row("0.4 ms, in random order", 0, false, true);
    row("0.4 ms, one's power grows by half", 0.5, false, false);
    row("0.4 ms, two swap powers half-way", 0, true, false);
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
        "| scopes                            | edge reads      | share by time   | joulery         "
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
                    const auto seed = static_cast<std::uint64_t>(i + 1);
                    e.add(run(random_program(seed, n, length, jitter, duration), seed));
                }
                char text[64];
                std::snprintf(text, sizeof text, "%d scopes, %g ms, jitter %.0f %%", n,
                              length * 1e3, jitter * 100);
                print(text, e);
            }
        }
    }
    print_changing(programs, duration);
    print_calibration(quick ? 20 : 1000, duration);
}
