// shared_session.hpp - one session for a program and its plug-ins, each with bodies of its own.
// SPDX-License-Identifier: MIT
//
// Bodies are weak symbols, so that the linker and the loader keep one copy where they see several.
// They do not where a plug-in is loaded without its symbols being shared: into a program linked
// without -rdynamic, or with a version script that hides all. Each copy therefore states in an ELF
// note where its entries are; every copy looks through the loaded objects, in the order in which
// the loader has them (the program is the first), and hands its calls to the first one it finds.
// The others measure nothing of their own: one sampler, one tree a thread, one report.
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

/// What tells copies apart that can't hand objects to one another.
struct session_layout {
    std::uint32_t version =
        JOULERY_VERSION_MAJOR << 20 | JOULERY_VERSION_MINOR << 10 | JOULERY_VERSION_PATCH;
    std::uint32_t options_size = sizeof(options);
    std::uint32_t report_size = sizeof(report);
    std::uint32_t table_size = sizeof(slow_path_table);
};

/// The entries of one copy of the bodies.
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

/// This copy's own; process_meter.hpp fills them.
#if JOULERY_DETAIL_NOTES()
extern "C" __attribute__((visibility("hidden"))) const session_entries joulery_session_entries;
#else
extern const session_entries joulery_session_entries;
#endif

#if JOULERY_DETAIL_NOTES()
// Owner "joulery", type 1; the content is the distance from itself to the entries.
__asm__(
    ".pushsection .note.joulery,\"a\",%note\n"
    ".balign 4\n"
    ".long 8, 4, 1\n"
    ".asciz \"joulery\"\n"
    ".long joulery_session_entries - .\n"
    ".popsection\n");

/// The entries that one loaded object states, or null.
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
                reinterpret_cast<const char*>(object.dlpi_addr + segment.p_vaddr),
                segment.p_memsz))
            return e;
    }
    return nullptr;
}

/// Whether objects can be handed to that copy; its layout stands first in every version.
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

/// The copy that serves stays loaded, whoever closes it: the others call into it.
inline void keep_loaded(const session_entries& serving) noexcept {
    Dl_info object{};
    if (::dladdr(&serving, &object) != 0 && object.dli_fname != nullptr)
        (void)::dlopen(object.dli_fname, RTLD_LAZY | RTLD_NOLOAD | RTLD_NODELETE);
}
#endif

/// The entries that serve this process: the same ones for every copy.
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

/// What a report says of a copy whose scopes can't be in it; "" where there is none.
inline std::string other_version_note() {
#if JOULERY_DETAIL_NOTES()
    const char* name = nullptr;
    ::dl_iterate_phdr(look_for_other_version, &name);
    if (name != nullptr)
        return std::string(*name != '\0' ? name : "the program") +
               " has another version of joulery, which measures apart: its scopes are not in this "
               "report";
#endif
    return {};
}

/// Whether another copy serves this one's scopes.
inline bool is_served_elsewhere() noexcept { return &session() != &joulery_session_entries; }

/// The slow path of a copy that another one serves. The other's trees may go at any time, so that
/// none is remembered here: a scope pays a call more.
inline const slow_path_table* borrowed_slow_path() noexcept {
    static const slow_path_table borrowed = [] {
        slow_path_table t = *session().calls();
        t.open_default = []() noexcept -> thread_cursor* { return session().tree(); };
        return t;
    }();
    return &borrowed;
}

}  // namespace detail
}  // namespace v1
}  // namespace joulery
