// joulery/engine/thread_trees.hpp - the calling thread's trees, one a meter, and a thread's end.
// Layer 6. SPDX-License-Identifier: MIT
#pragma once

#include "joulery/core/config.hpp"
#include "joulery/engine/engine.hpp"
#include "joulery/engine/owned_tree.hpp"

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
class thread_trees {
 public:
    thread_trees() = default;
    thread_trees(const thread_trees&) = delete;
    thread_trees& operator=(const thread_trees&) = delete;
    ~thread_trees() {
        gone() = true;
        default_tree = nullptr;
        for (const entry& e : entries_) e.tree->thread_ended.store(true, std::memory_order_release);
    }

    /// The tree in that engine, made at the first call.
    owned_tree* tree_in(engine& owner, std::uint64_t meter_id) {
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
        std::shared_ptr<owned_tree> tree;
    };
    void forget_dead() {
        entries_.erase(
            std::remove_if(entries_.begin(), entries_.end(),
                           [](const entry& e) { return e.tree->is_dead() && e.tree->is_idle(); }),
            entries_.end());
    }
    std::vector<entry> entries_;
};

/// Never used twice, so that a thread does not take a new meter for one it knew.
JOULERY_EXPORT inline std::atomic<std::uint64_t> last_meter_id{0};

/// The calling thread's trees, or null in its last destructors.
JOULERY_EXPORT JOULERY_NOINLINE inline thread_trees* trees_of_this_thread() noexcept {
    if (thread_trees::gone()) return nullptr;
    static thread_local thread_trees trees;
    return &trees;
}

}  // namespace detail
}  // namespace v1
}  // namespace joulery
