// synchronized_scope.hpp - a scope that waits for work under way before each of its edges.
// SPDX-License-Identifier: MIT
#pragma once

#include "joulery/detail/timing/scope_node.hpp"
#include "joulery/scope.hpp"

#include <atomic>
#include <cstddef>
#include <type_traits>
#include <utility>

namespace joulery {
inline namespace v1 {

/// How a scope differs from a plain one. `sync` is called before either edge is taken: anything
/// that returns once the work under way is done, what it returns is ignored.
///
///     joulery::scope_options{cudaDeviceSynchronize}
template <class Sync>
struct scope_options {
    Sync sync;
};
template <class Sync>
scope_options(Sync) -> scope_options<Sync>;

/// A scope around work that finishes later, made exact by waiting: all that was launched before it
/// is done when it begins, all that was launched in it is done when it ends.
///
/// A type of its own, so that a plain `scope` carries no callable. Everything else is as in
/// `scope`; under `JOULERY_DISABLE` it is empty and `sync` is never called.
/// Thread: belongs to the thread that made it. Cost: two calls of `sync` and a scope; switched off
/// at run time no call. Fails: never; a `sync` that throws does so to the caller at the first edge
/// and ends the program at the second, as destructors do.
///
///     joulery::synchronized_scope s{"forward", joulery::scope_options{cudaDeviceSynchronize}};
///     launch_forward();
///     s.add_items(32, "sample");
template <class Sync, class Scope>
class synchronized_scope {
 public:
    template <class Name>
    synchronized_scope(Name&& name, scope_options<Sync> o)
        : sync_(std::move(o.sync)), scope_((before(), std::forward<Name>(name))) {}
    /// In a meter of your own instead of the process-wide one.
    template <class Meter, class Name>
    synchronized_scope(Meter& meter, Name&& name, scope_options<Sync> o)
        : sync_(std::move(o.sync)), scope_((before(), meter), std::forward<Name>(name)) {}
    synchronized_scope(const synchronized_scope&) = delete;
    synchronized_scope& operator=(const synchronized_scope&) = delete;
    static void* operator new(std::size_t) = delete;
    static void* operator new[](std::size_t) = delete;
    ~synchronized_scope() {
        if constexpr (is_live)
            if (scope_) static_cast<void>(sync_());
    }

    void add_items(double count, const char* item_name = "item") noexcept {
        scope_.add_items(count, item_name);
    }
    [[nodiscard]] explicit operator bool() const noexcept { return static_cast<bool>(scope_); }
    [[nodiscard]] auto handle() const noexcept { return scope_.handle(); }

 private:
    static constexpr bool is_live = std::is_same_v<Scope, live_scope>;

    void before() {
        if constexpr (is_live)
            if (detail::scopes_enabled.load(std::memory_order_relaxed)) static_cast<void>(sync_());
    }

    Sync sync_;
    Scope scope_;  // after `sync_`: its edges are taken when that has returned
};

template <class Name, class Sync>
synchronized_scope(Name&&, scope_options<Sync>) -> synchronized_scope<Sync, scope>;
template <class Meter, class Name, class Sync>
synchronized_scope(Meter&, Name&&, scope_options<Sync>) -> synchronized_scope<Sync, scope>;

}  // namespace v1
}  // namespace joulery
