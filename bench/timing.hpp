// Shared by benchmarks that time themselves: the wall clock, and the median of many runs.
#pragma once

#include <algorithm>
#include <chrono>
#include <vector>

/// s, of a monotonic clock.
inline double seconds_now() {
    return std::chrono::duration<double>(std::chrono::steady_clock::now().time_since_epoch())
        .count();
}
inline double median(std::vector<double> v) {
    std::sort(v.begin(), v.end());
    return v.empty() ? 0 : v[v.size() / 2];
}
