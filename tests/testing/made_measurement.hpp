// Measurements made from given samples, for tests of their evaluation.
#pragma once

#include "joulery/assertions/measure.hpp"

#include <random>
#include <vector>

/// As if `measure` had found these joules per call, in batches of 100 calls of 1 ms.
inline joulery::measurement measurement_of(const std::vector<double>& joules_per_call) {
    joulery::measurement m;
    m.calls_per_batch = 100;
    m.channel = "cpu0/package";
    m.precise = true;
    m.grams_per_joule = 1e-4;  // 360 g/kWh
    for (const double j : joules_per_call)
        m.batches.push_back({joulery::energy::from_joules(j * 100), joulery::seconds(0.1), {}});
    joulery::testing::summarize(m);
    return m;
}

inline std::vector<double> noisy(std::mt19937& random, double mean, double noise, int n) {
    std::normal_distribution<double> draw(mean, mean * noise);
    std::vector<double> x;
    for (int i = 0; i < n; ++i) x.push_back(draw(random));
    return x;
}
