// process_meter.hpp - the one meter of a process: its start, its end, forks.
// SPDX-License-Identifier: MIT
#pragma once

#include "joulery/detail/core/cancellation_guard.hpp"
#include "joulery/detail/core/catch_bad_alloc.hpp"
#include "joulery/detail/core/config.hpp"
#include "joulery/detail/core/fork_guard.hpp"
#include "joulery/detail/core/utf8.hpp"
#include "joulery/detail/session/choose_backends.hpp"
#include "joulery/detail/session/environment.hpp"
#include "joulery/detail/session/progress_display.hpp"
#include "joulery/detail/session/slow_path.hpp"
#include "joulery/detail/timing/thread_contexts.hpp"
#include "joulery/meter.hpp"
#include "joulery/report.hpp"
#include "joulery/scope.hpp"
#include "joulery/write.hpp"

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
    JOULERY_EXPORT static process_meter& instance() {
        static process_meter* const only = new process_meter;  // NOLINT: leaked on purpose
        return *only;
    }

    void start(options o) {
        const turn mine(*turns_);
        end();
        begin(std::move(o));
    }

    report snapshot() {
        std::shared_ptr<meter> running;
        {
            const turn mine(*turns_);
            if (phase_ == phase::fresh) begin({});
            if (phase_ != phase::running) return last_report();
            running = meter_;
        }
        return running->snapshot();
    }

    void stop() {
        const turn mine(*turns_);
        end();
        if (phase_ == phase::fresh) change([&] { phase_ = phase::stopped; });
        allow_scopes();
    }

    void set_enabled(bool on) {
        const turn mine(*turns_);
        enabled_ = on;
        allow_scopes();
    }

    /// The calling thread's tree; starts it at the first scope of the process.
    thread_cursor* tree() {
        if (turn::is_mine()) return nullptr;  // a backend that opens scopes while it is opened
        // The list registers its end under the dynamic loader's lock. A library's static
        // constructors run under that and may open scopes: it is taken first, here too.
        (void)contexts_of_this_thread();
        const turn mine(*turns_);
        if (phase_ == phase::fresh && enabled_) begin({});
        thread_cursor* found = phase_ == phase::running ? meter_->cursor_of_this_thread() : nullptr;
        default_tree = found;
        return found;
    }

 private:
    enum class phase { fresh, changing, running, stopped, off, forked };

    /// One thread at a time starts and ends meters, or waits until another has.
    class turn {
     public:
        explicit turn(std::mutex& turns) : lock_(turns) { is_mine() = true; }
        turn(const turn&) = delete;
        turn& operator=(const turn&) = delete;
        ~turn() { is_mine() = false; }
        /// Whether the calling thread has it.
        JOULERY_EXPORT static bool& is_mine() noexcept {
            static thread_local bool mine = false;
            return mine;
        }

     private:
        const cancellation_guard whole_;
        const std::lock_guard<std::mutex> lock_;
    };

    /// Who has the turn changes members in it, so that a fork finds them whole. A fork waits for
    /// that alone: backends are opened and read during a turn, and may fork to run a helper.
    template <class Change>
    void change(Change apply) {
        const std::lock_guard<std::mutex> lock(members_);
        apply();
    }

    process_meter() {
        default_tree_opener.store(&first_tree, std::memory_order_release);
        install_slow_path();
#if JOULERY_POSIX()
        ::pthread_atfork([] { instance().members_.lock(); }, [] { instance().members_.unlock(); },
                         [] { instance().continue_in_child(); });
#endif
    }

    // Without memory for a meter all stays as it was: the next scope or start() tries again.
    void begin(options o) {
        const phase before = phase_;
        change([&] { phase_ = phase::changing; });
        default_tree = nullptr;
        if (!catch_bad_alloc([&] { make_meter(std::move(o)); })) change([&] { phase_ = before; });
        allow_scopes();
    }

    void make_meter(options o) {
        const environment env = apply_environment(o);
        for (const std::string& w : o.warnings) say(w);
        if (env.off) return change([&] { phase_ = phase::off; });
        for (const std::string& w : choose_backends(o, env)) say(w);
        const bool live = o.live;
        auto made = std::make_shared<meter>(std::move(o));
        std::unique_ptr<progress_display> line;
        if (live) line = std::make_unique<progress_display>([made] { return made->glance(); });
        stop_at_exit();
        change([&] {
            meter_ = std::move(made);
            live_ = std::move(line);
            phase_ = phase::running;
        });
    }

    void end() {
        if (phase_ != phase::running) return;
        scopes_enabled.store(false, std::memory_order_relaxed);
        std::shared_ptr<meter> ended;
        std::unique_ptr<progress_display> line;
        change([&] {
            ended = std::move(meter_);
            line = std::move(live_);
            phase_ = phase::changing;
        });
        line.reset();  // it is cleared before a table comes
        report last = ended->snapshot();
        for (const std::string& target : ended->settings().reports) write(last, target);
        ended.reset();
        change([&] {
            last_ = std::move(last);
            phase_ = phase::stopped;
        });
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

    // The parent's meter, its threads and locks, stay with the parent: here they are left lying.
    void continue_in_child() noexcept {
        left_behind_ = new left{std::move(meter_), std::move(turns_), left_behind_};  // NOLINT
        turns_ = std::make_unique<std::mutex>();
        if (phase_ == phase::running || phase_ == phase::changing) {
            (void)live_.release();  // NOLINT: its thread is the parent's
            phase_ = phase::forked;
            last_ = report();
        }
        allow_scopes();
        members_.unlock();
    }

    void stop_at_exit() {
        if (!std::exchange(exit_is_watched_, true)) std::atexit([] { instance().stop(); });
    }

    static void say(const std::string& text) {
        std::fprintf(stderr, "joulery: %s\n", escape_control(text).c_str());
    }

    /// Of the processes that this one was forked from; kept for ever.
    struct left {
        std::shared_ptr<meter> parents;
        std::unique_ptr<std::mutex> turns;
        left* before;
    };

    std::unique_ptr<std::mutex> turns_ = std::make_unique<std::mutex>();
    std::mutex members_;
    std::shared_ptr<meter> meter_;
    left* left_behind_ = nullptr;
    std::unique_ptr<progress_display> live_;
    report last_;
    phase phase_ = phase::fresh;
    bool enabled_ = true;
    bool exit_is_watched_ = false;
};

#ifdef JOULERY_IMPLEMENTATION
JOULERY_DECL thread_cursor* first_tree() noexcept {
    thread_cursor* tree = nullptr;
    (void)catch_bad_alloc([&] { tree = process_meter::instance().tree(); });
    return tree;
}
#endif

#if defined(_WIN32)
// No weak symbols here: the session is made known before main instead.
JOULERY_EXPORT inline process_meter& the_process_meter = process_meter::instance();
#endif

}  // namespace detail

}  // namespace v1
}  // namespace joulery
