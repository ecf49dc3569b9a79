// config.hpp - what the library needs from the compiler and the platform.
// SPDX-License-Identifier: MIT
#pragma once

#if (defined(_MSVC_LANG) ? _MSVC_LANG : __cplusplus) < 201703L
#error "joulery needs C++17: compile with -std=c++17 or later (CMAKE_CXX_STANDARD 17)"
#include <joulery needs C++17>  // ends the compilation, which would only list what follows from it
#endif

#define JOULERY_VERSION_MAJOR 0
#define JOULERY_VERSION_MINOR 1
#define JOULERY_VERSION_PATCH 0

// Every file sees declarations; one file of the program also compiles the implementation:
//
//     #define JOULERY_IMPLEMENTATION
//     #include <joulery/joulery.hpp>
//
// A header with function bodies has two halves; the second one includes what only the bodies need.
// Attributes and default arguments are in the first:
//
//     [[nodiscard]] JOULERY_DECL std::string to_csv(const report& r);
//
//     #ifdef JOULERY_IMPLEMENTATION
//     #include "joulery/detail/report/fields.hpp"
//     JOULERY_DECL std::string to_csv(const report& r) { ... }
//     #endif
//
// Function bodies are weak symbols: if two files, or a program and its plug-in, have them, the
// linker or the loader keeps one.
#if defined(JOULERY_IMPLEMENTATION) && defined(__GNUC__) && !defined(_WIN32)
#define JOULERY_DECL __attribute__((weak, visibility("default")))
#elif defined(__GNUC__) && !defined(_WIN32)
#define JOULERY_DECL __attribute__((visibility("default")))
#else
#define JOULERY_DECL
#endif

// A function that a file calls only if some file of the program has its body.
#if defined(JOULERY_DISABLE) && !defined(JOULERY_IMPLEMENTATION)
#define JOULERY_DECL_OPTIONAL JOULERY_WEAK
#else
#define JOULERY_DECL_OPTIONAL JOULERY_DECL
#endif

// One per loaded object, however many of its files have the implementation.
#if defined(__GNUC__) && !defined(_WIN32)
#define JOULERY_HIDDEN_WEAK __attribute__((weak, visibility("hidden"), used))
#else
#define JOULERY_HIDDEN_WEAK
#endif

#if defined(__GNUC__) || defined(__clang__)
#define JOULERY_NOINLINE __attribute__((noinline, cold))
#define JOULERY_OUT_OF_LINE __attribute__((noinline))
#define JOULERY_INLINE inline __attribute__((always_inline))
#define JOULERY_UNLIKELY(x) __builtin_expect(!!(x), 0)
#define JOULERY_PREFETCH(address) __builtin_prefetch(address)
#else
#define JOULERY_NOINLINE
#define JOULERY_OUT_OF_LINE
#define JOULERY_INLINE inline
#define JOULERY_UNLIKELY(x) (x)
#define JOULERY_PREFETCH(address) static_cast<void>(0)
#endif

// State shared by a program and its shared libraries must be visible whatever -fvisibility says.
#if defined(__GNUC__) && !defined(_WIN32)
#define JOULERY_EXPORT __attribute__((visibility("default")))
#else
#define JOULERY_EXPORT
#endif

// A function that may be missing from the program; its address is then null.
#if defined(__GNUC__) && !defined(_WIN32)
#define JOULERY_WEAK __attribute__((weak, visibility("default")))
#else
#define JOULERY_WEAK
#endif

// Every scope reads one thread-local word; initial-exec avoids the call of __tls_get_addr that
// position-independent code would make. glibc reserves space for it in libraries loaded later.
#if defined(__linux__) && defined(__GNUC__)
#define JOULERY_TLS __attribute__((visibility("default"), tls_model("initial-exec")))
#else
#define JOULERY_TLS
#endif

#if defined(__cpp_exceptions) || defined(_CPPUNWIND)
#define JOULERY_TRY try
#define JOULERY_CATCH_ALL catch (...)
#else
#define JOULERY_TRY if (true)
#define JOULERY_CATCH_ALL else
#endif

#if defined(__linux__)
#define JOULERY_LINUX() 1
#else
#define JOULERY_LINUX() 0
#endif

#if defined(__unix__) || defined(__APPLE__)
#define JOULERY_POSIX() 1
#else
#define JOULERY_POSIX() 0
#endif

#if defined(__x86_64__) || defined(_M_X64)
#define JOULERY_X86_64() 1
#else
#define JOULERY_X86_64() 0
#endif

#if defined(__aarch64__) || defined(_M_ARM64)
#define JOULERY_ARM64() 1
#else
#define JOULERY_ARM64() 0
#endif
