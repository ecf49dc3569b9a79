// doctor_probe.hpp - the measurements of doctor.cpp: how often counters are updated, the cost of a
// read, and how channels contain one another.
#pragma once

#include <joulery/full.hpp>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace doctor {

using steady = std::chrono::steady_clock;

/// A measured channel.
struct measured_channel {
    joulery::channel what;
    std::string backend;
    double period_seconds = 0;  ///< between two changes of the value; 0: fewer than three seen
    double read_seconds = 0;    ///< of the whole backend, the median
};

struct diagnosis {
    joulery::machine_probe machine;  ///< its backends are the meter's
    std::vector<measured_channel> channels;
    std::unique_ptr<joulery::meter> meter;
    std::vector<joulery::channel_row> places;  ///< what contains which channel, and what is summed

    [[nodiscard]] bool only_estimated() const {
        return std::all_of(channels.begin(), channels.end(), [](const measured_channel& c) {
            return c.what.provenance == joulery::quality::estimated;
        });
    }
};

/// Reads one backend repeatedly for ten of its declared periods, at least 0.2 s and at most 2 s.
inline void watch_backend(joulery::backend& b, std::vector<measured_channel>& into) {
    const std::size_t n = b.channels().size();
    double longest = 0.02;
    for (const joulery::channel& c : b.channels())
        longest = std::max(longest, std::chrono::duration<double>(c.update_period).count());
    const auto time = std::chrono::duration<double>(std::min(10 * longest, 2.0));

    struct changes {
        std::uint64_t last = 0;
        double first_at = 0, last_at = 0;
        int count = 0;
    };
    std::vector<changes> seen(n);
    std::vector<std::uint64_t> values(n);
    std::vector<double> costs;
    const auto start = steady::now();
    const auto since = [&] { return std::chrono::duration<double>(steady::now() - start); };
    for (bool first = true; since() < time; first = false) {
        const double before = since().count();
        if (b.read(joulery::counter_span(values)) != joulery::read_status::ok) continue;
        const double after = since().count();
        costs.push_back(after - before);
        for (std::size_t i = 0; i < n; ++i) {
            if (values[i] == seen[i].last || values[i] == joulery::no_value) continue;
            seen[i].last = values[i];
            if (first) continue;
            if (seen[i].count++ == 0) seen[i].first_at = after;
            seen[i].last_at = after;
        }
    }
    std::sort(costs.begin(), costs.end());
    for (std::size_t i = 0; i < n; ++i) {
        measured_channel m;
        m.what = b.channels()[i];
        m.backend = std::string(b.name());
        if (seen[i].count > 2)
            m.period_seconds = (seen[i].last_at - seen[i].first_at) / (seen[i].count - 1);
        if (!costs.empty()) m.read_seconds = costs[costs.size() / 2];
        into.push_back(std::move(m));
    }
}

/// Tries every backend, then examines those that a program would use.
inline diagnosis diagnose() {
    diagnosis d;
    d.machine = joulery::probe_machine();
    for (const auto& b : d.machine.backends) watch_backend(*b, d.channels);
    joulery::options chosen;
    chosen.backends = d.channels.empty() ? joulery::no_backends() : std::move(d.machine.backends);
    d.meter = std::make_unique<joulery::meter>(std::move(chosen));
    if (!d.channels.empty()) d.places = d.meter->snapshot().channels;
    return d;
}

}  // namespace doctor
