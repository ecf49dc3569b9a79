// The ideal case: constant power, one thread, one fast counter. How bars are calibrated there.
#pragma once

#include "accuracy/figures.hpp"
#include "accuracy/simulated_program.hpp"
#include "accuracy_table.hpp"

#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <random>
#include <string>
#include <vector>

/// 2, 4 and 8 scopes of every length and variation; `table.add` gets one row each.
template <class Wanted>
void run_steady(accuracy_table& table, std::uint64_t seeds, bool quick, const Wanted& wanted) {
    const double duration = 20;
    const double lengths[] = {20e-6, 200e-6, 1e-3, 5e-3, 20e-3, 100e-3};
    accuracy_goal goal;
    goal.cover = 75;  // of no more than 16 to 64 scopes a row; the calibration below has thousands
    const auto row = [&](const std::string& name, std::uint64_t programs, const auto& program) {
        if (!wanted(name)) return;
        accuracy_row r{name, "", {}, goal};
        for (std::uint64_t seed = 1; seed <= programs; ++seed)
            r.errors.add(run(program(seed), seed));
        table.add(r);
    };
    for (const double length : lengths)
        row("150 W, 50 W, " + seconds_text(length), 1, [&](std::uint64_t) {
            return simulated_program{{150, 50}, {length, length}, 0, duration};
        });
    for (const int n : {2, 4, 8})
        for (const double length : lengths)
            for (const double jitter : {0.0, 0.05, 0.2, 0.5}) {
                if (quick && (n == 4 || jitter == 0.5)) continue;
                char name[64];
                std::snprintf(name, sizeof name, "%d scopes, %s, jitter %.0f %%", n,
                              seconds_text(length).c_str(), jitter * 100);
                row(name, seeds, [&](std::uint64_t seed) {
                    return random_program(seed, n, length, jitter, duration);
                });
            }
    const auto changing = [&](const char* name, double drift, bool swap, bool random_order) {
        row(name, seeds, [&](std::uint64_t) {
            simulated_program p{{200, 60, 120}, {400e-6, 300e-6, 500e-6}, 0.2, duration};
            p.drift = drift;
            if (swap) p.swap_at = 0.5;
            p.random_order = random_order;
            return p;
        });
    };
    changing("0.4 ms, in random order", 0, false, true);
    changing("0.4 ms, one's power grows by half", 0.5, false, false);
    changing("0.4 ms, two swap powers half-way", 0, true, false);
}

/// Bars compared with errors over many programs, by the lengths of their scopes.
class calibration {
 public:
    void add(double error, double bar) {
        errors_.push_back(error);
        bars_.push_back(bar);
        ratios_.push_back(error / bar);
    }
    void print(const char* what) const {
        if (errors_.empty()) return;
        const auto n = static_cast<double>(ratios_.size());
        const auto covered = static_cast<double>(
            std::count_if(ratios_.begin(), ratios_.end(), [](double r) { return r <= 1; }));
        const double error = median(errors_), bar = median(bars_);
        std::printf("| %-17s | %6.0f | %5.1f | %7.4f | %7.2f | %7.4f | %5.2f | %5.2f | %5.2f |\n",
                    what, n, 100 * covered / n, 100 * error, 100 * error_summary::worst_of(errors_),
                    100 * bar, bar / error, bar / median_of_normal(), median(ratios_));
    }

 private:
    static double median(const std::vector<double>& v) { return error_summary::median_of(v); }
    // The median error if each were a normal deviate with its bar's width: the best that bars could
    // state for scopes as different as these.
    double median_of_normal() const {
        std::mt19937_64 random(1);
        std::normal_distribution<double> normal(0, 0.5);  // a bar is two standard deviations
        std::vector<double> drawn;
        for (int round = 0; round < 100; ++round)
            for (const double b : bars_) drawn.push_back(std::fabs(normal(random)) * b);
        return median(drawn);
    }
    std::vector<double> errors_, bars_, ratios_;
};

inline void print_calibration(std::uint64_t programs) {
    const double limits[] = {1e-4, 1e-3, 10e-3, 30e-3, 1};
    const char* const names[] = {"up to 0.1 ms", "0.1 to 1 ms", "1 to 10 ms", "10 to 30 ms",
                                 "over 30 ms"};
    calibration all, by_length[5];
    for (std::uint64_t seed = 1; seed <= programs; ++seed) {
        const simulated_program p = calibration_program(seed, 20);
        const std::vector<scope_figure> figures = run(p, seed);
        for (std::size_t i = 0; i < figures.size(); ++i) {
            const scope_figure& f = figures[i];
            if (f.truth <= 0) continue;
            const double error = std::fabs(f.joulery / f.truth - 1), bar = f.bar / f.truth;
            all.add(error, bar);
            std::size_t k = 0;
            while (p.lengths[i] > limits[k]) ++k;
            by_length[k].add(error, bar);
        }
    }
    std::printf("\ncalibration over %d random programs of 20 s, errors and bars in %%\n",
                static_cast<int>(programs));
    std::printf(
        "| length of a scope | scopes | cover | median error | worst | median bar | bar / error | "
        "of ideal bars | error / bar, median |\n|---|---|---|---|---|---|---|---|---|\n");
    for (std::size_t k = 0; k < 5; ++k) by_length[k].print(names[k]);
    all.print("all");
}
