// joulery/process_meter.hpp - the one meter of a process: its start, its end, forks.
// Layer 9. SPDX-License-Identifier: MIT
#pragma once

#include "joulery/core/config.hpp"
#include "joulery/core/utf8.hpp"
#include "joulery/counters/system_root.hpp"
#include "joulery/defaults.hpp"
#include "joulery/engine/cold_paths.hpp"
#include "joulery/engine/fork_guard.hpp"
#include "joulery/engine/live_display.hpp"
#include "joulery/engine/meter.hpp"
#include "joulery/environment.hpp"
#include "joulery/report/report.hpp"
#include "joulery/report/write.hpp"
#include "joulery/scope.hpp"

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <mutex>
#include <string>
#include <utility>

#if JOULERY_POSIX()
#include <pthread.h>
#endif

namespace joulery {
inline namespace v1 {
namespace detail {

/// The one meter of a process and its shared libraries. Never destroyed: scopes in static
/// destructors find it stopped, not gone.
class process_meter {
 public:
    JOULERY_EXPORT static process_meter& instance() noexcept {
        static process_meter* const only = new process_meter;  // NOLINT: leaked on purpose
        return *only;
    }

    void start(options o) {
        const std::lock_guard<std::mutex> lock(mutex_);
        if (phase_ == phase::running) end();
        begin(std::move(o));
    }

    report snapshot() {
        std::shared_ptr<meter> running;
        {
            const std::lock_guard<std::mutex> lock(mutex_);
            if (phase_ == phase::fresh) begin({});
            if (phase_ != phase::running) return last_report();
            running = meter_;
        }
        return running->snapshot();
    }

    void stop() {
        const std::lock_guard<std::mutex> lock(mutex_);
        if (phase_ == phase::running) end();
        if (phase_ == phase::fresh) phase_ = phase::stopped;
        allow_scopes();
    }

    void set_enabled(bool on) {
        const std::lock_guard<std::mutex> lock(mutex_);
        enabled_ = on;
        allow_scopes();
    }

    /// The calling thread's tree; starts it at the first scope of the process.
    thread_tree* tree() noexcept {
        static thread_local bool inside = false;  // a backend that opens scopes while it is opened
        if (inside) return nullptr;
        inside = true;
        const std::lock_guard<std::mutex> lock(mutex_);
        if (phase_ == phase::fresh && enabled_) begin({});
        thread_tree* found = phase_ == phase::running ? meter_->tree_of_this_thread() : nullptr;
        default_tree = found;
        inside = false;
        return found;
    }

 private:
    enum class phase { fresh, running, stopped, off, forked };

    process_meter() {
        default_tree_opener.store(&first_tree<void>, std::memory_order_release);
        install_cold_paths();
#if JOULERY_POSIX()
        ::pthread_atfork([] { instance().mutex_.lock(); }, [] { instance().mutex_.unlock(); },
                         [] { instance().continue_in_child(); });
#endif
    }

    void begin(options o) {
        const environment env = apply_environment(o);
        for (const std::string& w : o.warnings) say(w);
        default_tree = nullptr;
        if (env.off) {
            phase_ = phase::off;
        } else {
            choose_backends(o, env);
            const bool live = o.live;
            meter_ = std::make_shared<meter>(std::move(o));
            if (live) live_ = std::make_unique<live_display>([m = meter_] { return m->glance(); });
            phase_ = phase::running;
            stop_at_exit();
        }
        allow_scopes();
    }

    // Those that JOULERY_BACKENDS names; where it names none there is, as if it were not set.
    static void choose_backends(options& o, const environment& env) {
        const system_root root(env.system_root);
        int error = 0;
        if (!root.is_real()) (void)root.list("", &error);
        if (error != 0) {
            o.warnings.push_back("JOULERY_SYSROOT=" + env.system_root + ": " + error_text(error) +
                                 "; nothing of a machine is found there");
            say(o.warnings.back());
        }
        if (!env.backends.empty()) {
            found_backends named = open_backends(env.backends, root);
            const bool understood =
                std::any_of(env.backends.begin(), env.backends.end(), is_backend_name);
            if (!understood)
                named.warnings.emplace_back(
                    "JOULERY_BACKENDS names no backend there is: what would be read without it is "
                    "read");
            for (std::string& w : named.warnings) {
                say(w);
                o.warnings.push_back(std::move(w));
            }
            if (understood) {
                o.backends = std::move(named.backends);
                return;
            }
        }
        if (!o.backends.empty()) return;
        found_backends found = open_backends({}, root);
        o.backends = std::move(found.backends);
        for (std::string& w : found.warnings) o.warnings.push_back(std::move(w));
    }

    static bool is_backend_name(const std::string& name) noexcept {
        const auto known = standard_backends();
        return name == "none" || std::any_of(known.begin(), known.end(),
                                             [&](const auto& entry) { return entry.name == name; });
    }

    void end() {
        scopes_enabled.store(false, std::memory_order_relaxed);
        live_.reset();  // its line is cleared before a table comes
        last_ = meter_->snapshot();
        for (const std::string& target : meter_->settings().reports) write(last_, target);
        meter_.reset();
        phase_ = phase::stopped;
    }

    static void write(const report& r, const std::string& target) {
        const auto done = write_report(r, target);
        if (done) return;
        say(done.error().reason + (done.error().remedy.empty() ? "" : "; " + done.error().remedy));
        if (target != "-") (void)write_report(r, "-");
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

    // The parent's meter, its threads and locks, stay with the parent: here it is left lying.
    void continue_in_child() noexcept {
        if (phase_ == phase::running) {
            left_behind_ = new left_meter{std::move(meter_), left_behind_};  // NOLINT: for ever
            (void)live_.release();  // NOLINT: its thread is the parent's
            phase_ = phase::forked;
            last_ = report();
        }
        allow_scopes();
        mutex_.unlock();
    }

    void stop_at_exit() {
        if (!std::exchange(exit_is_watched_, true)) std::atexit([] { instance().stop(); });
    }

    static void say(const std::string& text) {
        std::fprintf(stderr, "joulery: %s\n", harmless(text).c_str());
    }

    /// Meters of the processes that this one was forked from.
    struct left_meter {
        std::shared_ptr<meter> parents;
        left_meter* before;
    };

    std::mutex mutex_;
    std::shared_ptr<meter> meter_;
    left_meter* left_behind_ = nullptr;
    std::unique_ptr<live_display> live_;
    report last_;
    phase phase_ = phase::fresh;
    bool enabled_ = true;
    bool exit_is_watched_ = false;
};

template <class Session>
thread_tree* first_tree() noexcept {
    return process_meter::instance().tree();
}

#if defined(_WIN32)
// No weak symbols here: the session is made known before main instead.
JOULERY_EXPORT inline process_meter& the_process_meter = process_meter::instance();
#endif

}  // namespace detail

}  // namespace v1
}  // namespace joulery
