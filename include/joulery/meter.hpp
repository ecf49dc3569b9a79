// meter.hpp - your own meter, its options and its readings.
// SPDX-License-Identifier: MIT
#pragma once

#include "joulery/backend.hpp"
#include "joulery/carbon/carbon_model.hpp"
#include "joulery/detail/core/config.hpp"
#include "joulery/detail/core/list.hpp"
#include "joulery/detail/timing/time_source.hpp"
#include "joulery/quality.hpp"
#include "joulery/report.hpp"
#include "joulery/scope.hpp"
#include "joulery/units.hpp"

#include <algorithm>
#include <chrono>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

namespace joulery {
inline namespace v1 {

/// What a meter counted between two readings.
///
/// Thread: a value. Cost: a list of numbers. Fails: only without memory.
class reading_difference {
 public:
    reading_difference(std::vector<energy> by_channel, std::vector<bool> summed, seconds time,
                       quality provenance)
        : by_channel_(std::move(by_channel)),
          summed_(std::move(summed)),
          time_(time),
          provenance_(provenance) {}

    /// Sum over the channels that are roots of the domain tree.
    [[nodiscard]] energy total() const noexcept {
        energy sum;
        for (std::size_t i = 0; i < by_channel_.size(); ++i)
            if (summed_[i]) sum += by_channel_[i];
        return sum;
    }
    /// Joules of each channel, in the order of the meter's channels.
    [[nodiscard]] const std::vector<energy>& by_channel() const noexcept { return by_channel_; }
    [[nodiscard]] seconds time() const noexcept { return time_; }
    /// Total over time; 0 W where no time passed.
    [[nodiscard]] power mean_power() const noexcept {
        return time_.count() > 0 ? total() / time_ : power{};
    }
    [[nodiscard]] quality provenance() const noexcept { return provenance_; }

 private:
    std::vector<energy> by_channel_;
    std::vector<bool> summed_;
    seconds time_;
    quality provenance_;
};

/// The state of a meter's channels at one moment; only differences of readings have a meaning.
///
/// Thread: a value. Cost: a list of numbers. Fails: only without memory.
///
///     reading a = m.read();
///     work();
///     energy e = (m.read() - a).total();
class reading {
 public:
    reading() = default;
    reading(std::vector<double> joules, std::vector<bool> summed, double at_seconds,
            quality provenance)
        : joules_(std::move(joules)),
          summed_(std::move(summed)),
          at_seconds_(at_seconds),
          provenance_(provenance) {}

    /// For readings of different meters: compares the channels that both have, in order.
    friend reading_difference operator-(const reading& later, const reading& earlier) {
        const std::size_t n = std::min(later.joules_.size(), earlier.joules_.size());
        std::vector<energy> by_channel(n);
        for (std::size_t i = 0; i < n; ++i)
            by_channel[i] = energy::from_joules(later.joules_[i] - earlier.joules_[i]);
        return {std::move(by_channel),
                std::vector<bool>(later.summed_.begin(),
                                  later.summed_.begin() + static_cast<std::ptrdiff_t>(n)),
                seconds(later.at_seconds_ - earlier.at_seconds_),
                worse_of(later.provenance_, earlier.provenance_)};
    }

 private:
    std::vector<double> joules_;
    std::vector<bool> summed_;
    double at_seconds_ = 0;
    quality provenance_ = quality::measured;
};

namespace testing {
struct access;
}  // namespace testing

namespace detail {
class engine;
class meter_core;
class process_meter;
struct thread_cursor;
}  // namespace detail

/// Meter settings, all optional; the defaults suit most programs.
///
///     options o;
///     o.run_name = "resnet-50, fp16";
///     o.reports = {"-", "run.json"};
///     joulery::start(std::move(o));
struct options {
    std::string run_name;
    /// The backends to read; empty: those of this machine, or those named by JOULERY_BACKENDS.
    /// `no_backends()`: none; the report then has times and no energy.
    std::vector<std::unique_ptr<backend>> backends;
    std::chrono::nanoseconds period{};  ///< between two samples; 0: each backend's own
    /// The largest share of a scope's time that its edge reads, or timing it, may take. Of shorter
    /// scopes only some calls, drawn at random, are timed (`scope_row::untimed_calls`).
    double overhead_budget = 0.01;
    joulery::attribution attribution = joulery::attribution::shared;
    carbon_model carbon;
    /// "-" (table on stderr), "run.json", ...; written at stop. %p, %h and %r stand for the process
    /// id, the host and the run; names are relative to the folder in which the run starts. If
    /// another running process writes to the same file, this run adds its process id to the name.
    std::vector<std::string> reports;
    /// How often the files are also written while the process-wide meter runs; a killed process
    /// loses at most that much. 0: never.
    std::chrono::nanoseconds checkpoint = std::chrono::seconds(10);
    /// Called every `interval` with what the run used in it, and once more when the run ends, from
    /// a thread of the library. Exceptions are dropped and counted in the report's warnings. A call
    /// that does not return blocks no scope, and delays the end of the run by at most a second.
    std::function<void(const interval_report&)> on_interval;
    /// Time between two such calls, and between two lines of a `.jsonl` report. 0: as `checkpoint`.
    std::chrono::nanoseconds interval{};
    /// The number of scope calls kept for the trace, per thread; further calls are only counted. 0:
    /// none. Recording takes scopes off the fast path: a short scope costs some 100 ns more.
    std::size_t record_slices = 0;
    /// Records every call of every scope, for percentiles (`scope_row::call_time`). Spans, and
    /// scopes long enough to be read at their edges, have percentiles anyway. It takes the other
    /// scopes off the fast path: a short one costs some 100 ns more.
    bool percentiles = false;
    /// One progress line on stderr while the process-wide meter runs, if stderr is a terminal.
    bool live = false;
    /// The idle power of the summed channels, as known or as measured by `measure_idle_power`. The
    /// report then splits each scope's joules into idle and active. 0: no split.
    power idle_power;
    std::vector<std::string> warnings;  ///< for the report, from opening the backends

 private:
    friend struct testing::access;
    friend class detail::engine;
    friend class detail::meter_core;
    std::shared_ptr<time_source> clock_;     // null: the processor's tick counter
    double scope_ticks_ = -1;                // cost of timing a scope; negative: is measured
    std::function<double()> process_share_;  // 0 to 1, since the last call; empty: processor time
};

/// For `options::backends`: read nothing.
///
/// Thread: any. Cost: an allocation. Fails: only without memory.
///
///     options o;
///     o.backends = no_backends();
[[nodiscard]] JOULERY_DECL std::vector<std::unique_ptr<backend>> no_backends();

/// Measures from its construction to its destruction: backends, one sampler thread for each, and
/// the scopes opened in it.
///
/// Thread: every member from any thread. Cost: a thread per backend, which sleeps except for about
///         ten reads a second.
/// Fails:  never; a backend that can't be read is in the report, with the reason.
///
///     meter m{std::move(options)};
///     reading a = m.read(); work(); energy e = (m.read() - a).total();
///     { joulery::scope s{m, "name"}; work(); }   report r = m.snapshot();
class meter final : public scope_owner {
 public:
    JOULERY_DECL explicit meter(options o = {});
    meter(const meter&) = delete;
    meter& operator=(const meter&) = delete;
    JOULERY_DECL ~meter();

    /// The current state of all channels. Reads each backend once; a channel that fails keeps its
    /// last state, and so do all channels in a forked child.
    [[nodiscard]] JOULERY_DECL reading read();

    /// Everything up to this call, including open scopes.
    [[nodiscard]] JOULERY_DECL report snapshot();

    /// The channels of all backends; every list by channel has this order.
    [[nodiscard]] JOULERY_DECL std::vector<channel> channels() const;
    [[nodiscard]] JOULERY_DECL const options& settings() const noexcept;

 private:
    friend struct testing::access;
    friend class detail::process_meter;
    // Inline, so that two files may contain the implementation.
    [[nodiscard]] detail::thread_cursor* cursor_of_this_thread() noexcept override {
        return find_cursor();
    }
    [[nodiscard]] JOULERY_DECL detail::thread_cursor* find_cursor() noexcept;
    const std::unique_ptr<detail::meter_core> core_;
};

}  // namespace v1
}  // namespace joulery

