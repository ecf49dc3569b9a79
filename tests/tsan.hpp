// tsan.hpp - included before all else in the thread sanitizer's build.
// Its runtime up to GCC 12 and clang 14 does not know pthread_mutex_clocklock, by which libstdc++
// waits for a std::timed_mutex, and then takes the unlock for a bug. pthread_mutex_timedlock it
// knows.
#pragma once

#include <cstddef>  // any header of libstdc++ brings its configuration
#undef _GLIBCXX_USE_PTHREAD_MUTEX_CLOCKLOCK
#define _GLIBCXX_USE_PTHREAD_MUTEX_CLOCKLOCK 0
