// scope.hpp - marks a phase of a program; its energy is in the report.
// SPDX-License-Identifier: MIT
#pragma once

#include "joulery/detail/core/config.hpp"
#include "joulery/detail/timing/name_key.hpp"
#include "joulery/detail/timing/scope_edges.hpp"
#include "joulery/detail/timing/scope_node.hpp"

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <new>
#include <string_view>
#include <type_traits>
#include <utility>

namespace joulery {
inline namespace v1 {

/// A scope name that is built at run time, once, and used many times: a scope opened with it costs
/// what a literal costs, while a `std::string` is looked up at every call.
///
/// Thread: any number of threads may open scopes with one name. Cost: copies the text once.
/// Fails:  never; without memory its scopes are called "(unnamed)".
///
///     static const joulery::scope_name attention{"blk." + std::to_string(layer) + ".attn_q"};
///     joulery::scope s{attention};
class scope_name {
 public:
    explicit scope_name(std::string_view text) noexcept
        : text_(new (std::nothrow) char[text.size() + 1]) {
        if (text_ == nullptr) return;
        size_ = text.size();
        if (size_ > 0) std::memcpy(text_, text.data(), size_);
        text_[size_] = '\0';
        key_ = detail::name_key::of(text_, size_);
    }
    scope_name(scope_name&& other) noexcept
        : text_(std::exchange(other.text_, nullptr)),
          size_(std::exchange(other.size_, 0)),
          key_(std::exchange(other.key_, 0)) {}
    scope_name& operator=(scope_name&& other) noexcept {
        std::swap(text_, other.text_);
        std::swap(size_, other.size_);
        std::swap(key_, other.key_);
        return *this;
    }
    ~scope_name() { delete[] text_; }

    [[nodiscard]] std::string_view text() const noexcept {
        return text_ != nullptr ? std::string_view(text_, size_) : std::string_view();
    }
    /// What scopes are found by; the same for the same text.
    [[nodiscard]] std::uint64_t key() const noexcept { return key_; }

 private:
    char* text_;
    std::size_t size_ = 0;
    std::uint64_t key_ = 0;
};

namespace detail {
struct c_scopes;

/// Pointers to characters. Arrays of characters are handled separately.
template <class T, class Plain = std::remove_cv_t<std::remove_reference_t<T>>>
inline constexpr bool is_c_string =
    std::is_same_v<Plain, const char*> || std::is_same_v<Plain, char*>;

[[nodiscard]] inline std::string_view view_of(const char* name) noexcept {
    return name != nullptr ? std::string_view(name) : std::string_view("(null)");
}
}  // namespace detail

// Files compiled with and without JOULERY_DISABLE can be mixed in one program: enabled and disabled
// scopes are different types, and the macro only selects which of them is `joulery::scope`.
namespace enabled {
class scope;
class span;
class task_scope;
class scope_handle;
}  // namespace enabled
namespace disabled {
class scope_handle;
}

/// Anything that a scope can be opened in by name: a `meter`.
class scope_owner {
 public:
    scope_owner() = default;
    scope_owner(const scope_owner&) = delete;
    scope_owner& operator=(const scope_owner&) = delete;

 protected:
    ~scope_owner() = default;

 private:
    friend class enabled::scope;
    friend class enabled::span;
    friend class enabled::task_scope;
    /// The calling thread's scopes; null if nothing can be measured.
    virtual detail::thread_cursor* cursor_of_this_thread() noexcept = 0;
};

namespace enabled {
/// A phase of the program: from here to the end of the enclosing block.
///
/// Units:  the report gives joules, grams of CO2e and seconds for each path; paths nest with '/'.
/// Thread: belongs to the thread that made it; any number of threads at once.
/// Cost:   two reads of the tick counter and a few stores to the thread's own memory; no lock,
///         system call or allocation after the first visit of a path. A name that is neither a
///         literal nor a `scope_name` costs one more look-up. Scopes that are long enough have the
///         counters read at their edges.
/// Fails:  never; without a meter, after `stop()` and in a forked child it does nothing.
///
///     { joulery::scope s{"train/step"};
///       forward(); backward();
///       s.add_items(32, "sample"); }
class scope {
 public:
    /// A string literal (the fast path), or another array of characters up to its first NUL.
    template <std::size_t N>
    JOULERY_INLINE explicit scope(const char (&name)[N]) noexcept
        : node_(detail::enter_default(detail::keyed(name), this)) {}
    /// Any other string; copied at its first visit, looked up by content.
    template <class Text, std::enable_if_t<detail::is_c_string<Text>, int> = 0>
    JOULERY_INLINE explicit scope(Text&& name) noexcept : scope(detail::view_of(name)) {}
    JOULERY_INLINE explicit scope(std::string_view name) noexcept
        : node_(detail::enter_by_text(detail::process_tree(), name, this)) {}
    JOULERY_INLINE explicit scope(const scope_name& name) noexcept
        : node_(detail::enter_default(name, this)) {}

    /// In your own meter instead of the process-wide one.
    template <std::size_t N>
    JOULERY_INLINE scope(scope_owner& meter, const char (&name)[N]) noexcept
        : node_(detail::enter(meter.cursor_of_this_thread(), detail::keyed(name), this)) {}
    template <class Text, std::enable_if_t<detail::is_c_string<Text>, int> = 0>
    JOULERY_INLINE scope(scope_owner& meter, Text&& name) noexcept
        : scope(meter, detail::view_of(name)) {}
    JOULERY_INLINE scope(scope_owner& meter, std::string_view name) noexcept
        : node_(detail::enter_by_text(meter.cursor_of_this_thread(), name, this)) {}
    JOULERY_INLINE scope(scope_owner& meter, const scope_name& name) noexcept
        : node_(detail::enter(meter.cursor_of_this_thread(), name, this)) {}

    scope(const scope&) = delete;
    scope& operator=(const scope&) = delete;
    static void* operator new(std::size_t) = delete;
    static void* operator new[](std::size_t) = delete;

#if defined(__GNUC__) && !defined(__clang__)  // takes an empty std::optional<scope> for a full one
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#endif
    JOULERY_INLINE ~scope() {
        if (node_ != nullptr) detail::leave(node_, this);
    }
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic pop
#endif

    /// Adds functional units to this scope: the report gives joules per `item_name`. May be called
    /// any number of times; use a literal for `item_name`, and the same one throughout a path.
    void add_items(double count, const char* item_name = "item") noexcept {
        if (node_ == nullptr) return;
        node_->items.store(node_->items.load(std::memory_order_relaxed) + count,
                           std::memory_order_relaxed);
        if (JOULERY_UNLIKELY(node_->item_name.load(std::memory_order_relaxed) != item_name))
            detail::slow_path.load(std::memory_order_acquire)->name_items(node_, item_name);
    }

    /// The number of items this scope will process from now until it ends. The progress line
    /// (`options.live`) then shows how far the scope is and what it will cost. Not for hot paths:
    /// it takes a lock of the calling thread.
    void set_total(double count) noexcept {
        if (node_ != nullptr)
            detail::slow_path.load(std::memory_order_acquire)->plan_items(node_, count);
    }

    /// Whether this scope is being measured.
    [[nodiscard]] explicit operator bool() const noexcept { return node_ != nullptr; }

    /// For work that other threads do for this scope: see `task_scope` in span.hpp.
    [[nodiscard]] scope_handle handle() const noexcept;

 private:
    friend class task_scope;
    friend struct detail::c_scopes;
    explicit scope(detail::scope_node* found) noexcept : node_(detail::enter(found, this)) {}

    detail::scope_node* node_;
};

/// A scope around asynchronous work, made exact by waiting: `wait` is called before each edge is
/// taken, and returns once all work launched so far has finished. So work launched earlier is not
/// in the scope, and all work launched inside it is.
///
/// This is a separate type so that a plain `scope` carries no callable. Everything else is as in
/// `scope`; under `JOULERY_DISABLE` it is empty and `wait` is never called.
/// Thread: belongs to the thread that made it.
/// Cost:   two calls of `wait` and a scope; no call when measuring is switched off at run time.
/// Fails:  never. An exception from `wait` reaches the caller at the first edge and ends the
///         program at the second, as in any destructor.
///
///     joulery::synchronized_scope s{"forward", cudaDeviceSynchronize};
///     launch_forward();
///     s.add_items(32, "sample");
template <class Wait>
class synchronized_scope {
 public:
    template <class Name>
    synchronized_scope(Name&& name, Wait wait)
        : wait_(std::move(wait)), scope_((before(), std::forward<Name>(name))) {}
    /// In your own meter instead of the process-wide one.
    template <class Name>
    synchronized_scope(scope_owner& meter, Name&& name, Wait wait)
        : wait_(std::move(wait)), scope_((before(), meter), std::forward<Name>(name)) {}
    synchronized_scope(const synchronized_scope&) = delete;
    synchronized_scope& operator=(const synchronized_scope&) = delete;
    static void* operator new(std::size_t) = delete;
    static void* operator new[](std::size_t) = delete;
    ~synchronized_scope() {
        if (scope_) static_cast<void>(wait_());
    }

    void add_items(double count, const char* item_name = "item") noexcept {
        scope_.add_items(count, item_name);
    }
    [[nodiscard]] explicit operator bool() const noexcept { return static_cast<bool>(scope_); }
    [[nodiscard]] scope_handle handle() const noexcept;

 private:
    void before() {
        if (detail::scopes_enabled.load(std::memory_order_relaxed)) static_cast<void>(wait_());
    }

    Wait wait_;
    scope scope_;  // after `wait_`: its edges are taken when that has returned
};
}  // namespace enabled

/// The scopes under `JOULERY_DISABLE`: the same constructors and members, and no code.
namespace disabled {
class scope {
 public:
    template <std::size_t N>
    constexpr explicit scope(const char (&)[N]) noexcept {}
    template <class Text, std::enable_if_t<detail::is_c_string<Text>, int> = 0>
    constexpr explicit scope(Text&&) noexcept {}
    constexpr explicit scope(std::string_view) noexcept {}
    constexpr explicit scope(const scope_name&) noexcept {}
    template <std::size_t N>
    constexpr scope(scope_owner&, const char (&)[N]) noexcept {}
    template <class Text, std::enable_if_t<detail::is_c_string<Text>, int> = 0>
    constexpr scope(scope_owner&, Text&&) noexcept {}
    constexpr scope(scope_owner&, std::string_view) noexcept {}
    constexpr scope(scope_owner&, const scope_name&) noexcept {}
    scope(const scope&) = delete;
    scope& operator=(const scope&) = delete;
    static void* operator new(std::size_t) = delete;
    static void* operator new[](std::size_t) = delete;
    ~scope() {}  // user-provided, so that an unused one raises no warning
    void add_items(double, const char* = "item") noexcept {}
    void set_total(double) noexcept {}
    [[nodiscard]] constexpr explicit operator bool() const noexcept { return false; }
    [[nodiscard]] scope_handle handle() const noexcept;
};

template <class Wait>
class synchronized_scope {
 public:
    template <class Name>
    synchronized_scope(Name&& name, Wait) noexcept : scope_(std::forward<Name>(name)) {}
    template <class Name>
    synchronized_scope(scope_owner& meter, Name&& name, Wait) noexcept
        : scope_(meter, std::forward<Name>(name)) {}
    synchronized_scope(const synchronized_scope&) = delete;
    synchronized_scope& operator=(const synchronized_scope&) = delete;
    static void* operator new(std::size_t) = delete;
    static void* operator new[](std::size_t) = delete;
    void add_items(double, const char* = "item") noexcept {}
    [[nodiscard]] constexpr explicit operator bool() const noexcept { return false; }
    [[nodiscard]] scope_handle handle() const noexcept;

 private:
    scope scope_;
};
}  // namespace disabled

#ifdef JOULERY_DISABLE
using disabled::scope;
using disabled::synchronized_scope;
#else
using enabled::scope;
using enabled::synchronized_scope;
#endif

}  // namespace v1
}  // namespace joulery
