// build_key.hpp - how the file that includes this was built, as far as energies depend on it.
// SPDX-License-Identifier: MIT
#pragma once

#include "joulery/detail/core/environment_variable.hpp"
#include <cstdlib>
#include <string>
#include <string_view>

// Text literals, not functions: files of one program may be built differently.
//
// JOULERY_DETAIL_BUILD: compiler, optimisation, instruction set. Macros don't tell -O2 from -O3;
// joulery_add_energy_test (CMake) passes the flags themselves as JOULERY_BUILD_FLAGS.
#define JOULERY_DETAIL_TEXT_OF(x) #x
#define JOULERY_DETAIL_TEXT(x) JOULERY_DETAIL_TEXT_OF(x)

#if defined(__clang__)
#define JOULERY_DETAIL_COMPILER "clang " JOULERY_DETAIL_TEXT(__clang_major__)
#elif defined(__GNUC__)
#define JOULERY_DETAIL_COMPILER "gcc " JOULERY_DETAIL_TEXT(__GNUC__)
#elif defined(_MSC_VER)
#define JOULERY_DETAIL_COMPILER "msvc " JOULERY_DETAIL_TEXT(_MSC_VER)
#else
#define JOULERY_DETAIL_COMPILER "other compiler"
#endif

#if defined(__OPTIMIZE_SIZE__)
#define JOULERY_DETAIL_OPTIMISED ", optimised for size"
#elif defined(__OPTIMIZE__) || (defined(_MSC_VER) && !defined(_DEBUG))
#define JOULERY_DETAIL_OPTIMISED ", optimised"
#else
#define JOULERY_DETAIL_OPTIMISED ", not optimised"
#endif

#if defined(__AVX512F__)
#define JOULERY_DETAIL_INSTRUCTIONS ", AVX-512"
#elif defined(__AVX2__)
#define JOULERY_DETAIL_INSTRUCTIONS ", AVX2"
#elif defined(__AVX__)
#define JOULERY_DETAIL_INSTRUCTIONS ", AVX"
#elif defined(__ARM_FEATURE_SVE)
#define JOULERY_DETAIL_INSTRUCTIONS ", SVE"
#else
#define JOULERY_DETAIL_INSTRUCTIONS ""
#endif

#if defined(__FAST_MATH__)
#define JOULERY_DETAIL_MATHS ", fast maths"
#else
#define JOULERY_DETAIL_MATHS ""
#endif

#if defined(NDEBUG)
#define JOULERY_DETAIL_ASSERTIONS ", no assertions"
#else
#define JOULERY_DETAIL_ASSERTIONS ""
#endif

#if defined(JOULERY_BUILD_FLAGS)
#define JOULERY_DETAIL_FLAGS ", " JOULERY_BUILD_FLAGS
#else
#define JOULERY_DETAIL_FLAGS ""
#endif

#define JOULERY_DETAIL_BUILD                                                     \
    JOULERY_DETAIL_COMPILER JOULERY_DETAIL_OPTIMISED JOULERY_DETAIL_INSTRUCTIONS \
        JOULERY_DETAIL_MATHS JOULERY_DETAIL_ASSERTIONS JOULERY_DETAIL_FLAGS

// JOULERY_DETAIL_SANITIZER: the sanitizer that the file is built with, or "". GCC does not tell of
// its undefined-behaviour sanitizer.
#if defined(__SANITIZE_ADDRESS__)
#define JOULERY_DETAIL_SANITIZER "AddressSanitizer"
#elif defined(__SANITIZE_THREAD__)
#define JOULERY_DETAIL_SANITIZER "ThreadSanitizer"
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define JOULERY_DETAIL_SANITIZER "AddressSanitizer"
#elif __has_feature(thread_sanitizer)
#define JOULERY_DETAIL_SANITIZER "ThreadSanitizer"
#elif __has_feature(memory_sanitizer)
#define JOULERY_DETAIL_SANITIZER "MemorySanitizer"
#elif __has_feature(undefined_behavior_sanitizer)
#define JOULERY_DETAIL_SANITIZER "UndefinedBehaviorSanitizer"
#endif
#endif
#if !defined(JOULERY_DETAIL_SANITIZER)
#define JOULERY_DETAIL_SANITIZER ""
#endif

namespace joulery {
inline namespace v1 {
namespace testing {

/// What watches the program so closely that its energy says nothing about it: a sanitizer of its
/// build, or valgrind or rr, which load a library of theirs before all others. Empty: nothing.
[[nodiscard]] inline std::string instrumentation(std::string_view sanitizer,
                                                 std::string_view preloaded) {
    if (!sanitizer.empty()) return std::string(sanitizer);
    if (preloaded.find("vgpreload_") != std::string_view::npos) return "valgrind";
    if (preloaded.find("librrpreload") != std::string_view::npos) return "rr";
    return {};
}
[[nodiscard]] inline std::string instrumentation(std::string_view sanitizer) {
    const char* preloaded = joulery::detail::environment_variable("LD_PRELOAD");
    return instrumentation(sanitizer, preloaded != nullptr ? preloaded : "");
}

}  // namespace testing
}  // namespace v1
}  // namespace joulery
