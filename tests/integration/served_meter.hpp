// A meter on the real clock for programs with threads of all kinds, and what must hold of its
// books.
#pragma once

#include "joulery/meter.hpp"
#include "joulery/report.hpp"

#include <doctest/doctest.h>

#include <chrono>
#include <cmath>
#include <cstddef>
#include <ctime>
#include <string_view>
#include <utility>

namespace integration_test {

inline double seconds_of(clockid_t clock) {
    ::timespec t{};
    ::clock_gettime(clock, &t);
    return static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_nsec) * 1e-9;
}

/// A counter of 1 W for each busy thread of this process.
inline joulery::meter meter_of_processor_time() {
    joulery::channel c;
    c.id = "cpu0/package";
    joulery::options o;
    o.period = std::chrono::milliseconds(1);
    o.backends.push_back(joulery::make_backend(
        "processor time", c, [] { return seconds_of(CLOCK_PROCESS_CPUTIME_ID); }));
    return joulery::meter{std::move(o)};
}

inline void work_for(double processor_seconds) {
    const double end = seconds_of(CLOCK_THREAD_CPUTIME_ID) + processor_seconds;
    while (seconds_of(CLOCK_THREAD_CPUTIME_ID) < end) {
    }
}

/// All that the machine used is somebody's, once.
inline void check_conserved_report(const joulery::report& r) {
    double sum = r.unscoped.joules();
    for (std::size_t i = 0; i < r.scopes.size(); ++i) {
        const joulery::scope_row& row = r.scopes[i];
        double parts = row.self.joules();
        for (const joulery::scope_row& part : r.scopes)
            if (part.parent == i) parts += part.total.joules();
        CHECK(std::fabs(row.total.joules() - parts) <= 1e-9 * r.total.joules());
        CHECK(row.self.joules() >= -1e-9);
        sum += row.self.joules();
    }
    CHECK(std::fabs(sum - r.total.joules()) <= 1e-9 * r.total.joules());
    for (const std::string& w : r.warnings)
        CHECK(w.find("ended on another thread") == std::string::npos);
}

}  // namespace integration_test
