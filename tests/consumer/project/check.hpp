// check.hpp - says what is not as it should be, and counts it.
#pragma once

#include <cstdio>

inline int failures = 0;

inline void check(bool good, const char* what) {
    if (good) return;
    std::fprintf(stderr, "not so: %s\n", what);
    ++failures;
}
