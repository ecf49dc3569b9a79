// c_interface.hpp - what joulery.h calls.
// SPDX-License-Identifier: MIT
#pragma once

#include "joulery/detail/core/catch_bad_alloc.hpp"
#include "joulery/detail/core/config.hpp"
#include "joulery/detail/core/descriptor.hpp"
#include "joulery/detail/core/utf8.hpp"
#include "joulery/detail/timing/library_section.hpp"
#include "joulery/detail/timing/name_key.hpp"
#include "joulery/detail/timing/scope_edges.hpp"
#include "joulery/detail/timing/signal_context.hpp"
#include "joulery/joulery.h"
#include "joulery/report_io.hpp"
#include "joulery/scope.hpp"
#include "joulery/session.hpp"

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>
#include <string>
#include <string_view>

namespace joulery {
inline namespace v1 {
namespace detail {

/// The scopes that C code of this thread has begun and not ended. Begins beyond its capacity are
/// only counted, so that their ends do nothing.
struct c_scopes {
    static constexpr std::size_t room = 256;
    alignas(enabled::scope) unsigned char storage[room][sizeof(enabled::scope)];
    std::size_t depth = 0;

    void begin(std::string_view name, bool is_literal) noexcept {
        if (depth++ >= room) return;
        void* const place = storage[depth - 1];
        if (!is_literal) {
            ::new (place) enabled::scope(name);
            return;
        }
        auto* const made = ::new (place) enabled::scope(static_cast<scope_node*>(nullptr));
        const std::uint64_t key = name_key::of(name.data(), name.size());
        made->node_ = enter_default(keyed_text{name, key}, place);
    }
    void end() noexcept {
        if (depth == 0) return;
        if (depth-- <= room) at(depth).~scope();
    }
    void add_items(double count, const char* item_name) noexcept {
        if (depth > 0 && depth <= room) at(depth - 1).add_items(count, item_name);
    }

 private:
    enabled::scope& at(std::size_t i) noexcept {
        return *std::launder(reinterpret_cast<enabled::scope*>(storage[i]));
    }
};

/// On the heap, because libraries that are loaded later get little space for thread-local
/// variables.
JOULERY_TLS inline thread_local c_scopes* scopes_of_c = nullptr;
JOULERY_TLS inline thread_local bool are_scopes_of_c_over = false;

struct c_scopes_of_thread {
    std::unique_ptr<c_scopes> made{new (std::nothrow) c_scopes};
    c_scopes_of_thread() = default;
    c_scopes_of_thread(const c_scopes_of_thread&) = delete;
    c_scopes_of_thread& operator=(const c_scopes_of_thread&) = delete;
    ~c_scopes_of_thread() {
        scopes_of_c = nullptr;
        are_scopes_of_c_over = true;
    }
};

/// Null if memory must not be allocated or has run out, and in a thread's last destructors.
JOULERY_NOINLINE inline c_scopes* make_scopes_of_c() noexcept {
    if (are_scopes_of_c_over || signal_context::is_handler(stack_pointer())) return nullptr;
    const library_section inside;
    if (inside.is_nested()) return nullptr;
    static thread_local c_scopes_of_thread mine;
    scopes_of_c = mine.made.get();
    return scopes_of_c;
}

}  // namespace detail
}  // namespace v1
}  // namespace joulery

extern "C" {

JOULERY_DECL void joulery_c_begin(const char* name, std::size_t size, int is_literal) {
    joulery::detail::c_scopes* mine = joulery::detail::scopes_of_c;
    if (mine == nullptr) mine = joulery::detail::make_scopes_of_c();
    if (mine != nullptr) mine->begin({name, size}, is_literal != 0);
}

JOULERY_DECL void joulery_c_end() {
    if (joulery::detail::c_scopes* mine = joulery::detail::scopes_of_c) mine->end();
}

JOULERY_DECL void joulery_c_add_items(double count, const char* item_name) {
    if (joulery::detail::c_scopes* mine = joulery::detail::scopes_of_c)
        mine->add_items(count, item_name != nullptr ? item_name : "item");
}

JOULERY_DECL int joulery_c_write_report(const char* file) {
    int failed = 1;
    (void)joulery::detail::catch_bad_alloc([&] {
        const joulery::status done = joulery::write_report(joulery::snapshot(), file);
        failed = done ? 0 : 1;
        if (done) return;
        const joulery::failure& f = done.error();
        const std::string why = f.remedy.empty() ? f.reason : f.reason + "; " + f.remedy;
        (void)joulery::detail::write_to_stderr("joulery: " + joulery::escape_control(why) + "\n");
    });
    return failed;
}

}  // extern "C"
