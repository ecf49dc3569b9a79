// library_section.hpp - marks that a thread is inside the library.
// SPDX-License-Identifier: MIT
#pragma once

#include "joulery/detail/timing/scope_node.hpp"

namespace joulery {
inline namespace v1 {
namespace detail {

/// While it exists, scopes opened by the calling thread are not measured: scopes of an allocator
/// that the library calls, of a backend, or of a signal handler that interrupts it. They would wait
/// for locks that this thread holds.
///
///     const library_section inside;
///     if (inside.is_nested()) return nullptr;
class library_section {
 public:
    library_section() noexcept : before_(inside_library) { inside_library = true; }
    library_section(const library_section&) = delete;
    library_section& operator=(const library_section&) = delete;
    ~library_section() { inside_library = before_; }

    /// Whether the thread was inside already.
    [[nodiscard]] bool is_nested() const noexcept { return before_; }

 private:
    const bool before_;
};

}  // namespace detail
}  // namespace v1
}  // namespace joulery
