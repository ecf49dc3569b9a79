// process_meter.hpp - the one meter of a process: its start, its end, forks.
// SPDX-License-Identifier: MIT
#pragma once

#include "joulery/detail/core/list.hpp"
#include "joulery/meter.hpp"  // first: its implementation needs the headers below, which need it

#include "joulery/detail/core/catch_bad_alloc.hpp"
#include "joulery/detail/core/config.hpp"
#include "joulery/detail/core/fork_guard.hpp"
#include "joulery/detail/core/utf8.hpp"
#include "joulery/detail/session/choose_backends.hpp"
#include "joulery/detail/session/environment.hpp"
#include "joulery/detail/session/meter_core.hpp"
#include "joulery/detail/session/progress_line.hpp"
#include "joulery/detail/session/repeating_call.hpp"
#include "joulery/detail/session/report_files.hpp"
#include "joulery/detail/session/shared_session.hpp"
#include "joulery/detail/session/slow_path.hpp"
#include "joulery/detail/session/thread_contexts.hpp"
#include "joulery/detail/timing/library_section.hpp"
#include "joulery/report.hpp"
#include "joulery/report_io.hpp"
#include "joulery/scope.hpp"

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cstdlib>
#include <memory>
#include <mutex>
#include <string>
#include <utility>
#include <vector>

#if JOULERY_POSIX()
#include <pthread.h>
#endif

