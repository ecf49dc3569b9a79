// scope_node.hpp - a scope's place in its thread's tree; all that the hot path touches.
// SPDX-License-Identifier: MIT
//
// One thread writes a tree while others may read it at any moment. So the time of a node is one
// atomic word: the ticks it was open so far; while it is open, less the tick at which it was
// opened, with the top bit set. A reader adds its own `now` to an open node and gets the time up to
// that moment, without a lock, a sequence number or a retry.
#pragma once

#include "joulery/detail/core/config.hpp"
#include "joulery/detail/timing/lost_time.hpp"
#include "joulery/detail/timing/name_key.hpp"
#include "joulery/detail/timing/sampled_calls.hpp"

#include <atomic>
#include <cstddef>
#include <cstdint>

namespace joulery {
inline namespace v1 {
namespace detail {

struct thread_cursor;
struct path_record;

/// Why a node leaves the fast path; above these bits there is one bit for each backend that wants
/// edge reads.
enum node_flag : std::uint32_t {
    other_clock = 1u << 0,     ///< the meter does not run on `ticks_now()`
    tree_is_dead = 1u << 1,    ///< the meter has stopped; find another tree
    out_of_order = 1u << 2,    ///< the enclosing scope may have ended: check the thread's place
    recorded = 1u << 3,        ///< each call is recorded, for a trace
    ends_elsewhere = 1u << 4,  ///< another thread has ended a call of it
    sampled = 1u << 5,         ///< its calls, or those of the scope around it, are not all timed
    first_edge_bit = 1u << 6,
};
inline constexpr std::uint32_t edge_bits = ~(first_edge_bit - 1u);
inline constexpr std::size_t max_edge_backends = 26;

struct alignas(64) scope_node {
    static constexpr std::uint64_t open_bit = std::uint64_t{1} << 63;
    static constexpr std::uint16_t no_name = 0xFFFF;

    // The cache line that a scope touches, and a walk over quiet nodes. The first member has the
    // node's own address, which saves an instruction wherever it is noted.
    scope_node* follower = &nobody;  ///< the scope that began after its begin last time
    std::atomic<std::uint64_t> state{0};
    std::atomic<std::uint64_t> calls{0};
    std::atomic<std::uint32_t> flags{0};
    std::int32_t until_timed = 0;  ///< untimed calls up to the next timed one
    scope_node* parent = nullptr;
    thread_cursor* tree = nullptr;
    std::atomic<const void*> holder{nullptr};  ///< the scope object that opened it last
    std::uint64_t place = 0;                   ///< its parent's address plus its name's key

    // The adjacent cache line: compared by a look-up by name.
    scope_node* successor = &nobody;  ///< the one after its end, if others began inside it
    std::uint64_t tallied_ends = 0;   ///< calls ended at the last tally
    const char* name = nullptr;       ///< `name_size` characters and a NUL
    std::uint16_t name_size = no_name;
    static constexpr std::size_t short_size = 31;
    char short_name[short_size + 1] = {};  ///< holds the name if it fits

    std::atomic<scope_node*> first_child{nullptr};
    std::atomic<scope_node*> next_sibling{nullptr};
    static constexpr std::size_t hint_count = 8;
    scope_node* hints[hint_count] = {};  ///< children by the low bits of their keys; null: none yet

    scope_node* next_lane = nullptr;  ///< another node of the same path, for calls that overlap
    std::atomic<double> items{0};
    std::atomic<const char*> item_name{nullptr};  ///< the literal last passed to add_items
    path_record* path = nullptr;
    std::uint32_t index = 0;  ///< place in its tree, in order of creation
    std::uint16_t depth = 0;
    sampled_calls sampling;
    std::uint64_t tallied_ticks = 0;
    std::uint64_t tallied_calls = 0;  ///< calls entered, including the open one
    double tallied_items = 0;
    std::uint64_t tallied_inside = 0;  ///< ticks of the scopes inside it
    std::uint64_t tallied_untimed = 0;
    double tallied_variance = 0;

    /// A placeholder where there is no node yet: it never opens.
    static scope_node nobody;

    constexpr scope_node() noexcept = default;
    explicit constexpr scope_node(std::uint32_t set) noexcept : flags(set) {}

    /// `place` of a child whose name has that key.
    [[nodiscard]] std::uint64_t place_of(std::uint64_t child_key) const noexcept {
        return child_key + reinterpret_cast<std::uintptr_t>(this);
    }
    /// Of its name.
    [[nodiscard]] std::uint64_t key() const noexcept { return place - parent->place_of(0); }
    [[nodiscard]] scope_node*& hint_of(std::uint64_t child_key) noexcept {
        return hints[child_key % hint_count];
    }

    // By the owning thread; for a task of another thread, under the tree's lock.
    JOULERY_INLINE void open(std::uint64_t now) noexcept {
        const std::uint64_t closed = state.load(std::memory_order_relaxed);
        state.store(((closed - now) & ~open_bit) | open_bit, std::memory_order_release);
    }
    JOULERY_INLINE void close(std::uint64_t now) noexcept {
        const std::uint64_t opened = state.load(std::memory_order_relaxed);
        state.store((opened + now) & ~open_bit, std::memory_order_release);
        count_call();
    }
    /// Adds ticks that belong to no timed call.
    void add_ticks(std::uint64_t ticks) noexcept {
        const std::uint64_t before = state.load(std::memory_order_relaxed);
        state.store(((before + ticks) & ~open_bit) | (before & open_bit),
                    std::memory_order_release);
    }
    [[nodiscard]] bool is_open() const noexcept {
        return (state.load(std::memory_order_acquire) & open_bit) != 0;
    }
    [[nodiscard]] bool is_sampled() const noexcept {
        return (flags.load(std::memory_order_relaxed) & sampled) != 0;
    }
    /// Whether the thread is in an untimed call of it. Owning thread only, for the innermost scope
    /// and those around it.
    [[nodiscard]] bool is_untimed() const noexcept { return is_sampled() && !is_open(); }
    [[nodiscard]] bool is_entered() const noexcept { return is_sampled() || is_open(); }
    JOULERY_INLINE void count_call() noexcept {
        calls.store(calls.load(std::memory_order_relaxed) + 1, std::memory_order_release);
    }
    /// Ticks open up to `now`; any thread. If it was opened after `now`, those of earlier calls.
    [[nodiscard]] std::uint64_t ticks_at(std::uint64_t now) const noexcept {
        return ticks_in(state.load(std::memory_order_acquire), now);
    }
    /// The same for a state that was loaded earlier.
    [[nodiscard]] static std::uint64_t ticks_in(std::uint64_t s, std::uint64_t now) noexcept {
        if ((s & open_bit) == 0) return s;
        const std::uint64_t ticks = (s + now) & ~open_bit;
        return (ticks & (open_bit >> 1)) == 0 ? ticks : 0;  // else it is negative, in 63 bits
    }
};

inline scope_node scope_node::nobody{~std::uint32_t{0}};

/// The nearest node that its thread is in, from the innermost scope upwards; the root if there is
/// none.
[[nodiscard]] inline scope_node* nearest_entered(scope_node* n) noexcept {
    while (n->parent != nullptr && !n->is_entered()) n = n->parent;
    return n;
}

/// A thread's scopes in one meter: the hot part. `thread_context` adds what the engine needs.
struct thread_cursor {
    scope_node root;
    scope_node* current = &root;  ///< innermost scope; open, or in an untimed call
    const void* const thread;     ///< identifies the thread that made it; null: see `no_tree`
    /// Where the scope is kept that began next last time: `follower` of the one that began last, or
    /// `successor` of one that has ended since. Only a guess after irregular ends. Most ends store
    /// nothing here, so the next begin need not wait for them.
    /// Not next to `current`: both would be stored as one vector, from which loads take longer.
    scope_node** next = &root.follower;
    std::uintptr_t stack_low =
        0;  ///< end of the thread's stack; 0: not asked for yet, max: unknown
    timing_cost cost;
    lost_time lost;  ///< preempted time, as of the last look by a sampled scope
    const class exact_times* exact_times = nullptr;  ///< the meter's
    std::atomic<bool> has_samples{false};            ///< a scope has calls that were not timed

    /// `maker`: identifies the thread; null: none.
    explicit constexpr thread_cursor(const void* maker) noexcept : thread(maker) {}
    /// False: see `no_tree`.
    [[nodiscard]] bool is_a_tree() const noexcept { return thread != nullptr; }
    JOULERY_INLINE void go_into(scope_node& n) noexcept {
        current = &n;
        next = &n.follower;
    }
    JOULERY_INLINE void go_past(scope_node& n) noexcept {
        current = n.parent;
        if (JOULERY_UNLIKELY(next != &n.follower)) next = &n.successor;
    }
};

/// Stands for the tree of a thread that has none: no scope begins or ends in it the fast way.
JOULERY_EXPORT inline thread_cursor no_tree{nullptr};

/// This thread's tree in the process-wide meter. Its address also identifies the thread.
JOULERY_TLS inline thread_local thread_cursor* default_tree = &no_tree;

/// The part of a scope or span that a handle needs; the session knows the rest.
struct scope_link {
    explicit scope_link(bool of_a_span) noexcept : is_span(of_a_span) {}
    std::atomic<std::size_t> holders{1};  ///< reference count; the last holder frees it
    const bool is_span;
};

/// Where a task goes: its node, still closed, and the node's ticks from earlier calls.
struct task_place {
    scope_node* node = nullptr;
    std::uint64_t ticks_before = 0;
};

/// The figures of a span as plain numbers; `used` is made from them.
struct span_figures {
    double joules = 0, deviation = 0, grams = 0;
    double seconds = 0, busy_seconds = 0;
    unsigned char provenance = 3;  ///< a `quality`
};

/// The slow paths in and out of a scope; the engine installs them before the first tree is made.
/// `holder` is the scope object, `sp` the lowest address of the caller's stack in use.
struct slow_path_table {
    thread_cursor* (*open_default)() noexcept;  ///< this thread's tree in the process-wide meter
    /// Opens the child of that name in the innermost open scope; null: it is not measured.
    scope_node* (*enter)(thread_cursor* tree, const char* name, std::size_t size,
                         const void* holder, std::uintptr_t sp) noexcept;
    /// The same for a name that knows its key; this scope is expected there next time.
    scope_node* (*enter_text)(thread_cursor* tree, const char* name, std::size_t size,
                              const void* holder, std::uintptr_t sp) noexcept;
    scope_node* (*enter_node)(scope_node* node, const void* holder) noexcept;  ///< a known node
    void (*leave)(scope_node* node, const void* holder, std::uintptr_t sp) noexcept;
    /// Ends the innermost scope, which is sampled and in a timed call, at `now`.
    void (*leave_timed)(scope_node* node, std::uint64_t now) noexcept;
    void (*name_items)(scope_node* node, const char* name) noexcept;  ///< only if the name is new
    void (*plan_items)(scope_node* node, double total) noexcept;  ///< items the open call will have
    scope_link* (*link)(scope_node* node) noexcept;               ///< for a handle; null: no memory
    void (*unlink)(scope_link* link) noexcept;
    /// Where a task of a handle's scope goes in `tree`; null: in the calling thread's tree.
    task_place (*find_task)(const scope_link& owner, thread_cursor* tree, const char* name,
                            std::size_t size) noexcept;
    /// Ends a task and adds its time to the span.
    void (*leave_task)(scope_link* span, const task_place& task, const void* holder) noexcept;
    /// Begins a span inside `owner` or, if that is null, inside the innermost scope of `tree`.
    scope_link* (*begin_span)(thread_cursor* tree, const scope_link* owner, const char* name,
                              std::size_t size) noexcept;
    void (*add_span_items)(scope_link* span, double count, const char* name) noexcept;
    span_figures (*end_span)(scope_link* span) noexcept;  ///< also frees it
};

/// This thread's tree in the process-wide meter, which the first call starts. Defined by the
/// implementation; null if no file of the program contains that, and then scopes do nothing.
JOULERY_WEAK thread_cursor* first_tree() noexcept;

/// The first thing that every scope of the process reads. Written rarely; one copy per process.
JOULERY_EXPORT inline std::atomic<bool> scopes_enabled{true};
/// Installed with the first meter.
JOULERY_EXPORT inline std::atomic<const slow_path_table*> slow_path{nullptr};
/// Whether this thread is inside the library or one of its own: scopes opened there (by an
/// allocator, a backend, a signal handler) are not measured.
JOULERY_TLS inline thread_local bool inside_library = false;

}  // namespace detail
}  // namespace v1
}  // namespace joulery
