// thread_contexts.hpp - the calling thread's trees, one a meter, and the end of a
// thread. SPDX-License-Identifier: MIT
#pragma once

#include "joulery/detail/core/config.hpp"
#include "joulery/detail/session/engine.hpp"
#include "joulery/detail/timing/thread_context.hpp"

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <memory>
#include <utility>
#include <vector>

namespace joulery {
inline namespace v1 {
namespace detail {

/// All trees of one thread. When the thread ends they are marked so, and their engines keep what
/// they hold.
class thread_contexts {
 public:
    thread_contexts() = default;
    thread_contexts(const thread_contexts&) = delete;
    thread_contexts& operator=(const thread_contexts&) = delete;
    ~thread_contexts() {
        gone() = true;
        default_tree = nullptr;
        for (const entry& e : entries_) e.tree->thread_ended.store(true, std::memory_order_release);
    }

    /// The tree in that engine, made at the first call.
    thread_context* tree_in(engine& owner, std::uint64_t meter_id) {
        for (const entry& e : entries_)
            if (e.meter_id == meter_id) return e.tree.get();
        forget_dead();
        entries_.push_back({meter_id, owner.add_tree()});
        return entries_.back().tree.get();
    }

    /// Whether this thread's list is destroyed: the thread is in its last destructors.
    static bool& gone() noexcept {
        static thread_local bool flag = false;
        return flag;
    }

 private:
    struct entry {
        std::uint64_t meter_id;
        std::shared_ptr<thread_context> tree;
    };
    void forget_dead() {
        const auto forgotten = [](const entry& e) {
            if (!e.tree->is_dead() || !e.tree->is_idle()) return false;
            if (default_tree == e.tree.get()) default_tree = nullptr;
            return true;
        };
        entries_.erase(std::remove_if(entries_.begin(), entries_.end(), forgotten), entries_.end());
    }
    std::vector<entry> entries_;
};

/// Never used twice, so that a thread does not take a new meter for one it knew.
JOULERY_EXPORT inline std::atomic<std::uint64_t> last_meter_id{0};

/// The calling thread's trees, or null in its last destructors.
JOULERY_EXPORT JOULERY_NOINLINE inline thread_contexts* contexts_of_this_thread() noexcept {
    if (thread_contexts::gone()) return nullptr;
    static thread_local thread_contexts trees;
    return &trees;
}

}  // namespace detail
}  // namespace v1
}  // namespace joulery
