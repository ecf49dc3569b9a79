// build_key.hpp - how the including file was built, as far as its energy depends on it.
// SPDX-License-Identifier: MIT
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include "joulery/detail/core/environment_variable.hpp"

// String literals, not functions, because files of one program may be built differently.
//
// JOULERY_DETAIL_BUILD: compiler, optimization, flags. No macro distinguishes -O2 from -O3;
// JOULERY_BUILD_FLAGS holds the flags themselves. joulery_add_energy_test (CMake) defines it;
// elsewhere define it yourself, in make: CPPFLAGS += -DJOULERY_BUILD_FLAGS='"$(CXXFLAGS)"'.
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
#define JOULERY_DETAIL_OPTIMIZED ", optimized for size"
#elif defined(__OPTIMIZE__) || (defined(_MSC_VER) && !defined(_DEBUG))
#define JOULERY_DETAIL_OPTIMIZED ", optimized"
#else
#define JOULERY_DETAIL_OPTIMIZED ", not optimized"
#endif

// Instruction sets: "AVX2=1" if the macro is defined, else "AVX2=__AVX2__".
#define JOULERY_DETAIL_SET(name, macro) name "=" JOULERY_DETAIL_TEXT(macro) ";"
#define JOULERY_DETAIL_INSTRUCTIONS                                  \
    JOULERY_DETAIL_SET("SSE3", __SSE3__)                             \
    JOULERY_DETAIL_SET("SSE4.2", __SSE4_2__)                         \
    JOULERY_DETAIL_SET("AVX", __AVX__)                               \
    JOULERY_DETAIL_SET("AVX2", __AVX2__)                             \
    JOULERY_DETAIL_SET("FMA", __FMA__)                               \
    JOULERY_DETAIL_SET("BMI2", __BMI2__)                             \
    JOULERY_DETAIL_SET("ADX", __ADX__)                               \
    JOULERY_DETAIL_SET("AVX-VNNI", __AVXVNNI__)                      \
    JOULERY_DETAIL_SET("AVX-512", __AVX512F__)                       \
    JOULERY_DETAIL_SET("AVX-512-BW", __AVX512BW__)                   \
    JOULERY_DETAIL_SET("AVX-512-VNNI", __AVX512VNNI__)               \
    JOULERY_DETAIL_SET("AVX-512-BF16", __AVX512BF16__)               \
    JOULERY_DETAIL_SET("AVX-512-FP16", __AVX512FP16__)               \
    JOULERY_DETAIL_SET("AMX", __AMX_TILE__)                          \
    JOULERY_DETAIL_SET("DOTPROD", __ARM_FEATURE_DOTPROD)             \
    JOULERY_DETAIL_SET("FP16", __ARM_FEATURE_FP16_VECTOR_ARITHMETIC) \
    JOULERY_DETAIL_SET("LSE", __ARM_FEATURE_ATOMICS)                 \
    JOULERY_DETAIL_SET("SVE", __ARM_FEATURE_SVE)                     \
    JOULERY_DETAIL_SET("SVE2", __ARM_FEATURE_SVE2)                   \
    JOULERY_DETAIL_SET("V", __riscv_vector)

#if defined(__FAST_MATH__)
#define JOULERY_DETAIL_MATH ", fast math"
#else
#define JOULERY_DETAIL_MATH ""
#endif

#if defined(NDEBUG)
#define JOULERY_DETAIL_ASSERTIONS ", no assertions"
#else
#define JOULERY_DETAIL_ASSERTIONS ""
#endif

#define JOULERY_DETAIL_FLAGS_UNKNOWN ", flags unknown"
#if defined(JOULERY_BUILD_FLAGS)
#define JOULERY_DETAIL_FLAGS ", " JOULERY_BUILD_FLAGS
#else
#define JOULERY_DETAIL_FLAGS JOULERY_DETAIL_FLAGS_UNKNOWN
#endif

#define JOULERY_DETAIL_BUILD                                                                       \
    JOULERY_DETAIL_COMPILER JOULERY_DETAIL_OPTIMIZED JOULERY_DETAIL_MATH JOULERY_DETAIL_ASSERTIONS \
        JOULERY_DETAIL_FLAGS

// JOULERY_DETAIL_SANITIZER: the sanitizer that the file is built with, or "". GCC has no macro for
// its undefined-behavior sanitizer; `instrumentation` looks for its library instead.
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

#if defined(__ELF__) && defined(__GNUC__)
// Has an address if the program contains the undefined-behavior sanitizer's library.
extern "C" __attribute__((weak)) void joulery_detail_ubsan() __asm__("__ubsan_handle_add_overflow");
#endif

namespace joulery {
inline namespace v1 {
namespace testing {

/// "gcc 12, optimized, -O3 -mavx2, SSE3 AVX AVX2", from `JOULERY_DETAIL_BUILD` and
/// `JOULERY_DETAIL_INSTRUCTIONS`.
[[nodiscard]] inline std::string build_key(std::string build, std::string_view instructions) {
    const char* separator = ", ";
    while (!instructions.empty()) {
        const std::string_view one = instructions.substr(0, instructions.find(';'));
        instructions.remove_prefix(one.size() + 1);
        const std::size_t equals = one.find('=');
        if (one.substr(equals + 1, 2) == "__") continue;  // its macro is not defined
        build.append(separator).append(one.substr(0, equals));
        separator = " ";
    }
    return build;
}

/// Whether a key has no flags, so that -O2 and -O3 look alike.
[[nodiscard]] inline bool lacks_flags(std::string_view key) noexcept {
    return key.find(JOULERY_DETAIL_FLAGS_UNKNOWN) != std::string_view::npos;
}

/// Whether any code of the program was built with the undefined-behavior sanitizer (GCC, clang).
[[nodiscard]] inline bool has_ubsan() noexcept {
#if defined(__ELF__) && defined(__GNUC__)
    return &joulery_detail_ubsan != nullptr;
#else
    return false;
#endif
}

/// Instrumentation that makes the program's energy meaningless: a sanitizer, or valgrind or rr,
/// which preload a library. Empty: none.
[[nodiscard]] inline std::string instrumentation(std::string_view sanitizer,
                                                 std::string_view preloaded) {
    if (!sanitizer.empty()) return std::string(sanitizer);
    if (preloaded.find("vgpreload_") != std::string_view::npos) return "valgrind";
    if (preloaded.find("librrpreload") != std::string_view::npos) return "rr";
    return {};
}
[[nodiscard]] inline std::string instrumentation(std::string_view sanitizer) {
    if (sanitizer.empty() && has_ubsan()) return "UndefinedBehaviorSanitizer";
    const char* preloaded = joulery::detail::environment_variable("LD_PRELOAD");
    return instrumentation(sanitizer, preloaded != nullptr ? preloaded : "");
}

}  // namespace testing
}  // namespace v1
}  // namespace joulery
