// A machine made of files and fake libraries, with a meter on what is found there.
#pragma once

#include "joulery/detail/backends/estimate/estimate.hpp"
#include "joulery/detail/session/defaults.hpp"
#include "joulery/meter.hpp"
#include "joulery/testing/access.hpp"
#include "joulery/testing/manual_clock.hpp"

#include "backends/support.hpp"

#include <chrono>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

/// Fill `files`, `start()`, then `run()` and look at the joules and the tree.
struct fake_machine {
    void start() { start(joulery::open_backends({}, files.root())); }
    void start(joulery::found_backends found) {
        warnings = found.warnings;
        joulery::options o;
        joulery::testing::access::set_clock(o, clock);
        for (std::unique_ptr<joulery::backend>& b : found.backends)
            if (b->name() == "estimate") b = estimate_in_time();
        o.backends = std::move(found.backends);
        meter = std::make_unique<joulery::meter>(std::move(o));
    }

    /// A second of steps of 10 ms; `step` advances the counters. Returns the joules of the total.
    double run(const std::function<void(int)>& step = [](int) {}) {
        const joulery::reading a = meter->read();
        for (int i = 1; i <= 100; ++i) {
            clock->advance(std::chrono::milliseconds(10));
            step(i);
            (void)meter->read();
        }
        return (meter->read() - a).total().joules();
    }

    /// The estimate, which reads the time itself, on the machine's clock.
    std::unique_ptr<joulery::backend> estimate_in_time() {
        joulery::estimate_clocks clocks = joulery::estimate_clocks::of_the_system();
        clocks.monotonic_seconds = [c = clock] {
            return static_cast<double>(c->now()) * c->seconds_per_tick();
        };
        joulery::opened_backend b = joulery::open_estimate(files.root(), std::move(clocks));
        REQUIRE(b);
        return *std::move(b);
    }
    /// Processors that are busy half the time.
    void half_busy(int step) {
        files.proc_stat(1000 + static_cast<unsigned>(step), 9000 + static_cast<unsigned>(step));
    }

    /// One line a channel: "+ id" if it is summed, else "- id: reason".
    strings tree() {
        strings lines;
        for (const joulery::channel_row& c : meter->snapshot().channels)
            lines.push_back(c.summed ? "+ " + c.id : "- " + c.id + ": " + c.exclusion_reason);
        return lines;
    }
    strings parents() {
        strings lines;
        for (const joulery::channel_row& c : meter->snapshot().channels)
            if (!c.parent.empty()) lines.push_back(c.id + "<" + c.parent);
        return lines;
    }

    // Parts common to several machines.
    void hwmon(int number, const std::string& name) {
        files.file(hwmon_folder(number) + "/name", name + "\n");
    }
    static std::string hwmon_folder(int number) {
        return "/sys/class/hwmon/hwmon" + std::to_string(number);
    }
    void power_meter(int number, const std::string& what, std::uint64_t microwatts) {
        hwmon(number, "power_meter");
        files.number(hwmon_folder(number) + "/power1_average", microwatts);
        if (!what.empty()) files.file(hwmon_folder(number) + "/power1_oem_info", what + "\n");
    }
    void rail(int number, int input, const std::string& label, int millivolts, int milliamperes) {
        const std::string folder = hwmon_folder(number);
        const std::string n = std::to_string(input);
        files.file(folder + "/in" + n + "_label", label + "\n");
        files.number(folder + "/in" + n + "_input", static_cast<std::uint64_t>(millivolts));
        files.number(folder + "/curr" + n + "_input", static_cast<std::uint64_t>(milliamperes));
    }

    fake_system files;
    std::shared_ptr<joulery::testing::manual_clock> clock =
        std::make_shared<joulery::testing::manual_clock>();
    std::unique_ptr<joulery::meter> meter;
    strings warnings;
};
