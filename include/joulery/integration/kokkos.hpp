// kokkos.hpp - Kokkos regions and kernels become scopes, without touching the program.
// SPDX-License-Identifier: MIT
//
// A shared library that includes this in one file is a Kokkos tool:
//
//     KOKKOS_TOOLS_LIBS=./libjoulery_kokkos.so JOULERY_REPORT=- ./program
//
// Before version 4 of Kokkos (as in Debian) the variable is KOKKOS_PROFILE_LIBRARY.
//
// Regions, parallel_for, parallel_reduce, parallel_scan and deep copies become scopes of the
// launching thread. A kernel that is still running after its launch (on a GPU) is billed to the
// scope that waits for it; fences are scopes as well.
#pragma once

#include "joulery/integration/annotation_stack.hpp"

#include <atomic>
#include <cstdint>
#include <string>
#include <string_view>

namespace joulery {
inline namespace v1 {
namespace kokkos {

/// Kernels and regions end in the order in which they began.
inline const void* domain_of_kernels() noexcept {
    static const char here = 0;
    return &here;
}
inline const void* domain_of_regions() noexcept {
    static const char here = 0;
    return &here;
}
inline void begin_kernel(const char* name, std::uint64_t* id) {
    static std::atomic<std::uint64_t> last{0};
    if (id != nullptr) *id = ++last;
    const std::string_view text = name != nullptr && *name != '\0' ? name : "(kernel)";
    annotation_stack::of_this_thread().push(domain_of_kernels(), text);
}
inline void end_kernel() { annotation_stack::of_this_thread().pop(domain_of_kernels()); }

}  // namespace kokkos
}  // namespace v1
}  // namespace joulery

// The hooks that Kokkos looks up by name.
#define JOULERY_TOOL_HOOK __attribute__((used, visibility("default"))) inline
extern "C" {

struct kokkosp_device_info;
struct kokkosp_space_handle {
    char name[64];
};

JOULERY_TOOL_HOOK void kokkosp_init_library(int, std::uint64_t, std::uint32_t,
                                            kokkosp_device_info*) {}
JOULERY_TOOL_HOOK void kokkosp_finalize_library() {}
JOULERY_TOOL_HOOK void kokkosp_push_profile_region(const char* name) {
    joulery::annotation_stack::of_this_thread().push(joulery::kokkos::domain_of_regions(),
                                                     name != nullptr ? name : "(region)");
}
JOULERY_TOOL_HOOK void kokkosp_pop_profile_region() {
    joulery::annotation_stack::of_this_thread().pop(joulery::kokkos::domain_of_regions());
}
JOULERY_TOOL_HOOK void kokkosp_begin_parallel_for(const char* name, std::uint32_t,
                                                  std::uint64_t* id) {
    joulery::kokkos::begin_kernel(name, id);
}
JOULERY_TOOL_HOOK void kokkosp_end_parallel_for(std::uint64_t) { joulery::kokkos::end_kernel(); }
JOULERY_TOOL_HOOK void kokkosp_begin_parallel_reduce(const char* name, std::uint32_t,
                                                     std::uint64_t* id) {
    joulery::kokkos::begin_kernel(name, id);
}
JOULERY_TOOL_HOOK void kokkosp_end_parallel_reduce(std::uint64_t) { joulery::kokkos::end_kernel(); }
JOULERY_TOOL_HOOK void kokkosp_begin_parallel_scan(const char* name, std::uint32_t,
                                                   std::uint64_t* id) {
    joulery::kokkos::begin_kernel(name, id);
}
JOULERY_TOOL_HOOK void kokkosp_end_parallel_scan(std::uint64_t) { joulery::kokkos::end_kernel(); }
JOULERY_TOOL_HOOK void kokkosp_begin_fence(const char* name, std::uint32_t, std::uint64_t* id) {
    joulery::kokkos::begin_kernel(name, id);
}
JOULERY_TOOL_HOOK void kokkosp_end_fence(std::uint64_t) { joulery::kokkos::end_kernel(); }
JOULERY_TOOL_HOOK void kokkosp_begin_deep_copy(kokkosp_space_handle, const char*, const void*,
                                               kokkosp_space_handle, const char*, const void*,
                                               std::uint64_t) {
    joulery::kokkos::begin_kernel("deep copy", nullptr);
}
JOULERY_TOOL_HOOK void kokkosp_end_deep_copy() { joulery::kokkos::end_kernel(); }

}  // extern "C"
#undef JOULERY_TOOL_HOOK
