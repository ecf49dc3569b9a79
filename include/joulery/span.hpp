// span.hpp - work that leaves the block or the thread where it began: requests, coroutines, tasks.
// SPDX-License-Identifier: MIT
#pragma once

#include "joulery/detail/timing/scope_edges.hpp"
#include "joulery/detail/timing/scope_node.hpp"
#include "joulery/detail/timing/tick_clock.hpp"
#include "joulery/quality.hpp"
#include "joulery/scope.hpp"
#include "joulery/units.hpp"

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <string_view>
#include <type_traits>
#include <utility>

namespace joulery {
inline namespace v1 {

namespace detail {
struct handle_access;
}  // namespace detail

/// What one span used, as far as it is known when the span ends.
///
/// Units:  joules, grams of CO2e, seconds. The energy is the time of its tasks multiplied by the
///         mean power of each task's earlier calls. The report, which knows more later, may differ
///         within the uncertainty.
struct used {
    joulery::energy energy;       ///< of all its tasks
    joulery::energy uncertainty;  ///< k = 2
    emissions co2e;
    seconds time{0};       ///< from begin to end
    seconds busy_time{0};  ///< of its tasks, summed over threads
    /// `partial`: no power was known yet; 0 J then means "unknown".
    quality provenance = quality::partial;
};

namespace enabled {

/// Refers to a scope or a span, so that other threads can work for it in a `task_scope`. It may be
/// copied, and it outlives its scope and its meter (task scopes then do nothing).
///
/// Thread: any, once made. Cost: one allocation, well under a microsecond; a copy increments a
///         reference count.
/// Fails:  the handle of a scope that is not measured is empty, and its task scopes do nothing.
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
            detail::slow_path.load(std::memory_order_acquire)->unlink(link_);
    }

    /// Whether it refers to a scope or a span.
    [[nodiscard]] explicit operator bool() const noexcept { return link_ != nullptr; }

 private:
    friend class scope;
    friend class span;
    friend class task_scope;
    friend struct detail::handle_access;
    explicit scope_handle(detail::scope_node* node) noexcept {
        if (node != nullptr) link_ = detail::slow_path.load(std::memory_order_acquire)->link(node);
    }
    detail::scope_link* link_ = nullptr;
};

inline scope_handle scope::handle() const noexcept { return scope_handle(node_); }
template <class Wait>
scope_handle synchronized_scope<Wait>::handle() const noexcept {
    return scope_.handle();
}

/// Work that begins here and may end anywhere: a request, a coroutine, a future. Threads work for
/// it in `task_scope`s, one after another or at once. It has its own row in the report, inside the
/// scope that is open where it begins, with the time from begin to end and the time of its tasks.
///
/// Units:  its joules are those of its tasks. Time in which no task ran for it counts as time,
///         without energy.
/// Thread: one at a time, but any thread; its tasks may be open on any number of threads. It may be
///         made, moved and ended on different threads.
/// Cost:   one allocation and two look-ups, a fraction of a microsecond; no lock shared between
///         threads.
/// Fails:  never; without a meter, after `stop()` and in a forked child it does nothing.
///
///     joulery::span request{"request"};
///     pool.run([r = std::move(request)]() mutable {
///         { joulery::task_scope t{r, "decode"};  decode(); }
///         r.add_items(128, "token");
///         joulery::used u = r.end(); });
class span {
 public:
    /// An empty span: nothing is measured.
    span() = default;
    template <class Text, std::enable_if_t<std::is_convertible_v<Text, std::string_view>, int> = 0>
    explicit span(const Text& name) noexcept
        : link_(begin_in(detail::process_tree(), std::string_view(name))) {}
    explicit span(const char* name) noexcept
        : link_(begin_in(detail::process_tree(), detail::view_of(name))) {}
    /// In your own meter instead of the process-wide one.
    span(scope_owner& meter, std::string_view name) noexcept
        : link_(begin_in(cursor_of(meter), name)) {}
    /// Inside another span or scope, on whatever thread that is open.
    span(const scope_handle& owner, std::string_view name) noexcept
        : link_(owner.link_ != nullptr && is_on()
                    ? calls()->begin_span(nullptr, owner.link_, name.data(), name.size())
                    : nullptr) {}
    span(const span& owner, std::string_view name) noexcept
        : link_(owner.link_ != nullptr && is_on()
                    ? calls()->begin_span(nullptr, owner.link_, name.data(), name.size())
                    : nullptr) {}
    span(const span&) = delete;
    span(span&& other) noexcept : link_(std::exchange(other.link_, nullptr)) {}
    /// Ends the span that this object held before.
    span& operator=(span&& other) noexcept {
        span moved(std::move(other));
        std::swap(link_, moved.link_);
        return *this;
    }
    ~span() {
        if (link_ != nullptr) (void)calls()->end_span(link_);
    }

    /// Adds functional units, as `scope::add_items` does.
    void add_items(double count, const char* item_name = "item") noexcept {
        if (link_ != nullptr) calls()->add_span_items(link_, count, item_name);
    }

    /// Ends the span and returns what it used. Tasks that are still open are missing from the
    /// result, but not from the report. A second call returns an empty result.
    used end() noexcept {
        used u;
        if (link_ == nullptr) return u;
        const detail::span_figures f = calls()->end_span(std::exchange(link_, nullptr));
        u.energy = energy::from_joules(f.joules);
        u.uncertainty = energy::from_joules(2 * f.deviation);
        u.co2e = emissions::from_grams(f.grams);
        u.time = seconds(f.seconds);
        u.busy_time = seconds(f.busy_seconds);
        u.provenance = static_cast<quality>(f.provenance);
        return u;
    }

