// tests/sanitized.hpp - whether a sanitizer is active, which makes simulations some fifty times
// slower; then fewer of the same programs run.
#pragma once

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define JOULERY_TEST_ASAN 1
#elif __has_feature(thread_sanitizer)
#define JOULERY_TEST_TSAN 1
#endif
#endif

/// The thread sanitizer has its own thread, which blocks all signals and never ends; and it ends a
/// forked child that starts a thread if its parent had some.
#if defined(__SANITIZE_THREAD__) || defined(JOULERY_TEST_TSAN)
inline constexpr bool is_thread_sanitized = true;
#else
inline constexpr bool is_thread_sanitized = false;
#endif

#if defined(__SANITIZE_ADDRESS__) || defined(JOULERY_TEST_ASAN)
inline constexpr bool is_sanitized = true;
#else
inline constexpr bool is_sanitized = is_thread_sanitized;
#endif
