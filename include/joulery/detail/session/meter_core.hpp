// meter_core.hpp - a meter's parts: engine, samplers, reports.
// SPDX-License-Identifier: MIT
#pragma once

#include "joulery/detail/backends/common/hardware_names.hpp"
#include "joulery/detail/core/catch_bad_alloc.hpp"
#include "joulery/detail/core/config.hpp"
#include "joulery/detail/core/list.hpp"
#include "joulery/detail/core/unit_text.hpp"
#include "joulery/detail/metering/domain_tree.hpp"
#include "joulery/detail/report/intervals.hpp"
#include "joulery/detail/session/engine.hpp"
#include "joulery/detail/session/finish_report.hpp"
#include "joulery/detail/session/machine_info.hpp"
#include "joulery/detail/session/observe_channels.hpp"
#include "joulery/detail/session/progress_line.hpp"
#include "joulery/detail/session/progress_reader.hpp"
#include "joulery/detail/session/repeating_call.hpp"
#include "joulery/detail/session/report_builder.hpp"
#include "joulery/detail/session/sampler.hpp"
#include "joulery/detail/session/slow_path.hpp"
#include "joulery/detail/session/span_prices.hpp"
#include "joulery/detail/session/thread_contexts.hpp"
#include "joulery/detail/session/timing_policy.hpp"
#include "joulery/detail/timing/library_section.hpp"
#include "joulery/meter.hpp"
#include "joulery/report.hpp"
#include "joulery/units.hpp"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <utility>
#include <vector>

