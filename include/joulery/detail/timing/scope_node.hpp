// scope_node.hpp - a scope's place in its thread's tree; all that the hot path
// touches. SPDX-License-Identifier: MIT
//
// One thread writes a tree, others read it at any moment. So everything a reader needs of a node's
// time is one atomic word: the ticks it was open so far, less the tick at which it was opened while
// it is open, with the top bit telling which. A reader adds its own `now` to an open node and has
// the time up to that moment, without a lock, a sequence number or a second try.
#pragma once

#include "joulery/detail/core/config.hpp"

#include <atomic>
#include <cstddef>
#include <cstdint>

namespace joulery {
inline namespace v1 {
namespace detail {

struct thread_cursor;
struct path_record;

/// What a source keeps in a node: the node's time when the books were last closed.
struct source_mark {
    std::uint64_t seen = 0;   ///< ticks open at the last close
    std::uint32_t claim = 0;  ///< where its last claim stands in the tree's
    std::uint32_t place = 0;  ///< among the nodes that were open since the close before
};

/// Why a node leaves the fast path; the low bits, above them one bit a source that wants edge
/// reads.
enum node_flag : std::uint32_t {
    other_clock = 1u << 0,   ///< the meter does not run on `ticks_now()`
    tree_is_dead = 1u << 1,  ///< the meter has stopped; find another tree
    out_of_order = 1u << 2,  ///< an enclosing scope ended first
    recorded = 1u << 3,      ///< each call is kept, for a trace
    first_edge_bit = 1u << 4,
};
inline constexpr std::uint32_t edge_bits = ~(first_edge_bit - 1u);
inline constexpr std::size_t max_edge_sources = 28;

struct alignas(64) scope_node {
    static constexpr std::uint64_t open_bit = std::uint64_t{1} << 63;

    std::atomic<std::uint64_t> state{0};
    std::atomic<std::uint64_t> calls{0};
    std::atomic<std::uint32_t> flags{0};
    std::uint32_t depth = 0;
    scope_node* parent = nullptr;
    thread_cursor* tree = nullptr;
    std::atomic<scope_node*> first_child{nullptr};
    std::atomic<scope_node*> next_sibling{nullptr};
    std::uint64_t tallied_ends = 0;  ///< calls ended at the last tally; here, so that a walk
                                     ///< looks at one cache line of a quiet node
    const char* literal = nullptr;  ///< address of the literal that made it; null for dynamic names

    // Children last seen, found by the address of their literal.
    struct hint {
        const char* literal = nullptr;
        scope_node* child = nullptr;
    };
    hint hints[4];

    std::atomic<double> items{0};
    std::atomic<const char*> item_name{nullptr};  ///< the literal last given to add_items
    path_record* path = nullptr;
    source_mark* marks = nullptr;  ///< one a source
    std::uint64_t tallied_ticks = 0;
    std::uint64_t tallied_calls = 0;  ///< entered, the open call included
    double tallied_items = 0;

    [[nodiscard]] static hint& hint_of(scope_node& n, const char* literal) noexcept {
        return n.hints[(reinterpret_cast<std::uintptr_t>(literal) >> 3) & 3];
    }

    // Only the owning thread calls open and close.
    JOULERY_INLINE void open(std::uint64_t now) noexcept {
        const std::uint64_t closed = state.load(std::memory_order_relaxed);
        state.store(((closed - now) & ~open_bit) | open_bit, std::memory_order_release);
    }
    JOULERY_INLINE void close(std::uint64_t now) noexcept {
        const std::uint64_t opened = state.load(std::memory_order_relaxed);
        state.store((opened + now) & ~open_bit, std::memory_order_release);
        calls.store(calls.load(std::memory_order_relaxed) + 1, std::memory_order_release);
    }
    [[nodiscard]] bool is_open() const noexcept {
        return (state.load(std::memory_order_acquire) & open_bit) != 0;
    }
    /// Ticks open up to `now`; any thread. If it was opened after `now`, no more than it had
    /// before.
    [[nodiscard]] std::uint64_t ticks_at(std::uint64_t now) const noexcept {
        return ticks_in(state.load(std::memory_order_acquire), now);
    }
    /// The same of a state that was loaded before.
    [[nodiscard]] static std::uint64_t ticks_in(std::uint64_t s, std::uint64_t now) noexcept {
        if ((s & open_bit) == 0) return s;
        const std::uint64_t ticks = (s + now) & ~open_bit;
        return (ticks & (open_bit >> 1)) == 0 ? ticks : 0;  // else it is below zero, in 63 bits
    }
};

/// The nearest node that is open, from `n` upwards; the root: none is.
[[nodiscard]] inline scope_node* nearest_open(scope_node* n) noexcept {
    while (n->parent != nullptr && !n->is_open()) n = n->parent;
    return n;
}

/// A thread's scopes in one meter. The hot part; `thread_context` adds what the engine needs.
struct thread_cursor {
    scope_node root;
    scope_node* current = &root;
};

/// The slow ways in and out of a scope; the engine installs them before the first tree is made.
struct slow_path_table {
    thread_cursor* (*open_default)() noexcept;  ///< this thread's tree in the process-wide meter
    scope_node* (*find_child)(scope_node* parent, const char* name, std::size_t size,
                              bool is_literal) noexcept;
    scope_node* (*enter)(scope_node* node) noexcept;  ///< opens a flagged node; null: inert
    void (*leave)(scope_node* node) noexcept;
    void (*name_items)(scope_node* node, const char* name) noexcept;  ///< at a new name only
    void (*plan_items)(scope_node* node, double total) noexcept;  ///< items the open call will have
};

/// This thread's tree in the process-wide meter, which the first call starts. The implementation
/// defines it; where no file of the program has that, it is null and scopes do nothing.
JOULERY_WEAK thread_cursor* first_tree() noexcept;

/// What every scope of the process reads first. Written rarely; one copy in the whole process.
JOULERY_EXPORT inline std::atomic<bool> scopes_enabled{true};
/// Installed with the first meter.
JOULERY_EXPORT inline std::atomic<const slow_path_table*> cold{nullptr};
/// This thread's tree in the process-wide meter.
JOULERY_TLS inline thread_local thread_cursor* default_tree = nullptr;

}  // namespace detail
}  // namespace v1
}  // namespace joulery
