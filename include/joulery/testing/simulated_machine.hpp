// simulated_machine.hpp - a machine whose true power is known at every moment.
// SPDX-License-Identifier: MIT
#pragma once

#include "joulery/backend.hpp"
#include "joulery/meter.hpp"
#include "joulery/testing/access.hpp"
#include "joulery/testing/manual_clock.hpp"
#include "joulery/testing/simulated_counter.hpp"
#include "joulery/units.hpp"

#include <algorithm>
#include <chrono>
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

/// A simulated machine: it draws a known power, its counters are updated, and the attached meter
/// samples when it is due. No threads, no waiting, reproducible. Its sensors may lag, stall or show
/// power, its power may be noisy, its reads slow.
///
/// Thread: one. Cost: some operations per update of a counter. Fails: never.
///
///     simulated_machine machine;
///     options o = machine.options_with({simulated_counter{}});
///     meter m{std::move(o)};  machine.attach(m);
///     machine.draw(150_W);  { joulery::scope s{m, "work"};  machine.run(20ms); }
class simulated_machine {
 public:
    explicit simulated_machine(std::uint64_t seed = 1)
        : clock_(std::make_shared<manual_clock>()), seed_(seed), random_(seed) {}

    /// Options for a meter on this machine's clock, with one backend that has these counters.
    [[nodiscard]] options options_with(const std::vector<simulated_counter>& counters) {
        options o;
        access::set_clock(o, clock_);
        o.backends.push_back(make_backend(counters));
        return o;
    }

    [[nodiscard]] std::unique_ptr<backend> make_backend(
        const std::vector<simulated_counter>& counters) {
        auto made = std::make_unique<counters_backend>(*this);
        for (const simulated_counter& c : counters) {
            made->places_.push_back(counters_.size());
            counters_.emplace_back(c, static_cast<double>(clock_->now()), random_);
            drawn_.push_back(0);
            made->channels_.push_back(counters_.back().description());
            apply_noises();
        }
        return made;
    }

    /// The meter that this machine drives. It must outlive the next `run`.
    void attach(meter& m) noexcept { meter_ = &m; }
    void detach() noexcept { meter_ = nullptr; }

    /// The power of all counters (or of counter `i`) from now on, without noise.
    void draw(power p) noexcept {
        for (double& watts : drawn_) watts = p.watts();
        apply_noises();
    }
    void draw(std::size_t i, power p) noexcept {
        drawn_[i] = p.watts();
        apply_noises();
    }

    /// Adds a noise to the power from now on.
    void disturb(const power_noise& model) {
        noises_.push_back({detail::noise_process(model, seed_ * 1'000'003 + noises_.size()),
                           static_cast<double>(clock_->now())});
        apply_noises();
    }

    /// Lets time pass at the present power: counters are updated, samples are taken.
    void run(std::chrono::nanoseconds time) {
        const std::uint64_t end = clock_->now() + static_cast<std::uint64_t>(time.count());
        while (true) {
            const std::uint64_t due = meter_ != nullptr ? access::next_due(*meter_) : end;
            move_to(std::min(std::max(due, clock_->now()), end));
            if (meter_ != nullptr && due <= clock_->now()) {
                access::sample(*meter_);
                continue;
            }
            if (clock_->now() >= end) return;
        }
    }

    /// True joules of counter `i` since the beginning.
    [[nodiscard]] energy true_energy(std::size_t i = 0) const noexcept {
        return energy::from_joules(counters_[i].joules());
    }
    [[nodiscard]] manual_clock& clock() noexcept { return *clock_; }
    [[nodiscard]] std::shared_ptr<manual_clock> shared_clock() noexcept { return clock_; }
    /// How long a read of the counters takes, inside `backend::read`.
    void reads_take(std::chrono::nanoseconds t) noexcept { read_cost_ = t; }
    [[nodiscard]] std::uint64_t reads() const noexcept { return reads_; }
    /// What counter `i` shows now, in joules since the beginning, as an edge read would see it; for
    /// a gauge, the sum of its watts.
    [[nodiscard]] energy shown(std::size_t i = 0) const noexcept {
        return energy::from_joules(counters_[i].shown_joules());
    }

 private:
    struct running_noise {
        detail::noise_process process;
        double begun;  ///< nanoseconds
        [[nodiscard]] double next_change() const noexcept { return begun + process.next_change(); }
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
                out[i] = machine_.counters_[places_[i]].raw();
            return read_status::ok;
        }
        simulated_machine& machine_;
        std::vector<std::size_t> places_;
        std::vector<channel> channels_;
    };

    void apply_noises() noexcept {
        for (std::size_t i = 0; i < counters_.size(); ++i) {
            double watts = drawn_[i];
            for (const running_noise& n : noises_)
                if (n.process.concerns(i)) watts = n.process.applied_to(watts);
            counters_[i].draw(watts);
        }
    }

    void move_to(std::uint64_t now) {
        const auto end = static_cast<double>(now);
        while (running_noise* next = first_to_change(end)) {
            move_counters_to(next->next_change());
            next->process.change();
            apply_noises();
        }
        move_counters_to(end);
        clock_->advance_to(now);
    }
    running_noise* first_to_change(double before) noexcept {
        running_noise* first = nullptr;
        for (running_noise& n : noises_)
            if (n.next_change() < before &&
                (first == nullptr || n.next_change() < first->next_change()))
                first = &n;
        return first;
    }
    void move_counters_to(double now) {
        for (detail::running_counter& c : counters_) c.advance(now, random_);
    }

    std::shared_ptr<manual_clock> clock_;
    std::uint64_t seed_;
    std::mt19937_64 random_;
    std::vector<detail::running_counter> counters_;
    std::vector<double> drawn_;  ///< watts, of each counter
    std::vector<running_noise> noises_;
    meter* meter_ = nullptr;
    std::chrono::nanoseconds read_cost_{0};
    std::uint64_t reads_ = 0;
};

}  // namespace testing
}  // namespace v1
}  // namespace joulery
