// A program of scopes with known powers that take turns on one thread of a simulated machine, for
// accuracy tests and the bench.
#pragma once

#include "accuracy/figures.hpp"
#include "joulery/scope.hpp"
#include "joulery/testing/access.hpp"
#include "joulery/testing/simulated_counter.hpp"
#include "joulery/testing/simulated_machine.hpp"

#include <chrono>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <random>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

/// The machine below a program: its sensors, what a read costs, and noise on its power.
struct simulated_setting {
    std::vector<joulery::testing::simulated_counter> counters{{}};
    std::vector<double> parts{1};  ///< each counter's part of the program's watts
    std::vector<joulery::testing::power_noise> noises;
    std::chrono::nanoseconds read_cost{std::chrono::microseconds(2)};
    std::chrono::nanoseconds sample_period{};  ///< `options::period`
};

struct simulated_program {
    std::vector<double> watts;
    std::vector<double> lengths;  // seconds
    double jitter;                // of each length
    double duration;              // seconds
    bool random_order = false;
    double drift = 0;       // relative growth of the first scope's power during the run
    double swap_at = 1;     // after this part of the run the first two scopes swap their powers
    double call_noise = 0;  // relative spread of each call's power (lognormal)
    double power_of_length = 0;  // exponent of the power as a function of the call's length
    simulated_setting machine{};
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

// One of any number of programs for calibration: 2 to 8 scopes with mean lengths of 20 us to 100 ms
// that vary by 0 to 50 %, a third of them in random order.
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

// A tool that splits by time: every 100 ms it splits the counters' joules by the time each scope
// was open; without an open scope, no scope gets them.
class time_sharer {
 public:
    explicit time_sharer(std::size_t scopes) : joules(scopes), times_(scopes) {}
    void open(std::size_t scope, double seconds) { times_[scope] += seconds; }
    void outside(double seconds) { outside_ += seconds; }
    void look(double now, double shown) {
        if (now >= next_) share(shown);
        while (now >= next_) next_ += 0.1;
    }
    void share(double shown) {
        double all = outside_;
        for (const double t : times_) all += t;
        for (std::size_t i = 0; i < times_.size(); ++i) {
            if (all > 0) joules[i] += (shown - shown_) * times_[i] / all;
            times_[i] = 0;
        }
        if (all > 0) outside_joules += (shown - shown_) * outside_ / all;
        outside_ = 0;
        shown_ = shown;
    }
    std::vector<double> joules;
    double outside_joules = 0;

 private:
    std::vector<double> times_;
    double outside_ = 0, shown_ = 0, next_ = 0.1;
};

/// A running simulated machine with a meter on it.
class running_machine {
 public:
    running_machine(const simulated_setting& setting, std::uint64_t seed, joulery::options o = {})
        : machine_(seed), parts_(setting.parts) {
        machine_.reads_take(setting.read_cost);
        joulery::testing::access::set_clock(o, machine_.shared_clock());
        o.backends.push_back(machine_.make_backend(setting.counters));
        o.period = setting.sample_period;
        meter_ = std::make_unique<joulery::meter>(std::move(o));
        machine_.attach(*meter_);
        for (const auto& n : setting.noises) machine_.disturb(n);
    }
    [[nodiscard]] joulery::meter& meter() { return *meter_; }
    [[nodiscard]] double now() { return machine_.clock().seconds(); }
    void draw(double watts) {
        for (std::size_t i = 0; i < parts_.size(); ++i)
            machine_.draw(i, joulery::power::from_watts(watts * parts_[i]));
    }
    void run(double seconds) {
        machine_.run(std::chrono::nanoseconds(static_cast<std::int64_t>(seconds * 1e9)));
    }
    [[nodiscard]] double truth() const {
        double sum = 0;
        for (std::size_t i = 0; i < parts_.size(); ++i) sum += machine_.true_energy(i).joules();
        return sum;
    }
    [[nodiscard]] double shown() const {
        double sum = 0;
        for (std::size_t i = 0; i < parts_.size(); ++i) sum += machine_.shown(i).joules();
        return sum;
    }

 private:
    joulery::testing::simulated_machine machine_;
    std::vector<double> parts_;
    std::unique_ptr<joulery::meter> meter_;
};

/// Fills in the report's figures of a scope.
inline void read_row(const joulery::report& r, std::string_view path, scope_figure& f) {
    const joulery::scope_row* row = r.find(path);
    f.joulery = row != nullptr ? row->total.joules() : 0;
    f.bar = row != nullptr ? row->uncertainty.joules() : 0;
}

/// Runs it. A scope's true energy is what the machine used in it, without the reads at its edges,
/// which take time as well.
inline std::vector<scope_figure> run(simulated_program p, std::uint64_t seed) {
    const std::size_t n = p.watts.size();
    std::vector<scope_figure> figures(n);
    std::vector<std::string> names;
    for (std::size_t i = 0; i < n; ++i) names.push_back("s" + std::to_string(i));
    std::mt19937_64 random(seed);
    std::uniform_real_distribution<double> even(-1, 1);
    std::normal_distribution<double> normal;
    running_machine machine(p.machine, seed);
    time_sharer sharer(n);
    bool swapped = false;
    for (std::size_t k = 0; machine.now() < p.duration;) {
        const double begin = machine.now();
        if (!swapped && begin > p.swap_at * p.duration) {
            std::swap(p.watts[0], p.watts[1]);
            swapped = true;
        }
        const double growth = k == 0 ? 1 + p.drift * begin / p.duration : 1;
        const double factor = 1 + p.jitter * even(random);
        double watts = p.watts[k] * growth;
        if (p.power_of_length != 0) watts *= std::pow(factor, p.power_of_length);
        if (p.call_noise > 0) watts *= std::exp(p.call_noise * normal(random));
        machine.draw(watts);
        const double shown_before = machine.shown();
        {
            joulery::scope s{machine.meter(), std::string_view(names[k])};
            const double truth_before = machine.truth();
            machine.run(p.lengths[k] * factor);
            figures[k].truth += machine.truth() - truth_before;
        }
        figures[k].by_edges += machine.shown() - shown_before;
        sharer.open(k, machine.now() - begin);
        sharer.look(machine.now(), machine.shown());
        k = p.random_order ? random() % n : (k + 1) % n;
    }
    sharer.share(machine.shown());
    const joulery::report r = machine.meter().snapshot();
    for (std::size_t i = 0; i < n; ++i) {
        figures[i].by_share = sharer.joules[i];
        figures[i].reference = figures[i].truth;
        read_row(r, names[i], figures[i]);
    }
    return figures;
}
