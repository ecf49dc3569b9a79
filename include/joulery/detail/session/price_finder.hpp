// price_finder.hpp - decides when the prices of tasks are updated, for spans that end.
// SPDX-License-Identifier: MIT
#pragma once

#include "joulery/detail/core/catch_bad_alloc.hpp"
#include "joulery/detail/timing/path_table.hpp"
#include "joulery/detail/timing/time_source.hpp"

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <functional>
#include <mutex>
#include <utility>

namespace joulery {
inline namespace v1 {
namespace detail {

/// Updates prices once there are spans: after samples, and when a long span ends.
///
/// Thread: any; a thread that comes while another updates uses the current prices.
/// Fails:  without memory the prices stay as they were.
class price_finder {
 public:
    explicit price_finder(span_rates& rates) noexcept : rates_(rates) {}

    /// From now on there are spans.
    void expect_spans() noexcept { expected_.store(true, std::memory_order_relaxed); }

    /// Sets the function that finds prices; `read`: read the counters first. Null: no more updates.
    void find_by(std::function<void(bool read)> find) {
        const std::lock_guard<std::mutex> lock(mutex_);
        find_ = std::move(find);
    }

    void find(const time_source& clock, double seconds_per_tick, bool read) {
        const std::unique_lock<std::mutex> lock(mutex_, std::try_to_lock);
        if (!lock.owns_lock() || !find_) return;
        const std::uint64_t begin = clock.now();
        (void)catch_bad_alloc([&] { find_(read); });
        rates_.seconds_per_tick.store(seconds_per_tick, std::memory_order_relaxed);
        rates_.found_in.store(clock.now() - begin, std::memory_order_relaxed);
        rates_.found_at.store(begin, std::memory_order_relaxed);
    }

    /// After samples: less often as the run goes on, and for at most a thousandth of the time.
    void find_if_due(const time_source& clock, std::uint64_t begun, double seconds_per_tick) {
        if (!expected_.load(std::memory_order_relaxed)) return;
        const std::uint64_t now = clock.now();
        const auto since_found = static_cast<double>(now - rates_.found_at.load());
        const double lived = static_cast<double>(now - begun) * seconds_per_tick;
        if (since_found > 1000 * static_cast<double>(rates_.found_in.load()) &&
            since_found * seconds_per_tick >= std::clamp(lived / 8, 0.1, 10.0))
            find(clock, seconds_per_tick, false);
    }

 private:
    span_rates& rates_;
    std::atomic<bool> expected_{false};
    std::mutex mutex_;
    std::function<void(bool)> find_;
};

}  // namespace detail
}  // namespace v1
}  // namespace joulery
