// interleaved_run.hpp - runs pieces of code in turns, batch by batch, until it is
// known what they cost. SPDX-License-Identifier: MIT
#pragma once

#include "joulery/assertions/counter_edges.hpp"
#include "joulery/assertions/do_not_optimize.hpp"
#include "joulery/assertions/measure_options.hpp"
#include "joulery/assertions/measurement.hpp"
#include "joulery/assertions/statistics.hpp"
#include "joulery/detail/session/engine.hpp"
#include "joulery/meter.hpp"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace joulery {
inline namespace v1 {
namespace testing {

namespace detail {

/// A callable of the caller's, to be called many times in a row without a call through a pointer
/// each. It does not own it.
struct batch_ref {
    template <class Callable>
    static batch_ref to(Callable& fn) noexcept {
        return {const_cast<void*>(static_cast<const void*>(&fn)),
                [](void* at, std::uint64_t calls) {
                    Callable& code = *static_cast<Callable*>(at);
                    for (std::uint64_t i = 0; i < calls; ++i) call_and_use(code);
                }};
    }
    void operator()(std::uint64_t calls) const { run(object, calls); }
    void* object;
    void (*run)(void*, std::uint64_t);
};

/// How many measurements are under way in this process, and how many began so far.
inline std::atomic<unsigned> measuring_now{0};
inline std::atomic<std::uint64_t> measured_so_far{0};

}  // namespace detail

/// Runs up to two pieces of code in turns: A B A B, a batch each, so that whatever drifts meets
/// both. First it finds out how many calls fill a batch, which is the warm-up too.
///
/// An exception of the code passes through.
class interleaved_run {
 public:
    struct part {
        detail::batch_ref code;
        std::uint64_t calls = 0;  ///< in a batch; 0: not known yet
        std::vector<energy_batch> batches;
    };

    interleaved_run(meter& m, const measure_options& o) : meter_(m), options_(o), edges_(m) {
        others_ = detail::measuring_now.fetch_add(1) > 0;
        started_ = detail::measured_so_far.fetch_add(1) + 1;
        began_ = now();
    }
    interleaved_run(const interleaved_run&) = delete;
    interleaved_run& operator=(const interleaved_run&) = delete;
    ~interleaved_run() { detail::measuring_now.fetch_sub(1); }

    /// With `calls` the batch is that large and is not tried out.
    void add(detail::batch_ref code, std::uint64_t calls = 0) {
        parts_.push_back({code, calls, {}});
    }

    /// Until `is_precise()` (asked from `min_batches` on) or the time is up.
    template <class Precise>
    void run(Precise is_precise) {
        for (part& p : parts_) {
            if (p.calls == 0) find_calls(p);
            if (timeless_) return;
        }
        if (std::any_of(parts_.begin(), parts_.end(), [&](const part& p) { return is_long(p); })) {
            for (part& p : parts_)
                if (p.batches.empty()) p.batches.push_back(batch(p, p.calls));
            return;
        }
        while (!precise_ && !is_time_up()) {
            for (part& p : parts_) p.batches.push_back(batch(p, p.calls));
            precise_ = parts_.front().batches.size() >= options_.min_batches && is_precise();
        }
    }

    [[nodiscard]] const part& operator[](std::size_t i) const noexcept { return parts_[i]; }
    [[nodiscard]] bool precise() const noexcept { return precise_; }
    /// The code takes no time on the meter's clock.
    [[nodiscard]] bool timeless() const noexcept { return timeless_; }
    [[nodiscard]] quality provenance() const noexcept { return provenance_; }
    [[nodiscard]] const counter_edges& edges() const noexcept { return edges_; }
    /// Whether the energy of another measurement is in this one's.
    [[nodiscard]] bool had_company() const noexcept {
        return others_ || detail::measured_so_far.load() != started_;
    }
    /// Seconds of the last batch of the first part.
    [[nodiscard]] seconds last_time() const noexcept { return last_time_; }

 private:
    using steady = std::chrono::steady_clock;

    [[nodiscard]] double now() const noexcept { return meter_.machinery().elapsed(); }
    [[nodiscard]] double max_seconds() const noexcept { return seconds(options_.max_time).count(); }
    [[nodiscard]] bool is_long(const part& p) const noexcept {
        return !p.batches.empty() && p.batches.front().time.count() >= max_seconds();
    }
    [[nodiscard]] double batch_seconds() const noexcept {
        if (options_.batch_time.count() > 0) return seconds(options_.batch_time).count();
        const double wanted = std::max(20 * edges_.slowest_update(), 0.02);
        return std::min(wanted, max_seconds() / 10);
    }
    [[nodiscard]] bool is_time_up() const noexcept {
        const std::size_t n = parts_.front().batches.size();
        const double spent = now() - began_;
        if (n == 0) return false;
        return n >= most_batches || spent >= (n < 3 ? 2 : 1) * max_seconds();
    }

    energy_batch batch(const part& p, std::uint64_t calls) {
        const dated_reading a = edges_.before();
        p.code(calls);
        const dated_reading b = edges_.after();
        const dated_difference d = edges_.between(a, b);
        provenance_ = worse_of(provenance_, d.provenance);
        if (&p == &parts_.front()) last_time_ = d.time;
        return {d.used, d.time, d.resolution};
    }

    /// The first call is measured: where it takes all the time there is, it is the measurement.
    void find_calls(part& p) {
        const energy_batch first = batch(p, 1);
        p.calls = 1;
        if (first.time.count() >= max_seconds()) {
            p.batches.push_back(first);
            return;
        }
        const auto began = steady::now();
        double warm = 0;
        p.calls = options_.batch_calls > 0 ? options_.batch_calls : 1;
        for (const double target = batch_seconds();;) {
            const double start = now();
            p.code(p.calls);
            const double took = now() - start;
            warm += took;
            timeless_ = took <= 0 && (steady::now() - began > std::chrono::milliseconds(250) ||
                                      p.calls >= most_calls || options_.batch_calls > 0);
            if (timeless_) return;
            if (options_.batch_calls == 0) adjust(p.calls, target, took);
            const bool filled = options_.batch_calls > 0 || took >= target * 0.8;
            if (filled && warm >= seconds(options_.warm_up).count()) return;
            if (filled && warm >= max_seconds() / 4) return;
        }
    }

    static void adjust(std::uint64_t& calls, double target, double took) noexcept {
        if (took >= target * 0.8 && took <= target * 1.5) return;
        const double factor = took > 0 ? std::min(target / took, 10.0) : 10.0;
        const double wanted = std::ceil(static_cast<double>(calls) * factor);
        calls =
            static_cast<std::uint64_t>(std::clamp(wanted, 1.0, static_cast<double>(most_calls)));
    }

    static constexpr std::size_t most_batches = 10'000;
    static constexpr std::uint64_t most_calls = std::uint64_t{1} << 40;

    meter& meter_;
    const measure_options& options_;
    counter_edges edges_;
    std::vector<part> parts_;
    quality provenance_ = quality::measured;
    seconds last_time_{};
    double began_ = 0;
    bool precise_ = false;
    bool timeless_ = false;
    bool others_ = false;
    std::uint64_t started_ = 0;
};

}  // namespace testing
}  // namespace v1
}  // namespace joulery