namespace joulery {
inline namespace v1 {
namespace detail {

/// The implementation behind `meter`, which only forwards to it.
class meter_core {
 public:
    explicit meter_core(options o)
        : options_(std::move(o)),
          id_(next_id()),
          started_(wall_time::now()),
          timeline_(started_),
          machine_(describe_machine()),
          engine_(std::make_shared<engine>(options_, clock_for(options_))) {
        const library_section inside;
        engine_->belong_to(id_);
        install_slow_path();
        check_carbon();
        std::vector<std::size_t> owners;
        for (const auto& s : engine_->backends())
            owners.insert(owners.end(), s->reader.channel_count(), s->reader.index());
        beliefs_ = std::make_unique<domain_beliefs>(channels(), std::move(owners));
        set_summed(beliefs_->tree()->domains);
        engine_->prices().find_by(
            [this](bool read) { span_prices(*engine_, *beliefs_, options_.carbon).find(read); });
        const bool is_played = engine_->clock().is_manual();
        if (!is_played)
            for (const auto& s : engine_->backends()) start_sampler(s);
        if (options_.on_interval)
            intervals_ = std::make_unique<interval_caller>(
                interval_of(options_), [this] { return snapshot(); }, options_.on_interval);
        if (is_played) return;
        const auto latest = std::chrono::steady_clock::now() + first_patience;
        for (const auto& s : samplers_) s->await_first_read(latest);
        if (intervals_) intervals_->start();
        if (options_.carbon.series)
            conversion_ = std::make_unique<repeating_call>(seconds_a_conversion,
                                                           [this] { (void)snapshot(); });
    }
    meter_core(const meter_core&) = delete;
    meter_core& operator=(const meter_core&) = delete;
    ~meter_core() {
        const library_section inside;
        const cancellation_guard whole;
        // A forked child has no such thread to wait for, so it is abandoned.
        if (intervals_) engine_->is_this_process() ? (void)finish() : intervals_->abandon();
        if (!engine_->is_this_process()) (void)conversion_.release();
        conversion_.reset();
        for (auto& s : samplers_) engine_->is_this_process() ? s->stop() : s->abandon();
        if (engine_->is_this_process()) engine_->close_down();
    }

    /// The current state of all channels. Reads each backend once; a channel that fails keeps its
    /// last state, and in a forked child all do.
    [[nodiscard]] reading read() {
        const library_section inside;
        std::vector<double> joules;
        std::vector<bool> summed;
        quality worst = quality::measured;
        const bool here = engine_->is_this_process();
        for (const auto& m : engine_->backends()) {
            if (here) take(*m);
            std::unique_lock<std::mutex> lock(m->reader.state_mutex, std::defer_lock);
            if (here) lock.lock();  // in a forked child a thread of the parent may hold it forever
            for (std::size_t c = 0; c < m->reader.channel_count(); ++c) {
                worst = worse_of(worst, m->reader.channels()[c].provenance);
                joules.push_back(m->reader.joules()[c]);
            }
        }
        const auto domains = here ? beliefs_->update(observe_channels(*engine_), engine_->elapsed())
                                  : beliefs_->tree();
        for (const domain& d : domains->domains) summed.push_back(d.summed);
        return {std::move(joules), std::move(summed), engine_->elapsed(), worst};
    }

    /// Everything up to this call, including open scopes; an empty, partial report if memory runs
    /// out.
    [[nodiscard]] report snapshot() {
        const library_section inside;
        std::optional<report> r;
        (void)catch_bad_alloc([&] { r = whole_report(); });
        if (r) return std::move(*r);
        const std::lock_guard<std::mutex> lock(no_memory_mutex_);
        return std::move(no_memory_);
    }

    /// The last report of the run; the last interval ends with it.
    [[nodiscard]] report finish() {
        const bool tells = intervals_ && engine_->is_this_process();
        if (tells) intervals_->stop_looking();
        report last = snapshot();
        if (tells) intervals_->finish(last);
        return last;
    }

    /// The run as of its last samples, for a status line; reads no counter. Emissions are at the
    /// mean intensity of the run so far.
    [[nodiscard]] progress_figures glance() {
        const library_section inside;
        if (!engine_->is_this_process()) return {};
        progress_figures f = progress_reader(*engine_, *beliefs_->tree()).read();
        const auto now = wall_time::from_unix_seconds(started_.unix_seconds() + f.time.count());
        f.co2e = options_.carbon.of(f.total, started_, now);
        progress_state& p = f.progress;
        p.co2e_per_item = options_.carbon.of(p.per_item, started_, now);
        return f;
    }

    /// The channels of all backends; every list by channel has this order.
    [[nodiscard]] std::vector<channel> channels() const {
        std::vector<channel> all;
        for (const auto& s : engine_->backends())
            all.insert(all.end(), s->reader.channels().begin(), s->reader.channels().end());
        return all;
    }
    [[nodiscard]] const options& settings() const noexcept { return options_; }

    /// On a manual clock: takes the samples that are due. Tests call it after moving time.
    void sample() {
        const library_section inside;
        for (const auto& m : engine_->backends()) {
            if (engine_->clock().now() < m->next_due) continue;
            const std::lock_guard<timed_mutex> lock(m->reader.read_mutex);
            engine_->step(*m);
        }
        engine_->retire_ended();
        engine_->find_prices_if_due();
        const double now = engine_->elapsed();
        const double interval = seconds(interval_of(options_)).count();
        if (intervals_ && interval > 0 && now >= interval_at_ + interval) {
            interval_at_ = now;
            intervals_->tell_now(snapshot());
        }
        if (!options_.carbon.series || now < converted_at_ + seconds(seconds_a_conversion).count())
            return;
        converted_at_ = now;
        (void)snapshot();
    }
    /// On a manual clock: the tick at which the next sample is due.
    [[nodiscard]] std::uint64_t next_due() const noexcept {
        std::uint64_t due = ~std::uint64_t{0};
        for (const auto& m : engine_->backends()) due = std::min(due, m->next_due.load());
        return due;
    }

    /// For `scope`: the calling thread's tree in this meter; null if nothing can be measured.
    [[nodiscard]] thread_cursor* cursor_of_this_thread() noexcept {
        if (!engine_->is_this_process()) return nullptr;
        thread_contexts* trees = contexts_of_this_thread();
        return trees != nullptr ? trees->tree_in(*engine_, id_) : nullptr;
    }

    /// For tests that inspect the engine or simulate several threads.
    [[nodiscard]] engine& machinery() noexcept { return *engine_; }

 private:
    report whole_report() {
        report r;
        fill_context(r.context);
        r.warnings = options_.warnings;
        const auto domains = beliefs_->tree();
        r.warnings.insert(r.warnings.end(), domains->warnings.begin(), domains->warnings.end());
        if (!engine_->is_this_process()) {
            r.provenance = quality::partial;
            r.warnings.emplace_back(
                "this process was forked from the measured one and measures nothing until it calls "
                "joulery::start()");
            return r;
        }
        // One report at a time, so that a later report never knows less than an earlier one.
        const std::lock_guard<std::mutex> lock(reports_mutex_);
        report_builder builder(*engine_, *beliefs_, r);
        builder.build();
        published_.keep(r, builder.paths(), engine_->policy() != attribution::inclusive);
        for (const std::size_t row : builder.recorded_rows()) set_percentiles(r.scopes[row]);
        if (intervals_ && intervals_->failures() > 0)
            r.warnings.push_back("options.on_interval threw, in " +
                                 std::to_string(intervals_->failures()) + " calls");
        // The length of a tick becomes more accurate during the run; the published duration never
        // falls.
        duration_ = std::max(duration_, seconds(engine_->elapsed()));
        r.context.duration = duration_;
        split_idle(r, options_.idle_power, engine_->policy(), builder.own_share());
        r.overhead.joules = joules_of_measuring(r, engine_->policy(), builder.taken_for_edges());
        r.overhead.joules = std::min(r.overhead.joules, r.unscoped);
        add_scope_cost(r, engine_->scope_ticks() * engine_->tick_seconds(),
                       options_.overhead_budget);
        add_emissions(r);
        r.runs.push_back(span_of(r));
        return r;
    }

    static report report_without_memory() {
        report r;
        r.provenance = quality::partial;
        r.warnings.emplace_back("there was no memory for a report");
        return r;
    }
    static std::uint64_t next_id() noexcept { return last_meter_id.fetch_add(1) + 1; }
    static std::shared_ptr<time_source> clock_for(const options& o) {
        if (o.clock_ != nullptr) return o.clock_;
        if (tick_clock_is_invariant() && !kernel_distrusts_tick_clock())
            return std::make_shared<tick_time>();
        return std::make_shared<steady_time>();
    }

    void start_sampler(const std::shared_ptr<metered_backend>& m) {
        samplers_.push_back(std::make_unique<sampler>(engine_, m));
        if (samplers_.back()->is_running()) return;
        options_.warnings.push_back(
            std::string(m->reader.name()) +
            ": the system gave no thread to sample it (a limit on processes or memory); it is read "
            "only at the edges of long scopes and for reports");
    }

    // Call it before samplers run.
    void set_summed(const list<domain>& domains) {
        std::size_t at = 0;
        for (const auto& m : engine_->backends())
            for (std::size_t c = 0; c < m->reader.channel_count(); ++c)
                m->set_summed(c, domains[at++].summed);
    }

    // How long to wait for a backend whose read hangs; at the start for all of them together.
    static constexpr std::chrono::milliseconds patience{100};
    static constexpr std::chrono::milliseconds first_patience{50};
    void take(metered_backend& m) {
        const std::unique_lock<timed_mutex> lock(m.reader.read_mutex, patience);
        if (!lock.owns_lock()) return;
        m.reader.read_counters(engine_->clock());
        const std::lock_guard<std::mutex> lock_state(m.reader.state_mutex);
        m.reader.accumulate(engine_->tick_seconds());
    }

    // The process-wide meter has already reported these, and what the environment changed.
    void check_carbon() {
        std::vector<std::string>& said = options_.warnings;
        for (std::string& w : options_.carbon.sanitize())
            if (!is_in(said, w)) said.push_back(std::move(w));
    }

    void fill_context(run_context& c) const {
        c.run_name = options_.run_name;
        c.machine = machine_.machine;
        c.host = machine_.host;
        c.cpu = machine_.cpu;
        c.hardware = in_instance(describe_hardware(channels(), plain_cpu_name(machine_.cpu)),
                                 machine_.instance);
        c.os = machine_.os;
        c.logical_cpus = machine_.logical_cpus;
        c.run_id = machine_.machine + '/' + std::to_string(machine_.process_id) + '/' +
                   std::to_string(id_) + '/' + started_.to_iso8601();
        c.library = "joulery " + std::to_string(JOULERY_VERSION_MAJOR) + '.' +
                    std::to_string(JOULERY_VERSION_MINOR) + '.' +
                    std::to_string(JOULERY_VERSION_PATCH);
        c.clock = std::string(engine_->clock().name());
        c.attribution = std::string(to_text(options_.attribution));
        c.started = started_;
        c.carbon = options_.carbon;
    }

    void add_emissions(report& r) {
        carbon_model& m = r.context.carbon;
        if (!m.series) {
            r.co2e = m.of(r.total);
            for (scope_row& row : r.scopes) row.co2e = m.of(row.total);
            return;
        }
        const auto now =
            wall_time::from_unix_seconds(started_.unix_seconds() + r.context.duration.count());
        timeline_.fill(r, now);
        // The report states the run's mean intensity, weighted by energy.
        if (r.total.joules() > 0) m.grid.intensity = r.co2e / m.facility(r.total);
        const double known = m.series->coverage(started_, now);
        if (known < 1 - 1e-9)
            r.warnings.push_back("the intensity series covers " + percent_text(known) +
                                 " of the run's time; the rest is converted at its fallback");
    }

    static run_span span_of(const report& r) {
        run_span s;
        s.run_id = r.context.run_id;
        s.machine = r.context.machine;
        s.begin = r.context.started.unix_seconds();
        s.end = s.begin + r.context.duration.count();
        for (const channel_row& c : r.channels) s.by_channel.push_back(c.total);
        return s;
    }

    options options_;
    const std::uint64_t id_;
    const wall_time started_;
    emissions_timeline timeline_;  // used if the intensity varies
    const machine_info machine_;
    std::shared_ptr<engine> engine_;
    std::unique_ptr<domain_beliefs> beliefs_;
    list<std::unique_ptr<sampler>> samplers_;
    // How often energy is converted if the intensity varies; series change every few minutes.
    static constexpr std::chrono::seconds seconds_a_conversion{10};
    double converted_at_ = 0;
    std::unique_ptr<repeating_call> conversion_;
    double interval_at_ = 0;  ///< s, on a manual clock
    std::unique_ptr<interval_caller> intervals_;
    std::mutex reports_mutex_;
    monotone_rows published_;
    seconds duration_{0};  ///< of the last report
    std::mutex no_memory_mutex_;
    report no_memory_ = report_without_memory();  // made while there is memory
};

}  // namespace detail
}  // namespace v1
}  // namespace joulery
