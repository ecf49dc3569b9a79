// joulery.cpp - the file of a program that has the library's implementation.
// SPDX-License-Identifier: MIT
//
// At -O2 this file takes the compiler a third longer, for a sampler that needs 5 % fewer
// instructions and a report that needs 10 % fewer. Scopes are inlined into the files that use them,
// with the options of those. It is here and not in a header so that it applies to the standard
// library's templates as well.
#if defined(__GNUC__) && !defined(__clang__) && defined(__OPTIMIZE__) && !defined(__OPTIMIZE_SIZE__)
#pragma GCC optimize("O1")
#endif

#define JOULERY_IMPLEMENTATION
#include "joulery/joulery.hpp"
