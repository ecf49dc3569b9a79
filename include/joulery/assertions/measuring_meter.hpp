// measuring_meter.hpp - the meter of a test program, and its joules over time.
// SPDX-License-Identifier: MIT
#pragma once

#include "joulery/detail/core/config.hpp"
#include "joulery/meter.hpp"

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <cstddef>
#include <mutex>
#include <thread>
#include <vector>

namespace joulery {
inline namespace v1 {
namespace testing {

/// Reads the backends of the machine; `JOULERY_BACKENDS`, `JOULERY_SYSROOT` and the carbon
/// variables apply. Separate from the session, so that measuring adds nothing to the program's
/// report.
///
/// Thread: any. Cost: at the first call, opening the backends. Never destroyed.
[[nodiscard]] JOULERY_EXPORT JOULERY_DECL meter& measuring_meter();

}  // namespace testing

namespace testing {

/// For tools that report only afterwards when something ran: a thread records the total every few
/// milliseconds, `between` interpolates.
///
/// Thread: any. Cost: 200 reads a second, and 16 bytes for each.
/// Fails:  a query that begins before the first record counts from the first record.
///
///     energy_timeline t{m};
///     auto begin = steady_clock::now(); work(); auto end = steady_clock::now();
///     energy e = t.between(begin, end);
class energy_timeline {
 public:
    using clock = std::chrono::steady_clock;

    explicit energy_timeline(meter& m) : meter_(m), first_(m.read()) {
        note();
        thread_ = std::thread([this] { run(); });
    }
    energy_timeline(const energy_timeline&) = delete;
    energy_timeline& operator=(const energy_timeline&) = delete;
    ~energy_timeline() {
        {
            const std::lock_guard<std::mutex> lock(mutex_);
            stopping_ = true;
        }
        changed_.notify_all();
        thread_.join();
    }

    [[nodiscard]] energy between(clock::time_point begin, clock::time_point end) {
        note();
        const std::lock_guard<std::mutex> lock(mutex_);
        return energy::from_joules(joules_at(end) - joules_at(begin));
    }
    [[nodiscard]] quality provenance() const { return (meter_.read() - first_).provenance(); }
    [[nodiscard]] meter& source() const noexcept { return meter_; }

    static constexpr std::chrono::milliseconds period{5};

 private:
    struct point {
        clock::time_point at;
        double joules;
    };

    void run() {
        std::unique_lock<std::mutex> lock(mutex_);
        while (!changed_.wait_for(lock, period, [this] { return stopping_; })) {
            lock.unlock();
            note();
            lock.lock();
        }
    }

    // The records are in time order: reading and recording are one step.
    void note() {
        const std::lock_guard<std::mutex> noting(noting_);
        const double joules = (meter_.read() - first_).total().joules();
        const point p{clock::now(), joules};
        const std::lock_guard<std::mutex> lock(mutex_);
        points_.push_back(p);
    }

    [[nodiscard]] double joules_at(clock::time_point t) const {
        const auto after =
            std::lower_bound(points_.begin(), points_.end(), t,
                             [](const point& p, clock::time_point x) { return p.at < x; });
        if (after == points_.begin()) return points_.front().joules;
        if (after == points_.end()) return points_.back().joules;
        const point& a = *(after - 1);
        const double share = seconds(t - a.at) / seconds(after->at - a.at);
        return a.joules + share * (after->joules - a.joules);
    }

    meter& meter_;
    const reading first_;
    std::mutex noting_;
    std::mutex mutex_;
    std::condition_variable changed_;
    std::vector<point> points_;
    bool stopping_ = false;
    std::thread thread_;
};

}  // namespace testing
}  // namespace v1
}  // namespace joulery

#ifdef JOULERY_IMPLEMENTATION
#include "joulery/detail/session/choose_backends.hpp"
#include "joulery/detail/session/environment.hpp"

#include <utility>

namespace joulery {
inline namespace v1 {
namespace testing {
namespace detail {

[[nodiscard]] inline options measuring_options() {
    options o;
    const v1::detail::environment env = v1::detail::apply_environment(o);
    if (env.off) {
        o.warnings.emplace_back("measuring is switched off by JOULERY=off");
        return o;
    }
    (void)v1::detail::choose_backends(o, env);
    return o;
}

}  // namespace detail

JOULERY_DECL meter& measuring_meter() {
    static meter* const only = new meter(detail::measuring_options());  // NOLINT: leaked on purpose
    return *only;
}

}  // namespace testing
}  // namespace v1
}  // namespace joulery

#endif  // JOULERY_IMPLEMENTATION
