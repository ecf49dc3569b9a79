// A program of scopes with known powers on the simulated machine, for accuracy tests and the bench.
#pragma once

#include "joulery/scope.hpp"
#include "joulery/testing/simulated_machine.hpp"

#include <chrono>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <random>
#include <string_view>
#include <utility>
#include <vector>

struct simulated_program {
    std::vector<double> watts;
    std::vector<double> lengths;  // seconds
    double jitter;                // of each length
    double duration;              // seconds
    bool random_order = false;
    double drift = 0;  // by how much the first scope's power grows in the course of the run
    bool swap_half_way = false;  // the first two scopes change their powers
};

struct simulated_outcome {
    std::vector<double>
        truth;  // joules by scope, of its own work: reads at its edges are not in it
    std::vector<double> by_edges, by_share, joulery, bar;
};

inline simulated_program random_program(std::uint64_t seed, int scopes, double length,
                                        double jitter, double duration) {
    std::mt19937_64 random(seed * 100 + static_cast<std::uint64_t>(scopes));
    std::uniform_real_distribution<double> unit(0, 1);
    simulated_program p{{}, {}, jitter, duration};
    for (int k = 0; k < scopes; ++k) {
        p.watts.push_back(20 + 280 * unit(random));
        p.lengths.push_back(length * (0.5 + unit(random)));
    }
    return p;
}

// One of any number of programs for calibration: 2 to 8 scopes of 20 us to 100 ms in the mean,
// lengths that vary by nothing to a half, a third of them in random order.
inline simulated_program calibration_program(std::uint64_t seed, double duration) {
    std::mt19937_64 random(seed * 7919);
    const double length = std::pow(10.0, -4.7 + 3.7 * static_cast<double>(random() % 1000) / 1000);
    const double jitters[] = {0, 0.05, 0.2, 0.5};
    const int scopes = 2 + static_cast<int>(random() % 7);
    const double jitter = jitters[random() % 4];
    simulated_program p = random_program(seed, scopes, length, jitter, duration);
    p.random_order = random() % 3 == 0;
    return p;
}

// What a tool that shares by time would say: every 100 ms the counter's joules by the scopes'
// times.
class time_sharer {
 public:
    explicit time_sharer(std::size_t scopes) : joules(scopes), times_(scopes) {}
    void add(std::size_t scope, double seconds, double now, double shown) {
        times_[scope] += seconds;
        if (now < next_) return;
        double all = 0;
        for (double t : times_) all += t;
        for (std::size_t i = 0; i < times_.size(); ++i) {
            joules[i] += (shown - shown_) * times_[i] / all;
            times_[i] = 0;
        }
        shown_ = shown;
        next_ += 0.1;
    }
    std::vector<double> joules;

 private:
    std::vector<double> times_;
    double shown_ = 0, next_ = 0.1;
};

inline simulated_outcome run(simulated_program p, std::uint64_t seed) {
    static const char* const names[] = {"s0", "s1", "s2", "s3", "s4", "s5", "s6", "s7"};
    const std::size_t n = p.watts.size();
    simulated_outcome o;
    o.truth.resize(n), o.by_edges.resize(n);
    std::mt19937_64 random(seed);
    std::uniform_real_distribution<double> even(-1, 1);
    joulery::testing::simulated_machine machine(seed);
    machine.reads_take(std::chrono::microseconds(2));
    joulery::meter m{machine.options_with({joulery::testing::simulated_counter{}})};
    machine.attach(m);
    time_sharer sharer(n);
    bool swapped = false;
    for (std::size_t k = 0; machine.clock().seconds() < p.duration;) {
        const double begin = machine.clock().seconds();
        if (p.swap_half_way && !swapped && begin > p.duration / 2) {
            std::swap(p.watts[0], p.watts[1]);
            swapped = true;
        }
        const double growth = k == 0 ? 1 + p.drift * begin / p.duration : 1;
        const double length = p.lengths[k] * (1 + p.jitter * even(random));
        machine.draw(joulery::power::from_watts(p.watts[k] * growth));
        const double shown_before = machine.shown().joules();
        {
            joulery::scope s{m, std::string_view(names[k])};
            const double truth_before = machine.true_energy().joules();
            machine.run(std::chrono::nanoseconds(static_cast<std::int64_t>(length * 1e9)));
            o.truth[k] += machine.true_energy().joules() - truth_before;
        }
        const double now = machine.clock().seconds();
        o.by_edges[k] += machine.shown().joules() - shown_before;
        sharer.add(k, now - begin, now, machine.shown().joules());
        k = p.random_order ? random() % n : (k + 1) % n;
    }
    o.by_share = sharer.joules;
    const joulery::report r = m.snapshot();
    for (std::size_t i = 0; i < n; ++i) {
        const joulery::scope_row* row = r.find(names[i]);
        o.joulery.push_back(row != nullptr ? row->total.joules() : 0);
        o.bar.push_back(row != nullptr ? row->uncertainty.joules() : 0);
    }
    return o;
}
