// A meter on the real clock for programs with threads of all kinds, and checks of its report.
#pragma once

#include "conserved_report.hpp"
#include "joulery/meter.hpp"
#include "joulery/report.hpp"

#include <doctest/doctest.h>

#include <chrono>
#include <ctime>
#include <string>
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

/// Sums are exact, and no scope was recorded as ended by another thread.
inline void check_sums(const joulery::report& r) {
    check_conserved_report(r);
    for (const std::string& w : r.warnings)
        CHECK(w.find("ended on a different thread") == std::string::npos);
}

}  // namespace integration_test
