// shared_session.hpp - one session for a program and plug-ins that have implementations of their
// own.
// SPDX-License-Identifier: MIT
//
// The implementation's symbols are weak, so that the linker and the loader keep one copy of
// several. That fails for a plug-in whose symbols are not shared: in a program linked without
// -rdynamic, or with a version script that hides everything. Each copy therefore records the
// location of its entry points in an ELF note. Every copy searches the loaded objects in the
// loader's order (the program is first) and forwards its calls to the first copy it finds. So there
// is one sampler, one tree per thread and one report; the other copies measure nothing themselves.
#pragma once

#include "joulery/detail/core/config.hpp"
#include "joulery/detail/timing/scope_node.hpp"
#include "joulery/meter.hpp"
#include "joulery/report.hpp"

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>

#if defined(__linux__) && defined(__GNUC__)
#include <dlfcn.h>
#include <link.h>
#define JOULERY_DETAIL_NOTES() 1
#else
#define JOULERY_DETAIL_NOTES() 0
#endif

namespace joulery {
inline namespace v1 {
namespace detail {

/// Distinguishes copies that can't exchange objects.
struct session_layout {
    std::uint32_t version =
        JOULERY_VERSION_MAJOR << 20 | JOULERY_VERSION_MINOR << 10 | JOULERY_VERSION_PATCH;
    std::uint32_t options_size = sizeof(options);
    std::uint32_t report_size = sizeof(report);
    std::uint32_t table_size = sizeof(slow_path_table);
};

/// The entry points of one copy of the implementation.
struct session_entries {
    session_layout layout;
    void (*start)(options&& o);
    void (*snapshot)(report& r);
    void (*stop)();
    void (*set_enabled)(bool on);
    void (*clear_live_line)();
    thread_cursor* (*tree)() noexcept;  ///< of the calling thread; null: not measured
    const slow_path_table* (*calls)() noexcept;
};

/// This copy's own; filled in by process_meter.hpp.
#if JOULERY_DETAIL_NOTES()
extern "C" __attribute__((visibility("hidden"))) const session_entries joulery_session_entries;
#else
extern const session_entries joulery_session_entries;
#endif

#if JOULERY_DETAIL_NOTES()
// Owner "joulery", type 1; the content is the distance from itself to the entry points.
__asm__(
    ".pushsection .note.joulery,\"a\",%note\n"
    ".balign 4\n"
    ".long 8, 4, 1\n"
    ".asciz \"joulery\"\n"
    ".long joulery_session_entries - .\n"
    ".popsection\n");

/// The entry points in the notes of one loaded object, or null.
inline const session_entries* entries_in_notes(const char* at, std::size_t size) noexcept {
    struct note_header {
        std::uint32_t name_size, content_size, type;
    };
    const auto padded = [](std::size_t n) { return (n + 3) & ~std::size_t{3}; };
    while (size >= sizeof(note_header)) {
        note_header h;
        std::memcpy(&h, at, sizeof h);
        const std::size_t length = sizeof h + padded(h.name_size) + padded(h.content_size);
        if (length > size) return nullptr;
        const char* const content = at + sizeof h + padded(h.name_size);
        if (h.type == 1 && h.name_size == 8 && h.content_size == 4 &&
            std::memcmp(at + sizeof h, "joulery", 8) == 0) {
            std::int32_t distance = 0;
            std::memcpy(&distance, content, sizeof distance);
            return reinterpret_cast<const session_entries*>(content + distance);
        }
        at += length;
        size -= length;
    }
    return nullptr;
}

inline const session_entries* entries_of(const dl_phdr_info& object) noexcept {
    for (int i = 0; i < object.dlpi_phnum; ++i) {
        const auto& segment = object.dlpi_phdr[i];
        if (segment.p_type != PT_NOTE || segment.p_align > 4) continue;
        if (const session_entries* e = entries_in_notes(
                reinterpret_cast<const char*>(object.dlpi_addr + segment.p_vaddr), segment.p_memsz))
            return e;
    }
    return nullptr;
}

/// Whether objects can be passed to that copy; the layout comes first in every version.
inline bool is_same_version(const session_entries& e) noexcept {
    constexpr session_layout mine;
    return std::memcmp(&e.layout, &mine, sizeof mine) == 0;
}

inline int look_for_entries(dl_phdr_info* object, std::size_t, void* found) noexcept {
    const session_entries* e = entries_of(*object);
    if (e == nullptr || !is_same_version(*e)) return 0;
    *static_cast<const session_entries**>(found) = e;
    return 1;
}

inline int look_for_other_version(dl_phdr_info* object, std::size_t, void* name) noexcept {
    const session_entries* e = entries_of(*object);
    if (e == nullptr || is_same_version(*e)) return 0;
    *static_cast<const char**>(name) = object->dlpi_name;
    return 1;
}

/// Keeps the serving copy loaded even if it is closed, because the others call into it.
inline void keep_loaded(const session_entries& serving) noexcept {
    Dl_info object{};
    if (::dladdr(&serving, &object) != 0 && object.dli_fname != nullptr)
        (void)::dlopen(object.dli_fname, RTLD_LAZY | RTLD_NOLOAD | RTLD_NODELETE);
}
#endif

/// The entry points that serve this process: the same for every copy.
inline const session_entries& session() noexcept {
#if JOULERY_DETAIL_NOTES()
    static const session_entries* const serving = [] {
        const session_entries* first = &joulery_session_entries;
        ::dl_iterate_phdr(look_for_entries, &first);
        if (first != &joulery_session_entries) keep_loaded(*first);
        return first;
    }();
    return *serving;
#else
    return joulery_session_entries;
#endif
}

/// A note for the report about a copy whose scopes can't be in it; "" if there is none.
inline std::string other_version_note() {
#if JOULERY_DETAIL_NOTES()
    const char* name = nullptr;
    ::dl_iterate_phdr(look_for_other_version, &name);
    if (name != nullptr)
        return std::string(*name != '\0' ? name : "the program") +
               " has another version of joulery, which measures separately: its scopes are not in "
               "this "
               "report";
#endif
    return {};
}

/// Whether another copy serves this one's scopes.
inline bool is_served_elsewhere() noexcept { return &session() != &joulery_session_entries; }

/// The slow path of a copy that another one serves. The other's trees may disappear at any time, so
/// none is cached here; a scope costs one more call. All its functions are the serving copy's,
/// which stays loaded: g++ gives all copies one table (STB_GNU_UNIQUE), and this one may be
/// unloaded.
inline const slow_path_table* borrowed_slow_path() noexcept {
    static const slow_path_table borrowed = [] {
        slow_path_table t = *session().calls();
        t.open_default = session().tree;
        return t;
    }();
    return &borrowed;
}

}  // namespace detail
}  // namespace v1
}  // namespace joulery
