// item_plans.hpp - the totals of items that open scopes have announced.
// SPDX-License-Identifier: MIT
#pragma once

#include "joulery/detail/core/list.hpp"
#include "joulery/detail/timing/scope_node.hpp"

#include <algorithm>
#include <cstddef>
#include <cstdint>

namespace joulery {
inline namespace v1 {
namespace detail {

/// The plan of one call of a scope.
struct item_plan {
    const scope_node* node = nullptr;
    std::uint64_t calls = 0;  ///< ended calls of the node; identifies a call
    double before = 0;        ///< items of the node when the plan was made
    double total = 0;         ///< items that the call will add
    std::uint64_t at = 0;     ///< tick of the plan

    [[nodiscard]] bool is_open() const noexcept {
        return node->is_open() && node->calls.load(std::memory_order_acquire) == calls;
    }
    [[nodiscard]] double done() const noexcept {
        return node->items.load(std::memory_order_relaxed) - before;
    }
};

/// The plans of one thread's open scopes.
///
/// Thread: not synchronized; guarded by the tree's mutex.
/// Cost:   linear in the open scopes that have a plan, usually one.
///
///     item_plans plans;
///     plans.set(node, 50'000, now);
///     plans.for_open([](const item_plan& p) { show(p.done() / p.total); });
class item_plans {
 public:
    void set(const scope_node& n, double total, std::uint64_t now) {
        const auto is_over = [&](const item_plan& p) { return p.node == &n || !p.is_open(); };
        erase_from(plans_, is_over);
        plans_.push_back({&n, n.calls.load(std::memory_order_relaxed),
                          n.items.load(std::memory_order_relaxed), total, now});
    }
    template <class Visit>
    void for_open(Visit visit) const {
        for (const item_plan& p : plans_)
            if (p.is_open()) visit(p);
    }
    [[nodiscard]] std::size_t size() const noexcept { return plans_.size(); }

 private:
    list<item_plan> plans_;
};

}  // namespace detail
}  // namespace v1
}  // namespace joulery
