// A piece of code with exactly known energy: it draws a power for a while on a simulated machine.
#pragma once

#include "joulery/assertions/measurement.hpp"
#include "joulery/meter.hpp"
#include "joulery/testing/simulated_machine.hpp"

#include <chrono>
#include <vector>

/// A simulated machine with a meter on it; it draws 20 W when idle.
struct measured_machine {
    measured_machine() : measured_machine({joulery::testing::simulated_counter{}}) {}
    explicit measured_machine(const std::vector<joulery::testing::simulated_counter>& counters)
        : m(machine.options_with(counters)) {
        machine.attach(m);
        machine.reads_take(std::chrono::microseconds(2));
        machine.draw(joulery::power::from_watts(20));
    }

    /// Uses `watts` for `time`, then is idle again.
    void work(double watts, std::chrono::nanoseconds time) {
        machine.draw(joulery::power::from_watts(watts));
        machine.run(time);
        machine.draw(joulery::power::from_watts(20));
    }
    joulery::measure_options idles_here() {
        joulery::measure_options o;
        o.idle = [this](std::chrono::nanoseconds t) { machine.run(t); };
        return o;
    }

    joulery::testing::simulated_machine machine;
    joulery::meter m;
};
