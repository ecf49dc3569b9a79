// tsan.hpp - included before all else in the thread sanitizer's build.
// Its runtime up to GCC 12 and clang 14 does not know pthread_mutex_clocklock, which libstdc++ uses
// to wait for a std::timed_mutex, and reports the unlock as a bug. It knows
// pthread_mutex_timedlock.
#pragma once

#include <cstddef>  // any header of libstdc++ defines its configuration
#undef _GLIBCXX_USE_PTHREAD_MUTEX_CLOCKLOCK
#define _GLIBCXX_USE_PTHREAD_MUTEX_CLOCKLOCK 0
