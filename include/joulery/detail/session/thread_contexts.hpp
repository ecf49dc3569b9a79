// thread_contexts.hpp - the calling thread's trees, one per meter, and the end of a thread.
// SPDX-License-Identifier: MIT
#pragma once

#include "joulery/detail/core/catch_bad_alloc.hpp"
#include "joulery/detail/core/config.hpp"
#include "joulery/detail/core/list.hpp"
#include "joulery/detail/session/engine.hpp"
#include "joulery/detail/session/scope_ends.hpp"
#include "joulery/detail/timing/library_section.hpp"
#include "joulery/detail/timing/signal_context.hpp"
#include "joulery/detail/timing/thread_context.hpp"

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <memory>
#include <utility>

namespace joulery {
inline namespace v1 {
namespace detail {

/// All trees of one thread. When the thread ends, the engines keep their contents.
class thread_contexts {
 public:
    thread_contexts() = default;
    thread_contexts(const thread_contexts&) = delete;
    thread_contexts& operator=(const thread_contexts&) = delete;
    ~thread_contexts() {
        state_of_this_thread() = state::gone;
        default_tree = &no_tree;
        for (const entry& e : entries_) end_thread(e.tree);
    }

    /// The tree in a meter; null: there is none yet.
    [[nodiscard]] thread_context* find(std::uint64_t meter_id) const noexcept {
        for (const entry& e : entries_)
            if (e.meter_id == meter_id) return e.tree.get();
        return nullptr;
    }

    /// The tree in that engine, created at the first call. Null without memory, in a signal
    /// handler, and in an allocator called by this function.
    thread_context* tree_in(engine& owner, std::uint64_t meter_id) noexcept {
        if (is_making_) return nullptr;
        if (thread_context* known = find(meter_id)) return known;
        if (signal_context::is_handler(stack_pointer())) return nullptr;
        const library_section inside;
        is_making_ = true;
        const bool had_memory = catch_bad_alloc([&] {
            forget_dead();
            entries_.reserve(entries_.size() + 1);  // first, since it may fail
            entries_.push_back({meter_id, owner.add_tree()});
        });
        is_making_ = false;
        return had_memory ? entries_.back().tree.get() : nullptr;
    }

    /// Whether this thread's list exists yet; `gone` in the thread's last destructors.
    enum class state : unsigned char { fresh, made, gone };
    static state& state_of_this_thread() noexcept {
        static thread_local state now = state::fresh;
        return now;
    }

 private:
    struct entry {
        std::uint64_t meter_id;
        std::shared_ptr<thread_context> tree;
    };
    void forget_dead() {
        const auto forgotten = [](const entry& e) {
            if (!e.tree->is_dead() || !e.tree->is_outside()) return false;
            if (default_tree == e.tree.get()) default_tree = &no_tree;
            return true;
        };
        erase_from(entries_, forgotten);
    }
    list<entry> entries_;
    bool is_making_ = false;
};

/// Never reused, so that a thread does not mistake a new meter for an old one.
JOULERY_EXPORT inline std::atomic<std::uint64_t> last_meter_id{0};

/// The calling thread's trees. Null in its last destructors, and in a signal handler that comes
/// before its first scope.
JOULERY_EXPORT JOULERY_NOINLINE inline thread_contexts* contexts_of_this_thread() noexcept {
    thread_contexts::state& now = thread_contexts::state_of_this_thread();
    if (now == thread_contexts::state::gone) return nullptr;
    if (now == thread_contexts::state::fresh) {
        if (signal_context::is_handler(stack_pointer())) return nullptr;
        now = thread_contexts::state::made;
    }
    static thread_local thread_contexts trees;
    return &trees;
}

/// How the process-wide meter gives the calling thread a tree; set by process_meter.hpp.
JOULERY_EXPORT inline std::atomic<thread_cursor* (*)() noexcept> default_tree_opener{nullptr};

inline thread_cursor* open_default_tree() noexcept {
    const library_section inside;
    const auto opener = default_tree_opener.load(std::memory_order_acquire);
    return opener != nullptr ? opener() : nullptr;
}

/// The tree to open a scope in: if its meter has stopped, the thread's new one.
inline thread_context* living_tree(thread_cursor* tree) noexcept {
    if (static_cast<thread_context*>(tree)->is_dead()) {
        default_tree = &no_tree;
        tree = open_default_tree();
    }
    return static_cast<thread_context*>(tree);
}

}  // namespace detail
}  // namespace v1
}  // namespace joulery