    /// A copyable handle, for work that may begin elsewhere or after this object is gone.
    [[nodiscard]] scope_handle handle() const noexcept {
        scope_handle h;
        h.link_ = link_;
        if (link_ != nullptr) link_->holders.fetch_add(1, std::memory_order_relaxed);
        return h;
    }

    /// Whether this span is being measured.
    [[nodiscard]] explicit operator bool() const noexcept { return link_ != nullptr; }

 private:
    friend class task_scope;
    static bool is_on() noexcept { return detail::scopes_enabled.load(std::memory_order_relaxed); }
    static const detail::slow_path_table* calls() noexcept {
        return detail::slow_path.load(std::memory_order_acquire);
    }
    static detail::thread_cursor* cursor_of(scope_owner& meter) noexcept {
        return meter.cursor_of_this_thread();
    }
    static detail::scope_link* begin_in(detail::thread_cursor* tree,
                                        std::string_view name) noexcept {
        return tree != nullptr ? calls()->begin_span(tree, nullptr, name.data(), name.size())
                               : nullptr;
    }

    detail::scope_link* link_ = nullptr;
};

/// A scope on this thread whose path lies inside a span, or inside another thread's scope. Its
/// energy is part of the owner's, in a row below the owner's row. Scopes opened inside nest as
/// usual.
///
/// Units:  the owner's total includes the joules of all its tasks; its self joules are those of its
///         own thread. Its time is from begin to end; its busy time includes the tasks, and its
///         power is energy over busy time. Under `attribution::inclusive` owner and tasks each get
///         the full energy, and the owner's total is their sum.
/// Thread: belongs to the thread that made it; the owner may end first. A coroutine opens a new one
///         each time it is resumed; don't keep one open across a suspension.
/// Cost:   as a scope whose name is not a literal. It writes to the thread's own memory, and at its
///         end to the span's.
/// Fails:  never; for an empty handle, or after the end of the meter, it does nothing.
///
///     auto h = s.handle();                               // on the owner's thread
///     { joulery::task_scope t{h, "task"};  work(); }     // on a worker: "request/task"
class task_scope : public scope {
 public:
    task_scope(const scope_handle& owner, std::string_view name) noexcept
        : task_scope(is_on() ? owner.link_ : nullptr, nullptr, name) {}
    task_scope(const span& owner, std::string_view name) noexcept
        : task_scope(is_on() ? owner.link_ : nullptr, nullptr, name) {}
    /// On a simulated thread of a test (testing/virtual_thread.hpp).
    task_scope(scope_owner& thread, const scope_handle& owner, std::string_view name) noexcept
        : task_scope(owner.link_, thread.cursor_of_this_thread(), name) {}
    task_scope(scope_owner& thread, const span& owner, std::string_view name) noexcept
        : task_scope(owner.link_, thread.cursor_of_this_thread(), name) {}
    ~task_scope() {
        if (span_ == nullptr) return;
        detail::slow_path.load(std::memory_order_acquire)
            ->leave_task(span_, {node_, before_}, this);
        node_ = nullptr;
    }

 private:
    static bool is_on() noexcept { return detail::scopes_enabled.load(std::memory_order_relaxed); }
    task_scope(detail::scope_link* owner, detail::thread_cursor* tree,
               std::string_view name) noexcept
        : task_scope(place_of(owner, tree, name), owner) {}
    task_scope(detail::task_place place, detail::scope_link* owner) noexcept
        : scope(place.node), before_(place.ticks_before) {
        if (node_ == nullptr || !owner->is_span) return;
        owner->holders.fetch_add(1, std::memory_order_relaxed);
        span_ = owner;
    }
    /// The node called `name` below the owner, in the given tree; null means the calling thread's
    /// tree.
    static detail::task_place place_of(detail::scope_link* owner, detail::thread_cursor* tree,
                                       std::string_view name) noexcept {
        if (owner == nullptr) return {};
        return detail::slow_path.load(std::memory_order_acquire)
            ->find_task(*owner, tree, name.data(), name.size());
    }

    detail::scope_link* span_ = nullptr;  ///< the owner, if it is a span
    std::uint64_t before_ = 0;            ///< ticks of the node before this call
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

class span {
 public:
    span() = default;
    explicit span(std::string_view) noexcept {}
    explicit span(const char*) noexcept {}
    span(scope_owner&, std::string_view) noexcept {}
    span(const scope_handle&, std::string_view) noexcept {}
    span(const span&, std::string_view) noexcept {}
    span(const span&) = delete;
    span(span&&) noexcept {}
    span& operator=(span&&) noexcept { return *this; }
    ~span() {}  // user-provided, so that an unused one raises no warning
    void add_items(double, const char* = "item") noexcept {}
    used end() noexcept { return {}; }
    [[nodiscard]] scope_handle handle() const noexcept { return {}; }
    [[nodiscard]] constexpr explicit operator bool() const noexcept { return false; }
};

class task_scope : public scope {
 public:
    task_scope(const scope_handle&, std::string_view name) noexcept : scope(name) {}
    task_scope(const span&, std::string_view name) noexcept : scope(name) {}
    task_scope(scope_owner&, const scope_handle&, std::string_view name) noexcept : scope(name) {}
    task_scope(scope_owner&, const span&, std::string_view name) noexcept : scope(name) {}
};

}  // namespace disabled

#ifdef JOULERY_DISABLE
using disabled::scope_handle;
using disabled::span;
using disabled::task_scope;
#else
using enabled::scope_handle;
using enabled::span;
using enabled::task_scope;
#endif

}  // namespace v1
}  // namespace joulery
