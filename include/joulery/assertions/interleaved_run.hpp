// interleaved_run.hpp - runs pieces of code in turns until their cost is known.
// SPDX-License-Identifier: MIT
#pragma once

#include "joulery/assertions/counter_edges.hpp"
#include "joulery/assertions/measurement.hpp"
#include "joulery/assertions/quiet_machine.hpp"
#include "joulery/assertions/statistics.hpp"
#include "joulery/detail/core/config.hpp"
#include "joulery/detail/session/engine.hpp"
#include "joulery/meter.hpp"
#include "joulery/testing/access.hpp"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <string>
#include <type_traits>
#include <vector>

namespace joulery {
inline namespace v1 {
namespace testing {

/// Prevents the compiler from removing the computation of `value` and earlier stores to memory.
///
/// Cost: none, or a store of the value. Thread: any.
///
///     for (int i = 0; i < n; ++i) do_not_optimize(net.infer(x));
template <class T>
JOULERY_INLINE void do_not_optimize(const T& value) noexcept {
#if defined(__GNUC__) || defined(__clang__)
    asm volatile("" : : "g"(&value) : "memory");
#else
    static const volatile void* volatile seen;
    seen = &value;
#endif
}

namespace detail {

/// Calls `fn` and uses its result, if there is one.
template <class Callable>
JOULERY_INLINE void call_and_use(Callable& fn) {
    if constexpr (std::is_void_v<decltype(fn())>) {
        fn();
#if defined(__GNUC__) || defined(__clang__)
        asm volatile("" : : : "memory");
#endif
    } else {
        do_not_optimize(fn());
    }
}

}  // namespace detail

namespace detail {

/// Refers to a callable that runs many times in a row, with one call through a pointer per batch.
/// Does not own it.
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

/// The number of measurements in progress in this process, and of those started so far.
inline std::atomic<unsigned> measuring_now{0};
inline std::atomic<std::uint64_t> measured_so_far{0};

}  // namespace detail

/// Runs up to two pieces of code in turns, A B A B, one batch each, so that drift affects both.
/// First it finds the number of calls that fill a batch, which also is the warm-up. The whole run
/// takes `max_time`, unless a single call takes longer.
///
/// An exception of the code passes through.
class interleaved_run {
 public:
    struct part {
        detail::batch_ref code;
        std::uint64_t calls = 0;  ///< in a batch; 0: not known yet
        std::vector<energy_batch> batches;
    };

    interleaved_run(meter& m, const measure_options& o)
        : quiet_(!access::engine_of(m).clock().is_manual()), meter_(m), options_(o), edges_(m) {
        options_.max_time = quiet_.grant(o.max_time);
        others_ = detail::measuring_now.fetch_add(1) > 0;
        started_ = detail::measured_so_far.fetch_add(1) + 1;
        began_ = now();
    }
    interleaved_run(const interleaved_run&) = delete;
    interleaved_run& operator=(const interleaved_run&) = delete;
    ~interleaved_run() { detail::measuring_now.fetch_sub(1); }

    /// If `calls` is set, batches have that size and the search is skipped.
    void add(detail::batch_ref code, std::uint64_t calls = 0) {
        parts_.push_back({code, calls, {}});
    }

    /// Until `is_precise()` (asked after `min_batches`) or the time is over.
    template <class Precise>
    void run(Precise is_precise) {
        for (part& p : parts_) {
            if (p.calls == 0) find_calls(p);
            if (timeless_) return;
        }
        for (double round = keep_first_calls(); !precise_ && has_time_for(round);) {
            const double before = now();
            for (part& p : parts_) p.batches.push_back(batch(p, p.calls));
            precise_ = parts_.front().batches.size() >= options_.min_batches && is_precise();
            round = now() - before;
        }
    }

    [[nodiscard]] const part& operator[](std::size_t i) const noexcept { return parts_[i]; }
    [[nodiscard]] const measure_options& options() const noexcept { return options_; }
    /// False if the program's time for measuring is used up.
    [[nodiscard]] bool has_time() const noexcept { return options_.max_time.count() > 0; }
    [[nodiscard]] bool precise() const noexcept { return precise_; }
    /// Whether the code takes no time on the meter's clock.
    [[nodiscard]] bool timeless() const noexcept { return timeless_; }
    [[nodiscard]] quality provenance() const noexcept { return provenance_; }
    [[nodiscard]] const counter_edges& edges() const noexcept { return edges_; }
    /// What else drew power during the run; empty: nothing known.
    [[nodiscard]] std::string disturbance() const {
        if (others_ || detail::measured_so_far.load() != started_)
            return "another measurement ran at the same time; its energy is included";
        return quiet_.disturbance(spent());
    }
    /// Seconds of the first part's last batch.
    [[nodiscard]] seconds last_time() const noexcept { return last_time_; }

 private:
    using steady = std::chrono::steady_clock;

    [[nodiscard]] double now() const noexcept { return access::engine_of(meter_).elapsed(); }
    [[nodiscard]] double spent() const noexcept { return now() - began_; }
    [[nodiscard]] double max_seconds() const noexcept { return seconds(options_.max_time).count(); }
    [[nodiscard]] bool has_time_for(double round) const noexcept {
        const std::size_t n = parts_.front().batches.size();
        return n == 0 || (n < most_batches && spent() + round <= max_seconds());
    }
    // If the first call of one part counts, each part has a first batch. Its length in seconds, or
    // 0.
    double keep_first_calls() {
        const auto has_batch = [](const part& p) { return !p.batches.empty(); };
        if (std::none_of(parts_.begin(), parts_.end(), has_batch)) return 0;
        double round = 0;
        for (part& p : parts_) {
            if (p.batches.empty()) p.batches.push_back(batch(p, p.calls));
            round += p.batches.front().time.count();
        }
        return round;
    }
    // The search may take a tenth of the time, and ten batches of each part must fit into the rest.
    [[nodiscard]] double batch_seconds() const noexcept {
        if (options_.batch_time.count() > 0) return seconds(options_.batch_time).count();
        const double wanted = std::max(20 * edges_.slowest_update(), 0.02);
        return std::min(wanted, max_seconds() / (12 * static_cast<double>(parts_.size())));
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

    /// The first call is measured and counts if there is no time for many more.
    void find_calls(part& p) {
        const energy_batch first = batch(p, 1);
        const double most = max_seconds() / (8 * static_cast<double>(parts_.size()));
        p.calls = 1;
        if (first.time.count() >= most) {
            p.batches.push_back(first);
            return;
        }
        const auto began = steady::now();
        double warm = first.time.count();
        p.calls = options_.batch_calls > 0 ? options_.batch_calls : 1;
        const double target = batch_seconds();
        const double enough = std::min(seconds(options_.warm_up).count(), most);
        for (bool filled = false; !filled || warm < enough;) {
            const double start = now();
            p.code(p.calls);
            const double took = now() - start;
            warm += took;
            timeless_ = took <= 0 && (steady::now() - began > std::chrono::milliseconds(250) ||
                                      p.calls >= most_calls || options_.batch_calls > 0);
            if (timeless_) return;
            if (options_.batch_calls == 0) adjust(p.calls, target, took);
            filled = took >= target * 0.8 || options_.batch_calls > 0;
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

    quiet_machine quiet_;  // first: waits for the other processes
    meter& meter_;
    measure_options options_;
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
