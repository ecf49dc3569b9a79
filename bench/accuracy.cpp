// How true are the joules of scopes that are shorter than the counter's ticks? A simulated machine
// with known power and a RAPL-like counter (1 ms updates with jitter, 61 uJ, 32 bits) runs scopes
// of known power one after another; the table shows the error of each scope's joules by edge reads,
// by sharing by time, and by joulery, and how often joulery's error bar (k = 2) covers the truth.
//
//     accuracy            the whole table (minutes)
//     accuracy --quick    a few rows
#include "simulated_program.hpp"

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstring>
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
}
