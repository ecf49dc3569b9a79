// library_threads.hpp - how threads of the library begin and end.
// SPDX-License-Identifier: MIT
#pragma once

#include "joulery/detail/core/catch_bad_alloc.hpp"
#include "joulery/detail/core/config.hpp"
#include "joulery/detail/session/host_threads.hpp"
#include "joulery/detail/timing/library_section.hpp"

#include <chrono>
#include <condition_variable>
#include <mutex>
#include <new>
#include <thread>
#include <utility>

#if JOULERY_POSIX()
#include <pthread.h>
#include <signal.h>
#endif

namespace joulery {
inline namespace v1 {
namespace detail {

/// While it exists, threads started here inherit a mask that leaves every signal to the host's
/// threads.
class signals_blocked {
 public:
#if JOULERY_POSIX()
    signals_blocked() noexcept {
        ::sigset_t all;
        ::sigfillset(&all);
        ::pthread_sigmask(SIG_SETMASK, &all, &before_);
    }
    ~signals_blocked() { ::pthread_sigmask(SIG_SETMASK, &before_, nullptr); }

 private:
    ::sigset_t before_;
#else
    signals_blocked() noexcept {}  // nothing to block
#endif
};

/// Starts a thread of the library, which leaves every signal to the host's threads; not joinable if
/// the system gives no thread. Scopes that a backend opens on it are not measured.
template <class Work>
[[nodiscard]] std::thread start_thread(Work work) {
    const signals_blocked quiet;
    JOULERY_TRY {
        return std::thread([work = std::move(work)]() mutable {
            const host_threads::library_thread counted;
            const library_section inside;
            work();
        });
    }
    JOULERY_CATCH_ALL { return {}; }
}

/// Joins a thread of the library, or detaches it. It does not wait for itself, which happens if the
/// sampler thread ends the process because all host threads have ended.
inline void join_or_detach(std::thread& t, bool ends) noexcept {
    if (!t.joinable()) return;
    ends&& t.get_id() != std::this_thread::get_id() ? t.join() : t.detach();
}

/// Ends a thread of the library that was asked to stop and says so by `shared.ended` and
/// `shared.changed`. One that does not within `patience` keeps running, with what it shares: a read
/// or a callback hangs. `lock`: of `shared.mutex`; it is released.
template <class Shared>
void end_or_leave(std::thread& t, std::unique_lock<std::mutex>& lock, Shared& shared,
                  std::chrono::nanoseconds patience) {
    const bool is_this = t.get_id() == std::this_thread::get_id();
    const bool ended =
        !is_this && shared.changed.wait_for(lock, patience, [&] { return shared.ended; });
    lock.unlock();
    join_or_detach(t, ended);
}
/// A forked child has no such thread to join or to detach: its handle goes where nobody destroys
/// it.
inline void give_up(std::thread& t) noexcept {
    alignas(std::thread) unsigned char handle[sizeof(std::thread)];
    ::new (handle) std::thread(std::move(t));
}

}  // namespace detail
}  // namespace v1
}  // namespace joulery
