// check.hpp - prints failed checks and counts them.
#pragma once

#include <cstdio>

inline int failures = 0;

inline void check(bool good, const char* what) {
    if (good) return;
    std::fprintf(stderr, "not so: %s\n", what);
    ++failures;
}
