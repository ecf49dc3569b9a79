// task_scope.hpp - a task's part in a scope that was opened on another thread.
// SPDX-License-Identifier: MIT
#pragma once

#include "joulery/detail/timing/scope_handle.hpp"
#include "joulery/scope.hpp"

#include <atomic>
#include <string_view>

namespace joulery {
inline namespace v1 {

/// A scope on this thread whose path lies inside another thread's scope: the energy of the task is
/// part of that scope's, in a row of its own below it. What is opened inside nests as usual.
///
/// Units:  the owner's total holds the joules of all its tasks, its self joules those of its own
///         thread. Its time is that of its own thread; the tasks' is in their rows. Under
///         `attribution::inclusive` owner and tasks each get everything, and their sum is the
///         owner's total.
/// Thread: belongs to the thread that made it; the owner may end before it.
/// Cost:   as a scope whose name is no literal, with a second look-up.
/// Fails:  never; of an empty token, or after the meter's end, it does nothing.
///
///     auto t = s.handle();                               // on the owner's thread
///     { joulery::task_scope in{t, "task"};  work(); } // on a worker: "request/task"
class live_task_scope : public live_scope {
 public:
    live_task_scope(const live_handle& owner, std::string_view name)
        : live_scope(is_on() ? owner.node_here(name) : nullptr) {}
    /// On a thread that a test plays (testing/virtual_thread.hpp).
    template <class Thread>
    live_task_scope(Thread& thread, const live_handle& owner, std::string_view name)
        : live_scope(owner.node_in(thread.cursor_of_this_thread(), name)) {}

 private:
    static bool is_on() noexcept { return detail::scopes_enabled.load(std::memory_order_relaxed); }
};

/// What `task_scope` is under `JOULERY_DISABLE`.
class disabled_task_scope : public disabled_scope {
 public:
    disabled_task_scope(const disabled_handle&, std::string_view name) noexcept
        : disabled_scope(name) {}
    template <class Thread>
    disabled_task_scope(Thread&, const disabled_handle&, std::string_view name) noexcept
        : disabled_scope(name) {}
};

#ifdef JOULERY_DISABLE
using task_scope = disabled_task_scope;
#else
using task_scope = live_task_scope;
#endif

}  // namespace v1
}  // namespace joulery
