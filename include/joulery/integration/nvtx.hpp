// nvtx.hpp - NVTX ranges of a program become scopes, without touching the program.
// SPDX-License-Identifier: MIT
//
// A shared library that includes this in one file is an NVTX injection library:
//
//     NVTX_INJECTION64_PATH=./libjoulery_nvtx.so JOULERY_REPORT=- ./program
//
// Push/pop ranges become scopes. Start/end ranges become spans, with the time from begin to end but
// without energy, because no task works for them. Domains become prefixes of the names. Marks are
// ignored. The program must use NVTX 3 (header-only); CUDA is not needed.
#pragma once

#include "joulery/detail/core/catch_bad_alloc.hpp"
#include "joulery/integration/annotation_stack.hpp"
#include "joulery/scope.hpp"
#include "joulery/span.hpp"

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>

namespace joulery {
inline namespace v1 {
namespace nvtx {

// What an injection library shares with the program, declared as in NVTX 3 (nvtxTypes.h).
struct event_attributes {
    std::uint16_t version, size;
    std::uint32_t category;
    std::int32_t color_type;
    std::uint32_t color;
    std::int32_t payload_type, reserved;
    std::uint64_t payload;
    std::int32_t message_type;  ///< 1: bytes, 2: wchar_t, 3: registered
    union {
        const char* ascii;
        const wchar_t* wide;
        const void* registered;
    } message;
};
using function = void (*)();
using get_export_table = const void* (*)(std::uint32_t id);
struct callbacks_table {
    std::size_t struct_size;
    int (*get_module_functions)(int module, function*** table, unsigned* size);
};

/// The displayed form of a text; wide characters outside ASCII become '?'.
inline std::string narrow(const wchar_t* text) {
    std::string out;
    for (; text != nullptr && *text != 0; ++text)
        out += *text > 0 && *text < 128 ? static_cast<char>(*text) : '?';
    return out;
}

/// A name that the program registered: a domain or a string. Never freed.
struct registered_name {
    std::string text;
};

/// The ranges that may end on other threads.
class open_ranges {
 public:
    static open_ranges& instance() {
        static open_ranges* const only = new open_ranges;  // NOLINT: ranges end at exit, too
        return *only;
    }
    std::uint64_t start(std::string_view name) noexcept {
        std::uint64_t id = 0;
        (void)detail::catch_bad_alloc([&] {
            span begun(name);
            const std::lock_guard<std::mutex> lock(mutex_);
            ranges_.emplace(last_ + 1, std::move(begun));
            id = ++last_;
        });
        return id;
    }
    void end(std::uint64_t id) noexcept {
        span ended;
        const std::lock_guard<std::mutex> lock(mutex_);
        const auto at = ranges_.find(id);
        if (at == ranges_.end()) return;
        ended = std::move(at->second);
        ranges_.erase(at);
    }

 private:
    std::mutex mutex_;
    std::unordered_map<std::uint64_t, span> ranges_;
    std::uint64_t last_ = 0;
};

/// Calls `use(name)` with the name of a range in a domain: "domain/message".
template <class Use>
auto with_name(const void* domain, const event_attributes* e, Use use) {
    std::string wide;
    std::string_view name;
    if (e != nullptr && e->message.ascii != nullptr) {
        if (e->message_type == 1) name = e->message.ascii;
        if (e->message_type == 2) name = wide = narrow(e->message.wide);
        if (e->message_type == 3)
            name = static_cast<const registered_name*>(e->message.registered)->text;
    }
    if (name.empty()) name = "(range)";
    if (domain == nullptr) return use(name);
    const std::string full =
        static_cast<const registered_name*>(domain)->text + ":" + std::string(name);
    return use(std::string_view(full));
}

inline int push(const void* domain, const event_attributes* e) {
    return with_name(domain, e, [&](std::string_view name) {
        return annotation_stack::of_this_thread().push(domain, name);
    });
}
inline int pop(const void* domain) { return annotation_stack::of_this_thread().pop(domain); }
inline std::uint64_t start(const void* domain, const event_attributes* e) {
    return with_name(domain, e,
                     [](std::string_view name) { return open_ranges::instance().start(name); });
}
inline void* register_name(const char* text) {
    return new registered_name{text != nullptr ? text : ""};  // NOLINT
}

inline const event_attributes* from_ascii(event_attributes& e, const char* text) noexcept {
    e.message_type = 1;
    e.message.ascii = text;
    return &e;
}

/// Installs the library's functions in the program's NVTX. 1: done; otherwise the program's calls
/// do nothing, as without a tool.
inline int initialize(get_export_table get_table) {
    const auto* callbacks = static_cast<const callbacks_table*>(get_table(1));
    if (callbacks == nullptr || callbacks->struct_size < sizeof *callbacks) return 0;
    struct replacement {
        int module;
        unsigned id;
        function own;
    };
    const auto as = [](auto f) { return reinterpret_cast<function>(f); };
    constexpr int core = 1, core2 = 5;
    const replacement all[] = {
        {core, 4, as(+[](const event_attributes* e) { return start(nullptr, e); })},
        {core, 5, as(+[](const char* t) {
             event_attributes e{};
             return start(nullptr, from_ascii(e, t));
         })},
        {core, 6, as(+[](const wchar_t* t) {
             event_attributes e{};
             return start(nullptr, from_ascii(e, narrow(t).c_str()));
         })},
        {core, 7, as(+[](std::uint64_t id) { open_ranges::instance().end(id); })},
        {core, 8, as(+[](const event_attributes* e) { return push(nullptr, e); })},
        {core, 9, as(+[](const char* t) {
             event_attributes e{};
             return push(nullptr, from_ascii(e, t));
         })},
        {core, 10, as(+[](const wchar_t* t) {
             event_attributes e{};
             return push(nullptr, from_ascii(e, narrow(t).c_str()));
         })},
        {core, 11, as(+[] { return pop(nullptr); })},
        {core2, 2, as(+[](void* d, const event_attributes* e) { return start(d, e); })},
        {core2, 3, as(+[](void*, std::uint64_t id) { open_ranges::instance().end(id); })},
        {core2, 4, as(+[](void* d, const event_attributes* e) { return push(d, e); })},
        {core2, 5, as(+[](void* d) { return pop(d); })},
        {core2, 10, as(+[](void*, const char* t) { return register_name(t); })},
        {core2, 11, as(+[](void*, const wchar_t* t) { return register_name(narrow(t).c_str()); })},
        {core2, 12, as(+[](const char* t) { return register_name(t); })},
        {core2, 13, as(+[](const wchar_t* t) { return register_name(narrow(t).c_str()); })},
        {core2, 14, as(+[](void*) {})},  // kept: ranges of it may be open
    };
    for (const int module : {core, core2}) {
        function** table = nullptr;
        unsigned size = 0;
        if (callbacks->get_module_functions(module, &table, &size) == 0) return 0;
        for (const replacement& r : all)
            if (r.module == module && r.id < size && table[r.id] != nullptr) *table[r.id] = r.own;
    }
    return 1;
}

}  // namespace nvtx
}  // namespace v1
}  // namespace joulery

/// The entry point that NVTX looks for in an injection library.
extern "C" __attribute__((used, visibility("default"))) inline int InitializeInjectionNvtx2(
    joulery::nvtx::get_export_table get_table) {
    return joulery::nvtx::initialize(get_table);
}
