// lead_in.hpp - the power just before a scope begins.
// SPDX-License-Identifier: MIT
#pragma once

#include "joulery/detail/attribution/interval.hpp"
#include "joulery/detail/timing/path_table.hpp"
#include "joulery/detail/timing/thread_context.hpp"

#include <algorithm>
#include <cstddef>
#include <unordered_map>
#include <vector>

namespace joulery {
inline namespace v1 {
namespace detail {

/// Finds the power that was drawn just before a scope begins, where several scopes took turns there
/// and nobody knows which was the last. A read at the edge shows a value of a known age; what was
/// used since then shows as if the scope had used it. So a scope's calls show the more the older
/// the value was, by just that power: a regression on length and age tells both powers.
///
/// Units: ticks, joules, joules per tick. Thread: not synchronised. Cost: a few operations a call.
/// Fails: never; from few or too varied calls the guess is what comes out.
class lead_in {
 public:
    struct power {
        double mean, variance;
        double calls;  ///< it is known from: what it is off, it is off for all of them
        double noise;  ///< variance of one call's joules that neither power explains
    };

    /// One call: its length, the age of the value at its begin, what was counted since that value.
    void add(double length, double age, double joules) noexcept {
        for (double* sum : {&calls_, &ll_, &la_, &aa_, &lj_, &aj_, &jj_}) *sum *= memory;
        calls_ += 1;
        ll_ += length * length;
        la_ += length * age;
        aa_ += age * age;
        lj_ += length * joules;
        aj_ += age * joules;
        jj_ += joules * joules;
    }

    /// The power, which before any call was taken to be `guess`, give or take `spread`.
    [[nodiscard]] power given(double guess, double spread) const noexcept {
        const double prior = 1 / std::max(spread * spread, 1e-300);
        if (calls_ < 4 || ll_ <= 0) return {guess, 1 / prior, 1, 1e300};
        const double ages = aa_ - la_ * la_ / ll_;  // of the ages, what the lengths don't explain
        const double pull = aj_ - la_ * lj_ / ll_;
        if (ages <= 1e-9 * aa_) return {guess, 1 / prior, 1, 1e300};
        const double rest = jj_ - lj_ * lj_ / ll_ - pull * pull / ages;
        const double noise = std::max(rest / (calls_ - 2), 1e-12 * jj_ / calls_);
        const double weight = ages / noise;
        return {std::max((guess * prior + pull / noise) / (prior + weight), 0.0),
                1 / (prior + weight), calls_, noise};
    }

 private:
    static constexpr double memory = 0.99;  ///< of each call at the next: programs change
    double calls_ = 0, ll_ = 0, la_ = 0, aa_ = 0, lj_ = 0, aj_ = 0, jj_ = 0;
};

/// A stretch is sure to be one scope's where it is longer than this many updates of the counter.
inline constexpr double updates_of_certainty = 8;

/// The lead-ins of all paths of a source that are read at their edges. Memory: grows with these.
class lead_ins {
 public:
    explicit lead_ins(std::size_t channels) : channels_(channels) {}

    [[nodiscard]] lead_in& of(const path_record* path, std::size_t c) {
        std::vector<lead_in>& all = all_[path];
        all.resize(channels_);
        return all[c];
    }

    /// At each close: learns from the stretch that is over, if a path began it with a read and ran
    /// through, and remembers the one that `begins` now, if a path does.
    void follow(tree_mark& m, std::size_t c, const interval& stretch, double period,
                const led_begin& begins) {
        led_begin& led = m.led[c];
        const auto length = static_cast<double>(stretch.now() - led.at);
        const bool own = led.path != nullptr && encloses(led.path, stretch.container());
        if (own && length >= updates_of_certainty * period)
            of(led.path, c).add(length, led.age, m.joules[c] - led.joules);
        // Scopes that begin one in another, within no time, have the same lead-in.
        if (own && length < period / 100) return;
        led = begins;
    }

 private:
    std::size_t channels_;
    std::unordered_map<const path_record*, std::vector<lead_in>> all_;
};

}  // namespace detail
}  // namespace v1
}  // namespace joulery
