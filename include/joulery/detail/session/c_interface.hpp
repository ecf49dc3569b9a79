// c_interface.hpp - what joulery.h calls.
// SPDX-License-Identifier: MIT
#pragma once

#include "joulery/detail/core/catch_bad_alloc.hpp"
#include "joulery/detail/core/config.hpp"
#include "joulery/detail/core/utf8.hpp"
#include "joulery/detail/timing/name_key.hpp"
#include "joulery/detail/timing/scope_edges.hpp"
#include "joulery/joulery.h"
#include "joulery/report_io.hpp"
#include "joulery/scope.hpp"
#include "joulery/session.hpp"

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <new>
#include <string>
#include <string_view>

namespace joulery {
inline namespace v1 {
namespace detail {

/// The scopes that C code of this thread has begun and not ended. A begin beyond its room is
/// counted, so that its end does nothing.
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
        if (thread_cursor* tree = process_tree())
            made->node_ = enter_text(tree, name.data(), name.size(), key, place);
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

inline thread_local c_scopes scopes_of_c;

}  // namespace detail
}  // namespace v1
}  // namespace joulery

extern "C" {

JOULERY_DECL void joulery_c_begin(const char* name, std::size_t size, int is_literal) {
    joulery::detail::scopes_of_c.begin({name, size}, is_literal != 0);
}

JOULERY_DECL void joulery_c_end() { joulery::detail::scopes_of_c.end(); }

JOULERY_DECL void joulery_c_add_items(double count, const char* item_name) {
    joulery::detail::scopes_of_c.add_items(count, item_name != nullptr ? item_name : "item");
}

JOULERY_DECL int joulery_c_write_report(const char* file) {
    int failed = 1;
    (void)joulery::detail::catch_bad_alloc([&] {
        const joulery::status done = joulery::write_report(joulery::snapshot(), file);
        failed = done ? 0 : 1;
        if (failed != 0)
            std::fprintf(stderr, "joulery: %s\n",
                         joulery::escape_control(done.error().reason).c_str());
    });
    return failed;
}

}  // extern "C"