namespace joulery {
inline namespace v1 {
namespace detail {

/// The one meter of a process and its shared libraries. Never destroyed, so that scopes in static
/// destructors find it stopped rather than gone.
class process_meter {
 public:
    JOULERY_EXPORT static process_meter& instance() {
        static process_meter* const only = [] {
            const library_section inside;  // a scope opened by an allocator would recurse into this
            return new process_meter;      // NOLINT: leaked on purpose
        }();
        return *only;
    }

    void start(options o) {
        const turn mine(*this);
        end();
        begin(std::move(o));
    }

    report snapshot() {
        std::shared_ptr<meter> running;
        {
            const turn mine(*this);
            if (phase_ == phase::fresh) begin({});
            if (phase_ != phase::running) return last_report();
            running = meter_;
        }
        return with_notes(running->snapshot());
    }

    /// Allocated while there is memory.
    report report_without_memory() noexcept {
        const std::lock_guard<std::mutex> lock(*members_);
        return std::move(without_memory_);
    }

    void stop() {
        const turn mine(*this);
        end();
        if (phase_ == phase::fresh) change([&] { phase_ = phase::stopped; });
        allow_scopes();
    }

    void set_enabled(bool on) {
        const turn mine(*this);
        enabled_ = on;
        allow_scopes();
    }

    void clear_live_line() {
        std::shared_ptr<progress_display> line;
        change([&] { line = live_; });
        if (line != nullptr) line->clear();
    }

    /// Runs before main, so that a requested report is known to be missing even if no scope is ever
    /// opened.
    static bool await_report() {
        if (environment_variable("JOULERY_REPORT") == nullptr) return false;
        (void)instance();  // before the exit handler, so that forks are known
        std::atexit([] { (void)catch_bad_alloc([] { instance().say_if_missed(); }); });
        return true;
    }

    /// Printed once, and only if a report was requested.
    static void say_no_memory(bool asked) noexcept {
        static std::atomic<bool> said{false};
        if ((asked || environment_variable("JOULERY_REPORT") != nullptr) && !said.exchange(true))
            (void)write_to_stderr("joulery: no report so far: there was no memory to start\n");
    }

    /// The calling thread's tree; null: not measured. Call it from inside a library section.
    static thread_cursor* open_tree_of_thread() noexcept {
        if (!scopes_enabled.load(std::memory_order_relaxed)) return nullptr;
        thread_cursor* found = nullptr;
        if (!catch_bad_alloc([&] { found = instance().tree(); })) say_no_memory(false);
        return found;
    }

    /// The calling thread's tree; starts the meter at the first scope of the process.
    thread_cursor* tree() {
        // The list registers its destructor under the dynamic loader's lock. A library's static
        // constructors run under that lock and may open scopes, so it is taken first here, too.
        if (contexts_of_this_thread() == nullptr) return nullptr;
        const turn mine(*this);
        if (phase_ == phase::fresh && enabled_) begin({});
        thread_cursor* found = phase_ == phase::running ? meter_->cursor_of_this_thread() : nullptr;
        default_tree = found != nullptr ? found : &no_tree;
        return found;
    }

 private:
    enum class phase { fresh, changing, running, stopped, off, forked };

    /// One thread at a time starts and ends meters; others wait. Scopes that it opens meanwhile,
    /// for instance in a backend, are not measured.
    class turn {
     public:
        explicit turn(process_meter& m) : lock_(m.turns_of_this_process()) {}

     private:
        const cancellation_guard whole_;
        const library_section inside_;
        const std::lock_guard<std::mutex> lock_;
    };

    /// Members change only inside this call, so that a fork finds them consistent. A fork waits for
    /// this call alone and not for the turn, in which backends are opened and may fork to run a
    /// helper.
    template <class Change>
    void change(Change apply) {
        const std::lock_guard<std::mutex> lock(*members_);
        apply();
    }

    process_meter() {
        without_memory_.provenance = quality::partial;
        without_memory_.warnings.emplace_back("there was no memory for a report");
        watch_for_forks();
        default_tree_opener.store(&open_tree_of_thread, std::memory_order_release);
        install_slow_path();
#if JOULERY_POSIX()
        ::pthread_atfork([] { instance().members_->lock(); }, [] { instance().members_->unlock(); },
                         [] { instance().continue_in_child(); });
#endif
    }

    // Without memory for a meter nothing changes: the next scope or start() tries again.
    void begin(options o) {
        const phase before = phase_;
        const bool asked = !o.reports.empty();
        change([&] { phase_ = phase::changing; });
        default_tree = &no_tree;
        if (!catch_bad_alloc([&] { make_meter(std::move(o)); })) {
            change([&] { phase_ = before; });
            say_no_memory(asked);
        }
        allow_scopes();
    }

    void make_meter(options o) {
        const environment env = apply_environment(o);
        for (const std::string& w : o.warnings) say(w);
        if (env.off) {
            if (!o.reports.empty()) say(list_of(o.reports) + not_written + "JOULERY=off");
            return change([&] { phase_ = phase::off; });
        }
        for (const std::string& w : choose_backends(o, env)) say(w);
        auto made = std::make_shared<meter>(std::move(o));
        const options& settings = made->settings();
        if (!settings.reports.empty() && made->channels().empty())
            say(list_of(settings.reports) +
                ": times but no energy: " + why_no_energy(settings, env));
        auto files =
            std::make_shared<report_files>(settings.reports, run_names::of(settings.run_name));
        for (const std::string& note : files->notes()) say(note);
        for (const std::string& note : files->unusable_targets()) say(note);
        std::shared_ptr<progress_display> line;
        if (settings.live)
            line = std::make_shared<progress_display>([made] { return made->core_->glance(); });
        auto checkpoints = checkpoints_of(made, files);
        auto lines = lines_of(made, files);
        stop_at_exit();
        change([&] {
            meter_ = std::move(made);
            files_ = std::move(files);
            checkpoints_ = std::move(checkpoints);
            lines_ = std::move(lines);
            live_ = std::move(line);
            phase_ = phase::running;
        });
    }

    // The first one comes early, because many runs that fail do so soon.
    std::unique_ptr<repeating_call> checkpoints_of(const std::shared_ptr<meter>& of,
                                                   const std::shared_ptr<report_files>& files) {
        const std::chrono::nanoseconds period = of->settings().checkpoint;
        if (period.count() <= 0 || !files->has_files()) return nullptr;
        constexpr std::chrono::nanoseconds early = std::chrono::seconds(1);
        return std::make_unique<repeating_call>(std::min(period, early), period, [this, of, files] {
            for (const std::string& note : files->write_checkpoint(with_notes(of->snapshot())))
                say(note);
            files->set_cost(seconds(thread_cpu_seconds()));
        });
    }

    // Files that get a line for each interval.
    static std::unique_ptr<repeating_call> lines_of(const std::shared_ptr<meter>& of,
                                                    const std::shared_ptr<report_files>& files) {
        const std::chrono::nanoseconds period = interval_of(of->settings());
        if (period.count() <= 0 || !files->has_lines()) return nullptr;
        return std::make_unique<repeating_call>(period, [of, files] {
            for (const std::string& note : files->append_line(of->snapshot())) say(note);
        });
    }

    void end() {
        if (phase_ != phase::running) return;
        scopes_enabled.store(false, std::memory_order_relaxed);
        std::shared_ptr<meter> ended;
        std::shared_ptr<report_files> files;
        std::shared_ptr<progress_display> line;
        std::unique_ptr<repeating_call> checkpoints, lines;
        change([&] {
            ended = std::move(meter_);
            files = std::move(files_);
            line = std::move(live_);
            checkpoints = std::move(checkpoints_);
            lines = std::move(lines_);
            phase_ = phase::changing;
        });
        checkpoints.reset();
        lines.reset();
        line.reset();  // cleared before a table is printed
        report last = with_notes(ended->core_->finish());
        files->write_last(last, say);
        ended.reset();
        change([&] {
            last_ = std::move(last);
            phase_ = phase::stopped;
        });
    }

    static std::string why_no_energy(const options& o, const environment& env) {
        if (is_in(env.backends, "none")) return "JOULERY_BACKENDS=none";
        return o.warnings.empty() ? "there is nothing to read" : o.warnings.front();
    }

    // At exit: no scope was ever opened.
    void say_if_missed() {
        const turn mine(*this);
        const char* asked = environment_variable("JOULERY_REPORT");
        if (phase_ != phase::fresh || is_forked_ || asked == nullptr || *asked == '\0') return;
        say(std::string(asked) + not_written +
            (enabled_ ? "no scope was opened"
                      : "measuring was switched off by set_enabled(false)"));
    }

    // The loader's list is read under a lock that a fork would leave locked in the child. So a fork
    // waits until this is over, and a child, which may have been made by `_Fork`, never reads the
    // list.
    report with_notes(report r) {
        change([&] {
            if (!is_forked_) other_version_ = other_version_note();
            if (!other_version_.empty()) r.warnings.push_back(other_version_);
        });
        return r;
    }

    static std::string list_of(const std::vector<std::string>& names) {
        std::string all;
        for (const std::string& name : names) all.append(all.empty() ? "" : ", ").append(name);
        return all;
    }

    report last_report() const {
        report r = last_;
        if (phase_ == phase::off)
            r.warnings.emplace_back("measuring is switched off by JOULERY=off");
        if (phase_ == phase::forked)
            r.warnings.emplace_back(
                "this process was forked from the measured one and measures nothing until it calls "
                "joulery::start()");
        if (phase_ != phase::stopped) r.provenance = quality::partial;
        return r;
    }

    void allow_scopes() noexcept {
        const bool open = phase_ == phase::running || phase_ == phase::fresh;
        scopes_enabled.store(enabled_ && open, std::memory_order_relaxed);
    }

    // A child made without fork handlers (`_Fork`) is noticed at its first call.
    std::mutex& turns_of_this_process() {
        if (generation_ != fork_generation()) continue_in_child();
        return *turns_;
    }

    // The parent's meter, threads and locks belong to the parent; the child abandons them.
    void continue_in_child() noexcept {
        generation_ = fork_generation();
        left_behind_ =
            new left{std::move(meter_), std::move(turns_), std::move(members_),  // NOLINT
                     left_behind_};
        turns_ = std::make_unique<std::mutex>();
        is_forked_ = true;
        if (files_ != nullptr) files_->abandon();
        members_ = std::make_unique<std::mutex>();
        if (phase_ == phase::running || phase_ == phase::changing) {
            // Their threads are the parent's, so they are abandoned.
            (void)new std::shared_ptr<progress_display>(std::move(live_));  // NOLINT
            (void)checkpoints_.release();                                   // NOLINT
            (void)lines_.release();                                         // NOLINT
            phase_ = phase::forked;
            last_ = report();
        }
        allow_scopes();
    }

    // Not in a child that never measured: its parent's threads may have held locks.
    void end_with_process() {
        if (generation_ == fork_generation()) stop();
    }
    void stop_at_exit() {
        if (std::exchange(exit_is_watched_, true)) return;
        std::atexit([] { instance().end_with_process(); });
    }

    static void say(const std::string& text) {
        (void)write_to_stderr("joulery: " + escape_control(text) + "\n");
    }

    static constexpr const char* not_written = ": not written, as ";

    /// State of the parent processes; kept forever.
    struct left {
        std::shared_ptr<meter> parents;
        std::unique_ptr<std::mutex> turns, members;
        left* before;
    };

    std::unique_ptr<std::mutex> turns_ = std::make_unique<std::mutex>();
    std::unique_ptr<std::mutex> members_ = std::make_unique<std::mutex>();
    std::uint32_t generation_ = fork_generation();
    std::shared_ptr<meter> meter_;
    left* left_behind_ = nullptr;
    std::shared_ptr<report_files> files_;
    std::unique_ptr<repeating_call> checkpoints_, lines_;
    std::shared_ptr<progress_display> live_;
    report last_, without_memory_;
    std::string other_version_;
    phase phase_ = phase::fresh;
    bool enabled_ = true;
    bool exit_is_watched_ = false;
    bool is_forked_ = false;
};

#if defined(_WIN32)
// No weak symbols here: the session is registered before main instead.
JOULERY_EXPORT inline process_meter& the_process_meter = process_meter::instance();
#endif

}  // namespace detail

}  // namespace v1
}  // namespace joulery