#ifdef JOULERY_IMPLEMENTATION

#include "joulery/detail/session/choose_backends.hpp"
#include "joulery/detail/session/environment.hpp"
#include "joulery/detail/session/meter_core.hpp"

namespace joulery {
inline namespace v1 {

namespace detail {

/// Reads nothing; a meter drops backends without channels.
class no_backend final : public backend {
 public:
    [[nodiscard]] std::string_view name() const noexcept override { return "none"; }
    [[nodiscard]] const std::vector<channel>& channels() const noexcept override {
        return channels_;
    }
    read_status read(counter_span) noexcept override { return read_status::ok; }

 private:
    std::vector<channel> channels_;
};

/// Options of a program's own meter; adds the machine's backends if none were given.
inline options with_backends(options o) {
    if (o.backends.empty()) {
        options of_the_session;
        const environment env = apply_environment(of_the_session);
        if (env.off)
            o.warnings.emplace_back("measuring is switched off by JOULERY=off");
        else
            (void)choose_backends(o, env);
    }
    const auto empty = [](const auto& b) { return b == nullptr || b->channels().empty(); };
    erase_from(o.backends, empty);
    return o;
}

}  // namespace detail

JOULERY_DECL std::vector<std::unique_ptr<backend>> no_backends() {
    std::vector<std::unique_ptr<backend>> one;
    one.push_back(std::make_unique<detail::no_backend>());
    return one;
}

JOULERY_DECL meter::meter(options o)
    : core_(std::make_unique<detail::meter_core>(detail::with_backends(std::move(o)))) {}
JOULERY_DECL meter::~meter() = default;
JOULERY_DECL reading meter::read() { return core_->read(); }
JOULERY_DECL report meter::snapshot() { return core_->snapshot(); }
JOULERY_DECL std::vector<channel> meter::channels() const { return core_->channels(); }
JOULERY_DECL const options& meter::settings() const noexcept { return core_->settings(); }
JOULERY_DECL detail::thread_cursor* meter::find_cursor() noexcept {
    return core_->cursor_of_this_thread();
}

}  // namespace v1
}  // namespace joulery

#endif
