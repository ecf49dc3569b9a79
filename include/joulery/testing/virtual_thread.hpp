// virtual_thread.hpp - a thread played by the test, so that interleavings are
// exact. SPDX-License-Identifier: MIT
#pragma once

#include "joulery/detail/session/engine.hpp"
#include "joulery/detail/timing/thread_context.hpp"
#include "joulery/meter.hpp"

#include <atomic>
#include <memory>

namespace joulery {
inline namespace v1 {
namespace testing {

/// Stands for a thread: scopes opened in it nest as on a thread of their own. Several of them on
/// one real thread make any interleaving, the same every time.
///
///     virtual_thread worker{m};
///     { joulery::scope a{worker, "forward"};  machine.run(1ms); }
class virtual_thread {
 public:
    explicit virtual_thread(meter& m) : tree_(m.machinery().add_tree()) {}
    virtual_thread(const virtual_thread&) = delete;
    virtual_thread& operator=(const virtual_thread&) = delete;
    /// The thread ends; what it measured stays.
    ~virtual_thread() { tree_->thread_ended.store(true, std::memory_order_release); }

    [[nodiscard]] detail::thread_cursor* cursor_of_this_thread() const noexcept {
        return tree_.get();
    }

 private:
    std::shared_ptr<detail::thread_context> tree_;
};

}  // namespace testing
}  // namespace v1
}  // namespace joulery
