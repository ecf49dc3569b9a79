// span.hpp - work that leaves the block or the thread where it began.
// SPDX-License-Identifier: MIT
#pragma once

#include "joulery/detail/timing/scope_node.hpp"
#include "joulery/scope.hpp"

#include <atomic>
#include <cstddef>
#include <string_view>
#include <utility>

namespace joulery {
inline namespace v1 {

namespace detail {
struct handle_access;
}  // namespace detail

namespace enabled {

/// Stands for a scope: work on other threads is done for it in a `task_scope`. A value; it may be
/// copied, and it outlives its scope and its meter (task scopes do nothing then).
///
/// Thread: any, once made. Cost: an allocation, well under a microsecond; a copy counts a
/// reference. Fails:  of a scope that is not measured it is empty, and its task scopes do nothing.
///
///     joulery::scope s{"request"};
///     pool.run([h = s.handle()] { joulery::task_scope t{h, "decode"};  decode(); });
class scope_handle {
 public:
    scope_handle() = default;
    scope_handle(const scope_handle& other) noexcept : link_(other.link_) {
        if (link_ != nullptr) link_->holders.fetch_add(1, std::memory_order_relaxed);
    }
    scope_handle(scope_handle&& other) noexcept : link_(std::exchange(other.link_, nullptr)) {}
    scope_handle& operator=(scope_handle other) noexcept {
        std::swap(link_, other.link_);
        return *this;
    }
    ~scope_handle() {
        if (link_ != nullptr && link_->holders.fetch_sub(1, std::memory_order_acq_rel) == 1)
            detail::cold.load(std::memory_order_acquire)->unlink(link_);
    }

    /// Whether there is a scope to work for.
    [[nodiscard]] explicit operator bool() const noexcept { return link_ != nullptr; }

 private:
    friend class scope;
    friend class task_scope;
    friend struct detail::handle_access;
    explicit scope_handle(detail::scope_node* node) noexcept {
        if (node != nullptr) link_ = detail::cold.load(std::memory_order_acquire)->link(node);
    }
    detail::scope_link* link_ = nullptr;
};

inline scope_handle scope::handle() const noexcept { return scope_handle(node_); }
template <class Wait>
scope_handle synchronized_scope<Wait>::handle() const noexcept {
    return scope_.handle();
}

/// A scope on this thread whose path lies inside another thread's scope: the energy of the task is
/// part of that scope's, in a row of its own below it. What is opened inside nests as usual.
///
/// Units:  the owner's total holds the joules of all its tasks, its self joules those of its own
///         thread. Its time is that of its own thread; the tasks' is in their rows. Under
///         `attribution::inclusive` owner and tasks each get everything, and their sum is the
///         owner's total.
/// Thread: belongs to the thread that made it; the owner may end before it.
/// Cost:   as a scope whose name is not a literal, with a second look-up.
/// Fails:  never; of an empty handle, or after the meter's end, it does nothing.
///
///     auto h = s.handle();                               // on the owner's thread
///     { joulery::task_scope t{h, "task"};  work(); }     // on a worker: "request/task"
class task_scope : public scope {
 public:
    task_scope(const scope_handle& owner, std::string_view name) noexcept
        : scope(is_on() ? child_of(owner, nullptr, name) : nullptr) {}
    /// On a thread that a test plays (testing/virtual_thread.hpp).
    task_scope(scope_owner& thread, const scope_handle& owner, std::string_view name) noexcept
        : scope(child_of(owner, thread.cursor_of_this_thread(), name)) {}

 private:
    static bool is_on() noexcept { return detail::scopes_enabled.load(std::memory_order_relaxed); }
    /// The node of `name` below the owner in a given tree; null: in the calling thread's.
    static detail::scope_node* child_of(const scope_handle& owner, detail::thread_cursor* tree,
                                        std::string_view name) noexcept {
        if (owner.link_ == nullptr) return nullptr;
        return detail::cold.load(std::memory_order_acquire)
            ->find_linked(*owner.link_, tree, name.data(), name.size());
    }
};

}  // namespace enabled

namespace disabled {

class scope_handle {
 public:
    [[nodiscard]] constexpr explicit operator bool() const noexcept { return false; }
};

inline scope_handle scope::handle() const noexcept { return {}; }
template <class Wait>
scope_handle synchronized_scope<Wait>::handle() const noexcept {
    return {};
}

class task_scope : public scope {
 public:
    task_scope(const scope_handle&, std::string_view name) noexcept : scope(name) {}
    task_scope(scope_owner&, const scope_handle&, std::string_view name) noexcept : scope(name) {}
};

}  // namespace disabled

#ifdef JOULERY_DISABLE
using disabled::scope_handle;
using disabled::task_scope;
#else
using enabled::scope_handle;
using enabled::task_scope;
#endif

}  // namespace v1
}  // namespace joulery
