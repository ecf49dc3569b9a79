// simulated_machine.hpp - a machine whose true power is known at every moment.
// SPDX-License-Identifier: MIT
#pragma once

#include "joulery/backend.hpp"
#include "joulery/meter.hpp"
#include "joulery/testing/manual_clock.hpp"
#include "joulery/units.hpp"

#include <algorithm>
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

namespace joulery {
inline namespace v1 {
namespace testing {

/// How a simulated counter shows the true energy: RAPL's habits by default (updates about
/// every millisecond, 2^-14 J a count, 32 bits).
struct simulated_counter {
    std::string id = "cpu0/package";
    component part = component::cpu;
    std::string parent;
    std::chrono::nanoseconds period{std::chrono::milliseconds(1)};  ///< between two updates
    double jitter = 0.016;         ///< each update is late by up to this share of the period
    double quantum = 1.0 / 16384;  ///< joules a count
    std::uint64_t wrap_at = std::uint64_t{1} << 32;
    std::uint64_t start = 0;  ///< raw value at the beginning
};

/// A machine that does what a test says: it draws a known power, its counters tick, and the
/// attached meter's samples happen when they are due. No thread, no waiting, the same every time.
///
///     simulated_machine machine;
///     options o = machine.options_with({simulated_counter{}});
///     meter m{std::move(o)};  machine.attach(m);
///     machine.draw(150_W);  { joulery::scope s{m, "work"};  machine.run(20ms); }
class simulated_machine {
 public:
    explicit simulated_machine(std::uint64_t seed = 1)
        : clock_(std::make_shared<manual_clock>()), random_(seed) {}

    /// Options for a meter on this machine's clock with one backend of these counters.
    [[nodiscard]] options options_with(const std::vector<simulated_counter>& counters) {
        options o;
        o.clock = clock_;
        o.backends.push_back(make_backend(counters));
        return o;
    }

    [[nodiscard]] std::unique_ptr<backend> make_backend(
        const std::vector<simulated_counter>& counters) {
        auto made = std::make_unique<counters_backend>(*this);
        for (const simulated_counter& c : counters) {
            made->places_.push_back(counters_.size());
            counters_.push_back({c, clock_->now(), 0, c.start, 0});
            schedule(counters_.back());
            channel ch;
            ch.id = c.id;
            ch.part = c.part;
            ch.parent = c.parent;
            ch.joules_per_count = c.quantum;
            ch.wrap_at = c.wrap_at;
            ch.update_period = c.period;
            made->channels_.push_back(std::move(ch));
        }
        return made;
    }

    /// The meter whose samples this machine triggers. It must outlive the next `run`.
    void attach(meter& m) noexcept { meter_ = &m; }
    void detach() noexcept { meter_ = nullptr; }

    /// What all counters (or counter `i`) see from now on.
    void draw(power p) noexcept {
        for (state& s : counters_) s.watts = p.watts();
    }
    void draw(std::size_t i, power p) noexcept { counters_[i].watts = p.watts(); }

    /// Lets time pass at the present power: counters tick, samples are taken.
    void run(std::chrono::nanoseconds time) {
        const std::uint64_t end = clock_->now() + static_cast<std::uint64_t>(time.count());
        while (true) {
            const std::uint64_t due = meter_ != nullptr ? meter_->next_due() : end;
            move_to(std::min(std::max(due, clock_->now()), end));
            if (meter_ != nullptr && due <= clock_->now()) {
                meter_->poll();
                continue;
            }
            if (clock_->now() >= end) return;
        }
    }

    /// True joules of counter `i` since the beginning.
    [[nodiscard]] energy true_energy(std::size_t i = 0) const noexcept {
        return energy::from_joules(counters_[i].joules);
    }
    [[nodiscard]] manual_clock& clock() noexcept { return *clock_; }
    [[nodiscard]] std::shared_ptr<manual_clock> shared_clock() noexcept { return clock_; }
    /// How long one read of the counters takes; time that passes inside `backend::read`.
    void reads_take(std::chrono::nanoseconds t) noexcept { read_cost_ = t; }
    [[nodiscard]] std::uint64_t reads() const noexcept { return reads_; }
    /// What counter `i` shows now, in joules since the beginning: what an edge read would see.
    [[nodiscard]] energy shown(std::size_t i = 0) const noexcept {
        return energy::from_joules(counters_[i].shown_joules);
    }

 private:
    struct state {
        simulated_counter model;
        std::uint64_t at = 0;   ///< tick up to which `joules` is true
        double joules = 0;      ///< true energy up to `at`
        std::uint64_t raw = 0;  ///< what the counter shows
        double watts = 0;
        double next_tick = 0;  ///< tick of the next update
        double shown_joules = 0;
    };

    class counters_backend final : public backend {
     public:
        explicit counters_backend(simulated_machine& m) : machine_(m) {}
        std::string_view name() const noexcept override { return "simulated"; }
        const std::vector<channel>& channels() const noexcept override { return channels_; }
        read_status read(counter_span out) noexcept override {
            ++machine_.reads_;
            machine_.move_to(machine_.clock_->now() +
                             static_cast<std::uint64_t>(machine_.read_cost_.count()));
            for (std::size_t i = 0; i < places_.size(); ++i)
                out[i] = machine_.counters_[places_[i]].raw;
            return read_status::ok;
        }
        simulated_machine& machine_;
        std::vector<std::size_t> places_;
        std::vector<channel> channels_;
    };

    void schedule(state& s) {
        const double period = static_cast<double>(s.model.period.count());
        const double late = std::uniform_real_distribution<double>(0, s.model.jitter)(random_);
        if (s.next_tick == 0) s.next_tick = static_cast<double>(s.at);
        s.next_tick += period * (1 + late);
    }

    static void accumulate(state& s, std::uint64_t now) noexcept {
        s.joules += s.watts * static_cast<double>(now - s.at) * 1e-9;
        s.at = now;
    }

    void move_to(std::uint64_t now) {
        for (state& s : counters_) {
            while (s.next_tick <= static_cast<double>(now)) {
                accumulate(s, std::max(s.at, static_cast<std::uint64_t>(s.next_tick)));
                const double counts = std::floor(s.joules / s.model.quantum);
                s.shown_joules = counts * s.model.quantum;
                s.raw = s.model.start + static_cast<std::uint64_t>(counts);
                if (s.model.wrap_at != 0) s.raw %= s.model.wrap_at;
                schedule(s);
            }
            accumulate(s, std::max(s.at, now));
        }
        clock_->advance_to(now);
    }

    std::shared_ptr<manual_clock> clock_;
    std::mt19937_64 random_;
    std::vector<state> counters_;
    meter* meter_ = nullptr;
    std::chrono::nanoseconds read_cost_{0};
    std::uint64_t reads_ = 0;
};

}  // namespace testing
}  // namespace v1
}  // namespace joulery
